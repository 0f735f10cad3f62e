/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The call that a future carries: how it is run, what it may return, what it is given, when it is released. */

#include "cf-test.h"

#define assert_fails_with(future, domain, code)                   \
  G_STMT_START                                                    \
  {                                                               \
    g_autoptr (GError) its_error = NULL;                          \
    g_assert_null (cf_future_get_result (future, 0, &its_error)); \
    g_assert_error (its_error, domain, code);                     \
  }                                                               \
  G_STMT_END

static void
test_run_func (void)
{
  CfFunc functions[] = { func_double, func_double_full };

  g_test_summary ("A CfFunc may return a floating and a full reference.");

  for (guint i = 0; i < G_N_ELEMENTS (functions); i++)
    {
      g_autoptr (CfFuture) future = cf_future_new_for_func (functions[i], g_variant_new_int64 (21));
      g_autoptr (GVariant) result = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_true (cf_future_run (future));
      result = cf_future_dup_variant (future, 0, &error);
      g_assert_no_error (error);
      g_assert_cmpint (g_variant_get_int64 (result), ==, 42);
      g_assert_true (G_VALUE_HOLDS_VARIANT (cf_future_get_result (future, 0, NULL)));
    }
}

static void
test_run_unit (void)
{
  g_autoptr (CfFuture) future = cf_future_new_for_func (func_unit, NULL);
  g_autoptr (GVariant) result = NULL;

  g_test_summary ("The unit tuple is a result like others.");

  g_assert_true (cf_future_run (future));
  result = cf_future_dup_variant (future, 0, NULL);
  g_assert_true (g_variant_is_of_type (result, G_VARIANT_TYPE_UNIT));
}

static void
test_run_task (void)
{
  g_autoptr (CfFuture) integer = cf_future_new_for_task (task_int, GINT_TO_POINTER (25), NULL);
  g_autoptr (CfFuture) nothing = cf_future_new_for_task (task_nothing, NULL, NULL);
  g_autoptr (GError) error = NULL;

  g_test_summary ("A CfTaskFunc may set any value, and none.");

  g_assert_true (cf_future_run (integer));
  g_assert_cmpint (get_int (integer), ==, 25);

  g_assert_true (cf_future_run (nothing));
  g_assert_null (cf_future_get_result (nothing, 0, &error));
  g_assert_no_error (error);
  g_assert_true (cf_future_is_done (nothing));
}

