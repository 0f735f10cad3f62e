/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* "done" and "notify::state": called once, in the right context, and nothing is kept for nobody.
 * test-future-delivery.c has many at a time. */

#include "cf-test.h"

/* A handler's view */

typedef struct
{
  GMainContext *context; /* where it should be called; NULL: the global default */
  GThread      *thread;
  gint          n_done;
  gint          n_notified;
  CfFutureState states[4];
} Seen;

static void
assert_in_context (Seen *seen)
{
  g_assert_true (g_thread_self () == seen->thread);
  g_assert_true (g_main_context_is_owner (seen->context != NULL ? seen->context : g_main_context_default ()));
}

static void
note_done (CfFuture *future,
           gpointer  user_data)
{
  Seen *seen = user_data;

  assert_in_context (seen);
  g_assert_true (cf_future_is_done (future));
  seen->n_done++;
}

static void
note_state (CfFuture   *future,
            GParamSpec *pspec,
            gpointer    user_data)
{
  Seen *seen = user_data;

  assert_in_context (seen);
  g_assert_cmpint (seen->n_notified, <, (gint) G_N_ELEMENTS (seen->states));
  g_object_get (future, "state", &seen->states[seen->n_notified], NULL);
  seen->n_notified++;
}

static void
connect_both (CfFuture *future,
              Seen     *seen)
{
  seen->thread = g_thread_self ();
  g_signal_connect (future, "done", G_CALLBACK (note_done), seen);
  g_signal_connect (future, "notify::state", G_CALLBACK (note_state), seen);
}

static CfFuture *
future_in_context (GMainContext *context)
{
  CfFuture *future;

  g_main_context_push_thread_default (context);
  future = cf_future_new_for_task (task_int, GINT_TO_POINTER (1), NULL);
  g_main_context_pop_thread_default (context);

  return future;
}

/* How a future ends; each in a thread that is not the context's */

static gpointer
end_by_run (gpointer future)
{
  g_assert_true (cf_future_run (future));
  return NULL;
}

static gpointer
end_by_hand (gpointer future)
{
  settle_int (future, 1);
  return NULL;
}

static gpointer
end_by_error (gpointer future)
{
  settle_error (future);
  return NULL;
}

static gpointer
end_by_cancel (gpointer future)
{
  g_assert_true (cf_future_cancel (future));
  return NULL;
}

static void
end_in_thread (CfFuture     *future,
               gconstpointer end)
{
  g_thread_join (g_thread_new ("end", (GThreadFunc) (gsize) end, future));
}

static void
test_connected_before (gconstpointer end)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (CfFuture) future = future_in_context (context);
  Seen seen = { .context = context };

  g_test_summary ("Connected while pending: called once, in the context of the future, not before it iterates.");

  connect_both (future, &seen);
  end_in_thread (future, end);
  run_pending (NULL);
  g_assert_cmpint (seen.n_done, ==, 0);
  g_assert_cmpint (seen.n_notified, ==, 0);

  run_until_count (context, &seen.n_done, 1);
  run_pending (context);
  g_assert_cmpint (seen.n_done, ==, 1);
  g_assert_cmpint (seen.n_notified, ==, 1);
  g_assert_cmpint (seen.states[0], ==, cf_future_get_state (future));
}

static void
test_connected_after (gconstpointer end)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (CfFuture) future = future_in_context (context);
  Seen seen = { .context = context };

  g_test_summary ("Connected when it was done already, before the context iterates: called once all the same.");

  end_in_thread (future, end);
  connect_both (future, &seen);

  run_until_count (context, &seen.n_done, 1);
  run_pending (context);
  g_assert_cmpint (seen.n_done, ==, 1);
  g_assert_cmpint (seen.n_notified, ==, 1);
  g_assert_cmpint (seen.states[0], ==, cf_future_get_state (future));
}

static void
test_settled_in_own_context (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();
  Seen seen = { 0 };

  g_test_summary ("Settled in the very thread of its context, it is still told from the main loop.");

  connect_both (future, &seen);
  settle_int (future, 1);
  g_assert_cmpint (seen.n_done, ==, 0);
  run_until_count (NULL, &seen.n_done, 1);
  run_pending (NULL);
  g_assert_cmpint (seen.n_done, ==, 1);
  g_assert_cmpint (seen.n_notified, ==, 1);
}

static gpointer
new_future_thread (gpointer data)
{
  return cf_future_new ();
}

static void
test_default_context (void)
{
  g_autoptr (CfFuture) future = g_thread_join (g_thread_new ("new", new_future_thread, NULL));
  Seen seen = { 0 };

  g_test_summary ("Made in a thread without a context of its own, it tells the global default context.");

  connect_both (future, &seen);
  settle_int (future, 1);
  run_until_count (NULL, &seen.n_done, 1);
  g_assert_cmpint (seen.n_done, ==, 1);
}

