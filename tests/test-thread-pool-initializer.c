/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The initializer of a thread pool, and what its failure means. */

#include "cf-test-executors.h"

#define N_BREAKS 200
#define N_TASKS 300

static GPrivate initialized;

typedef struct
{
  gint  n_calls; /* (atomic) */
  Gate  gate;
  Probe probe;
  gint  fail; /* (atomic) */
} Initializer;

static gboolean
initialize (GValue       *result,
            GCancellable *cancellable,
            gpointer      user_data,
            GError      **error)
{
  Initializer *self = user_data;

  gate_wait (&self->gate);
  g_atomic_int_inc (&self->n_calls);
  if (g_atomic_int_get (&self->fail))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_MOUNTED, "the disk is gone");
      return FALSE;
    }
  g_private_set (&initialized, self);

  return TRUE;
}

static gboolean
initialize_false (GValue       *result,
                  GCancellable *cancellable,
                  gpointer      user_data,
                  GError      **error)
{
  return FALSE;
}

static void
initializer_release (gpointer data)
{
  probe_release (&((Initializer *) data)->probe);
}

typedef struct
{
  Initializer initializer;
  Gate        gate;
  CfExecutor *executor;
} Fixture;

static void
set_up (Fixture      *fixture,
        gconstpointer n_workers)
{
  gate_init (&fixture->initializer.gate);
  gate_init (&fixture->gate);
  fixture->executor = pool_new (GPOINTER_TO_UINT (n_workers));
  cf_thread_pool_executor_set_initializer (CF_THREAD_POOL_EXECUTOR (fixture->executor), initialize,
                                           &fixture->initializer, initializer_release);
}

static void
tear_down (Fixture      *fixture,
           gconstpointer n_workers)
{
  cf_executor_shutdown (fixture->executor, TRUE, FALSE);
  g_assert_finalize_object (fixture->executor);
  assert_released_once (&fixture->initializer.probe);
  gate_clear (&fixture->initializer.gate);
  gate_clear (&fixture->gate);
}

static gboolean
task_is_initialized (GValue       *result,
                     GCancellable *cancellable,
                     gpointer      user_data,
                     GError      **error)
{
  Fixture *fixture = user_data;

  gate_wait (&fixture->gate);

  return task_int (result, cancellable, GINT_TO_POINTER (g_private_get (&initialized) == &fixture->initializer), error);
}

static void
test_once_per_worker (Fixture      *fixture,
                      gconstpointer n_workers)
{
  guint     n = GPOINTER_TO_UINT (n_workers);
  CfFuture *futures[16];

  g_test_summary ("The initializer runs once in each worker, before its first task.");

  g_assert_cmpint (g_atomic_int_get (&fixture->initializer.n_calls), ==, 0);
  gate_open (&fixture->initializer.gate);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    futures[i] = submit_task (fixture->executor, task_is_initialized, fixture);
  gate_await_waiting (&fixture->gate, n);
  g_assert_cmpint (g_atomic_int_get (&fixture->initializer.n_calls), ==, (int) n);

  gate_open (&fixture->gate);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      g_assert_cmpint (await_int (futures[i]), ==, TRUE);
      cf_future_unref (futures[i]);
    }
  g_assert_cmpint (g_atomic_int_get (&fixture->initializer.n_calls), ==, (int) n);
}

static void
test_before_the_task (Fixture      *fixture,
                      gconstpointer n_workers)
{
  g_autoptr (CfFuture) future = NULL;

  g_test_summary ("No task starts while the initializer runs, and the future is still to be cancelled.");

  future = submit_task (fixture->executor, task_never, NULL);
  gate_await_waiting (&fixture->initializer.gate, 1);
  g_assert_cmpint (cf_future_get_state (future), ==, CF_FUTURE_STATE_PENDING);
  g_assert_true (cf_future_cancel (future));
  gate_open (&fixture->initializer.gate);
}

static void
assert_submit_broken (CfExecutor *executor,
                      const char *message)
{
  g_autoptr (CfFuture) future = cf_future_new_for_task (task_never, NULL, NULL);
  g_autoptr (GError) submit_error = NULL;
  g_autoptr (GError) schedule_error = NULL;

  g_assert_null (cf_executor_submit_task (executor, task_never, NULL, NULL, &submit_error));
  assert_broken (submit_error, message);
  g_assert_false (cf_executor_schedule (executor, future, &schedule_error));
  assert_broken (schedule_error, message);
}

