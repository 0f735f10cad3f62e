/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Shutting down a thread pool in every order, from everywhere. */

#include "cf-test-executors.h"

#define N_QUEUED 10

typedef struct
{
  CfExecutor *executor;
  Gate        gate;
  gint        n_ran;       /* (atomic) */
  gint        n_callbacks; /* (atomic) */
  gint        finalized;   /* (atomic) */
  CfFuture   *futures[N_QUEUED];
} Fixture;

static void
finalized_cb (gpointer data,
              GObject *where_the_object_was)
{
  g_atomic_int_set ((gint *) data, TRUE);
}

static void
set_up (Fixture      *fixture,
        gconstpointer n_workers)
{
  fixture->executor = pool_new (GPOINTER_TO_UINT (n_workers));
  g_object_weak_ref (G_OBJECT (fixture->executor), finalized_cb, &fixture->finalized);
  gate_init (&fixture->gate);
}

/* Somebody else drops the last reference. */
static void
await_finalized_elsewhere (Fixture *fixture)
{
  while (!g_atomic_int_get (&fixture->finalized))
    g_thread_yield ();
}

static void
tear_down (Fixture      *fixture,
           gconstpointer n_workers)
{
  for (guint i = 0; i < N_QUEUED; i++)
    g_clear_pointer (&fixture->futures[i], cf_future_unref);
  g_clear_object (&fixture->executor);
  await_finalized_elsewhere (fixture);
  gate_clear (&fixture->gate);
}

static void
submit_queued (Fixture *fixture)
{
  for (guint i = 0; i < N_QUEUED; i++)
    fixture->futures[i] = submit_task (fixture->executor, task_count, &fixture->n_ran);
}

static void
await_queued (Fixture *fixture)
{
  for (guint i = 0; i < N_QUEUED; i++)
    g_assert_true (cf_future_wait (fixture->futures[i], -1));
}

typedef struct
{
  Fixture *fixture;
  gboolean wait;
  gboolean cancel_futures;
} Wish;

static gboolean
task_shutdown (GValue       *result,
               GCancellable *cancellable,
               gpointer      user_data,
               GError      **error)
{
  Wish *wish = user_data;

  gate_wait (&wish->fixture->gate);
  cf_executor_shutdown (wish->fixture->executor, wish->wait, wish->cancel_futures);

  return task_int (result, cancellable, GINT_TO_POINTER (cf_executor_is_shutdown (wish->fixture->executor)), error);
}

static void
test_from_worker (Fixture      *fixture,
                  gconstpointer n_workers)
{
  Wish wish = { fixture, TRUE, FALSE };
  g_autoptr (CfFuture) future = submit_task (fixture->executor, task_shutdown, &wish);

  g_test_summary ("shutdown (TRUE) in a worker does not wait for itself; the queue still runs.");

  gate_await_waiting (&fixture->gate, 1);
  submit_queued (fixture);
  gate_open (&fixture->gate);
  g_assert_cmpint (await_int (future), ==, TRUE);
  cf_executor_shutdown (fixture->executor, TRUE, FALSE);
  g_assert_cmpint (g_atomic_int_get (&fixture->n_ran), ==, N_QUEUED);
  g_assert_cmpuint (get_count (fixture->executor, "n-workers"), ==, 0);
}

static void
test_cancel_from_worker (Fixture      *fixture,
                         gconstpointer n_workers)
{
  Wish wish = { fixture, TRUE, TRUE };
  g_autoptr (CfFuture) future = submit_task (fixture->executor, task_shutdown, &wish);

  g_test_summary ("shutdown (TRUE, TRUE) in the only worker cancels the queue.");

  gate_await_waiting (&fixture->gate, 1);
  submit_queued (fixture);
  gate_open (&fixture->gate);
  g_assert_cmpint (await_int (future), ==, TRUE);
  for (guint i = 0; i < N_QUEUED; i++)
    g_assert_true (cf_future_is_cancelled (fixture->futures[i]));
  g_assert_cmpint (g_atomic_int_get (&fixture->n_ran), ==, 0);
}

static void
shutdown_cb (CfFuture *future,
             gpointer  user_data)
{
  Fixture *fixture = user_data;

  cf_executor_shutdown (fixture->executor, TRUE, FALSE);
  g_atomic_int_inc (&fixture->n_callbacks);
}

