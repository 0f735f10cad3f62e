/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A future that somebody else is in the middle of asking for something, for however long: what waits for it meanwhile. */

#include "cf-test-waiters.h"
#include "cfutures/cf-future-private.h"

#define N_ROUNDS 500
#define ASKING_MAX_US 3000

typedef struct
{
  CfFuture *target;
  WaitKind  kind;
  gint      phase; /* (atomic): 1: the worker has come, or may go on, 2: both */
} Asked;

static void
come (Asked *self)
{
  g_atomic_int_inc (&self->phase);
  while (g_atomic_int_get (&self->phase) < 2)
    g_thread_yield ();
}

/* The one who asks is the one who waits: so it takes for as long as that does. */
static gboolean
task_wait_while_asking (GValue       *result,
                        GCancellable *cancellable,
                        gpointer      user_data,
                        GError      **error)
{
  Asked *self = user_data;
  g_autoptr (GError) failure = NULL;
  CfAsking asking;

  come (self);
  asking = _cf_future_begin_asking (self->target);
  g_assert_cmpint (asking, ==, CF_ASKING_PENDING);
  g_assert_false (wait_for (self->target, self->kind, -1, &failure));
  g_assert_error (failure, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK);
  _cf_future_end_asking (self->target, asking);

  return task_nothing (result, cancellable, user_data, error);
}

static void
test_hopeless (gconstpointer kind)
{
  CfExecutor *executor = pool_new_without_inline_waits (1);
  g_autoptr (CfFuture) target = task_new ("target", task_int, GINT_TO_POINTER (25));
  Asked asked = { .target = target, .kind = GPOINTER_TO_UINT (kind) };
  g_autoptr (CfFuture) waiting = task_new ("waiting", task_wait_while_asking, &asked);

  g_test_summary ("A wait that can never end is found while its target is asked for something.");

  schedule (executor, waiting);
  schedule (executor, target);
  g_atomic_int_inc (&asked.phase);
  g_assert_true (cf_future_wait (waiting, -1));
  g_assert_cmpint (await_int (target), ==, 25);
  pool_end (executor);
}

static gboolean
task_wait_for_asked (GValue       *result,
                     GCancellable *cancellable,
                     gpointer      user_data,
                     GError      **error)
{
  Asked *self = user_data;

  come (self);
  if (!wait_for (self->target, self->kind, -1, error))
    return FALSE;

  return task_int (result, cancellable, GINT_TO_POINTER (get_int (self->target)), error);
}

static void
ask_for_a_while (Asked *asked)
{
  CfAsking asking;
  gint64   until;

  while (g_atomic_int_get (&asked->phase) < 1)
    g_thread_yield ();
  asking = _cf_future_begin_asking (asked->target);
  g_atomic_int_inc (&asked->phase);
  /* Long enough for the worker to come anywhere in its wait, whatever a look costs here. */
  until = g_get_monotonic_time () + g_test_rand_int_range (0, ASKING_MAX_US);
  while (g_get_monotonic_time () < until)
    ;
  _cf_future_end_asking (asked->target, asking);
}

static void
test_runs_inline (gconstpointer kind)
{
  CfExecutor *executor = pool_new (1);

  g_test_summary ("The only worker runs what it waits for as soon as nobody asks for something any more.");

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr (CfFuture) target = task_new ("target", task_int, GINT_TO_POINTER (25));
      Asked asked = { .target = target, .kind = GPOINTER_TO_UINT (kind) };
      g_autoptr (CfFuture) waiting = task_new ("waiting", task_wait_for_asked, &asked);

      schedule (executor, waiting);
      schedule (executor, target);
      ask_for_a_while (&asked);
      g_assert_cmpint (await_int (waiting), ==, 25);
    }
  pool_end (executor);
}

static void
assert_named (CfFuture   *future,
              const char *name)
{
  g_autofree char *got = NULL;

  g_object_get (future, "name", &got, NULL);
  g_assert_cmpstr (got, ==, name);
}

static void
assert_named_while_asking (CfFuture   *future,
                           const char *name)
{
  CfAsking asking;

  assert_named (future, name);
  asking = _cf_future_begin_asking (future);
  assert_named (future, name);
  _cf_future_end_asking (future, asking);
  assert_named (future, name);
}

static void
test_name (void)
{
  g_autoptr (CfFuture) future = cf_future_new_for_func ((CfFunc) (GCallback) g_variant_new_variant, NULL);

  g_test_summary ("A future goes by the name of its function while it is asked for something.");

  assert_named_while_asking (future, "g_variant_new_variant");
  g_assert_true (cf_future_set_running_or_notify_cancel (future));
  assert_named_while_asking (future, "g_variant_new_variant");
}

static void
test_running (void)
{
  g_autoptr (CfFuture) future = task_new ("running", task_int, GINT_TO_POINTER (25));
  CfAsking asking;

  g_test_summary ("A future that runs cannot be cancelled, which a cancel says at once, whatever it is asked for.");

  g_assert_true (cf_future_set_running_or_notify_cancel (future));
  asking = _cf_future_begin_asking (future);
  g_assert_cmpint (asking, ==, CF_ASKING_RUNNING);
  g_assert_false (cf_future_cancel (future));
  _cf_future_end_asking (future, asking);
  settle_int (future, 1);
}

static void
add (const char *name,
     void (*test) (gconstpointer kind))
{
  for (guint kind = 0; kind < N_WAITS; kind++)
    {
      g_autofree char *path = g_strdup_printf ("/future-asking/%s/%u", name, kind);

      g_test_add_data_func (path, GUINT_TO_POINTER (kind), test);
    }
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  add ("hopeless", test_hopeless);
  add ("runs-inline", test_runs_inline);
  g_test_add_func ("/future-asking/name", test_name);
  g_test_add_func ("/future-asking/running", test_running);

  return g_test_run ();
}
