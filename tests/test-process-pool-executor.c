/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What a process pool does with calls, when nobody dies. */

#include "process-test.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static void
test_result (void)
{
  CfExecutor *executor = process_pool_new (2, NULL);

  g_test_summary ("A static function of the program runs in another process.");

  {
    g_autoptr (CfFuture) future = submit (executor, call_pid, NULL);
    g_autoptr (GVariant) pid = cf_future_dup_variant (future, -1, NULL);

    g_assert_cmpint (g_variant_get_int32 (pid), !=, getpid ());
  }
  assert_increments (executor, 1000);
  g_assert_cmpuint (get_uint64 (executor, "n-deaths"), ==, 0);
  process_pool_end (executor);
}

static void
test_errors (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  g_autoptr (CfFuture) failure = submit (executor, call_fail, NULL);
  g_autoptr (CfFuture) null = submit (executor, call_null, NULL);

  g_test_summary ("An error keeps domain, code and message; NULL is one.");

  assert_future_fails (failure, g_quark_from_string ("made-up-domain"), -77, "sorry");
  assert_future_fails (null, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT, NULL);
  process_pool_end (executor);
}

static gboolean
task (GValue *result            G_GNUC_UNUSED,
      GCancellable *cancellable G_GNUC_UNUSED,
      gpointer user_data        G_GNUC_UNUSED,
      GError **error            G_GNUC_UNUSED)
{
  g_assert_not_reached ();
}

static void
test_what_cannot_travel (void)
{
  static int  data[16];
  CfExecutor *executor = process_pool_new (1, NULL);
  g_autoptr (CfFuture) closure = submit (executor, (CfFunc) (gpointer) data, NULL);
  g_autoptr (CfFuture) handle = submit (executor, call_echo, g_variant_new_handle (0));
  g_autoptr (CfFuture) tasked = cf_executor_submit_task (executor, task, NULL, NULL, NULL);
  g_autoptr (CfFuture) without_call = cf_future_new ();

  g_test_summary ("What cannot travel fails its own future.");

  assert_future_fails (closure, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SERIALIZABLE, NULL);
  assert_future_fails (handle, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SERIALIZABLE, "handle");
  assert_future_fails (tasked, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SERIALIZABLE, "A task");
  g_assert_true (cf_executor_schedule (executor, without_call, NULL));
  assert_future_fails (without_call, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT, "no function");
  assert_increments (executor, 3);
  process_pool_end (executor);
}

static void
test_payloads (void)
{
  static const gsize sizes[] = { 0, 1, 4096, 65536, 65537, 1 << 20, (33 << 20) + 5 };
  CfExecutor        *executor = process_pool_new (1, NULL);

  g_test_summary ("Payloads of any size come back byte by byte.");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      guint8 *data = g_malloc (sizes[i] + 1);
      g_autoptr (GVariant) sent = NULL;
      g_autoptr (GVariant) got = NULL;
      g_autoptr (CfFuture) future = NULL;

      for (gsize j = 0; j < sizes[i]; j++)
        data[j] = (guint8) (j * 7 + j / 255);
      sent = g_variant_ref_sink (g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, data, sizes[i], TRUE, g_free, data));
      future = submit (executor, call_echo, sent);
      got = cf_future_dup_variant (future, -1, NULL);
      g_assert_cmpmem (g_variant_get_data (got), g_variant_get_size (got), data, sizes[i]);
    }
  process_pool_end (executor);
}

static void
test_cancel (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  ProcessGate gate;

  g_test_summary ("What waits can be cancelled, what runs cannot; the slots are free again.");

  process_gate_init (&gate);
  assert_increments (executor, 500);
  {
    g_autoptr (CfFuture) running = submit (executor, call_gate, process_gate_args (&gate));
    g_autoptr (GPtrArray) queued = g_ptr_array_new_with_free_func (g_object_unref);

    for (guint i = 0; i < 200; i++)
      g_ptr_array_add (queued, submit (executor, call_hang, NULL));
    process_gate_await (&gate);

    g_assert_false (cf_future_cancel (running));
    for (guint i = 0; i < queued->len; i++)
      {
        g_assert_true (cf_future_cancel (queued->pdata[i]));
        g_assert_true (cf_future_is_cancelled (queued->pdata[i]));
      }
    process_gate_open (&gate, 1);
    g_assert_true (cf_future_wait (running, -1));
  }
  assert_increments (executor, 500);
  g_assert_cmpuint (get_uint64 (executor, "n-deaths"), ==, 0);
  process_gate_clear (&gate);
  process_pool_end (executor);
}

