/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Workers that wait for many futures. */

#include "cf-test-waiters.h"

/* More than fit on a stack of waits, by far. */
#define N_CHILDREN 20000

/* More than a worker looks at before it sleeps. */
#define N_SOME 1000

typedef struct
{
  CfExecutor  *executor;
  CfFuture   **futures; /* (owned): n_own of them are queued in the executor when the wait begins, in front */
  guint        n_futures;
  guint        n_own;
  CfReturnWhen return_when;
  CfFuture    *outside;   /* (nullable): that a child fails by hand */
  gint         n_ran;     /* (atomic) */
  guint        n_inline;  /* the task, then the main thread: how many had run when the wait was over */
  gint         thread_id; /* (atomic): of the task that waits */
} Many;

static void
many_init (Many       *self,
           CfExecutor *executor,
           guint       n_futures,
           guint       n_own)
{
  *self = (Many){ .executor = executor, .n_futures = n_futures, .n_own = n_own };
  self->futures = g_new (CfFuture *, n_futures);
  for (guint i = n_own; i < n_futures; i++)
    self->futures[i] = cf_future_new ();
}

static void
many_clear (Many *self)
{
  cf_executor_shutdown (self->executor, TRUE, FALSE);
  await_finalized (self->executor);
  for (guint i = 0; i < self->n_futures; i++)
    g_assert_finalize_object (self->futures[i]);
  g_free (self->futures);
}

static gboolean
task_child (GValue       *result,
            GCancellable *cancellable,
            gpointer      user_data,
            GError      **error)
{
  Many *self = user_data;

  if (g_atomic_int_add (&self->n_ran, 1) == 0 && self->outside != NULL)
    settle_error (self->outside);

  return task_nothing (result, cancellable, NULL, error);
}

static void
submit_children (Many *self)
{
  for (guint i = 0; i < self->n_own; i++)
    self->futures[i] = submit_task (self->executor, task_child, self);
  g_atomic_int_set (&self->thread_id, thread_id ());
}

static void
many_await_asleep (Many *self)
{
  while (g_atomic_int_get (&self->thread_id) == 0)
    g_thread_yield ();
  await_asleep (g_atomic_int_get (&self->thread_id));
}

static gboolean
task_wait_many (GValue       *result,
                GCancellable *cancellable,
                gpointer      user_data,
                GError      **error)
{
  Many    *self = user_data;
  gboolean met;

  submit_children (self);
  met = cf_wait (self->futures, self->n_futures, self->return_when, -1, NULL, NULL, error);
  self->n_inline = (guint) g_atomic_int_get (&self->n_ran);

  return met && task_nothing (result, cancellable, NULL, error);
}

static void
await_wait (Many *self)
{
  g_autoptr (CfFuture) future = submit_task (self->executor, task_wait_many, self);
  g_autoptr (GError) error = NULL;

  cf_future_get_result (future, -1, &error);
  g_assert_no_error (error);
}

static void
test_inline (gconstpointer return_when)
{
  const guint n = N_CHILDREN;
  Many        many;

  g_test_summary ("A worker runs very many that it waits for, each at the same cost.");

  many_init (&many, pool_new (1), n, n);
  many.return_when = (CfReturnWhen) GPOINTER_TO_UINT (return_when);
  await_wait (&many);
  g_assert_cmpuint (many.n_inline, ==, n);
  many_clear (&many);
}

static void
test_failed_elsewhere (void)
{
  Many many;

  g_test_summary ("FIRST_EXCEPTION: a worker that runs what it waits for soon sees that another one has failed.");

  many_init (&many, pool_new (1), N_SOME + 1, N_SOME);
  many.return_when = CF_FIRST_EXCEPTION;
  many.outside = many.futures[N_SOME];
  await_wait (&many);
  g_assert_cmpuint (many.n_inline, <, N_SOME / 2);
  many_clear (&many);
}

