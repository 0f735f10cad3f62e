/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What happens when a thread cannot be started.  Not for builds with a sanitizer, which has a pthread_create() of its own. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "cf-test-executors.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

static gint  n_failures_to_come; /* (atomic) */
static gint  n_failed;           /* (atomic) */
static Gate *failure_gate;       /* (atomic) (nullable): where failures wait */

/* Stands in front of the C library's. */
__attribute__ ((visibility ("default"))) int
pthread_create (pthread_t            *thread,
                const pthread_attr_t *attributes,
                void *(*start) (void *),
                void *data)
{
  static int (*real) (pthread_t *, const pthread_attr_t *, void *(*) (void *), void *);

  if (real == NULL)
    real = (__typeof__ (real)) dlsym (RTLD_NEXT, "pthread_create");
  if (g_atomic_int_get (&n_failures_to_come) > 0 && g_atomic_int_add (&n_failures_to_come, -1) > 0)
    {
      Gate *gate = g_atomic_pointer_get (&failure_gate);

      if (gate != NULL)
        gate_wait (gate);
      g_atomic_int_inc (&n_failed);
      return EAGAIN;
    }

  return real (thread, attributes, start, data);
}

static gint  clock_is_late; /* (atomic) */
static gint  n_late_looks;  /* (atomic) */
static Gate *rename_gate;   /* (atomic) (nullable): where threads wait before they get a name */

/* In front of GLib's: a late one is just as late as workers are patient, so that who sleeps by it does so in vain. */
__attribute__ ((visibility ("default"))) gint64
g_get_monotonic_time (void)
{
  struct timespec now;
  gint64          time;

  clock_gettime (CLOCK_MONOTONIC, &now);
  time = now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
  if (!g_atomic_int_get (&clock_is_late))
    return time;
  g_atomic_int_inc (&n_late_looks);

  return time - 15 * G_USEC_PER_SEC;
}

__attribute__ ((visibility ("default"))) int
pthread_setname_np (pthread_t   thread,
                    const char *name)
{
  static int (*real) (pthread_t, const char *);
  Gate *gate = g_atomic_pointer_get (&rename_gate);

  if (gate != NULL)
    gate_wait (gate);
  if (real == NULL)
    real = (__typeof__ (real)) dlsym (RTLD_NEXT, "pthread_setname_np");

  return real (thread, name);
}

static void
fail_to_start (gint n)
{
  g_atomic_int_set (&n_failed, 0);
  g_atomic_int_set (&n_failures_to_come, n);
}

static void
test_first_fails (void)
{
  gint n_ran = 0;

  g_test_summary ("When the first thread cannot start, the work is refused or stays queued, and runs later.");

  for (guint i = 0; i < 10; i++)
    {
      CfExecutor *executor = pool_new (2);
      g_autoptr (CfFuture) first = NULL;
      g_autoptr (CfFuture) second = NULL;
      g_autoptr (GError) error = NULL;

      drop_idle_threads ();
      fail_to_start (1);
      n_ran = 0;
      first = cf_executor_submit_task (executor, task_count, &n_ran, NULL, &error);
      while (g_atomic_int_get (&n_failed) == 0)
        g_thread_yield ();
      g_assert_true (first != NULL || error != NULL);

      second = submit_task (executor, task_count, &n_ran);
      g_assert_true (cf_future_wait (second, -1));
      if (first != NULL)
        g_assert_true (cf_future_wait (first, -1));
      cf_executor_shutdown (executor, TRUE, FALSE);
      g_assert_cmpint (n_ran, ==, first != NULL ? 2 : 1);
      await_finalized (executor);
    }
}

