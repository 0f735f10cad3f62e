/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A process pool that can only wait does nothing meanwhile. */

#include "process-test.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The processor time of the only pool's thread, in nanoseconds; negative where the kernel does not count it. */
static gint64
get_time_used (void)
{
  g_autoptr (GDir) threads = g_dir_open ("/proc/self/task", 0, NULL);
  const char *id;
  gint64      time_used = -1;

  while ((id = g_dir_read_name (threads)) != NULL)
    {
      g_autofree char *name_path = g_strdup_printf ("/proc/self/task/%s/comm", id);
      g_autofree char *time_path = g_strdup_printf ("/proc/self/task/%s/schedstat", id);
      g_autofree char *name = NULL, *times = NULL;

      if (g_file_get_contents (name_path, &name, NULL, NULL) && g_str_equal (name, "cf-processes\n") &&
          g_file_get_contents (time_path, &times, NULL, NULL))
        time_used = g_ascii_strtoll (times, NULL, 10);
    }

  return time_used;
}

static gboolean
rests_for_a_moment (void)
{
  gint64 before = get_time_used ();

  g_usleep (G_USEC_PER_SEC / 50);

  return get_time_used () == before;
}

/* What it has still to do takes it some of these moments, but not all. */
static void
assert_rests (void)
{
  guint n = 0;

  while (n < 200 && !rests_for_a_moment ())
    n++;
  g_assert_cmpuint (n, <, 200);
}

static gboolean
can_measure (void)
{
  if (g_file_test ("/proc/self/schedstat", G_FILE_TEST_EXISTS))
    return TRUE;
  g_test_skip ("There are no times of threads");

  return FALSE;
}

/* Calls that are submitted together, in the thread of the pool, so that one worker gets them together. */
typedef struct
{
  CfExecutor *executor;
  ProcessGate gate;
  Gate        submitted;
  CfFuture   *futures[3];
} Batch;

/* One after the other, as more at once would have more workers started. */
static void
run_quick_calls (Batch *batch)
{
  for (guint i = 0; i < 200; i++)
    assert_increments (batch->executor, 1);
}

static void
run_batch (Batch           *batch,
           CfFutureCallback submit_batch)
{
  g_autoptr (CfFuture) last = NULL;

  run_quick_calls (batch);
  last = submit (batch->executor, call_increment, g_variant_new_int64 (1));
  cf_future_add_done_callback (last, submit_batch, batch, NULL);
  gate_wait (&batch->submitted);
}

static void
batch_init (Batch      *batch,
            CfExecutor *executor)
{
  memset (batch, 0, sizeof *batch);
  batch->executor = executor;
  process_gate_init (&batch->gate);
  gate_init (&batch->submitted);
}

static void
batch_clear (Batch *batch)
{
  for (guint i = 0; i < G_N_ELEMENTS (batch->futures); i++)
    if (batch->futures[i] != NULL)
      {
        g_assert_nonnull (cf_future_get_result (batch->futures[i], -1, NULL));
        cf_future_unref (batch->futures[i]);
      }
  process_pool_end (batch->executor);
  process_gate_clear (&batch->gate);
  gate_clear (&batch->submitted);
}

static void
submit_with_large (CfFuture *last G_GNUC_UNUSED,
                   gpointer       user_data)
{
  static guint8 bytes[1 << 20];
  Batch        *batch = user_data;

  batch->futures[0] = submit (batch->executor, call_gate, process_gate_args (&batch->gate));
  batch->futures[1] = submit (batch->executor, call_increment, g_variant_new_int64 (1));
  batch->futures[2] = submit (batch->executor, call_echo,
                              g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, bytes, sizeof bytes, TRUE, NULL, NULL));
  gate_open (&batch->submitted);
}

static void
test_while_starting (void)
{
  Batch       batch;
  ProcessGate start;

  g_test_summary ("While a worker starts for what no other one takes, there is nothing to do.");

  if (!can_measure ())
    return;
  process_gate_init (&start);
  batch_init (&batch, process_pool_new (3, NULL));
  cf_process_pool_executor_set_initializer (CF_PROCESS_POOL_EXECUTOR (batch.executor), call_gate, process_gate_args (&start));
  process_gate_open (&start, 1);
  run_batch (&batch, submit_with_large);
  process_gate_await (&start);
  process_gate_await (&start);
  assert_rests ();
  process_gate_open (&batch.gate, 1);
  process_gate_open (&start, 2);
  batch_clear (&batch);
  process_gate_clear (&start);
}

