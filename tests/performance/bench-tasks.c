/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Tasks that take some time, tasks that submit and wait themselves, for few or for many, and what a pending future weighs. */

#include "bench.h"

#include <unistd.h>

#define FIB_N 25
#define FIB_CALLS 242785
#define N_PENDING 500000
#define N_FEW 1000
#define N_MANY 100000

/* Tasks of a given length */

static guint loops_per_us;

/* A chain of multiplications: it takes the same time whoever runs it, which a loop in memory does not.  Nobody wants the
 * product, but without a place to go it would not be worked out. */
static void G_GNUC_NO_INLINE
spin (guint n)
{
  static volatile guint64 seed = 1;
  volatile guint64        product;
  guint64                 x = seed;

  for (guint i = 0; i < n; i++)
    x = x * 6364136223846793005u + 1442695040888963407u;
  product = x;
  (void) product;
}

static void
calibrate (void)
{
  const guint n = 10000000;
  gint64      start = g_get_monotonic_time ();

  spin (n);
  loops_per_us = (guint) (n / (g_get_monotonic_time () - start));
}

static void
work (guint us)
{
  spin (us * loops_per_us);
}

static gboolean
task_work (GValue *result            G_GNUC_UNUSED,
           GCancellable *cancellable G_GNUC_UNUSED,
           gpointer                  user_data,
           GError **error            G_GNUC_UNUSED)
{
  work (GPOINTER_TO_UINT (user_data));

  return TRUE;
}

static double
serial_loop (guint us,
             guint n)
{
  gint64 start = g_get_monotonic_time ();

  for (guint i = 0; i < n; i++)
    work (us);

  return bench_since (start);
}

static double
in_pool (guint us,
         guint n)
{
  CfExecutor           *executor = bench_pool_new ();
  g_autofree CfFuture **futures = g_new (CfFuture *, n);
  gint64                start = g_get_monotonic_time ();
  double                seconds;

  for (guint i = 0; i < n; i++)
    futures[i] = cf_executor_submit_task (executor, task_work, GUINT_TO_POINTER (us), NULL, NULL);
  cf_wait (futures, n, CF_ALL_COMPLETED, -1, NULL, NULL, NULL);
  seconds = bench_since (start);

  for (guint i = 0; i < n; i++)
    cf_future_unref (futures[i]);
  cf_executor_shutdown (executor, TRUE, FALSE);
  g_object_unref (executor);

  return seconds;
}

static void
bench_length (guint us)
{
  guint  n = 200000 / us;
  double best_serial = G_MAXDOUBLE, best_pool = G_MAXDOUBLE;

  for (guint i = 0; i < BENCH_ROUNDS; i++)
    {
      best_serial = MIN (best_serial, serial_loop (us, n));
      best_pool = MIN (best_pool, in_pool (us, n));
    }
  g_print ("tasks of %3u us on two workers       %5.2fx a serial loop\n", us, best_serial / best_pool);
}

/* fib() by nested submit and wait */

typedef struct
{
  CfExecutor *executor;
  int         n;
} Fib;

static gboolean
task_fib (GValue                   *result,
          GCancellable *cancellable G_GNUC_UNUSED,
          gpointer                  user_data,
          GError                  **error)
{
  Fib *self = user_data;
  Fib  smaller[2] = { { self->executor, self->n - 1 }, { self->executor, self->n - 2 } };
  int  sum = self->n;

  if (self->n >= 2)
    {
      g_autoptr (CfFuture) one = cf_executor_submit_task (self->executor, task_fib, &smaller[0], NULL, error);
      g_autoptr (CfFuture) two = cf_executor_submit_task (self->executor, task_fib, &smaller[1], NULL, error);

      sum = g_value_get_int (cf_future_get_result (two, -1, error));
      sum += g_value_get_int (cf_future_get_result (one, -1, error));
    }
  g_value_init (result, G_TYPE_INT);
  g_value_set_int (result, sum);

  return TRUE;
}

static void
bench_fib (guint n_workers)
{
  double best = G_MAXDOUBLE;

  for (guint i = 0; i < BENCH_ROUNDS; i++)
    {
      CfExecutor *executor = CF_EXECUTOR (cf_thread_pool_executor_new (n_workers));
      Fib         fib = { executor, FIB_N };
      gint64      start = g_get_monotonic_time ();
      g_autoptr (CfFuture) future = cf_executor_submit_task (executor, task_fib, &fib, NULL, NULL);

      if (g_value_get_int (cf_future_get_result (future, -1, NULL)) != 75025)
        g_error ("fib");
      best = MIN (best, bench_since (start));
      cf_executor_shutdown (executor, TRUE, FALSE);
      g_object_unref (executor);
    }
  g_print ("fib(%d), %u worker%s               %8.1f ns a call\n", FIB_N, n_workers, n_workers == 1 ? " " : "s", best * 1e9 / FIB_CALLS);
}