static void
test_later_fails (void)
{
  CfExecutor *executor = pool_new (4);
  CfFuture   *futures[20];
  gint        n_ran = 0;
  Gate        gate;
  g_autoptr (CfFuture) held = NULL;

  g_test_summary ("When no further thread can start, those that live do all of the work.");

  gate_init (&gate);
  held = submit_task (executor, task_gate, &gate);
  gate_await_waiting (&gate, 1);
  drop_idle_threads ();
  fail_to_start (G_MAXINT);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    futures[i] = submit_task (executor, task_count, &n_ran);
  g_assert_cmpuint (get_count (executor, "n-running"), ==, 1);
  gate_open (&gate);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      g_assert_true (cf_future_wait (futures[i], -1));
      cf_future_unref (futures[i]);
    }
  g_assert_cmpint (g_atomic_int_get (&n_failed), >, 0);
  fail_to_start (0);
  cf_executor_shutdown (executor, TRUE, FALSE);
  g_assert_cmpint (n_ran, ==, G_N_ELEMENTS (futures));
  await_finalized (executor);
  gate_clear (&gate);
}

static void
test_cancel_without_thread (void)
{
  CfExecutor *executor = pool_new (1);
  g_autoptr (CfFuture) future = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Work that no thread could be started for is cancelled as any other, and the pool ends.");

  drop_idle_threads ();
  fail_to_start (G_MAXINT);
  future = cf_executor_submit_task (executor, task_never, NULL, NULL, &error);
  if (future != NULL)
    {
      g_assert_true (cf_future_cancel (future));
      assert_failed (future, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    }
  fail_to_start (0);
  cf_executor_shutdown (executor, TRUE, FALSE);
  g_assert_cmpuint (get_count (executor, "n-workers"), ==, 0);
  await_finalized (executor);
}

static void
test_shutdown_without_thread (void)
{
  CfExecutor *executor = pool_new (2);
  gint        n_ran = 0;
  g_autoptr (CfFuture) future = NULL;

  g_test_summary ("shutdown (TRUE) sees to what was left in the queue because no thread would start.");

  drop_idle_threads ();
  fail_to_start (1);
  future = cf_executor_submit_task (executor, task_count, &n_ran, NULL, NULL);
  while (g_atomic_int_get (&n_failed) == 0)
    g_thread_yield ();
  cf_executor_shutdown (executor, TRUE, FALSE);
  if (future != NULL)
    g_assert_true (cf_future_is_done (future));
  g_assert_cmpint (n_ran, ==, future != NULL ? 1 : 0);
  await_finalized (executor);
}

static gboolean
task_gate_and_id (GValue       *result,
                  GCancellable *cancellable,
                  gpointer      gate,
                  GError      **error)
{
  gate_wait (gate);

  return task_int (result, cancellable, GINT_TO_POINTER (thread_id ()), error);
}

typedef struct
{
  CfExecutor *executor;
  Gate        go;
  gint        n_ran; /* (atomic) */
} Submitter;

static gpointer
submit_when_told (gpointer data)
{
  Submitter *self = data;

  gate_wait (&self->go);

  return submit_task (self->executor, task_count, &self->n_ran);
}

static gpointer
try_to_submit_when_told (gpointer data)
{
  Submitter *self = data;

  gate_wait (&self->go);

  return cf_executor_submit_task (self->executor, task_count, &self->n_ran, NULL, NULL);
}

static void
test_slow_failure (void)
{
  Submitter submitter = { .executor = pool_new_parking (2) };
  Gate      gate, start_gate;
  GThread  *thread;
  g_autoptr (CfFuture) first = NULL;
  g_autoptr (CfFuture) second = NULL;
  g_autoptr (CfFuture) third = NULL;

  g_test_summary ("Work that counts on a thread which then cannot start is done by a worker that went to sleep meanwhile.");

  gate_init (&gate);
  gate_init (&start_gate);
  gate_init (&submitter.go);
  first = submit_task (submitter.executor, task_gate_and_id, &gate);
  gate_await_waiting (&gate, 1);
  drop_idle_threads ();
  thread = g_thread_new ("submitter", submit_when_told, &submitter);
  gate_await_waiting (&submitter.go, 1);
  g_atomic_pointer_set (&failure_gate, &start_gate);
  fail_to_start (1);
  gate_open (&submitter.go);
  gate_await_waiting (&start_gate, 1);

  gate_open (&gate);
  while (g_atomic_int_get (&submitter.n_ran) == 0)
    g_thread_yield ();
  await_asleep (await_int (first));
  third = submit_task (submitter.executor, task_count, &submitter.n_ran);
  gate_open (&start_gate);
  second = g_thread_join (thread);
  g_assert_true (cf_future_wait (third, -1));
  g_assert_cmpint (g_atomic_int_get (&n_failed), ==, 1);

  fail_to_start (0);
  g_atomic_pointer_set (&failure_gate, NULL);
  cf_executor_shutdown (submitter.executor, TRUE, FALSE);
  g_assert_cmpint (submitter.n_ran, ==, 2);
  await_finalized (submitter.executor);
  gate_clear (&submitter.go);
  gate_clear (&start_gate);
  gate_clear (&gate);
}

static void
test_refused_without_thread (void)
{
  CfExecutor *executor = pool_new (2);
  gint        n_ran = 0;
  g_autoptr (CfFuture) own = cf_future_new_for_task (task_count, &n_ran, NULL);
  g_autoptr (CfFuture) refused = NULL;
  g_autoptr (CfFuture) accepted = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) again = NULL;

  g_test_summary ("Work for which no thread can be started, and that no worker would ever see, is refused, and nothing of it stays.");

  drop_idle_threads ();
  fail_to_start (G_MAXINT);
  refused = cf_executor_submit_task (executor, task_count, &n_ran, NULL, &error);
  g_assert_null (refused);
  g_assert_error (error, G_THREAD_ERROR, G_THREAD_ERROR_AGAIN);
  g_assert_false (cf_executor_schedule (executor, own, &again));
  g_assert_error (again, G_THREAD_ERROR, G_THREAD_ERROR_AGAIN);
  g_assert_cmpint (cf_future_get_state (own), ==, CF_FUTURE_STATE_PENDING);
  g_assert_cmpuint (get_count (executor, "n-pending"), ==, 0);
  g_assert_cmpuint (get_count (executor, "n-workers"), ==, 0);

  fail_to_start (0);
  g_assert_true (cf_executor_schedule (executor, own, NULL));
  g_assert_true (cf_future_wait (own, -1));
  accepted = submit_task (executor, task_count, &n_ran);
  g_assert_true (cf_future_wait (accepted, -1));
  cf_executor_shutdown (executor, TRUE, FALSE);
  g_assert_cmpint (n_ran, ==, 2);
  await_finalized (executor);
}

