/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What every executor does alike; test-executor-shutdown.c has the end of it, -subclass what the base class does. */

#include "cf-test-executors.h"
#include "cf-test-maps.h"

#include <gmodule.h>

#define N_MANY 200

/* In the program and visible: submit_named() finds it. */
G_MODULE_EXPORT GVariant *test_executor_quadruple (GVariant *args, GCancellable *cancellable, GError **error);

GVariant *
test_executor_quadruple (GVariant     *args,
                         GCancellable *cancellable,
                         GError      **error)
{
  return g_variant_new_int64 (4 * g_variant_get_int64 (args));
}

/* Not an error of GIO, so that the domain has to arrive. */
GVariant *func_bad_name (GVariant *args, GCancellable *cancellable, GError **error);
GVariant *func_is_null (GVariant *args, GCancellable *cancellable, GError **error);
GVariant *func_has_cancellable (GVariant *args, GCancellable *cancellable, GError **error);
GVariant *func_both (GVariant *args, GCancellable *cancellable, GError **error);

GVariant *
func_bad_name (GVariant     *args,
               GCancellable *cancellable,
               GError      **error)
{
  g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_NAMETOOLONG, "a very long name");
  return NULL;
}

GVariant *
func_is_null (GVariant     *args,
              GCancellable *cancellable,
              GError      **error)
{
  return g_variant_new_boolean (args == NULL);
}

GVariant *
func_has_cancellable (GVariant     *args,
                      GCancellable *cancellable,
                      GError      **error)
{
  return g_variant_new_boolean (G_IS_CANCELLABLE (cancellable) && !g_cancellable_is_cancelled (cancellable));
}

GVariant *
func_both (GVariant     *args,
           GCancellable *cancellable,
           GError      **error)
{
  func_bad_name (args, cancellable, error);

  return g_variant_new_int64 (1);
}

static void
assert_true_variant (CfFuture *future)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) result = cf_future_dup_variant (future, -1, &error);

  g_assert_no_error (error);
  g_assert_true (g_variant_get_boolean (result));
}

static void
test_submit (Executors    *fixture,
             gconstpointer data)
{
  g_autoptr (CfFuture) floating = submit (fixture->executor, func_double, g_variant_new_int64 (21));
  g_autoptr (CfFuture) full = submit (fixture->executor, func_double_full, g_variant_new_int64 (-4));
  g_autoptr (GVariant) held = g_variant_ref_sink (g_variant_new_int64 (5));
  g_autoptr (CfFuture) with_held = submit (fixture->executor, func_double, held);

  g_test_summary ("A function gets its arguments and gives its result.");

  g_assert_cmpint (await_int64 (floating), ==, 42);
  g_assert_cmpint (await_int64 (full), ==, -8);
  g_assert_cmpint (await_int64 (with_held), ==, 10);
  g_assert_cmpint (cf_future_get_state (floating), ==, CF_FUTURE_STATE_FINISHED);
  g_assert_cmpint (g_variant_get_int64 (held), ==, 5);
}

static void
test_submit_many (Executors    *fixture,
                  gconstpointer data)
{
  CfFuture *futures[N_MANY];

  g_test_summary ("Many calls: each future has the result of its own.");

  for (gint64 i = 0; i < N_MANY; i++)
    futures[i] = submit (fixture->executor, func_double, g_variant_new_int64 (i));
  for (gint64 i = 0; i < N_MANY; i++)
    {
      g_assert_cmpint (await_int64 (futures[i]), ==, 2 * i);
      cf_future_unref (futures[i]);
    }
}

static void
test_no_args (Executors    *fixture,
              gconstpointer data)
{
  g_autoptr (CfFuture) none = submit (fixture->executor, func_is_null, NULL);
  g_autoptr (CfFuture) unit = submit (fixture->executor, func_unit, NULL);
  g_autoptr (CfFuture) cancellable = submit (fixture->executor, func_has_cancellable, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) result = NULL;

  g_test_summary ("No arguments arrive as NULL; () comes back as such; there always is a cancellable.");

  assert_true_variant (none);
  assert_true_variant (cancellable);
  result = cf_future_dup_variant (unit, -1, &error);
  g_assert_no_error (error);
  g_assert_true (g_variant_is_of_type (result, G_VARIANT_TYPE_UNIT));
}

