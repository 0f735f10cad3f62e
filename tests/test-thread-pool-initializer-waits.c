/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Initializers of a thread pool that wait for others. */

#include "cf-test-executors.h"

static gboolean
initialize_by_task (GValue       *result,
                    GCancellable *cancellable,
                    gpointer      executor,
                    GError      **error)
{
  g_autoptr (CfFuture) future = cf_executor_submit_task (executor, task_never, NULL, NULL, error);

  return future != NULL && cf_future_copy_result (future, -1, result, error);
}

static void
test_waits_for_its_own (gconstpointer n_workers)
{
  CfExecutor *executor = pool_new (GPOINTER_TO_UINT (n_workers));
  g_autoptr (CfFuture) future = NULL;

  g_test_summary ("Initializers that wait for work of their own pool, which runs only after them, are told that this can never end.");

  cf_thread_pool_executor_set_initializer (CF_THREAD_POOL_EXECUTOR (executor), initialize_by_task, executor, NULL);
  future = cf_executor_submit_task (executor, task_never, NULL, NULL, NULL);
  await_broken (future, "can never end: “initializer” waits for ");
  cf_executor_shutdown (executor, TRUE, FALSE);
  await_finalized (executor);
}

/* Initializers that wait for what was submitted before them. */
typedef struct
{
  Gate      gate; /* until the future is known */
  CfFuture *future;
  gint      n_that_wait; /* (atomic): the first ones */
} Dependent;

static gboolean
initialize_after_task (GValue       *result,
                       GCancellable *cancellable,
                       gpointer      user_data,
                       GError      **error)
{
  Dependent *self = user_data;

  gate_wait (&self->gate);
  if (g_atomic_int_add (&self->n_that_wait, -1) <= 0)
    return TRUE;

  return cf_future_copy_result (self->future, -1, result, error);
}

static CfExecutor *
submit_before_initializers (Dependent *dependent,
                            guint      n_workers,
                            CfTaskFunc task)
{
  CfExecutor *executor = pool_new (n_workers);

  gate_init (&dependent->gate);
  cf_thread_pool_executor_set_initializer (CF_THREAD_POOL_EXECUTOR (executor), initialize_after_task, dependent, NULL);
  dependent->future = cf_executor_submit_task (executor, task, GINT_TO_POINTER (42), NULL, NULL);
  gate_open (&dependent->gate);

  return executor;
}

static void
dependent_clear (Dependent  *dependent,
                 CfExecutor *executor)
{
  cf_executor_shutdown (executor, TRUE, FALSE);
  g_clear_object (&dependent->future);
  gate_clear (&dependent->gate);
  await_finalized (executor);
}

static void
test_another_runs_it (gconstpointer n_that_wait)
{
  Dependent   dependent = { .n_that_wait = GPOINTER_TO_INT (n_that_wait) };
  CfExecutor *executor = submit_before_initializers (&dependent, 4, task_int);

  g_test_summary ("While an initializer waits for what is queued, another worker comes and runs that.");

  g_assert_cmpint (g_value_get_int (cf_future_get_result (dependent.future, -1, NULL)), ==, 42);
  dependent_clear (&dependent, executor);
}

static void
test_nobody_runs_it (void)
{
  Dependent   dependent = { .n_that_wait = 4 };
  CfExecutor *executor = submit_before_initializers (&dependent, 4, task_never);

  g_test_summary ("When all the initializers wait for what was submitted before them, they are told that this can never end.");

  await_broken (dependent.future, "can never end: “initializer” waits for ");
  dependent_clear (&dependent, executor);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_data_func ("/thread-pool-initializer-waits/waits-for-its-own/1", GUINT_TO_POINTER (1), test_waits_for_its_own);
  g_test_add_data_func ("/thread-pool-initializer-waits/waits-for-its-own/4", GUINT_TO_POINTER (4), test_waits_for_its_own);
  g_test_add_data_func ("/thread-pool-initializer-waits/another-runs-it/1", GINT_TO_POINTER (1), test_another_runs_it);
  g_test_add_data_func ("/thread-pool-initializer-waits/another-runs-it/3", GINT_TO_POINTER (3), test_another_runs_it);
  g_test_add_func ("/thread-pool-initializer-waits/nobody-runs-it", test_nobody_runs_it);

  return g_test_run ();
}
