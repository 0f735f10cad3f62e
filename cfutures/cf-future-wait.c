/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-error.h"
#include "cf-future-private.h"
#include "cf-parker-private.h"
#include "cf-wait-graph-private.h"

/* Waiting for one future, and its outcome. */

/* How many tasks may wait on one stack for another one that runs on it, too. */
#define INLINE_DEPTH_MAX 128

static gboolean
is_done_cb (gpointer data)
{
  return _cf_phase_is_done (_cf_future_load_in_order (data));
}

/* FINISHED, or CANCELLED and notified: what waits for many futures sees. */
gboolean
_cf_future_is_listed (CfFuture *self)
{
  guint state = _cf_future_load_in_order (self);

  return (state & CF_PHASE_MASK) == CF_PHASE_FINISHED ||
         ((state & CF_PHASE_MASK) == CF_PHASE_CANCELLED && (state & CF_FLAG_NOTIFIED) != 0);
}

static gboolean
is_listed_cb (gpointer data)
{
  return _cf_future_is_listed (data);
}

/* FALSE: it is done, and the waiter will not be told. */
gboolean
_cf_future_add_waiter (CfFuture *self,
                       CfWaiter *waiter)
{
  return _cf_waiters_add (&_cf_future_fields (self)->waiters, waiter,
                          waiter->kind == CF_WAITER_LIST ? is_listed_cb : is_done_cb, self);
}

/* FALSE: it is being told, or was. */
gboolean
_cf_future_remove_waiter (CfFuture *self,
                          CfWaiter *waiter)
{
  return _cf_waiters_remove (&_cf_future_fields (self)->waiters, waiter);
}

/* Sleeping */

typedef struct
{
  CfWaiter waiter;
  CfParker parker;
} Sleeper;

static void
wake (CfWaiter        *waiter,
      CfFuture *future G_GNUC_UNUSED)
{
  _cf_parker_set (&((Sleeper *) waiter)->parker, CF_PARKER_DONE);
}

static gboolean
sleep_in_graph (CfWaitThread *thread,
                CfFuture     *self,
                CfParker     *parker,
                GError      **error)
{
  CfWaitRecord record = {
    .thread = thread,
    .mode = CF_WAIT_ALL,
    .targets = &self,
    .n_targets = 1,
    .parker = parker,
  };

  _cf_wait_graph_enter (&record);
  _cf_parker_park (parker, -1);

  return _cf_wait_graph_leave (&record, error);
}

/* Sleeps until @self is done, or, for who waits for a list, listed.  FALSE: the time ran out, or, with an error, it will
 * never be. */
static gboolean
sleep_until_done (CfFuture    *self,
                  CfWaiterKind kind,
                  gint64       deadline,
                  GError     **error)
{
  Sleeper       sleeper = { .waiter = { .tell = wake, .kind = kind }, .parker = CF_PARKER_INIT };
  CfWaitThread *thread = deadline < 0 ? _cf_wait_thread : NULL;

  if (!_cf_future_add_waiter (self, &sleeper.waiter))
    return TRUE;

  if (thread != NULL && thread->top != NULL)
    sleep_in_graph (thread, self, &sleeper.parker, error);
  else
    _cf_parker_park (&sleeper.parker, deadline);

  if ((_cf_parker_get (&sleeper.parker) & CF_PARKER_DONE) == 0 && _cf_future_remove_waiter (self, &sleeper.waiter))
    return FALSE;

  /* Somebody has the sleeper in his hands: it cannot go before he is through. */
  while ((_cf_parker_get (&sleeper.parker) & CF_PARKER_DONE) == 0)
    {
      _cf_parker_clear (&sleeper.parker, CF_PARKER_TOLD);
      _cf_parker_park (&sleeper.parker, -1);
    }

  return TRUE;
}

/* Waits for one of a list.  FALSE: the time ran out. */
gboolean
_cf_future_await_listed (CfFuture *self,
                         gint64    deadline)
{
  if (_cf_future_is_listed (self))
    return TRUE;
  if (deadline >= 0 && g_get_monotonic_time () >= deadline)
    return FALSE;

  return _cf_spin (is_listed_cb, self) || sleep_until_done (self, CF_WAITER_LIST, deadline, NULL);
}

/* Whether this is a worker of the pool @owner that may run what it waits for. */
gboolean
_cf_future_may_run_inline (CfFutureOwner *owner)
{
  CfWaitThread *thread = _cf_wait_thread;

  return thread != NULL && thread->top != NULL && thread->pool == owner && thread->depth <= INLINE_DEPTH_MAX && !thread->is_preparing &&
         owner->runs_inline (owner);
}