static void
test_arguments_of_every_kind (Executors    *fixture,
                              gconstpointer data)
{
  const char *texts[] = { "true", "byte 0x7f", "'text'", "''", "(1, 'two', 3.5)", "[1, 2, 3]", "@as []", "<('in', 1)>",
                          "{'a': <1>, 'b': <'x'>}", "@mi nothing", "@mi 5", "b'bytes'", "()", "[(1, [<'deep'>])]" };

  g_test_summary ("What is sent comes back as it was.");

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GVariant) args = g_variant_ref_sink (g_variant_new_parsed (texts[i]));
      g_autoptr (CfFuture) future = submit (fixture->executor, func_echo, args);
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) result = cf_future_dup_variant (future, -1, &error);

      g_assert_no_error (error);
      g_assert_cmpvariant (result, args);
    }
}

static void
test_errors (Executors    *fixture,
             gconstpointer data)
{
  g_autoptr (CfFuture) future = submit (fixture->executor, func_bad_name, NULL);
  g_autoptr (CfFuture) both = submit (fixture->executor, func_both, NULL);
  g_autoptr (CfFuture) null = submit (fixture->executor, func_null, NULL);
  g_autoptr (CfFuture) after = submit (fixture->executor, func_double, g_variant_new_int64 (1));
  g_autoptr (GError) exception = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A failed call gives its error, whole; a value does not hide one; nothing at all is NO_RESULT.");

  g_assert_true (cf_future_get_exception (future, -1, &exception, &error));
  g_assert_no_error (error);
  g_assert_error (exception, G_FILE_ERROR, G_FILE_ERROR_NAMETOOLONG);
  g_assert_cmpstr (exception->message, ==, "a very long name");
  await_error (both, G_FILE_ERROR, G_FILE_ERROR_NAMETOOLONG);
  await_error (null, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT);
  g_assert_cmpint (await_int64 (after), ==, 2);
}

/* Where a name that leads nowhere is told is for the executor to say: at once, or by the future. */
static void
assert_not_found (CfExecutor *executor,
                  const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CfFuture) future = cf_executor_submit_named (executor, name, g_variant_new_int64 (1), &error);

  if (future != NULL)
    {
      g_assert_no_error (error);
      g_assert_null (cf_future_get_result (future, -1, &error));
    }
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_FOUND);
}

static gint64
call_named (CfExecutor *executor,
            const char *name,
            gint64      value)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CfFuture) future = cf_executor_submit_named (executor, name, g_variant_new_int64 (value), &error);

  g_assert_no_error (error);
  g_assert_nonnull (future);

  return await_int64 (future);
}

static char *
module_function (const char *symbol)
{
  g_autofree char *path = g_test_build_filename (G_TEST_BUILT, "cf-test-module.so", NULL);

  return g_strconcat (path, ":", symbol, NULL);
}

static void
test_submit_named (Executors    *fixture,
                   gconstpointer data)
{
  g_autofree char *triple = module_function ("test_module_triple");

  g_test_summary ("A function is found by module and name.");

  g_assert_cmpint (call_named (fixture->executor, triple, 14), ==, 42);
  g_assert_cmpint (call_named (fixture->executor, triple, 1), ==, 3);
}

static void
test_submit_named_in_program (Executors    *fixture,
                              gconstpointer data)
{
  g_test_summary ("A function of the program is found by its name.");

  g_assert_cmpint (call_named (fixture->executor, "test_executor_quadruple", 5), ==, 20);
}

static void
test_submit_named_nowhere (Executors    *fixture,
                           gconstpointer data)
{
  g_autofree char *no_symbol = module_function ("test_module_nothing");
  g_autoptr (CfFuture) after = NULL;

  g_test_summary ("A name that leads nowhere is NOT_FOUND, and the executor works on.");

  assert_not_found (fixture->executor, no_symbol);
  assert_not_found (fixture->executor, "/nowhere/at-all.so:test_module_triple");
  assert_not_found (fixture->executor, "test_executor_no_such_function");
  assert_not_found (fixture->executor, "");
  assert_not_found (fixture->executor, ":");
  g_assert_cmpint (await_int64 (after = submit (fixture->executor, func_double, g_variant_new_int64 (1))), ==, 2);
}

