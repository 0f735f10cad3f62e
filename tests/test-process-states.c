/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What a process pool tells of itself and of its calls, and when. */

#include "process-test.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
test_counts (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  ProcessGate gate;

  g_test_summary ("One worker runs one call; what was sent behind it is pending, and can be cancelled.");

  process_gate_init (&gate);
  g_assert_cmpuint (get_uint (executor, "n-workers"), ==, 0);
  assert_increments (executor, 1000);
  {
    g_autoptr (CfFuture) running = submit (executor, call_gate, process_gate_args (&gate));
    g_autoptr (CfFuture) second = submit (executor, call_increment, g_variant_new_int64 (1));
    g_autoptr (CfFuture) third = submit (executor, call_increment, g_variant_new_int64 (1));

    process_gate_await (&gate);
    g_assert_cmpuint (get_uint (executor, "n-running"), ==, 1);
    g_assert_cmpuint (get_uint (executor, "n-pending"), ==, 2);
    g_assert_true (cf_future_cancel (second));
    g_assert_cmpuint (get_uint (executor, "n-pending"), ==, 1);
    process_gate_open (&gate, 1);
    g_assert_nonnull (cf_future_get_result (third, -1, NULL));
    g_assert_nonnull (cf_future_get_result (running, -1, NULL));
    g_assert_cmpuint (get_uint (executor, "n-running"), ==, 0);
    g_assert_cmpuint (get_uint (executor, "n-pending"), ==, 0);
    g_assert_cmpuint (get_uint (executor, "n-workers"), ==, 1);
  }
  process_gate_clear (&gate);
  process_pool_end (executor);
}

static void
test_no_idle_time (void)
{
  CfExecutor *executor = process_pool_new (2, "idle-timeout", (gint64) 0, NULL);

  g_test_summary ("Without any time to be idle, a worker still does what it was started for.");

  assert_increments (executor, 20);
  g_assert_cmpuint (get_uint64 (executor, "n-deaths"), ==, 0);
  g_assert_cmpuint (get_uint64 (executor, "n-restarts"), ==, 0);
  process_pool_end (executor);
}

/* "(su)": fails in that domain, with a message of so many bytes. */
static GVariant *
call_fail_at_length (GVariant                 *args,
                     GCancellable *cancellable G_GNUC_UNUSED,
                     GError                  **error)
{
  g_autofree char *message = NULL;
  const char      *domain;
  guint            size;

  g_variant_get (args, "(&su)", &domain, &size);
  message = g_strnfill (size, 'x');
  g_set_error_literal (error, g_quark_from_string (domain), G_MININT32, message);

  return NULL;
}

static void
test_long_messages (void)
{
  static const guint sizes[] = { 0, 1, 1 << 20, (1 << 20) + 1, 9 << 20 };
  CfExecutor        *executor = process_pool_new (1, NULL);
  g_autofree char   *domain = g_strnfill (5 << 20, 'd');
  g_autoptr (CfFuture) impossible = submit (executor, call_fail_at_length, g_variant_new ("(su)", domain, 1));

  g_test_summary ("A message arrives whole, however long; an error that cannot travel says so.");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (CfFuture) future = submit (executor, call_fail_at_length, g_variant_new ("(su)", "made-up", sizes[i]));
      g_autoptr (GError) error = NULL;

      g_assert_null (cf_future_get_result (future, -1, &error));
      g_assert_error (error, g_quark_from_string ("made-up"), G_MININT32);
      g_assert_cmpuint (strlen (error->message), ==, sizes[i]);
    }
  assert_future_fails (impossible, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SERIALIZABLE, "error cannot be sent");
  process_pool_end (executor);
}

static GVariant *
call_bytes_of_message (GVariant *args            G_GNUC_UNUSED,
                       GCancellable *cancellable G_GNUC_UNUSED,
                       GError                  **error)
{
  *error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_BUSY, "not \xff\xfe text");

  return g_variant_new_int32 (1);
}

static void
test_message_without_encoding (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  g_autoptr (CfFuture) future = submit (executor, call_bytes_of_message, NULL);

  g_test_summary ("A message that is not UTF-8 arrives byte by byte, and an error with a value is an error.");

  assert_future_fails (future, G_IO_ERROR, G_IO_ERROR_BUSY, "not \xff\xfe text");
  process_pool_end (executor);
}

static GVariant *
call_cancel_own (GVariant *args G_GNUC_UNUSED,
                 GCancellable  *cancellable,
                 GError **error G_GNUC_UNUSED)
{
  gboolean was_cancelled = g_cancellable_is_cancelled (cancellable);

  g_cancellable_cancel (cancellable);

  return g_variant_new_boolean (was_cancelled);
}

