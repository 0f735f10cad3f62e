/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* States, settling by hand, cancelling, asking for the outcome.
 * test-future-call.c has the calls, -callback the callbacks, -race the races, -unref the last reference. */

#include "cf-test.h"

static void
assert_state (CfFuture     *future,
              CfFutureState expected)
{
  CfFutureState property;

  g_object_get (future, "state", &property, NULL);

  g_assert_cmpint (cf_future_get_state (future), ==, expected);
  g_assert_cmpint (property, ==, expected);
  g_assert_cmpint (cf_future_is_running (future), ==, expected == CF_FUTURE_STATE_RUNNING);
  g_assert_cmpint (cf_future_is_cancelled (future), ==, expected == CF_FUTURE_STATE_CANCELLED);
  g_assert_cmpint (cf_future_is_done (future), ==,
                   expected == CF_FUTURE_STATE_FINISHED || expected == CF_FUTURE_STATE_CANCELLED);
}

/* A second outcome is refused and changes nothing. */
static void
assert_settled_for_good (CfFuture *future)
{
  CfFutureState state = cf_future_get_state (future);
  g_autoptr (GError) exception = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "too late");
  g_autoptr (GError) result_error = NULL;
  g_autoptr (GError) exception_error = NULL;
  g_auto (GValue) value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_INT);

  g_assert_false (cf_future_set_result (future, &value, &result_error));
  g_assert_error (result_error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_INVALID_STATE);
  g_assert_false (cf_future_set_exception (future, exception, &exception_error));
  g_assert_error (exception_error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_INVALID_STATE);
  g_assert_false (cf_future_set_result (future, NULL, NULL));
  g_assert_false (cf_future_set_exception (future, exception, NULL));
  g_assert_false (cf_future_set_running_or_notify_cancel (future));
  g_assert_false (cf_future_run (future));

  assert_state (future, state);
}