/* Calls that were sent behind a long one must not wait for it when somebody else is free. */
static void
test_nobody_waits_for_a_long_call (void)
{
  CfExecutor *executor = process_pool_new (2, NULL);
  ProcessGate gate;

  g_test_summary ("A long call holds up nothing but itself.");

  process_gate_init (&gate);
  assert_increments (executor, 2000);
  for (guint i = 0; i < 10; i++)
    {
      g_autoptr (CfFuture) running = submit (executor, call_gate, process_gate_args (&gate));

      assert_increments (executor, 100);
      process_gate_await (&gate);
      process_gate_open (&gate, 1);
      g_assert_true (cf_future_wait (running, -1));
    }
  process_gate_clear (&gate);
  process_pool_end (executor);
}

static void
test_timeout (void)
{
  CfExecutor *executor = process_pool_new (1, "task-timeout", (gint64) 100000, NULL);
  g_autoptr (CfFuture) hanging = submit (executor, call_hang, NULL);
  g_autoptr (CfFuture) stopped = submit (executor, call_die, g_variant_new_int32 (SIGSTOP));
  g_autoptr (CfFuture) next = submit (executor, call_increment, g_variant_new_int64 (1));

  g_test_summary ("A call that takes too long is ended, a stopped process too; the next one runs.");

  assert_future_fails (hanging, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, NULL);
  assert_future_fails (stopped, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, NULL);
  g_assert_true (cf_future_wait (next, -1));
  assert_increments (executor, 3);
  g_assert_cmpuint (get_uint64 (executor, "n-deaths"), ==, 0);
  process_pool_end (executor);
}

static void
test_terminate (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  ProcessGate gate;

  g_test_summary ("A running call is ended with its worker, and nothing else is.");

  process_gate_init (&gate);
  {
    g_autoptr (CfFuture) running = submit (executor, call_gate, process_gate_args (&gate));
    g_autoptr (CfFuture) pending = submit (executor, call_hang, NULL);
    g_autoptr (CfFuture) next = submit (executor, call_pid, NULL);
    g_autoptr (GVariant) pid = NULL;
    int victim = process_gate_await (&gate);

    g_assert_true (cf_future_terminate (pending));
    g_assert_true (cf_future_terminate (running));
    g_assert_true (cf_future_is_cancelled (running));
    assert_future_fails (running, G_IO_ERROR, G_IO_ERROR_CANCELLED, NULL);
    pid = cf_future_dup_variant (next, -1, NULL);
    g_assert_cmpint (g_variant_get_int32 (pid), !=, victim);
    g_assert_false (cf_future_terminate (next));
  }
  assert_increments (executor, 10);
  g_assert_cmpuint (get_uint64 (executor, "n-deaths"), ==, 0);
  g_assert_cmpuint (get_uint64 (executor, "n-restarts"), ==, 1);
  process_gate_clear (&gate);
  process_pool_end (executor);
}

/* Comes to the gate, and stays until it is not wanted any more. */
static GVariant *
call_until_cancelled (GVariant     *args,
                      GCancellable *cancellable,
                      GError      **error)
{
  GPollFD pollfd;

  g_variant_unref (g_variant_take_ref (call_gate (args, NULL, NULL)));
  if (g_cancellable_make_pollfd (cancellable, &pollfd))
    g_poll (&pollfd, 1, -1);
  g_cancellable_release_fd (cancellable);
  g_cancellable_set_error_if_cancelled (cancellable, error);

  return NULL;
}

static GVariant *
call_is_cancelled (GVariant *args G_GNUC_UNUSED,
                   GCancellable  *cancellable,
                   GError **error G_GNUC_UNUSED)
{
  return g_variant_new_boolean (g_cancellable_is_cancelled (cancellable));
}

