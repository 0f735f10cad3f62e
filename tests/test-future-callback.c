/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Done-callbacks, foreign code that calls back, and cf_future_wait_async(). */

#include "cf-test.h"

typedef struct
{
  GArray  *order;
  gint     number;
  GThread *thread;
} Ordered;

static void
note_order (CfFuture *future,
            gpointer  user_data)
{
  Ordered *ordered = user_data;

  g_array_append_val (ordered->order, ordered->number);
  ordered->thread = g_thread_self ();
}

static gpointer
cancel_thread (gpointer data)
{
  g_assert_true (cf_future_cancel (data));
  return NULL;
}

static gpointer
run_thread (gpointer data)
{
  g_assert_true (cf_future_run (data));
  return NULL;
}

static void
test_order_and_thread (gconstpointer data)
{
  GThreadFunc end = (GThreadFunc) (gsize) data;
  g_autoptr (CfFuture) future = cf_future_new_for_task (task_nothing, NULL, NULL);
  g_autoptr (GArray) order = g_array_new (FALSE, FALSE, sizeof (gint));
  Ordered  ordered[20];
  GThread *thread;

  g_test_summary ("Callbacks run in the order of adding, in the thread that settles.");

  for (gint i = 0; i < 20; i++)
    {
      ordered[i] = (Ordered){ order, i, NULL };
      cf_future_add_done_callback (future, note_order, &ordered[i], NULL);
    }

  thread = g_thread_new ("end", end, future);
  g_thread_join (thread);

  g_assert_cmpuint (order->len, ==, 20);
  for (gint i = 0; i < 20; i++)
    {
      g_assert_cmpint (g_array_index (order, gint, i), ==, i);
      g_assert_true (ordered[i].thread == thread);
    }
}

typedef struct
{
  Probe probe;
  guint n_called;
} Destroyed;

static void
note_not_destroyed (CfFuture *future,
                    gpointer  user_data)
{
  Destroyed *destroyed = user_data;

  assert_not_released (&destroyed->probe);
  destroyed->n_called++;
}

static void
test_add_when_done (void)
{
  g_autoptr (CfFuture) finished = cf_future_new ();
  g_autoptr (CfFuture) cancelled = cf_future_new ();
  Destroyed destroyed = { 0 };
  gint      called = 0;

  g_test_summary ("A callback added to a done future runs at once, in the caller.");

  settle_int (finished, 1);
  cf_future_add_done_callback (finished, count_callback, &called, NULL);
  g_assert_cmpint (called, ==, 1);

  g_assert_true (cf_future_cancel (cancelled));
  cf_future_add_done_callback (cancelled, count_callback, &called, NULL);
  g_assert_cmpint (called, ==, 2);

  cf_future_add_done_callback (finished, note_not_destroyed, &destroyed, probe_release);
  g_assert_cmpuint (destroyed.n_called, ==, 1);
  assert_released_once (&destroyed.probe);
  g_assert_true (probe_get_thread (&destroyed.probe) == g_thread_self ());
}

static void
test_destroy (void)
{
  CfFuture *future = cf_future_new ();
  CfFuture *dropped = cf_future_new ();
  Destroyed called = { 0 };
  Destroyed never = { 0 };

  g_test_summary ("The user data of a callback is destroyed once: after it was called, or with its future.");

  cf_future_add_done_callback (future, note_not_destroyed, &called, probe_release);
  settle_int (future, 1);
  g_assert_cmpuint (called.n_called, ==, 1);
  assert_released_once (&called.probe);
  cf_future_unref (future);
  assert_released_once (&called.probe);

  cf_future_add_done_callback (dropped, note_not_destroyed, &never, probe_release);
  assert_not_released (&never.probe);
  cf_future_unref (dropped);
  g_assert_cmpuint (never.n_called, ==, 0);
  assert_released_once (&never.probe);
}

static void
add_another (CfFuture *future,
             gpointer  user_data)
{
  cf_future_add_done_callback (future, count_callback, user_data, NULL);
  g_assert_cmpint (g_atomic_int_get ((gint *) user_data), >=, 1);
}

static void
test_add_inside (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();
  gint called = 0;

  g_test_summary ("A callback added by a callback runs at once.");

  cf_future_add_done_callback (future, add_another, &called, NULL);
  settle_int (future, 1);
  g_assert_cmpint (called, ==, 1);
}

static void
wait_at_gate (CfFuture *future,
              gpointer  gate)
{
  gate_wait (gate);
}

static void
test_waiters_before_callbacks (void)
{
  g_autoptr (CfFuture) future = cf_future_new_for_task (task_int, GINT_TO_POINTER (3), NULL);
  Gate     gate;
  GThread *thread;

  g_test_summary ("Who waits is told before the callbacks have run.");

  gate_init (&gate);
  cf_future_add_done_callback (future, wait_at_gate, &gate, NULL);
  thread = start_in_thread (future);

  g_assert_true (cf_future_wait (future, -1));
  g_assert_true (cf_wait (&future, 1, CF_ALL_COMPLETED, -1, NULL, NULL, NULL));
  g_assert_cmpint (get_int (future), ==, 3);
  gate_await_waiting (&gate, 1);

  gate_open (&gate);
  g_thread_join (thread);
  gate_clear (&gate);
}

