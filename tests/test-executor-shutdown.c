/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The end of an executor, alike for all of them. */

#include "cf-test-executors.h"

static void
assert_refused (CfExecutor *executor)
{
  g_autoptr (CfFuture) future = cf_future_new_for_func (func_never, NULL);
  g_autoptr (GError) submit_error = NULL;
  g_autoptr (GError) task_error = NULL;
  g_autoptr (GError) schedule_error = NULL;
  g_autoptr (GError) map_error = NULL;
  g_autoptr (GError) named_error = NULL;
  g_autoptr (GError) map_named_error = NULL;
  Probe     args = { 0 }, data = { 0 };
  GVariant *variant = probe_variant_new (&args);

  g_assert_null (cf_executor_submit (executor, func_never, variant, &submit_error));
  g_assert_error (submit_error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SHUTDOWN);
  g_variant_unref (variant);
  assert_released_once (&args);

  g_assert_null (cf_executor_submit_task (executor, task_never, &data, probe_release, &task_error));
  g_assert_error (task_error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SHUTDOWN);
  assert_released_once (&data);

  g_assert_false (cf_executor_schedule (executor, future, &schedule_error));
  g_assert_error (schedule_error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SHUTDOWN);
  g_assert_cmpint (cf_future_get_state (future), ==, CF_FUTURE_STATE_PENDING);

  g_assert_null (cf_executor_map (executor, func_never, g_variant_new_parsed ("[1, 2]"), -1, 1, 0, &map_error));
  g_assert_error (map_error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SHUTDOWN);

  g_assert_null (cf_executor_submit_named (executor, "test_no_such_function", NULL, &named_error));
  g_assert_error (named_error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SHUTDOWN);

  g_assert_null (cf_executor_map_named (executor, "test_no_such_function", g_variant_new_parsed ("[1, 2]"), -1, 1, 0, &map_named_error));
  g_assert_error (map_named_error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SHUTDOWN);

  g_assert_null (cf_executor_submit (executor, func_never, NULL, NULL));
}

static void
test_refuses (Executors    *fixture,
              gconstpointer data)
{
  g_test_summary ("After a shutdown nothing is taken any more, and what came with it is released.");

  g_assert_false (cf_executor_is_shutdown (fixture->executor));
  cf_executor_shutdown (fixture->executor, FALSE, FALSE);
  g_assert_true (cf_executor_is_shutdown (fixture->executor));
  assert_refused (fixture->executor);
}

static void
test_again_and_again (Executors    *fixture,
                      gconstpointer data)
{
  g_autoptr (CfFuture) future = submit (fixture->executor, func_double, g_variant_new_int64 (1));

  g_test_summary ("Shutting down again, in every way, does no harm.");

  for (guint i = 0; i < 8; i++)
    {
      cf_executor_shutdown (fixture->executor, (i & 1) != 0, FALSE);
      g_assert_true (cf_executor_is_shutdown (fixture->executor));
    }
  cf_executor_shutdown (fixture->executor, TRUE, TRUE);
  g_assert_cmpint (await_int64 (future), ==, 2);
  assert_refused (fixture->executor);
}

static void
test_unused (Executors    *fixture,
             gconstpointer data)
{
  g_test_summary ("An executor that was never used ends at once.");

  cf_executor_shutdown (fixture->executor, TRUE, TRUE);
  g_assert_true (cf_executor_is_shutdown (fixture->executor));
  g_assert_finalize_object (g_steal_pointer (&fixture->executor));
}

static void
test_waits (Executors    *fixture,
            gconstpointer data)
{
  CfFuture *futures[20];

  g_test_summary ("shutdown (TRUE, FALSE) returns when all that was submitted is done.");

  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    futures[i] = submit (fixture->executor, func_double, g_variant_new_int64 (i));
  cf_executor_shutdown (fixture->executor, TRUE, FALSE);

  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      g_assert_true (cf_future_is_done (futures[i]));
      g_assert_cmpint (await_int64 (futures[i]), ==, 2 * i);
      cf_future_unref (futures[i]);
    }
}

static void
test_no_workers_left (Executors    *fixture,
                      gconstpointer data)
{
  g_autoptr (CfFuture) future = submit (fixture->executor, func_double, g_variant_new_int64 (1));

  g_test_summary ("After shutdown (TRUE, …) n-workers is 0.");

  g_assert_cmpint (await_int64 (future), ==, 2);
  g_assert_cmpuint (get_count (fixture->executor, "n-workers"), ==, 1);
  cf_executor_shutdown (fixture->executor, TRUE, FALSE);
  g_assert_cmpuint (get_count (fixture->executor, "n-workers"), ==, 0);
  g_assert_cmpuint (get_count (fixture->executor, "n-running"), ==, 0);
  g_assert_cmpuint (get_count (fixture->executor, "n-pending"), ==, 0);
}

