/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* cf_as_completed() and its iterator. */

#include "cf-test.h"

#include <malloc.h>

#define N 5

typedef struct
{
  CfFuture *futures[N];
} Fixture;

static void
set_up (Fixture      *fixture,
        gconstpointer data)
{
  for (guint i = 0; i < N; i++)
    fixture->futures[i] = cf_future_new ();
}

static void
tear_down (Fixture      *fixture,
           gconstpointer data)
{
  run_pending (NULL);
  for (guint i = 0; i < N; i++)
    if (fixture->futures[i] != NULL)
      g_assert_finalize_object (fixture->futures[i]);
}

static void
assert_next (CfFutureIter *iter,
             CfFuture     *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CfFuture) future = cf_future_iter_next (iter, &error);

  g_assert_no_error (error);
  g_assert_true (future == expected);
}

/* The end stays the end. */
static void
assert_end (CfFutureIter *iter)
{
  assert_next (iter, NULL);
  assert_next (iter, NULL);
}

static void
assert_times_out (CfFutureIter *iter,
                  const char   *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (cf_future_iter_next (iter, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpstr (error->message, ==, message);
  assert_end (iter);
}

static void
test_nothing (void)
{
  g_autoptr (CfFutureIter) untimed = cf_as_completed (NULL, 0, -1);
  g_autoptr (CfFutureIter) timed = cf_as_completed (NULL, 0, 0);

  g_test_summary ("Of nothing, the end comes first.");

  assert_end (untimed);
  assert_end (timed);
}

static void
test_order (Fixture      *fixture,
            gconstpointer data)
{
  CfFuture **f = fixture->futures;
  g_autoptr (CfFutureIter) iter = cf_as_completed (f, N, -1);

  g_test_summary ("They come in the order in which they were done, whatever their outcome.");

  settle_int (f[3], 1);
  settle_error (f[0]);
  g_assert_true (cf_future_cancel (f[4]));
  g_assert_false (cf_future_set_running_or_notify_cancel (f[4]));
  assert_next (iter, f[3]);
  assert_next (iter, f[0]);
  settle_int (f[2], 1);
  settle_int (f[1], 1);
  assert_next (iter, f[4]);
  assert_next (iter, f[2]);
  assert_next (iter, f[1]);
  assert_end (iter);
}

static void
test_done_first (Fixture      *fixture,
                 gconstpointer data)
{
  CfFuture **f = fixture->futures;
  g_autoptr (CfFutureIter) iter = NULL;
  g_autoptr (CfFuture) first = NULL;
  g_autoptr (CfFuture) second = NULL;

  g_test_summary ("Those that were done at the call come before those that are done later.");

  settle_int (f[4], 1);
  settle_int (f[2], 1);
  iter = cf_as_completed (f, N, -1);
  settle_int (f[1], 1);
  settle_int (f[0], 1);

  first = cf_future_iter_next (iter, NULL);
  second = cf_future_iter_next (iter, NULL);
  g_assert_true ((first == f[2] && second == f[4]) || (first == f[4] && second == f[2]));
  assert_next (iter, f[1]);
  assert_next (iter, f[0]);
  settle_int (f[3], 1);
  assert_next (iter, f[3]);
  assert_end (iter);
}

static void
test_duplicates (Fixture      *fixture,
                 gconstpointer data)
{
  CfFuture **f = fixture->futures;
  CfFuture  *twice[] = { f[0], f[1], f[0], f[2], f[1], f[0] };
  g_autoptr (CfFutureIter) untimed = cf_as_completed (twice, G_N_ELEMENTS (twice), -1);
  g_autoptr (CfFutureIter) timed = cf_as_completed (twice, G_N_ELEMENTS (twice), 0);

  g_test_summary ("Each comes once, however often it was given, and counts once.");

  assert_times_out (timed, "3 (of 3) futures unfinished");

  settle_int (f[1], 1);
  settle_int (f[0], 1);
  settle_int (f[2], 1);
  assert_next (untimed, f[1]);
  assert_next (untimed, f[0]);
  assert_next (untimed, f[2]);
  assert_end (untimed);
}

static void
test_cancel_in_two_steps (Fixture      *fixture,
                          gconstpointer data)
{
  CfFuture **f = fixture->futures;
  g_autoptr (CfFutureIter) iter = NULL;
  g_autoptr (CfFutureIter) timed = NULL;

  g_test_summary ("A cancelled bare future comes when its cancel is notified.");

  g_assert_true (cf_future_cancel (f[0]));
  iter = cf_as_completed (f, 2, -1);
  timed = cf_as_completed (f, 2, 0);
  assert_times_out (timed, "2 (of 2) futures unfinished");

  settle_int (f[1], 1);
  assert_next (iter, f[1]);
  g_assert_false (cf_future_set_running_or_notify_cancel (f[0]));
  assert_next (iter, f[0]);
  assert_end (iter);
}

static void
test_times_out (Fixture      *fixture,
                gconstpointer data)
{
  CfFuture **f = fixture->futures;
  gint64     timeout = *(const gint64 *) data;
  g_autoptr (CfFutureIter) iter = NULL;
  guint seen = 0;

  g_test_summary ("Out of time: first what is done, then one error with the numbers, then the end.");

  settle_int (f[0], 1);
  settle_int (f[2], 1);
  settle_error (f[4]);
  iter = cf_as_completed (f, N, timeout);
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CfFuture) future = cf_future_iter_next (iter, &error);

      g_assert_no_error (error);
      for (guint k = 0; k < N; k++)
        seen |= future == f[k] ? 1u << k : 0;
    }
  g_assert_cmphex (seen, ==, 0x15);
  assert_times_out (iter, "2 (of 5) futures unfinished");

  settle_int (f[1], 1);
  assert_end (iter);
}

