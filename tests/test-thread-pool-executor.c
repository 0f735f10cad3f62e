/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Workers, their names, and the queue.  test-thread-pool-initializer.c, -shutdown.c, -threads.c have the rest. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "cf-test-executors.h"

#include <pthread.h>

#define N_MANY 100

typedef struct
{
  Gate  gate;
  guint n_workers;
} Fixture;

static void
set_up (Fixture      *fixture,
        gconstpointer data)
{
  gate_init (&fixture->gate);
}

static void
tear_down (Fixture      *fixture,
           gconstpointer data)
{
  gate_clear (&fixture->gate);
}

static void
end (CfExecutor *executor)
{
  cf_executor_shutdown (executor, TRUE, FALSE);
  g_assert_finalize_object (executor);
}

static gboolean
task_thread_id (GValue       *result,
                GCancellable *cancellable,
                gpointer      user_data,
                GError      **error)
{
  return task_int (result, cancellable, GINT_TO_POINTER (thread_id ()), error);
}

static void
test_default_max_workers (Fixture      *fixture,
                          gconstpointer data)
{
  CfExecutor *by_function = pool_new (0);
  CfExecutor *by_property = g_object_new (CF_TYPE_THREAD_POOL_EXECUTOR, NULL);

  g_test_summary ("Without a number it is five workers a processor.");

  g_assert_cmpuint (get_count (by_function, "max-workers"), ==, 5 * g_get_num_processors ());
  g_assert_cmpuint (get_count (by_property, "max-workers"), ==, 5 * g_get_num_processors ());
  end (by_function);
  end (by_property);
}

static void
test_defaults (Fixture      *fixture,
               gconstpointer data)
{
  CfExecutor *executor = pool_new (3);
  gboolean    inline_waits;

  g_test_summary ("Inline waits are on, max-workers is what was asked for.");

  g_object_get (executor, "inline-waits", &inline_waits, NULL);
  g_assert_true (inline_waits);
  g_assert_cmpuint (get_count (executor, "max-workers"), ==, 3);
  set_count (executor, "spin-us", 7);
  g_assert_cmpuint (get_count (executor, "spin-us"), ==, 7);
  end (executor);
}

static void
test_on_demand (Fixture      *fixture,
                gconstpointer data)
{
  CfExecutor *executor = pool_new (4);
  CfFuture   *futures[6];

  g_test_summary ("Workers start as they are needed, and never more than max-workers.");

  g_assert_cmpuint (get_count (executor, "n-workers"), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      futures[i] = submit_task (executor, task_gate, &fixture->gate);
      gate_await_waiting (&fixture->gate, MIN (i + 1, 4));
      g_assert_cmpuint (get_count (executor, "n-workers"), ==, MIN (i + 1, 4));
      g_assert_cmpuint (get_count (executor, "n-running"), ==, MIN (i + 1, 4));
    }
  g_assert_cmpuint (get_count (executor, "n-pending"), ==, 2);
  g_assert_cmpuint (gate_get_n_waiting (&fixture->gate), ==, 4);

  gate_open (&fixture->gate);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      g_assert_cmpint (await_int (futures[i]), ==, 42);
      cf_future_unref (futures[i]);
    }
  end (executor);
}

static void
test_reuse (Fixture      *fixture,
            gconstpointer data)
{
  CfExecutor *executor = pool_new_parking (8);
  int         first = 0;

  g_test_summary ("An idle worker is used again before another one starts.");

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (CfFuture) future = submit_task (executor, task_thread_id, NULL);
      int id = await_int (future);

      if (i == 0)
        first = id;
      g_assert_cmpint (id, ==, first);
      await_asleep (id);
      g_assert_cmpuint (get_count (executor, "n-workers"), ==, 1);
    }
  end (executor);
}

typedef struct
{
  int   numbers[N_MANY];
  guint n;
} Order;

typedef struct
{
  Order *order;
  int    number;
} Entry;