static void
test_failure (Fixture      *fixture,
              gconstpointer n_workers)
{
  CfFuture *futures[16];
  gint      n_callbacks = 0;
  Probe     probe = { 0 };

  g_test_summary ("An initializer that fails breaks the pool: what is pending and what comes later, with its message.");

  g_atomic_int_set (&fixture->initializer.fail, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      futures[i] = cf_executor_submit_task (fixture->executor, task_never, &probe, probe_release, NULL);
      cf_future_add_done_callback (futures[i], count_callback, &n_callbacks, NULL);
    }
  gate_open (&fixture->initializer.gate);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    await_broken (futures[i], "the disk is gone");

  g_assert_cmpuint (probe_get_n_released (&probe), ==, G_N_ELEMENTS (futures));
  assert_submit_broken (fixture->executor, "the disk is gone");
  g_assert_cmpuint (get_count (fixture->executor, "n-pending"), ==, 0);

  cf_executor_shutdown (fixture->executor, TRUE, FALSE);
  g_assert_cmpint (g_atomic_int_get (&n_callbacks), ==, G_N_ELEMENTS (futures));
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    g_assert_finalize_object (futures[i]);
}

static void
test_later_failure (Fixture      *fixture,
                    gconstpointer n_workers)
{
  g_autoptr (CfFuture) running = NULL;
  g_autoptr (CfFuture) pending = NULL;

  g_test_summary ("When a later worker's initializer fails, what runs ends well and what is pending fails.");

  gate_open (&fixture->initializer.gate);
  running = submit_task (fixture->executor, task_is_initialized, fixture);
  gate_await_waiting (&fixture->gate, 1);
  g_atomic_int_set (&fixture->initializer.fail, TRUE);
  pending = submit_task (fixture->executor, task_never, NULL);
  await_broken (pending, "the disk is gone");
  assert_submit_broken (fixture->executor, "the disk is gone");
  gate_open (&fixture->gate);
  g_assert_cmpint (await_int (running), ==, TRUE);
}

static gboolean
task_store_thread_id (GValue       *result,
                      GCancellable *cancellable,
                      gpointer      user_data,
                      GError      **error)
{
  Fixture *fixture = user_data;

  gate_wait (&fixture->gate);

  return task_int (result, cancellable, GINT_TO_POINTER (thread_id ()), error);
}

static gboolean
initialize_slowly_later (GValue       *result,
                         GCancellable *cancellable,
                         gpointer      user_data,
                         GError      **error)
{
  Initializer *self = user_data;

  if (g_atomic_int_add (&self->n_calls, 1) > 0)
    gate_wait (&self->gate);

  return TRUE;
}

static void
test_sleeper_is_woken (void)
{
  Fixture fixture = { .executor = pool_new_parking (3) };
  gint    n_ran = 0;
  g_autoptr (CfFuture) first = NULL;
  g_autoptr (CfFuture) second = NULL;
  g_autoptr (CfFuture) third = NULL;

  g_test_summary ("While one worker is being prepared, another one that sleeps is woken for what is submitted.");

  gate_init (&fixture.initializer.gate);
  gate_init (&fixture.gate);
  cf_thread_pool_executor_set_initializer (CF_THREAD_POOL_EXECUTOR (fixture.executor), initialize_slowly_later,
                                           &fixture.initializer, NULL);
  first = submit_task (fixture.executor, task_store_thread_id, &fixture);
  gate_await_waiting (&fixture.gate, 1);
  second = submit_task (fixture.executor, task_count, &n_ran);
  gate_await_waiting (&fixture.initializer.gate, 1);
  gate_open (&fixture.gate);
  g_assert_true (cf_future_wait (second, -1));
  await_asleep (await_int (first));

  third = submit_task (fixture.executor, task_count, &n_ran);
  g_assert_true (cf_future_wait (third, -1));
  g_assert_cmpuint (gate_get_n_waiting (&fixture.initializer.gate), ==, 1);

  gate_open (&fixture.initializer.gate);
  cf_executor_shutdown (fixture.executor, TRUE, FALSE);
  await_finalized (fixture.executor);
  gate_clear (&fixture.initializer.gate);
  gate_clear (&fixture.gate);
}

/* The first worker is prepared, the next one is not. */
static gboolean
initialize_one (GValue       *result,
                GCancellable *cancellable,
                gpointer      user_data,
                GError      **error)
{
  Initializer *self = user_data;

  if (g_atomic_int_add (&self->n_calls, 1) == 0)
    return TRUE;
  gate_wait (&self->gate);

  return FALSE;
}

