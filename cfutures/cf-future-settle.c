/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "cf-delivery-private.h"
#include "cf-future-private.h"
#include "cf-parker-private.h"

/* All that changes the state of a future; cf-future-private.h has the drawing. */

static guint
get_phase (guint state)
{
  return state & CF_PHASE_MASK;
}

static inline gboolean
swap_state (CfFuture *self,
            guint    *from,
            guint     to)
{
  return __atomic_compare_exchange_n (&_cf_future_fields (self)->state, from, to, FALSE, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);
}

/* For who owns the phase: others may still set flags meanwhile.  Returns the state as it was. */
static guint
set_phase (CfFuture *self,
           guint     phase,
           guint     set,
           guint     clear)
{
  guint state = _cf_future_load (self);

  while (!swap_state (self, &state, (state & ~(CF_PHASE_MASK | clear)) | phase | set))
    ;

  return state;
}

static gboolean
is_calm (guint state)
{
  return get_phase (state) != CF_PHASE_ASKING && get_phase (state) != CF_PHASE_RUNNING_ASKING;
}

static guint
await_calm (CfFuture *self)
{
  guint state, n_rounds = 0;

  while (!is_calm (state = _cf_future_load (self)))
    _cf_parker_relax (&n_rounds);

  return state;
}

/* The state once nobody is in the middle of a step that lasts for moments. */
static inline guint
load_calm (CfFuture *self)
{
  guint state = _cf_future_load (self);

  return G_LIKELY (is_calm (state)) ? state : await_calm (self);
}

/* Changes one phase for another, once nobody is in the middle of a step.  FALSE: it is in none of the two. */
static inline gboolean
change_phase (CfFuture *self,
              guint     from,
              guint     to,
              guint    *before)
{
  guint state = load_calm (self);

  while (get_phase (state) == from)
    {
      if (swap_state (self, &state, (state & ~CF_PHASE_MASK) | to))
        {
          *before = state;
          return TRUE;
        }
      state = load_calm (self);
    }

  *before = state;

  return FALSE;
}

/* The words of a future in @state, which are right if that does not change meanwhile. */
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

/* Makes a pending future a running one, and moves its call to the caller, who goes on with _cf_future_run_claimed().  The
 * function stays to be seen, for its name.  With a lock held, do not wait. */
gboolean
_cf_future_claim (CfFuture      *self,
                  CfFutureClaim *claim,
                  gboolean       may_wait)
{
  guint state = may_wait ? load_calm (self) : _cf_future_load (self);

  while (get_phase (state) == CF_PHASE_PENDING)
    {
      guint running = (state & ~(CF_PHASE_MASK | CF_CALL_MASK)) | CF_PHASE_RUNNING | CF_FLAG_LENT;

      read_call (self, state, claim);
      claim->is_linking = (state & CF_FLAG_LINKED) == 0;
      if (swap_state (self, &state, claim->is_linking ? _cf_delivery_begin_link (running) : running))
        return TRUE;
      if (may_wait)
        state = load_calm (self);
    }

  return FALSE;
}

/* For the owner of a queued future, or for who runs it in his own way: leaves the call where it is. */
gboolean
_cf_future_claim_running (CfFuture *self)
{
  guint state;

  if (!change_phase (self, CF_PHASE_PENDING, CF_PHASE_RUNNING, &state))
    return FALSE;
  _cf_delivery_add (self);

  return TRUE;
}

/* What a thread ran, so that no code of others keeps the outcome from being there in a moment. */
static gboolean
is_about_to_finish (guint state)
{
  return get_phase (state) == CF_PHASE_SETTLING && (state & CF_FLAG_LENT) != 0;
}

/* Keeps a future that is pending or running in that state, until _cf_future_end_asking().  One that a thread ran is done
 * when it is NOT. */
CfAsking
_cf_future_begin_asking (CfFuture *self)
{
  guint state, n_rounds = 0;

  if (change_phase (self, CF_PHASE_PENDING, CF_PHASE_ASKING, &state))
    return CF_ASKING_PENDING;
  if (change_phase (self, CF_PHASE_RUNNING, CF_PHASE_RUNNING_ASKING, &state))
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
    set_phase (self, asking == CF_ASKING_PENDING ? CF_PHASE_PENDING : CF_PHASE_RUNNING, 0, 0);
}

