/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-thread-pool-private.h"

#include "cf-error.h"

/* The queue of a thread pool: strictly first in, first out, save what is cancelled or what a worker waits for.
 *
 *   push ──▶ arrivals ──▶ queue ──▶ worker: takes under the lock, claims and runs without it
 *                           │
 *                           └─────▶ take_back(), claim()
 *
 * It has two parts, so that who submits and who works seldom touch the same memory: the door guards what arrived, the lock
 * guards the rest, and whoever needs more than he finds there collects all that arrived.  Both are held for moments, and
 * never while foreign code runs.
 */

static gboolean take_back (CfFutureOwner *owner,
                           CfFuture      *future);
static gboolean claim (CfFutureOwner *owner,
                       CfFuture      *future,
                       CfFutureClaim *taken);
static void     stay (CfFutureOwner *owner);
static gboolean runs_inline (CfFutureOwner *owner);
static guint    get_max_workers (CfFutureOwner *owner);

CfThreadPool *
_cf_thread_pool_new (void)
{
  CfThreadPool *self = g_aligned_alloc0 (1, sizeof *self, CF_CACHE_LINE);

  g_atomic_ref_count_init (&self->ref_count);
  self->owner.take_back = take_back;
  self->owner.claim = claim;
  self->owner.stay = stay;
  self->owner.runs_inline = runs_inline;
  self->owner.get_max_workers = get_max_workers;
  self->indexes = g_array_new (FALSE, TRUE, sizeof (gboolean));
  self->must_call = TRUE;
  _cf_thread_queue_init (&self->arrivals);
  _cf_thread_queue_init (&self->queue);

  return self;
}