static void
test_others_without_thread (void)
{
  Submitter submitter = { .executor = pool_new (2) };
  Gate      start_gate;
  GThread  *thread;
  g_autoptr (CfFuture) counting = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Work that counts on a thread of another submitter fails with it, when there is no other worker.");

  gate_init (&start_gate);
  gate_init (&submitter.go);
  drop_idle_threads ();
  thread = g_thread_new ("submitter", try_to_submit_when_told, &submitter);
  gate_await_waiting (&submitter.go, 1);
  g_atomic_pointer_set (&failure_gate, &start_gate);
  fail_to_start (G_MAXINT);
  gate_open (&submitter.go);
  gate_await_waiting (&start_gate, 1);

  counting = submit_task (submitter.executor, task_count, &submitter.n_ran);
  gate_open (&start_gate);
  g_assert_null (g_thread_join (thread));
  g_assert_null (cf_future_get_result (counting, -1, &error));
  g_assert_error (error, G_THREAD_ERROR, G_THREAD_ERROR_AGAIN);

  fail_to_start (0);
  g_atomic_pointer_set (&failure_gate, NULL);
  cf_executor_shutdown (submitter.executor, TRUE, FALSE);
  g_assert_cmpint (submitter.n_ran, ==, 0);
  await_finalized (submitter.executor);
  gate_clear (&submitter.go);
  gate_clear (&start_gate);
}

typedef struct
{
  CfExecutor *executor;
  CfFuture   *future;
  Gate        go;
  gint        is_through; /* (atomic) */
} Scheduler;

static gpointer
schedule_when_told (gpointer data)
{
  Scheduler *self = data;

  gate_wait (&self->go);
  cf_executor_schedule (self->executor, self->future, NULL);
  g_atomic_int_set (&self->is_through, TRUE);

  return NULL;
}