static void
test_drops_what_it_gave (Fixture      *fixture,
                         gconstpointer data)
{
  Probe     probes[2] = { 0 };
  CfFuture *mine[2];
  CfFuture *given;
  g_autoptr (CfFutureIter) iter = NULL;

  g_test_summary ("The iterator holds what it has not given yet, and drops what it has.");

  for (guint i = 0; i < 2; i++)
    {
      g_auto (GValue) value = G_VALUE_INIT;

      mine[i] = cf_future_new ();
      g_value_init (&value, TEST_TYPE_PROBE_OBJECT);
      g_value_take_object (&value, probe_object_new (&probes[i]));
      g_assert_true (cf_future_set_result (mine[i], &value, NULL));
    }

  iter = cf_as_completed (mine, 2, -1);
  for (guint i = 0; i < 2; i++)
    cf_future_unref (mine[i]);
  g_assert_cmpuint (probe_get_n_released (&probes[0]) + probe_get_n_released (&probes[1]), ==, 0);

  given = cf_future_iter_next (iter, NULL);
  g_assert_cmpuint (probe_get_n_released (&probes[0]) + probe_get_n_released (&probes[1]), ==, 0);
  cf_future_unref (given);
  g_assert_cmpuint (probe_get_n_released (&probes[0]) + probe_get_n_released (&probes[1]), ==, 1);
  g_clear_object (&iter);
  assert_released_once (&probes[0]);
  assert_released_once (&probes[1]);
}

static void
test_dropped_early (Fixture      *fixture,
                    gconstpointer data)
{
  CfFuture    **f = fixture->futures;
  CfFutureIter *fresh = cf_as_completed (f, N, -1);
  CfFutureIter *started = cf_as_completed (f, N, -1);
  CfFutureIter *full = cf_as_completed (f, N, -1);

  g_test_summary ("Dropping an iterator cancels nothing and disturbs no other one.");

  settle_int (f[3], 1);
  assert_next (started, f[3]);
  g_assert_finalize_object (G_OBJECT (fresh));
  g_assert_finalize_object (G_OBJECT (started));

  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpint (cf_future_get_state (f[i]), ==, CF_FUTURE_STATE_PENDING);
      settle_int (f[i], 1);
    }
  assert_next (full, f[3]);
  for (guint i = 0; i < 3; i++)
    assert_next (full, f[i]);
  g_assert_finalize_object (G_OBJECT (full));
  settle_int (f[4], 1);
}

