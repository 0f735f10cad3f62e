/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-thread-pool-private.h"

#include "cf-error.h"

/* The queue of a thread pool: strictly first in, first out, save what is cancelled or what a worker waits for.
 *
 *   push ──▶ head ··· tail            the lock is held for moments, and never while foreign code runs
 *             │  ╲
 *             │   ╲── take_back(), claim()
 *             ▼
 *           worker: claims under the lock, runs without it
 */

static gboolean take_back (CfFutureOwner *owner,
                           CfFuture      *future);
static gboolean claim (CfFutureOwner *owner,
                       CfFuture      *future);
static gboolean runs_inline (CfFutureOwner *owner);
static guint    get_max_workers (CfFutureOwner *owner);

CfThreadPool *
_cf_thread_pool_new (void)
{
  CfThreadPool *self = g_new0 (CfThreadPool, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->owner.take_back = take_back;
  self->owner.claim = claim;
  self->owner.runs_inline = runs_inline;
  self->owner.get_max_workers = get_max_workers;
  self->indexes = g_array_new (FALSE, TRUE, sizeof (gboolean));

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
  if (self->initializer_destroy != NULL)
    self->initializer_destroy (self->initializer_data);
  g_array_unref (self->indexes);
  g_clear_error (&self->broken);
  g_free (self->name_prefix);
  g_free (self);
}

static gboolean
has_ended_locked (CfThreadPool *self)
{
  return self->n_workers == 0 && self->head == NULL;
}

/* Those who wait for the end, if it has come. */
GSList *
_cf_thread_pool_steal_enders_locked (CfThreadPool *self)
{
  return has_ended_locked (self) ? g_steal_pointer (&self->enders) : NULL;
}

void
_cf_thread_pool_tell_enders (GSList *enders)
{
  while (enders != NULL)
    {
      _cf_parker_set (enders->data, CF_PARKER_DONE);
      enders = g_slist_delete_link (enders, enders);
    }
}

static CfThreadPool *
from_owner (CfFutureOwner *owner)
{
  return (CfThreadPool *) owner;
}

static void
set_n_queued_locked (CfThreadPool *self,
                     guint         n_queued)
{
  __atomic_store_n (&self->n_queued, n_queued, __ATOMIC_RELEASE);
}

static void
append_locked (CfThreadPool *self,
               CfFuture     *future)
{
  CfFutureFields *fields = _cf_future_fields (future);

  fields->next = NULL;
  fields->prev = self->tail;
  if (self->tail != NULL)
    _cf_future_fields (self->tail)->next = future;
  else
    self->head = future;
  self->tail = future;
  set_n_queued_locked (self, self->n_queued + 1);
}

static void
unlink_locked (CfThreadPool *self,
               CfFuture     *future)
{
  CfFutureFields *fields = _cf_future_fields (future);

  if (fields->prev != NULL)
    _cf_future_fields (fields->prev)->next = fields->next;
  else
    self->head = fields->next;
  if (fields->next != NULL)
    _cf_future_fields (fields->next)->prev = fields->prev;
  else
    self->tail = fields->prev;
  set_n_queued_locked (self, self->n_queued - 1);
}

/* The oldest one, claimed, with the queue's reference.  Those that somebody is cancelling are left to him. */
CfFuture *
_cf_thread_pool_pop_locked (CfThreadPool *self)
{
  for (CfFuture *future = self->head; future != NULL; future = _cf_future_fields (future)->next)
    if (_cf_future_claim (future, FALSE))
      {
        unlink_locked (self, future);
        return future;
      }

  return NULL;
}

/* An unclaimed future of ours is in the queue: nobody takes it out without claiming it, or being asked to. */
static gboolean
take_back (CfFutureOwner *owner,
           CfFuture      *future)
{
  CfThreadPool *self = from_owner (owner);
  GSList       *enders;

  _cf_lock (&self->lock);
  unlink_locked (self, future);
  enders = _cf_thread_pool_steal_enders_locked (self);
  _cf_unlock (&self->lock);

  _cf_thread_pool_tell_enders (enders);
  cf_future_unref (future);

  return TRUE;
}

static gboolean
claim (CfFutureOwner *owner,
       CfFuture      *future)
{
  CfThreadPool *self = from_owner (owner);
  gboolean      claimed;

  _cf_lock (&self->lock);
  claimed = _cf_future_claim (future, FALSE);
  if (claimed)
    unlink_locked (self, future);
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

/* Queues a pending future. */
gboolean
_cf_thread_pool_push (CfThreadPool *self,
                      CfFuture     *future,
                      GError      **error)
{
  CfThreadCall call = { NULL, NULL };
  gboolean     accepted;

  if (!_cf_future_begin_queueing (future, &self->owner))
    {
      /* Cancelled before it came here: that is all that there is to say about it. */
      cf_future_set_running_or_notify_cancel (future);
      return TRUE;
    }

  /* Not under the lock: bindings are told of it. */
  _cf_future_ref (future);
  _cf_lock (&self->lock);
  accepted = accepts_locked (self, error);
  if (accepted)
    append_locked (self, future);
  _cf_future_end_queueing (future, accepted);
  if (accepted)
    call = _cf_thread_pool_call_locked (self);
  _cf_unlock (&self->lock);

  _cf_thread_pool_make_call (self, call);
  if (accepted)
    _cf_wait_graph_scheduled (future);
  else
    cf_future_unref (future);

  return accepted;
}

static GPtrArray *
list_queued (CfThreadPool *self)
{
  GPtrArray *futures = g_ptr_array_new_with_free_func ((GDestroyNotify) cf_future_unref);

  _cf_lock (&self->lock);
  for (CfFuture *future = self->head; future != NULL; future = _cf_future_fields (future)->next)
    g_ptr_array_add (futures, _cf_future_ref (future));
  _cf_unlock (&self->lock);

  return futures;
}

/* The youngest first: what is cancelled does not start meanwhile. */
void
_cf_thread_pool_cancel_all (CfThreadPool *self)
{
  g_autoptr (GPtrArray) futures = list_queued (self);

  for (guint i = futures->len; i > 0; i--)
    cf_future_cancel (futures->pdata[i - 1]);
}

/* Nothing runs here any more: what is queued fails, the workers end. */
void
_cf_thread_pool_break (CfThreadPool *self,
                       const GError *reason)
{
  g_autoptr (GPtrArray) futures = NULL;

  _cf_lock (&self->lock);
  if (self->broken == NULL)
    self->broken = g_error_copy (reason);
  _cf_unlock (&self->lock);

  futures = list_queued (self);
  for (guint i = 0; i < futures->len; i++)
    cf_future_set_exception (futures->pdata[i], self->broken, NULL);
  _cf_thread_pool_wake_all (self);
}

static void
await_end_in_graph (CfThreadPool *self,
                    CfParker     *parker)
{
  CfWaitRecord record = { .thread = _cf_wait_thread, .ending = &self->owner, .parker = parker };

  _cf_wait_graph_enter (&record);
  while ((_cf_parker_park (parker, -1) & CF_PARKER_DONE) == 0)
    _cf_parker_clear (parker, CF_PARKER_TOLD);
  _cf_wait_graph_leave (&record, NULL);
}

/* Waits for the last worker. */
static void
await_end (CfThreadPool *self)
{
  CfParker parker = CF_PARKER_INIT;
  gboolean has_ended;

  _cf_lock (&self->lock);
  has_ended = has_ended_locked (self);
  if (!has_ended)
    self->enders = g_slist_prepend (self->enders, &parker);
  _cf_unlock (&self->lock);

  if (has_ended)
    return;
  if (_cf_wait_thread != NULL && _cf_wait_thread->top != NULL)
    await_end_in_graph (self, &parker);
  else
    while ((_cf_parker_park (&parker, -1) & CF_PARKER_DONE) == 0)
      ;
}

static gboolean
is_stranded (CfThreadPool *self)
{
  gboolean is_stranded;

  _cf_lock (&self->lock);
  is_stranded = self->head != NULL && self->n_workers == 0;
  _cf_unlock (&self->lock);

  return is_stranded;
}

/* Work for which no thread could be started gets one more chance, and else is done here, or fails. */
static void
rescue (CfThreadPool *self,
        gboolean      may_work_here)
{
  CfThreadCall call;

  if (!is_stranded (self))
    return;
  _cf_lock (&self->lock);
  call = _cf_thread_pool_call_locked (self);
  _cf_unlock (&self->lock);
  _cf_thread_pool_make_call (self, call);

  if (!is_stranded (self))
    return;
  if (may_work_here)
    {
      _cf_thread_pool_work_here (self);
    }
  else
    {
      g_autoptr (GError) reason = g_error_new (CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN, "No thread could be started for this work");

      _cf_thread_pool_break (self, reason);
    }
}

void
_cf_thread_pool_shutdown (CfThreadPool *self,
                          gboolean      wait)
{
  gboolean is_worker = _cf_wait_thread != NULL && _cf_wait_thread->pool == &self->owner;

  _cf_lock (&self->lock);
  self->is_shutdown = TRUE;
  _cf_unlock (&self->lock);

  _cf_thread_pool_wake_all (self);
  rescue (self, wait && !is_worker);
  if (wait && !is_worker)
    await_end (self);
}

CfThreadPoolCounts
_cf_thread_pool_get_counts (CfThreadPool *self)
{
  CfThreadPoolCounts counts;

  _cf_lock (&self->lock);
  counts.n_pending = self->n_queued;
  counts.n_workers = self->n_workers;
  counts.n_running = self->n_workers - self->n_searching - self->n_parked - self->n_initializing;
  _cf_unlock (&self->lock);

  return counts;
}