static gboolean
task_enter (GValue       *result,
            GCancellable *cancellable,
            gpointer      user_data,
            GError      **error)
{
  Entry *entry = user_data;

  entry->order->numbers[entry->order->n++] = entry->number;

  return TRUE;
}

static void
test_order (Fixture      *fixture,
            gconstpointer n_workers)
{
  guint       n = GPOINTER_TO_UINT (n_workers);
  CfExecutor *executor = pool_new (n);
  CfFuture   *futures[N_MANY];
  Entry       entries[N_MANY];
  Order       order = { 0 };
  Gate        others;

  g_test_summary ("Tasks start in the order of their submission, also around those that were cancelled.");

  /* All workers but one stay at a gate, so that one works the queue off. */
  gate_init (&others);
  for (guint i = 0; i + 1 < n; i++)
    cf_future_unref (submit_task (executor, task_gate, &others));
  gate_await_waiting (&others, n - 1);
  cf_future_unref (submit_task (executor, task_gate, &fixture->gate));
  gate_await_waiting (&fixture->gate, 1);

  for (int i = 0; i < N_MANY; i++)
    {
      entries[i] = (Entry){ &order, i };
      futures[i] = submit_task (executor, task_enter, &entries[i]);
    }
  for (guint i = 0; i < N_MANY; i += 3)
    g_assert_true (cf_future_cancel (futures[i]));
  gate_open (&fixture->gate);
  for (guint i = 0; i < N_MANY; i++)
    {
      g_assert_true (cf_future_wait (futures[i], -1));
      cf_future_unref (futures[i]);
    }
  gate_open (&others);
  end (executor);

  g_assert_cmpuint (order.n, ==, N_MANY - (N_MANY + 2) / 3);
  for (guint i = 0; i < order.n; i++)
    g_assert_cmpint (order.numbers[i], ==, 3 * (int) (i / 2) + 1 + (int) (i % 2));
  gate_clear (&others);
}

static gboolean
task_thread_name (GValue       *result,
                  GCancellable *cancellable,
                  gpointer      user_data,
                  GError      **error)
{
  char name[64];

  g_assert_cmpint (pthread_getname_np (pthread_self (), name, sizeof name), ==, 0);
  if (user_data != NULL)
    gate_wait (user_data);
  g_value_init (result, G_TYPE_STRING);
  g_value_set_string (result, name);

  return TRUE;
}

static char *
await_string (CfFuture *future)
{
  g_autoptr (GError) error = NULL;
  const GValue *result = cf_future_get_result (future, -1, &error);

  g_assert_no_error (error);

  return g_value_dup_string (result);
}

static void
test_thread_names (Fixture      *fixture,
                   gconstpointer data)
{
  CfExecutor *executor = pool_new (3);
  CfFuture   *futures[3];
  guint       seen = 0;

  g_test_summary ("Threads are called PREFIX_N.");

  g_object_set (executor, "thread-name-prefix", "scan", NULL);
  for (guint i = 0; i < 3; i++)
    futures[i] = submit_task (executor, task_thread_name, &fixture->gate);
  gate_await_waiting (&fixture->gate, 3);
  gate_open (&fixture->gate);
  for (guint i = 0; i < 3; i++)
    {
      g_autofree char *name = await_string (futures[i]);

      g_assert_true (g_str_has_prefix (name, "scan_"));
      seen |= 1u << g_ascii_strtoull (name + strlen ("scan_"), NULL, 10);
      cf_future_unref (futures[i]);
    }
  g_assert_cmphex (seen, ==, 7);
  end (executor);
}

static void
test_long_thread_name (Fixture      *fixture,
                       gconstpointer data)
{
  CfExecutor *executor = g_object_new (CF_TYPE_THREAD_POOL_EXECUTOR, "max-workers", 1,
                                       "thread-name-prefix", "a-very-long-thread-name", NULL);
  g_autoptr (CfFuture) future = submit_task (executor, task_thread_name, NULL);
  g_autofree char *name = await_string (future);

  g_test_summary ("A long thread name is cut to the 15 characters that the kernel takes.");

  g_assert_cmpstr (name, ==, "a-very-long-thr");
  end (executor);
}