static GVariant *
call_stop (GVariant *args            G_GNUC_UNUSED,
           GCancellable *cancellable G_GNUC_UNUSED,
           GError **error            G_GNUC_UNUSED)
{
  kill (getpid (), SIGSTOP);

  return g_variant_new_tuple (NULL, 0);
}

static void
submit_stop (CfFuture *last G_GNUC_UNUSED,
             gpointer       user_data)
{
  Batch *batch = user_data;

  batch->futures[0] = submit (batch->executor, call_increment, g_variant_new_int64 (1));
  batch->futures[1] = submit (batch->executor, call_stop, NULL);
  gate_open (&batch->submitted);
}

static void
test_stopped_worker (void)
{
  Batch batch;
  g_autoptr (CfFuture) who = NULL;
  g_autoptr (GVariant) pid = NULL;
  siginfo_t info;

  g_test_summary ("While a worker stands still that has begun all that it was given, there is nothing to do.");

  if (!can_measure ())
    return;
  batch_init (&batch, process_pool_new (2, NULL));
  who = submit (batch.executor, call_pid, NULL);
  pid = cf_future_dup_variant (who, -1, NULL);
  run_batch (&batch, submit_stop);
  g_assert_cmpint (waitid (P_PID, (id_t) g_variant_get_int32 (pid), &info, WSTOPPED | WNOWAIT), ==, 0);
  assert_rests ();
  g_assert_cmpint (kill (g_variant_get_int32 (pid), SIGCONT), ==, 0);
  batch_clear (&batch);
}

static char told_path[256];

static void
tell_pid (void)
{
  int fd = open (told_path, O_WRONLY | O_CLOEXEC), pid = getpid ();

  if (write (fd, &pid, sizeof pid) > 0)
    close (fd);
}

/* It may be told to end more than once. */
static void
terminated (int number)
{
  signal (number, SIG_IGN);
  tell_pid ();
}

/* Tells that it is there, and once more when it should end, which it does not. */
static GVariant *
call_stay (GVariant     *args,
           GCancellable *cancellable,
           GError      **error)
{
  const char *path, *other;

  g_variant_get (args, "(^&ay^&ay)", &path, &other);
  g_strlcpy (told_path, path, sizeof told_path);
  signal (SIGTERM, terminated);
  tell_pid ();

  return call_hang (args, cancellable, error);
}

/* Lets one worker take too long, and returns its pid when it has been told to end. */
static int
await_slow_start (CfExecutor  *executor,
                  ProcessGate *gate)
{
  int pid = process_gate_await (gate);

  g_object_set (executor, "start-timeout", (gint64) 0, NULL);
  g_assert_cmpint (process_gate_await (gate), ==, pid);
  g_object_set (executor, "start-timeout", (gint64) -1, NULL);

  return pid;
}

/* Counts only while @pid is there. */
static gboolean
rests_beside (int pid)
{
  gboolean rests = FALSE;

  while (!process_has_ended (pid) && !rests)
    rests = rests_for_a_moment () && !process_has_ended (pid);

  return rests;
}

static void
test_slow_end (void)
{
  CfExecutor *executor = process_pool_new (1, "start-timeout", (gint64) -1, NULL);
  ProcessGate gate;
  gboolean    rests = FALSE;

  g_test_summary ("While a worker that did not start takes its time to end, there is nothing to do.");

  if (!can_measure ())
    return;
  process_gate_init (&gate);
  cf_process_pool_executor_set_initializer (CF_PROCESS_POOL_EXECUTOR (executor), call_stay, process_gate_args (&gate));
  {
    g_autoptr (CfFuture) future = submit (executor, call_pid, NULL);

    /* Only from the second one on is another one due meanwhile. */
    await_slow_start (executor, &gate);
    for (guint i = 0; i < 2; i++)
      rests = rests_beside (await_slow_start (executor, &gate)) || rests;
    g_assert_true (rests);
    assert_future_fails (future, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN, "was not ready");
  }
  process_pool_end (executor);
  process_gate_clear (&gate);
}

int
main (int    argc,
      char **argv)
{
  cf_process_pool_init (argc, argv);
  test_init (&argc, &argv);
  g_test_add_func ("/process-rest/while-starting", test_while_starting);
  g_test_add_func ("/process-rest/stopped-worker", test_stopped_worker);
  g_test_add_func ("/process-rest/slow-end", test_slow_end);

  return g_test_run ();
}
