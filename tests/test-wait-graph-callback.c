/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A done-callback that waits in the worker that calls it. */

#include "cf-test-waiters.h"

#include <string.h>

typedef struct
{
  CfExecutor *executor;
  WaitKind    kind;
  Gate        gate;
  Gate        end; /* of the callback */
  GThread    *inner_thread;
  GThread    *callback_thread;
  gint        got;
  GError     *error;
} Fixture;

static gboolean
task_inner (GValue       *result,
            GCancellable *cancellable,
            gpointer      user_data,
            GError      **error)
{
  ((Fixture *) user_data)->inner_thread = g_thread_self ();

  return task_int (result, cancellable, GINT_TO_POINTER (25), error);
}

static void
wait_in_callback (CfFuture *future G_GNUC_UNUSED,
                  gpointer         user_data)
{
  Fixture *fixture = user_data;
  g_autoptr (CfFuture) inner = submit_task (fixture->executor, task_inner, fixture);

  fixture->callback_thread = g_thread_self ();
  if (wait_for (inner, fixture->kind, -1, &fixture->error))
    fixture->got = get_int (inner);
  else if (fixture->error == NULL)
    /* That wait cannot tell. */
    cf_future_get_result (inner, -1, &fixture->error);
  cf_future_cancel (inner);
  gate_open (&fixture->end);
}

static void
run_callback (Fixture *fixture,
              WaitKind kind,
              gboolean runs_inline)
{
  g_autoptr (CfFuture) future = NULL;

  *fixture = (Fixture){ .executor = pool_new (1), .kind = kind };
  gate_init (&fixture->gate);
  gate_init (&fixture->end);
  g_object_set (fixture->executor, "inline-waits", runs_inline, NULL);

  future = submit_task (fixture->executor, task_gate, &fixture->gate);
  g_object_set (future, "name", "the one with a callback", NULL);
  cf_future_add_done_callback (future, wait_in_callback, fixture, NULL);
  gate_open (&fixture->gate);
  g_assert_cmpint (await_int (future), ==, 42);
  gate_wait (&fixture->end);

  cf_executor_shutdown (fixture->executor, TRUE, FALSE);
  await_finalized (fixture->executor);
  gate_clear (&fixture->gate);
  gate_clear (&fixture->end);
}

static void
test_inline (gconstpointer kind)
{
  Fixture fixture;

  g_test_summary ("What it submits to the pool of its own worker, it runs itself.");

  run_callback (&fixture, GPOINTER_TO_UINT (kind), TRUE);

  g_assert_no_error (fixture.error);
  g_assert_cmpint (fixture.got, ==, 25);
  g_assert_true (fixture.inner_thread == fixture.callback_thread);
}

static void
test_hopeless (gconstpointer kind)
{
  Fixture fixture;

  g_test_summary ("Where it must not, it is told that it waits for ever.");

  run_callback (&fixture, GPOINTER_TO_UINT (kind), FALSE);

  g_assert_error (fixture.error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK);
  g_assert_nonnull (strstr (fixture.error->message, "the one with a callback"));
  g_assert_null (fixture.inner_thread);
  g_clear_error (&fixture.error);
}

static const char *const kinds[] = { "get-result", "get-exception", "wait", "cf-wait", "as-completed" };

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  for (guint i = 0; i < N_WAITS; i++)
    {
      g_autofree char *inline_path = g_strdup_printf ("/wait-graph-callback/inline/%s", kinds[i]);
      g_autofree char *hopeless_path = g_strdup_printf ("/wait-graph-callback/hopeless/%s", kinds[i]);

      g_test_add_data_func (inline_path, GUINT_TO_POINTER (i), test_inline);
      g_test_add_data_func (hopeless_path, GUINT_TO_POINTER (i), test_hopeless);
    }

  return g_test_run ();
}