static void
test_name (Fixture      *fixture,
           gconstpointer data)
{
  CfExecutor      *executor = g_object_new (CF_TYPE_THREAD_POOL_EXECUTOR, "name", "loader", "max-workers", 2, NULL);
  g_autofree char *name = NULL;

  g_test_summary ("The name of an executor is what it was made with.");

  g_object_get (executor, "name", &name, NULL);
  g_assert_cmpstr (name, ==, "loader");
  end (executor);
}

static void
test_no_thread_default_context (Fixture      *fixture,
                                gconstpointer data)
{
  CfExecutor *executor = pool_new (1);
  g_autoptr (CfFuture) future = submit_task (executor, task_thread_id, NULL);

  g_test_summary ("Work runs in another thread.");

  g_assert_cmpint (await_int (future), !=, thread_id ());
  end (executor);
}

static void
test_cancel_queued (Fixture      *fixture,
                    gconstpointer data)
{
  CfExecutor *executor = pool_new (2);
  CfFuture   *running[2];
  CfFuture   *queued;
  Probe       probe = { 0 };
  gint        n_callbacks = 0;
  g_autoptr (GPtrArray) done = NULL;
  g_autoptr (CfFutureIter) iter = NULL;
  g_autoptr (CfFuture) next = NULL;

  g_test_summary ("A queued future that is cancelled is done at once, though every worker is held.");

  for (guint i = 0; i < 2; i++)
    running[i] = submit_task (executor, task_gate, &fixture->gate);
  gate_await_waiting (&fixture->gate, 2);
  queued = cf_executor_submit_task (executor, task_never, &probe, probe_release, NULL);
  cf_future_add_done_callback (queued, count_callback, &n_callbacks, NULL);
  g_assert_cmpuint (get_count (executor, "n-pending"), ==, 1);

  g_assert_true (cf_future_cancel (queued));
  g_assert_cmpuint (get_count (executor, "n-pending"), ==, 0);
  assert_released_once (&probe);
  g_assert_cmpint (g_atomic_int_get (&n_callbacks), ==, 1);
  g_assert_true (cf_future_cancel (queued));
  assert_failed (queued, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (cf_wait (&queued, 1, CF_ALL_COMPLETED, -1, &done, NULL, NULL));
  g_assert_cmpuint (done->len, ==, 1);
  g_clear_pointer (&done, g_ptr_array_unref);
  iter = cf_as_completed (&queued, 1, -1);
  next = cf_future_iter_next (iter, NULL);
  g_assert_true (next == queued);
  g_clear_pointer (&next, cf_future_unref);
  g_clear_object (&iter);
  g_assert_finalize_object (queued);

  gate_open (&fixture->gate);
  for (guint i = 0; i < 2; i++)
    cf_future_unref (running[i]);
  end (executor);
  g_assert_cmpint (g_atomic_int_get (&n_callbacks), ==, 1);
}

static gpointer
wait_thread (gpointer data)
{
  gate_wait (((gpointer *) data)[1]);

  return GINT_TO_POINTER (cf_future_wait (((gpointer *) data)[0], -1));
}

static void
test_cancel_wakes (Fixture      *fixture,
                   gconstpointer data)
{
  CfExecutor *executor = pool_new (1);
  Gate        started;
  g_autoptr (CfFuture) running = submit_task (executor, task_gate, &fixture->gate);
  g_autoptr (CfFuture) queued = submit_task (executor, task_never, NULL);
  gpointer arguments[2] = { queued, &started };
  GThread *thread;

  g_test_summary ("Who waits for a queued future is woken by its cancel, with no worker coming by.");

  gate_await_waiting (&fixture->gate, 1);
  gate_init (&started);
  gate_open (&started);
  thread = g_thread_new ("wait", wait_thread, arguments);
  gate_await_waiting (&started, 1);
  g_assert_true (cf_future_cancel (queued));
  g_assert_true (GPOINTER_TO_INT (g_thread_join (thread)));

  gate_open (&fixture->gate);
  end (executor);
  gate_clear (&started);
}

static void
test_drop_futures (Fixture      *fixture,
                   gconstpointer data)
{
  CfExecutor *executor = pool_new (2);
  gint        n_ran = 0;

  g_test_summary ("Work whose future nobody holds runs all the same.");

  for (guint i = 0; i < N_MANY; i++)
    cf_future_unref (submit_task (executor, task_count, &n_ran));
  end (executor);
  g_assert_cmpint (n_ran, ==, N_MANY);
}

static gboolean
task_submit_more (GValue       *result,
                  GCancellable *cancellable,
                  gpointer      user_data,
                  GError      **error)
{
  gpointer *data = user_data;

  for (guint i = 0; i < N_MANY; i++)
    cf_future_unref (submit_task (data[0], task_count, data[1]));

  return TRUE;
}

static void
test_submit_from_worker (Fixture      *fixture,
                         gconstpointer n_workers)
{
  CfExecutor *executor = pool_new (GPOINTER_TO_UINT (n_workers));
  gint        n_ran = 0;
  gpointer    data[2] = { executor, &n_ran };
  g_autoptr (CfFuture) future = submit_task (executor, task_submit_more, data);

  g_test_summary ("A worker may submit.");

  g_assert_true (cf_future_wait (future, -1));
  end (executor);
  g_assert_cmpint (n_ran, ==, N_MANY);
}

/* Waits at the gate, and then says whether it is still wanted. */
static gboolean
task_if_wanted (GValue       *result,
                GCancellable *cancellable,
                gpointer      user_data,
                GError      **error)
{
  gate_wait (user_data);

  return !g_cancellable_set_error_if_cancelled (cancellable, error);
}

static void
test_terminate_in_thread (Fixture      *fixture,
                          gconstpointer data)
{
  CfExecutor *executor = CF_EXECUTOR (cf_thread_pool_executor_new (1));
  g_autoptr (CfFuture) running = NULL;
  g_autoptr (CfFuture) queued = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("terminate() cancels the cancellable of what runs in a thread, and takes back what does not run.");

  running = cf_executor_submit_task (executor, task_if_wanted, &fixture->gate, NULL, NULL);
  queued = cf_executor_submit (executor, func_never, NULL, NULL);
  gate_await_waiting (&fixture->gate, 1);
  g_assert_true (cf_future_terminate (queued));
  g_assert_true (cf_future_is_cancelled (queued));
  g_assert_true (cf_future_terminate (running));
  g_assert_true (cf_future_is_running (running));
  gate_open (&fixture->gate);

  g_assert_null (cf_future_get_result (running, -1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (cf_future_is_cancelled (running));
  g_assert_false (cf_future_terminate (running));
  end (executor);
}

#define ADD(path, data, test) g_test_add ("/thread-pool-executor/" path, Fixture, data, set_up, test, tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("default-max-workers", NULL, test_default_max_workers);
  ADD ("defaults", NULL, test_defaults);
  ADD ("on-demand", NULL, test_on_demand);
  ADD ("reuse", NULL, test_reuse);
  ADD ("order/1", GUINT_TO_POINTER (1), test_order);
  ADD ("order/2", GUINT_TO_POINTER (2), test_order);
  ADD ("order/8", GUINT_TO_POINTER (8), test_order);
  ADD ("thread-names", NULL, test_thread_names);
  ADD ("long-thread-name", NULL, test_long_thread_name);
  ADD ("name", NULL, test_name);
  ADD ("other-thread", NULL, test_no_thread_default_context);
  ADD ("cancel-queued", NULL, test_cancel_queued);
  ADD ("cancel-wakes", NULL, test_cancel_wakes);
  ADD ("terminate-in-thread", NULL, test_terminate_in_thread);
  ADD ("drop-futures", NULL, test_drop_futures);
  ADD ("submit-from-worker/1", GUINT_TO_POINTER (1), test_submit_from_worker);
  ADD ("submit-from-worker/4", GUINT_TO_POINTER (4), test_submit_from_worker);

  return g_test_run ();
}
