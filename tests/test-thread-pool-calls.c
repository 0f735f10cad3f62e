/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Who is called for new work: nobody when a worker is about to be free, another one when it only seems to be. */

#include "cf-test-executors.h"

#define N_ROUNDS 2000

static void
test_idle_one_is_used (void)
{
  CfExecutor *executor = pool_new (4);
  gint        n_ran = 0;

  g_test_summary ("Whoever waits for each task before he submits the next one needs one worker.");

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr (CfFuture) future = submit_task (executor, task_count, &n_ran);

      g_assert_true (cf_future_wait (future, -1));
    }
  g_assert_cmpint (n_ran, ==, N_ROUNDS);
  g_assert_cmpuint (get_count (executor, "n-workers"), ==, 1);

  cf_executor_shutdown (executor, TRUE, FALSE);
  await_finalized (executor);
}

static void
wait_at_gate (CfFuture *future G_GNUC_UNUSED,
              gpointer         gate)
{
  gate_wait (gate);
}

static void
test_callback_blocks (void)
{
  CfExecutor *executor = pool_new (2);
  gint        n_ran = 0;
  Gate        gate, callback_gate;
  g_autoptr (CfFuture) first = NULL;

  g_test_summary ("While a done-callback keeps a worker, what is submitted runs in another one.");

  gate_init (&gate);
  gate_init (&callback_gate);
  first = submit_task (executor, task_gate, &gate);
  cf_future_add_done_callback (first, wait_at_gate, &callback_gate, NULL);
  gate_open (&gate);
  g_assert_true (cf_future_wait (first, -1));

  /* Whether the worker has come to the callback yet, or is on its way there. */
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr (CfFuture) second = submit_task (executor, task_count, &n_ran);

      g_assert_true (cf_future_wait (second, -1));
    }
  g_assert_cmpint (n_ran, ==, N_ROUNDS);

  gate_open (&callback_gate);
  cf_executor_shutdown (executor, TRUE, FALSE);
  await_finalized (executor);
  gate_clear (&gate);
  gate_clear (&callback_gate);
}

typedef struct
{
  Gate       task;
  Gate       release;
  Probe      probe;
  CfTaskFunc func;
} Held;

static gboolean
task_give_probe (GValue                   *result,
                 GCancellable *cancellable G_GNUC_UNUSED,
                 gpointer                  held,
                 GError **error            G_GNUC_UNUSED)
{
  gate_wait (&((Held *) held)->task);
  g_value_init (result, G_TYPE_OBJECT);
  g_value_take_object (result, probe_object_new (&((Held *) held)->probe));

  return TRUE;
}

static gboolean
task_give_variant (GValue                   *result,
                   GCancellable *cancellable G_GNUC_UNUSED,
                   gpointer                  held,
                   GError **error            G_GNUC_UNUSED)
{
  gate_wait (&((Held *) held)->task);
  g_value_init (result, G_TYPE_VARIANT);
  g_value_take_variant (result, probe_variant_new (&((Held *) held)->probe));

  return TRUE;
}

static gboolean
task_pass_gate (GValue                   *result,
                GCancellable *cancellable G_GNUC_UNUSED,
                gpointer                  held,
                GError **error            G_GNUC_UNUSED)
{
  gate_wait (&((Held *) held)->task);

  return TRUE;
}

static gboolean
never (gpointer data G_GNUC_UNUSED)
{
  g_assert_not_reached ();
}

/* A context that ends with the future, which then was made in it. */
static GMainContext *
push_context (Held *held)
{
  GMainContext *context = g_main_context_new ();
  GSource      *source = g_idle_source_new ();

  g_source_set_callback (source, never, &held->probe, probe_release);
  g_source_attach (source, context);
  g_source_unref (source);
  g_main_context_push_thread_default (context);

  return context;
}

/* The worker has the last reference, and releases what hangs on it. */
static void
hold_worker (CfExecutor *executor,
             Held       *held)
{
  GMainContext *context = NULL;
  CfFuture     *future;

  gate_init (&held->task);
  gate_init (&held->release);
  held->probe = (Probe){ .gate = &held->release };
  if (held->func == task_pass_gate)
    context = push_context (held);
  future = submit_task (executor, held->func, held);
  if (context != NULL)
    {
      g_main_context_pop_thread_default (context);
      g_main_context_unref (context);
    }
  gate_await_waiting (&held->task, 1);
  cf_future_unref (future);
  gate_open (&held->task);
}