/* A task that waits for many others */

typedef struct
{
  CfExecutor *executor; /* of those that it waits for */
  guint       n;
  gboolean    one_by_one;
} Many;

static gboolean
task_many (GValue *result            G_GNUC_UNUSED,
           GCancellable *cancellable G_GNUC_UNUSED,
           gpointer                  user_data,
           GError                  **error)
{
  Many                 *self = user_data;
  g_autofree CfFuture **futures = g_new (CfFuture *, self->n);
  g_autoptr (CfFutureIter) iter = NULL;
  CfFuture *future;

  for (guint i = 0; i < self->n; i++)
    futures[i] = cf_executor_submit_task (self->executor, task_work, GUINT_TO_POINTER (self->one_by_one ? 5 : 0), NULL, NULL);
  if (!self->one_by_one)
    cf_wait (futures, self->n, CF_ALL_COMPLETED, -1, NULL, NULL, error);
  iter = cf_as_completed (futures, self->n, -1);
  while ((future = cf_future_iter_next (iter, error)) != NULL)
    cf_future_unref (future);
  for (guint i = 0; i < self->n; i++)
    cf_future_unref (futures[i]);

  return TRUE;
}

/* In its own pool of one it runs them itself; in another one, it sleeps before each. */
static double
time_many (guint    n,
           gboolean one_by_one)
{
  g_autoptr (CfExecutor) own = CF_EXECUTOR (cf_thread_pool_executor_new (1));
  g_autoptr (CfExecutor) other = CF_EXECUTOR (cf_thread_pool_executor_new (1));
  Many   many = { one_by_one ? other : own, n, one_by_one };
  gint64 start = g_get_monotonic_time ();
  g_autoptr (CfFuture) future = cf_executor_submit_task (own, task_many, &many, NULL, NULL);

  cf_future_wait (future, -1);

  return bench_since (start) * 1e9 / n;
}

static void
bench_many (const char *what,
            gboolean    one_by_one)
{
  double few = G_MAXDOUBLE, many = G_MAXDOUBLE;

  for (guint i = 0; i < BENCH_ROUNDS; i++)
    {
      few = MIN (few, time_many (N_FEW, one_by_one));
      many = MIN (many, time_many (N_MANY, one_by_one));
    }
  g_print ("%-35s %8.1f ns each of %d, %.1f of %d\n", what, few, N_FEW, many, N_MANY);
}

/* Memory */

static gsize
get_rss (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) words = NULL;

  g_file_get_contents ("/proc/self/statm", &text, NULL, NULL);
  words = g_strsplit (text, " ", 0);

  return (gsize) g_ascii_strtoull (words[1], NULL, 10) * (gsize) sysconf (_SC_PAGESIZE);
}

static gboolean
task_at_gate (GValue *result            G_GNUC_UNUSED,
              GCancellable *cancellable G_GNUC_UNUSED,
              gpointer                  gate,
              GError **error            G_GNUC_UNUSED)
{
  g_mutex_lock (gate);
  g_mutex_unlock (gate);

  return TRUE;
}

static void
bench_memory (void)
{
  CfExecutor           *executor = CF_EXECUTOR (cf_thread_pool_executor_new (1));
  g_autofree CfFuture **futures = g_new0 (CfFuture *, N_PENDING);
  GMutex                gate;
  gsize                 before;

  for (guint i = 0; i < N_PENDING; i++)
    futures[i] = (CfFuture *) executor;
  g_mutex_init (&gate);
  g_mutex_lock (&gate);
  before = get_rss ();
  for (guint i = 0; i < N_PENDING; i++)
    futures[i] = cf_executor_submit_task (executor, task_at_gate, &gate, NULL, NULL);
  g_print ("a pending future                    %8.1f bytes of RSS\n", (double) (get_rss () - before) / N_PENDING);

  g_mutex_unlock (&gate);
  cf_executor_shutdown (executor, TRUE, FALSE);
  for (guint i = 0; i < N_PENDING; i++)
    cf_future_unref (futures[i]);
  g_object_unref (executor);
  g_mutex_clear (&gate);
}

int
main (void)
{
  bench_memory ();
  calibrate ();
  bench_length (1);
  bench_length (10);
  bench_length (100);
  bench_fib (1);
  bench_fib (2);
  bench_many ("a task waits for its own children", FALSE);
  bench_many ("a task takes others' as they come", TRUE);

  return 0;
}
