/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* cf_wait_async(). */

#include "cf-test.h"

#include <malloc.h>

#define N 4

typedef struct
{
  GMainContext *context;
  CfFuture     *futures[N];
  GAsyncResult *result;
  GPtrArray    *done;
  GPtrArray    *not_done;
  GError       *error;
  GCancellable *cancellable; /* of a callback that uses it: not a reference */
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
clear_result (Fixture *fixture)
{
  g_clear_object (&fixture->result);
  g_clear_pointer (&fixture->done, g_ptr_array_unref);
  g_clear_pointer (&fixture->not_done, g_ptr_array_unref);
  g_clear_error (&fixture->error);
}

static void
tear_down (Fixture      *fixture,
           gconstpointer data)
{
  g_main_context_pop_thread_default (fixture->context);
  clear_result (fixture);
  run_pending (fixture->context);
  run_pending (NULL);
  for (guint i = 0; i < N; i++)
    g_assert_finalize_object (fixture->futures[i]);
  g_main_context_unref (fixture->context);
}

static void
start (Fixture      *fixture,
       CfReturnWhen  return_when,
       gint64        timeout,
       GCancellable *cancellable)
{
  cf_wait_async (fixture->futures, N, return_when, timeout, cancellable, keep_result, &fixture->result);
  g_assert_null (fixture->result);
}

static gboolean
finish (Fixture *fixture)
{
  await_result (fixture->context, &fixture->result);

  return cf_wait_finish (fixture->result, &fixture->done, &fixture->not_done, &fixture->error);
}

static void
assert_lengths (Fixture *fixture,
                guint    n_done)
{
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (fixture->done->len, ==, n_done);
  g_assert_cmpuint (fixture->not_done->len, ==, N - n_done);
}

static void
settle_in_thread (CfFuture *future)
{
  g_thread_join (g_thread_new ("settle", settle_int_thread, future));
}

static void
test_all (Fixture      *fixture,
          gconstpointer data)
{
  g_test_summary ("Completes in the caller's context, when the last is done, and not before.");

  start (fixture, CF_ALL_COMPLETED, -1, NULL);
  for (guint i = 0; i < N; i++)
    {
      run_pending (fixture->context);
      g_assert_null (fixture->result);
      settle_in_thread (fixture->futures[i]);
    }

  run_pending (NULL);
  g_assert_null (fixture->result);
  g_assert_true (finish (fixture));
  assert_lengths (fixture, N);
  for (guint i = 0; i < N; i++)
    g_assert_true (g_ptr_array_index (fixture->done, i) == fixture->futures[i]);
}

static void
test_first (Fixture      *fixture,
            gconstpointer data)
{
  g_test_summary ("FIRST_COMPLETED completes with the first, FIRST_EXCEPTION with an error.");

  start (fixture, CF_FIRST_COMPLETED, -1, NULL);
  settle_in_thread (fixture->futures[2]);
  g_assert_true (finish (fixture));
  assert_lengths (fixture, 1);
  g_assert_true (g_ptr_array_index (fixture->done, 0) == fixture->futures[2]);

  clear_result (fixture);
  start (fixture, CF_FIRST_EXCEPTION, -1, NULL);
  settle_in_thread (fixture->futures[0]);
  run_pending (fixture->context);
  g_assert_null (fixture->result);
  settle_error (fixture->futures[3]);
  g_assert_true (finish (fixture));
  assert_lengths (fixture, 3);
}

static void
test_met_already (Fixture      *fixture,
                  gconstpointer data)
{
  g_test_summary ("A condition that holds already is told from the main context too, also with time-out 0.");

  settle_int (fixture->futures[0], 1);
  start (fixture, CF_FIRST_COMPLETED, 0, NULL);
  g_assert_true (finish (fixture));
  assert_lengths (fixture, 1);
}

static void
test_nothing (Fixture      *fixture,
              gconstpointer data)
{
  g_test_summary ("Nothing to wait for is met in every mode.");

  for (guint mode = CF_ALL_COMPLETED; mode <= CF_FIRST_EXCEPTION; mode++)
    {
      clear_result (fixture);
      cf_wait_async (NULL, 0, mode, -1, NULL, keep_result, &fixture->result);
      g_assert_null (fixture->result);
      g_assert_true (finish (fixture));
      g_assert_no_error (fixture->error);
      g_assert_cmpuint (fixture->done->len, ==, 0);
      g_assert_cmpuint (fixture->not_done->len, ==, 0);
    }
}

static void
test_times_out (Fixture      *fixture,
                gconstpointer data)
{
  g_test_summary ("Out of time is FALSE without an error, and the lists are filled.");

  settle_int (fixture->futures[1], 1);
  start (fixture, CF_ALL_COMPLETED, 0, NULL);
  g_assert_false (finish (fixture));
  assert_lengths (fixture, 1);

  clear_result (fixture);
  start (fixture, CF_ALL_COMPLETED, 1000, NULL);
  g_assert_false (finish (fixture));
  assert_lengths (fixture, 1);
}

static void
test_met_afterwards (Fixture      *fixture,
                     gconstpointer data)
{
  g_test_summary ("What is returned and the lists agree, also when the rest was done just after the time ran out.");

  start (fixture, CF_ALL_COMPLETED, 0, NULL);
  await_result (fixture->context, &fixture->result);
  for (guint i = 0; i < N; i++)
    settle_int (fixture->futures[i], (int) i);

  g_assert_true (finish (fixture));
  assert_lengths (fixture, N);
}

static void
test_cancelled (Fixture      *fixture,
                gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  g_test_summary ("The cancellable ends the waiting with CANCELLED, and touches no future.");

  start (fixture, CF_ALL_COMPLETED, -1, cancellable);
  g_cancellable_cancel (cancellable);
  g_assert_false (finish (fixture));
  g_assert_error (fixture->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  for (guint i = 0; i < N; i++)
    g_assert_cmpint (cf_future_get_state (fixture->futures[i]), ==, CF_FUTURE_STATE_PENDING);

  clear_result (fixture);
  start (fixture, CF_FIRST_COMPLETED, -1, cancellable);
  g_assert_false (finish (fixture));
  g_assert_error (fixture->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* A source of the context that cancels. */
static gboolean
cancel_and_look (gpointer data)
{
  Fixture *fixture = data;

  g_cancellable_cancel (fixture->cancellable);
  g_assert_null (fixture->result);

  return G_SOURCE_REMOVE;
}

static void
keep_and_reset (GObject      *source,
                GAsyncResult *result,
                gpointer      data)
{
  Fixture *fixture = data;

  g_cancellable_reset (fixture->cancellable);
  keep_result (source, result, &fixture->result);
}

static void
test_cancelled_in_context (Fixture      *fixture,
                           gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GSource) source = g_idle_source_new ();

  g_test_summary ("Who cancels is not called back while he does: the callback may use the cancellable again.");

  fixture->cancellable = cancellable;
  cf_wait_async (fixture->futures, N, CF_ALL_COMPLETED, -1, cancellable, keep_and_reset, fixture);
  g_source_set_callback (source, cancel_and_look, fixture, NULL);
  g_source_attach (source, fixture->context);
  g_assert_false (finish (fixture));
  g_assert_error (fixture->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (g_cancellable_is_cancelled (cancellable));
}

static void
test_lists_optional (Fixture      *fixture,
                     gconstpointer data)
{
  g_test_summary ("The lists may be left out.");

  start (fixture, CF_ALL_COMPLETED, 0, NULL);
  await_result (fixture->context, &fixture->result);
  g_assert_false (cf_wait_finish (fixture->result, NULL, NULL, NULL));
}

static void
test_array_is_copied (Fixture      *fixture,
                      gconstpointer data)
{
  CfFuture *copies[N];

  g_test_summary ("The array may be reused, and the caller's references dropped, after the call.");

  for (guint i = 0; i < N; i++)
    copies[i] = g_object_ref (fixture->futures[i]);
  cf_wait_async (copies, N, CF_ALL_COMPLETED, -1, NULL, keep_result, &fixture->result);
  for (guint i = 0; i < N; i++)
    {
      cf_future_unref (copies[i]);
      copies[i] = NULL;
      settle_in_thread (fixture->futures[i]);
    }

  g_assert_true (finish (fixture));
  assert_lengths (fixture, N);
}

static void
test_without_callback (Fixture      *fixture,
                       gconstpointer data)
{
  g_test_summary ("Nobody listens: nothing is left behind, as the tear-down checks.");

  cf_wait_async (fixture->futures, N, CF_ALL_COMPLETED, -1, NULL, NULL, NULL);
  for (guint i = 0; i < N; i++)
    settle_in_thread (fixture->futures[i]);
}

static void
wait_and_give_up (Fixture *fixture)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  start (fixture, CF_FIRST_COMPLETED, -1, cancellable);
  g_cancellable_cancel (cancellable);
  g_assert_false (finish (fixture));
  clear_result (fixture);

  start (fixture, CF_FIRST_COMPLETED, 0, NULL);
  g_assert_false (finish (fixture));
  clear_result (fixture);
}

static void
test_does_not_grow (Fixture      *fixture,
                    gconstpointer data)
{
  gsize before;

  g_test_summary ("Giving up again and again leaves nothing on the futures.");

  for (guint i = 0; i < 100; i++)
    wait_and_give_up (fixture);
  before = mallinfo2 ().uordblks;
  for (guint i = 0; i < 2000; i++)
    wait_and_give_up (fixture);
  g_assert_cmpuint (mallinfo2 ().uordblks, <, before + 2000 * 8);
}

static void
test_races (Fixture      *fixture,
            gconstpointer data)
{
  g_test_summary ("A completion, a time-out and a cancel at once: it completes exactly once.");

  for (guint i = 0; i < 500; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (CfFuture) future = cf_future_new ();
      GThread *thread;

      cf_wait_async (&future, 1, CF_ALL_COMPLETED, i % 3 == 0 ? 10 : -1, cancellable, keep_result, &fixture->result);
      thread = g_thread_new ("settle", settle_int_thread, future);
      if (i % 2 == 0)
        g_cancellable_cancel (cancellable);
      if (!finish (fixture) && fixture->error != NULL)
        g_assert_error (fixture->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      else
        g_assert_cmpuint (fixture->done->len + fixture->not_done->len, ==, 1);
      g_thread_join (thread);
      run_pending (fixture->context);
      clear_result (fixture);
    }
}

#define ADD(path, test) g_test_add ("/wait-async/" path, Fixture, NULL, set_up, test, tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("all", test_all);
  ADD ("first", test_first);
  ADD ("met-already", test_met_already);
  ADD ("nothing", test_nothing);
  ADD ("times-out", test_times_out);
  ADD ("met-afterwards", test_met_afterwards);
  ADD ("cancelled", test_cancelled);
  ADD ("cancelled-in-context", test_cancelled_in_context);
  ADD ("lists-optional", test_lists_optional);
  ADD ("array-is-copied", test_array_is_copied);
  ADD ("without-callback", test_without_callback);
  ADD ("does-not-grow", test_does_not_grow);
  ADD ("races", test_races);

  return g_test_run ();
}