static void
drop_future (CfFuture *future,
             gpointer  user_data)
{
  CfFuture **mine = user_data;

  g_assert_true (*mine == future);
  g_clear_pointer (mine, cf_future_unref);
}

static void
test_dropped_in_callback (void)
{
  Destroyed destroyed = { 0 };
  CfFuture *future = cf_future_new ();
  CfFuture *settler = g_object_ref (future);
  gint      called = 0;

  g_test_summary ("A callback may drop the reference of the one who waits; later callbacks still run.");

  cf_future_add_done_callback (future, drop_future, &future, NULL);
  cf_future_add_done_callback (settler, note_not_destroyed, &destroyed, probe_release);
  cf_future_add_done_callback (settler, count_callback, &called, NULL);
  settle_int (settler, 1);
  g_assert_null (future);
  g_assert_cmpint (called, ==, 1);
  g_assert_cmpuint (destroyed.n_called, ==, 1);
  assert_released_once (&destroyed.probe);
  cf_future_unref (settler);
}

/* No lock is held while foreign code runs: whatever it does, also in another thread, goes through. */

static void
do_nothing (CfFuture *future,
            gpointer  user_data)
{
}

static gpointer
ask_thread (gpointer data)
{
  CfFuture        *future = data;
  g_autofree char *name = NULL;

  cf_future_get_state (future);
  cf_future_wait (future, 0);
  cf_future_get_result (future, 0, NULL);
  cf_future_get_exception (future, 0, NULL, NULL);
  cf_future_add_done_callback (future, do_nothing, NULL, NULL);
  cf_future_get_cancellable (future);
  cf_future_set_result (future, NULL, NULL);
  cf_future_cancel (future);
  cf_wait (&future, 1, CF_ALL_COMPLETED, 0, NULL, NULL, NULL);
  g_object_set (future, "name", "asked", NULL);
  g_object_get (future, "name", &name, NULL);

  return NULL;
}

static gpointer
look_thread (gpointer data)
{
  CfFuture *future = data;

  cf_future_get_state (future);
  cf_future_wait (future, 0);
  cf_future_add_done_callback (future, do_nothing, NULL, NULL);
  cf_future_get_cancellable (future);
  cf_wait (&future, 1, CF_ALL_COMPLETED, 0, NULL, NULL, NULL);

  return NULL;
}

static void
ask_in_thread (CfFuture *future,
               gpointer  user_data)
{
  ask_thread (future);
  g_thread_join (g_thread_new ("ask", ask_thread, future));
  g_atomic_int_inc ((gint *) user_data);
}

static CfFuture *asked;
static gint      n_asked;

static void
ask_from_destroy (gpointer user_data)
{
  if (asked == NULL)
    return;

  look_thread (asked);
  g_thread_join (g_thread_new ("look", look_thread, asked));
  g_atomic_int_inc (&n_asked);
}

static gboolean
task_asks (GValue       *result,
           GCancellable *cancellable,
           gpointer      user_data,
           GError      **error)
{
  look_thread (asked);
  g_thread_join (g_thread_new ("look", look_thread, asked));
  g_atomic_int_inc (&n_asked);

  return TRUE;
}

static gpointer
copy_asking (gpointer boxed)
{
  ask_from_destroy (NULL);
  return boxed;
}

typedef int AskingBoxed;
GType       asking_boxed_get_type (void);
G_DEFINE_BOXED_TYPE (AskingBoxed, asking_boxed, copy_asking, ask_from_destroy)

static void
test_no_lock_held (void)
{
  g_auto (GValue) value = G_VALUE_INIT;
  gint called = 0;

  g_test_summary ("Functions, callbacks, destroy functions and copies of values may ask the future, in other threads too.");

  asked = cf_future_new_for_task (task_asks, &called, ask_from_destroy);
  n_asked = 0;
  cf_future_add_done_callback (asked, ask_in_thread, &called, ask_from_destroy);
  cf_future_add_done_callback (asked, ask_in_thread, &called, NULL);
  g_assert_true (cf_future_run (asked));
  g_assert_cmpint (called, ==, 2);
  g_assert_cmpint (n_asked, ==, 3);
  cf_future_unref (asked);

  asked = cf_future_new_for_task (task_asks, NULL, ask_from_destroy);
  n_asked = 0;
  g_value_init (&value, asking_boxed_get_type ());
  g_value_set_static_boxed (&value, &called);
  g_assert_true (cf_future_set_result (asked, &value, NULL));
  g_assert_cmpint (n_asked, >=, 2);
  g_clear_pointer (&asked, cf_future_unref);
}