static void
assert_failed_with_no_such_luck (CfFuture *future)
{
  g_autoptr (GError) from_result = NULL;
  g_autoptr (GError) exception = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_null (cf_future_get_result (future, 0, &from_result));
  g_assert_error (from_result, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_cmpstr (from_result->message, ==, "no such luck");

  g_assert_true (cf_future_get_exception (future, 0, &exception, &error));
  g_assert_no_error (error);
  g_assert_error (exception, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_cmpstr (exception->message, ==, "no such luck");
}

static void
assert_cancelled (CfFuture *future)
{
  g_autoptr (GError) from_result = NULL;
  g_autoptr (GError) from_variant = NULL;
  g_autoptr (GError) from_copy = NULL;
  g_autoptr (GError) from_exception = NULL;
  g_autoptr (GError) exception = NULL;
  g_auto (GValue) value = G_VALUE_INIT;

  assert_state (future, CF_FUTURE_STATE_CANCELLED);
  g_assert_true (cf_future_wait (future, -1));

  g_assert_null (cf_future_get_result (future, -1, &from_result));
  g_assert_error (from_result, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_null (cf_future_dup_variant (future, -1, &from_variant));
  g_assert_error (from_variant, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (cf_future_copy_result (future, -1, &value, &from_copy));
  g_assert_error (from_copy, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (cf_future_get_exception (future, -1, &exception, &from_exception));
  g_assert_error (from_exception, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_no_error (exception);
}

static void
test_new_is_pending (void)
{
  g_autoptr (CfFuture) bare = cf_future_new ();
  g_autoptr (CfFuture) func = cf_future_new_for_func (func_never, NULL);
  g_autoptr (CfFuture) task = cf_future_new_for_task (task_never, NULL, NULL);

  g_test_summary ("A new future is pending, whatever it carries, and does not run by itself.");

  assert_state (bare, CF_FUTURE_STATE_PENDING);
  assert_state (func, CF_FUTURE_STATE_PENDING);
  assert_state (task, CF_FUTURE_STATE_PENDING);
}

static void
test_result_by_hand (void)
{
  g_autoptr (CfFuture) pending = cf_future_new ();
  g_autoptr (CfFuture) running = cf_future_new ();

  g_test_summary ("A result can be set on a pending and on a running future, once.");

  settle_int (pending, 1);
  assert_state (pending, CF_FUTURE_STATE_FINISHED);
  assert_settled_for_good (pending);
  g_assert_cmpint (get_int (pending), ==, 1);

  g_assert_true (cf_future_set_running_or_notify_cancel (running));
  assert_state (running, CF_FUTURE_STATE_RUNNING);
  settle_int (running, 2);
  assert_state (running, CF_FUTURE_STATE_FINISHED);
  assert_settled_for_good (running);
  g_assert_cmpint (get_int (running), ==, 2);
}

static void
test_exception_by_hand (void)
{
  g_autoptr (CfFuture) pending = cf_future_new ();
  g_autoptr (CfFuture) running = cf_future_new ();

  g_test_summary ("An error can be set on a pending and on a running future, once.");

  settle_error (pending);
  assert_state (pending, CF_FUTURE_STATE_FINISHED);
  assert_settled_for_good (pending);
  assert_failed_with_no_such_luck (pending);

  g_assert_true (cf_future_set_running_or_notify_cancel (running));
  settle_error (running);
  assert_state (running, CF_FUTURE_STATE_FINISHED);
  assert_settled_for_good (running);
  assert_failed_with_no_such_luck (running);
}

static void
test_no_value_by_hand (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) exception = NULL;

  g_test_summary ("A NULL value is success with no value: nothing to get, and no error.");

  g_assert_true (cf_future_set_result (future, NULL, &error));
  g_assert_no_error (error);
  assert_state (future, CF_FUTURE_STATE_FINISHED);

  g_assert_null (cf_future_get_result (future, -1, &error));
  g_assert_no_error (error);
  g_assert_null (cf_future_dup_variant (future, -1, &error));
  g_assert_no_error (error);
  g_assert_true (cf_future_get_exception (future, -1, &exception, &error));
  g_assert_no_error (exception);
  g_assert_no_error (error);
}

static void
test_exception_of_success (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();
  g_autoptr (GError) exception = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("The exception of a success is NULL, and asking for it succeeds.");

  settle_int (future, 1);
  g_assert_true (cf_future_get_exception (future, 0, &exception, &error));
  g_assert_no_error (exception);
  g_assert_no_error (error);
}

static void
test_result_is_copied (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();
  g_auto (GValue) value = G_VALUE_INIT;
  g_auto (GValue) copy = G_VALUE_INIT;
  g_autoptr (GError) error = NULL;

  g_test_summary ("The value given stays the caller's; the value got is the future's, and can be copied.");

  g_value_init (&value, G_TYPE_STRING);
  g_value_set_string (&value, "first");
  g_assert_true (cf_future_set_result (future, &value, &error));
  g_value_set_string (&value, "second");

  g_assert_cmpstr (g_value_get_string (cf_future_get_result (future, 0, &error)), ==, "first");
  g_assert_true (cf_future_get_result (future, 0, NULL) == cf_future_get_result (future, -1, NULL));

  g_assert_true (cf_future_copy_result (future, 0, &copy, &error));
  g_assert_no_error (error);
  g_value_set_string (&copy, "third");
  g_assert_cmpstr (g_value_get_string (cf_future_get_result (future, 0, &error)), ==, "first");
}

static void
test_exception_is_copied (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();
  GError *exception = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "no such luck");

  g_test_summary ("The error given stays the caller's.");

  g_assert_true (cf_future_set_exception (future, exception, NULL));
  g_error_free (exception);

  assert_failed_with_no_such_luck (future);
  assert_failed_with_no_such_luck (future);
}

static void
test_unset_value (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();
  g_auto (GValue) unset = G_VALUE_INIT;
  g_autoptr (GError) error = NULL;

  g_test_summary ("An unset value is no value, as NULL is.");

  g_assert_true (cf_future_set_result (future, &unset, &error));
  g_assert_null (cf_future_get_result (future, 0, &error));
  g_assert_null (cf_future_dup_variant (future, 0, &error));
  g_assert_no_error (error);
}

static void
test_variant_of_results (void)
{
  g_autoptr (CfFuture) variant = cf_future_new ();
  g_autoptr (CfFuture) integer = cf_future_new ();
  g_auto (GValue) value = G_VALUE_INIT;
  g_autoptr (GVariant) first = NULL;
  g_autoptr (GVariant) second = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("dup_variant() gives references to a GVariant, and says NOT_SUPPORTED to anything else.");

  g_value_init (&value, G_TYPE_VARIANT);
  g_value_set_variant (&value, g_variant_new_string ("text"));
  g_assert_true (cf_future_set_result (variant, &value, &error));
  first = cf_future_dup_variant (variant, 0, &error);
  g_assert_no_error (error);
  second = cf_future_dup_variant (variant, 0, &error);
  g_assert_no_error (error);
  g_assert_false (g_variant_is_floating (first));
  g_assert_cmpstr (g_variant_get_string (first, NULL), ==, "text");
  g_assert_true (g_variant_equal (first, second));

  settle_int (integer, 1);
  g_assert_null (cf_future_dup_variant (integer, 0, &error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SUPPORTED);
}

static void
test_running_once (void)
{
  g_autoptr (CfFuture) future = cf_future_new_for_task (task_never, NULL, NULL);

  g_test_summary ("A running future is not started again, and cannot be cancelled.");

  g_assert_true (cf_future_set_running_or_notify_cancel (future));
  g_assert_false (cf_future_set_running_or_notify_cancel (future));
  g_assert_false (cf_future_run (future));
  g_assert_false (cf_future_cancel (future));

  assert_state (future, CF_FUTURE_STATE_RUNNING);
  settle_int (future, 1);
}

static void
test_cancel_finished (void)
{
  g_autoptr (CfFuture) succeeded = cf_future_new ();
  g_autoptr (CfFuture) failed = cf_future_new ();

  g_test_summary ("A finished future cannot be cancelled.");

  settle_int (succeeded, 1);
  settle_error (failed);

  g_assert_false (cf_future_cancel (succeeded));
  g_assert_false (cf_future_cancel (failed));
  assert_state (succeeded, CF_FUTURE_STATE_FINISHED);
  assert_state (failed, CF_FUTURE_STATE_FINISHED);
}

static void
test_cancel (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();

  g_test_summary ("Cancelling a pending future is final, and may be said twice.");

  g_assert_true (cf_future_cancel (future));
  assert_cancelled (future);
  g_assert_true (cf_future_cancel (future));
  assert_settled_for_good (future);
  assert_cancelled (future);
  g_assert_true (cf_future_cancel (future));
}

static void
test_cancel_in_two_steps (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();
  g_autoptr (GPtrArray) not_done = NULL;
  g_autoptr (GPtrArray) done = NULL;
  gint called = 0;

  g_test_summary ("get_result() and callbacks see the cancel of a bare future at once, cf_wait() when it is notified.");

  cf_future_add_done_callback (future, count_callback, &called, NULL);
  g_assert_true (cf_future_cancel (future));
  g_assert_cmpint (called, ==, 1);
  assert_cancelled (future);
  g_assert_false (cf_wait (&future, 1, CF_ALL_COMPLETED, 0, NULL, &not_done, NULL));
  g_assert_cmpuint (not_done->len, ==, 1);

  g_assert_false (cf_future_set_running_or_notify_cancel (future));
  g_assert_true (cf_wait (&future, 1, CF_ALL_COMPLETED, 0, &done, NULL, NULL));
  g_assert_cmpuint (done->len, ==, 1);
  g_assert_cmpint (called, ==, 1);
}

static void
test_run_of_cancelled (void)
{
  g_autoptr (CfFuture) future = cf_future_new_for_task (task_never, NULL, NULL);

  g_test_summary ("cf_future_run() of a cancelled future runs nothing, and is the second step of the cancel.");

  g_assert_true (cf_future_cancel (future));
  g_assert_false (cf_wait (&future, 1, CF_ALL_COMPLETED, 0, NULL, NULL, NULL));
  g_assert_false (cf_future_run (future));
  g_assert_true (cf_wait (&future, 1, CF_ALL_COMPLETED, 0, NULL, NULL, NULL));
  assert_cancelled (future);
}

static void
assert_times_out (CfFuture *future,
                  gint64    timeout)
{
  g_autoptr (GError) from_result = NULL;
  g_autoptr (GError) from_variant = NULL;
  g_autoptr (GError) from_copy = NULL;
  g_autoptr (GError) from_exception = NULL;
  g_autoptr (GError) exception = NULL;
  g_auto (GValue) value = G_VALUE_INIT;

  g_assert_false (cf_future_wait (future, timeout));
  g_assert_null (cf_future_get_result (future, timeout, &from_result));
  g_assert_error (from_result, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_null (cf_future_dup_variant (future, timeout, &from_variant));
  g_assert_error (from_variant, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_false (cf_future_copy_result (future, timeout, &value, &from_copy));
  g_assert_error (from_copy, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_false (cf_future_get_exception (future, timeout, &exception, &from_exception));
  g_assert_error (from_exception, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_no_error (exception);
}

static void
test_time_out (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();

  g_test_summary ("Pending and running futures time out, also with time-out 0, and can be asked again.");

  assert_times_out (future, 0);
  assert_times_out (future, 1000);
  g_assert_true (cf_future_set_running_or_notify_cancel (future));
  assert_times_out (future, 0);
  assert_times_out (future, 1000);

  settle_int (future, 7);
  g_assert_true (cf_future_wait (future, 0));
  g_assert_cmpint (get_int (future), ==, 7);
}

static gpointer
wait_thread (gpointer data)
{
  return GINT_TO_POINTER (cf_future_wait (data, -1));
}

static gpointer
result_thread (gpointer data)
{
  const GValue *result = cf_future_get_result (data, -1, NULL);

  return GINT_TO_POINTER (result == NULL ? -1 : g_value_get_int (result));
}

static gpointer
timed_thread (gpointer data)
{
  return GINT_TO_POINTER (cf_future_wait (data, TEST_WATCHDOG_SECONDS * G_USEC_PER_SEC));
}

static void
test_many_waiters (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();
  GThread *waiting[8];
  GThread *getting[8];
  GThread *timed[8];

  g_test_summary ("All who wait are told, those without a time-out and those with one.");

  for (guint i = 0; i < 8; i++)
    {
      waiting[i] = g_thread_new ("wait", wait_thread, future);
      getting[i] = g_thread_new ("result", result_thread, future);
      timed[i] = g_thread_new ("timed", timed_thread, future);
    }

  settle_int (future, 5);

  for (guint i = 0; i < 8; i++)
    {
      g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (waiting[i])), ==, TRUE);
      g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (getting[i])), ==, 5);
      g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (timed[i])), ==, TRUE);
    }
}

static void
test_waiters_see_cancel (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();
  GThread *waiting = g_thread_new ("wait", wait_thread, future);
  GThread *getting = g_thread_new ("result", result_thread, future);

  g_test_summary ("A cancel wakes who waits for a bare future, without the second step.");

  g_assert_true (cf_future_cancel (future));

  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (waiting)), ==, TRUE);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (getting)), ==, -1);
}