/* Somebody may be asking it for something just now: that is no reason to wait for somebody else to run it, who may not be
 * there.  Or somebody took it, and is about to claim it. */
static gboolean
claim_from (CfFutureOwner *owner,
            CfFuture      *self,
            CfFutureClaim *claim)
{
  guint n_rounds = 0;

  while (!owner->claim (owner, self, claim))
    {
      if (_cf_future_peek_owner (self) != owner)
        return FALSE;
      _cf_parker_relax (&n_rounds);
    }

  return TRUE;
}

/* A worker runs what it waits for, if that lies in the queue of its own pool. */
gboolean
_cf_future_run_inline (CfFuture *self)
{
  CfFutureOwner *owner = _cf_wait_thread != NULL ? _cf_future_peek_owner (self) : NULL;
  CfFutureClaim  claim;

  if (owner == NULL || !_cf_future_may_run_inline (owner))
    return FALSE;
  if (owner->run_inline != NULL)
    return owner->run_inline (owner, self);
  if (!claim_from (owner, self, &claim))
    return FALSE;

  _cf_future_run_taken (self, &claim);

  return TRUE;
}

static gboolean
await_for_ever (CfFuture *self,
                GError  **error)
{
  for (;;)
    {
      g_autoptr (GError) hopeless = NULL;

      /* Of what ran, somebody else may just be about to give the outcome. */
      _cf_future_run_inline (self);
      if (_cf_spin (is_done_cb, self) || sleep_until_done (self, CF_WAITER_WAKE, -1, &hopeless))
        return TRUE;

      /* It may have come into the queue only while we slept. */
      if (hopeless == NULL || _cf_future_run_inline (self))
        continue;
      g_propagate_error (error, g_steal_pointer (&hopeless));
      return FALSE;
    }
}

static gboolean
await (CfFuture *self,
       gint64    timeout_us,
       GError  **error)
{
  gint64 deadline;

  if (is_done_cb (self))
    return TRUE;
  deadline = _cf_deadline_from_timeout (timeout_us);
  if (deadline < 0)
    return await_for_ever (self, error);
  if (timeout_us > 0 && (_cf_spin (is_done_cb, self) || sleep_until_done (self, CF_WAITER_WAKE, deadline, NULL)))
    return TRUE;
  if (is_done_cb (self))
    return TRUE;

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "The future is not done yet");

  return FALSE;
}

/**
 * cf_future_wait:
 * @self: a future
 * @timeout_us: microseconds to wait; 0 only looks, -1 waits for ever
 *
 * Waits until the future is done.
 *
 * This blocks: in a thread that runs a main loop, use
 * [method@Future.wait_async] instead. A worker of a thread pool that waits
 * without a time limit for a future that is still queued in its own pool runs
 * that one meanwhile.
 *
 * Returns: true if the future is done; false if the time ran out, or if the
 *   wait could never end: [method@Future.get_result] tells why
 *
 * Since: 1.0
 */
gboolean
cf_future_wait (CfFuture *self,
                gint64    timeout_us)
{
  g_return_val_if_fail (_cf_is_future (self), FALSE);

  return await (self, timeout_us, NULL);
}

/* The outcome of a future that is done */

static GError *
peek_error (CfFuture *self)
{
  CfFutureExtra *extra = _cf_future_peek_extra (self);

  return extra != NULL ? extra->error : NULL;
}

gboolean
_cf_future_has_failed (CfFuture *self)
{
  return (_cf_future_load (self) & CF_PHASE_MASK) == CF_PHASE_FINISHED && peek_error (self) != NULL;
}

static gboolean
has_succeeded (CfFuture *self)
{
  return (_cf_future_load (self) & CF_PHASE_MASK) == CF_PHASE_FINISHED && peek_error (self) == NULL;
}

static gboolean
check_cancelled (CfFuture *self,
                 GError  **error)
{
  if (!cf_future_is_cancelled (self))
    return TRUE;

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "The future was cancelled");

  return FALSE;
}

/* The error of a done future that did not succeed. */
gboolean
_cf_future_check (CfFuture *self,
                  GError  **error)
{
  GError *failure = peek_error (self);

  if (!check_cancelled (self, error))
    return FALSE;
  if (failure != NULL && error != NULL)
    *error = g_error_copy (failure);

  return failure == NULL;
}

static const GValue *
peek_result (CfFuture *self)
{
  const GValue *result = &_cf_future_fields (self)->result;

  if ((_cf_future_load (self) & CF_FLAG_BY_HAND) != 0)
    {
      CfFutureExtra *extra = _cf_future_peek_extra (self);

      /* One that ends has lost its result, though its context may still tell of it. */
      if (extra == NULL)
        return NULL;
      result = &extra->by_hand;
    }

  return G_VALUE_TYPE (result) != 0 ? result : NULL;
}

