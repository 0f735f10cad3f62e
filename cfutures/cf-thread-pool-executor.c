/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-thread-pool-executor.h"

#include "cf-error.h"
#include "cf-future-private.h"
#include "cf-thread-pool-private.h"

/**
 * CfThreadPoolExecutor:
 *
 * An executor that runs functions in threads.
 *
 * Threads are started as they are needed, and an idle one is used before
 * another one is started. Work starts in the order in which it was submitted.
 * As long as functions return at once, one thread runs them all: with more it
 * would take longer. When the system lets no more threads start, those there
 * are do the work; if there is none at all, submitting fails with
 * %G_THREAD_ERROR_AGAIN.
 *
 * Functions may themselves submit functions and wait for them: a worker that
 * waits for a future which is still queued in its own pool runs it, and a wait
 * that could never end fails with %CF_EXECUTOR_ERROR_DEADLOCK.
 *
 * ```c
 * g_autoptr (CfExecutor) executor = CF_EXECUTOR (cf_thread_pool_executor_new (0));
 * g_autoptr (CfFuture) future = cf_executor_submit_task (executor, load, file, g_object_unref, &error);
 * ```
 *
 * Since: 1.0
 */

#define DEFAULT_WORKERS_PER_PROCESSOR 5
#define DEFAULT_SPIN_US 20

/* The object is only the handle: the pool outlives it for as long as there is work. */
typedef struct
{
  CfThreadPool *pool; /* (const) (owned) */
} CfThreadPoolExecutorPrivate;

G_DEFINE_TYPE_WITH_PRIVATE (CfThreadPoolExecutor, cf_thread_pool_executor, CF_TYPE_EXECUTOR)

enum
{
  PROP_THREAD_NAME_PREFIX = 1,
  PROP_INLINE_WAITS,
  PROP_SPIN_US,
  N_PROPS,

  /* Of the base class */
  PROP_N_PENDING = N_PROPS,
  PROP_N_RUNNING,
  PROP_N_WORKERS,
};

static GParamSpec *properties[N_PROPS];

static CfThreadPool *
get_pool (gpointer self)
{
  return ((CfThreadPoolExecutorPrivate *) cf_thread_pool_executor_get_instance_private (self))->pool;
}

static void
set_prefix (CfThreadPool *pool,
            char         *prefix)
{
  char *old;

  _cf_lock (&pool->lock);
  old = pool->name_prefix;
  pool->name_prefix = prefix;
  _cf_unlock (&pool->lock);

  g_free (old);
}

