/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* cf_wait() and cf_wait_async(). */

#include "cf-test.h"

#include <malloc.h>

#define N 6

typedef struct
{
  CfFuture  *futures[N];
  GPtrArray *done;
  GPtrArray *not_done;
  GError    *error;
} Fixture;

static void
set_up (Fixture      *fixture,
        gconstpointer data)
{
  for (guint i = 0; i < N; i++)
    fixture->futures[i] = cf_future_new ();
}

static void
forget_lists (Fixture *fixture)
{
  g_clear_pointer (&fixture->done, g_ptr_array_unref);
  g_clear_pointer (&fixture->not_done, g_ptr_array_unref);
}

/* The lists hold references of their own, and nothing else does: the futures go with the fixture. */
static void
tear_down (Fixture      *fixture,
           gconstpointer data)
{
  g_assert_no_error (fixture->error);
  run_pending (NULL);
  forget_lists (fixture);
  for (guint i = 0; i < N; i++)
    g_assert_finalize_object (fixture->futures[i]);
}

static gboolean
wait_all (Fixture     *fixture,
          CfReturnWhen return_when,
          gint64       timeout)
{
  gboolean met;

  forget_lists (fixture);
  met = cf_wait (fixture->futures, N, return_when, timeout, &fixture->done, &fixture->not_done, &fixture->error);
  g_assert_no_error (fixture->error);

  return met;
}

/* @digits are the indexes of futures, in order: "024". */
static void
assert_list (Fixture    *fixture,
             GPtrArray  *list,
             const char *digits)
{
  g_assert_nonnull (list);
  g_assert_cmpuint (list->len, ==, strlen (digits));
  for (guint i = 0; i < list->len; i++)
    g_assert_true (g_ptr_array_index (list, i) == fixture->futures[digits[i] - '0']);
}

static void
assert_lists (Fixture    *fixture,
              const char *done,
              const char *not_done)
{
  assert_list (fixture, fixture->done, done);
  assert_list (fixture, fixture->not_done, not_done);
}

static void
test_all_done (Fixture      *fixture,
               gconstpointer data)
{
  g_test_summary ("All done: every mode is met at once, and the lists are in the order given.");

  for (guint i = N; i > 0; i--)
    settle_int (fixture->futures[i - 1], 1);

  for (guint mode = CF_ALL_COMPLETED; mode <= CF_FIRST_EXCEPTION; mode++)
    {
      g_assert_true (wait_all (fixture, mode, 0));
      assert_lists (fixture, "012345", "");
      g_assert_true (wait_all (fixture, mode, -1));
      assert_lists (fixture, "012345", "");
    }
}

static void
test_none_done (Fixture      *fixture,
                gconstpointer data)
{
  g_test_summary ("Nothing done: every mode runs out of time, without an error, and the lists are filled.");

  for (guint mode = CF_ALL_COMPLETED; mode <= CF_FIRST_EXCEPTION; mode++)
    {
      g_assert_false (wait_all (fixture, mode, 0));
      assert_lists (fixture, "", "012345");
      g_assert_false (wait_all (fixture, mode, 1000));
      assert_lists (fixture, "", "012345");
    }
}

static void
test_some_done (Fixture      *fixture,
                gconstpointer data)
{
  g_test_summary ("Some done: enough for FIRST_COMPLETED; an error is enough for FIRST_EXCEPTION, a success is not.");

  settle_int (fixture->futures[4], 1);
  g_assert_true (wait_all (fixture, CF_FIRST_COMPLETED, -1));
  assert_lists (fixture, "4", "01235");
  g_assert_false (wait_all (fixture, CF_FIRST_EXCEPTION, 0));
  assert_lists (fixture, "4", "01235");
  g_assert_false (wait_all (fixture, CF_ALL_COMPLETED, 0));
  assert_lists (fixture, "4", "01235");

  settle_error (fixture->futures[1]);
  g_assert_true (wait_all (fixture, CF_FIRST_EXCEPTION, -1));
  assert_lists (fixture, "14", "0235");
  g_assert_false (wait_all (fixture, CF_ALL_COMPLETED, 0));
  assert_lists (fixture, "14", "0235");
}

