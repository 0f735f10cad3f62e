/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-future-phase-private.h"

/* How a future is cancelled: before it starts, in two steps where no executor queues it; or while it runs, where its owner
 * can end it. */

static gboolean
is_being_cancelled (guint state)
{
  return _cf_phase_of (state) == CF_PHASE_CANCELLING || _cf_phase_of (state) == CF_PHASE_RUNNING_CANCELLING ||
         _cf_phase_of (state) == CF_PHASE_CANCELLED;
}

/* @by_force: also what its owner has started and has not said so yet. */
static gboolean
leave_owner (CfFuture *self,
             guint     state,
             gboolean  by_force)
{
  CfFutureOwner *owner = _cf_future_fields (self)->call.owner;

  return _cf_future_leave_queue (self, state) || (by_force && owner->abandon != NULL && owner->abandon (owner, self));
}

/* FALSE: it is not pending, or cannot be cancelled. */
gboolean
_cf_future_cancel_pending (CfFuture *self,
                           gboolean  by_force)
{
  guint state;

  if (!_cf_future_change_phase (self, CF_PHASE_PENDING, CF_PHASE_ASKING, &state))
    return is_being_cancelled (state);

  if (!leave_owner (self, state, by_force))
    {
      _cf_future_set_phase (self, CF_PHASE_PENDING, 0, 0);
      return FALSE;
    }

  _cf_future_set_phase (self, CF_PHASE_CANCELLING, 0, 0);
  _cf_future_settle_cancelled (self, state, (state & CF_FLAG_QUEUED) != 0 ? CF_FLAG_NOTIFIED : 0);

  return TRUE;
}

/**
 * cf_future_cancel:
 * @self: a future
 *
 * Cancels the future, if it has not started.
 *
 * This does not block. A future that waits in the queue of an executor leaves
 * it at once and its function never runs: this call releases the arguments,
 * wakes up those who wait, and runs the done-callbacks. When the future is in
 * no queue, [func@wait] and [func@as_completed] see the cancel only after
 * [method@Future.set_running_or_notify_cancel].
 *
 * Returns: true if the future is cancelled and will never run
 *
 * Since: 1.0
 */
gboolean
cf_future_cancel (CfFuture *self)
{
  g_return_val_if_fail (_cf_is_future (self), FALSE);

  return _cf_future_cancel_pending (self, FALSE);
}

/* Whether the owner of a running future has its call, and so can end it. */
static gboolean
is_with_owner (guint state)
{
  return (state & CF_CALL_MASK) != 0 && (state & CF_FLAG_QUEUED) != 0;
}

/* Ends a running future: with its worker, where the owner can do that; else its function is only told, and may be giving
 * its outcome meanwhile. */
gboolean
_cf_future_terminate_running (CfFuture *self)
{
  CfFutureOwner *owner;
  guint          state = _cf_future_load_calm (self);

  if (_cf_phase_of (state) == CF_PHASE_RUNNING && !is_with_owner (state))
    {
      g_cancellable_cancel (cf_future_get_cancellable (self));
      return TRUE;
    }
  if (!is_with_owner (state) || !_cf_future_change_phase (self, CF_PHASE_RUNNING, CF_PHASE_RUNNING_CANCELLING, &state))
    return is_being_cancelled (state) && !_cf_phase_is_done (state);

  owner = _cf_future_fields (self)->call.owner;
  owner->abandon (owner, self);
  _cf_future_settle_cancelled (self, state, CF_FLAG_NOTIFIED);

  return TRUE;
}

/* The second step of a cancel, which only the first one who comes takes. */
static void
notify_cancel (CfFuture *self)
{
  CfFutureFields *fields = _cf_future_fields (self);
  guint           before = __atomic_fetch_or (&fields->state, CF_FLAG_NOTIFIED, __ATOMIC_ACQ_REL);

  /* Who is cancelling it just now does it himself. */
  if ((before & CF_FLAG_NOTIFIED) == 0 && _cf_phase_of (before) == CF_PHASE_CANCELLED)
    _cf_waiters_tell (_cf_waiters_close (&fields->waiters, NULL), self);
}

/* The second step of a cancel, if it is one: the future is not started, whatever becomes of it meanwhile. */
void
_cf_future_notify_if_cancelled (CfFuture *self)
{
  guint state = _cf_future_load_calm (self);

  if (_cf_phase_of (state) == CF_PHASE_CANCELLING || _cf_phase_of (state) == CF_PHASE_CANCELLED)
    notify_cancel (self);
}

/**
 * cf_future_set_running_or_notify_cancel:
 * @self: a future
 *
 * Marks a pending future as running, or its cancel as noticed.
 *
 * This is for executors that do not use [method@Future.run].
 *
 * Returns: true if the future is running now, false if it was cancelled, or
 *   started before: then do not run it
 *
 * Since: 1.0
 */
gboolean
cf_future_set_running_or_notify_cancel (CfFuture *self)
{
  g_return_val_if_fail (_cf_is_future (self), FALSE);

  if (_cf_future_claim_running (self, FALSE))
    return TRUE;
  _cf_future_notify_if_cancelled (self);

  return FALSE;
}