static void
test_wakes_context (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  Seen seen = { .context = context };

  g_test_summary ("A context that sleeps in poll is woken by the completion.");

  for (gint i = 0; i < 200; i++)
    {
      g_autoptr (CfFuture) future = future_in_context (context);
      GThread *thread;

      connect_both (future, &seen);
      thread = g_thread_new ("end", end_by_hand, future);
      while (seen.n_done <= i)
        {
          seen.n_notified = 0;
          g_main_context_iteration (context, TRUE);
        }
      g_thread_join (thread);
    }

  g_assert_cmpint (seen.n_done, ==, 200);
}

static void
test_running_is_notified (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();
  Seen seen = { 0 };

  g_test_summary ("notify::state tells of RUNNING when the context comes round meanwhile, then of the end.");

  connect_both (future, &seen);
  g_assert_true (cf_future_set_running_or_notify_cancel (future));
  run_until_count (NULL, &seen.n_notified, 1);
  run_pending (NULL);
  g_assert_cmpint (seen.n_notified, ==, 1);
  g_assert_cmpint (seen.states[0], ==, CF_FUTURE_STATE_RUNNING);
  g_assert_cmpint (seen.n_done, ==, 0);

  settle_int (future, 1);
  run_until_count (NULL, &seen.n_done, 1);
  run_pending (NULL);
  g_assert_cmpint (seen.n_notified, ==, 2);
  g_assert_cmpint (seen.states[1], ==, CF_FUTURE_STATE_FINISHED);
}

static void
test_running_is_skipped (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();
  Seen seen = { 0 };

  g_test_summary ("A RUNNING that is over before the context comes round is not told separately.");

  connect_both (future, &seen);
  g_assert_true (cf_future_set_running_or_notify_cancel (future));
  settle_int (future, 1);
  run_until_count (NULL, &seen.n_done, 1);
  run_pending (NULL);
  g_assert_cmpint (seen.n_notified, ==, 1);
  g_assert_cmpint (seen.states[0], ==, CF_FUTURE_STATE_FINISHED);
}

static void
test_second_step_is_silent (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();
  Seen seen = { 0 };

  g_test_summary ("The second step of a cancel is no second \"done\".");

  connect_both (future, &seen);
  g_assert_true (cf_future_cancel (future));
  run_until_count (NULL, &seen.n_done, 1);
  g_assert_false (cf_future_set_running_or_notify_cancel (future));
  run_pending (NULL);
  g_assert_cmpint (seen.n_done, ==, 1);
  g_assert_cmpint (seen.n_notified, ==, 1);
}

/* Who keeps whom */

static gboolean
task_probe (GValue       *result,
            GCancellable *cancellable,
            gpointer      user_data,
            GError      **error)
{
  g_value_init (result, TEST_TYPE_PROBE_OBJECT);
  g_value_take_object (result, probe_object_new (user_data));

  return TRUE;
}

static void
test_nobody_holds (void)
{
  Probe probe = { 0 };

  g_test_summary ("A program that never runs a main loop: what nobody holds and nobody connected to is gone at once.");

  for (guint i = 1; i <= 10000; i++)
    {
      CfFuture *future = cf_future_new_for_task (task_probe, &probe, NULL);

      g_assert_true (cf_future_run (future));
      if (i % 2 == 0)
        cf_future_unref (future);
      else
        g_object_unref (future);
      g_assert_cmpuint (probe_get_n_released (&probe), ==, i);
    }

  run_pending (NULL);
}

static void
test_handler_while_unsettled (void)
{
  Probe     probe = { 0 };
  Seen      seen = { 0 };
  CfFuture *future = cf_future_new_for_task (task_never, &probe, probe_release);

  g_test_summary ("A handler does not keep a future that nobody can settle any more.");

  connect_both (future, &seen);
  cf_future_unref (future);
  assert_released_once (&probe);
  run_pending (NULL);
  g_assert_cmpint (seen.n_done, ==, 0);
}

static void
test_handler_keeps (gconstpointer connect_after)
{
  Probe     probe = { 0 };
  Seen      seen = { 0 };
  CfFuture *future = cf_future_new_for_task (task_probe, &probe, NULL);

  g_test_summary ("A done future with a handler lives until the handler was called, and no longer.");

  if (!connect_after)
    connect_both (future, &seen);
  g_assert_true (run_in_thread (future));
  if (connect_after)
    connect_both (future, &seen);
  cf_future_unref (future);
  assert_not_released (&probe);

  run_until_count (NULL, &seen.n_done, 1);
  run_pending (NULL);
  g_assert_cmpint (seen.n_done, ==, 1);
  assert_released_once (&probe);
}

static void
test_notify_handler_keeps (void)
{
  Probe     probe = { 0 };
  Seen      seen = { .thread = g_thread_self () };
  CfFuture *future = cf_future_new_for_task (task_probe, &probe, NULL);

  g_test_summary ("A handler of notify::state alone is enough to be told of the end.");

  g_signal_connect (future, "notify::state", G_CALLBACK (note_state), &seen);
  g_assert_true (run_in_thread (future));
  cf_future_unref (future);
  run_until_count (NULL, &seen.n_notified, 1);
  run_pending (NULL);
  g_assert_cmpint (seen.n_notified, ==, 1);
  g_assert_cmpint (seen.states[0], ==, CF_FUTURE_STATE_FINISHED);
  assert_released_once (&probe);
}