static void
test_cancellable (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  ProcessGate gate;

  g_test_summary ("The cancellable of a running call reaches its function, and no other one's.");

  process_gate_init (&gate);
  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (CfFuture) future = submit (executor, call_until_cancelled, process_gate_args (&gate));
      g_autoptr (CfFuture) next = submit (executor, call_is_cancelled, NULL);
      g_autoptr (GVariant) is_cancelled = NULL;

      /* Asked for before it starts, and only while it runs; cancelled while it runs, and before it looks. */
      if (i % 2 == 0)
        cf_future_get_cancellable (future);
      process_gate_await (&gate);
      if (i % 3 == 0)
        g_cancellable_cancel (cf_future_get_cancellable (future));
      process_gate_open (&gate, 1);
      g_cancellable_cancel (cf_future_get_cancellable (future));
      assert_future_fails (future, G_IO_ERROR, G_IO_ERROR_CANCELLED, NULL);
      g_assert_cmpint (cf_future_get_state (future), ==, CF_FUTURE_STATE_FINISHED);
      is_cancelled = cf_future_dup_variant (next, -1, NULL);
      g_assert_false (g_variant_get_boolean (is_cancelled));
    }
  g_assert_cmpuint (get_uint64 (executor, "n-deaths"), ==, 0);
  process_gate_clear (&gate);
  process_pool_end (executor);
}

static void
test_end_workers (gconstpointer how)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  ProcessGate gate;

  g_test_summary ("All workers end, and every future is cancelled.");

  process_gate_init (&gate);
  {
    g_autoptr (CfFuture) running = submit (executor, call_gate, process_gate_args (&gate));
    g_autoptr (CfFuture) pending = submit (executor, call_hang, NULL);
    g_autoptr (GError) error = NULL;
    int pid = process_gate_await (&gate);

    if (GPOINTER_TO_INT (how) == SIGTERM)
      cf_process_pool_executor_terminate_workers (CF_PROCESS_POOL_EXECUTOR (executor));
    else
      cf_process_pool_executor_kill_workers (CF_PROCESS_POOL_EXECUTOR (executor));
    g_assert_true (cf_future_is_cancelled (running));
    g_assert_true (cf_future_is_cancelled (pending));
    g_assert_null (cf_executor_submit (executor, call_pid, NULL, &error));
    g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SHUTDOWN);
    cf_executor_shutdown (executor, TRUE, FALSE);
    g_assert_true (process_has_ended (pid));
  }
  process_gate_clear (&gate);
  process_pool_end (executor);
}

static void
test_shutdown (void)
{
  CfExecutor *executor = process_pool_new (2, NULL);
  g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);

  g_test_summary ("Queued work still runs when the last reference goes.");

  for (guint i = 0; i < 300; i++)
    g_ptr_array_add (futures, submit (executor, call_increment, g_variant_new_int64 (i)));
  g_object_unref (executor);
  for (guint i = 0; i < futures->len; i++)
    {
      g_autoptr (GVariant) result = cf_future_dup_variant (futures->pdata[i], -1, NULL);

      g_assert_nonnull (result);
    }
}

static void
test_max_tasks_per_child (void)
{
  CfExecutor *executor = process_pool_new (1, "max-tasks-per-child", 2, NULL);
  int         pids[6];

  g_test_summary ("A worker is replaced after so many calls; that is no death.");

  for (guint i = 0; i < 6; i++)
    {
      g_autoptr (CfFuture) future = submit (executor, call_pid, NULL);
      g_autoptr (GVariant) pid = cf_future_dup_variant (future, -1, NULL);

      pids[i] = g_variant_get_int32 (pid);
    }
  for (guint i = 0; i < 6; i += 2)
    {
      g_assert_cmpint (pids[i], ==, pids[i + 1]);
      if (i > 0)
        g_assert_cmpint (pids[i], !=, pids[i - 1]);
    }
  assert_increments (executor, 41);
  g_assert_cmpuint (get_uint64 (executor, "n-deaths"), ==, 0);
  process_pool_end (executor);
}

static gboolean
has_no_workers (gpointer executor)
{
  return get_uint (executor, "n-workers") == 0;
}

static void
test_idle_timeout (void)
{
  CfExecutor *executor = process_pool_new (2, "idle-timeout", (gint64) 20000, NULL);

  g_test_summary ("An idle worker goes, and comes when it is needed.");

  assert_increments (executor, 2);
  while (!has_no_workers (executor))
    g_thread_yield ();
  assert_increments (executor, 2);
  g_assert_cmpuint (get_uint64 (executor, "n-deaths"), ==, 0);
  g_assert_cmpuint (get_uint64 (executor, "n-restarts"), ==, 0);
  process_pool_end (executor);
}