static void
test_does_not_wait (Executors    *fixture,
                    gconstpointer data)
{
  PipeGate  gate;
  CfFuture *futures[12];

  g_test_summary ("shutdown (FALSE, FALSE) returns at once; what is queued still runs; a later shutdown waits for it.");

  pipe_gate_init (&gate);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    futures[i] = submit (fixture->executor, func_pipe_gate, pipe_gate_args (&gate, i));
  pipe_gate_await (&gate, 1);
  cf_executor_shutdown (fixture->executor, FALSE, FALSE);
  g_assert_false (cf_future_is_done (futures[0]));
  assert_refused (fixture->executor);

  pipe_gate_open (&gate);
  cf_executor_shutdown (fixture->executor, TRUE, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      g_assert_true (cf_future_is_done (futures[i]));
      g_assert_cmpint (await_int64 (futures[i]), ==, i);
      cf_future_unref (futures[i]);
    }
  pipe_gate_clear (&gate);
}

static void
cancels (Executors *fixture,
         gboolean   later)
{
  guint     n_workers = fixture->row->max_workers;
  CfFuture *futures[20];
  gint      n_callbacks = 0;
  PipeGate  gate;

  pipe_gate_init (&gate);
  for (guint i = 0; i < n_workers + 4; i++)
    {
      futures[i] = submit (fixture->executor, func_pipe_gate, pipe_gate_args (&gate, i));
      cf_future_add_done_callback (futures[i], count_callback, &n_callbacks, NULL);
    }
  pipe_gate_await (&gate, n_workers);

  if (later)
    {
      cf_executor_shutdown (fixture->executor, FALSE, FALSE);
      g_assert_cmpint (cf_future_get_state (futures[n_workers]), ==, CF_FUTURE_STATE_PENDING);
    }
  cf_executor_shutdown (fixture->executor, FALSE, TRUE);
  for (guint i = 0; i < n_workers + 4; i++)
    g_assert_cmpint (cf_future_is_cancelled (futures[i]), ==, i >= n_workers);
  g_assert_cmpint (g_atomic_int_get (&n_callbacks), ==, 4);
  g_assert_cmpuint (get_count (fixture->executor, "n-pending"), ==, 0);

  pipe_gate_open (&gate);
  for (guint i = 0; i < n_workers; i++)
    g_assert_cmpint (await_int64 (futures[i]), ==, i);
  cf_executor_shutdown (fixture->executor, TRUE, FALSE);
  for (guint i = 0; i < n_workers + 4; i++)
    g_assert_finalize_object (futures[i]);
  g_assert_cmpint (g_atomic_int_get (&n_callbacks), ==, (int) n_workers + 4);
  pipe_gate_clear (&gate);
}

static void
test_cancels (Executors    *fixture,
              gconstpointer data)
{
  g_test_summary ("shutdown (FALSE, TRUE) cancels what has not started, at once; what runs goes on.");

  cancels (fixture, FALSE);
}

static void
test_cancels_later (Executors    *fixture,
                    gconstpointer data)
{
  g_test_summary ("A second shutdown can still cancel what the first one left.");

  cancels (fixture, TRUE);
}

static void
test_last_unref (Executors    *fixture,
                 gconstpointer data)
{
  PipeGate  gate;
  CfFuture *futures[12];

  g_test_summary ("Dropping the last reference cancels nothing: what is queued still runs.");

  pipe_gate_init (&gate);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    futures[i] = submit (fixture->executor, func_pipe_gate, pipe_gate_args (&gate, i));
  pipe_gate_await (&gate, 1);
  g_clear_object (&fixture->executor);
  pipe_gate_open (&gate);

  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      g_assert_cmpint (await_int64 (futures[i]), ==, i);
      cf_future_unref (futures[i]);
    }
  pipe_gate_clear (&gate);
}

static void
test_futures_outlive (Executors    *fixture,
                      gconstpointer data)
{
  g_autoptr (CfFuture) future = submit (fixture->executor, func_double, g_variant_new_int64 (4));

  g_test_summary ("A future outlives its executor and keeps its result.");

  cf_executor_shutdown (fixture->executor, TRUE, FALSE);
  g_assert_finalize_object (g_steal_pointer (&fixture->executor));
  g_assert_cmpint (await_int64 (future), ==, 8);
  g_assert_false (cf_future_cancel (future));
}