/* As long as it is in the queue it is not run by hand; then it may be. */
static gboolean
run_while_refused (CfExecutor *executor,
                   gint       *n_ran)
{
  g_autoptr (CfFuture) future = cf_future_new_for_task (task_count, n_ran, NULL);
  Scheduler scheduler = { .executor = executor, .future = future };
  Gate      start_gate;
  GThread  *thread;
  gboolean  ran = FALSE;

  gate_init (&scheduler.go);
  gate_init (&start_gate);
  thread = g_thread_new ("scheduler", schedule_when_told, &scheduler);
  gate_await_waiting (&scheduler.go, 1);
  g_atomic_pointer_set (&failure_gate, &start_gate);
  fail_to_start (G_MAXINT);
  gate_open (&scheduler.go);
  gate_await_waiting (&start_gate, 1);

  gate_open (&start_gate);
  while (!ran && !g_atomic_int_get (&scheduler.is_through))
    ran = cf_future_run (future);
  g_thread_join (thread);
  g_assert_cmpint (cf_future_get_state (future), ==, ran ? CF_FUTURE_STATE_FINISHED : CF_FUTURE_STATE_PENDING);

  fail_to_start (0);
  g_atomic_pointer_set (&failure_gate, NULL);
  gate_clear (&start_gate);
  gate_clear (&scheduler.go);

  return ran;
}

static void
test_run_while_refused (void)
{
  CfExecutor *executor = pool_new (1);
  gint        n_ran = 0, n_runs = 0;

  g_test_summary ("What is run by hand while it leaves the queue, as no thread can start, runs or stays pending.");

  drop_idle_threads ();
  for (guint i = 0; i < 200; i++)
    n_runs += run_while_refused (executor, &n_ran) ? 1 : 0;
  g_assert_cmpint (n_ran, ==, n_runs);

  await_finalized (executor);
}

/* The worker's last step before it counts as gone is to give its thread the old name. */
static void
test_last_worker_goes (void)
{
  CfExecutor *executor = pool_new_parking (2);
  Gate        gate;
  gint        n_ran = 0;
  g_autoptr (CfFuture) first = NULL;
  g_autoptr (CfFuture) second = NULL;

  g_test_summary ("Work that comes just as the last worker goes is done, also when no other thread can start.");

  gate_init (&gate);
  drop_idle_threads ();
  g_atomic_int_set (&clock_is_late, TRUE);
  first = submit_task (executor, task_count, &n_ran);
  g_assert_true (cf_future_wait (first, -1));
  while (g_atomic_int_get (&n_late_looks) < 1000)
    g_thread_yield ();
  g_atomic_pointer_set (&rename_gate, &gate);
  g_atomic_int_set (&clock_is_late, FALSE);
  gate_await_waiting (&gate, 1);

  fail_to_start (G_MAXINT);
  second = submit_task (executor, task_count, &n_ran);
  gate_open (&gate);
  g_assert_true (cf_future_wait (second, -1));
  g_assert_cmpint (g_atomic_int_get (&n_failed), >, 0);

  fail_to_start (0);
  g_atomic_pointer_set (&rename_gate, NULL);
  cf_executor_shutdown (executor, TRUE, FALSE);
  g_assert_cmpint (n_ran, ==, 2);
  await_finalized (executor);
  gate_clear (&gate);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/thread-pool-no-thread/first-fails", test_first_fails);
  g_test_add_func ("/thread-pool-no-thread/later-fails", test_later_fails);
  g_test_add_func ("/thread-pool-no-thread/slow-failure", test_slow_failure);
  g_test_add_func ("/thread-pool-no-thread/cancel-without-thread", test_cancel_without_thread);
  g_test_add_func ("/thread-pool-no-thread/shutdown-without-thread", test_shutdown_without_thread);
  g_test_add_func ("/thread-pool-no-thread/refused-without-thread", test_refused_without_thread);
  g_test_add_func ("/thread-pool-no-thread/others-without-thread", test_others_without_thread);
  g_test_add_func ("/thread-pool-no-thread/run-while-refused", test_run_while_refused);
  g_test_add_func ("/thread-pool-no-thread/last-worker-goes", test_last_worker_goes);

  return g_test_run ();
}
