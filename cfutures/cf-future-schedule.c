/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-delivery-private.h"
#include "cf-future-phase-private.h"

/* How an executor gets a pending future and loses it again: whoever runs the future claims it, and others may ask it for
 * something meanwhile. */

/* Puts a future that nobody else knows yet into a queue, which gets a reference. */
void
_cf_future_queue_fresh (CfFuture      *self,
                        CfFutureOwner *owner)
{
  CfFutureFields *fields = _cf_future_fields (self);

  fields->call.owner = owner;
  __atomic_store_n (&fields->state, fields->state | CF_FLAG_SCHEDULED | CF_FLAG_QUEUED, __ATOMIC_RELAXED);
  __atomic_store_n (&G_OBJECT (self)->ref_count, 2, __ATOMIC_RELAXED);
}

/* Undoes that, when the queue did not take the future. */
void
_cf_future_refuse_fresh (CfFuture *self)
{
  CfFutureFields *fields = _cf_future_fields (self);

  fields->call.owner = NULL;
  __atomic_store_n (&fields->state, fields->state & ~(guint) (CF_FLAG_SCHEDULED | CF_FLAG_QUEUED), __ATOMIC_RELAXED);
  __atomic_store_n (&G_OBJECT (self)->ref_count, 1, __ATOMIC_RELAXED);
}

/* Notes that an executor gets the future.  FALSE: one has got it before, or it is no longer pending. */
gboolean
_cf_future_try_schedule (CfFuture *self)
{
  guint state = _cf_future_load_calm (self);

  while (_cf_phase_of (state) == CF_PHASE_PENDING && (state & CF_FLAG_SCHEDULED) == 0)
    if (_cf_future_swap_state (self, &state, state | CF_FLAG_SCHEDULED))
      return TRUE;

  return FALSE;
}

/* Undoes that, when the executor refused it. */
void
_cf_future_unschedule (CfFuture *self)
{
  __atomic_fetch_and (&_cf_future_fields (self)->state, ~(guint) CF_FLAG_SCHEDULED, __ATOMIC_ACQ_REL);
}

/* Nobody else changes the future until _cf_future_end_queueing().  FALSE: it was cancelled or settled meanwhile. */
gboolean
_cf_future_begin_queueing (CfFuture      *self,
                           CfFutureOwner *owner)
{
  guint state;

  if (!_cf_future_change_phase (self, CF_PHASE_PENDING, CF_PHASE_ASKING, &state))
    return FALSE;
  __atomic_store_n (&_cf_future_fields (self)->call.owner, owner, __ATOMIC_RELEASE);

  return TRUE;
}

/* @flag: QUEUED or PLACED, or 0 if it was not queued. */
void
_cf_future_end_queueing (CfFuture *self,
                         guint     flag)
{
  if (flag == 0)
    _cf_future_fields (self)->call.owner = NULL;
  _cf_future_set_phase (self, CF_PHASE_PENDING, flag, 0);
}

/* Takes a future out of the queue of its executor, as if it had never been there.  FALSE: it is not pending any more. */
gboolean
_cf_future_withdraw (CfFuture *self)
{
  guint    state;
  gboolean is_out;

  if (!_cf_future_change_phase (self, CF_PHASE_PENDING, CF_PHASE_ASKING, &state))
    return FALSE;

  is_out = _cf_future_leave_queue (self, state);
  _cf_future_set_phase (self, CF_PHASE_PENDING, 0, is_out ? CF_FLAG_QUEUED : 0);

  return is_out;
}

/* Reads the call of a future in @state; it is valid if the state has not changed meanwhile. */
static void
read_call (CfFuture      *self,
           guint          state,
           CfFutureClaim *claim)
{
  CfFutureCall *call = &_cf_future_fields (self)->call;

  claim->kind = state & CF_CALL_MASK;
  claim->func = __atomic_load_n (&call->func, __ATOMIC_RELAXED);
  claim->data = __atomic_load_n (&call->data, __ATOMIC_RELAXED);
  claim->owner = (state & CF_FLAG_QUEUED) != 0 ? __atomic_load_n (&call->owner, __ATOMIC_RELAXED) : NULL;
}