static void
test_disconnected (void)
{
  Probe     probe = { 0 };
  Seen      seen = { 0 };
  CfFuture *future = cf_future_new_for_task (task_probe, &probe, NULL);

  g_test_summary ("Disconnected before the context came round: not called, and nothing stays behind.");

  connect_both (future, &seen);
  g_assert_true (run_in_thread (future));
  g_signal_handlers_disconnect_by_data (future, &seen);
  cf_future_unref (future);
  run_pending (NULL);
  g_assert_cmpint (seen.n_done, ==, 0);
  assert_released_once (&probe);
}

static gboolean
never_called (gpointer user_data)
{
  g_assert_not_reached ();
  return G_SOURCE_REMOVE;
}

/* A context that releases @probe when it goes. */
static GMainContext *
context_with_probe (Probe *probe)
{
  GMainContext *context = g_main_context_new ();
  GSource      *source = g_timeout_source_new_seconds (24 * 60 * 60);

  g_source_set_callback (source, never_called, probe, probe_release);
  g_source_attach (source, context);
  g_source_unref (source);

  return context;
}

static void
test_context_of_pending (void)
{
  Probe         probe = { 0 };
  GMainContext *context = context_with_probe (&probe);
  CfFuture     *future = future_in_context (context);

  g_test_summary ("A context lives while a pending future may need it, and goes with the last one.");

  g_main_context_unref (context);
  assert_not_released (&probe);
  cf_future_unref (future);
  assert_released_once (&probe);
}

static void
test_context_of_undelivered (void)
{
  Probe         probe = { 0 };
  GMainContext *context = context_with_probe (&probe);

  g_test_summary ("Futures that nobody asked about do not keep their context, told or not.");

  for (guint i = 0; i < 100; i++)
    {
      g_autoptr (CfFuture) future = future_in_context (context);

      g_assert_true (run_in_thread (future));
    }

  g_main_context_unref (context);
  assert_released_once (&probe);
}

static void
test_context_of_delivered (void)
{
  Probe         probe = { 0 };
  Seen          seen = { 0 };
  GMainContext *context = context_with_probe (&probe);
  CfFuture     *future = future_in_context (context);

  g_test_summary ("After \"done\" was told and the future dropped, the context is not kept.");

  seen.context = context;
  connect_both (future, &seen);
  g_assert_true (run_in_thread (future));
  run_until_count (context, &seen.n_done, 1);
  run_pending (context);
  cf_future_unref (future);
  g_main_context_unref (context);
  assert_released_once (&probe);
}

static void
add_ends (void)
{
  g_test_add_data_func ("/future-signals/before/run", end_by_run, test_connected_before);
  g_test_add_data_func ("/future-signals/before/hand", end_by_hand, test_connected_before);
  g_test_add_data_func ("/future-signals/before/error", end_by_error, test_connected_before);
  g_test_add_data_func ("/future-signals/before/cancel", end_by_cancel, test_connected_before);
  g_test_add_data_func ("/future-signals/after/run", end_by_run, test_connected_after);
  g_test_add_data_func ("/future-signals/after/hand", end_by_hand, test_connected_after);
  g_test_add_data_func ("/future-signals/after/error", end_by_error, test_connected_after);
  g_test_add_data_func ("/future-signals/after/cancel", end_by_cancel, test_connected_after);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  add_ends ();
  g_test_add_func ("/future-signals/own-context", test_settled_in_own_context);
  g_test_add_func ("/future-signals/default-context", test_default_context);
  g_test_add_func ("/future-signals/wakes-context", test_wakes_context);
  g_test_add_func ("/future-signals/running/notified", test_running_is_notified);
  g_test_add_func ("/future-signals/running/skipped", test_running_is_skipped);
  g_test_add_func ("/future-signals/second-step", test_second_step_is_silent);
  g_test_add_func ("/future-signals/nobody-holds", test_nobody_holds);
  g_test_add_func ("/future-signals/handler/unsettled", test_handler_while_unsettled);
  g_test_add_data_func ("/future-signals/handler/before", GINT_TO_POINTER (FALSE), test_handler_keeps);
  g_test_add_data_func ("/future-signals/handler/after", GINT_TO_POINTER (TRUE), test_handler_keeps);
  g_test_add_func ("/future-signals/handler/notify-alone", test_notify_handler_keeps);
  g_test_add_func ("/future-signals/handler/disconnected", test_disconnected);
  g_test_add_func ("/future-signals/context/pending", test_context_of_pending);
  g_test_add_func ("/future-signals/context/undelivered", test_context_of_undelivered);
  g_test_add_func ("/future-signals/context/delivered", test_context_of_delivered);

  return g_test_run ();
}
