/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Threads and descriptors: none too early, none left. */

#include "cf-test-executors.h"

static void
test_none_too_early (void)
{
  guint       n;
  CfExecutor *executor;

  g_test_summary ("A pool has no thread before the first submit, and needs none to end.");

  n = settle_threads ();
  executor = pool_new (8);
  g_assert_cmpuint (n_threads (), ==, n);
  g_assert_cmpuint (get_count (executor, "n-workers"), ==, 0);
  cf_executor_shutdown (executor, TRUE, TRUE);
  g_assert_finalize_object (executor);
  g_assert_cmpuint (n_threads (), ==, n);
}

static void
use (CfExecutor *executor,
     Gate       *gate,
     guint       n_workers)
{
  for (guint i = 0; i < n_workers + 4; i++)
    cf_future_unref (submit_task (executor, task_gate, gate));
  gate_await_waiting (gate, n_workers);
}

static void
test_none_left (gconstpointer wait)
{
  guint n, n_files;

  g_test_summary ("When the pool is gone, so are its threads and descriptors.");

  n = settle_threads ();
  n_files = n_descriptors ();
  for (guint i = 0; i < 10; i++)
    {
      CfExecutor *executor = pool_new (8);
      Gate        gate;

      gate_init (&gate);
      use (executor, &gate, 8);
      g_assert_cmpuint (n_threads (), >=, n + 8);
      gate_open (&gate);
      if (wait != NULL)
        cf_executor_shutdown (executor, TRUE, FALSE);
      await_finalized (executor);
      g_assert_cmpuint (settle_threads (), ==, n);
      gate_clear (&gate);
    }
  g_assert_cmpuint (n_descriptors (), ==, n_files);
}

static void
test_idle_threads_go (void)
{
  CfExecutor *executor = pool_new (8);
  guint       n;
  Gate        gate;

  g_test_summary ("Workers that idle end with a shutdown that does not wait.");

  n = settle_threads ();
  gate_init (&gate);
  use (executor, &gate, 8);
  gate_open (&gate);
  await_count (executor, "n-running", 0);
  cf_executor_shutdown (executor, FALSE, FALSE);
  await_count (executor, "n-workers", 0);
  g_assert_cmpuint (settle_threads (), ==, n);
  await_finalized (executor);
  gate_clear (&gate);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/thread-pool-threads/none-too-early", test_none_too_early);
  g_test_add_data_func ("/thread-pool-threads/none-left/shutdown", "wait", test_none_left);
  g_test_add_data_func ("/thread-pool-threads/none-left/unref", NULL, test_none_left);
  g_test_add_func ("/thread-pool-threads/idle-threads-go", test_idle_threads_go);

  return g_test_run ();
}
