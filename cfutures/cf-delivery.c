/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-delivery-private.h"

#include "cf-delivery-queue-private.h"

/* Futures whose news their main context is to hear: a queue for each context, and one source for all of it.
 *
 * The entries are weak: a future that nobody holds unlinks itself, under the lock under which the context takes its
 * reference.  Where others are told of that (a binding, which then waits for its interpreter), it is taken after the lock,
 * and who drops the last one meanwhile hands it to the context.  One that is dropped while a handler waits for news is
 * kept by its entry instead.
 *
 * A queue has several lanes, so that threads that settle futures do not wait for each other; the news of one thread stays
 * in order.
 */

static guint
get_own_lane (void)
{
  static guint                 n_threads; /* (atomic) */
  static CF_THREAD_LOCAL guint number;

  if (number == 0)
    number = __atomic_add_fetch (&n_threads, 1, __ATOMIC_RELAXED) | CF_N_LANES;

  return number % CF_N_LANES;
}

/* Of a future that is linked, which holds its context. */
static CfDeliveryLane *
get_lane_locked (CfFuture *self)
{
  return &_cf_delivery_get_queue (_cf_future_fields (self)->context)->lanes[_cf_lane_number (_cf_future_load (self))];
}

/* What @state, in which the future is in no lane, has to become, for who then calls _cf_delivery_link(). */
guint
_cf_delivery_begin_link (guint state)
{
  return (state & ~CF_LANE_MASK) | CF_FLAG_LINKED | get_own_lane () << CF_LANE_SHIFT;
}

/* FALSE: it is in a lane, or somebody else is about to put it there. */
static gboolean
begin_link (CfFuture *self)
{
  guint *state = &_cf_future_fields (self)->state;
  guint  before = _cf_future_load (self);

  while ((before & CF_FLAG_LINKED) == 0)
    if (__atomic_compare_exchange_n (state, &before, _cf_delivery_begin_link (before), TRUE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
      return TRUE;

  return FALSE;
}

/* There is news of @self, which the caller holds. */
void
_cf_delivery_add (CfFuture *self)
{
  if (begin_link (self))
    _cf_delivery_link (self);
}

void
_cf_delivery_link (CfFuture *self)
{
  guint            number = get_own_lane ();
  CfDeliveryQueue *queue = _cf_delivery_get_queue (_cf_future_fields (self)->context);
  CfDeliveryLane  *lane = &queue->lanes[number];
  gboolean         must_arm;

  _cf_lock (&_cf_lane_locks[number].lock);
  _cf_future_list_append (&lane->list, self);
  must_arm = !lane->is_armed;
  if (must_arm)
    _cf_lane_set_armed_locked (lane, TRUE);
  /* As soon as the context can take it out it may go, and the queue with it. */
  if (must_arm && queue != &_cf_delivery_default_queue)
    _cf_delivery_wake (queue);
  _cf_unlock (&_cf_lane_locks[number].lock);

  if (must_arm && queue == &_cf_delivery_default_queue)
    _cf_delivery_wake (queue);
}

static void
remove_locked (CfFuture *self)
{
  guint state = _cf_future_load (self);

  if ((state & CF_FLAG_LINKED) == 0)
    return;
  _cf_future_list_remove (&get_lane_locked (self)->list, self);
  /* Nobody else has it, so that nobody else changes its flags, save the one who tells it. */
  if ((state & CF_FLAG_TELLING) != 0)
    _cf_future_clear_flags (self, CF_FLAG_LINKED);
  else
    __atomic_store_n (&_cf_future_fields (self)->state, state & ~(guint) CF_FLAG_LINKED, __ATOMIC_RELEASE);
}

/* @self is about to end. */
void
_cf_delivery_remove (CfFuture *self)
{
  guint   state = _cf_future_load (self);
  CfLock *lock = &_cf_lane_locks[_cf_lane_number (state)].lock;

  if ((state & CF_FLAG_LINKED) == 0)
    return;

  _cf_lock (lock);
  remove_locked (self);
  _cf_unlock (lock);
}

/* Those of one lane. */
static void
remove_from_lane (guint      number,
                  CfFuture **futures,
                  guint      n_futures)
{
  _cf_lock (&_cf_lane_locks[number].lock);
  for (guint i = 0; i < n_futures; i++)
    if (_cf_lane_number (_cf_future_load (futures[i])) == number)
      remove_locked (futures[i]);
  _cf_unlock (&_cf_lane_locks[number].lock);
}

/* The same for several, which costs little more than for one. */
void
_cf_delivery_remove_many (CfFuture **futures,
                          guint      n_futures)
{
  guint lanes = 0;

  for (guint i = 0; i < n_futures; i++)
    lanes |= 1u << _cf_lane_number (_cf_future_load (futures[i]));
  for (guint number = 0; number < CF_N_LANES; number++)
    if ((lanes & 1u << number) != 0)
      remove_from_lane (number, futures, n_futures);
}

/* @self is being dropped, and has a handler that is to be called: its entry takes the last reference over.  It no longer
 * keeps the context, so that a context that nobody iterates can end, and the future with it.  FALSE: it was told
 * meanwhile. */
gboolean
_cf_delivery_keep (CfFuture *self)
{
  CfLock       *lock = &_cf_lane_locks[_cf_lane_number (_cf_future_load (self))].lock;
  GMainContext *context = NULL;
  gboolean      is_kept;

  _cf_lock (lock);
  is_kept = (_cf_future_load (self) & (CF_FLAG_LINKED | CF_FLAG_KEPT)) == CF_FLAG_LINKED;
  if (is_kept)
    {
      _cf_future_set_flags (self, CF_FLAG_KEPT);
      context = _cf_future_steal_context_locked (self);
    }
  _cf_unlock (lock);

  if (context != NULL)
    _cf_delivery_let_context_go (self, context);

  return is_kept;
}

/* The last reference to @self is being dropped: the context that tells of it gets it.  FALSE: there is none. */
gboolean
_cf_delivery_hand_over (CfFuture *self)
{
  guint *state = &_cf_future_fields (self)->state;
  guint  before = _cf_future_load (self);

  while ((before & CF_FLAG_TELLING) != 0)
    if (__atomic_compare_exchange_n (state, &before, before | CF_FLAG_HANDED, TRUE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
      return TRUE;

  return FALSE;
}
