/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-test-executors.h"

/* Inline */

struct _TestInlineExecutor
{
  CfExecutor parent_instance;
};

G_DEFINE_FINAL_TYPE (TestInlineExecutor, test_inline_executor, CF_TYPE_EXECUTOR)

static gboolean
test_inline_executor_schedule (CfExecutor *executor,
                               CfFuture   *future,
                               GError    **error)
{
  cf_future_run (future);

  return TRUE;
}

static void
test_inline_executor_shutdown (CfExecutor *executor,
                               gboolean    wait,
                               gboolean    cancel_futures)
{
}

static void
test_inline_executor_class_init (TestInlineExecutorClass *klass)
{
  CF_EXECUTOR_CLASS (klass)->schedule = test_inline_executor_schedule;
  CF_EXECUTOR_CLASS (klass)->shutdown = test_inline_executor_shutdown;
}

static void
test_inline_executor_init (TestInlineExecutor *self)
{
}

/* A thread for each task.  The threads share what they need with the executor and do not hold it. */

typedef struct
{
  GMutex lock;
  GCond  changed;
  guint  n_running; /* (mutex lock) */
} Running;

struct _TestThreadedExecutor
{
  CfExecutor parent_instance;

  Running *running; /* (const) (owned) */
};

G_DEFINE_FINAL_TYPE (TestThreadedExecutor, test_threaded_executor, CF_TYPE_EXECUTOR)

typedef struct
{
  Running  *running; /* (owned) */
  CfFuture *future;  /* (owned) */
} Job;

static void
running_clear (gpointer data)
{
  Running *running = data;

  g_mutex_clear (&running->lock);
  g_cond_clear (&running->changed);
}

static void
running_add (Running *running,
             int      n)
{
  g_mutex_lock (&running->lock);
  running->n_running += (guint) n;
  g_cond_broadcast (&running->changed);
  g_mutex_unlock (&running->lock);
}

static gpointer
job_thread (gpointer data)
{
  Job *job = data;

  cf_future_run (job->future);
  cf_future_unref (job->future);
  running_add (job->running, -1);
  g_atomic_rc_box_release_full (job->running, running_clear);
  g_free (job);

  return NULL;
}

static gboolean
test_threaded_executor_schedule (CfExecutor *executor,
                                 CfFuture   *future,
                                 GError    **error)
{
  TestThreadedExecutor *self = TEST_THREADED_EXECUTOR (executor);
  Job                  *job = g_new0 (Job, 1);

  job->running = g_atomic_rc_box_acquire (self->running);
  job->future = g_object_ref (future);
  running_add (job->running, 1);
  g_thread_unref (g_thread_new ("job", job_thread, job));

  return TRUE;
}

static void
test_threaded_executor_shutdown (CfExecutor *executor,
                                 gboolean    wait,
                                 gboolean    cancel_futures)
{
  Running *running = TEST_THREADED_EXECUTOR (executor)->running;

  g_mutex_lock (&running->lock);
  while (wait && running->n_running > 0)
    g_cond_wait (&running->changed, &running->lock);
  g_mutex_unlock (&running->lock);
}

static void
test_threaded_executor_finalize (GObject *object)
{
  g_atomic_rc_box_release_full (TEST_THREADED_EXECUTOR (object)->running, running_clear);

  G_OBJECT_CLASS (test_threaded_executor_parent_class)->finalize (object);
}

static void
test_threaded_executor_class_init (TestThreadedExecutorClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = test_threaded_executor_finalize;
  CF_EXECUTOR_CLASS (klass)->schedule = test_threaded_executor_schedule;
  CF_EXECUTOR_CLASS (klass)->shutdown = test_threaded_executor_shutdown;
}

static void
test_threaded_executor_init (TestThreadedExecutor *self)
{
  self->running = g_atomic_rc_box_new0 (Running);
  g_mutex_init (&self->running->lock);
  g_cond_init (&self->running->changed);
}

/* Held: single-threaded, the test runs it */

struct _TestHeldExecutor
{
  CfExecutor parent_instance;

  HeldLog *log; /* (const) */
  GQueue   queue;
};

G_DEFINE_FINAL_TYPE (TestHeldExecutor, test_held_executor, CF_TYPE_EXECUTOR)

static gboolean
test_held_executor_schedule (CfExecutor *executor,
                             CfFuture   *future,
                             GError    **error)
{
  TestHeldExecutor *self = TEST_HELD_EXECUTOR (executor);

  self->log->n_scheduled++;
  if (self->log->gate != NULL)
    gate_wait (self->log->gate);
  if (self->log->refuse)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BUSY, "no room");
      return FALSE;
    }

  if (self->log->answer)
    cf_future_set_result (future, NULL, NULL);
  else if (!self->log->refuse_mutely)
    g_queue_push_tail (&self->queue, g_object_ref (future));
  if (self->log->end_gate != NULL)
    gate_wait (self->log->end_gate);

  return !self->log->refuse_mutely;
}