static void
test_cancellables_of_a_chunk (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  g_autoptr (CfResultIter) results = cf_executor_map (executor, call_cancel_own, g_variant_new_parsed ("[1, 2, 3, 4]"), -1, 2, 0, NULL);
  GVariant *result;

  g_test_summary ("What a call does to its cancellable is no matter of the next one in its chunk.");

  while ((result = cf_result_iter_next (results, NULL)) != NULL)
    {
      g_assert_false (g_variant_get_boolean (result));
      g_variant_unref (result);
    }
  process_pool_end (executor);
}

static void
set_flag (gpointer data)
{
  g_atomic_int_set ((gint *) data, TRUE);
}

/* More than any socket holds, so that most of it has not left when its worker goes. */
static GVariant *
large_args (gint *is_released)
{
  static guint8 bytes[32 << 20];

  return g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, bytes, sizeof bytes, TRUE, set_flag, is_released);
}

static void
test_arguments_are_released_first (gconstpointer time_out)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  g_autoptr (CfFuture) who = submit (executor, call_pid, NULL);
  g_autoptr (GVariant) pid = cf_future_dup_variant (who, -1, NULL);
  g_autoptr (CfFuture) future = NULL;
  gint is_released = FALSE;

  g_test_summary ("Arguments that a worker will never read are released before their future is done.");

  /* A stopped worker does not begin the call; it is ended by force, as no other one may take it over. */
  g_assert_cmpint (kill (g_variant_get_int32 (pid), SIGSTOP), ==, 0);
  if (time_out != NULL)
    g_object_set (executor, "task-timeout", (gint64) 50000, NULL);
  else
    g_object_set (executor, "worker-death-policy", CF_WORKER_DEATH_BREAK, NULL);
  future = submit (executor, call_echo, large_args (&is_released));
  while (!cf_future_is_running (future) && !cf_future_is_done (future))
    g_thread_yield ();
  if (time_out == NULL)
    g_assert_cmpint (kill (g_variant_get_int32 (pid), SIGKILL), ==, 0);

  g_assert_true (cf_future_wait (future, -1));
  g_assert_true (g_atomic_int_get (&is_released));
  if (time_out != NULL)
    assert_future_fails (future, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, NULL);
  else
    assert_future_fails (future, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN, NULL);
  process_pool_end (executor);
}

static void
test_arguments_of_a_terminated_call (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  g_autoptr (CfFuture) who = submit (executor, call_pid, NULL);
  g_autoptr (GVariant) pid = cf_future_dup_variant (who, -1, NULL);
  g_autoptr (CfFuture) future = NULL;
  gint is_released = FALSE;

  g_test_summary ("A call that is terminated while its arguments are on their way is cancelled together with them.");

  g_assert_cmpint (kill (g_variant_get_int32 (pid), SIGSTOP), ==, 0);
  future = submit (executor, call_echo, large_args (&is_released));
  while (!cf_future_is_running (future))
    g_thread_yield ();
  /* Time for the manager to send some of them; it has nothing to tell. */
  for (guint i = 0; i < 1000; i++)
    g_thread_yield ();
  g_assert_true (cf_future_terminate (future));
  g_assert_true (g_atomic_int_get (&is_released));
  g_assert_true (cf_future_is_cancelled (future));
  /* A worker that has got nothing yet is spared. */
  kill (g_variant_get_int32 (pid), SIGCONT);
  assert_increments (executor, 10);
  process_pool_end (executor);
}

static void
cancel_future (gpointer future)
{
  cf_future_cancel (*(CfFuture **) future);
}

static void
test_arguments_that_cancel (void)
{
  static guint8 bytes[1 << 20];
  CfExecutor   *executor = process_pool_new (1, NULL);
  CfFuture     *future = NULL;
  GVariant     *part = g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, bytes, sizeof bytes, TRUE, cancel_future, &future);

  g_test_summary ("What arguments were made of may cancel their call when it is released, as they are put into one piece.");

  future = cf_future_new_for_func (call_echo, g_variant_new ("(@ay)", part));
  g_assert_true (cf_executor_schedule (executor, future, NULL));
  g_assert_true (cf_future_wait (future, -1));
  assert_increments (executor, 10);
  cf_future_unref (future);
  process_pool_end (executor);
}