static gboolean
task_iterate (GValue       *result,
              GCancellable *cancellable,
              gpointer      user_data,
              GError      **error)
{
  Many *self = user_data;
  g_autoptr (CfFutureIter) iter = NULL;
  CfFuture *future;
  guint     n_seen = 0;

  submit_children (self);
  iter = cf_as_completed (self->futures, self->n_futures, -1);
  for (; (future = cf_future_iter_next (iter, error)) != NULL; n_seen++)
    cf_future_unref (future);

  return task_int (result, cancellable, GUINT_TO_POINTER (n_seen), NULL) && *error == NULL;
}

static void
test_looks_at_few (void)
{
  g_autoptr (CfFuture) future = NULL;
  Many many;

  g_test_summary ("A worker that sleeps in as_completed() has taken a few in hand, not all that are left.");

  many_init (&many, pool_new (1), N_SOME, 0);
  future = submit_task (many.executor, task_iterate, &many);
  many_await_asleep (&many);
  /* The test's reference and the iterator's. */
  g_assert_cmpuint (g_atomic_int_get ((gint *) &G_OBJECT (many.futures[N_SOME - 1])->ref_count), ==, 2);
  for (guint i = 0; i < N_SOME; i++)
    settle_int (many.futures[i], 1);
  g_assert_cmpint (await_int (future), ==, N_SOME);
  many_clear (&many);
}

static void
test_beyond_few (void)
{
  g_autoptr (CfFuture) future = NULL;
  g_autoptr (GError) error = NULL;
  Many many;

  g_test_summary ("as_completed() in a worker goes on while the last of many can come, and ends when none can.");

  many_init (&many, pool_new_without_inline_waits (1), N_SOME + 1, N_SOME);
  future = task_new ("iterate", task_iterate, &many);
  schedule (many.executor, future);
  many_await_asleep (&many);
  g_assert_cmpint (cf_future_get_state (future), ==, CF_FUTURE_STATE_RUNNING);

  settle_int (many.futures[N_SOME], 1);
  g_assert_null (cf_future_get_result (future, -1, &error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK);
  assert_contains (error->message, "“iterate”");
  many_clear (&many);
}

static void
test_beyond_few_for_others (void)
{
  g_autoptr (CfFuture) future = NULL;
  g_autoptr (GError) error = NULL;
  Gate   gate;
  Waiter waiter;
  Many   many;

  g_test_summary ("Nobody is told for the sake of a worker in as_completed() while the last of many can come for that.");

  gate_init (&gate);
  waiter_init (&waiter, "waiter", WAIT_GET_EXCEPTION, &gate);
  many_init (&many, pool_new_without_inline_waits (2), N_SOME + 1, N_SOME);
  schedule (many.executor, waiter.future);
  gate_await_waiting (&gate, 1);
  waiter.target = future = task_new ("iterate", task_iterate, &many);
  schedule (many.executor, future);
  many_await_asleep (&many);
  gate_open (&gate);
  waiter_await_asleep (&waiter);
  g_assert_cmpint (cf_future_get_state (waiter.future), ==, CF_FUTURE_STATE_RUNNING);

  settle_int (many.futures[N_SOME], 1);
  g_assert_null (cf_future_get_result (future, -1, &error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK);
  waiter_await (&waiter);
  waiter_assert_met (&waiter);
  waiter_clear (&waiter);
  many_clear (&many);
  gate_clear (&gate);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_data_func ("/wait-graph-many/inline/all", GUINT_TO_POINTER (CF_ALL_COMPLETED), test_inline);
  g_test_add_data_func ("/wait-graph-many/inline/first-exception", GUINT_TO_POINTER (CF_FIRST_EXCEPTION), test_inline);
  g_test_add_func ("/wait-graph-many/failed-elsewhere", test_failed_elsewhere);
  g_test_add_func ("/wait-graph-many/looks-at-few", test_looks_at_few);
  g_test_add_func ("/wait-graph-many/beyond-few", test_beyond_few);
  g_test_add_func ("/wait-graph-many/beyond-few-for-others", test_beyond_few_for_others);

  return g_test_run ();
}