static void
test_from_callback (Fixture      *fixture,
                    gconstpointer n_workers)
{
  g_autoptr (CfFuture) future = submit_task (fixture->executor, task_gate, &fixture->gate);

  g_test_summary ("shutdown (TRUE) in a done-callback on a worker does not wait for itself.");

  cf_future_add_done_callback (future, shutdown_cb, fixture, NULL);
  gate_await_waiting (&fixture->gate, 1);
  submit_queued (fixture);
  gate_open (&fixture->gate);
  await_queued (fixture);
  cf_executor_shutdown (fixture->executor, TRUE, FALSE);
  g_assert_cmpint (g_atomic_int_get (&fixture->n_ran), ==, N_QUEUED);
  g_assert_cmpint (g_atomic_int_get (&fixture->n_callbacks), ==, 1);
}

static gboolean
task_cancel (GValue       *result,
             GCancellable *cancellable,
             gpointer      user_data,
             GError      **error)
{
  Fixture *fixture = user_data;

  gate_wait (&fixture->gate);
  for (guint i = 0; i < N_QUEUED; i++)
    g_assert_true (cf_future_cancel (fixture->futures[i]));

  return TRUE;
}

static void
test_from_cancel_callback (Fixture      *fixture,
                           gconstpointer n_workers)
{
  g_autoptr (CfFuture) future = submit_task (fixture->executor, task_cancel, fixture);

  g_test_summary ("shutdown (TRUE) in the callbacks of cancels that a worker makes does not wait for itself.");

  gate_await_waiting (&fixture->gate, 1);
  submit_queued (fixture);
  for (guint i = 0; i < N_QUEUED; i++)
    cf_future_add_done_callback (fixture->futures[i], shutdown_cb, fixture, NULL);
  gate_open (&fixture->gate);
  g_assert_true (cf_future_wait (future, -1));
  g_assert_cmpint (g_atomic_int_get (&fixture->n_callbacks), ==, N_QUEUED);
  g_assert_cmpint (g_atomic_int_get (&fixture->n_ran), ==, 0);
}

static gpointer
shutdown_thread (gpointer data)
{
  Wish *wish = data;

  cf_executor_shutdown (wish->fixture->executor, wish->wait, wish->cancel_futures);
  g_assert_cmpuint (get_count (wish->fixture->executor, "n-workers"), ==, 0);

  return NULL;
}

static void
test_from_two_threads (Fixture      *fixture,
                       gconstpointer n_workers)
{
  Wish     wish = { fixture, TRUE, FALSE };
  GThread *threads[2];

  g_test_summary ("Two threads shut down and wait: both return when all is done.");

  cf_future_unref (submit_task (fixture->executor, task_gate, &fixture->gate));
  gate_await_waiting (&fixture->gate, 1);
  submit_queued (fixture);
  for (guint i = 0; i < 2; i++)
    threads[i] = g_thread_new ("shutdown", shutdown_thread, &wish);
  gate_open (&fixture->gate);
  for (guint i = 0; i < 2; i++)
    g_thread_join (threads[i]);
  g_assert_cmpint (g_atomic_int_get (&fixture->n_ran), ==, N_QUEUED);
}

static void
test_shutdown_while_submitting (Fixture      *fixture,
                                gconstpointer n_workers)
{
  Wish     wish = { fixture, TRUE, FALSE };
  GThread *thread = NULL;
  gint     n_taken = 0;

  g_test_summary ("A submit beside a shutdown is refused, or it runs.");

  for (guint i = 0;; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CfFuture) future = cf_executor_submit_task (fixture->executor, task_count, &fixture->n_ran, NULL, &error);

      if (future == NULL)
        {
          g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SHUTDOWN);
          break;
        }
      n_taken++;
      if (i == 100)
        thread = g_thread_new ("shutdown", shutdown_thread, &wish);
    }
  g_thread_join (thread);
  g_assert_cmpint (g_atomic_int_get (&fixture->n_ran), ==, n_taken);
}