static void
test_submit_task (Executors    *fixture,
                  gconstpointer data)
{
  g_autoptr (CfFuture) future = submit_task (fixture->executor, task_int, GINT_TO_POINTER (7));
  g_autoptr (CfFuture) nothing = submit_task (fixture->executor, task_nothing, NULL);
  g_autoptr (CfFuture) failing = submit_task (fixture->executor, task_fail, NULL);
  g_autoptr (CfFuture) false_one = submit_task (fixture->executor, task_false, NULL);
  g_autoptr (GError) error = NULL;

  g_test_summary ("A task gets its data and gives any value, none, or an error.");

  g_assert_cmpint (await_int (future), ==, 7);
  g_assert_null (cf_future_get_result (nothing, -1, &error));
  g_assert_no_error (error);
  await_error (failing, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  await_error (false_one, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT);
}

static void
test_data_is_released_first (Executors    *fixture,
                             gconstpointer data)
{
  g_test_summary ("The data of a task is released once, before its future is seen as done.");

  for (guint i = 0; i < N_MANY; i++)
    {
      Probe probe = { 0 };
      g_autoptr (CfFuture) future = cf_executor_submit_task (fixture->executor, task_nothing, &probe, probe_release, NULL);

      g_assert_true (cf_future_wait (future, -1));
      assert_released_once (&probe);
    }
}

static void
test_args_are_released_first (Executors    *fixture,
                              gconstpointer data)
{
  g_test_summary ("Arguments are released once, before the future is seen as done.");

  for (guint i = 0; i < N_MANY; i++)
    {
      Probe     probe = { 0 };
      GVariant *args = probe_variant_new (&probe);
      g_autoptr (CfFuture) future = submit (fixture->executor, func_unit, args);

      g_variant_unref (args);
      g_assert_true (cf_future_wait (future, -1));
      assert_released_once (&probe);
    }
}

static void
test_schedule (Executors    *fixture,
               gconstpointer data)
{
  g_autoptr (CfFuture) future = cf_future_new_for_func (func_double, g_variant_new_int64 (4));

  g_test_summary ("A future that was made before is run when it is scheduled.");

  schedule (fixture->executor, future);
  g_assert_cmpint (await_int64 (future), ==, 8);
}

static void
assert_schedule_refused (CfExecutor *executor,
                         CfFuture   *future)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (cf_executor_schedule (executor, future, &error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_INVALID_STATE);
  g_assert_false (cf_executor_schedule (executor, future, NULL));
}

static void
test_schedule_twice (Executors    *fixture,
                     gconstpointer data)
{
  g_autoptr (CfFuture) made = cf_future_new_for_func (func_double, g_variant_new_int64 (4));
  g_autoptr (CfFuture) submitted = submit (fixture->executor, func_double, g_variant_new_int64 (5));

  g_test_summary ("A future is scheduled once: afterwards INVALID_STATE, and the outcome stands.");

  schedule (fixture->executor, made);
  assert_schedule_refused (fixture->executor, made);
  assert_schedule_refused (fixture->executor, submitted);
  g_assert_cmpint (await_int64 (made), ==, 8);
  g_assert_cmpint (await_int64 (submitted), ==, 10);
  assert_schedule_refused (fixture->executor, made);
  g_assert_cmpint (await_int64 (made), ==, 8);
}

static void
test_schedule_twice_while_queued (Executors    *fixture,
                                  gconstpointer data)
{
  PipeGate  gate;
  CfFuture *futures[20] = { NULL };
  guint     n = fixture->row->max_workers + 2;

  g_test_summary ("Scheduling again is refused while it runs and while it is queued.");

  pipe_gate_init (&gate);
  for (guint i = 0; i < n; i++)
    futures[i] = submit (fixture->executor, func_pipe_gate, pipe_gate_args (&gate, i));
  pipe_gate_await (&gate, 1);

  assert_schedule_refused (fixture->executor, futures[0]);
  assert_schedule_refused (fixture->executor, futures[n - 1]);

  pipe_gate_open (&gate);
  for (guint i = 0; i < n; i++)
    {
      g_assert_cmpint (await_int64 (futures[i]), ==, i);
      cf_future_unref (futures[i]);
    }
  pipe_gate_clear (&gate);
}

static void
test_submit_does_not_block (Executors    *fixture,
                            gconstpointer data)
{
  PipeGate gate;
  g_autoptr (CfFuture) future = NULL;

  g_test_summary ("submit() returns while the function runs, and the state tells how far it is.");

  pipe_gate_init (&gate);
  future = submit (fixture->executor, func_pipe_gate, pipe_gate_args (&gate, 6));
  g_assert_false (cf_future_is_done (future));
  pipe_gate_await (&gate, 1);
  g_assert_true (cf_future_is_running (future));
  g_assert_false (cf_future_cancel (future));
  pipe_gate_open (&gate);
  g_assert_cmpint (await_int64 (future), ==, 6);
  pipe_gate_clear (&gate);
}

static void
test_map (Executors    *fixture,
          gconstpointer data)
{
  g_autoptr (CfResultIter) iter = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("map() gives the results in the order of the items.");

  iter = cf_executor_map (fixture->executor, func_double, numbers (N_MANY), -1, 1, 0, &error);
  g_assert_no_error (error);

  for (gint64 i = 0; i < N_MANY; i++)
    {
      g_autoptr (GVariant) result = cf_result_iter_next (iter, &error);

      g_assert_no_error (error);
      g_assert_cmpint (g_variant_get_int64 (result), ==, 2 * i);
    }
  assert_map_end (iter);
}

static void
test_max_workers (Executors    *fixture,
                  gconstpointer data)
{
  g_test_summary ("max-workers is what it was made with.");

  g_assert_cmpuint (get_count (fixture->executor, "max-workers"), ==, fixture->row->max_workers);
}

static void
test_counts (Executors    *fixture,
             gconstpointer data)
{
  guint     n_workers = fixture->row->max_workers;
  CfFuture *futures[20];
  PipeGate  gate;

  g_test_summary ("n-workers, n-running and n-pending tell what is, also right after a cancel.");

  g_assert_cmpuint (get_count (fixture->executor, "n-workers"), ==, 0);
  g_assert_cmpuint (get_count (fixture->executor, "n-running"), ==, 0);
  g_assert_cmpuint (get_count (fixture->executor, "n-pending"), ==, 0);

  pipe_gate_init (&gate);
  for (guint i = 0; i < n_workers + 3; i++)
    futures[i] = submit (fixture->executor, func_pipe_gate, pipe_gate_args (&gate, i));
  pipe_gate_await (&gate, n_workers);
  g_assert_cmpuint (get_count (fixture->executor, "n-workers"), ==, n_workers);
  g_assert_cmpuint (get_count (fixture->executor, "n-running"), ==, n_workers);
  g_assert_cmpuint (get_count (fixture->executor, "n-pending"), ==, 3);

  g_assert_true (cf_future_cancel (futures[n_workers + 1]));
  g_assert_cmpuint (get_count (fixture->executor, "n-pending"), ==, 2);

  pipe_gate_open (&gate);
  for (guint i = 0; i < n_workers + 3; i++)
    {
      if (i != n_workers + 1)
        g_assert_cmpint (await_int64 (futures[i]), ==, i);
      cf_future_unref (futures[i]);
    }
  await_count (fixture->executor, "n-running", 0);
  g_assert_cmpuint (get_count (fixture->executor, "n-pending"), ==, 0);
  pipe_gate_clear (&gate);
}

int
main (int    argc,
      char **argv)
{
#ifdef CF_TYPE_PROCESS_POOL_EXECUTOR
  cf_process_pool_init (argc, argv);
#endif
  test_init (&argc, &argv);

  add_executor_tests ("submit", 0, test_submit);
  add_executor_tests ("submit-many", 0, test_submit_many);
  add_executor_tests ("no-args", 0, test_no_args);
  add_executor_tests ("arguments-of-every-kind", 0, test_arguments_of_every_kind);
  add_executor_tests ("errors", 0, test_errors);
  add_executor_tests ("submit-named", 0, test_submit_named);
  add_executor_tests ("submit-named-in-program", TEST_IN_PROCESS, test_submit_named_in_program);
  add_executor_tests ("submit-named-nowhere", 0, test_submit_named_nowhere);
  add_executor_tests ("submit-task", TEST_IN_PROCESS, test_submit_task);
  add_executor_tests ("data-is-released-first", TEST_IN_PROCESS, test_data_is_released_first);
  add_executor_tests ("args-are-released-first", TEST_IN_PROCESS, test_args_are_released_first);
  add_executor_tests ("schedule", 0, test_schedule);
  add_executor_tests ("schedule-twice", 0, test_schedule_twice);
  add_executor_tests ("schedule-twice-while-queued", TEST_LATER, test_schedule_twice_while_queued);
  add_executor_tests ("submit-does-not-block", TEST_LATER, test_submit_does_not_block);
  add_executor_tests ("map", 0, test_map);
  add_executor_tests ("max-workers", 0, test_max_workers);
  add_executor_tests ("counts", TEST_QUEUE, test_counts);

  return g_test_run ();
}
