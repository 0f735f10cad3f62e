/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-process-pool-executor.h"

#include "cf-enum-types.h"
#include "cf-error.h"
#include "cf-future-private.h"
#include "cf-parker-private.h"
#include "cf-process-manager-private.h"
#include "cf-process-pool-init-private.h"
#include "cf-worker-environment-private.h"

#define DEFAULT_START_TIMEOUT (30 * G_USEC_PER_SEC)

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
 * one.  Functions of shared libraries and modules are found by the workers
 * without further ado; for functions of the program itself, it calls
 * [func@process_pool_init] at the top of `main()`.
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
  PROP_MAX_TASKS_PER_CHILD,
  PROP_MAX_RETRIES,
  PROP_TASK_TIMEOUT,
  PROP_START_TIMEOUT,
  PROP_IDLE_TIMEOUT,
  PROP_WORKER_DEATH_POLICY,
  PROP_N_DEATHS,
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

/* In the order of the pspecs: what a property is kept as. */
static void
set_setting (CfProcessSettings *settings,
             guint              property_id,
             const GValue      *value)
{
  if (property_id == PROP_MAX_TASKS_PER_CHILD)
    settings->max_tasks_per_child = g_value_get_uint (value);
  else if (property_id == PROP_MAX_RETRIES)
    settings->max_retries = g_value_get_uint (value);
  else if (property_id == PROP_TASK_TIMEOUT)
    settings->task_timeout = g_value_get_int64 (value);
  else if (property_id == PROP_START_TIMEOUT)
    settings->start_timeout = g_value_get_int64 (value);
  else if (property_id == PROP_IDLE_TIMEOUT)
    settings->idle_timeout = g_value_get_int64 (value);
  else
    settings->break_on_death = g_value_get_enum (value) == CF_WORKER_DEATH_BREAK;
}