/* It may be asked for something just now. */
static gboolean
is_pending (guint state)
{
  return get_phase (state) == CF_PHASE_PENDING || get_phase (state) == CF_PHASE_ASKING;
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

/* Of a future in brackets.  The thread that runs it may be about to put its result there. */
static gpointer
peek_function (CfFuture *self,
               guint     state)
{
  gpointer func = __atomic_load_n (&_cf_future_fields (self)->call.func, __ATOMIC_RELAXED);

  return (state & CF_CALL_MASK) != CF_CALL_NAMED ? func : NULL;
}

static void
tell (CfWaiter *waiters,
      CfFuture *self)
{
  if (waiters != NULL)
    _cf_waiters_tell (waiters, self);
}

/* @self is done: others see that by now, so that the caller has to hold a reference.  @before: the state just before. */
static inline void
announce (CfFuture *self,
          guint     phase,
          guint     before,
          gpointer  function)
{
  CfFutureFields *fields = _cf_future_fields (self);

  if ((before & CF_FLAG_LINKED) == 0)
    _cf_delivery_add (self);

  if (phase == CF_PHASE_FINISHED || (before & CF_FLAG_NOTIFIED) != 0)
    tell (_cf_waiters_close_behind (&fields->waiters, function), self);
  else
    tell (_cf_waiters_take_early (&fields->waiters), self);
}

/* The last step from brackets into FINISHED or CANCELLED. */
static void
publish (CfFuture *self,
         guint     phase,
         guint     flags,
         gpointer  function)
{
  guint before = set_phase (self, phase, flags, CF_CALL_MASK);

  announce (self, phase, before | flags, function);
}

/* Out of the queue of an executor, where a future lies that somebody settles before a worker came. */
static gboolean
leave_queue (CfFuture *self,
             guint     state)
{
  CfFutureOwner *owner = _cf_future_fields (self)->call.owner;

  return (state & CF_FLAG_QUEUED) == 0 || owner->take_back (owner, self);
}

static inline void
write_words (CfFuture     *self,
             const GValue *result)
{
  CfFutureCall *call = &_cf_future_fields (self)->call;

  /* Somebody may be looking for the call there. */
  __atomic_store_n (&call->func, result->data[1].v_pointer, __ATOMIC_RELEASE);
  __atomic_store_n (&call->owner, result->data[0].v_pointer, __ATOMIC_RELEASE);
  __atomic_store_n (&call->data, (gpointer) result->g_type, __ATOMIC_RELAXED);
}

static void
put_words (CfFuture *self,
           GValue   *result)
{
  const GValue nothing = G_VALUE_INIT;

  write_words (self, result != NULL ? result : &nothing);
  if (result != NULL)
    memset (result, 0, sizeof *result);
}

/* Of a future that a thread runs, which has the words. */
static void
put_by_hand (CfFuture *self,
             GValue   *result)
{
  GValue *place = &_cf_future_ensure_extra (self)->by_hand;

  if (result == NULL)
    return;
  *place = *result;
  memset (result, 0, sizeof *result);
}

static gboolean
is_run_by_thread (guint state)
{
  return get_phase (state) == CF_PHASE_RUNNING && (state & CF_FLAG_LENT) != 0;
}

/* The outcome of a future in the middle of settling, that was in @state before. */
static void
finish (CfFuture *self,
        guint     state,
        GValue   *result,
        GError   *error)
{
  gpointer function = peek_function (self, state);
  gboolean is_by_hand = is_run_by_thread (state);

  if (get_phase (state) == CF_PHASE_PENDING)
    leave_queue (self, state);
  _cf_future_release_call (self, state);
  if (error != NULL)
    _cf_future_ensure_extra (self)->error = error;
  if (is_by_hand)
    put_by_hand (self, result);
  else
    put_words (self, result);
  publish (self, CF_PHASE_FINISHED, is_by_hand ? CF_FLAG_BY_HAND : 0, function);
}

/* As long as somebody may look for the function, nothing else may be in its word. */
static gboolean
leaves_function_alone (const GValue *result)
{
  return result->data[1].v_pointer == NULL;
}

/* FALSE: somebody was faster, by hand. */
static inline gboolean
finish_at_once (CfFuture *self,
                GValue   *result)
{
  gpointer function = _cf_future_fields (self)->call.func;
  guint    before;

  /* Nobody looks there when this thread is not the first. */
  write_words (self, result);
  if (!change_phase (self, CF_PHASE_RUNNING, CF_PHASE_FINISHED, &before))
    return FALSE;
  memset (result, 0, sizeof *result);
  announce (self, CF_PHASE_FINISHED, before, function);

  return TRUE;
}

/* The same in two steps. */
static gboolean
finish_slowly (CfFuture *self,
               GValue   *result,
               GError   *error)
{
  gpointer function = _cf_future_fields (self)->call.func;
  guint    state;

  if (!change_phase (self, CF_PHASE_RUNNING, CF_PHASE_SETTLING, &state))
    return FALSE;
  if (error != NULL)
    _cf_future_ensure_extra (self)->error = error;
  put_words (self, result);
  publish (self, CF_PHASE_FINISHED, 0, function);

  return TRUE;
}

/* For the thread that claimed the future and ran it: moves @result, which may be unset, or takes @error (nullable) over.
 * FALSE: it was given an outcome by hand; @result and @error stay the caller's. */
gboolean
_cf_future_settle_running (CfFuture *self,
                           GValue   *result,
                           GError   *error)
{
  if (G_LIKELY (error == NULL && leaves_function_alone (result)))
    return finish_at_once (self, result);

  return finish_slowly (self, result, error);
}

/* For who does not run it: gives a pending or running future its outcome.  A function that runs goes on, and must still be
 * found by its cancellable. */
gboolean
_cf_future_settle_by_hand (CfFuture *self,
                           GValue   *result,
                           GError   *error)
{
  guint state;

  if (!change_phase (self, CF_PHASE_PENDING, CF_PHASE_PENDING_SETTLING, &state))
    {
      if (is_run_by_thread (state))
        cf_future_get_cancellable (self);
      if (!change_phase (self, CF_PHASE_RUNNING, CF_PHASE_SETTLING, &state))
        return FALSE;
    }
  finish (self, state, result, error);

  return TRUE;
}

/* For who has a pending future in his queue and gives up.  FALSE: it was started, or is done. */
gboolean
_cf_future_fail_pending (CfFuture     *self,
                         const GError *reason)
{
  guint state;

  if (!change_phase (self, CF_PHASE_PENDING, CF_PHASE_PENDING_SETTLING, &state))
    return FALSE;
  finish (self, state, NULL, g_error_copy (reason));

  return TRUE;
}

static void
settle_cancelled (CfFuture *self,
                  guint     state,
                  guint     flags)
{
  gpointer function = peek_function (self, state);

  _cf_future_release_call (self, state);
  put_words (self, NULL);
  publish (self, CF_PHASE_CANCELLED, flags, function);
}

static gboolean
is_being_cancelled (guint state)
{
  return get_phase (state) == CF_PHASE_CANCELLING || get_phase (state) == CF_PHASE_RUNNING_CANCELLING ||
         get_phase (state) == CF_PHASE_CANCELLED;
}

/**
 * cf_future_cancel:
 * @self: a future
 *
 * Cancels the future, if it has not started.
 *
 * This does not block. A future that waits in the queue of an executor leaves
 * it at once: its function never runs, and its arguments are released by this call, as are
 * the waiters told and the done-callbacks run.  For a future that no executor
 * queues, [func@wait] and [func@as_completed] see the cancel only after
 * [method@Future.set_running_or_notify_cancel].
 *
 * Returns: true if the future is cancelled and will never run
 *
 * Since: 1.0
 */
gboolean
cf_future_cancel (CfFuture *self)
{
  guint state;

  g_return_val_if_fail (_cf_is_future (self), FALSE);

  if (!change_phase (self, CF_PHASE_PENDING, CF_PHASE_ASKING, &state))
    return is_being_cancelled (state);

  if (!leave_queue (self, state))
    {
      set_phase (self, CF_PHASE_PENDING, 0, 0);
      return FALSE;
    }

  set_phase (self, CF_PHASE_CANCELLING, 0, 0);
  settle_cancelled (self, state, (state & CF_FLAG_QUEUED) != 0 ? CF_FLAG_NOTIFIED : 0);

  return TRUE;
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
  guint          state = load_calm (self);

  if (get_phase (state) == CF_PHASE_RUNNING && !is_with_owner (state))
    {
      g_cancellable_cancel (cf_future_get_cancellable (self));
      return TRUE;
    }
  if (!is_with_owner (state) || !change_phase (self, CF_PHASE_RUNNING, CF_PHASE_RUNNING_CANCELLING, &state))
    return is_being_cancelled (state) && !_cf_phase_is_done (state);

  owner = _cf_future_fields (self)->call.owner;
  owner->abandon (owner, self);
  settle_cancelled (self, state, CF_FLAG_NOTIFIED);

  return TRUE;
}

/* The second step of a cancel, which only the first one who comes takes. */
static void
notify_cancel (CfFuture *self)
{
  CfFutureFields *fields = _cf_future_fields (self);
  guint           before = __atomic_fetch_or (&fields->state, CF_FLAG_NOTIFIED, __ATOMIC_ACQ_REL);

  /* Who is cancelling it just now does it himself. */
  if ((before & CF_FLAG_NOTIFIED) == 0 && get_phase (before) == CF_PHASE_CANCELLED)
    tell (_cf_waiters_close (&fields->waiters, NULL), self);
}

/**
 * cf_future_set_running_or_notify_cancel:
 * @self: a future
 *
 * Says that the work of the future begins, or that its cancel was noticed.
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
  guint state;

  g_return_val_if_fail (_cf_is_future (self), FALSE);

  if ((_cf_future_load (self) & CF_FLAG_QUEUED) == 0 && _cf_future_claim_running (self))
    return TRUE;

  state = load_calm (self);
  if (get_phase (state) == CF_PHASE_CANCELLING || get_phase (state) == CF_PHASE_CANCELLED)
    notify_cancel (self);

  return FALSE;
}

/* A future that nobody else knows yet comes into a queue, which gets a reference. */
void
_cf_future_queue_fresh (CfFuture      *self,
                        CfFutureOwner *owner)
{
  CfFutureFields *fields = _cf_future_fields (self);

  fields->call.owner = owner;
  __atomic_store_n (&fields->state, fields->state | CF_FLAG_SCHEDULED | CF_FLAG_QUEUED, __ATOMIC_RELAXED);
  __atomic_store_n (&G_OBJECT (self)->ref_count, 2, __ATOMIC_RELAXED);
}

/* It did not: the caller ends it. */
void
_cf_future_refuse_fresh (CfFuture *self)
{
  CfFutureFields *fields = _cf_future_fields (self);

  fields->call.owner = NULL;
  __atomic_store_n (&fields->state, fields->state & ~(guint) (CF_FLAG_SCHEDULED | CF_FLAG_QUEUED), __ATOMIC_RELAXED);
  __atomic_store_n (&G_OBJECT (self)->ref_count, 1, __ATOMIC_RELAXED);
}

/* Notes that an executor is given the future.  FALSE: it was before, or is no longer pending. */
gboolean
_cf_future_try_schedule (CfFuture *self)
{
  guint state = load_calm (self);

  while (get_phase (state) == CF_PHASE_PENDING && (state & CF_FLAG_SCHEDULED) == 0)
    if (swap_state (self, &state, state | CF_FLAG_SCHEDULED))
      return TRUE;

  return FALSE;
}

/* The executor refused it. */
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

  if (!change_phase (self, CF_PHASE_PENDING, CF_PHASE_ASKING, &state))
    return FALSE;
  __atomic_store_n (&_cf_future_fields (self)->call.owner, owner, __ATOMIC_RELEASE);

  return TRUE;
}

/* As QUEUED or PLACED; or 0: it is not. */
void
_cf_future_end_queueing (CfFuture *self,
                         guint     flag)
{
  if (flag == 0)
    _cf_future_fields (self)->call.owner = NULL;
  set_phase (self, CF_PHASE_PENDING, flag, 0);
}
