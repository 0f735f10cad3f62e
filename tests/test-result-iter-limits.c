/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What bounds a map(): time, chunks, buffers, close(), dropping it, a shutdown. */

#include "cf-test-executors.h"
#include "cf-test-maps.h"

static void
set_up (CountedMap   *fixture,
        gconstpointer n_workers)
{
  fixture->executor = pool_new (GPOINTER_TO_UINT (n_workers));
  gate_init (&fixture->gate);
}

static void
tear_down (CountedMap   *fixture,
           gconstpointer n_workers)
{
  gate_open (&fixture->gate);
  cf_executor_shutdown (fixture->executor, TRUE, FALSE);
  if (fixture->iter != NULL)
    await_finalized (fixture->iter);
  await_finalized (fixture->executor);
  gate_clear (&fixture->gate);
}

/* One worker comes to the gate with item 2: so items 0 and 1 are done, and the time is long over. */
static void
timeout_test (CountedMap *fixture,
              gint64      timeout,
              guint       buffersize)
{
  counted_map_start (fixture, 10, 2, timeout, 1, buffersize);
  gate_await_waiting (&fixture->gate, 1);
  counted_map_assert_next (fixture, 0);
  counted_map_assert_next (fixture, 1);
  assert_next_error (fixture->iter, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  assert_map_end (fixture->iter);

  gate_open (&fixture->gate);
  cf_executor_shutdown (fixture->executor, TRUE, FALSE);
  g_assert_cmpuint (counted_map_get_n_ran (fixture), ==, 3);
  assert_map_end (fixture->iter);
}

static void
test_timeout (CountedMap   *fixture,
              gconstpointer n_workers)
{
  g_test_summary ("What was done in time is yielded, TIMED_OUT comes once, the rest is cancelled.");

  timeout_test (fixture, 1000, 0);
}

static void
test_timeout_zero (CountedMap   *fixture,
                   gconstpointer n_workers)
{
  g_test_summary ("A timeout of 0 gives what is done.");

  timeout_test (fixture, 0, 0);
}

static void
test_timeout_buffered (CountedMap   *fixture,
                       gconstpointer n_workers)
{
  g_test_summary ("After a timeout nothing more is submitted.");

  timeout_test (fixture, 1000, 3);
}

static void
test_timeout_async (CountedMap   *fixture,
                    gconstpointer n_workers)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("The main loop is told TIMED_OUT too.");

  counted_map_start (fixture, 10, 0, 1000, 1, 0);
  cf_result_iter_next_async (fixture->iter, NULL, keep_result, &result);
  g_assert_null (cf_result_iter_next_finish (fixture->iter, await_result (NULL, &result), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_object (&result);
  assert_map_end (fixture->iter);
}

static void
test_no_timeout (CountedMap   *fixture,
                 gconstpointer n_workers)
{
  g_test_summary ("A timeout that does not pass changes nothing.");

  counted_map_start (fixture, 20, 20, G_MAXINT64, 1, 0);
  for (guint i = 0; i < 20; i++)
    counted_map_assert_next (fixture, i);
  assert_map_end (fixture->iter);
}

static void
test_close (CountedMap   *fixture,
            gconstpointer n_workers)
{
  g_test_summary ("close() cancels what has not started, and nothing comes after it.");

  counted_map_start (fixture, 10, 2, -1, 1, 0);
  gate_await_waiting (&fixture->gate, 1);
  counted_map_assert_next (fixture, 0);
  cf_result_iter_close (fixture->iter);
  cf_result_iter_close (fixture->iter);
  assert_map_end (fixture->iter);

  gate_open (&fixture->gate);
  cf_executor_shutdown (fixture->executor, TRUE, FALSE);
  g_assert_cmpuint (counted_map_get_n_ran (fixture), ==, 3);
}

typedef struct
{
  CfResultIter *iter;
  GThread      *thread;
  gint          thread_id; /* (atomic) */
  GVariant     *result;    /* (owned) (nullable) */
  GError       *error;     /* (owned) (nullable) */
} Reader;

static gpointer
read_next (gpointer data)
{
  Reader *self = data;

  g_atomic_int_set (&self->thread_id, thread_id ());
  self->result = cf_result_iter_next (self->iter, &self->error);

  return NULL;
}

static void
reader_start (Reader       *self,
              CfResultIter *iter)
{
  *self = (Reader){ .iter = iter };
  self->thread = g_thread_new ("reader", read_next, self);
}

static void
reader_await_asleep (Reader *self)
{
  while (g_atomic_int_get (&self->thread_id) == 0)
    g_thread_yield ();
  await_asleep (g_atomic_int_get (&self->thread_id));
}

static void
close_elsewhere (CountedMap *fixture,
                 guint       buffersize)
{
  Reader reader;

  g_test_summary ("close() ends a next() that waits in another thread for an item that runs on.");

  counted_map_start (fixture, 10, 0, -1, 1, buffersize);
  gate_await_waiting (&fixture->gate, 1);
  reader_start (&reader, fixture->iter);
  reader_await_asleep (&reader);
  cf_result_iter_close (fixture->iter);
  g_thread_join (reader.thread);
  g_assert_no_error (reader.error);
  g_assert_null (reader.result);
  gate_open (&fixture->gate);
}

static void
test_close_elsewhere (CountedMap   *fixture,
                      gconstpointer n_workers)
{
  close_elsewhere (fixture, 0);
}

static void
test_close_elsewhere_buffered (CountedMap   *fixture,
                               gconstpointer n_workers)
{
  close_elsewhere (fixture, 1);
}

static void
test_drop (CountedMap   *fixture,
           gconstpointer n_workers)
{
  g_test_summary ("Dropping the iterator cancels nothing.");

  counted_map_start (fixture, 50, 2, -1, 1, 0);
  gate_await_waiting (&fixture->gate, 1);
  counted_map_assert_next (fixture, 0);
  g_clear_object (&fixture->iter);
  gate_open (&fixture->gate);
  cf_executor_shutdown (fixture->executor, TRUE, FALSE);
  g_assert_cmpuint (counted_map_get_n_ran (fixture), ==, 50);
}

static void
test_drop_executor (CountedMap   *fixture,
                    gconstpointer n_workers)
{
  CfExecutor *executor = pool_new (2);
  CountedMap  own = { .executor = executor };

  g_test_summary ("The results of what was submitted outlive the executor.");

  gate_init (&own.gate);
  counted_map_start (&own, 20, 20, -1, 1, 0);
  g_object_unref (executor);
  for (guint i = 0; i < 20; i++)
    counted_map_assert_next (&own, i);
  assert_map_end (own.iter);
  await_finalized (own.iter);
  gate_clear (&own.gate);
}

/* Between two calls of next no more than that is submitted and not yielded. */
static void
test_buffer (CountedMap   *fixture,
             gconstpointer n_workers)
{
  static const guint sizes[][2] = { { 1, 1 }, { 1, 3 }, { 1, 100 }, { 3, 1 }, { 3, 3 }, { 3, 4 }, { 7, 50 }, { 100, 1 } };

  g_test_summary ("At most buffersize items, in whole chunks, are submitted and not yielded.");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      guint chunksize = sizes[i][0];
      guint limit = (sizes[i][1] + chunksize - 1) / chunksize * chunksize;

      g_atomic_int_set (&fixture->n_ran, 0);
      counted_map_start (fixture, 60, 60, -1, chunksize, sizes[i][1]);
      for (guint j = 0; j < 60; j++)
        {
          g_assert_cmpuint (counted_map_get_n_ran (fixture), <=, j + limit);
          counted_map_assert_next (fixture, j);
        }
      g_assert_cmpuint (counted_map_get_n_ran (fixture), ==, 60);
      assert_map_end (fixture->iter);
      await_finalized (g_steal_pointer (&fixture->iter));
    }
}

/* An executor that runs only when it is told to shows exactly what was submitted. */
static void
test_buffer_exact (void)
{
  static const guint sizes[] = { 1, 2, 5, 19, 20, 21 };

  g_test_summary ("buffersize items are submitted at once, and then one for each that is yielded.");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      HeldLog    log = { 0 };
      CountedMap fixture = { .executor = held_executor_new (&log) };

      counted_map_start (&fixture, 20, 20, -1, 1, sizes[i]);
      for (guint j = 0; j < 20; j++)
        {
          held_executor_run_all (fixture.executor);
          g_assert_cmpuint (counted_map_get_n_ran (&fixture), ==, MIN (20, j + sizes[i]));
          counted_map_assert_next (&fixture, j);
        }
      assert_map_end (fixture.iter);
      g_object_unref (fixture.iter);
      g_object_unref (fixture.executor);
    }
}

