/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Completions among what else a main context has to do: others have their turns, and it is woken no more than it must. */

#include "cf-test.h"

#define N_FUTURES 20000

typedef struct
{
  gint  n_done;
  gint  n_done_at_first_turn; /* -1: the other source has not had a turn */
  guint n_turns;
} Shared;

static gboolean
take_turn (gpointer user_data)
{
  Shared *shared = user_data;

  if (shared->n_done_at_first_turn < 0)
    shared->n_done_at_first_turn = shared->n_done;
  shared->n_turns++;

  return G_SOURCE_CONTINUE;
}

static GSource *
add_other_source (Shared *shared,
                  int     priority)
{
  GSource *source = g_idle_source_new ();

  shared->n_done_at_first_turn = -1;
  g_source_set_priority (source, priority);
  g_source_set_callback (source, take_turn, shared, NULL);
  g_source_attach (source, NULL);

  return source;
}

static void
settle_many (guint n,
             gint *n_done)
{
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (CfFuture) future = cf_future_new ();

      g_signal_connect (future, "done", G_CALLBACK (count_callback), n_done);
      g_assert_true (cf_future_set_result (future, NULL, NULL));
    }
}

static void
test_drained (void)
{
  gint n_done = 0;

  g_test_summary ("Who iterates until nothing is ready has been told of all that was there.");

  settle_many (N_FUTURES, &n_done);
  run_pending (NULL);
  g_assert_cmpint (n_done, ==, N_FUTURES);
  g_assert_false (g_main_context_pending (NULL));
}

static void
test_not_starved (gconstpointer priority)
{
  const guint n = N_FUTURES;
  Shared      shared = { 0 };
  GSource    *other;

  g_test_summary ("20,000 completions at once come in batches, between which another source has its turns.");

  settle_many (n, &shared.n_done);
  other = add_other_source (&shared, GPOINTER_TO_INT (priority));
  run_until_count (NULL, &shared.n_done, (gint) n);
  g_source_destroy (other);
  g_source_unref (other);
  run_pending (NULL);

  g_assert_cmpint (shared.n_done, ==, (gint) n);
  g_assert_cmpint (shared.n_done_at_first_turn, <, (gint) n);
  g_assert_cmpuint (shared.n_turns, >=, 4);
}

static void
settle_another (CfFuture *future,
                gpointer  user_data)
{
  Shared *shared = user_data;
  g_autoptr (CfFuture) another = NULL;

  shared->n_done++;
  if (shared->n_turns >= 10)
    return;

  another = cf_future_new ();
  g_signal_connect (another, "done", G_CALLBACK (settle_another), shared);
  settle_int (another, 1);
}

static gboolean
had_ten_turns (gpointer user_data)
{
  Shared *shared = user_data;

  return shared->n_turns >= 10;
}

static void
test_handlers_that_settle (void)
{
  Shared   shared = { 0 };
  GSource *other = add_other_source (&shared, G_PRIORITY_DEFAULT);
  g_autoptr (CfFuture) first = cf_future_new ();

  g_test_summary ("A handler that settles the next future, and so on for ever, lets other sources run.");

  g_signal_connect (first, "done", G_CALLBACK (settle_another), &shared);
  settle_int (first, 1);
  run_until (NULL, had_ten_turns, &shared);
  g_source_destroy (other);
  g_source_unref (other);
  run_pending (NULL);
  g_assert_cmpint (shared.n_done, >=, 2);
}

static void
iterate_inside (CfFuture *future,
                gpointer  user_data)
{
  ++*(gint *) user_data;
  run_pending (NULL);
}

static void
test_nested_iteration (void)
{
  const guint n = 300; /* more than a batch */
  gint        called = 0;

  g_test_summary ("A handler that runs the main context, as a dialog does, does not make others lost or called twice.");

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (CfFuture) future = cf_future_new ();

      g_signal_connect (future, "done", G_CALLBACK (iterate_inside), &called);
      settle_int (future, 1);
    }

  run_until_count (NULL, &called, (gint) n);
  run_pending (NULL);
  g_assert_cmpint (called, ==, (gint) n);
}

static guint n_ready;

static int
poll_and_count (GPollFD *fds,
                guint    n_fds,
                int      timeout)
{
  int n = g_poll (fds, n_fds, timeout);

  n_ready += n > 0;

  return n;
}

static void
test_woken_once (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (CfFuture) future = NULL;
  int called = 0;

  g_test_summary ("A completion wakes its context, which is not woken again by telling of it.");

  g_main_context_set_poll_func (context, poll_and_count);
  g_main_context_push_thread_default (context);
  future = cf_future_new ();
  g_signal_connect (future, "done", G_CALLBACK (count_callback), &called);
  g_assert_true (cf_future_set_result (future, NULL, NULL));
  while (called == 0)
    g_main_context_iteration (context, TRUE);

  n_ready = 0;
  g_assert_false (g_main_context_iteration (context, FALSE));
  g_assert_cmpuint (n_ready, ==, 0);
  g_main_context_pop_thread_default (context);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/future-delivery-turns/drained", test_drained);
  g_test_add_data_func ("/future-delivery-turns/not-starved/default", GINT_TO_POINTER (G_PRIORITY_DEFAULT), test_not_starved);
  g_test_add_data_func ("/future-delivery-turns/not-starved/idle", GINT_TO_POINTER (G_PRIORITY_DEFAULT_IDLE), test_not_starved);
  g_test_add_func ("/future-delivery-turns/handlers-that-settle", test_handlers_that_settle);
  g_test_add_func ("/future-delivery-turns/nested-iteration", test_nested_iteration);
  g_test_add_func ("/future-delivery-turns/woken-once", test_woken_once);

  return g_test_run ();
}
