/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What becomes of the calls of a worker that stands still before it has read them. */

#include "process-test.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* A little less than makes a pool wait before it sends another call behind; with that other one it is more. */
#define LARGE_SIZE ((1 << 20) - 20000)
#define SMALL_SIZE (1 << 17)

/* After a round trip that was so short, a pool sends calls ahead. */
#define QUICK_US 300

typedef struct
{
  CfExecutor *executor;
  ProcessGate gate;
  int         pid;         /* of the worker that stands still */
  CfFuture   *large;       /* waits at the gate */
  CfFuture   *small;       /* was sent to that worker together with it */
  gint        is_released; /* (atomic): the arguments of the large one are */
} Stop;

static void
set_flag (gpointer flag)
{
  g_atomic_int_set ((gint *) flag, TRUE);
}

static GVariant *
call_gate_beside (GVariant     *args,
                  GCancellable *cancellable,
                  GError      **error)
{
  g_autoptr (GVariant) gate = g_variant_get_child_value (args, 0);

  return call_gate (gate, cancellable, error);
}

static GVariant *
zeros_new (gsize size)
{
  static const guint8 zeros[LARGE_SIZE];

  return g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, zeros, size, TRUE, NULL, NULL);
}

/* The gate and many bytes, in one piece that tells when it is released. */
static GVariant *
large_args (Stop *stop)
{
  static guint64 place[(1 << 20) / 8];
  g_autoptr (GVariant) args = g_variant_ref_sink (g_variant_new ("(@(ayay)@ay)", process_gate_args (&stop->gate), zeros_new (LARGE_SIZE)));
  gsize size = g_variant_get_size (args);

  g_variant_store (args, place);

  return g_variant_new_from_data (g_variant_get_type (args), place, size, TRUE, set_flag, &stop->is_released);
}

static gboolean
is_quick (CfExecutor *executor)
{
  gint64 before = g_get_monotonic_time ();

  assert_increments (executor, 1);

  return g_get_monotonic_time () - before < QUICK_US;
}

/* FALSE: the machine is too slow. */
static gboolean
gets_quick (CfExecutor *executor)
{
  for (guint i = 0; i < 3000; i++)
    if (is_quick (executor))
      return TRUE;

  g_test_skip ("No round trip is so short that calls are sent ahead");

  return FALSE;
}

/* Then they hold next to nothing, whatever the system allows. */
static void
narrow_sockets (void)
{
  for (int fd = 3; fd < 1024; fd++)
    setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &(int){ 1 }, sizeof (int));
}

/* Stops the only worker, and lets it be sent two calls. */
static gboolean
stop_init (Stop *stop,
           guint max_workers)
{
  siginfo_t info;

  memset (stop, 0, sizeof *stop);
  process_gate_init (&stop->gate);
  stop->executor = process_pool_new (max_workers, NULL);
  {
    g_autoptr (CfFuture) who = submit (stop->executor, call_pid, NULL);
    g_autoptr (GVariant) pid = cf_future_dup_variant (who, -1, NULL);

    stop->pid = g_variant_get_int32 (pid);
  }
  narrow_sockets ();
  if (!gets_quick (stop->executor))
    return FALSE;

  g_assert_cmpint (kill (stop->pid, SIGSTOP), ==, 0);
  g_assert_cmpint (waitid (P_PID, (id_t) stop->pid, &info, WSTOPPED | WNOWAIT), ==, 0);
  stop->large = submit (stop->executor, call_gate_beside, large_args (stop));
  stop->small = submit (stop->executor, call_echo, zeros_new (SMALL_SIZE));

  return TRUE;
}

/* The worker that goes on skips what it was sent of them, and takes the next ones. */
static void
stop_clear (Stop *stop)
{
  g_assert_cmpint (kill (stop->pid, SIGCONT), ==, 0);
  assert_increments (stop->executor, 100);
  g_clear_object (&stop->large);
  g_clear_object (&stop->small);
  process_pool_end (stop->executor);
  process_gate_clear (&stop->gate);
}

static void
test_arguments (void)
{
  Stop stop;

  g_test_summary ("A call that another worker ran is done without its arguments, also when they did not all get to the first one.");

  if (stop_init (&stop, 2))
    {
      g_assert_cmpint (process_gate_await (&stop.gate), !=, stop.pid);
      process_gate_open (&stop.gate, 1);
      g_assert_nonnull (cf_future_get_result (stop.large, -1, NULL));
      g_assert_true (g_atomic_int_get (&stop.is_released));
      g_assert_nonnull (cf_future_get_result (stop.small, -1, NULL));
    }
  stop_clear (&stop);
}

static void
test_terminated (void)
{
  Stop stop;

  g_test_summary ("A call that waits for another worker is terminated together with its arguments.");

  if (stop_init (&stop, 2))
    {
      g_assert_cmpint (process_gate_await (&stop.gate), !=, stop.pid);
      g_assert_true (cf_future_terminate (stop.large));
      g_assert_true (g_atomic_int_get (&stop.is_released));
      g_assert_nonnull (cf_future_get_result (stop.small, -1, NULL));
    }
  stop_clear (&stop);
}

static void
test_another_worker (void)
{
  Stop stop;

  g_test_summary ("A worker that does not read is not counted on: another one is started for each call that was taken back from it.");

  if (stop_init (&stop, 3))
    {
      g_assert_cmpint (process_gate_await (&stop.gate), !=, stop.pid);
      g_assert_nonnull (cf_future_get_result (stop.small, -1, NULL));
      process_gate_open (&stop.gate, 1);
      g_assert_nonnull (cf_future_get_result (stop.large, -1, NULL));
    }
  stop_clear (&stop);
}

int
main (int    argc,
      char **argv)
{
  cf_process_pool_init (argc, argv);
  test_init (&argc, &argv);
  g_test_add_func ("/process-window/arguments", test_arguments);
  g_test_add_func ("/process-window/terminated", test_terminated);
  g_test_add_func ("/process-window/another-worker", test_another_worker);

  return g_test_run ();
}