static void
test_all_at_once (void)
{
  HeldLog    log = { 0 };
  CountedMap fixture = { .executor = held_executor_new (&log) };

  g_test_summary ("Without a buffersize all items are submitted by map() itself.");

  counted_map_start (&fixture, 20, 20, -1, 1, 0);
  held_executor_run_all (fixture.executor);
  g_assert_cmpuint (counted_map_get_n_ran (&fixture), ==, 20);
  for (guint j = 0; j < 20; j++)
    counted_map_assert_next (&fixture, j);
  assert_map_end (fixture.iter);
  g_object_unref (fixture.iter);
  g_object_unref (fixture.executor);
}

static void
test_refused_in_the_middle (void)
{
  HeldLog    log = { 0 };
  CountedMap fixture = { .executor = held_executor_new (&log) };

  g_test_summary ("An item that schedule() refuses gives that error, once, and then the end.");

  counted_map_start (&fixture, 20, 20, -1, 1, 3);
  held_executor_run_all (fixture.executor);
  log.refuse = TRUE;
  for (guint j = 0; j < 3; j++)
    counted_map_assert_next (&fixture, j);
  assert_next_error (fixture.iter, G_IO_ERROR, G_IO_ERROR_BUSY);
  assert_map_end (fixture.iter);
  g_assert_cmpuint (counted_map_get_n_ran (&fixture), ==, 3);
  g_object_unref (fixture.iter);
  g_object_unref (fixture.executor);
}

