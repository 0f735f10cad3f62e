/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The thread pool beside raw GThreadPool, which has no futures at all, and GTask, on the same work. */

#include "bench.h"

#define BATCH 100
#define GTASK_N 20000

static gboolean uses_plain_unref;

static void
drop (CfFuture *future)
{
  if (uses_plain_unref)
    g_object_unref (future);
  else
    cf_future_unref (future);
}

static void
read_and_drop (CfFuture *future)
{
  const GValue *result = cf_future_get_result (future, -1, NULL);

  bench_counter += g_value_get_int (result);
  drop (future);
}

static void
end (CfExecutor *executor)
{
  cf_executor_shutdown (executor, TRUE, FALSE);
  g_object_unref (executor);
}

/* A flood: all are submitted, then every result is read. */

static double
flood (guint n)
{
  CfExecutor *executor = bench_pool_new ();
  CfFuture  **futures = g_new (CfFuture *, n);
  gint64      start = g_get_monotonic_time ();
  double      seconds;

  for (guint i = 0; i < n; i++)
    futures[i] = bench_submit (executor);
  for (guint i = 0; i < n; i++)
    read_and_drop (futures[i]);
  seconds = bench_since (start);

  end (executor);
  g_free (futures);

  return seconds;
}

static double
raw_flood (guint n)
{
  BenchRaw raw;
  gint64   start;
  double   seconds;

  bench_raw_init (&raw);
  start = g_get_monotonic_time ();
  bench_raw_expect (&raw, n);
  for (guint i = 0; i < n; i++)
    bench_raw_push (&raw);
  bench_raw_await (&raw);
  seconds = bench_since (start);
  bench_raw_clear (&raw);

  return seconds;
}

/* Rounds of @batch: submitted, then waited for. */

static double
in_batches (guint n,
            guint batch)
{
  CfExecutor *executor = bench_pool_new ();
  CfFuture   *futures[BATCH];
  gint64      start = g_get_monotonic_time ();
  double      seconds;

  for (guint i = 0; i < n / batch; i++)
    {
      for (guint j = 0; j < batch; j++)
        futures[j] = bench_submit (executor);
      cf_wait (futures, batch, CF_ALL_COMPLETED, -1, NULL, NULL, NULL);
      for (guint j = 0; j < batch; j++)
        read_and_drop (futures[j]);
    }
  seconds = bench_since (start);
  end (executor);

  return seconds;
}

static double
raw_in_batches (guint n,
                guint batch)
{
  BenchRaw raw;
  gint64   start;
  double   seconds;

  bench_raw_init (&raw);
  start = g_get_monotonic_time ();
  for (guint i = 0; i < n / batch; i++)
    {
      bench_raw_expect (&raw, batch);
      for (guint j = 0; j < batch; j++)
        bench_raw_push (&raw);
      bench_raw_await (&raw);
    }
  seconds = bench_since (start);
  bench_raw_clear (&raw);

  return seconds;
}

static double
ping_pong (guint n)
{
  CfExecutor *executor = bench_pool_new ();
  gint64      start = g_get_monotonic_time ();
  double      seconds;

  for (guint i = 0; i < n; i++)
    read_and_drop (bench_submit (executor));
  seconds = bench_since (start);
  end (executor);

  return seconds;
}

static double
raw_ping_pong (guint n)
{
  return raw_in_batches (n, 1);
}

static double
batches (guint n)
{
  return in_batches (n, BATCH);
}

static double
raw_batches (guint n)
{
  return raw_in_batches (n, BATCH);
}

/* As completed, beside a GAsyncQueue of results. */

static double
as_completed (guint n)
{
  CfExecutor   *executor = bench_pool_new ();
  CfFuture    **futures = g_new (CfFuture *, n);
  gint64        start = g_get_monotonic_time ();
  CfFutureIter *iter;
  CfFuture     *future;
  double        seconds;

  for (guint i = 0; i < n; i++)
    futures[i] = bench_submit (executor);
  iter = cf_as_completed (futures, n, -1);
  for (guint i = 0; i < n; i++)
    drop (futures[i]);
  while ((future = cf_future_iter_next (iter, NULL)) != NULL)
    read_and_drop (future);
  seconds = bench_since (start);
  g_object_unref (iter);
  end (executor);
  g_free (futures);

  return seconds;
}

static void
push_result (gpointer item,
             gpointer queue)
{
  g_async_queue_push (queue, item);
}

static double
raw_as_completed (guint n)
{
  GAsyncQueue *queue = g_async_queue_new ();
  GThreadPool *pool = g_thread_pool_new (push_result, queue, BENCH_WORKERS, TRUE, NULL);
  gint64       start = g_get_monotonic_time ();
  double       seconds;

  for (guint i = 0; i < n; i++)
    g_thread_pool_push (pool, queue, NULL);
  for (guint i = 0; i < n; i++)
    g_async_queue_pop (queue);
  seconds = bench_since (start);
  g_thread_pool_free (pool, FALSE, TRUE);
  g_async_queue_unref (queue);

  return seconds;
}

/* Several threads submit */

typedef struct
{
  CfExecutor *executor;
  BenchRaw   *raw;
  guint       n;
} Submitter;