static void
test_async (Executors    *fixture,
            gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (CfFuture) future = submit (fixture->executor, func_double, g_variant_new_int64 (4));

  g_test_summary ("shutdown_async() completes in the caller's context, when all is done.");

  cf_executor_shutdown_async (fixture->executor, FALSE, NULL, keep_result, &result);
  g_assert_true (cf_executor_is_shutdown (fixture->executor));
  g_assert_null (result);
  g_assert_true (cf_executor_shutdown_finish (fixture->executor, await_result (NULL, &result), &error));
  g_assert_no_error (error);
  g_assert_true (cf_future_is_done (future));
  g_assert_cmpint (await_int64 (future), ==, 8);
  assert_refused (fixture->executor);
}

static void
test_async_waits (Executors    *fixture,
                  gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (CfFuture) future = NULL;
  PipeGate gate;

  g_test_summary ("shutdown_async() does not block the caller, nor complete before the work.");

  pipe_gate_init (&gate);
  future = submit (fixture->executor, func_pipe_gate, pipe_gate_args (&gate, 1));
  pipe_gate_await (&gate, 1);
  cf_executor_shutdown_async (fixture->executor, FALSE, NULL, keep_result, &result);
  run_pending (NULL);
  g_assert_null (result);
  g_assert_false (cf_future_is_done (future));

  pipe_gate_open (&gate);
  g_assert_true (cf_executor_shutdown_finish (fixture->executor, await_result (NULL, &result), &error));
  g_assert_no_error (error);
  g_assert_true (cf_future_is_done (future));
  pipe_gate_clear (&gate);
}

static void
test_async_cancels (Executors    *fixture,
                    gconstpointer data)
{
  guint     n_workers = fixture->row->max_workers;
  CfFuture *futures[20];
  g_autoptr (GAsyncResult) result = NULL;
  PipeGate gate;

  g_test_summary ("shutdown_async (TRUE) cancels what has not started, before anything else ends.");

  pipe_gate_init (&gate);
  for (guint i = 0; i < n_workers + 2; i++)
    futures[i] = submit (fixture->executor, func_pipe_gate, pipe_gate_args (&gate, i));
  pipe_gate_await (&gate, n_workers);
  cf_executor_shutdown_async (fixture->executor, TRUE, NULL, keep_result, &result);
  for (guint i = n_workers; i < n_workers + 2; i++)
    {
      cf_future_wait (futures[i], -1);
      g_assert_true (cf_future_is_cancelled (futures[i]));
    }
  g_assert_null (result);

  pipe_gate_open (&gate);
  g_assert_true (cf_executor_shutdown_finish (fixture->executor, await_result (NULL, &result), NULL));
  g_assert_cmpuint (get_count (fixture->executor, "n-workers"), ==, 0);
  for (guint i = 0; i < n_workers + 2; i++)
    cf_future_unref (futures[i]);
  pipe_gate_clear (&gate);
}

