/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-process-pool-executor.h"

#include "cf-error.h"
#include "cf-future-private.h"
#include "cf-parker-private.h"
#include "cf-process-manager-private.h"
#include "cf-process-pool-init-private.h"
#include "cf-worker-environment-private.h"

/**
 * CfProcessPoolExecutor:
 *
 * An executor that runs functions in worker processes.
 *
 * A call that crashes takes only its own worker with it: its future fails with
 * %CF_EXECUTOR_ERROR_WORKER_DIED, the worker is replaced, and everything
 * else goes on.  A call that takes too long can be ended
 * ([property@ProcessPoolExecutor:task-timeout], [method@Future.terminate]).
 *
 * Functions get everything they need as a [struct@GLib.Variant] and return
 * one.  Workers find functions of shared libraries and modules by themselves; a
 * program that submits functions of its own calls [func@process_pool_init] at
 * the top of `main()`.
 *
 * ```c
 * cf_process_pool_init (argc, argv);
 *
 * executor = CF_EXECUTOR (cf_process_pool_executor_new (0));
 * future = cf_executor_submit (executor, is_prime, g_variant_new_uint64 (n), &error);
 * ```
 *
 * Since: 1.0
 */

/* The object is only the handle: the manager outlives it for as long as there are calls. */
typedef struct
{
  char            **argv;           /* (const) (owned) (nullable) */
  gboolean          has_own_worker; /* (const): one that knows the program's own functions, or says so itself */
  CfProcessManager *manager;        /* (const) (owned) */
} CfProcessPoolExecutorPrivate;

G_DEFINE_TYPE_WITH_PRIVATE (CfProcessPoolExecutor, cf_process_pool_executor, CF_TYPE_EXECUTOR)

enum
{
  PROP_WORKER_ARGV = 1,
  PROP_SETTINGS, /* and those behind it */
  PROP_N_DEATHS = PROP_SETTINGS + CF_PROCESS_N_SETTINGS,
  PROP_N_RESTARTS,
  N_PROPS,

  /* Of the base class */
  PROP_N_PENDING = N_PROPS,
  PROP_N_RUNNING,
  PROP_N_WORKERS,
};

static GParamSpec *properties[N_PROPS];

static CfProcessPoolExecutorPrivate *
get_private (gpointer self)
{
  return cf_process_pool_executor_get_instance_private (self);
}

static gboolean
is_setting (guint property_id)
{
  return property_id >= PROP_SETTINGS && property_id < PROP_SETTINGS + CF_PROCESS_N_SETTINGS;
}

static void
set_setting (CfProcessManager *manager,
             guint             index,
             const GValue     *value)
{
  g_mutex_lock (&manager->lock);
  _cf_process_settings_set (&manager->settings, index, value);
  g_mutex_unlock (&manager->lock);

  _cf_process_manager_wake (manager);
}

static void
get_setting (CfProcessManager *manager,
             guint             index,
             GValue           *value)
{
  g_mutex_lock (&manager->lock);
  _cf_process_settings_get (&manager->settings, index, value);
  g_mutex_unlock (&manager->lock);
}

