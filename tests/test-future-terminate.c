/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What cf_future_terminate() does where there is no process to end. */

#include "cf-test.h"

#define N_RACES 20000
#define N_LOOKS 1000

/* Comes to the Gate user_data, and then stays until it is not wanted any more. */
static gboolean
task_until_cancelled (GValue       *result,
                      GCancellable *cancellable,
                      gpointer      user_data,
                      GError      **error)
{
  GPollFD pollfd;

  gate_wait (user_data);
  if (g_cancellable_make_pollfd (cancellable, &pollfd))
    g_poll (&pollfd, 1, -1);
  g_cancellable_release_fd (cancellable);

  return !g_cancellable_set_error_if_cancelled (cancellable, error);
}

static void
test_thread (void)
{
  g_autoptr (CfExecutor) executor = CF_EXECUTOR (cf_thread_pool_executor_new (1));
  g_autoptr (CfFuture) running = NULL;
  g_autoptr (GError) error = NULL;
  Gate gate;

  g_test_summary ("A function that runs in a thread is told by its cancellable, and its outcome counts.");

  gate_init (&gate);
  running = cf_executor_submit_task (executor, task_until_cancelled, &gate, NULL, NULL);
  gate_await_waiting (&gate, 1);

  g_assert_true (cf_future_terminate (running));
  g_assert_true (g_cancellable_is_cancelled (cf_future_get_cancellable (running)));
  g_assert_true (cf_future_is_running (running));

  gate_open (&gate);
  g_assert_null (cf_future_get_result (running, -1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (cf_future_get_state (running), ==, CF_FUTURE_STATE_FINISHED);
  g_assert_false (cf_future_terminate (running));

  cf_executor_shutdown (executor, TRUE, FALSE);
  gate_clear (&gate);
}

static void
test_next_in_thread (void)
{
  g_autoptr (CfExecutor) executor = CF_EXECUTOR (cf_thread_pool_executor_new (1));
  g_autoptr (CfFuture) running = NULL;
  g_autoptr (CfFuture) next = NULL;
  Gate gate;

  g_test_summary ("What the same worker runs next knows nothing of it.");

  gate_init (&gate);
  running = cf_executor_submit_task (executor, task_until_cancelled, &gate, NULL, NULL);
  next = cf_executor_submit_task (executor, task_int, GINT_TO_POINTER (3), NULL, NULL);
  gate_await_waiting (&gate, 1);
  g_assert_true (cf_future_terminate (running));
  gate_open (&gate);

  g_assert_true (cf_future_wait (next, -1));
  g_assert_cmpint (get_int (next), ==, 3);
  g_assert_false (g_cancellable_is_cancelled (cf_future_get_cancellable (next)));

  cf_executor_shutdown (executor, TRUE, FALSE);
  gate_clear (&gate);
}

static void
terminate_at_any_moment (CfExecutor *executor,
                         gint       *n_ran)
{
  g_autoptr (CfFuture) future = cf_executor_submit_task (executor, task_count, n_ran, NULL, NULL);

  for (guint n = 0; cf_future_get_state (future) == CF_FUTURE_STATE_PENDING; n++)
    if (n > N_LOOKS)
      g_thread_yield ();
  for (gint i = g_test_rand_int_range (0, 20); i > 0; i--)
    cf_future_is_done (future);
  while (cf_future_terminate (future))
    g_thread_yield ();
  g_assert_true (cf_future_wait (future, -1));
  g_assert_cmpint (cf_future_get_state (future), ==, CF_FUTURE_STATE_FINISHED);
}

static void
test_at_any_moment (void)
{
  g_autoptr (CfExecutor) executor = CF_EXECUTOR (cf_thread_pool_executor_new (1));
  gint n_ran = 0;

  g_test_summary ("Whenever a function that runs in a thread is told, its outcome counts.");

  for (guint i = 0; i < N_RACES; i++)
    terminate_at_any_moment (executor, &n_ran);
  g_assert_cmpint (n_ran, ==, N_RACES);
  cf_executor_shutdown (executor, TRUE, FALSE);
}

static void
test_queued (void)
{
  g_autoptr (CfExecutor) executor = CF_EXECUTOR (cf_thread_pool_executor_new (1));
  g_autoptr (CfFuture) running = NULL;
  g_autoptr (CfFuture) queued = NULL;
  Probe probe = { 0 };
  Gate  gate;

  g_test_summary ("What is still in the queue is cancelled, and released.");

  gate_init (&gate);
  running = cf_executor_submit_task (executor, task_gate, &gate, NULL, NULL);
  queued = cf_executor_submit_task (executor, task_never, &probe, probe_release, NULL);

  g_assert_true (cf_future_terminate (queued));
  g_assert_true (cf_future_is_cancelled (queued));
  assert_released_once (&probe);
  g_assert_false (cf_future_terminate (queued));

  gate_open (&gate);
  cf_executor_shutdown (executor, TRUE, FALSE);
  g_assert_cmpint (get_int (running), ==, 42);
  gate_clear (&gate);
}

static void
test_bare (void)
{
  g_autoptr (CfFuture) pending = cf_future_new ();
  g_autoptr (CfFuture) running = cf_future_new ();

  g_test_summary ("A future that another executor runs is told by its cancellable too.");

  g_assert_true (cf_future_terminate (pending));
  g_assert_true (cf_future_is_cancelled (pending));

  g_assert_true (cf_future_set_running_or_notify_cancel (running));
  g_assert_true (cf_future_terminate (running));
  g_assert_true (g_cancellable_is_cancelled (cf_future_get_cancellable (running)));
  settle_int (running, 5);
  g_assert_cmpint (get_int (running), ==, 5);
  g_assert_false (cf_future_terminate (running));
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/future-terminate/thread", test_thread);
  g_test_add_func ("/future-terminate/next-in-thread", test_next_in_thread);
  g_test_add_func ("/future-terminate/at-any-moment", test_at_any_moment);
  g_test_add_func ("/future-terminate/queued", test_queued);
  g_test_add_func ("/future-terminate/bare", test_bare);

  return g_test_run ();
}
