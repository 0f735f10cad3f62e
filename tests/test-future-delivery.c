/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Many completions for one main context: none lost, none twice, futures dropped meanwhile. */

#include "cf-test.h"

#define N_FUTURES 20000

static void
count_plain (CfFuture *future,
             gpointer  counter)
{
  ++*(gint *) counter;
}

static void
count_thread (CfFuture *future,
              gpointer  counter)
{
  g_assert_true (g_main_context_is_owner (g_main_context_default ()));
  count_plain (future, counter);
}

static gpointer
run_all_thread (gpointer data)
{
  CfFuture **futures = data;

  for (guint i = 0; i < N_FUTURES; i++)
    {
      cf_future_run (futures[i]);
      cf_future_unref (futures[i]);
    }

  return NULL;
}

static CfFuture **
make_futures (void)
{
  CfFuture **futures = g_new (CfFuture *, N_FUTURES);

  for (guint i = 0; i < N_FUTURES; i++)
    futures[i] = cf_future_new_for_task (task_nothing, NULL, NULL);

  return futures;
}

static void
assert_all_called_once (const gint *called)
{
  for (guint i = 0; i < N_FUTURES; i++)
    g_assert_cmpint (called[i], ==, 1);
}

static gboolean
all_called (gpointer data)
{
  const gint *called = data;

  for (guint i = N_FUTURES; i > 0; i--)
    if (called[i - 1] == 0)
      return FALSE;

  return TRUE;
}

static void
test_connect_races_settle (void)
{
  CfFuture            **futures = make_futures ();
  g_autofree gint      *called = g_new0 (gint, N_FUTURES);
  g_autofree CfFuture **theirs = g_memdup2 (futures, sizeof (CfFuture *) * N_FUTURES);
  GThread              *thread;

  g_test_summary ("20,000 futures run while handlers are being connected: 20,000 calls.");

  for (guint i = 0; i < N_FUTURES; i++)
    g_object_ref (futures[i]);
  thread = g_thread_new ("run", run_all_thread, theirs);

  for (guint i = 0; i < N_FUTURES; i++)
    {
      g_signal_connect (futures[i], "done", G_CALLBACK (count_thread), &called[i]);
      cf_future_unref (futures[i]);
    }

  g_thread_join (thread);
  run_until (NULL, all_called, called);
  run_pending (NULL);
  assert_all_called_once (called);
  g_free (futures);
}

static void
test_submit_then_connect (gconstpointer iterate)
{
  CfExecutor      *executor = CF_EXECUTOR (cf_thread_pool_executor_new (2));
  g_autofree gint *called = g_new0 (gint, N_FUTURES);
  g_autoptr (GError) error = NULL;

  g_test_summary ("Submit to a pool, connect, drop: every one of 20,000 is told once, with and without iterating between.");

  for (guint i = 0; i < N_FUTURES; i++)
    {
      g_autoptr (CfFuture) future = cf_executor_submit_task (executor, task_nothing, NULL, NULL, &error);

      g_assert_no_error (error);
      g_signal_connect (future, "done", G_CALLBACK (count_thread), &called[i]);
      if (iterate && i % 64 == 0)
        run_pending (NULL);
    }

  run_until (NULL, all_called, called);
  cf_executor_shutdown (executor, TRUE, FALSE);
  run_pending (NULL);
  assert_all_called_once (called);
  g_assert_finalize_object (executor);
}

/* Futures dropped in handlers */

typedef struct
{
  CfFuture *futures[100];
  Probe     probe;
  gint      n_done;
} Crowd;

static void
drop_crowd (CfFuture *future,
            gpointer  user_data)
{
  Crowd *crowd = user_data;

  crowd->n_done++;
  for (guint i = 0; i < G_N_ELEMENTS (crowd->futures); i++)
    g_clear_pointer (&crowd->futures[i], cf_future_unref);
  g_assert_true (cf_future_is_done (future));
}

static void
make_crowd (Crowd *crowd)
{
  for (guint i = 0; i < G_N_ELEMENTS (crowd->futures); i++)
    {
      g_auto (GValue) value = G_VALUE_INIT;

      crowd->futures[i] = cf_future_new ();
      g_value_init (&value, TEST_TYPE_PROBE_OBJECT);
      g_value_take_object (&value, probe_object_new (&crowd->probe));
      g_assert_true (cf_future_set_result (crowd->futures[i], &value, NULL));
    }
}

static void
test_dropped_with_handlers (void)
{
  Crowd crowd = { 0 };

  g_test_summary ("The first handler drops all futures: the other handlers are called all the same, then all is gone.");

  make_crowd (&crowd);
  for (guint i = 0; i < G_N_ELEMENTS (crowd.futures); i++)
    g_signal_connect (crowd.futures[i], "done", G_CALLBACK (drop_crowd), &crowd);

  run_until_count (NULL, &crowd.n_done, G_N_ELEMENTS (crowd.futures));
  run_pending (NULL);
  g_assert_cmpint (crowd.n_done, ==, G_N_ELEMENTS (crowd.futures));
  g_assert_cmpuint (probe_get_n_released (&crowd.probe), ==, G_N_ELEMENTS (crowd.futures));
}

static void
test_dropped_without_handlers (gconstpointer which)
{
  Crowd crowd = { 0 };

  g_test_summary ("One handler drops the others, which have none, from the middle of the same batch.");

  make_crowd (&crowd);
  g_signal_connect (crowd.futures[GPOINTER_TO_UINT (which)], "done", G_CALLBACK (drop_crowd), &crowd);

  run_until_count (NULL, &crowd.n_done, 1);
  run_pending (NULL);
  g_assert_cmpint (crowd.n_done, ==, 1);
  g_assert_cmpuint (probe_get_n_released (&crowd.probe), ==, G_N_ELEMENTS (crowd.futures));
}

