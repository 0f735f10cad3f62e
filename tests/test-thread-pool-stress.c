/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Many threads submit, cancel and wait at once, with and without spinning: each task runs exactly once, or never. */

#include "cf-test-executors.h"

#define N_SUBMITTERS 8

typedef struct
{
  gint n_ran;       /* (atomic) */
  gint n_released;  /* (atomic) */
  gint n_callbacks; /* (atomic) */
  gint is_cancelled;
} Item;

typedef struct
{
  CfExecutor *executor;
  guint       n_items;
  guint32     seed;
} Submitter;

typedef struct
{
  guint n_workers;
  guint spin_us;
} Setting;

static const Setting settings[] = { { 1, 0 }, { 2, 0 }, { 4, 0 }, { 8, 0 }, { 1, 50 }, { 2, 50 }, { 4, 50 }, { 8, 50 } };

static guint
get_n_items (void)
{
  return n_tries (5000, 125000);
}

static gboolean
task_run_once (GValue       *result,
               GCancellable *cancellable,
               gpointer      user_data,
               GError      **error)
{
  Item *item = user_data;

  g_atomic_int_inc (&item->n_ran);

  return task_int (result, cancellable, GINT_TO_POINTER (1), error);
}

static void
release_item (gpointer data)
{
  g_atomic_int_inc (&((Item *) data)->n_released);
}

static void
count_item (CfFuture *future,
            gpointer  user_data)
{
  g_atomic_int_inc (&((Item *) user_data)->n_callbacks);
}

static void
check_item (Item     *item,
            CfFuture *future)
{
  g_assert_true (cf_future_wait (future, -1));
  g_assert_cmpint (cf_future_is_cancelled (future), ==, item->is_cancelled);
  if (!item->is_cancelled)
    g_assert_cmpint (get_int (future), ==, 1);
  g_assert_cmpint (g_atomic_int_get (&item->n_ran), ==, item->is_cancelled ? 0 : 1);
  g_assert_cmpint (g_atomic_int_get (&item->n_released), ==, 1);
}

static gpointer
submitter_thread (gpointer data)
{
  Submitter            *self = data;
  GRand                *rand = g_rand_new_with_seed (self->seed);
  g_autofree Item      *items = g_new0 (Item, self->n_items);
  g_autofree CfFuture **futures = g_new0 (CfFuture *, self->n_items);

  for (guint i = 0; i < self->n_items; i++)
    {
      guint victim = i - (guint) g_rand_int_range (rand, 0, (gint32) MIN (i, 50) + 1);

      futures[i] = cf_executor_submit_task (self->executor, task_run_once, &items[i], release_item, NULL);
      cf_future_add_done_callback (futures[i], count_item, &items[i], NULL);
      if (g_rand_int_range (rand, 0, 3) == 0 && cf_future_cancel (futures[victim]))
        items[victim].is_cancelled = TRUE;
      if (g_rand_int_range (rand, 0, 100) == 0)
        cf_future_wait (futures[victim], -1);
    }

  for (guint i = 0; i < self->n_items; i++)
    {
      check_item (&items[i], futures[i]);
      while (g_atomic_int_get (&items[i].n_callbacks) == 0)
        g_thread_yield ();
      g_assert_cmpint (g_atomic_int_get (&items[i].n_callbacks), ==, 1);
      cf_future_unref (futures[i]);
    }
  g_rand_free (rand);

  return NULL;
}

static void
test_submit_and_cancel (gconstpointer data)
{
  const Setting *setting = data;
  CfExecutor    *executor = pool_new (setting->n_workers);
  Submitter      submitters[N_SUBMITTERS];
  GThread       *threads[N_SUBMITTERS];

  g_test_summary ("Eight threads submit, and cancel at random: run once or cancelled, released once, called back once.");

  set_count (executor, "spin-us", setting->spin_us);
  for (guint i = 0; i < N_SUBMITTERS; i++)
    {
      submitters[i] = (Submitter){ executor, get_n_items (), (guint32) g_test_rand_int () };
      threads[i] = g_thread_new ("submitter", submitter_thread, &submitters[i]);
    }
  for (guint i = 0; i < N_SUBMITTERS; i++)
    g_thread_join (threads[i]);
  cf_executor_shutdown (executor, TRUE, FALSE);
  g_assert_cmpuint (get_count (executor, "n-pending"), ==, 0);
  await_finalized (executor);
}

/* One at a time, so that the workers park and are woken again and again. */
static void
test_park_and_wake (gconstpointer data)
{
  const Setting *setting = data;
  CfExecutor    *executor = pool_new (setting->n_workers);
  guint          n = get_n_items ();

  g_test_summary ("Whatever the moment at which a worker goes to sleep, no work is left lying.");

  set_count (executor, "spin-us", setting->spin_us);
  for (guint i = 0; i < n; i++)
    {
      CfFuture *futures[3];
      guint     n_now = 1 + i % 3;

      for (guint j = 0; j < n_now; j++)
        futures[j] = submit_task (executor, task_int, GINT_TO_POINTER ((int) j));
      if (i % 7 == 0)
        g_thread_yield ();
      for (guint j = 0; j < n_now; j++)
        {
          g_assert_cmpint (await_int (futures[j]), ==, (int) j);
          cf_future_unref (futures[j]);
        }
    }
  cf_executor_shutdown (executor, TRUE, FALSE);
  await_finalized (executor);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    {
      const char      *how = settings[i].spin_us > 0 ? "spinning" : "parking";
      g_autofree char *submit = g_strdup_printf ("/thread-pool-stress/submit-and-cancel/%u-%s", settings[i].n_workers, how);
      g_autofree char *park = g_strdup_printf ("/thread-pool-stress/park-and-wake/%u-%s", settings[i].n_workers, how);

      g_test_add_data_func (submit, &settings[i], test_submit_and_cancel);
      g_test_add_data_func (park, &settings[i], test_park_and_wake);
    }

  return g_test_run ();
}