static void
test_cancel_at_once (Fixture      *fixture,
                     gconstpointer n_workers)
{
  g_autoptr (CfFuture) held = submit_task (fixture->executor, task_gate, &fixture->gate);

  g_test_summary ("cancel_futures cancels the queue at once, with every worker held, and tells the callbacks.");

  gate_await_waiting (&fixture->gate, 1);
  submit_queued (fixture);
  for (guint i = 0; i < N_QUEUED; i++)
    cf_future_add_done_callback (fixture->futures[i], count_callback, &fixture->n_callbacks, NULL);
  cf_executor_shutdown (fixture->executor, FALSE, TRUE);
  for (guint i = 0; i < N_QUEUED; i++)
    g_assert_true (cf_future_is_cancelled (fixture->futures[i]));
  g_assert_cmpint (g_atomic_int_get (&fixture->n_callbacks), ==, N_QUEUED);
  g_assert_true (cf_future_is_running (held));
  gate_open (&fixture->gate);
  g_assert_cmpint (await_int (held), ==, 42);
  g_assert_cmpint (g_atomic_int_get (&fixture->n_ran), ==, 0);
}

static void
test_last_unref (Fixture      *fixture,
                 gconstpointer n_workers)
{
  g_test_summary ("The last unref returns at once; the queue runs; the pool goes when its workers end.");

  cf_future_unref (submit_task (fixture->executor, task_gate, &fixture->gate));
  gate_await_waiting (&fixture->gate, 1);
  submit_queued (fixture);
  g_clear_object (&fixture->executor);
  g_assert_cmpint (g_atomic_int_get (&fixture->n_ran), ==, 0);
  gate_open (&fixture->gate);
  await_queued (fixture);
  g_assert_cmpint (g_atomic_int_get (&fixture->n_ran), ==, N_QUEUED);
}

static gboolean
task_unref (GValue       *result,
            GCancellable *cancellable,
            gpointer      user_data,
            GError      **error)
{
  Fixture *fixture = user_data;

  gate_wait (&fixture->gate);
  g_clear_object (&fixture->executor);

  return TRUE;
}

static void
test_last_unref_on_worker (Fixture      *fixture,
                           gconstpointer n_workers)
{
  g_autoptr (CfFuture) future = submit_task (fixture->executor, task_unref, fixture);

  g_test_summary ("The last unref may happen in a task of the pool; the queue still runs.");

  gate_await_waiting (&fixture->gate, 1);
  submit_queued (fixture);
  gate_open (&fixture->gate);
  g_assert_true (cf_future_wait (future, -1));
  await_queued (fixture);
  await_finalized_elsewhere (fixture);
  g_assert_cmpint (g_atomic_int_get (&fixture->n_ran), ==, N_QUEUED);
}

static void
unref_cb (CfFuture *future,
          gpointer  user_data)
{
  Fixture *fixture = user_data;

  g_clear_object (&fixture->executor);
}

static void
test_last_unref_in_callback (Fixture      *fixture,
                             gconstpointer n_workers)
{
  g_autoptr (CfFuture) future = submit_task (fixture->executor, task_gate, &fixture->gate);

  g_test_summary ("The last unref may happen in a done-callback on a worker.");

  cf_future_add_done_callback (future, unref_cb, fixture, NULL);
  gate_await_waiting (&fixture->gate, 1);
  submit_queued (fixture);
  gate_open (&fixture->gate);
  await_queued (fixture);
  await_finalized_elsewhere (fixture);
  g_assert_cmpint (g_atomic_int_get (&fixture->n_ran), ==, N_QUEUED);
}

static void
test_last_unref_by_data (Fixture      *fixture,
                         gconstpointer n_workers)
{
  g_autoptr (CfFuture) future = NULL;

  g_test_summary ("The last reference may be a task's data: it goes with the task, on the worker.");

  future = cf_executor_submit_task (fixture->executor, task_nothing, g_object_ref (fixture->executor), g_object_unref, NULL);
  g_clear_object (&fixture->executor);
  g_assert_true (cf_future_wait (future, -1));
}

static void
test_last_unref_by_cancel (Fixture      *fixture,
                           gconstpointer n_workers)
{
  g_autoptr (CfFuture) held = submit_task (fixture->executor, task_gate, &fixture->gate);
  g_autoptr (CfFuture) future = NULL;

  g_test_summary ("A queued task whose data is the last reference: its cancel lets the pool go.");

  gate_await_waiting (&fixture->gate, 1);
  future = cf_executor_submit_task (fixture->executor, task_never, g_object_ref (fixture->executor), g_object_unref, NULL);
  g_clear_object (&fixture->executor);
  g_assert_true (cf_future_cancel (future));
  gate_open (&fixture->gate);
  g_assert_cmpint (await_int (held), ==, 42);
}