static void
disconnect_self (CfFuture *future,
                 gpointer  user_data)
{
  gint *counter = user_data;

  g_signal_handlers_disconnect_by_data (future, counter);
  ++*counter;
}

static void
test_disconnected_inside (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();
  gint called = 0;

  g_test_summary ("A handler may disconnect itself.");

  g_signal_connect (future, "done", G_CALLBACK (disconnect_self), &called);
  settle_int (future, 1);
  run_until_count (NULL, &called, 1);
  run_pending (NULL);
  g_assert_cmpint (called, ==, 1);
}

/* Dropping and delivering at the same time */

static gpointer
drop_all_thread (gpointer data)
{
  CfFuture **futures = data;

  for (guint i = 0; i < N_FUTURES; i++)
    cf_future_unref (futures[i]);

  return NULL;
}

static void
release_and_note (gpointer data)
{
  g_atomic_int_inc ((gint *) data);
}

static void
test_dropped_while_delivered (void)
{
  g_autofree CfFuture **futures = g_new (CfFuture *, N_FUTURES);
  gint                  n_released = 0;
  GThread              *thread;

  g_test_summary ("Another thread drops the last references while the context tells of them.");

  for (guint i = 0; i < N_FUTURES; i++)
    {
      futures[i] = cf_future_new ();
      g_object_set_data_full (G_OBJECT (futures[i]), "probe", &n_released, release_and_note);
      settle_int (futures[i], 1);
    }

  thread = g_thread_new ("drop", drop_all_thread, futures);
  run_until_count (NULL, &n_released, N_FUTURES);
  g_thread_join (thread);
  run_pending (NULL);
  g_assert_cmpint (n_released, ==, N_FUTURES);
}

#define N_SETTLERS 4

/* Not a GAsyncQueue: race detectors do not see what that synchronises. */
typedef struct
{
  GMutex   lock;
  GQueue   futures; /* (mutex lock) */
  gboolean is_over; /* (mutex lock) */
} Basket;

static gboolean
take_from_basket (Basket    *self,
                  CfFuture **future)
{
  gboolean is_over;

  g_mutex_lock (&self->lock);
  *future = g_queue_pop_head (&self->futures);
  is_over = self->is_over;
  g_mutex_unlock (&self->lock);

  return *future != NULL || !is_over;
}

static void
put_in_basket (Basket   *self,
               CfFuture *future)
{
  g_mutex_lock (&self->lock);
  if (future != NULL)
    g_queue_push_tail (&self->futures, future);
  else
    self->is_over = TRUE;
  g_mutex_unlock (&self->lock);
}

static gpointer
settle_and_drop_thread (gpointer basket)
{
  CfFuture *future;

  while (take_from_basket (basket, &future))
    if (future != NULL)
      {
        cf_future_set_result (future, NULL, NULL);
        g_object_unref (future);
      }
    else
      {
        g_thread_yield ();
      }

  return NULL;
}

/* What is left to the settlers, and told here meanwhile. */
static void
settle_batch (Basket *basket,
              guint   n)
{
  gint n_told = 0;

  for (guint i = 0; i < n; i++)
    {
      CfFuture *future = cf_future_new ();

      g_signal_connect (future, "done", G_CALLBACK (count_plain), &n_told);
      put_in_basket (basket, future);
    }
  while (n_told < (gint) n)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_last_unref_while_told (void)
{
  Basket   basket = { .futures = G_QUEUE_INIT };
  GThread *threads[N_SETTLERS];
  guint    n_rounds = n_tries (400, 20000);

  g_test_summary ("The last g_object_unref() may be that of the thread that settled, while the context tells of the future.");

  for (guint i = 0; i < N_SETTLERS; i++)
    threads[i] = g_thread_new ("settler", settle_and_drop_thread, &basket);
  for (guint i = 0; i < n_rounds; i++)
    settle_batch (&basket, 1 + i % 40);
  put_in_basket (&basket, NULL);
  for (guint i = 0; i < N_SETTLERS; i++)
    g_thread_join (threads[i]);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/future-delivery/connect-races-settle", test_connect_races_settle);
  g_test_add_data_func ("/future-delivery/submit-then-connect/iterating-later", GINT_TO_POINTER (FALSE), test_submit_then_connect);
  g_test_add_data_func ("/future-delivery/submit-then-connect/iterating-between", GINT_TO_POINTER (TRUE), test_submit_then_connect);
  g_test_add_func ("/future-delivery/dropped/with-handlers", test_dropped_with_handlers);
  g_test_add_data_func ("/future-delivery/dropped/by-first", GUINT_TO_POINTER (0), test_dropped_without_handlers);
  g_test_add_data_func ("/future-delivery/dropped/by-middle", GUINT_TO_POINTER (50), test_dropped_without_handlers);
  g_test_add_data_func ("/future-delivery/dropped/by-last", GUINT_TO_POINTER (99), test_dropped_without_handlers);
  g_test_add_func ("/future-delivery/disconnected-inside", test_disconnected_inside);
  g_test_add_func ("/future-delivery/dropped-while-delivered", test_dropped_while_delivered);
  g_test_add_func ("/future-delivery/last-unref-while-told", test_last_unref_while_told);

  return g_test_run ();
}