static void
test_name (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();
  g_autofree char *unset = NULL;
  g_autofree char *set = NULL;

  g_test_summary ("A name can be given; without a function and a name there is none.");

  g_object_get (future, "name", &unset, NULL);
  g_assert_null (unset);

  g_object_set (future, "name", "square", NULL);
  g_object_get (future, "name", &set, NULL);
  g_assert_cmpstr (set, ==, "square");
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/future/new-is-pending", test_new_is_pending);
  g_test_add_func ("/future/result-by-hand", test_result_by_hand);
  g_test_add_func ("/future/exception-by-hand", test_exception_by_hand);
  g_test_add_func ("/future/no-value-by-hand", test_no_value_by_hand);
  g_test_add_func ("/future/exception-of-success", test_exception_of_success);
  g_test_add_func ("/future/result-is-copied", test_result_is_copied);
  g_test_add_func ("/future/exception-is-copied", test_exception_is_copied);
  g_test_add_func ("/future/variant-of-results", test_variant_of_results);
  g_test_add_func ("/future/unset-value", test_unset_value);
  g_test_add_func ("/future/running-once", test_running_once);
  g_test_add_func ("/future/cancel-finished", test_cancel_finished);
  g_test_add_func ("/future/cancel", test_cancel);
  g_test_add_func ("/future/cancel-in-two-steps", test_cancel_in_two_steps);
  g_test_add_func ("/future/run-of-cancelled", test_run_of_cancelled);
  g_test_add_func ("/future/time-out", test_time_out);
  g_test_add_func ("/future/many-waiters", test_many_waiters);
  g_test_add_func ("/future/waiters-see-cancel", test_waiters_see_cancel);
  g_test_add_func ("/future/name", test_name);

  return g_test_run ();
}
