/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-executor-private.h"

#include "cf-error.h"
#include "cf-future-private.h"

/**
 * CfExecutor:
 *
 * Takes functions and returns a [class@Future] for each.
 *
 * The library's executors are [class@ThreadPoolExecutor] and
 * [class@ProcessPoolExecutor]. A class of your own overrides `schedule()`, which
 * has [method@Future.run] called for the future, and `shutdown()`.
 *
 * Dropping the last reference is a shutdown that does not wait: what was
 * submitted still runs.
 *
 * Since: 1.0
 */

typedef struct
{
  char *name;        /* (const) (owned) (nullable) */
  guint max_workers; /* (const) */
  gint  is_shutdown; /* (atomic) */
} CfExecutorPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (CfExecutor, cf_executor, G_TYPE_OBJECT)

enum
{
  PROP_NAME = 1,
  PROP_MAX_WORKERS,
  PROP_N_PENDING,
  PROP_N_RUNNING,
  PROP_N_WORKERS,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static CfExecutorPrivate *
get_private (gpointer self)
{
  return cf_executor_get_instance_private (self);
}

guint
_cf_executor_get_max_workers (CfExecutor *self)
{
  return get_private (self)->max_workers;
}

static void
cf_executor_get_property (GObject    *object,
                          guint       property_id,
                          GValue     *value,
                          GParamSpec *pspec)
{
  switch (property_id)
    {
    case PROP_NAME:
      g_value_set_string (value, get_private (object)->name);
      break;
    case PROP_MAX_WORKERS:
      g_value_set_uint (value, get_private (object)->max_workers);
      break;
    case PROP_N_PENDING:
    case PROP_N_RUNNING:
    case PROP_N_WORKERS:
      g_value_set_uint (value, 0);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

/* 0 means the default of the class. */
static void
set_max_workers (CfExecutor *self,
                 guint       max_workers)
{
  CfExecutorGetDefaultMaxWorkers get_default = CF_EXECUTOR_GET_CLASS (self)->get_default_max_workers;

  get_private (self)->max_workers = max_workers == 0 && get_default != NULL ? get_default () : max_workers;
}

static void
cf_executor_set_property (GObject      *object,
                          guint         property_id,
                          const GValue *value,
                          GParamSpec   *pspec)
{
  switch (property_id)
    {
    case PROP_NAME:
      get_private (object)->name = g_value_dup_string (value);
      break;
    case PROP_MAX_WORKERS:
      set_max_workers (CF_EXECUTOR (object), g_value_get_uint (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

/* The last reference: what is queued still runs. */
static void
cf_executor_dispose (GObject *object)
{
  CfExecutor *self = CF_EXECUTOR (object);

  if (!cf_executor_is_shutdown (self))
    cf_executor_shutdown (self, FALSE, FALSE);

  G_OBJECT_CLASS (cf_executor_parent_class)->dispose (object);
}

static void
cf_executor_finalize (GObject *object)
{
  g_free (get_private (object)->name);

  G_OBJECT_CLASS (cf_executor_parent_class)->finalize (object);
}

static GParamSpec *
count_spec (const char *name)
{
  return g_param_spec_uint (name, NULL, NULL, 0, G_MAXUINT, 0, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
}

/* Long because of the documentation of the properties. */
static void
cf_executor_class_init (CfExecutorClass *klass)
{
  GObjectClass     *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  object_class->dispose = cf_executor_dispose;
  object_class->finalize = cf_executor_finalize;
  object_class->get_property = cf_executor_get_property;
  object_class->set_property = cf_executor_set_property;

  /**
   * CfExecutor:name:
   *
   * A name for messages and traces.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);

  /**
   * CfExecutor:max-workers:
   *
   * How many workers it uses at most.
   *
   * Setting it to 0 chooses the default of the class.
   *
   * Since: 1.0
   */
  properties[PROP_MAX_WORKERS] = g_param_spec_uint ("max-workers", NULL, NULL, 0, G_MAXUINT, 0, flags);

  /**
   * CfExecutor:n-pending:
   *
   * How many futures wait for a worker.
   *
   * Since: 1.0
   */
  properties[PROP_N_PENDING] = count_spec ("n-pending");

  /**
   * CfExecutor:n-running:
   *
   * How many workers run something.
   *
   * Since: 1.0
   */
  properties[PROP_N_RUNNING] = count_spec ("n-running");

  /**
   * CfExecutor:n-workers:
   *
   * How many workers there are.
   *
   * Since: 1.0
   */
  properties[PROP_N_WORKERS] = count_spec ("n-workers");

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
cf_executor_init (CfExecutor *self G_GNUC_UNUSED)
{
}

/* Submitting */

/* Remembers the class that passed last: the full check takes longer.  Unused with G_DISABLE_CHECKS. */
static gboolean G_GNUC_UNUSED
is_executor (gpointer self)
{
  static gpointer known; /* (atomic) */
  gpointer        klass = self != NULL ? ((GTypeInstance *) self)->g_class : NULL;

  if (G_LIKELY (klass != NULL && __atomic_load_n (&known, __ATOMIC_RELAXED) == klass))
    return TRUE;
  if (!CF_IS_EXECUTOR (self))
    return FALSE;
  __atomic_store_n (&known, klass, __ATOMIC_RELAXED);

  return TRUE;
}

/* FALSE: it was shut down. */
gboolean
_cf_executor_check_open (CfExecutor *self,
                         GError    **error)
{
  if (!g_atomic_int_get (&get_private (self)->is_shutdown))
    return TRUE;

  g_set_error_literal (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SHUTDOWN, "The executor was shut down and takes no more work");

  return FALSE;
}

/* A subclass in another language may refuse without a reason: what it threw was no GError, or it returned nothing.  A
 * future that it has run was not refused. */
static gboolean
call_schedule (CfExecutor *self,
               CfFuture   *future,
               GError    **error)
{
  g_autoptr (GError) reason = NULL;

  if (CF_EXECUTOR_GET_CLASS (self)->schedule (self, future, &reason))
    return TRUE;
  if (reason == NULL && cf_future_get_state (future) != CF_FUTURE_STATE_PENDING)
    return TRUE;

  if (reason == NULL)
    g_set_error (&reason, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT, "schedule() of %s refused the call and gave no reason",
                 G_OBJECT_TYPE_NAME (self));
  g_propagate_error (error, g_steal_pointer (&reason));

  return FALSE;
}

gboolean
_cf_executor_schedule (CfExecutor *self,
                       CfFuture   *future,
                       GError    **error)
{
  CfExecutorClass *klass = CF_EXECUTOR_GET_CLASS (self);

  if (!_cf_executor_check_open (self, error))
    return FALSE;
  if (klass->schedule == NULL)
    {
      g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SUPPORTED, "%s does not override schedule()", G_OBJECT_TYPE_NAME (self));
      return FALSE;
    }
  if (!_cf_future_try_schedule (future))
    {
      g_set_error_literal (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_INVALID_STATE, "The future is not pending, or was scheduled before");
      return FALSE;
    }
  if (call_schedule (self, future, error))
    return TRUE;
  _cf_future_unschedule (future);

  return FALSE;
}

/* Whether schedule() is the library's own: no subclass has overridden it. */
gboolean
_cf_executor_schedules_itself (CfExecutorClass *klass)
{
  return (gpointer) klass->schedule == klass->sharing_schedule && klass->sharing_schedule != NULL;
}

/* The same for a future that nobody else knows yet. */
static gboolean
schedule_fresh (CfExecutor *self,
                CfFuture   *future,
                GError    **error)
{
  CfExecutorClass *klass = CF_EXECUTOR_GET_CLASS (self);

  if (!_cf_executor_schedules_itself (klass))
    return _cf_executor_schedule (self, future, error);

  return _cf_executor_check_open (self, error) && ((CfExecutorScheduleFresh) klass->schedule_fresh) (self, future, error);
}

/* Takes @future over. */
CfFuture *
_cf_executor_submit (CfExecutor *self,
                     CfFuture   *future,
                     GError    **error)
{
  if (schedule_fresh (self, future, error))
    return future;
  cf_future_unref (future);

  return NULL;
}

/**
 * cf_executor_submit:
 * @self: an executor
 * @func: (scope forever): a function
 * @args: (nullable): its arguments; a floating reference is taken over
 * @error: return location for an error
 *
 * Submits a function that may run in a thread or in another process.
 *
 * This does not block. @error is %CF_EXECUTOR_ERROR_SHUTDOWN after a
 * shutdown and %CF_EXECUTOR_ERROR_BROKEN when the executor is broken. A
 * function that a process pool cannot find in a worker fails its future with
 * %CF_EXECUTOR_ERROR_NOT_SERIALIZABLE.
 *
 * Returns: (transfer full): the future of the call
 *
 * Since: 1.0
 */
CfFuture *
cf_executor_submit (CfExecutor *self,
                    CfFunc      func,
                    GVariant   *args,
                    GError    **error)
{
  g_return_val_if_fail (is_executor (self), NULL);
  g_return_val_if_fail (func != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return _cf_executor_submit (self, cf_future_new_for_func (func, args), error);
}

/**
 * cf_executor_submit_task:
 * @self: an executor
 * @func: (scope notified) (closure user_data) (destroy destroy): a function
 * @user_data: its data
 * @destroy: for @user_data; called before the future is done, in the thread
 *   that ran @func or that settled the future otherwise
 * @error: return location for an error
 *
 * Submits a function with any data, which can run in this process only.
 *
 * This does not block. The errors are those of [method@Executor.submit]; in that
 * case this call destroys @user_data. In a process pool, the future fails with
 * %CF_EXECUTOR_ERROR_NOT_SERIALIZABLE.
 *
 * Returns: (transfer full): the future of the call
 *
 * Since: 1.0
 */
CfFuture *
cf_executor_submit_task (CfExecutor    *self,
                         CfTaskFunc     func,
                         gpointer       user_data,
                         GDestroyNotify destroy,
                         GError       **error)
{
  g_return_val_if_fail (is_executor (self), NULL);
  g_return_val_if_fail (func != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return _cf_executor_submit (self, cf_future_new_for_task (func, user_data, destroy), error);
}

/**
 * cf_executor_schedule:
 * @self: an executor
 * @future: a pending future that carries a call
 * @error: return location for an error
 *
 * Submits a future that was made before.
 *
 * This does not block. The errors are those of [method@Executor.submit], and
 * %CF_EXECUTOR_ERROR_INVALID_STATE when the future is not pending or was
 * scheduled before.
 *
 * Returns: true if the executor has taken the future on
 *
 * Since: 1.0
 */
gboolean
cf_executor_schedule (CfExecutor *self,
                      CfFuture   *future,
                      GError    **error)
{
  g_return_val_if_fail (CF_IS_EXECUTOR (self), FALSE);
  g_return_val_if_fail (_cf_is_future (future), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return _cf_executor_schedule (self, future, error);
}

/* Ending */

/**
 * cf_executor_shutdown:
 * @self: an executor
 * @wait: whether to wait until all work is done and the workers have ended
 * @cancel_futures: whether to cancel, here and now, what has not started
 *
 * Shuts the executor down: it takes no more work.
 *
 * It may be called several times: a later call may still wait and still
 * cancel. With @wait it blocks: in a thread that runs a main loop, use
 * [method@Executor.shutdown_async]. In one of the executor's own workers it
 * does not wait. Where tasks of thread pools wait in a circle for the end of each
 * other's pool, one of them warns and waits no longer.
 *
 * Since: 1.0
 */
void
cf_executor_shutdown (CfExecutor *self,
                      gboolean    wait,
                      gboolean    cancel_futures)
{
  CfExecutorClass *klass;

  g_return_if_fail (CF_IS_EXECUTOR (self));

  klass = CF_EXECUTOR_GET_CLASS (self);
  g_atomic_int_set (&get_private (self)->is_shutdown, TRUE);
  if (klass->shutdown != NULL)
    klass->shutdown (self, wait, cancel_futures);
}

/**
 * cf_executor_is_shutdown:
 * @self: an executor
 *
 * Tells whether the executor was shut down.
 *
 * Returns: true if it takes no more work
 *
 * Since: 1.0
 */
gboolean
cf_executor_is_shutdown (CfExecutor *self)
{
  g_return_val_if_fail (CF_IS_EXECUTOR (self), FALSE);

  return g_atomic_int_get (&get_private (self)->is_shutdown) != 0;
}