static GVariant *
call_be_rude (GVariant *args            G_GNUC_UNUSED,
              GCancellable *cancellable G_GNUC_UNUSED,
              GError **error            G_GNUC_UNUSED)
{
  sigset_t all;

  close (0);
  close (1);
  close (2);
  sigfillset (&all);
  sigprocmask (SIG_SETMASK, &all, NULL);
  signal (SIGTERM, SIG_IGN);
  if (chdir ("/") != 0)
    return NULL;
  if (fork () == 0)
    return g_variant_new_int32 (1); /* a child that goes on as if it were the worker */

  return g_variant_new_int32 (0);
}

static void
test_rude_call (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  g_autoptr (CfFuture) future = submit (executor, call_be_rude, NULL);
  g_autoptr (GVariant) result = cf_future_dup_variant (future, -1, NULL);

  g_test_summary ("A call may close, block and fork what it likes: the next one runs.");

  g_assert_cmpint (g_variant_get_int32 (result), ==, 0);
  assert_increments (executor, 100);
  g_assert_cmpuint (get_uint64 (executor, "n-deaths"), ==, 0);
  process_pool_end (executor);
}

static GVariant *
call_nested (GVariant                 *args,
             GCancellable *cancellable G_GNUC_UNUSED,
             GError                  **error)
{
  g_autoptr (CfExecutor) executor = CF_EXECUTOR (cf_process_pool_executor_new (1));
  g_autoptr (CfFuture) future = NULL;
  gint64    depth = g_variant_get_int64 (args);
  GVariant *result;

  if (depth == 0)
    return g_variant_new_int64 (0);
  future = cf_executor_submit (executor, call_nested, g_variant_new_int64 (depth - 1), error);
  result = future != NULL ? cf_future_dup_variant (future, -1, error) : NULL;
  cf_executor_shutdown (executor, TRUE, FALSE);

  return result;
}

static void
test_nested (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  g_autoptr (CfFuture) shallow = submit (executor, call_nested, g_variant_new_int64 (2));
  g_autoptr (CfFuture) deep = submit (executor, call_nested, g_variant_new_int64 (50));
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) result = cf_future_dup_variant (shallow, -1, &error);

  g_test_summary ("A pool in a worker works, but not without end.");

  g_assert_no_error (error);
  g_assert_nonnull (result);
  assert_future_fails (deep, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SUPPORTED, "deeper");
  process_pool_end (executor);
}

static void
test_no_leak (void)
{
  guint n_descriptors = 0;

  g_test_summary ("Pools come and go, and leave no descriptor and no child.");

  for (guint i = 0; i < 20; i++)
    {
      CfExecutor *executor = process_pool_new (2, NULL);

      assert_increments (executor, 20);
      process_pool_end (executor);
      if (i == 2)
        n_descriptors = count_descriptors ();
    }
  /* GLib's own thread closes what it watched the last children with. */
  while (count_descriptors () > n_descriptors)
    g_thread_yield ();
  g_assert_cmpuint (count_children (), ==, 0);
}

int
main (int    argc,
      char **argv)
{
  cf_process_pool_init (argc, argv);
  test_init (&argc, &argv);
  g_test_add_func ("/process-pool/result", test_result);
  g_test_add_func ("/process-pool/errors", test_errors);
  g_test_add_func ("/process-pool/what-cannot-travel", test_what_cannot_travel);
  g_test_add_func ("/process-pool/payloads", test_payloads);
  g_test_add_func ("/process-pool/cancel", test_cancel);
  g_test_add_func ("/process-pool/nobody-waits-for-a-long-call", test_nobody_waits_for_a_long_call);
  g_test_add_func ("/process-pool/timeout", test_timeout);
  g_test_add_func ("/process-pool/cancellable", test_cancellable);
  g_test_add_func ("/process-pool/terminate", test_terminate);
  g_test_add_data_func ("/process-pool/terminate-workers", GINT_TO_POINTER (SIGTERM), test_end_workers);
  g_test_add_data_func ("/process-pool/kill-workers", GINT_TO_POINTER (SIGKILL), test_end_workers);
  g_test_add_func ("/process-pool/shutdown", test_shutdown);
  g_test_add_func ("/process-pool/max-tasks-per-child", test_max_tasks_per_child);
  g_test_add_func ("/process-pool/idle-timeout", test_idle_timeout);
  g_test_add_func ("/process-pool/rude-call", test_rude_call);
  g_test_add_func ("/process-pool/nested", test_nested);
  g_test_add_func ("/process-pool/no-leak", test_no_leak);

  return g_test_run ();
}