/* wait_async */

static void
test_wait_async (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (CfFuture) future = cf_future_new_for_task (task_int, GINT_TO_POINTER (9), NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  const GValue *value;

  g_test_summary ("wait_async() completes in the caller's thread-default context, with the result.");

  g_main_context_push_thread_default (context);
  cf_future_wait_async (future, NULL, keep_result, &result);
  g_main_context_pop_thread_default (context);

  g_assert_true (run_in_thread (future));
  run_pending (NULL);
  g_assert_null (result);
  await_result (context, &result);

  value = cf_future_wait_finish (future, result, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_value_get_int (value), ==, 9);
  g_assert_true (value == cf_future_get_result (future, 0, NULL));
}

static void
test_wait_async_when_done (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("wait_async() of a done future completes from the main context, never inside the call.");

  settle_error (future);
  cf_future_wait_async (future, NULL, keep_result, &result);
  g_assert_null (result);
  await_result (NULL, &result);

  g_assert_null (cf_future_wait_finish (future, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

static void
test_wait_async_no_value (void)
{
  g_autoptr (CfFuture) future = cf_future_new_for_task (task_nothing, NULL, NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("wait_async() of a future without a value ends with NULL and no error.");

  cf_future_wait_async (future, NULL, keep_result, &result);
  g_assert_true (cf_future_run (future));
  await_result (NULL, &result);
  g_assert_null (cf_future_wait_finish (future, result, &error));
  g_assert_no_error (error);
}

static void
test_wait_async_of_cancelled (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Cancelling the future ends wait_async() at once.");

  cf_future_wait_async (future, NULL, keep_result, &result);
  g_assert_true (cf_future_cancel (future));
  await_result (NULL, &result);
  g_assert_null (cf_future_wait_finish (future, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_wait_async_cancellable (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) cancelled = NULL;
  g_autoptr (GAsyncResult) other = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) other_error = NULL;

  g_test_summary ("The cancellable of wait_async() ends the waiting, not the work, and not another's waiting.");

  cf_future_wait_async (future, cancellable, keep_result, &cancelled);
  cf_future_wait_async (future, NULL, keep_result, &other);
  g_cancellable_cancel (cancellable);
  await_result (NULL, &cancelled);
  g_assert_null (cf_future_wait_finish (future, cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  g_assert_null (other);
  g_assert_cmpint (cf_future_get_state (future), ==, CF_FUTURE_STATE_PENDING);
  g_assert_false (g_cancellable_is_cancelled (cf_future_get_cancellable (future)));

  settle_int (future, 4);
  await_result (NULL, &other);
  g_assert_cmpint (g_value_get_int (cf_future_wait_finish (future, other, &other_error)), ==, 4);
  g_assert_no_error (other_error);
}

static void
test_wait_async_races_cancel (void)
{
  g_test_summary ("Settling and cancelling the wait at once: it completes once, with one or the other.");

  for (guint i = 0; i < 500; i++)
    {
      g_autoptr (CfFuture) future = cf_future_new ();
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (GAsyncResult) result = NULL;
      g_autoptr (GError) error = NULL;
      GThread *thread;

      cf_future_wait_async (future, cancellable, keep_result, &result);
      thread = g_thread_new ("settle", settle_int_thread, future);
      g_cancellable_cancel (cancellable);
      await_result (NULL, &result);
      g_thread_join (thread);
      run_pending (NULL);

      if (cf_future_wait_finish (future, result, &error) == NULL)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      else
        g_assert_no_error (error);
      g_assert_cmpint (get_int (future), ==, 1);
    }
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_data_func ("/future-callback/order/run", run_thread, test_order_and_thread);
  g_test_add_data_func ("/future-callback/order/settle", settle_int_thread, test_order_and_thread);
  g_test_add_data_func ("/future-callback/order/cancel", cancel_thread, test_order_and_thread);
  g_test_add_func ("/future-callback/add-when-done", test_add_when_done);
  g_test_add_func ("/future-callback/destroy", test_destroy);
  g_test_add_func ("/future-callback/add-inside", test_add_inside);
  g_test_add_func ("/future-callback/waiters-first", test_waiters_before_callbacks);
  g_test_add_func ("/future-callback/dropped-inside", test_dropped_in_callback);
  g_test_add_func ("/future-callback/no-lock-held", test_no_lock_held);
  g_test_add_func ("/future-callback/wait-async/result", test_wait_async);
  g_test_add_func ("/future-callback/wait-async/when-done", test_wait_async_when_done);
  g_test_add_func ("/future-callback/wait-async/no-value", test_wait_async_no_value);
  g_test_add_func ("/future-callback/wait-async/of-cancelled", test_wait_async_of_cancelled);
  g_test_add_func ("/future-callback/wait-async/cancellable", test_wait_async_cancellable);
  g_test_add_func ("/future-callback/wait-async/races-cancel", test_wait_async_races_cancel);

  return g_test_run ();
}