/* Somebody may just be queueing it: so that is looked at in the step that starts it. */
static gboolean
may_start (guint    state,
           gboolean is_owner)
{
  return _cf_phase_of (state) == CF_PHASE_PENDING && (is_owner || (state & CF_FLAG_QUEUED) == 0);
}

/* Makes a pending future a running one, and moves its call to the caller, who goes on with _cf_future_run_claimed().  The
 * function can still be read, for its name.  The owner of a queued one, who may hold a lock, does not wait; others get
 * none that is queued. */
gboolean
_cf_future_claim (CfFuture      *self,
                  CfFutureClaim *claim,
                  gboolean       is_owner)
{
  guint state = is_owner ? _cf_future_load (self) : _cf_future_load_calm (self);

  while (may_start (state, is_owner))
    {
      guint running = (state & ~(CF_PHASE_MASK | CF_CALL_MASK)) | CF_PHASE_RUNNING | CF_FLAG_LENT;

      read_call (self, state, claim);
      claim->is_linking = (state & CF_FLAG_LINKED) == 0;
      if (_cf_future_swap_state (self, &state, claim->is_linking ? _cf_delivery_begin_link (running) : running))
        return TRUE;
      if (!is_owner)
        state = _cf_future_load_calm (self);
    }

  return FALSE;
}

/* The same without moving the call: for the owner of a queued future, and for executors that run it in their own way. */
gboolean
_cf_future_claim_running (CfFuture *self,
                          gboolean  is_owner)
{
  guint state = _cf_future_load_calm (self);

  while (may_start (state, is_owner))
    {
      if (_cf_future_swap_state (self, &state, (state & ~(guint) CF_PHASE_MASK) | CF_PHASE_RUNNING))
        {
          _cf_delivery_add (self);
          return TRUE;
        }
      state = _cf_future_load_calm (self);
    }

  return FALSE;
}

/* What a thread ran, so that no code of others keeps the outcome from being there in a moment. */
static gboolean
is_about_to_finish (guint state)
{
  return _cf_phase_of (state) == CF_PHASE_SETTLING && (state & CF_FLAG_LENT) != 0;
}

/* Keeps a future that is pending or running in that state, until _cf_future_end_asking().  One that a thread ran is done
 * when it is NOT. */
CfAsking
_cf_future_begin_asking (CfFuture *self)
{
  guint state, n_rounds = 0;

  if (_cf_future_change_phase (self, CF_PHASE_PENDING, CF_PHASE_ASKING, &state))
    return CF_ASKING_PENDING;
  if (_cf_future_change_phase (self, CF_PHASE_RUNNING, CF_PHASE_RUNNING_ASKING, &state))
    return (state & CF_FLAG_LENT) != 0 ? CF_ASKING_LENT : CF_ASKING_RUNNING;
  while (is_about_to_finish (_cf_future_load (self)))
    _cf_parker_relax (&n_rounds);

  return CF_ASKING_NOT;
}

void
_cf_future_end_asking (CfFuture *self,
                       CfAsking  asking)
{
  if (asking != CF_ASKING_NOT)
    _cf_future_set_phase (self, asking == CF_ASKING_PENDING ? CF_PHASE_PENDING : CF_PHASE_RUNNING, 0, 0);
}

/* It may be asked for something just now. */
static gboolean
is_pending (guint state)
{
  return _cf_phase_of (state) == CF_PHASE_PENDING || _cf_phase_of (state) == CF_PHASE_ASKING;
}

/* The owner of a pending future; not to be followed, as it may be gone by now.  Who noted that he waits sees one that came
 * while nobody saw that. */
CfFutureOwner *
_cf_future_peek_owner (CfFuture *self)
{
  guint          before, state = _cf_future_load_in_order (self);
  CfFutureOwner *owner;

  /* Other flags may change meanwhile. */
  do
    {
      if (!is_pending (state) || (state & (CF_FLAG_QUEUED | CF_FLAG_PLACED)) == 0)
        return NULL;
      before = state;
      owner = __atomic_load_n (&_cf_future_fields (self)->call.owner, __ATOMIC_ACQUIRE);
      state = _cf_future_load (self);
    }
  while (state != before);

  return owner;
}