static void
test_cancelled (Fixture      *fixture,
                gconstpointer data)
{
  g_test_summary ("A notified cancel is a completion and no exception; a cancel that was not notified is not seen.");

  g_assert_true (cf_future_cancel (fixture->futures[0]));
  g_assert_true (cf_future_cancel (fixture->futures[2]));
  g_assert_false (wait_all (fixture, CF_FIRST_COMPLETED, 0));
  assert_lists (fixture, "", "012345");

  g_assert_false (cf_future_set_running_or_notify_cancel (fixture->futures[2]));
  g_assert_true (wait_all (fixture, CF_FIRST_COMPLETED, -1));
  assert_lists (fixture, "2", "01345");
  g_assert_false (wait_all (fixture, CF_FIRST_EXCEPTION, 0));

  g_assert_false (cf_future_run (fixture->futures[0]));
  g_assert_false (wait_all (fixture, CF_FIRST_EXCEPTION, 0));
  assert_lists (fixture, "02", "1345");
}

static void
test_nothing (void)
{
  g_test_summary ("Nothing to wait for: met at once in every mode.");

  for (guint mode = CF_ALL_COMPLETED; mode <= CF_FIRST_EXCEPTION; mode++)
    {
      g_autoptr (GPtrArray) done = NULL;
      g_autoptr (GPtrArray) not_done = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_true (cf_wait (NULL, 0, mode, -1, &done, &not_done, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (done->len, ==, 0);
      g_assert_cmpuint (not_done->len, ==, 0);
      g_assert_true (cf_wait (NULL, 0, mode, 0, NULL, NULL, NULL));
    }
}

static void
test_duplicates (Fixture      *fixture,
                 gconstpointer data)
{
  CfFuture **f = fixture->futures;
  CfFuture  *twice[] = { f[3], f[1], f[3], f[0], f[1], f[1], f[3] };

  g_test_summary ("Each future once, where it came first.");

  settle_int (f[1], 1);
  g_assert_false (cf_wait (twice, G_N_ELEMENTS (twice), CF_ALL_COMPLETED, 0, &fixture->done, &fixture->not_done, NULL));
  assert_lists (fixture, "1", "30");

  settle_int (f[0], 1);
  settle_int (f[3], 1);
  forget_lists (fixture);
  g_assert_true (cf_wait (twice, G_N_ELEMENTS (twice), CF_ALL_COMPLETED, -1, &fixture->done, &fixture->not_done, NULL));
  assert_lists (fixture, "310", "");
}

static void
test_out_params_optional (Fixture      *fixture,
                          gconstpointer data)
{
  g_test_summary ("One list, the other, or none.");

  settle_int (fixture->futures[0], 1);
  g_assert_true (cf_wait (fixture->futures, N, CF_FIRST_COMPLETED, -1, NULL, NULL, NULL));
  g_assert_true (cf_wait (fixture->futures, N, CF_FIRST_COMPLETED, -1, &fixture->done, NULL, NULL));
  g_assert_true (cf_wait (fixture->futures, N, CF_FIRST_COMPLETED, -1, NULL, &fixture->not_done, NULL));
  assert_lists (fixture, "0", "12345");
  g_assert_false (cf_wait (fixture->futures, N, CF_ALL_COMPLETED, 0, NULL, NULL, NULL));
}

static void
test_lists_hold (void)
{
  Probe      probe = { 0 };
  CfFuture  *future = cf_future_new_for_task (task_never, &probe, probe_release);
  GPtrArray *not_done = NULL;

  g_test_summary ("A list keeps its futures until it is freed.");

  g_assert_false (cf_wait (&future, 1, CF_ALL_COMPLETED, 0, NULL, &not_done, NULL));
  cf_future_unref (future);
  assert_not_released (&probe);
  g_ptr_array_unref (not_done);
  assert_released_once (&probe);
}

/* Waiting in another thread, while this one settles */

typedef struct
{
  CfFuture   **futures;
  CfReturnWhen return_when;
  gint64       timeout;
  gint         returned; /* (atomic) */
} Waiting;

static gpointer
wait_thread (gpointer data)
{
  Waiting *waiting = data;
  g_autoptr (GError) error = NULL;
  gboolean met = cf_wait (waiting->futures, N, waiting->return_when, waiting->timeout, NULL, NULL, &error);

  g_assert_no_error (error);
  g_atomic_int_set (&waiting->returned, TRUE);

  return GINT_TO_POINTER (met);
}

static const gint64 forever[] = { -1, TEST_WATCHDOG_SECONDS *G_USEC_PER_SEC };

static void
test_woken_all (Fixture      *fixture,
                gconstpointer timeout)
{
  Waiting  waiting = { fixture->futures, CF_ALL_COMPLETED, *(const gint64 *) timeout, FALSE };
  GThread *thread = g_thread_new ("wait", wait_thread, &waiting);

  g_test_summary ("ALL_COMPLETED ends with the last completion, of whatever kind, and not before.");

  settle_error (fixture->futures[5]);
  settle_int (fixture->futures[0], 1);
  g_assert_true (cf_future_cancel (fixture->futures[3]));
  g_assert_false (cf_future_set_running_or_notify_cancel (fixture->futures[3]));
  settle_int (fixture->futures[1], 1);
  settle_int (fixture->futures[2], 1);
  g_assert_false (g_atomic_int_get (&waiting.returned));
  settle_int (fixture->futures[4], 1);

  g_assert_true (GPOINTER_TO_INT (g_thread_join (thread)));
}

static void
test_woken_first (Fixture      *fixture,
                  gconstpointer timeout)
{
  Waiting  waiting = { fixture->futures, CF_FIRST_COMPLETED, *(const gint64 *) timeout, FALSE };
  GThread *thread = g_thread_new ("wait", wait_thread, &waiting);

  g_test_summary ("FIRST_COMPLETED ends with the first completion.");

  g_assert_false (g_atomic_int_get (&waiting.returned));
  settle_int (fixture->futures[5], 1);

  g_assert_true (GPOINTER_TO_INT (g_thread_join (thread)));
}

static void
test_woken_exception (Fixture      *fixture,
                      gconstpointer timeout)
{
  Waiting  waiting = { fixture->futures, CF_FIRST_EXCEPTION, *(const gint64 *) timeout, FALSE };
  GThread *thread = g_thread_new ("wait", wait_thread, &waiting);

  g_test_summary ("FIRST_EXCEPTION waits through results and cancels, and ends with an error.");

  settle_int (fixture->futures[2], 1);
  g_assert_true (cf_future_cancel (fixture->futures[3]));
  g_assert_false (cf_future_set_running_or_notify_cancel (fixture->futures[3]));
  g_assert_false (g_atomic_int_get (&waiting.returned));
  settle_error (fixture->futures[0]);

  g_assert_true (GPOINTER_TO_INT (g_thread_join (thread)));
}

static void
test_woken_without_exception (Fixture      *fixture,
                              gconstpointer timeout)
{
  Waiting  waiting = { fixture->futures, CF_FIRST_EXCEPTION, *(const gint64 *) timeout, FALSE };
  GThread *thread = g_thread_new ("wait", wait_thread, &waiting);

  g_test_summary ("FIRST_EXCEPTION without any error ends when all are done.");

  for (guint i = 0; i < N; i++)
    {
      g_assert_false (g_atomic_int_get (&waiting.returned));
      settle_int (fixture->futures[i], 1);
    }

  g_assert_true (GPOINTER_TO_INT (g_thread_join (thread)));
}

static gpointer
settle_all_thread (gpointer data)
{
  CfFuture **futures = data;

  for (guint i = 0; i < N; i++)
    settle_int (futures[i], 1);

  return NULL;
}

static void
test_races (gconstpointer mode)
{
  g_test_summary ("Three threads wait for what another settles meanwhile: every one of them returns.");

  for (guint i = 0; i < 500; i++)
    {
      Fixture  fixture = { 0 };
      Waiting  waiting = { fixture.futures, GPOINTER_TO_UINT (mode), -1, FALSE };
      GThread *settler;
      GThread *waiters[2];

      set_up (&fixture, NULL);
      for (guint w = 0; w < 2; w++)
        waiters[w] = g_thread_new ("wait", wait_thread, &waiting);
      settler = g_thread_new ("settle", settle_all_thread, fixture.futures);
      g_assert_true (wait_all (&fixture, GPOINTER_TO_UINT (mode), -1));
      g_assert_cmpuint (fixture.done->len, >=, 1);
      g_assert_cmpuint (fixture.done->len + fixture.not_done->len, ==, N);
      for (guint w = 0; w < 2; w++)
        g_assert_true (GPOINTER_TO_INT (g_thread_join (waiters[w])));
      g_thread_join (settler);
      tear_down (&fixture, NULL);
    }
}

static gsize
heap_in_use (void)
{
  return mallinfo2 ().uordblks;
}

static void
wait_first (CfFuture **futures,
            gsize      n,
            gint64     timeout)
{
  cf_wait (futures, n, CF_FIRST_COMPLETED, timeout, NULL, NULL, NULL);
}

/* One round of each way to wait while @pending stay pending. */
static void
wait_in_every_way (CfFuture **pending)
{
  CfFuture *futures[] = { pending[0], pending[1], pending[2], cf_future_new_for_task (task_nothing, NULL, NULL) };

  wait_first (futures, G_N_ELEMENTS (futures), 0);
  wait_first (futures, G_N_ELEMENTS (futures), 1);
  g_assert_true (cf_future_run (futures[3]));
  wait_first (futures, G_N_ELEMENTS (futures), -1);
  cf_future_wait (pending[0], 1);
  cf_future_unref (futures[3]);
}

static void
test_does_not_grow (Fixture      *fixture,
                    gconstpointer data)
{
  gsize before;

  g_test_summary ("Waiting again and again with the same pending futures leaves nothing on them.");

  for (guint i = 0; i < 100; i++)
    wait_in_every_way (fixture->futures);
  run_pending (NULL);
  before = heap_in_use ();
  for (guint i = 0; i < 5000; i++)
    wait_in_every_way (fixture->futures);
  run_pending (NULL);
  g_assert_cmpuint (heap_in_use (), <, before + 5000 * 8);

  for (guint i = 0; i < N; i++)
    settle_int (fixture->futures[i], 1);
}

static void
test_many (void)
{
  const guint           n = 100000;
  g_autofree CfFuture **futures = g_new (CfFuture *, n);
  g_autoptr (GPtrArray) done = NULL;

  g_test_summary ("A hundred thousand futures in one call.");

  for (guint i = 0; i < n; i++)
    futures[i] = cf_future_new ();
  g_assert_false (cf_wait (futures, n, CF_ALL_COMPLETED, 0, NULL, NULL, NULL));
  for (guint i = 0; i < n; i++)
    g_assert_true (cf_future_set_result (futures[i], NULL, NULL));
  g_assert_true (cf_wait (futures, n, CF_ALL_COMPLETED, -1, &done, NULL, NULL));
  g_assert_cmpuint (done->len, ==, n);
  for (guint i = 0; i < n; i++)
    {
      g_assert_true (g_ptr_array_index (done, i) == futures[i]);
      cf_future_unref (futures[i]);
    }
}

#define ADD(path, test) g_test_add ("/wait/" path, Fixture, NULL, set_up, test, tear_down)

static void
add_woken (const char *path,
           void (*test) (Fixture *fixture, gconstpointer timeout))
{
  for (guint i = 0; i < G_N_ELEMENTS (forever); i++)
    {
      g_autofree char *full = g_strdup_printf ("/wait/woken/%s/%s", path, i == 0 ? "untimed" : "timed");

      g_test_add (full, Fixture, &forever[i], set_up, test, tear_down);
    }
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("all-done", test_all_done);
  ADD ("none-done", test_none_done);
  ADD ("some-done", test_some_done);
  ADD ("cancelled", test_cancelled);
  ADD ("duplicates", test_duplicates);
  ADD ("out-params", test_out_params_optional);
  ADD ("does-not-grow", test_does_not_grow);
  g_test_add_func ("/wait/nothing", test_nothing);
  g_test_add_func ("/wait/lists-hold", test_lists_hold);
  g_test_add_func ("/wait/many", test_many);
  add_woken ("all", test_woken_all);
  add_woken ("first", test_woken_first);
  add_woken ("exception", test_woken_exception);
  add_woken ("without-exception", test_woken_without_exception);
  g_test_add_data_func ("/wait/races/all", GUINT_TO_POINTER (CF_ALL_COMPLETED), test_races);
  g_test_add_data_func ("/wait/races/first", GUINT_TO_POINTER (CF_FIRST_COMPLETED), test_races);
  g_test_add_data_func ("/wait/races/exception", GUINT_TO_POINTER (CF_FIRST_EXCEPTION), test_races);

  return g_test_run ();
}
