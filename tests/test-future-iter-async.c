/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* cf_future_iter_next_async(). */

#include "cf-test.h"

#define N 5

typedef struct
{
  GMainContext *context;
  CfFuture     *futures[N];
  GAsyncResult *result;
} Fixture;

static void
set_up (Fixture      *fixture,
        gconstpointer data)
{
  fixture->context = g_main_context_new ();
  for (guint i = 0; i < N; i++)
    fixture->futures[i] = cf_future_new ();
  g_main_context_push_thread_default (fixture->context);
}

static void
tear_down (Fixture      *fixture,
           gconstpointer data)
{
  g_main_context_pop_thread_default (fixture->context);
  g_clear_object (&fixture->result);
  run_pending (fixture->context);
  run_pending (NULL);
  for (guint i = 0; i < N; i++)
    g_assert_finalize_object (fixture->futures[i]);
  g_main_context_unref (fixture->context);
}

static void
start (Fixture      *fixture,
       CfFutureIter *iter,
       GCancellable *cancellable)
{
  g_clear_object (&fixture->result);
  cf_future_iter_next_async (iter, cancellable, keep_result, &fixture->result);
  g_assert_null (fixture->result);
}

static CfFuture *
finish (Fixture      *fixture,
        CfFutureIter *iter,
        GError      **error)
{
  await_result (fixture->context, &fixture->result);

  return cf_future_iter_next_finish (iter, fixture->result, error);
}

static void
assert_finish (Fixture      *fixture,
               CfFutureIter *iter,
               CfFuture     *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CfFuture) future = finish (fixture, iter, &error);

  g_assert_no_error (error);
  g_assert_true (future == expected);
}

static void
test_order (Fixture      *fixture,
            gconstpointer data)
{
  const guint order[N] = { 3, 0, 4, 1, 2 };
  g_autoptr (CfFutureIter) iter = cf_as_completed (fixture->futures, N, -1);

  g_test_summary ("Each comes in the caller's context as it is done, then the end.");

  for (guint i = 0; i < N; i++)
    {
      start (fixture, iter, NULL);
      run_pending (fixture->context);
      g_assert_null (fixture->result);
      g_thread_join (g_thread_new ("settle", settle_int_thread, fixture->futures[order[i]]));
      run_pending (NULL);
      g_assert_null (fixture->result);
      assert_finish (fixture, iter, fixture->futures[order[i]]);
    }

  start (fixture, iter, NULL);
  assert_finish (fixture, iter, NULL);
}

static void
test_done_already (Fixture      *fixture,
                   gconstpointer data)
{
  g_autoptr (CfFutureIter) iter = NULL;

  g_test_summary ("What is done already comes from the main context too.");

  settle_int (fixture->futures[1], 1);
  iter = cf_as_completed (fixture->futures, 2, -1);
  start (fixture, iter, NULL);
  assert_finish (fixture, iter, fixture->futures[1]);
}

static void
test_times_out (Fixture      *fixture,
                gconstpointer timeout)
{
  g_autoptr (CfFutureIter) iter = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Out of time: the error with the numbers, once, then the end.");

  for (guint i = 0; i < 3; i++)
    settle_int (fixture->futures[i], 1);
  iter = cf_as_completed (fixture->futures, N, *(const gint64 *) timeout);
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (CfFuture) future = NULL;

      start (fixture, iter, NULL);
      future = finish (fixture, iter, &error);
      g_assert_no_error (error);
      g_assert_nonnull (future);
    }

  start (fixture, iter, NULL);
  g_assert_null (finish (fixture, iter, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpstr (error->message, ==, "2 (of 5) futures unfinished");
  start (fixture, iter, NULL);
  assert_finish (fixture, iter, NULL);
}

static void
test_cancelled (Fixture      *fixture,
                gconstpointer data)
{
  g_autoptr (CfFutureIter) iter = cf_as_completed (fixture->futures, 2, -1);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_test_summary ("A cancelled next loses nothing: the iterator goes on.");

  start (fixture, iter, cancellable);
  g_cancellable_cancel (cancellable);
  g_assert_null (finish (fixture, iter, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (cf_future_get_state (fixture->futures[0]), ==, CF_FUTURE_STATE_PENDING);

  settle_int (fixture->futures[1], 1);
  settle_int (fixture->futures[0], 1);
  start (fixture, iter, NULL);
  assert_finish (fixture, iter, fixture->futures[1]);
  start (fixture, iter, NULL);
  assert_finish (fixture, iter, fixture->futures[0]);
}

static void
test_cancel_races (Fixture      *fixture,
                   gconstpointer data)
{
  g_test_summary ("A cancel and a completion at once: the future comes now or with the next call, never twice or not at all.");

  for (guint i = 0; i < 500; i++)
    {
      g_autoptr (CfFuture) future = cf_future_new ();
      g_autoptr (CfFutureIter) iter = cf_as_completed (&future, 1, -1);
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (CfFuture) first = NULL;
      g_autoptr (CfFuture) second = NULL;
      g_autoptr (GError) error = NULL;
      GThread *thread;

      start (fixture, iter, cancellable);
      thread = g_thread_new ("settle", settle_int_thread, future);
      g_cancellable_cancel (cancellable);
      first = finish (fixture, iter, &error);
      if (first == NULL)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      second = cf_future_iter_next (iter, NULL);
      g_assert_true (first == future || second == future);
      g_assert_true (first == NULL || second == NULL);
      g_thread_join (thread);
      g_clear_object (&fixture->result);
    }
}

static void
test_dropped_while_waiting (Fixture      *fixture,
                            gconstpointer data)
{
  CfFutureIter *iter = cf_as_completed (fixture->futures, N, -1);

  g_test_summary ("The caller may drop the iterator while next is under way.");

  start (fixture, iter, NULL);
  g_object_unref (iter);
  settle_int (fixture->futures[2], 1);
  assert_finish (fixture, iter, fixture->futures[2]);
}

static const gint64 timeouts[] = { 0, 1000 };

#define ADD(path, test) g_test_add ("/future-iter-async/" path, Fixture, NULL, set_up, test, tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("order", test_order);
  ADD ("done-already", test_done_already);
  g_test_add ("/future-iter-async/times-out/at-once", Fixture, &timeouts[0], set_up, test_times_out, tear_down);
  g_test_add ("/future-iter-async/times-out/later", Fixture, &timeouts[1], set_up, test_times_out, tear_down);
  ADD ("cancelled", test_cancelled);
  ADD ("cancel-races", test_cancel_races);
  ADD ("dropped-while-waiting", test_dropped_while_waiting);

  return g_test_run ();
}