static void
cf_process_pool_executor_set_property (GObject      *object,
                                       guint         property_id,
                                       const GValue *value,
                                       GParamSpec   *pspec)
{
  CfProcessPoolExecutorPrivate *priv = get_private (object);

  if (is_setting (property_id))
    set_setting (priv->manager, property_id - PROP_SETTINGS, value);
  else if (property_id == PROP_WORKER_ARGV)
    priv->argv = g_value_dup_boxed (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
}

static void
get_count (CfProcessManager *manager,
           guint             property_id,
           GValue           *value)
{
  CfProcessCounts counts = _cf_process_manager_get_counts (manager);

  if (property_id == PROP_N_PENDING)
    g_value_set_uint (value, counts.n_pending);
  else if (property_id == PROP_N_RUNNING)
    g_value_set_uint (value, counts.n_running);
  else if (property_id == PROP_N_WORKERS)
    g_value_set_uint (value, counts.n_workers);
  else
    g_value_set_uint64 (value, property_id == PROP_N_DEATHS ? counts.n_deaths : counts.n_restarts);
}

static void
cf_process_pool_executor_get_property (GObject    *object,
                                       guint       property_id,
                                       GValue     *value,
                                       GParamSpec *pspec)
{
  CfProcessPoolExecutorPrivate *priv = get_private (object);

  if (is_setting (property_id))
    get_setting (priv->manager, property_id - PROP_SETTINGS, value);
  else if (property_id == PROP_WORKER_ARGV)
    g_value_set_boxed (value, priv->argv);
  else if (property_id >= PROP_N_DEATHS && property_id <= PROP_N_WORKERS)
    get_count (priv->manager, property_id, value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
}

static void
cf_process_pool_executor_constructed (GObject *object)
{
  CfProcessPoolExecutorPrivate *priv = get_private (object);
  g_autofree char              *name = NULL;
  guint                         max_workers = 0;

  G_OBJECT_CLASS (cf_process_pool_executor_parent_class)->constructed (object);

  g_object_get (object, "name", &name, "max-workers", &max_workers, NULL);
  priv->has_own_worker = priv->argv != NULL || _cf_process_pool_has_init ();
  _cf_process_manager_configure (priv->manager, name, max_workers,
                                 priv->argv != NULL ? g_strdupv (priv->argv) : _cf_process_pool_dup_worker_argv ());
}

static void
cf_process_pool_executor_finalize (GObject *object)
{
  CfProcessPoolExecutorPrivate *priv = get_private (object);

  _cf_process_manager_unref (priv->manager);
  g_strfreev (priv->argv);

  G_OBJECT_CLASS (cf_process_pool_executor_parent_class)->finalize (object);
}

static gboolean
check_depth (GError **error)
{
  if (_cf_worker_environment_get_depth () < CF_WORKER_MAX_DEPTH)
    return TRUE;

  g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SUPPORTED,
               "Process pools in workers of process pools: deeper than %d is not allowed", CF_WORKER_MAX_DEPTH);

  return FALSE;
}

/* Cancelled before it came here: that is all that there is to say about it. */
static gboolean
skip (CfFuture *future)
{
  _cf_future_notify_if_cancelled (future);

  return TRUE;
}

static gboolean
cf_process_pool_executor_schedule (CfExecutor *executor,
                                   CfFuture   *future,
                                   GError    **error)
{
  CfProcessPoolExecutorPrivate *priv = get_private (executor);
  g_autoptr (GError) failure = NULL;
  g_autoptr (CfProcessCall) call = NULL;
  gboolean accepted;

  if (!check_depth (error))
    return FALSE;
  _cf_process_call_serialize (future);
  if (!_cf_future_begin_queueing (future, &priv->manager->owner))
    return skip (future);

  call = _cf_process_call_new (future, priv->has_own_worker, &failure);
  if (call == NULL)
    {
      /* What cannot travel is a matter of this future, not of the one who submits it. */
      _cf_future_end_queueing (future, 0);
      cf_future_set_exception (future, failure, NULL);
      return TRUE;
    }

  _cf_process_manager_ref (priv->manager);
  accepted = _cf_process_manager_add (priv->manager, call, error);
  if (accepted)
    g_steal_pointer (&call);
  _cf_future_end_queueing (future, accepted ? CF_FLAG_QUEUED : 0);
  if (!accepted)
    _cf_process_manager_unref (priv->manager);

  return accepted;
}

static void
cf_process_pool_executor_shutdown (CfExecutor *executor,
                                   gboolean    wait,
                                   gboolean    cancel_futures)
{
  _cf_process_manager_shutdown (get_private (executor)->manager, wait, cancel_futures);
}

static GParamSpec *
count_spec (const char *name)
{
  return g_param_spec_uint64 (name, NULL, NULL, 0, G_MAXUINT64, 0, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
}

static void
install_properties (GObjectClass *object_class)
{
  /**
   * CfProcessPoolExecutor:worker-argv:
   *
   * The worker program and its arguments.
   *
   * A name without a slash is looked for in `PATH`. By default, the worker is the
   * program itself, if that calls [func@process_pool_init], or else the one that
   * comes with the library; in Python and JavaScript, it is an interpreter.
   *
   * Since: 1.0
   */
  properties[PROP_WORKER_ARGV] =
    g_param_spec_boxed ("worker-argv", NULL, NULL, G_TYPE_STRV, G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  for (guint i = 0; i < CF_PROCESS_N_SETTINGS; i++)
    properties[PROP_SETTINGS + i] = _cf_process_settings_new_spec (i);

  /**
   * CfProcessPoolExecutor:n-deaths:
   *
   * How many workers died that the pool did not end itself.
   *
   * Since: 1.0
   */
  properties[PROP_N_DEATHS] = count_spec ("n-deaths");

  /**
   * CfProcessPoolExecutor:n-restarts:
   *
   * How many workers were started in place of lost ones.
   *
   * Since: 1.0
   */
  properties[PROP_N_RESTARTS] = count_spec ("n-restarts");

  g_object_class_install_properties (object_class, N_PROPS, properties);

  g_object_class_override_property (object_class, PROP_N_PENDING, "n-pending");
  g_object_class_override_property (object_class, PROP_N_RUNNING, "n-running");
  g_object_class_override_property (object_class, PROP_N_WORKERS, "n-workers");
}

static void
cf_process_pool_executor_class_init (CfProcessPoolExecutorClass *klass)
{
  GObjectClass    *object_class = G_OBJECT_CLASS (klass);
  CfExecutorClass *executor_class = CF_EXECUTOR_CLASS (klass);

  object_class->constructed = cf_process_pool_executor_constructed;
  object_class->finalize = cf_process_pool_executor_finalize;
  object_class->get_property = cf_process_pool_executor_get_property;
  object_class->set_property = cf_process_pool_executor_set_property;

  executor_class->schedule = cf_process_pool_executor_schedule;
  executor_class->shutdown = cf_process_pool_executor_shutdown;
  executor_class->sends_names = TRUE;
  executor_class->get_default_max_workers = (gpointer) g_get_num_processors;

  install_properties (object_class);
}

static void
cf_process_pool_executor_init (CfProcessPoolExecutor *self)
{
  get_private (self)->manager = _cf_process_manager_new ();
}

/**
 * cf_process_pool_executor_new:
 * @max_workers: how many worker processes to use at most, or 0 for one per processor
 *
 * Makes an executor that runs functions in processes.
 *
 * No process is started before there is a call for it.
 *
 * Returns: (transfer full): the executor
 *
 * Since: 1.0
 */
CfProcessPoolExecutor *
cf_process_pool_executor_new (guint max_workers)
{
  return g_object_new (CF_TYPE_PROCESS_POOL_EXECUTOR, "max-workers", max_workers, NULL);
}

/**
 * cf_process_pool_executor_set_initializer: (skip)
 * @self: a process pool
 * @func: (scope forever): prepares a worker
 * @args: (nullable): its arguments; a floating reference is taken over
 *
 * Sets a function that runs in each worker before its first call.
 *
 * Call this before the first call is submitted: later, it is a programming
 * error. When @func fails with an error, the pool is broken: what is pending
 * fails with %CF_EXECUTOR_ERROR_BROKEN and the message of that error, and so
 * does submitting.
 *
 * Since: 1.0
 */
void
cf_process_pool_executor_set_initializer (CfProcessPoolExecutor *self,
                                          CfFunc                 func,
                                          GVariant              *args)
{
  CfProcessManager      *manager;
  const CfFunctionPlace *place;
  g_autoptr (GVariant) old = NULL;
  g_autoptr (GError) old_error = NULL;
  GError *error = NULL;

  g_return_if_fail (CF_IS_PROCESS_POOL_EXECUTOR (self));
  g_return_if_fail (func != NULL);

  manager = get_private (self)->manager;
  g_return_if_fail (!_cf_process_manager_is_in_use (manager));

  if (args != NULL)
    g_variant_ref_sink (args);
  /* When the first worker starts, something else may lie there. */
  place = _cf_function_locate ((CfFunctionPointer) func, &error);

  g_mutex_lock (&manager->lock);
  manager->initializer = place;
  old_error = g_steal_pointer (&manager->lost_initializer);
  manager->lost_initializer = error;
  old = g_steal_pointer (&manager->initargs);
  manager->initargs = args;
  g_mutex_unlock (&manager->lock);
}

static void
end_workers (CfProcessPoolExecutor *self,
             CfWorkerEnd            end)
{
  CfProcessManager *manager = get_private (self)->manager;
  g_autoptr (GPtrArray) futures = NULL;

  cf_executor_shutdown (CF_EXECUTOR (self), FALSE, TRUE);

  futures = _cf_process_manager_list_futures (manager);
  for (guint i = 0; i < futures->len; i++)
    cf_future_terminate (futures->pdata[i]);
  _cf_process_manager_end_workers (manager, end);
}

/**
 * cf_process_pool_executor_terminate_workers:
 * @self: a process pool
 *
 * Ends all workers with `SIGTERM`.
 *
 * Those that are still there after a second are ended with `SIGKILL`.  The pool
 * is shut down; what is pending or running is cancelled.  This does not block.
 *
 * Since: 1.0
 */
void
cf_process_pool_executor_terminate_workers (CfProcessPoolExecutor *self)
{
  g_return_if_fail (CF_IS_PROCESS_POOL_EXECUTOR (self));

  end_workers (self, CF_WORKER_END_TERMINATE);
}

/**
 * cf_process_pool_executor_kill_workers:
 * @self: a process pool
 *
 * Ends all workers with `SIGKILL`.
 *
 * The pool is shut down; what is pending or running is cancelled.  This does
 * not block.
 *
 * Since: 1.0
 */
void
cf_process_pool_executor_kill_workers (CfProcessPoolExecutor *self)
{
  g_return_if_fail (CF_IS_PROCESS_POOL_EXECUTOR (self));

  end_workers (self, CF_WORKER_END_KILL);
}

/**
 * cf_future_terminate:
 * @self: a future
 *
 * Cancels the future, or ends its call if that runs.
 *
 * A pending one is cancelled. One that runs in a process is cancelled too: its
 * worker is ended and replaced. One that runs in a thread is only told, by its
 * cancellable, and goes on until its function returns. This does not block.
 *
 * Returns: false if the future was done already
 *
 * Since: 1.0
 */
gboolean
cf_future_terminate (CfFuture *self)
{
  guint n_rounds = 0;

  g_return_val_if_fail (_cf_is_future (self), FALSE);

  /* Between the two it may be on its way from one state to the next. */
  while (!cf_future_is_done (self))
    {
      if (_cf_future_cancel_pending (self, TRUE) || _cf_future_terminate_running (self))
        return TRUE;
      _cf_parker_relax (&n_rounds);
    }

  return FALSE;
}