static void
test_refused_to_two (void)
{
  HeldLog    log = { 0 };
  CountedMap fixture = { .executor = held_executor_new (&log) };
  Reader     first, second;
  Gate       gate;

  g_test_summary ("When two threads read, who waits for the item that is being submitted for the other hears that it is refused.");

  gate_init (&gate);
  counted_map_start (&fixture, 3, 3, -1, 1, 1);
  held_executor_run_all (fixture.executor);
  log.gate = &gate;
  log.refuse = TRUE;
  reader_start (&first, fixture.iter);
  gate_await_waiting (&gate, 1);
  reader_start (&second, fixture.iter);
  reader_await_asleep (&second);
  gate_open (&gate);
  g_thread_join (first.thread);
  g_thread_join (second.thread);

  g_assert_no_error (first.error);
  g_assert_cmpuint (g_variant_get_uint64 (first.result), ==, 0);
  g_assert_error (second.error, G_IO_ERROR, G_IO_ERROR_BUSY);
  assert_map_end (fixture.iter);

  g_variant_unref (first.result);
  g_error_free (second.error);
  g_assert_finalize_object (fixture.iter);
  g_assert_finalize_object (fixture.executor);
  gate_clear (&gate);
}

static void
test_refused_without_reason (void)
{
  HeldLog    log = { 0 };
  CountedMap fixture = { .executor = held_executor_new (&log) };

  g_test_summary ("An item that schedule() refuses without an error gives one all the same, once, and then the end.");

  counted_map_start (&fixture, 20, 20, -1, 2, 2);
  held_executor_run_all (fixture.executor);
  log.refuse_mutely = TRUE;
  counted_map_assert_next (&fixture, 0);
  counted_map_assert_next (&fixture, 1);
  assert_next_error (fixture.iter, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT);
  assert_map_end (fixture.iter);
  g_object_unref (fixture.iter);
  g_object_unref (fixture.executor);
}

static void
test_answered_without_results (void)
{
  HeldLog    log = { .answer = TRUE };
  CountedMap fixture = { .executor = held_executor_new (&log) };

  g_test_summary ("Items of a chunk that is done, but was not run, fail each at its turn.");

  counted_map_start (&fixture, 3, 3, -1, 2, 0);
  for (guint j = 0; j < 3; j++)
    assert_next_error (fixture.iter, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT);
  assert_map_end (fixture.iter);
  g_object_unref (fixture.iter);
  g_object_unref (fixture.executor);
}