/* Races */

static gpointer
settle_all_thread (gpointer data)
{
  CfFuture **futures = data;

  for (guint i = 0; i < N; i++)
    {
      cf_future_set_result (futures[i], NULL, NULL);
      cf_future_unref (futures[i]);
    }

  return NULL;
}

static void
test_dropped_while_settling (void)
{
  g_test_summary ("Dropping the iterator, after some of its futures, races with the completions.");

  for (guint i = 0; i < 1000; i++)
    {
      CfFuture *futures[N];
      CfFuture *theirs[N];
      g_autoptr (CfFutureIter) iter = NULL;
      GThread *thread;

      for (guint k = 0; k < N; k++)
        {
          futures[k] = cf_future_new ();
          theirs[k] = g_object_ref (futures[k]);
        }
      iter = cf_as_completed (futures, N, -1);
      thread = g_thread_new ("settle", settle_all_thread, theirs);
      for (guint k = 0; k < i % (N + 1); k++)
        assert_next (iter, futures[k]);
      if (i % (N + 1) == N)
        assert_end (iter);
      g_clear_object (&iter);
      g_thread_join (thread);
      for (guint k = 0; k < N; k++)
        g_assert_finalize_object (futures[k]);
    }
}

static gpointer
take_thread (gpointer data)
{
  gsize n_taken = 0;

  while (TRUE)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CfFuture) future = cf_future_iter_next (data, &error);

      g_assert_no_error (error);
      if (future == NULL)
        return GSIZE_TO_POINTER (n_taken);
      g_assert_true (cf_future_is_done (future));
      n_taken++;
    }
}

static void
test_many (void)
{
  const guint           n = 50000;
  g_autofree CfFuture **futures = g_new (CfFuture *, n);
  g_autoptr (CfFutureIter) iter = NULL;
  GThread *taker;

  g_test_summary ("Fifty thousand, settled by one thread and taken by another: each once.");

  for (guint i = 0; i < n; i++)
    futures[i] = cf_future_new ();
  iter = cf_as_completed (futures, n, -1);
  taker = g_thread_new ("take", take_thread, iter);
  for (guint i = 0; i < n; i++)
    {
      g_assert_true (cf_future_set_result (futures[i], NULL, NULL));
      cf_future_unref (futures[i]);
    }
  g_assert_cmpuint (GPOINTER_TO_SIZE (g_thread_join (taker)), ==, n);
}

static void
test_does_not_grow (Fixture      *fixture,
                    gconstpointer data)
{
  gsize before = 0;

  g_test_summary ("Iterators that come and go leave nothing on pending futures.");

  for (guint i = 0; i < 5100; i++)
    {
      g_autoptr (CfFutureIter) iter = cf_as_completed (fixture->futures, N, 0);

      g_assert_null (cf_future_iter_next (iter, NULL));
      if (i == 100)
        before = mallinfo2 ().uordblks;
    }

  g_assert_cmpuint (mallinfo2 ().uordblks, <, before + 5000 * 8);
}

static const gint64 timeouts[] = { 0, 1000 };

#define ADD(path, test) g_test_add ("/future-iter/" path, Fixture, NULL, set_up, test, tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/future-iter/nothing", test_nothing);
  ADD ("order", test_order);
  ADD ("done-first", test_done_first);
  ADD ("duplicates", test_duplicates);
  ADD ("cancel-in-two-steps", test_cancel_in_two_steps);
  g_test_add ("/future-iter/times-out/at-once", Fixture, &timeouts[0], set_up, test_times_out, tear_down);
  g_test_add ("/future-iter/times-out/later", Fixture, &timeouts[1], set_up, test_times_out, tear_down);
  ADD ("drops-what-it-gave", test_drops_what_it_gave);
  ADD ("dropped-early", test_dropped_early);
  ADD ("does-not-grow", test_does_not_grow);
  g_test_add_func ("/future-iter/dropped-while-settling", test_dropped_while_settling);
  g_test_add_func ("/future-iter/many", test_many);

  return g_test_run ();
}