static gpointer
submitter_thread (gpointer data)
{
  Submitter *self = data;
  CfFuture **futures = g_new (CfFuture *, self->n);

  for (guint i = 0; i < self->n; i++)
    futures[i] = bench_submit (self->executor);
  for (guint i = 0; i < self->n; i++)
    {
      cf_future_wait (futures[i], -1);
      drop (futures[i]);
    }
  g_free (futures);

  return NULL;
}

static gpointer
raw_submitter_thread (gpointer data)
{
  Submitter *self = data;

  for (guint i = 0; i < self->n; i++)
    bench_raw_push (self->raw);

  return NULL;
}

static guint n_submitters;

static double
run_submitters (GThreadFunc func,
                Submitter  *submitter)
{
  GThread *threads[8];
  gint64   start = g_get_monotonic_time ();

  for (guint i = 0; i < n_submitters; i++)
    threads[i] = g_thread_new ("submitter", func, submitter);
  for (guint i = 0; i < n_submitters; i++)
    g_thread_join (threads[i]);

  return bench_since (start);
}

static double
submitters (guint n)
{
  Submitter submitter = { bench_pool_new (), NULL, n / n_submitters };
  double    seconds = run_submitters (submitter_thread, &submitter);

  end (submitter.executor);

  return seconds;
}

static double
raw_submitters (guint n)
{
  BenchRaw  raw;
  Submitter submitter = { NULL, &raw, n / n_submitters };
  gint64    start;
  double    seconds;

  bench_raw_init (&raw);
  bench_raw_expect (&raw, n / n_submitters * n_submitters);
  start = g_get_monotonic_time ();
  run_submitters (raw_submitter_thread, &submitter);
  bench_raw_await (&raw);
  seconds = bench_since (start);
  bench_raw_clear (&raw);

  return seconds;
}

/* map */

static GVariant *
func_unit (GVariant *args            G_GNUC_UNUSED,
           GCancellable *cancellable G_GNUC_UNUSED,
           GError **error            G_GNUC_UNUSED)
{
  static GVariant *unit;

  if (g_once_init_enter (&unit))
    g_once_init_leave (&unit, g_variant_ref_sink (g_variant_new ("()")));

  return g_variant_ref (unit);
}

static double
map (guint n)
{
  CfExecutor        *executor = bench_pool_new ();
  g_autofree gint32 *numbers = g_new0 (gint32, n);
  GVariant          *items = g_variant_new_fixed_array (G_VARIANT_TYPE_INT32, numbers, n, sizeof (gint32));
  gint64             start = g_get_monotonic_time ();
  CfResultIter      *iter = cf_executor_map (executor, func_unit, items, -1, 64, 0, NULL);
  GVariant          *result;
  double             seconds;

  while ((result = cf_result_iter_next (iter, NULL)) != NULL)
    g_variant_unref (result);
  seconds = bench_since (start);
  g_object_unref (iter);
  end (executor);

  return seconds;
}

/* GTask */

static void
gtask_func (GTask        *task,
            gpointer      source,
            gpointer      data,
            GCancellable *cancellable)
{
  (void) source;
  (void) data;
  (void) cancellable;
  g_task_return_int (task, 1);
}

static void
gtask_done (GObject *source G_GNUC_UNUSED,
            GAsyncResult   *result,
            gpointer        n_left)
{
  bench_counter += (gint) g_task_propagate_int (G_TASK (result), NULL);
  --*(guint *) n_left;
}

static double
gtask_flood (guint n)
{
  guint  n_left = n;
  gint64 start = g_get_monotonic_time ();

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GTask) task = g_task_new (NULL, NULL, gtask_done, &n_left);

      g_task_run_in_thread (task, gtask_func);
    }
  while (n_left > 0)
    g_main_context_iteration (NULL, TRUE);

  return bench_since (start);
}

static const Bench benches[] = {
  { "flood of 1e6, every result read", flood, raw_flood, 1000000, 0 },
  { "submit-and-wait ping-pong", ping_pong, raw_ping_pong, 100000, 20000 },
  { "batches of 100", batches, raw_batches, 500000, 200000 },
  { "as completed, 1e5", as_completed, raw_as_completed, 100000, 0 },
  { "as completed, 1e6", as_completed, raw_as_completed, 1000000, 0 },
  { "map of 1e6, chunks of 64", map, raw_flood, 1000000, 0 },
};

int
main (int    argc,
      char **argv)
{
  const Bench gtask = { "flood, beside GTask", flood, gtask_flood, GTASK_N, 0 };

  uses_plain_unref = argc > 1 && g_str_equal (argv[1], "--plain-unref");
  for (guint i = 0; i < G_N_ELEMENTS (benches); i++)
    bench_compare (&benches[i], "GThreadPool");
  for (n_submitters = 1; n_submitters <= 8; n_submitters *= 2)
    {
      g_autofree char *name = g_strdup_printf ("%u submitting threads", n_submitters);
      const Bench      bench = { name, submitters, raw_submitters, 400000, 0 };

      bench_compare (&bench, "GThreadPool");
    }
  bench_compare (&gtask, "GTask");

  return 0;
}