static void
test_shutdown_in_the_middle (CountedMap   *fixture,
                             gconstpointer n_workers)
{
  g_autoptr (GError) error = NULL;
  guint n = 5;

  g_test_summary ("After a shutdown what was submitted is yielded, then SHUTDOWN once, then the end.");

  counted_map_start (fixture, 20, 20, -1, 1, 4);
  for (guint i = 0; i < n; i++)
    counted_map_assert_next (fixture, i);
  cf_executor_shutdown (fixture->executor, TRUE, FALSE);

  for (;;)
    {
      g_autoptr (GVariant) result = cf_result_iter_next (fixture->iter, &error);

      if (result == NULL)
        break;
      g_assert_no_error (error);
      g_assert_cmpuint (g_variant_get_uint64 (result), ==, n++);
    }
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SHUTDOWN);
  assert_map_end (fixture->iter);
  g_assert_cmpuint (n, >=, 8);
  g_assert_cmpuint (n, <=, 9);
  g_assert_cmpuint (counted_map_get_n_ran (fixture), ==, n);
}

static void
test_shutdown_when_all_is_submitted (CountedMap   *fixture,
                                     gconstpointer n_workers)
{
  g_test_summary ("A shutdown does not touch what was submitted.");

  counted_map_start (fixture, 20, 20, -1, 1, 0);
  counted_map_assert_next (fixture, 0);
  cf_executor_shutdown (fixture->executor, FALSE, FALSE);
  for (guint i = 1; i < 20; i++)
    counted_map_assert_next (fixture, i);
  assert_map_end (fixture->iter);
}

static void
test_cancelling_shutdown (CountedMap   *fixture,
                          gconstpointer n_workers)
{
  g_test_summary ("Items that a shutdown cancelled give CANCELLED, each at its turn.");

  counted_map_start (fixture, 10, 2, -1, 1, 0);
  gate_await_waiting (&fixture->gate, 1);
  cf_executor_shutdown (fixture->executor, FALSE, TRUE);
  gate_open (&fixture->gate);
  for (guint i = 0; i < 3; i++)
    counted_map_assert_next (fixture, i);
  for (guint i = 3; i < 10; i++)
    assert_next_error (fixture->iter, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_map_end (fixture->iter);
  g_assert_cmpuint (counted_map_get_n_ran (fixture), ==, 3);
}

#define ADD(path, n_workers, test) \
  g_test_add ("/result-iter-limits/" path, CountedMap, GUINT_TO_POINTER (n_workers), set_up, test, tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("timeout", 1, test_timeout);
  ADD ("timeout-zero", 1, test_timeout_zero);
  ADD ("timeout-buffered", 1, test_timeout_buffered);
  ADD ("timeout-async", 1, test_timeout_async);
  ADD ("no-timeout", 2, test_no_timeout);
  ADD ("close", 1, test_close);
  ADD ("close-elsewhere", 1, test_close_elsewhere);
  ADD ("close-elsewhere-buffered", 1, test_close_elsewhere_buffered);
  ADD ("drop", 1, test_drop);
  ADD ("drop-executor", 1, test_drop_executor);
  ADD ("buffer/1", 1, test_buffer);
  ADD ("buffer/4", 4, test_buffer);
  g_test_add_func ("/result-iter-limits/buffer-exact", test_buffer_exact);
  g_test_add_func ("/result-iter-limits/all-at-once", test_all_at_once);
  g_test_add_func ("/result-iter-limits/refused-in-the-middle", test_refused_in_the_middle);
  g_test_add_func ("/result-iter-limits/refused-to-two", test_refused_to_two);
  g_test_add_func ("/result-iter-limits/refused-without-reason", test_refused_without_reason);
  g_test_add_func ("/result-iter-limits/answered-without-results", test_answered_without_results);
  ADD ("shutdown-in-the-middle", 2, test_shutdown_in_the_middle);
  ADD ("shutdown-when-all-is-submitted", 2, test_shutdown_when_all_is_submitted);
  ADD ("cancelling-shutdown", 1, test_cancelling_shutdown);

  return g_test_run ();
}
