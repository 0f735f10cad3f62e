/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "cf-delivery-private.h"
#include "cf-future-phase-private.h"

/* How a future gets its outcome, once: from the thread that ran it, by hand, or as its cancel. */

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

/* Tells that @self is done.  As others know by now, the caller has to hold a reference.  @before: the state just before. */
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

/* The last step out of a phase in brackets, into FINISHED or CANCELLED. */
static void
publish (CfFuture *self,
         guint     phase,
         guint     flags,
         gpointer  function)
{
  guint before = _cf_future_set_phase (self, phase, flags, CF_CALL_MASK);

  announce (self, phase, before | flags, function);
}

/* Takes a future that is settled before a worker took it out of the queue of its executor.  An owner of which it holds
 * nothing may be gone then. */
gboolean
_cf_future_leave_queue (CfFuture *self,
                        guint     state)
{
  CfFutureCall  *call = &_cf_future_fields (self)->call;
  CfFutureOwner *owner = call->owner;
  gboolean       is_held;

  if ((state & CF_FLAG_QUEUED) == 0)
    return TRUE;

  is_held = owner->release != NULL;
  if (!owner->take_back (owner, self))
    return FALSE;
  if (!is_held)
    __atomic_store_n (&call->owner, NULL, __ATOMIC_RELEASE);

  return TRUE;
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

/* Keeps a result for a future that a thread runs: that thread still uses the place of results. */
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
  guint phase = _cf_phase_of (state);

  return (phase == CF_PHASE_RUNNING || phase == CF_PHASE_RUNNING_ASKING) && (state & CF_FLAG_LENT) != 0;
}

/* Gives a future that is settling, and was in @state before, its outcome. */
static void
finish (CfFuture *self,
        guint     state,
        GValue   *result,
        GError   *error)
{
  gpointer function = peek_function (self, state);
  gboolean is_by_hand = is_run_by_thread (state);

  if (_cf_phase_of (state) == CF_PHASE_PENDING)
    _cf_future_leave_queue (self, state);
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

  write_words (self, result);
  if (!_cf_future_change_phase (self, CF_PHASE_RUNNING, CF_PHASE_FINISHED, &before))
    {
      /* Nobody looks for a result there; but who was faster may not have seen the function. */
      __atomic_store_n (&_cf_future_fields (self)->call.func, function, __ATOMIC_RELEASE);
      return FALSE;
    }
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

  if (!_cf_future_change_phase (self, CF_PHASE_RUNNING, CF_PHASE_SETTLING, &state))
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

  if (!_cf_future_change_phase (self, CF_PHASE_PENDING, CF_PHASE_PENDING_SETTLING, &state))
    {
      if (is_run_by_thread (state))
        cf_future_get_cancellable (self);
      if (!_cf_future_change_phase (self, CF_PHASE_RUNNING, CF_PHASE_SETTLING, &state))
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

  if (!_cf_future_change_phase (self, CF_PHASE_PENDING, CF_PHASE_PENDING_SETTLING, &state))
    return FALSE;
  finish (self, state, NULL, g_error_copy (reason));

  return TRUE;
}

void
_cf_future_settle_cancelled (CfFuture *self,
                             guint     state,
                             guint     flags)
{
  gpointer function = peek_function (self, state);

  _cf_future_release_call (self, state);
  put_words (self, NULL);
  publish (self, CF_PHASE_CANCELLED, flags, function);
}