static void
outlive_pool (gpointer data)
{
  gate_open (&((Fixture *) data)->gate);
  settle_threads ();
}

static void
end_while_outliving (Fixture *fixture,
                     gboolean is_cancel)
{
  g_autoptr (CfFuture) held = NULL;
  g_autoptr (CfFuture) future = NULL;

  g_test_summary ("What the data of a queued task do when they are released may last longer than the pool.");

  settle_threads ();
  held = submit_task (fixture->executor, task_gate, &fixture->gate);
  gate_await_waiting (&fixture->gate, 1);
  future = cf_executor_submit_task (fixture->executor, task_never, fixture, outlive_pool, NULL);
  g_clear_object (&fixture->executor);
  if (is_cancel)
    g_assert_true (cf_future_cancel (future));
  else
    g_assert_true (cf_future_set_result (future, NULL, NULL));
  g_assert_cmpint (await_int (held), ==, 42);
}

static void
test_outlived_by_cancel (Fixture      *fixture,
                         gconstpointer n_workers)
{
  end_while_outliving (fixture, TRUE);
}

static void
test_outlived_by_result (Fixture      *fixture,
                         gconstpointer n_workers)
{
  end_while_outliving (fixture, FALSE);
}

static gboolean
task_submit_late (GValue       *result,
                  GCancellable *cancellable,
                  gpointer      user_data,
                  GError      **error)
{
  Fixture  *fixture = user_data;
  CfFuture *future;

  gate_wait (&fixture->gate);
  future = cf_executor_submit_task (fixture->executor, task_never, NULL, NULL, error);
  g_assert_null (future);

  return FALSE;
}

static void
test_submit_from_last_task (Fixture      *fixture,
                            gconstpointer n_workers)
{
  g_autoptr (CfFuture) future = submit_task (fixture->executor, task_submit_late, fixture);

  g_test_summary ("A task that submits after the shutdown is told SHUTDOWN.");

  gate_await_waiting (&fixture->gate, 1);
  cf_executor_shutdown (fixture->executor, FALSE, FALSE);
  gate_open (&fixture->gate);
  await_error (future, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SHUTDOWN);
}

#define ADD(path, n_workers, test) \
  g_test_add ("/thread-pool-shutdown/" path, Fixture, GUINT_TO_POINTER (n_workers), set_up, test, tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("from-worker/1", 1, test_from_worker);
  ADD ("from-worker/4", 4, test_from_worker);
  ADD ("cancel-from-worker", 1, test_cancel_from_worker);
  ADD ("from-callback/1", 1, test_from_callback);
  ADD ("from-callback/4", 4, test_from_callback);
  ADD ("from-cancel-callback", 1, test_from_cancel_callback);
  ADD ("from-two-threads/1", 1, test_from_two_threads);
  ADD ("from-two-threads/4", 4, test_from_two_threads);
  ADD ("while-submitting/1", 1, test_shutdown_while_submitting);
  ADD ("while-submitting/4", 4, test_shutdown_while_submitting);
  ADD ("cancel-at-once", 1, test_cancel_at_once);
  ADD ("last-unref", 1, test_last_unref);
  ADD ("last-unref-on-worker/1", 1, test_last_unref_on_worker);
  ADD ("last-unref-on-worker/4", 4, test_last_unref_on_worker);
  ADD ("last-unref-in-callback/1", 1, test_last_unref_in_callback);
  ADD ("last-unref-in-callback/4", 4, test_last_unref_in_callback);
  ADD ("last-unref-by-data", 2, test_last_unref_by_data);
  ADD ("last-unref-by-cancel", 1, test_last_unref_by_cancel);
  ADD ("outlived-by-cancel", 1, test_outlived_by_cancel);
  ADD ("outlived-by-result", 1, test_outlived_by_result);
  ADD ("submit-from-last-task", 2, test_submit_from_last_task);

  return g_test_run ();
}