static void
cf_thread_pool_executor_set_property (GObject      *object,
                                      guint         property_id,
                                      const GValue *value,
                                      GParamSpec   *pspec)
{
  CfThreadPool *pool = get_pool (object);

  switch (property_id)
    {
    case PROP_THREAD_NAME_PREFIX:
      set_prefix (pool, g_value_dup_string (value));
      break;
    case PROP_INLINE_WAITS:
      __atomic_store_n (&pool->inline_waits, g_value_get_boolean (value), __ATOMIC_RELAXED);
      break;
    case PROP_SPIN_US:
      _cf_lock (&pool->lock);
      pool->spin_us = g_value_get_uint (value);
      _cf_unlock (&pool->lock);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static char *
dup_prefix (CfThreadPool *pool)
{
  char *prefix;

  _cf_lock (&pool->lock);
  prefix = g_strdup (pool->name_prefix);
  _cf_unlock (&pool->lock);

  return prefix;
}

static guint
get_spin_us (CfThreadPool *pool)
{
  guint spin_us;

  _cf_lock (&pool->lock);
  spin_us = pool->spin_us;
  _cf_unlock (&pool->lock);

  return spin_us;
}

static void
cf_thread_pool_executor_get_property (GObject    *object,
                                      guint       property_id,
                                      GValue     *value,
                                      GParamSpec *pspec)
{
  CfThreadPool *pool = get_pool (object);

  switch (property_id)
    {
    case PROP_THREAD_NAME_PREFIX:
      g_value_take_string (value, dup_prefix (pool));
      break;
    case PROP_INLINE_WAITS:
      g_value_set_boolean (value, pool->owner.runs_inline (&pool->owner));
      break;
    case PROP_SPIN_US:
      g_value_set_uint (value, get_spin_us (pool));
      break;
    case PROP_N_PENDING:
      g_value_set_uint (value, _cf_thread_pool_get_counts (pool).n_pending);
      break;
    case PROP_N_RUNNING:
      g_value_set_uint (value, _cf_thread_pool_get_counts (pool).n_running);
      break;
    case PROP_N_WORKERS:
      g_value_set_uint (value, _cf_thread_pool_get_counts (pool).n_workers);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
cf_thread_pool_executor_constructed (GObject *object)
{
  CfThreadPool    *pool = get_pool (object);
  g_autofree char *name = NULL;

  G_OBJECT_CLASS (cf_thread_pool_executor_parent_class)->constructed (object);

  g_object_get (object, "name", &name, "max-workers", &pool->max_workers, NULL);
  if (pool->name_prefix == NULL)
    pool->name_prefix = g_steal_pointer (&name);
}

static void
cf_thread_pool_executor_finalize (GObject *object)
{
  _cf_thread_pool_unref (get_pool (object));

  G_OBJECT_CLASS (cf_thread_pool_executor_parent_class)->finalize (object);
}

static gboolean
cf_thread_pool_executor_schedule (CfExecutor *executor,
                                  CfFuture   *future,
                                  GError    **error)
{
  return _cf_thread_pool_push (get_pool (executor), future, error);
}

static gboolean
cf_thread_pool_executor_schedule_fresh (CfExecutor *executor,
                                        CfFuture   *future,
                                        GError    **error)
{
  return _cf_thread_pool_push_fresh (get_pool (executor), future, error);
}

static void
cf_thread_pool_executor_shutdown (CfExecutor *executor,
                                  gboolean    wait,
                                  gboolean    cancel_futures)
{
  _cf_thread_pool_shutdown (get_pool (executor), wait, cancel_futures);
}

static gpointer
cf_thread_pool_executor_get_owner (CfExecutor *executor)
{
  return &get_pool (executor)->owner;
}

static guint
get_default_max_workers (void)
{
  return DEFAULT_WORKERS_PER_PROCESSOR * g_get_num_processors ();
}

static void
install_properties (GObjectClass *object_class)
{
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  /**
   * CfThreadPoolExecutor:thread-name-prefix:
   *
   * What the names of its threads begin with.
   *
   * An underscore and a number follow. The kernel cuts names to 15 characters.
   *
   * Since: 1.0
   */
  properties[PROP_THREAD_NAME_PREFIX] = g_param_spec_string ("thread-name-prefix", NULL, NULL, NULL, flags);

  /**
   * CfThreadPoolExecutor:inline-waits:
   *
   * Whether a worker that waits, without a time limit, for a future which is
   * still queued in its own pool runs that itself; true by default.
   *
   * Since: 1.0
   */
  properties[PROP_INLINE_WAITS] = g_param_spec_boolean ("inline-waits", NULL, NULL, TRUE, flags | G_PARAM_CONSTRUCT);

  /**
   * CfThreadPoolExecutor:spin-us:
   *
   * For how many microseconds an idle worker looks for work before it sleeps.
   *
   * Only one worker at a time does so. 0 is to sleep at once; the default is 20.
   *
   * Since: 1.0
   */
  properties[PROP_SPIN_US] =
    g_param_spec_uint ("spin-us", NULL, NULL, 0, G_USEC_PER_SEC, DEFAULT_SPIN_US, flags | G_PARAM_CONSTRUCT);

  g_object_class_install_properties (object_class, N_PROPS, properties);

  g_object_class_override_property (object_class, PROP_N_PENDING, "n-pending");
  g_object_class_override_property (object_class, PROP_N_RUNNING, "n-running");
  g_object_class_override_property (object_class, PROP_N_WORKERS, "n-workers");
}

static void
cf_thread_pool_executor_class_init (CfThreadPoolExecutorClass *klass)
{
  GObjectClass    *object_class = G_OBJECT_CLASS (klass);
  CfExecutorClass *executor_class = CF_EXECUTOR_CLASS (klass);

  object_class->constructed = cf_thread_pool_executor_constructed;
  object_class->finalize = cf_thread_pool_executor_finalize;
  object_class->get_property = cf_thread_pool_executor_get_property;
  object_class->set_property = cf_thread_pool_executor_set_property;

  executor_class->schedule = cf_thread_pool_executor_schedule;
  executor_class->shutdown = cf_thread_pool_executor_shutdown;
  executor_class->get_owner = (gpointer) cf_thread_pool_executor_get_owner;
  executor_class->sharing_schedule = (gpointer) cf_thread_pool_executor_schedule;
  executor_class->schedule_fresh = (gpointer) cf_thread_pool_executor_schedule_fresh;
  executor_class->get_default_max_workers = (gpointer) get_default_max_workers;

  install_properties (object_class);
}

static void
cf_thread_pool_executor_init (CfThreadPoolExecutor *self)
{
  CfThreadPoolExecutorPrivate *priv = cf_thread_pool_executor_get_instance_private (self);

  priv->pool = _cf_thread_pool_new ();
}

/**
 * cf_thread_pool_executor_new:
 * @max_workers: how many threads to use at most, or 0 for five per processor
 *
 * Makes an executor that runs functions in threads.
 *
 * No thread is started before there is work for it.
 *
 * Returns: (transfer full): the executor
 *
 * Since: 1.0
 */
CfThreadPoolExecutor *
cf_thread_pool_executor_new (guint max_workers)
{
  return g_object_new (CF_TYPE_THREAD_POOL_EXECUTOR, "max-workers", max_workers, NULL);
}

/**
 * cf_thread_pool_executor_set_initializer:
 * @self: a thread pool
 * @func: (scope notified) (closure user_data) (destroy destroy): prepares a
 *   worker; its result is ignored
 * @user_data: its data
 * @destroy: for @user_data; called when the pool and its workers are gone
 *
 * Sets a function that runs once in each worker, before anything else.
 *
 * Call this before anything is submitted: later, it is a programming error. When
 * @func fails, the pool is broken: what is pending fails with
 * %CF_EXECUTOR_ERROR_BROKEN and the message of its error, and so does
 * submitting.
 *
 * Since: 1.0
 */
void
cf_thread_pool_executor_set_initializer (CfThreadPoolExecutor *self,
                                         CfTaskFunc            func,
                                         gpointer              user_data,
                                         GDestroyNotify        destroy)
{
  CfThreadPool  *pool;
  GDestroyNotify old_destroy;
  gpointer       old_data;

  g_return_if_fail (CF_IS_THREAD_POOL_EXECUTOR (self));
  g_return_if_fail (func != NULL);

  pool = get_pool (self);
  g_return_if_fail (!_cf_thread_pool_is_in_use (pool));

  _cf_lock (&pool->lock);
  old_destroy = pool->initializer_destroy;
  old_data = pool->initializer_data;
  pool->initializer = func;
  pool->initializer_data = user_data;
  pool->initializer_destroy = destroy;
  _cf_unlock (&pool->lock);

  if (old_destroy != NULL)
    old_destroy (old_data);
}
