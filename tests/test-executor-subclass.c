/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What CfExecutor does for a class that overrides schedule() and shutdown(). */

#include "cf-test-executors.h"

typedef struct
{
  HeldLog     log;
  CfExecutor *executor;
} Fixture;

static void
set_up (Fixture      *fixture,
        gconstpointer data)
{
  fixture->executor = held_executor_new (&fixture->log);
}

static void
tear_down (Fixture      *fixture,
           gconstpointer data)
{
  if (fixture->executor != NULL)
    g_assert_finalize_object (fixture->executor);
}

static void
test_schedule (Fixture      *fixture,
               gconstpointer data)
{
  g_autoptr (CfFuture) one = submit (fixture->executor, func_double, g_variant_new_int64 (2));
  g_autoptr (CfFuture) two = submit_task (fixture->executor, task_int, GINT_TO_POINTER (3));
  g_autoptr (CfFuture) three = task_new ("three", task_int, GINT_TO_POINTER (4));

  g_test_summary ("Each way to submit calls schedule() once, with a pending future.");

  schedule (fixture->executor, three);
  g_assert_cmpuint (fixture->log.n_scheduled, ==, 3);
  g_assert_cmpint (cf_future_get_state (one), ==, CF_FUTURE_STATE_PENDING);
  g_assert_cmpuint (held_executor_run_all (fixture->executor), ==, 3);
  g_assert_cmpint (await_int64 (one), ==, 4);
  g_assert_cmpint (await_int (two), ==, 3);
  g_assert_cmpint (await_int (three), ==, 4);
}

