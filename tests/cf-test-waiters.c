/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-test-waiters.h"

void
wait_fixture_set_up (WaitFixture  *fixture,
                     gconstpointer kind)
{
  gate_init (&fixture->gate);
  fixture->kind = GPOINTER_TO_UINT (kind);
}

void
wait_fixture_tear_down (WaitFixture  *fixture,
                        gconstpointer kind)
{
  gate_clear (&fixture->gate);
}

static gboolean
wait_by_exception (CfFuture *target,
                   gint64    timeout,
                   GError  **error)
{
  g_autoptr (GError) exception = NULL;

  return cf_future_get_exception (target, timeout, &exception, error);
}

static gboolean
wait_by_cf_wait (CfFuture *target,
                 gint64    timeout,
                 GError  **error)
{
  g_autoptr (GError) local_error = NULL;
  gboolean met = cf_wait (&target, 1, CF_ALL_COMPLETED, timeout, NULL, NULL, &local_error);

  if (!met && local_error == NULL)
    g_set_error_literal (&local_error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "cf_wait");
  g_assert_false (met && local_error != NULL);
  if (local_error != NULL)
    g_propagate_error (error, g_steal_pointer (&local_error));

  return met;
}

static gboolean
wait_by_as_completed (CfFuture *target,
                      gint64    timeout,
                      GError  **error)
{
  g_autoptr (CfFutureIter) iter = cf_as_completed (&target, 1, timeout);
  g_autoptr (CfFuture) future = cf_future_iter_next (iter, error);

  g_assert_true (future == NULL || future == target);

  return future != NULL;
}

/* wait() cannot tell why it gave up; get_result() can. */
static gboolean
wait_by_wait (CfFuture *target,
              gint64    timeout,
              GError  **error)
{
  if (cf_future_wait (target, timeout))
    return TRUE;
  if (timeout >= 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "wait");
      return FALSE;
    }

  cf_future_get_result (target, -1, error);

  return *error == NULL;
}

gboolean
wait_for (CfFuture *target,
          WaitKind  kind,
          gint64    timeout,
          GError  **error)
{
  switch (kind)
    {
    case WAIT_GET_EXCEPTION:
      return wait_by_exception (target, timeout, error);
    case WAIT_WAIT:
      return wait_by_wait (target, timeout, error);
    case WAIT_CF_WAIT:
      return wait_by_cf_wait (target, timeout, error);
    case WAIT_AS_COMPLETED:
      return wait_by_as_completed (target, timeout, error);
    default:
      cf_future_get_result (target, timeout, error);
      return *error == NULL;
    }
}

gboolean
task_wait (GValue       *result,
           GCancellable *cancellable,
           gpointer      user_data,
           GError      **error)
{
  Waiter *self = user_data;

  g_atomic_int_set (&self->thread_id, thread_id ());
  if (self->gate != NULL)
    gate_wait (self->gate);
  self->met = wait_for (self->target, self->kind, self->timeout, &self->error);

  return task_int (result, cancellable, GINT_TO_POINTER (1), error);
}

void
waiter_init (Waiter     *self,
             const char *name,
             WaitKind    kind,
             Gate       *gate)
{
  *self = (Waiter){ .name = name, .kind = kind, .timeout = -1, .gate = gate };
  self->future = task_new (name, task_wait, self);
}

void
waiter_clear (Waiter *self)
{
  g_clear_pointer (&self->future, cf_future_unref);
  g_clear_error (&self->error);
}

void
waiter_await (Waiter *self)
{
  g_assert_cmpint (await_int (self->future), ==, 1);
}

gboolean
waiter_was_told (Waiter *self)
{
  return g_error_matches (self->error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK);
}

void
waiter_assert_told (Waiter     *self,
                    const char *name,
                    const char *other_name)
{
  g_assert_false (self->met);
  g_assert_error (self->error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK);
  assert_contains (self->error->message, name);
  assert_contains (self->error->message, other_name);
}

void
waiter_assert_met (Waiter *self)
{
  g_assert_no_error (self->error);
  g_assert_true (self->met);
}

void
waiter_await_asleep (Waiter *self)
{
  while (g_atomic_int_get (&self->thread_id) == 0)
    g_thread_yield ();
  await_asleep (g_atomic_int_get (&self->thread_id));
}