CfThreadPool *
_cf_thread_pool_ref (CfThreadPool *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
_cf_thread_pool_unref (CfThreadPool *self)
{
  if (g_atomic_ref_count_dec (&self->ref_count))
    _cf_thread_pool_free (self);
}

/* After the last reference. */
void
_cf_thread_pool_free (CfThreadPool *self)
{
  /* The last worker drops its reference under the lock: let it come out of there. */
  _cf_lock (&self->lock);
  _cf_unlock (&self->lock);

  /* At once: what is left in its queue is starts that failed. */
  if (self->threads != NULL)
    g_thread_pool_free (self->threads, TRUE, FALSE);
  _cf_thread_queue_clear (&self->queue);
  _cf_thread_queue_clear (&self->arrivals);
  if (self->initializer_destroy != NULL)
    self->initializer_destroy (self->initializer_data);
  g_array_unref (self->indexes);
  g_clear_error (&self->broken);
  g_free (self->name_prefix);
  g_aligned_free (self);
}

/* Without a lock: only for callers that look again. */
gboolean
_cf_thread_pool_has_work (CfThreadPool *self)
{
  /* In this order: what is not there any more has come here. */
  return _cf_thread_queue_look_at_length (&self->arrivals) > 0 || _cf_thread_queue_look_at_length (&self->queue) > 0;
}

static void
set_must_call (CfThreadPool *self,
               gboolean      must_call)
{
  __atomic_store_n (&self->must_call, must_call, __ATOMIC_RELAXED);
}

static gboolean
is_returning (CfThreadWorker *worker)
{
  return worker != NULL && __atomic_load_n (&worker->wait.is_returning, __ATOMIC_RELAXED);
}

/* Whether the worker that took work last is done with it; of the others this is not known. */
static guint
count_returning_locked (CfThreadPool *self)
{
  if (!is_returning (self->last))
    return 0;

  /* Pairs with the fence in _cf_wait_thread_stay(): either this sees that the worker stays, or it sees what was submitted. */
  __atomic_thread_fence (__ATOMIC_SEQ_CST);

  return is_returning (self->last) ? 1 : 0;
}

/* Moves all that was submitted into the queue.  FALSE: that needs no worker besides the @n_coming and the one that returns,
 * so that whoever submits next has to call one. */
gboolean
_cf_thread_pool_collect_locked (CfThreadPool *self,
                                guint         n_coming)
{
  gboolean needs_more;

  _cf_lock (&self->door);
  _cf_thread_queue_splice (&self->queue, &self->arrivals);
  /* Not earlier: a worker that stays after that sees what is here now. */
  needs_more = self->queue.length > n_coming + count_returning_locked (self);
  set_must_call (self, !needs_more);
  _cf_unlock (&self->door);

  return needs_more;
}

/* Says whether whoever submits next has to call a worker. */
void
_cf_thread_pool_ask_locked (CfThreadPool *self,
                            gboolean      must_call)
{
  if (__atomic_load_n (&self->must_call, __ATOMIC_RELAXED) == must_call)
    return;

  _cf_lock (&self->door);
  set_must_call (self, must_call);
  _cf_unlock (&self->door);
}

/* Whether anything was submitted yet for which a thread was wanted. */
gboolean
_cf_thread_pool_is_in_use (CfThreadPool *self)
{
  gboolean is_in_use;

  _cf_lock (&self->lock);
  is_in_use = self->threads != NULL;
  _cf_unlock (&self->lock);

  return is_in_use;
}

static CfThreadPool *
from_owner (CfFutureOwner *owner)
{
  return (CfThreadPool *) owner;
}

/* What arrived, too; whether somebody must be called for it is left as it is. */
void
_cf_thread_pool_collect_quietly_locked (CfThreadPool *self)
{
  if (_cf_thread_queue_look_at_length (&self->arrivals) == 0)
    return;

  _cf_lock (&self->door);
  _cf_thread_queue_splice (&self->queue, &self->arrivals);
  _cf_unlock (&self->door);
}

/* The oldest one, with the queue's reference; it is the caller's to claim. */
CfFuture *
_cf_thread_pool_pop_locked (CfThreadPool *self)
{
  if (self->queue.length == 0)
    _cf_thread_pool_collect_quietly_locked (self);

  return _cf_thread_queue_pop (&self->queue);
}

/* One that was taken and could not be claimed: somebody is about to take it out of the queue. */
void
_cf_thread_pool_put_back (CfThreadPool *self,
                          CfFuture     *future)
{
  _cf_lock (&self->lock);
  _cf_thread_queue_put_back (&self->queue, future);
  _cf_unlock (&self->lock);
}

static gboolean
try_take_back (CfThreadPool *self,
               CfFuture     *future)
{
  GSList  *enders = NULL;
  gboolean is_here;

  _cf_lock (&self->lock);
  _cf_thread_pool_collect_quietly_locked (self);
  is_here = _cf_thread_queue_has (&self->queue, future);
  if (is_here)
    {
      _cf_thread_queue_remove (&self->queue, future);
      enders = _cf_thread_pool_steal_enders_locked (self);
    }
  _cf_unlock (&self->lock);

  _cf_thread_pool_tell_enders (enders);

  return is_here;
}

/* An unclaimed future of ours is in the queue, or was just taken by a worker who cannot claim it, and will put it back. */
static gboolean
take_back (CfFutureOwner *owner,
           CfFuture      *future)
{
  guint n_rounds = 0;

  while (!try_take_back (from_owner (owner), future))
    _cf_parker_relax (&n_rounds);
  cf_future_unref (future);

  return TRUE;
}

/* What a worker waits for is mostly what was submitted last: that keeps out of the way of others. */
static gboolean
claim_youngest (CfThreadPool  *self,
                CfFuture      *future,
                CfFutureClaim *taken)
{
  gboolean claimed;

  _cf_lock (&self->door);
  claimed = _cf_thread_queue_is_youngest (&self->arrivals, future) && _cf_future_claim (future, taken, TRUE);
  if (claimed)
    _cf_thread_queue_remove_youngest (&self->arrivals);
  _cf_unlock (&self->door);

  return claimed;
}

static gboolean
claim (CfFutureOwner *owner,
       CfFuture      *future,
       CfFutureClaim *taken)
{
  CfThreadPool *self = from_owner (owner);
  gboolean      claimed;

  if (claim_youngest (self, future, taken))
    return TRUE;

  _cf_lock (&self->lock);
  _cf_thread_pool_collect_quietly_locked (self);
  claimed = _cf_thread_queue_has (&self->queue, future) && _cf_future_claim (future, taken, TRUE);
  if (claimed)
    _cf_thread_queue_remove (&self->queue, future);
  _cf_unlock (&self->lock);

  return claimed;
}

static gboolean
runs_inline (CfFutureOwner *owner)
{
  return __atomic_load_n (&from_owner (owner)->inline_waits, __ATOMIC_RELAXED);
}

static guint
get_max_workers (CfFutureOwner *owner)
{
  return from_owner (owner)->max_workers;
}

static gboolean
accepts_locked (CfThreadPool *self,
                GError      **error)
{
  if (self->broken != NULL)
    g_propagate_error (error, g_error_copy (self->broken));
  else if (self->is_shutdown)
    g_set_error_literal (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SHUTDOWN, "The thread pool was shut down and takes no more work");
  else
    return TRUE;

  return FALSE;
}

typedef enum
{
  REFUSED,
  ACCEPTED,
  MUST_CALL, /* a worker, too */
} Entry;

/* @is_fresh: nobody else knows it, so that nothing was done for its sake yet. */
static Entry
enter (CfThreadPool *self,
       CfFuture     *future,
       gboolean      is_fresh,
       GError      **error)
{
  Entry entry = REFUSED;

  _cf_lock (&self->door);
  if (accepts_locked (self, error))
    {
      entry = self->must_call ? MUST_CALL : ACCEPTED;
      set_must_call (self, FALSE);
      _cf_thread_queue_append (&self->arrivals, future);
    }
  /* Not before it is in the list: whoever sees it queued takes it out, and looks at the length without the door. */
  if (!is_fresh)
    _cf_future_end_queueing (future, entry != REFUSED ? CF_FLAG_QUEUED : 0);
  _cf_unlock (&self->door);

  return entry;
}

/* What was submitted meanwhile may have been left to this worker. */
static void
stay (CfFutureOwner *owner)
{
  if (_cf_wait_thread->is_preparing)
    _cf_thread_worker_hold_up ((CfThreadWorker *) _cf_wait_thread);
  else if (_cf_thread_pool_has_work (from_owner (owner)))
    _cf_thread_pool_call_worker (from_owner (owner));
}

/* Queues a pending future. */
gboolean
_cf_thread_pool_push (CfThreadPool *self,
                      CfFuture     *future,
                      GError      **error)
{
  Entry entry;

  /* Not under the lock, nor while others wait for a step of ours: bindings are told of it. */
  _cf_future_ref (future);
  if (!_cf_future_begin_queueing (future, &self->owner))
    {
      /* Cancelled before it came here: that is all that there is to say about it. */
      _cf_future_notify_if_cancelled (future);
      cf_future_unref (future);
      return TRUE;
    }

  entry = enter (self, future, FALSE, error);
  if (entry == REFUSED)
    cf_future_unref (future);
  if (entry == REFUSED || (entry == MUST_CALL && !_cf_thread_pool_call_for (self, future, error)))
    return FALSE;
  _cf_wait_graph_scheduled (future);

  return TRUE;
}

/* The same for one that nobody else knows yet. */
gboolean
_cf_thread_pool_push_fresh (CfThreadPool *self,
                            CfFuture     *future,
                            GError      **error)
{
  Entry entry;

  _cf_future_queue_fresh (future, &self->owner);
  entry = enter (self, future, TRUE, error);
  if (entry == REFUSED)
    _cf_future_refuse_fresh (future);

  return entry == ACCEPTED || (entry == MUST_CALL && _cf_thread_pool_call_for (self, future, error));
}

CfThreadPoolCounts
_cf_thread_pool_get_counts (CfThreadPool *self)
{
  CfThreadPoolCounts counts;

  _cf_lock (&self->lock);
  _cf_thread_pool_collect_quietly_locked (self);
  counts.n_pending = self->queue.length;
  counts.n_workers = self->n_workers;
  counts.n_running = self->n_workers - self->n_searching - self->n_parked - self->n_initializing;
  counts.n_running -= count_returning_locked (self);
  _cf_unlock (&self->lock);

  return counts;
}