static void
test_schedule_twice (Fixture      *fixture,
                     gconstpointer data)
{
  g_autoptr (CfFuture) future = submit_task (fixture->executor, task_int, GINT_TO_POINTER (3));
  g_autoptr (GError) error = NULL;
  HeldLog other_log = { 0 };
  g_autoptr (CfExecutor) other = held_executor_new (&other_log);

  g_test_summary ("A second schedule() is refused before the subclass hears of it, in another executor too.");

  g_assert_false (cf_executor_schedule (fixture->executor, future, &error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_INVALID_STATE);
  g_assert_false (cf_executor_schedule (other, future, NULL));
  g_assert_cmpuint (fixture->log.n_scheduled, ==, 1);
  g_assert_cmpuint (other_log.n_scheduled, ==, 0);
  g_assert_cmpuint (held_executor_run_all (fixture->executor), ==, 1);
  g_assert_cmpint (await_int (future), ==, 3);
}

static void
test_refusal (Fixture      *fixture,
              gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  Probe probe = { 0 };

  g_test_summary ("When schedule() fails, submit() gives its error and releases the data.");

  fixture->log.refuse = TRUE;
  g_assert_null (cf_executor_submit_task (fixture->executor, task_never, &probe, probe_release, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);
  g_assert_cmpstr (error->message, ==, "no room");
  assert_released_once (&probe);
  g_assert_null (cf_executor_submit (fixture->executor, func_never, NULL, NULL));
  g_assert_cmpuint (fixture->log.n_scheduled, ==, 2);
}

static void
test_refusal_without_reason (Fixture      *fixture,
                             gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("When schedule() fails without an error, submit() gives one; what is done by then was not refused.");

  fixture->log.refuse_mutely = TRUE;
  g_assert_null (cf_executor_submit (fixture->executor, func_never, NULL, &error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT);
  g_assert_nonnull (strstr (error->message, "TestHeldExecutor"));
  g_assert_null (cf_executor_submit (fixture->executor, func_never, NULL, NULL));

  fixture->log.answer = TRUE;
  {
    g_autoptr (CfFuture) future = submit (fixture->executor, func_never, NULL);

    g_assert_cmpint (cf_future_get_state (future), ==, CF_FUTURE_STATE_FINISHED);
  }
}

static void
test_refused_after_shutdown (Fixture      *fixture,
                             gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("After shutdown() the base class refuses, and schedule() is not called.");

  cf_executor_shutdown (fixture->executor, TRUE, TRUE);
  g_assert_true (cf_executor_is_shutdown (fixture->executor));
  g_assert_null (cf_executor_submit (fixture->executor, func_never, NULL, &error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SHUTDOWN);
  g_assert_cmpuint (fixture->log.n_scheduled, ==, 0);
}

static void
test_shutdown_arguments (Fixture      *fixture,
                         gconstpointer wish)
{
  gboolean wait = (GPOINTER_TO_UINT (wish) & 1) != 0;
  gboolean cancel_futures = (GPOINTER_TO_UINT (wish) & 2) != 0;

  g_test_summary ("shutdown() is called with what the caller said.");

  cf_executor_shutdown (fixture->executor, wait, cancel_futures);
  g_assert_cmpuint (fixture->log.n_shutdown, ==, 1);
  g_assert_cmpint (fixture->log.wait, ==, wait);
  g_assert_cmpint (fixture->log.cancel_futures, ==, cancel_futures);
}

static void
test_shutdown_async (Fixture      *fixture,
                     gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("shutdown_async() is shutdown() without waiting at once, and with it elsewhere, with the same wish.");

  cf_executor_shutdown_async (fixture->executor, TRUE, NULL, keep_result, &result);
  g_assert_true (cf_executor_is_shutdown (fixture->executor));
  await_result (NULL, &result);

  g_assert_true (cf_executor_shutdown_finish (fixture->executor, result, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (fixture->log.n_shutdown, ==, 2);
  g_assert_false (fixture->log.wait);
  g_assert_true (fixture->log.cancel_futures);
  g_assert_true (fixture->log.last_wait);
  g_assert_true (fixture->log.last_cancel_futures);
}

static void
test_last_unref (Fixture      *fixture,
                 gconstpointer data)
{
  g_test_summary ("The last reference is shutdown (FALSE, FALSE), once.");

  fixture->log.wait = TRUE;
  fixture->log.cancel_futures = TRUE;
  g_assert_finalize_object (g_steal_pointer (&fixture->executor));
  g_assert_cmpuint (fixture->log.n_shutdown, ==, 1);
  g_assert_false (fixture->log.wait);
  g_assert_false (fixture->log.cancel_futures);
}

static void
test_cancelled_before_run (Fixture      *fixture,
                           gconstpointer data)
{
  g_autoptr (CfFuture) future = submit_task (fixture->executor, task_never, NULL);

  g_test_summary ("A future that was cancelled while the subclass held it does not run.");

  g_assert_true (cf_future_cancel (future));
  g_assert_cmpuint (held_executor_run_all (fixture->executor), ==, 1);
  assert_failed (future, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_dropped_while_held (Fixture      *fixture,
                         gconstpointer data)
{
  Probe probe = { 0 };

  g_test_summary ("A subclass that drops a future without running it leaks nothing.");

  cf_future_unref (cf_executor_submit_task (fixture->executor, task_never, &probe, probe_release, NULL));
  assert_not_released (&probe);
  g_assert_finalize_object (g_steal_pointer (&fixture->executor));
  assert_released_once (&probe);
}

static void
test_name (Fixture      *fixture,
           gconstpointer data)
{
  g_autoptr (CfExecutor) executor = g_object_new (TEST_TYPE_INLINE_EXECUTOR, "name", "in line", "max-workers", 3, NULL);
  g_autofree char *name = NULL;

  g_test_summary ("name and max-workers are set at construction.");

  g_object_get (executor, "name", &name, NULL);
  g_assert_cmpstr (name, ==, "in line");
  g_assert_cmpuint (get_count (executor, "max-workers"), ==, 3);
}

/* Misuse; each in a process of its own, where criticals are fatal. */

static void
misuse_null_executor (void)
{
  cf_executor_submit (NULL, func_unit, NULL, NULL);
}

static void
misuse_null_function (void)
{
  HeldLog log = { 0 };

  cf_executor_submit (held_executor_new (&log), NULL, NULL, NULL);
}

static void
misuse_null_task (void)
{
  HeldLog log = { 0 };

  cf_executor_submit_task (held_executor_new (&log), NULL, NULL, NULL, NULL);
}

static void
misuse_null_name (void)
{
  HeldLog log = { 0 };

  cf_executor_submit_named (held_executor_new (&log), NULL, NULL, NULL);
}

static void
misuse_null_future (void)
{
  HeldLog log = { 0 };

  cf_executor_schedule (held_executor_new (&log), NULL, NULL);
}

static void
misuse_null_shutdown (void)
{
  cf_executor_shutdown (NULL, TRUE, TRUE);
}

static void
misuse_map_no_array (void)
{
  HeldLog log = { 0 };

  cf_executor_map (held_executor_new (&log), func_unit, g_variant_new_int64 (1), -1, 1, 0, NULL);
}

static void
misuse_map_no_chunk (void)
{
  HeldLog log = { 0 };

  cf_executor_map (held_executor_new (&log), func_unit, g_variant_new_parsed ("[1]"), -1, 0, 0, NULL);
}

static void
misuse_map_no_items (void)
{
  HeldLog log = { 0 };

  cf_executor_map (held_executor_new (&log), func_unit, NULL, -1, 1, 0, NULL);
}

static const struct
{
  const char *path;
  void (*call) (void);
} misuses[] = {
  { "/executor-subclass/misuse/null-executor", misuse_null_executor },
  { "/executor-subclass/misuse/null-function", misuse_null_function },
  { "/executor-subclass/misuse/null-task", misuse_null_task },
  { "/executor-subclass/misuse/null-name", misuse_null_name },
  { "/executor-subclass/misuse/null-future", misuse_null_future },
  { "/executor-subclass/misuse/null-shutdown", misuse_null_shutdown },
  { "/executor-subclass/misuse/map-no-array", misuse_map_no_array },
  { "/executor-subclass/misuse/map-no-chunk", misuse_map_no_chunk },
  { "/executor-subclass/misuse/map-no-items", misuse_map_no_items },
};

static void
test_misuse (gconstpointer data)
{
  void (*const *call) (void) = data;

  g_test_summary ("A programming error is a critical.");

  if (g_test_subprocess ())
    {
      (*call) ();
      return;
    }

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*CRITICAL*");
}

#define ADD(path, data, test) g_test_add ("/executor-subclass/" path, Fixture, data, set_up, test, tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("schedule", NULL, test_schedule);
  ADD ("schedule-twice", NULL, test_schedule_twice);
  ADD ("refusal", NULL, test_refusal);
  ADD ("refusal-without-reason", NULL, test_refusal_without_reason);
  ADD ("refused-after-shutdown", NULL, test_refused_after_shutdown);
  ADD ("shutdown/ff", GUINT_TO_POINTER (0), test_shutdown_arguments);
  ADD ("shutdown/tf", GUINT_TO_POINTER (1), test_shutdown_arguments);
  ADD ("shutdown/ft", GUINT_TO_POINTER (2), test_shutdown_arguments);
  ADD ("shutdown/tt", GUINT_TO_POINTER (3), test_shutdown_arguments);
  ADD ("shutdown-async", NULL, test_shutdown_async);
  ADD ("last-unref", NULL, test_last_unref);
  ADD ("cancelled-before-run", NULL, test_cancelled_before_run);
  ADD ("dropped-while-held", NULL, test_dropped_while_held);
  ADD ("name", NULL, test_name);
  for (guint i = 0; i < G_N_ELEMENTS (misuses); i++)
    g_test_add_data_func (misuses[i].path, &misuses[i].call, test_misuse);

  return g_test_run ();
}
