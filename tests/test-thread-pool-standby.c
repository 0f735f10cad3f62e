/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Floods of tasks that are over at once, which workers leave to each other, and what comes after them. */

#include "cf-test-executors.h"

#define N_ROUNDS 25
#define N_SHORT_MAX 2000

typedef struct
{
  CfExecutor *executor;
  GPtrArray  *futures; /* of the round (element-type CfFuture) */
  gint        n_ran;
  gint        n_expected;
} Fixture;

static void
set_up (Fixture      *fixture,
        gconstpointer n_workers)
{
  fixture->executor = pool_new (GPOINTER_TO_UINT (n_workers));
  fixture->futures = g_ptr_array_new_with_free_func ((GDestroyNotify) cf_future_unref);
}

static void
tear_down (Fixture                *fixture,
           gconstpointer n_workers G_GNUC_UNUSED)
{
  g_assert_cmpint (g_atomic_int_get (&fixture->n_ran), ==, fixture->n_expected);
  cf_executor_shutdown (fixture->executor, TRUE, FALSE);
  g_ptr_array_unref (fixture->futures);
  await_finalized (fixture->executor);
}

static void
submit_short_ones (Fixture *fixture,
                   guint    n)
{
  for (guint i = 0; i < n; i++)
    g_ptr_array_add (fixture->futures, submit_task (fixture->executor, task_count, &fixture->n_ran));
  fixture->n_expected += (gint) n;
}

static guint
any_number (void)
{
  return (guint) g_test_rand_int_range (0, N_SHORT_MAX);
}

static gboolean
task_open (GValue                   *result,
           GCancellable *cancellable G_GNUC_UNUSED,
           gpointer                  gate,
           GError **error            G_GNUC_UNUSED)
{
  gate_open (gate);
  g_value_init (result, G_TYPE_INT);

  return TRUE;
}

static void
end_round (Fixture *fixture)
{
  g_assert_true (cf_wait ((CfFuture **) fixture->futures->pdata, fixture->futures->len, CF_ALL_COMPLETED, -1, NULL, NULL, NULL));
  g_ptr_array_set_size (fixture->futures, 0);
}

static void
check_round (Fixture *fixture,
             guint    n_workers,
             gboolean awaits_short_ones)
{
  Gate gate;

  gate_init (&gate);
  submit_short_ones (fixture, any_number ());
  if (awaits_short_ones)
    end_round (fixture);

  /* All workers but one are kept until the last task ran. */
  for (guint i = 1; i < n_workers; i++)
    {
      g_ptr_array_add (fixture->futures, submit_task (fixture->executor, task_gate, &gate));
      submit_short_ones (fixture, any_number () / 10);
    }
  if (g_test_rand_bit ())
    gate_await_waiting (&gate, n_workers - 1);
  if (g_test_rand_bit ())
    submit_short_ones (fixture, any_number ());
  g_ptr_array_add (fixture->futures, submit_task (fixture->executor, task_open, &gate));

  end_round (fixture);
  gate_clear (&gate);
}

static void
test_kept_amid (Fixture      *fixture,
                gconstpointer n_workers)
{
  g_test_summary ("Tasks that keep all workers but one, amid a flood of short ones, wait for no more than they say.");

  for (guint i = 0; i < N_ROUNDS; i++)
    check_round (fixture, GPOINTER_TO_UINT (n_workers), FALSE);
}

static void
test_kept_after (Fixture      *fixture,
                 gconstpointer n_workers)
{
  g_test_summary ("The same after the flood.");

  for (guint i = 0; i < N_ROUNDS; i++)
    check_round (fixture, GPOINTER_TO_UINT (n_workers), TRUE);
}

static void
test_shutdown (Fixture                *fixture,
               gconstpointer n_workers G_GNUC_UNUSED)
{
  g_test_summary ("A shutdown amid a flood of short tasks ends when all of them ran.");

  submit_short_ones (fixture, 20 * N_SHORT_MAX);
  cf_executor_shutdown (fixture->executor, TRUE, FALSE);

  g_assert_cmpint (g_atomic_int_get (&fixture->n_ran), ==, fixture->n_expected);
  g_assert_cmpuint (get_count (fixture->executor, "n-workers"), ==, 0);
}

static void
test_counts (Fixture      *fixture,
             gconstpointer n_workers)
{
  guint n_running = 0;

  g_test_summary ("Who leaves the work to others does not count as running, and there are no more workers than there may be.");

  submit_short_ones (fixture, 20 * N_SHORT_MAX);
  while (get_count (fixture->executor, "n-pending") > 0)
    {
      n_running = get_count (fixture->executor, "n-running");
      g_assert_cmpuint (n_running, <=, GPOINTER_TO_UINT (n_workers));
      g_assert_cmpuint (get_count (fixture->executor, "n-workers"), <=, GPOINTER_TO_UINT (n_workers));
    }
  end_round (fixture);
  while (get_count (fixture->executor, "n-running") > 0)
    g_thread_yield ();
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define ADD(path, test, n_workers) \
  g_test_add ("/thread-pool-standby/" path "/" #n_workers, Fixture, GUINT_TO_POINTER (n_workers), set_up, test, tear_down)
#define ADD_ALL(path, test) \
  do                        \
    {                       \
      ADD (path, test, 1);  \
      ADD (path, test, 2);  \
      ADD (path, test, 3);  \
      ADD (path, test, 8);  \
    }                       \
  while (0)
  ADD_ALL ("kept-amid", test_kept_amid);
  ADD_ALL ("kept-after", test_kept_after);
  ADD_ALL ("shutdown", test_shutdown);
  ADD_ALL ("counts", test_counts);

  return g_test_run ();
}