/**
 * cf_future_get_result:
 * @self: a future
 * @timeout_us: microseconds to wait; 0 only looks, -1 waits for ever
 * @error: return location for an error
 *
 * Waits until the future is done, and gets its result.
 *
 * This blocks: in a thread that runs a main loop, connect to
 * [signal@Future::done] instead.
 *
 * If the function failed, @error is the error it failed with. If the future
 * was cancelled, it is %G_IO_ERROR_CANCELLED; if the time ran out,
 * %G_IO_ERROR_TIMED_OUT; if the wait could never end,
 * %CF_EXECUTOR_ERROR_DEADLOCK.
 *
 * Returns: (transfer none) (nullable): the result, which belongs to the future;
 *   %NULL without an error if the function gave no value
 *
 * Since: 1.0
 */
const GValue *
cf_future_get_result (CfFuture *self,
                      gint64    timeout_us,
                      GError  **error)
{
  g_return_val_if_fail (_cf_is_future (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  /* What is there at once is most of what is read. */
  if (!has_succeeded (self) && (!await (self, timeout_us, error) || !_cf_future_check (self, error)))
    return NULL;

  return peek_result (self);
}

/**
 * cf_future_dup_variant:
 * @self: a future
 * @timeout_us: microseconds to wait; 0 only looks, -1 waits for ever
 * @error: return location for an error
 *
 * Waits until the future is done, and gets the variant that is its result.
 *
 * This blocks. The errors are those of [method@Future.get_result], and
 * %CF_EXECUTOR_ERROR_NOT_SUPPORTED if the result is something else.
 *
 * Returns: (transfer full) (nullable): the result; %NULL without an error if
 *   the function gave no value
 *
 * Since: 1.0
 */
GVariant *
cf_future_dup_variant (CfFuture *self,
                       gint64    timeout_us,
                       GError  **error)
{
  const GValue *result;

  g_return_val_if_fail (_cf_is_future (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  result = cf_future_get_result (self, timeout_us, error);
  if (result == NULL)
    return NULL;
  if (G_VALUE_HOLDS_VARIANT (result))
    return g_value_dup_variant (result);

  g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SUPPORTED,
               "The result is a %s and no GVariant", G_VALUE_TYPE_NAME (result));

  return NULL;
}

/**
 * cf_future_copy_result: (skip)
 * @self: a future
 * @timeout_us: microseconds to wait; 0 only looks, -1 waits for ever
 * @value: a zero-filled value; it stays so if the function gave none
 * @error: return location for an error
 *
 * Waits until the future is done, and copies its result.
 *
 * This blocks. The errors are those of [method@Future.get_result].
 *
 * Returns: true if the function succeeded
 *
 * Since: 1.0
 */
gboolean
cf_future_copy_result (CfFuture *self,
                       gint64    timeout_us,
                       GValue   *value,
                       GError  **error)
{
  const GValue *result;

  g_return_val_if_fail (_cf_is_future (self), FALSE);
  g_return_val_if_fail (value != NULL && !G_IS_VALUE (value), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!await (self, timeout_us, error) || !_cf_future_check (self, error))
    return FALSE;

  result = peek_result (self);
  if (result != NULL)
    {
      g_value_init (value, G_VALUE_TYPE (result));
      g_value_copy (result, value);
    }

  return TRUE;
}

/**
 * cf_future_get_exception:
 * @self: a future
 * @timeout_us: microseconds to wait; 0 only looks, -1 waits for ever
 * @exception: (out) (transfer full) (optional) (nullable): the error that the
 *   function failed with, or %NULL when it succeeded
 * @error: return location for an error
 *
 * Waits until the future is done, and gets the error of its function.
 *
 * This blocks. @error is %G_IO_ERROR_CANCELLED if the future was cancelled,
 * %G_IO_ERROR_TIMED_OUT if the time ran out, and
 * %CF_EXECUTOR_ERROR_DEADLOCK if the wait could never end.
 *
 * Returns: true if the future is finished, whether with @exception or with a
 *   result
 *
 * Since: 1.0
 */
gboolean
cf_future_get_exception (CfFuture *self,
                         gint64    timeout_us,
                         GError  **exception,
                         GError  **error)
{
  GError *failure;

  g_return_val_if_fail (_cf_is_future (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (exception != NULL)
    *exception = NULL;
  if (!await (self, timeout_us, error) || !check_cancelled (self, error))
    return FALSE;

  failure = peek_error (self);
  if (exception != NULL && failure != NULL)
    *exception = g_error_copy (failure);

  return TRUE;
}
