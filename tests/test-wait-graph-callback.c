/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What waits in a worker, but in no task: a done-callback, and what releases its data, a result, or whatever else ends with
 * the task. */

#include "cf-test-waiters.h"

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

typedef enum
{
  IN_CALLBACK,
  IN_DATA_OF_CALLBACK,
  IN_RESULT,
  IN_RESULT_TOO_LATE, /* the future had another one by then */
  IN_DATA_OF_FUTURE,
  IN_ITEM_OF_MAP,
  N_PLACES
} Place;

static const char *const places[] = { "callback", "data-of-callback", "result", "result-too-late",
                                      "data-of-future", "item-of-map" };

typedef struct
{
  WaitKind kind;
  Place    place;
} Case;

static gboolean
task_give_object (GValue       *result,
                  GCancellable *cancellable,
                  gpointer      user_data,
                  GError      **error)
{
  Fixture *fixture = user_data;
  GObject *object = g_object_new (G_TYPE_OBJECT, NULL);

  gate_wait (&fixture->gate);
  g_object_set_data_full (object, "fixture", fixture, wait_in_destroy);
  g_value_init (result, G_TYPE_OBJECT);
  g_value_take_object (result, object);

  return TRUE;
}

static GVariant *
func_give_variant (GVariant     *args,
                   GCancellable *cancellable,
                   GError      **error)
{
  Fixture *fixture = variant_to_pointer (args);

  gate_wait (&fixture->gate);

  return g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, "", 1, TRUE, wait_in_destroy, fixture);
}

static void
map (Fixture *fixture)
{
  GVariant     *item = variant_from_pointer (fixture);
  CfResultIter *iter = cf_executor_map (fixture->executor, func_give_variant, g_variant_new_array (NULL, &item, 1), -1, 1, 0, NULL);

  gate_await_waiting (&fixture->gate, 1);
  g_object_unref (iter);
}

/* The worker has the last reference when it comes to the end. */
static void
submit_and_drop (Fixture *fixture,
                 Place    place)
{
  gboolean is_gate = place <= IN_DATA_OF_CALLBACK || place == IN_DATA_OF_FUTURE;
  g_autoptr (CfFuture) future =
    is_gate ? submit_task (fixture->executor, task_gate, &fixture->gate) : submit_task (fixture->executor, task_give_object, fixture);

  g_object_set (future, "name", "the one that ends", NULL);
  if (place == IN_CALLBACK)
    cf_future_add_done_callback (future, wait_in_callback, fixture, NULL);
  else if (place == IN_DATA_OF_CALLBACK)
    cf_future_add_done_callback (future, ignore, fixture, wait_in_destroy);
  else if (place == IN_DATA_OF_FUTURE)
    g_object_set_data_full (G_OBJECT (future), "fixture", fixture, wait_in_destroy);
  gate_await_waiting (&fixture->gate, 1);
  if (place == IN_RESULT_TOO_LATE)
    g_assert_true (cf_future_set_result (future, NULL, NULL));
}

static void
run_case (Fixture    *fixture,
          const Case *how,
          gboolean    runs_inline)
{
  *fixture = (Fixture){ .executor = pool_new (1), .kind = how->kind };
  gate_init (&fixture->gate);
  gate_init (&fixture->end);
  g_object_set (fixture->executor, "inline-waits", runs_inline, NULL);

  if (how->place == IN_ITEM_OF_MAP)
    map (fixture);
  else
    submit_and_drop (fixture, how->place);
  gate_open (&fixture->gate);
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

  run_case (&fixture, how, TRUE);

  g_assert_no_error (fixture.error);
  g_assert_cmpint (fixture.got, ==, 25);
  g_assert_true (fixture.inner_thread == fixture.callback_thread);
}

static void
test_hopeless (gconstpointer data)
{
  const Case *how = data;
  gboolean    has_task = how->place <= IN_DATA_OF_CALLBACK || how->place == IN_RESULT_TOO_LATE;
  Fixture     fixture;

  g_test_summary ("Where it must not, it is told that it waits for ever.");

  run_case (&fixture, how, FALSE);

  g_assert_error (fixture.error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK);
  assert_contains (fixture.error->message, has_task ? "the one that ends" : "the end of a task");
  g_assert_null (fixture.inner_thread);
  g_clear_error (&fixture.error);
}

static const char *const kinds[] = { "get-result", "get-exception", "wait", "cf-wait", "as-completed" };

static void
add (const char   *name,
     const Case   *how,
     GTestDataFunc test)
{
  g_autofree char *path = g_strdup_printf ("/wait-graph-callback/%s/%s/%s", name, places[how->place], kinds[how->kind]);

  g_test_add_data_func_full (path, g_memdup2 (how, sizeof *how), test, g_free);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  for (Place place = 0; place < N_PLACES; place++)
    for (WaitKind kind = 0; kind < N_WAITS; kind++)
      {
        add ("inline", &(Case){ kind, place }, test_inline);
        add ("hopeless", &(Case){ kind, place }, test_hopeless);
      }

  return g_test_run ();
}
