/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A done-callback that waits in the worker that calls it, or whose data wait when they are released there. */

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
wait_in_destroy (gpointer user_data)
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
wait_in_callback (CfFuture *future G_GNUC_UNUSED,
                  gpointer         user_data)
{
  wait_in_destroy (user_data);
}

static void
ignore (CfFuture *future   G_GNUC_UNUSED,
        gpointer user_data G_GNUC_UNUSED)
{
}

/* How it waits, and whether not the callback does, but what releases its data. */
typedef struct
{
  WaitKind kind;
  gboolean in_destroy;
} Case;

static void
run_callback (Fixture    *fixture,
              const Case *how,
              gboolean    runs_inline)
{
  g_autoptr (CfFuture) future = NULL;

  *fixture = (Fixture){ .executor = pool_new (1), .kind = how->kind };
  gate_init (&fixture->gate);
  gate_init (&fixture->end);
  g_object_set (fixture->executor, "inline-waits", runs_inline, NULL);

  future = submit_task (fixture->executor, task_gate, &fixture->gate);
  g_object_set (future, "name", "the one with a callback", NULL);
  if (how->in_destroy)
    cf_future_add_done_callback (future, ignore, fixture, wait_in_destroy);
  else
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
test_inline (gconstpointer how)
{
  Fixture fixture;

  g_test_summary ("What it submits to the pool of its own worker, it runs itself.");

  run_callback (&fixture, how, TRUE);

  g_assert_no_error (fixture.error);
  g_assert_cmpint (fixture.got, ==, 25);
  g_assert_true (fixture.inner_thread == fixture.callback_thread);
}

static void
test_hopeless (gconstpointer how)
{
  Fixture fixture;

  g_test_summary ("Where it must not, it is told that it waits for ever.");

  run_callback (&fixture, how, FALSE);

  g_assert_error (fixture.error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK);
  g_assert_nonnull (strstr (fixture.error->message, "the one with a callback"));
  g_assert_null (fixture.inner_thread);
  g_clear_error (&fixture.error);
}

static const char *const kinds[] = { "get-result", "get-exception", "wait", "cf-wait", "as-completed" };

static void
add_one (const char   *name,
         const char   *kind,
         const Case   *how,
         GTestDataFunc test)
{
  g_autofree char *path = g_strdup_printf ("/wait-graph-callback/%s%s/%s", name, how->in_destroy ? "-in-destroy" : "", kind);

  g_test_add_data_func_full (path, g_memdup2 (how, sizeof *how), test, g_free);
}

static void
add (const char *kind,
     WaitKind    number,
     gboolean    in_destroy)
{
  const Case how = { number, in_destroy };

  add_one ("inline", kind, &how, test_inline);
  add_one ("hopeless", kind, &how, test_hopeless);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  for (guint i = 0; i < N_WAITS; i++)
    {
      add (kinds[i], i, FALSE);
      add (kinds[i], i, TRUE);
    }

  return g_test_run ();
}