static void
test_async_given_up (Executors    *fixture,
                     gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (CfFuture) future = NULL;
  PipeGate gate;

  g_test_summary ("The cancellable of shutdown_async() ends the waiting; the executor stays shut down.");

  pipe_gate_init (&gate);
  future = submit (fixture->executor, func_pipe_gate, pipe_gate_args (&gate, 1));
  pipe_gate_await (&gate, 1);
  cf_executor_shutdown_async (fixture->executor, FALSE, cancellable, keep_result, &result);
  g_cancellable_cancel (cancellable);
  g_assert_false (cf_executor_shutdown_finish (fixture->executor, await_result (NULL, &result), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (cf_executor_is_shutdown (fixture->executor));
  g_assert_false (cf_future_is_done (future));

  pipe_gate_open (&gate);
  g_assert_cmpint (await_int64 (future), ==, 1);
  pipe_gate_clear (&gate);
}

/* A subclass of a pool that may take its time: schedule() waits at a gate before the pool gets the future. */

static Gate *late_gate; /* (atomic) (nullable) */

static gboolean
schedule_late (CfExecutor *executor,
               CfFuture   *future,
               GError    **error)
{
  gpointer pool_class = g_type_class_peek_parent (CF_EXECUTOR_GET_CLASS (executor));
  Gate    *gate = g_atomic_pointer_get (&late_gate);

  if (gate != NULL)
    gate_wait (gate);

  return CF_EXECUTOR_CLASS (pool_class)->schedule (executor, future, error);
}

static void
late_class_init (gpointer      klass,
                 gpointer data G_GNUC_UNUSED)
{
  CF_EXECUTOR_CLASS (klass)->schedule = schedule_late;
}

/* As @executor, which it takes over. */
static CfExecutor *
late_executor_new (CfExecutor *executor)
{
  g_autofree char *name = g_strconcat ("Late", G_OBJECT_TYPE_NAME (executor), NULL);
  GType            type = g_type_from_name (name);
  GTypeQuery       query;

  g_type_query (G_OBJECT_TYPE (executor), &query);
  if (type == 0)
    type = g_type_register_static_simple (query.type, name, query.class_size, late_class_init, query.instance_size, NULL, 0);
  cf_executor_shutdown (executor, TRUE, FALSE);
  await_finalized (executor);

  return g_object_new (type, "max-workers", 1, NULL);
}

typedef struct
{
  CfExecutor *executor;
  GThread    *thread;
  CfFuture   *future; /* (owned) (nullable) */
  GError     *error;  /* (owned) (nullable) */
} Submitter;

static gpointer
submit_late (gpointer data)
{
  Submitter *self = data;

  self->future = cf_executor_submit (self->executor, func_unit, NULL, &self->error);

  return NULL;
}

static void
let_in (CfFuture *future G_GNUC_UNUSED,
        gpointer         submitter)
{
  gate_open (late_gate);
  g_thread_join (((Submitter *) submitter)->thread);
}

static void
test_cancels_while_submitting (Executors    *fixture,
                               gconstpointer data)
{
  Submitter submitter = { 0 };
  PipeGate  work;
  Gate      gate;
  g_autoptr (CfFuture) running = NULL;
  g_autoptr (CfFuture) queued = NULL;

  g_test_summary ("What comes to the pool while a shutdown cancels what is queued is refused, and not left to run.");

  fixture->executor = late_executor_new (fixture->executor);
  pipe_gate_init (&work);
  gate_init (&gate);
  running = submit (fixture->executor, func_pipe_gate, pipe_gate_args (&work, 1));
  pipe_gate_await (&work, 1);
  queued = submit (fixture->executor, func_unit, NULL);
  cf_future_add_done_callback (queued, let_in, &submitter, NULL);

  g_atomic_pointer_set (&late_gate, &gate);
  submitter.executor = fixture->executor;
  submitter.thread = g_thread_new ("submitter", submit_late, &submitter);
  gate_await_waiting (&gate, 1);
  cf_executor_shutdown (fixture->executor, FALSE, TRUE);
  g_assert_true (cf_future_is_cancelled (queued));
  g_assert_null (submitter.future);
  g_assert_error (submitter.error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SHUTDOWN);

  g_atomic_pointer_set (&late_gate, NULL);
  g_error_free (submitter.error);
  pipe_gate_open (&work);
  g_assert_cmpint (await_int64 (running), ==, 1);
  pipe_gate_clear (&work);
  gate_clear (&gate);
}

int
main (int    argc,
      char **argv)
{
#ifdef CF_TYPE_PROCESS_POOL_EXECUTOR
  cf_process_pool_init (argc, argv);
#endif
  test_init (&argc, &argv);

  add_executor_tests ("shutdown/refuses", 0, test_refuses);
  add_executor_tests ("shutdown/again-and-again", 0, test_again_and_again);
  add_executor_tests ("shutdown/unused", 0, test_unused);
  add_executor_tests ("shutdown/waits", 0, test_waits);
  add_executor_tests ("shutdown/no-workers-left", TEST_QUEUE, test_no_workers_left);
  add_executor_tests ("shutdown/does-not-wait", TEST_LATER, test_does_not_wait);
  add_executor_tests ("shutdown/cancels", TEST_QUEUE, test_cancels);
  add_executor_tests ("shutdown/cancels-later", TEST_QUEUE, test_cancels_later);
  add_executor_tests ("shutdown/cancels-while-submitting", TEST_QUEUE | TEST_POOL, test_cancels_while_submitting);
  add_executor_tests ("shutdown/last-unref", TEST_LATER, test_last_unref);
  add_executor_tests ("shutdown/futures-outlive", 0, test_futures_outlive);
  add_executor_tests ("shutdown/async", 0, test_async);
  add_executor_tests ("shutdown/async-waits", TEST_LATER, test_async_waits);
  add_executor_tests ("shutdown/async-cancels", TEST_QUEUE, test_async_cancels);
  add_executor_tests ("shutdown/async-given-up", TEST_LATER, test_async_given_up);

  return g_test_run ();
}