static void
test_arguments_of_a_cancelled_call (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  ProcessGate gate;

  g_test_summary ("A call that waits behind another one at its worker is cancelled together with its arguments.");

  process_gate_init (&gate);
  assert_increments (executor, 1000);
  {
    g_autoptr (CfFuture) running = submit (executor, call_gate, process_gate_args (&gate));
    g_autoptr (CfFuture) future = NULL;
    gint is_released = FALSE;

    process_gate_await (&gate);
    future = submit (executor, call_echo, large_args (&is_released));
    /* Time for the manager to do with it what it does; it has nothing to tell. */
    for (guint i = 0; i < 1000; i++)
      g_thread_yield ();
    g_assert_true (cf_future_cancel (future));
    g_assert_true (g_atomic_int_get (&is_released));
    process_gate_open (&gate, 1);
    g_assert_nonnull (cf_future_get_result (running, -1, NULL));
  }
  process_gate_clear (&gate);
  process_pool_end (executor);
}

/* Two calls that one worker gets together: when the first one is over, the second one runs before anybody has heard of that. */
typedef struct
{
  CfExecutor *executor;
  ProcessGate gate;
  CfFuture   *gated; /* holds them back */
  CfFuture   *first;
  CfFuture   *second;
  int         pid;
} Pair;

static void
pair_init (Pair  *pair,
           CfFunc second,
           gint64 timeout)
{
  pair->executor = process_pool_new (1, NULL);
  process_gate_init (&pair->gate);
  assert_increments (pair->executor, 1000);
  g_object_set (pair->executor, "task-timeout", timeout, NULL);
  pair->gated = submit (pair->executor, call_gate, process_gate_args (&pair->gate));
  pair->pid = process_gate_await (&pair->gate);
  pair->first = submit (pair->executor, call_increment, g_variant_new_int64 (1));
  pair->second = submit (pair->executor, second, process_gate_args (&pair->gate));
}

static void
pair_clear (Pair *pair)
{
  cf_future_unref (pair->gated);
  cf_future_unref (pair->first);
  cf_future_unref (pair->second);
  process_pool_end (pair->executor);
  process_gate_clear (&pair->gate);
}

static void
end_second (CfFuture *first G_GNUC_UNUSED,
            gpointer        user_data)
{
  Pair *pair = user_data;

  /* It comes only if it was sent together with the first one: the manager stands still here. */
  poll (&(struct pollfd){ .fd = pair->gate.started_fd, .events = POLLIN }, 1, 1000);
  g_assert_true (cf_future_terminate (pair->second));
  g_assert_true (cf_future_is_cancelled (pair->second));
}

static void
test_terminate_in_callback (void)
{
  Pair pair;

  g_test_summary ("A done-callback of one call can end the one that its worker is already busy with.");

  pair_init (&pair, call_gate, -1);
  cf_future_add_done_callback (pair.first, end_second, &pair, NULL);
  process_gate_open (&pair.gate, 1);
  g_assert_nonnull (cf_future_get_result (pair.first, -1, NULL));
  g_assert_true (cf_future_wait (pair.second, -1));
  g_assert_true (cf_future_is_cancelled (pair.second));
  assert_increments (pair.executor, 1);
  pair_clear (&pair);
}

static GVariant *
call_stop_at_gate (GVariant     *args,
                   GCancellable *cancellable,
                   GError      **error)
{
  kill (getpid (), SIGSTOP);

  return call_gate (args, cancellable, error);
}

static void
open_and_await_stop (Pair *pair)
{
  siginfo_t info;

  process_gate_open (&pair->gate, 1);
  g_assert_cmpint (waitid (P_PID, (id_t) pair->pid, &info, WSTOPPED | WNOWAIT), ==, 0);
}

typedef enum
{
  END_TERMINATE,
  END_TERMINATE_WORKERS,
  END_KILL_WORKERS,
} End;

static void
end (Pair *pair,
     End   how)
{
  if (how == END_TERMINATE)
    g_assert_true (cf_future_terminate (pair->second));
  else if (how == END_TERMINATE_WORKERS)
    cf_process_pool_executor_terminate_workers (CF_PROCESS_POOL_EXECUTOR (pair->executor));
  else if (how == END_KILL_WORKERS)
    cf_process_pool_executor_kill_workers (CF_PROCESS_POOL_EXECUTOR (pair->executor));
}

static void
test_end_of_a_stopped_worker (gconstpointer user_data)
{
  End  how = GPOINTER_TO_INT (user_data);
  Pair pair;

  g_test_summary ("A worker that stands still, and has not told what it runs, is ended all the same.");

  pair_init (&pair, call_stop_at_gate, -1);
  open_and_await_stop (&pair);
  end (&pair, how);

  g_assert_true (cf_future_is_cancelled (pair.second));
  if (how == END_TERMINATE)
    g_assert_nonnull (cf_future_get_result (pair.first, -1, NULL));
  pair_clear (&pair);
}