static void
let_worker_go (Held *held)
{
  gate_open (&held->release);
  while (probe_get_n_released (&held->probe) == 0)
    g_thread_yield ();
  assert_released_once (&held->probe);
  gate_clear (&held->task);
  gate_clear (&held->release);
}

static const CfTaskFunc release_object = task_give_probe, release_variant = task_give_variant, release_context = task_pass_gate;

static void
test_release_blocks (gconstpointer func)
{
  CfExecutor *executor = pool_new (2);
  gint        n_ran = 0;

  g_test_summary ("While the release of what a future held keeps a worker, what is submitted runs in another one.");

  for (gint i = 0; i < N_ROUNDS / 10; i++)
    {
      Held held = { .func = *(const CfTaskFunc *) func };
      g_autoptr (CfFuture) second = NULL;

      hold_worker (executor, &held);
      second = submit_task (executor, task_count, &n_ran);
      g_assert_true (cf_future_wait (second, -1));
      g_assert_cmpint (n_ran, ==, i + 1);
      let_worker_go (&held);
    }

  cf_executor_shutdown (executor, TRUE, FALSE);
  await_finalized (executor);
}

/* Work goes on in the one worker that is left, whoever submits it and whatever keeps the others. */

#define N_SUBMITTERS 3

static gpointer
submit_and_wait (gpointer executor)
{
  gint n_ran = 0;

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      CfFuture *first = submit_task (executor, task_count, &n_ran);
      g_autoptr (CfFuture) second = submit_task (executor, task_count, &n_ran);

      cf_future_unref (first);
      g_assert_true (cf_future_wait (second, -1));
    }
  while (g_atomic_int_get (&n_ran) < 2 * N_ROUNDS)
    g_thread_yield ();
  g_assert_cmpint (n_ran, ==, 2 * N_ROUNDS);

  return NULL;
}

static void
keep_with_destroy (CfExecutor *executor,
                   Probe      *probe)
{
  cf_future_unref (cf_executor_submit_task (executor, task_nothing, probe, probe_release, NULL));
}

static void
test_all_but_one_blocked (gconstpointer parks)
{
  CfExecutor *executor = parks != NULL ? pool_new_parking (4) : pool_new (4);
  GThread    *threads[N_SUBMITTERS];
  Gate        callback_gate;
  Held        held = { .func = task_give_probe }, destroyed = { 0 };
  g_autoptr (CfFuture) called = NULL;

  g_test_summary ("While a callback, a release and a destroy function keep workers, the last one does all that several threads submit.");

  gate_init (&callback_gate);
  gate_init (&destroyed.release);
  destroyed.probe.gate = &destroyed.release;
  hold_worker (executor, &held);
  gate_await_waiting (&held.release, 1);
  keep_with_destroy (executor, &destroyed.probe);
  gate_await_waiting (&destroyed.release, 1);
  called = cf_future_new_for_task (task_nothing, NULL, NULL);
  cf_future_add_done_callback (called, wait_at_gate, &callback_gate, NULL);
  schedule (executor, called);

  for (guint i = 0; i < N_SUBMITTERS; i++)
    threads[i] = g_thread_new ("submitter", submit_and_wait, executor);
  for (guint i = 0; i < N_SUBMITTERS; i++)
    g_thread_join (threads[i]);

  gate_open (&callback_gate);
  gate_open (&destroyed.release);
  let_worker_go (&held);
  cf_executor_shutdown (executor, TRUE, FALSE);
  assert_released_once (&destroyed.probe);
  await_finalized (executor);
  gate_clear (&destroyed.release);
  gate_clear (&callback_gate);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/thread-pool-calls/idle-one-is-used", test_idle_one_is_used);
  g_test_add_func ("/thread-pool-calls/callback-blocks", test_callback_blocks);
  g_test_add_data_func ("/thread-pool-calls/release-blocks/object", &release_object, test_release_blocks);
  g_test_add_data_func ("/thread-pool-calls/release-blocks/variant", &release_variant, test_release_blocks);
  g_test_add_data_func ("/thread-pool-calls/release-blocks/context", &release_context, test_release_blocks);

  g_test_add_data_func ("/thread-pool-calls/all-but-one-blocked/spinning", NULL, test_all_but_one_blocked);
  g_test_add_data_func ("/thread-pool-calls/all-but-one-blocked/parking", "parking", test_all_but_one_blocked);

  return g_test_run ();
}