static void
test_held_executor_shutdown (CfExecutor *executor,
                             gboolean    wait,
                             gboolean    cancel_futures)
{
  HeldLog *log = TEST_HELD_EXECUTOR (executor)->log;

  if (log->n_shutdown++ == 0)
    {
      log->wait = wait;
      log->cancel_futures = cancel_futures;
    }
  log->last_wait = wait;
  log->last_cancel_futures = cancel_futures;
}

static void
test_held_executor_finalize (GObject *object)
{
  g_queue_clear_full (&TEST_HELD_EXECUTOR (object)->queue, (GDestroyNotify) cf_future_unref);

  G_OBJECT_CLASS (test_held_executor_parent_class)->finalize (object);
}

static void
test_held_executor_class_init (TestHeldExecutorClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = test_held_executor_finalize;
  CF_EXECUTOR_CLASS (klass)->schedule = test_held_executor_schedule;
  CF_EXECUTOR_CLASS (klass)->shutdown = test_held_executor_shutdown;
}

static void
test_held_executor_init (TestHeldExecutor *self)
{
}

CfExecutor *
held_executor_new (HeldLog *log)
{
  TestHeldExecutor *self = g_object_new (TEST_TYPE_HELD_EXECUTOR, NULL);

  self->log = log;

  return CF_EXECUTOR (self);
}

guint
held_executor_run_all (CfExecutor *executor)
{
  TestHeldExecutor *self = TEST_HELD_EXECUTOR (executor);
  CfFuture         *future;
  guint             n_run = 0;

  while ((future = g_queue_pop_head (&self->queue)) != NULL)
    {
      cf_future_run (future);
      cf_future_unref (future);
      n_run++;
    }

  return n_run;
}

/* The table */

static CfExecutor *
make_thread_pool (guint max_workers,
                  guint spin_us)
{
  CfExecutor *executor = pool_new (max_workers);

  set_count (executor, "spin-us", spin_us);

  return executor;
}

static CfExecutor *
make_default_thread_pool (guint max_workers,
                          guint spin_us)
{
  return pool_new (max_workers);
}

static CfExecutor *
make_inline (guint max_workers,
             guint spin_us)
{
  return g_object_new (TEST_TYPE_INLINE_EXECUTOR, "max-workers", max_workers, NULL);
}

static CfExecutor *
make_threaded (guint max_workers,
               guint spin_us)
{
  return g_object_new (TEST_TYPE_THREADED_EXECUTOR, "max-workers", max_workers, NULL);
}

#ifdef CF_TYPE_PROCESS_POOL_EXECUTOR
static CfExecutor *
make_process_pool (guint max_workers,
                   guint spin_us)
{
  return CF_EXECUTOR (cf_process_pool_executor_new (max_workers));
}
#endif

#define THREADS (TEST_LATER | TEST_QUEUE | TEST_IN_PROCESS | TEST_POOL)

static const TestRow rows[] = {
  { "thread-pool-1", 1, THREADS, 0, make_default_thread_pool },
  { "thread-pool-2", 2, THREADS, 0, make_default_thread_pool },
  { "thread-pool-8", 8, THREADS, 0, make_default_thread_pool },
  { "thread-pool-1-parking", 1, THREADS, 0, make_thread_pool },
  { "thread-pool-2-parking", 2, THREADS, 0, make_thread_pool },
  { "thread-pool-8-parking", 8, THREADS, 0, make_thread_pool },
  { "thread-pool-2-spinning", 2, THREADS, 200, make_thread_pool },
  { "inline", 1, TEST_IN_PROCESS, 0, make_inline },
  { "threaded", 4, TEST_LATER | TEST_IN_PROCESS, 0, make_threaded },
#ifdef CF_TYPE_PROCESS_POOL_EXECUTOR
  { "process-pool-2", 2, TEST_LATER | TEST_QUEUE | TEST_POOL, 0, make_process_pool },
#endif
};

static void
executors_set_up (Executors    *fixture,
                  gconstpointer data)
{
  fixture->row = data;
  fixture->executor = fixture->row->make (fixture->row->max_workers, fixture->row->spin_us);
}

static void
executors_tear_down (Executors    *fixture,
                     gconstpointer data)
{
  if (fixture->executor == NULL)
    return;

  cf_executor_shutdown (fixture->executor, TRUE, FALSE);
  await_finalized (fixture->executor);
}

void
add_executor_tests (const char *name,
                    TestNeeds   needs,
                    void (*test) (Executors    *fixture,
                                  gconstpointer data))
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = g_strdup_printf ("/executor/%s/%s", rows[i].name, name);

      if ((rows[i].has & needs) == needs)
        g_test_add (path, Executors, &rows[i], executors_set_up, test, executors_tear_down);
    }
}