static void
test_failures (void)
{
  g_autoptr (CfFuture) func = cf_future_new_for_func (func_fail, NULL);
  g_autoptr (CfFuture) task = cf_future_new_for_task (task_fail, NULL, NULL);

  g_test_summary ("A function's error is the future's; cf_future_run() has run it all the same.");

  g_assert_true (cf_future_run (func));
  assert_fails_with (func, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_true (cf_future_run (task));
  assert_fails_with (task, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

/* FALSE, with a value, without an error. */
static gboolean
task_false_with_value (GValue       *result,
                       GCancellable *cancellable,
                       gpointer      user_data,
                       GError      **error)
{
  g_value_init (result, TEST_TYPE_PROBE_OBJECT);
  g_value_take_object (result, probe_object_new (user_data));

  return FALSE;
}

static void
test_no_result (void)
{
  Probe probe = { 0 };
  g_autoptr (CfFuture) func = cf_future_new_for_func (func_null, NULL);
  g_autoptr (CfFuture) task = cf_future_new_for_task (task_false, NULL, NULL);
  g_autoptr (CfFuture) with_value = cf_future_new_for_task (task_false_with_value, &probe, NULL);

  g_test_summary ("NULL or FALSE without an error is the failure NO_RESULT, never a success.");

  g_assert_true (cf_future_run (func));
  assert_fails_with (func, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT);
  g_assert_true (cf_future_run (task));
  assert_fails_with (task, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT);
  g_assert_true (cf_future_run (with_value));
  assert_fails_with (with_value, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT);
  assert_released_once (&probe);
}

static void
test_no_function (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();
  g_autoptr (GError) error = NULL;

  g_test_summary ("Running a future that carries no call is the failure NO_RESULT, which says so.");

  g_assert_true (cf_future_run (future));
  g_assert_null (cf_future_get_result (future, 0, &error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT);
  g_assert_nonnull (strstr (error->message, "no function"));
}

static GVariant *
func_value_and_error (GVariant     *args,
                      GCancellable *cancellable,
                      GError      **error)
{
  func_fail (NULL, NULL, error);

  return probe_variant_new (variant_to_pointer (args));
}

static gboolean
task_value_and_error (GValue       *result,
                      GCancellable *cancellable,
                      gpointer      user_data,
                      GError      **error)
{
  task_fail (NULL, NULL, NULL, error);
  task_false_with_value (result, cancellable, user_data, NULL);

  return TRUE;
}

static gboolean
task_value_and_error_false (GValue       *result,
                            GCancellable *cancellable,
                            gpointer      user_data,
                            GError      **error)
{
  return !task_value_and_error (result, cancellable, user_data, error);
}

static void
test_value_with_error (void)
{
  Probe     probes[3] = { 0 };
  CfFuture *futures[] = {
    cf_future_new_for_func (func_value_and_error, variant_from_pointer (&probes[0])),
    cf_future_new_for_task (task_value_and_error, &probes[1], NULL),
    cf_future_new_for_task (task_value_and_error_false, &probes[2], NULL),
  };

  g_test_summary ("A value together with an error is a failure, and the value is released.");

  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      g_assert_true (cf_future_run (futures[i]));
      assert_fails_with (futures[i], G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
      assert_released_once (&probes[i]);
      cf_future_unref (futures[i]);
      assert_released_once (&probes[i]);
    }
}

static GVariant *
func_args_are_null (GVariant     *args,
                    GCancellable *cancellable,
                    GError      **error)
{
  return g_variant_new_boolean (args == NULL);
}

static void
test_null_args (void)
{
  g_autoptr (CfFuture) future = cf_future_new_for_func (func_args_are_null, NULL);
  g_autoptr (GVariant) result = NULL;

  g_test_summary ("Without args the function gets NULL.");

  g_assert_true (cf_future_run (future));
  result = cf_future_dup_variant (future, 0, NULL);
  g_assert_true (g_variant_get_boolean (result));
}

static void
test_args_are_referenced (void)
{
  Probe     kept_probe = { 0 };
  Probe     floating_probe = { 0 };
  GVariant *kept = probe_variant_new (&kept_probe);
  GVariant *floating = g_variant_new_from_data (G_VARIANT_TYPE_STRING, "x", 2, TRUE,
                                                probe_release, &floating_probe);
  CfFuture *kept_call = cf_future_new_for_func (func_unit, kept);
  CfFuture *floating_call = cf_future_new_for_func (func_unit, floating);

  g_test_summary ("Floating args are taken over, others are referenced.");

  g_assert_true (cf_future_run (kept_call));
  g_assert_true (cf_future_run (floating_call));
  cf_future_unref (kept_call);
  cf_future_unref (floating_call);

  assert_released_once (&floating_probe);
  assert_not_released (&kept_probe);
  g_variant_unref (kept);
  assert_released_once (&kept_probe);
}

/* Releasing what a call had, before the future is done */

typedef CfFuture *(*MakeCall) (Probe *probe);

static CfFuture *
make_func (Probe *probe)
{
  g_autoptr (GVariant) args = probe_variant_new (probe);

  return cf_future_new_for_func (func_unit, args);
}

static CfFuture *
make_task (Probe *probe)
{
  return cf_future_new_for_task (task_nothing, probe, probe_release);
}

static CfFuture *
make_failing_func (Probe *probe)
{
  g_autoptr (GVariant) args = probe_variant_new (probe);

  return cf_future_new_for_func (func_fail, args);
}

static CfFuture *
make_failing_task (Probe *probe)
{
  return cf_future_new_for_task (task_fail, probe, probe_release);
}

static gpointer
except_thread (gpointer data)
{
  settle_error (data);
  return NULL;
}

static gpointer
cancel_thread (gpointer data)
{
  g_assert_true (cf_future_cancel (data));
  return NULL;
}

static gpointer
run_call_thread (gpointer data)
{
  g_assert_true (cf_future_run (data));
  return NULL;
}

typedef struct
{
  const char *path;
  MakeCall    make;
  GThreadFunc end;
} Ending;

static const Ending endings[] = {
  { "/future-call/release/func-run", make_func, run_call_thread },
  { "/future-call/release/task-run", make_task, run_call_thread },
  { "/future-call/release/func-failed", make_failing_func, run_call_thread },
  { "/future-call/release/task-failed", make_failing_task, run_call_thread },
  { "/future-call/release/func-cancelled", make_func, cancel_thread },
  { "/future-call/release/task-cancelled", make_task, cancel_thread },
  { "/future-call/release/func-settled", make_func, settle_int_thread },
  { "/future-call/release/task-settled", make_task, settle_int_thread },
  { "/future-call/release/func-excepted", make_func, except_thread },
  { "/future-call/release/task-excepted", make_task, except_thread },
};

static void
test_released_before_done (gconstpointer data)
{
  const Ending *ending = data;
  Gate          gate;
  Probe         probe = { .gate = &gate };
  gint          called = 0;
  CfFuture     *future = ending->make (&probe);
  GThread      *thread;

  g_test_summary ("While arguments are being released, nobody sees the future done; also if the call never ran.");

  gate_init (&gate);
  cf_future_add_done_callback (future, count_callback, &called, NULL);
  probe.watched = future;
  thread = g_thread_new ("end", ending->end, future);

  gate_await_waiting (&gate, 1);
  g_assert_false (cf_future_is_done (future));
  g_assert_false (cf_future_wait (future, 0));
  g_assert_cmpint (g_atomic_int_get (&called), ==, 0);
  gate_open (&gate);

  g_assert_true (cf_future_wait (future, -1));
  assert_released_once (&probe);
  g_assert_true (probe_get_thread (&probe) == thread);
  g_thread_join (thread);

  g_assert_cmpint (g_atomic_int_get (&called), ==, 1);
  g_assert_false (probe.done_by_then);
  probe.watched = NULL;
  cf_future_unref (future);
  assert_released_once (&probe);
  gate_clear (&gate);
}

static void
test_released_when_dropped (void)
{
  Probe func_probe = { 0 };
  Probe task_probe = { 0 };

  g_test_summary ("A call that nobody ever runs is released with its future.");

  cf_future_unref (make_func (&func_probe));
  cf_future_unref (make_task (&task_probe));

  assert_released_once (&func_probe);
  assert_released_once (&task_probe);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/future-call/func", test_run_func);
  g_test_add_func ("/future-call/unit", test_run_unit);
  g_test_add_func ("/future-call/task", test_run_task);
  g_test_add_func ("/future-call/failures", test_failures);
  g_test_add_func ("/future-call/no-result", test_no_result);
  g_test_add_func ("/future-call/no-function", test_no_function);
  g_test_add_func ("/future-call/value-with-error", test_value_with_error);
  g_test_add_func ("/future-call/null-args", test_null_args);
  g_test_add_func ("/future-call/args-are-referenced", test_args_are_referenced);
  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    g_test_add_data_func (endings[i].path, &endings[i], test_released_before_done);
  g_test_add_func ("/future-call/release/dropped", test_released_when_dropped);

  return g_test_run ();
}
