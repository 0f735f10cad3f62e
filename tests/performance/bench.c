/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "bench.h"

#include <stdlib.h>

gint bench_counter;

double
bench_since (gint64 start)
{
  return (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC;
}

static int
compare_doubles (const void *a,
                 const void *b)
{
  return *(const double *) a < *(const double *) b ? -1 : 1;
}

void
bench_compare (const Bench *bench,
               const char  *theirs)
{
  guint  n_theirs = bench->n_theirs != 0 ? bench->n_theirs : bench->n;
  double ours_ns[BENCH_ROUNDS], theirs_ns[BENCH_ROUNDS];

  for (guint i = 0; i < BENCH_ROUNDS; i++)
    {
      theirs_ns[i] = bench->theirs (n_theirs) * 1e9 / n_theirs;
      ours_ns[i] = bench->ours (bench->n) * 1e9 / bench->n;
    }
  qsort (ours_ns, BENCH_ROUNDS, sizeof (double), compare_doubles);
  qsort (theirs_ns, BENCH_ROUNDS, sizeof (double), compare_doubles);

  g_print ("%-34s %8.1f ns, %s %8.1f ns: %5.2fx as fast (median %5.2fx)\n", bench->name, ours_ns[0], theirs, theirs_ns[0],
           theirs_ns[0] / ours_ns[0], theirs_ns[BENCH_ROUNDS / 2] / ours_ns[BENCH_ROUNDS / 2]);
}

gboolean
bench_task (GValue                   *result,
            GCancellable *cancellable G_GNUC_UNUSED,
            gpointer user_data        G_GNUC_UNUSED,
            GError **error            G_GNUC_UNUSED)
{
  g_value_init (result, G_TYPE_INT);
  g_value_set_int (result, 1);

  return TRUE;
}

CfExecutor *
bench_pool_new (void)
{
  return CF_EXECUTOR (cf_thread_pool_executor_new (BENCH_WORKERS));
}

CfFuture *
bench_submit (CfExecutor *executor)
{
  CfFuture *future = cf_executor_submit_task (executor, bench_task, NULL, NULL, NULL);

  g_assert (future != NULL);

  return future;
}

static void
raw_func (gpointer item G_GNUC_UNUSED,
          gpointer      user_data)
{
  BenchRaw *raw = user_data;

  if (!g_atomic_int_dec_and_test (&raw->n_left))
    return;
  g_mutex_lock (&raw->lock);
  g_cond_signal (&raw->done);
  g_mutex_unlock (&raw->lock);
}

void
bench_raw_init (BenchRaw *raw)
{
  g_mutex_init (&raw->lock);
  g_cond_init (&raw->done);
  raw->n_left = 0;
  raw->pool = g_thread_pool_new (raw_func, raw, BENCH_WORKERS, TRUE, NULL);
}

void
bench_raw_push (BenchRaw *raw)
{
  g_thread_pool_push (raw->pool, raw, NULL);
}

void
bench_raw_expect (BenchRaw *raw,
                  guint     n)
{
  g_atomic_int_set (&raw->n_left, (gint) n);
}

void
bench_raw_await (BenchRaw *raw)
{
  g_mutex_lock (&raw->lock);
  while (g_atomic_int_get (&raw->n_left) > 0)
    g_cond_wait (&raw->done, &raw->lock);
  g_mutex_unlock (&raw->lock);
}

void
bench_raw_clear (BenchRaw *raw)
{
  g_thread_pool_free (raw->pool, FALSE, TRUE);
  g_mutex_clear (&raw->lock);
  g_cond_clear (&raw->done);
}