static void
test_time_of_a_stopped_worker (void)
{
  Pair pair;

  g_test_summary ("A call takes too long also when its worker stands still before it has told that the one before is over.");

  pair_init (&pair, call_stop_at_gate, G_USEC_PER_SEC / 2);
  process_gate_open (&pair.gate, 1);
  g_assert_true (cf_future_wait (pair.first, -1));
  assert_future_fails (pair.second, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "took longer");
  pair_clear (&pair);
}

static void
test_late_time (void)
{
  Pair pair;

  g_test_summary ("A limit that is set while a call runs holds for that one and for those that were sent behind it.");

  pair_init (&pair, call_stop_at_gate, -1);
  open_and_await_stop (&pair);
  g_object_set (pair.executor, "task-timeout", (gint64) 50000, NULL);
  assert_future_fails (pair.second, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "took longer than 0.050 s");
  g_assert_true (cf_future_wait (pair.first, -1));
  pair_clear (&pair);
}

/* So long that a slow machine, too, gets to lift it in time. */
#define LONG_LIMIT ((gint64) (5 * G_USEC_PER_SEC))

static void
test_lifted_time (void)
{
  CfExecutor *executor = process_pool_new (1, "task-timeout", LONG_LIMIT, NULL);
  ProcessGate gate;

  g_test_summary ("A limit that is lifted while a call runs holds for that one no more.");

  process_gate_init (&gate);
  {
    g_autoptr (CfFuture) future = submit (executor, call_gate, process_gate_args (&gate));

    process_gate_await (&gate);
    g_object_set (executor, "task-timeout", (gint64) -1, NULL);
    g_assert_false (cf_future_wait (future, LONG_LIMIT + G_USEC_PER_SEC / 2));
    process_gate_open (&gate, 1);
    g_assert_nonnull (cf_future_get_result (future, -1, NULL));
  }
  process_gate_clear (&gate);
  process_pool_end (executor);
}

static void
test_next_one_after_terminate (void)
{
  Pair pair;

  g_test_summary ("The one behind a call that was terminated when it was over runs, and can be ended.");

  pair_init (&pair, call_stop_at_gate, -1);
  open_and_await_stop (&pair);
  cf_future_terminate (pair.first);
  g_assert_cmpint (kill (pair.pid, SIGCONT), ==, 0);
  process_gate_await (&pair.gate);
  while (!cf_future_is_running (pair.second))
    g_thread_yield ();
  g_assert_true (cf_future_terminate (pair.second));
  g_assert_true (cf_future_is_cancelled (pair.second));
  pair_clear (&pair);
}

int
main (int    argc,
      char **argv)
{
  cf_process_pool_init (argc, argv);
  test_init (&argc, &argv);
  g_test_add_func ("/process-states/counts", test_counts);
  g_test_add_func ("/process-states/no-idle-time", test_no_idle_time);
  g_test_add_func ("/process-states/long-messages", test_long_messages);
  g_test_add_func ("/process-states/message-without-encoding", test_message_without_encoding);
  g_test_add_func ("/process-states/cancellables-of-a-chunk", test_cancellables_of_a_chunk);
  g_test_add_data_func ("/process-states/arguments-are-released-first/death", NULL, test_arguments_are_released_first);
  g_test_add_data_func ("/process-states/arguments-are-released-first/time-out", "", test_arguments_are_released_first);
  g_test_add_func ("/process-states/arguments-of-a-terminated-call", test_arguments_of_a_terminated_call);
  g_test_add_func ("/process-states/arguments-that-cancel", test_arguments_that_cancel);
  g_test_add_func ("/process-states/arguments-of-a-cancelled-call", test_arguments_of_a_cancelled_call);
  g_test_add_func ("/process-states/terminate-in-callback", test_terminate_in_callback);
  g_test_add_data_func ("/process-states/end-of-a-stopped-worker/terminate", GINT_TO_POINTER (END_TERMINATE), test_end_of_a_stopped_worker);
  g_test_add_data_func ("/process-states/end-of-a-stopped-worker/terminate-workers", GINT_TO_POINTER (END_TERMINATE_WORKERS), test_end_of_a_stopped_worker);
  g_test_add_data_func ("/process-states/end-of-a-stopped-worker/kill-workers", GINT_TO_POINTER (END_KILL_WORKERS), test_end_of_a_stopped_worker);
  g_test_add_func ("/process-states/time-of-a-stopped-worker", test_time_of_a_stopped_worker);
  g_test_add_func ("/process-states/late-time", test_late_time);
  g_test_add_func ("/process-states/lifted-time", test_lifted_time);
  g_test_add_func ("/process-states/next-one-after-terminate", test_next_one_after_terminate);

  return g_test_run ();
}
