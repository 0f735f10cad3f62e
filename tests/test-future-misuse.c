/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A programming error is a critical, and then the function does nothing. */

#include "cf-test.h"

/* Calls that break the rules; each in a process of its own, where criticals are fatal. */

static void
null_get_state (void)
{
  cf_future_get_state (NULL);
}

static void
null_is_running (void)
{
  cf_future_is_running (NULL);
}

static void
null_is_cancelled (void)
{
  cf_future_is_cancelled (NULL);
}

static void
null_is_done (void)
{
  cf_future_is_done (NULL);
}

static void
null_cancel (void)
{
  cf_future_cancel (NULL);
}

static void
null_wait (void)
{
  cf_future_wait (NULL, 0);
}

static void
null_get_result (void)
{
  cf_future_get_result (NULL, 0, NULL);
}

static void
null_dup_variant (void)
{
  cf_future_dup_variant (NULL, 0, NULL);
}

static void
null_copy_result (void)
{
  g_auto (GValue) value = G_VALUE_INIT;

  cf_future_copy_result (NULL, 0, &value, NULL);
}

static void
null_get_exception (void)
{
  cf_future_get_exception (NULL, 0, NULL, NULL);
}

static void
null_wait_async (void)
{
  cf_future_wait_async (NULL, NULL, NULL, NULL);
}

static void
null_add_done_callback (void)
{
  cf_future_add_done_callback (NULL, count_callback, NULL, NULL);
}

static void
null_set_running (void)
{
  cf_future_set_running_or_notify_cancel (NULL);
}

static void
null_set_result (void)
{
  cf_future_set_result (NULL, NULL, NULL);
}

static void
null_set_exception (void)
{
  g_autoptr (GError) error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "failed");

  cf_future_set_exception (NULL, error, NULL);
}

static void
null_run (void)
{
  cf_future_run (NULL);
}

static void
null_unref (void)
{
  cf_future_unref (NULL);
}

static void
null_get_cancellable (void)
{
  cf_future_get_cancellable (NULL);
}

static void
null_iter_next (void)
{
  cf_future_iter_next (NULL, NULL);
}

static void
no_function (void)
{
  cf_future_new_for_func (NULL, NULL);
}

static void
no_task (void)
{
  cf_future_new_for_task (NULL, NULL, NULL);
}

static void
no_callback (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();

  cf_future_add_done_callback (future, NULL, NULL, NULL);
}

static void
no_exception (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();

  cf_future_set_exception (future, NULL, NULL);
}

static void
other_object (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  cf_future_get_state ((CfFuture *) (gpointer) cancellable);
}

static void
wait_for_null_array (void)
{
  cf_wait (NULL, 1, CF_ALL_COMPLETED, 0, NULL, NULL, NULL);
}

static void
complete_null_array (void)
{
  cf_as_completed (NULL, 1, 0);
}

static void
set_state (void)
{
  g_autoptr (CfFuture) future = cf_future_new ();

  g_object_set (future, "state", CF_FUTURE_STATE_FINISHED, NULL);
}

typedef struct
{
  const char *path;
  void (*call) (void);
} Misuse;

static const Misuse misuses[] = {
  { "/future-misuse/null/get-state", null_get_state },
  { "/future-misuse/null/is-running", null_is_running },
  { "/future-misuse/null/is-cancelled", null_is_cancelled },
  { "/future-misuse/null/is-done", null_is_done },
  { "/future-misuse/null/cancel", null_cancel },
  { "/future-misuse/null/wait", null_wait },
  { "/future-misuse/null/get-result", null_get_result },
  { "/future-misuse/null/dup-variant", null_dup_variant },
  { "/future-misuse/null/copy-result", null_copy_result },
  { "/future-misuse/null/get-exception", null_get_exception },
  { "/future-misuse/null/wait-async", null_wait_async },
  { "/future-misuse/null/add-done-callback", null_add_done_callback },
  { "/future-misuse/null/set-running", null_set_running },
  { "/future-misuse/null/set-result", null_set_result },
  { "/future-misuse/null/set-exception", null_set_exception },
  { "/future-misuse/null/run", null_run },
  { "/future-misuse/null/unref", null_unref },
  { "/future-misuse/null/get-cancellable", null_get_cancellable },
  { "/future-misuse/null/iter-next", null_iter_next },
  { "/future-misuse/no-function", no_function },
  { "/future-misuse/no-task", no_task },
  { "/future-misuse/no-callback", no_callback },
  { "/future-misuse/no-exception", no_exception },
  { "/future-misuse/other-object", other_object },
  { "/future-misuse/wait-for-null-array", wait_for_null_array },
  { "/future-misuse/complete-null-array", complete_null_array },
  { "/future-misuse/set-state", set_state },
};

static void
test_misuse (gconstpointer data)
{
  const Misuse *misuse = data;

  g_test_summary ("The call is refused with a message for the programmer.");

  if (g_test_subprocess ())
    {
      misuse->call ();
      return;
    }

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_failed ();
  if (misuse->call == set_state)
    g_test_trap_assert_stderr ("*not writable*");
  else
    g_test_trap_assert_stderr ("*CRITICAL*");
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (misuses); i++)
    g_test_add_data_func (misuses[i].path, &misuses[i], test_misuse);

  return g_test_run ();
}