static void
break_at_work (void)
{
  CfExecutor *executor = pool_new (2);
  CfFuture   *futures[N_TASKS];
  gint        n_ran[N_TASKS] = { 0 };
  Initializer initializer = { 0 };
  g_autoptr (CfFuture) first = NULL;

  gate_init (&initializer.gate);
  cf_thread_pool_executor_set_initializer (CF_THREAD_POOL_EXECUTOR (executor), initialize_one, &initializer, NULL);
  first = submit_task (executor, task_gate, &initializer.gate);
  gate_await_waiting (&initializer.gate, 1);
  for (guint i = 0; i < N_TASKS; i++)
    futures[i] = submit_task (executor, task_count, &n_ran[i]);
  gate_await_waiting (&initializer.gate, 2);
  gate_open (&initializer.gate);
  cf_executor_shutdown (executor, TRUE, FALSE);

  g_assert_cmpint (await_int (first), ==, 42);
  for (guint i = 0; i < N_TASKS; i++)
    {
      g_autoptr (GError) error = NULL;

      cf_future_get_result (futures[i], 0, &error);
      g_assert_cmpint (n_ran[i], ==, error == NULL);
      if (error != NULL)
        assert_broken (error, "");
      cf_future_unref (futures[i]);
    }
  await_finalized (executor);
  gate_clear (&initializer.gate);
}

static void
test_break_at_work (void)
{
  g_test_summary ("While another worker breaks the pool, each task either runs or fails.");

  for (guint i = 0; i < N_BREAKS; i++)
    break_at_work ();
}

static void
test_failure_without_error (void)
{
  CfExecutor *executor = pool_new (1);
  g_autoptr (CfFuture) future = NULL;

  g_test_summary ("An initializer that returns FALSE without an error fails too.");

  cf_thread_pool_executor_set_initializer (CF_THREAD_POOL_EXECUTOR (executor), initialize_false, NULL, NULL);
  future = submit_task (executor, task_never, NULL);
  await_broken (future, "");
  assert_submit_broken (executor, "");
  cf_executor_shutdown (executor, TRUE, TRUE);
  g_assert_finalize_object (executor);
}

static void
test_too_late (void)
{
  CfExecutor *executor = pool_new (1);
  gint        n_ran = 0;
  Probe       probe = { 0 };
  g_autoptr (CfFuture) future = submit_task (executor, task_count, &n_ran);

  g_test_summary ("An initializer that comes after the first work is refused, and its data stays the caller's.");

  g_assert_true (cf_future_wait (future, -1));
  g_test_expect_message ("Cf", G_LOG_LEVEL_CRITICAL, "*cf_thread_pool_executor_set_initializer*is_in_use*");
  cf_thread_pool_executor_set_initializer (CF_THREAD_POOL_EXECUTOR (executor), initialize_false, &probe, probe_release);
  g_test_assert_expected_messages ();
  cf_executor_shutdown (executor, TRUE, FALSE);
  g_assert_finalize_object (executor);
  assert_not_released (&probe);
}

static void
test_never_used (Fixture      *fixture,
                 gconstpointer n_workers)
{
  g_test_summary ("Without work the initializer does not run; its data is released with the pool.");

  cf_executor_shutdown (fixture->executor, TRUE, FALSE);
  g_assert_cmpint (g_atomic_int_get (&fixture->initializer.n_calls), ==, 0);
}

#define ADD(path, n_workers, test) \
  g_test_add ("/thread-pool-initializer/" path, Fixture, GUINT_TO_POINTER (n_workers), set_up, test, tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("once-per-worker/1", 1, test_once_per_worker);
  ADD ("once-per-worker/4", 4, test_once_per_worker);
  ADD ("before-the-task", 1, test_before_the_task);
  ADD ("failure/1", 1, test_failure);
  ADD ("failure/4", 4, test_failure);
  ADD ("later-failure", 2, test_later_failure);
  g_test_add_func ("/thread-pool-initializer/failure-without-error", test_failure_without_error);
  g_test_add_func ("/thread-pool-initializer/sleeper-is-woken", test_sleeper_is_woken);
  g_test_add_func ("/thread-pool-initializer/break-at-work", test_break_at_work);
  ADD ("never-used", 2, test_never_used);
  g_test_add_func ("/thread-pool-initializer/too-late", test_too_late);

  return g_test_run ();
}