static void
cf_process_pool_executor_set_property (GObject      *object,
                                       guint         property_id,
                                       const GValue *value,
                                       GParamSpec   *pspec)
{
  CfProcessPoolExecutorPrivate *priv = get_private (object);

  switch (property_id)
    {
    case PROP_WORKER_ARGV:
      priv->argv = g_value_dup_boxed (value);
      break;
    case PROP_MAX_TASKS_PER_CHILD:
    case PROP_MAX_RETRIES:
    case PROP_TASK_TIMEOUT:
    case PROP_START_TIMEOUT:
    case PROP_IDLE_TIMEOUT:
    case PROP_WORKER_DEATH_POLICY:
      g_mutex_lock (&priv->manager->lock);
      set_setting (&priv->manager->settings, property_id, value);
      g_mutex_unlock (&priv->manager->lock);
      _cf_process_manager_wake (priv->manager);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
cf_process_pool_executor_get_property (GObject    *object,
                                       guint       property_id,
                                       GValue     *value,
                                       GParamSpec *pspec)
{
  CfProcessPoolExecutorPrivate *priv = get_private (object);
  CfProcessSettings             settings;
  CfProcessCounts               counts = _cf_process_manager_get_counts (priv->manager);

  g_mutex_lock (&priv->manager->lock);
  settings = priv->manager->settings;
  g_mutex_unlock (&priv->manager->lock);

  switch (property_id)
    {
    case PROP_WORKER_ARGV:
      g_value_set_boxed (value, priv->argv);
      break;
    case PROP_MAX_TASKS_PER_CHILD:
      g_value_set_uint (value, settings.max_tasks_per_child);
      break;
    case PROP_MAX_RETRIES:
      g_value_set_uint (value, settings.max_retries);
      break;
    case PROP_TASK_TIMEOUT:
      g_value_set_int64 (value, settings.task_timeout);
      break;
    case PROP_START_TIMEOUT:
      g_value_set_int64 (value, settings.start_timeout);
      break;
    case PROP_IDLE_TIMEOUT:
      g_value_set_int64 (value, settings.idle_timeout);
      break;
    case PROP_WORKER_DEATH_POLICY:
      g_value_set_enum (value, settings.break_on_death ? CF_WORKER_DEATH_BREAK : CF_WORKER_DEATH_REPLACE);
      break;
    case PROP_N_PENDING:
      g_value_set_uint (value, counts.n_pending);
      break;
    case PROP_N_RUNNING:
      g_value_set_uint (value, counts.n_running);
      break;
    case PROP_N_WORKERS:
      g_value_set_uint (value, counts.n_workers);
      break;
    case PROP_N_DEATHS:
      g_value_set_uint64 (value, counts.n_deaths);
      break;
    case PROP_N_RESTARTS:
      g_value_set_uint64 (value, counts.n_restarts);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
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
  cf_future_set_running_or_notify_cancel (future);

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
  CfProcessPoolExecutorPrivate *priv = get_private (executor);

  if (cancel_futures)
    {
      g_autoptr (GPtrArray) futures = _cf_process_manager_list_futures (priv->manager);

      for (guint i = 0; i < futures->len; i++)
        cf_future_cancel (futures->pdata[i]);
    }

  _cf_process_manager_shutdown (priv->manager, wait);
}

/* One statement for each; what is long is their documentation. */
static void
install_properties (GObjectClass *object_class)
{
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  /**
   * CfProcessPoolExecutor:worker-argv:
   *
   * The worker program and its arguments.
   *
   * Unset, it is the program itself, if that calls [func@process_pool_init], or
   * else the one that comes with the library.
   *
   * Since: 1.0
   */
  properties[PROP_WORKER_ARGV] =
    g_param_spec_boxed ("worker-argv", NULL, NULL, G_TYPE_STRV, flags | G_PARAM_CONSTRUCT_ONLY);

  /**
   * CfProcessPoolExecutor:max-tasks-per-child:
   *
   * After how many calls a worker is replaced, or 0, the default, for no limit.
   *
   * Since: 1.0
   */
  properties[PROP_MAX_TASKS_PER_CHILD] =
    g_param_spec_uint ("max-tasks-per-child", NULL, NULL, 0, G_MAXUINT, 0, flags);

  /**
   * CfProcessPoolExecutor:max-retries:
   *
   * How often a call whose worker died is started again before it fails; by
   * default 0.
   *
   * Since: 1.0
   */
  properties[PROP_MAX_RETRIES] =
    g_param_spec_uint ("max-retries", NULL, NULL, 0, G_MAXUINT, 0, flags);

  /**
   * CfProcessPoolExecutor:task-timeout:
   *
   * How many microseconds a call may take from its start, or -1, the default,
   * for no limit.
   *
   * The worker of a call that takes longer is ended and replaced; its future
   * fails with %G_IO_ERROR_TIMED_OUT.
   *
   * Since: 1.0
   */
  properties[PROP_TASK_TIMEOUT] =
    g_param_spec_int64 ("task-timeout", NULL, NULL, -1, G_MAXINT64 / 2, -1, flags);

  /**
   * CfProcessPoolExecutor:start-timeout:
   *
   * How many microseconds a worker may take until it is ready, or -1.
   *
   * Its initializer is included. The default is 30 seconds.
   *
   * Since: 1.0
   */
  properties[PROP_START_TIMEOUT] =
    g_param_spec_int64 ("start-timeout", NULL, NULL, -1, G_MAXINT64 / 2, DEFAULT_START_TIMEOUT, flags);

  /**
   * CfProcessPoolExecutor:idle-timeout:
   *
   * After how many microseconds without a call a worker ends, or -1, the
   * default, for never.
   *
   * Since: 1.0
   */
  properties[PROP_IDLE_TIMEOUT] =
    g_param_spec_int64 ("idle-timeout", NULL, NULL, -1, G_MAXINT64 / 2, -1, flags);

  /**
   * CfProcessPoolExecutor:worker-death-policy:
   *
   * What the death of a worker means for the others; by default
   * %CF_WORKER_DEATH_REPLACE.
   *
   * Since: 1.0
   */
  properties[PROP_WORKER_DEATH_POLICY] =
    g_param_spec_enum ("worker-death-policy", NULL, NULL, CF_TYPE_WORKER_DEATH_POLICY, CF_WORKER_DEATH_REPLACE, flags);

  /**
   * CfProcessPoolExecutor:n-deaths:
   *
   * How many workers died without the pool's doing.
   *
   * Since: 1.0
   */
  properties[PROP_N_DEATHS] =
    g_param_spec_uint64 ("n-deaths", NULL, NULL, 0, G_MAXUINT64, 0, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * CfProcessPoolExecutor:n-restarts:
   *
   * How many workers were started in place of lost ones.
   *
   * Since: 1.0
   */
  properties[PROP_N_RESTARTS] =
    g_param_spec_uint64 ("n-restarts", NULL, NULL, 0, G_MAXUINT64, 0, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

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
 * Call this before the first call is submitted.  When it fails with an error,
 * the pool is broken: what is pending fails, and submitting too, with
 * %CF_EXECUTOR_ERROR_BROKEN and its message.
 *
 * Since: 1.0
 */
void
cf_process_pool_executor_set_initializer (CfProcessPoolExecutor *self,
                                          CfFunc                 func,
                                          GVariant              *args)
{
  CfProcessManager *manager;
  g_autoptr (GVariant) old = NULL;

  g_return_if_fail (CF_IS_PROCESS_POOL_EXECUTOR (self));
  g_return_if_fail (func != NULL);

  manager = get_private (self)->manager;
  if (args != NULL)
    g_variant_ref_sink (args);

  g_mutex_lock (&manager->lock);
  manager->initializer = (CfFunctionPointer) func;
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
 * Ends the future, in whatever it is.
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
      if (cf_future_cancel (self) || _cf_future_terminate_running (self))
        return TRUE;
      _cf_parker_relax (&n_rounds);
    }

  return FALSE;
}
