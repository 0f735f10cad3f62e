/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-process-manager-private.h"

/* The window of a worker: calls lie in slots in the order in which they were sent, and the worker runs them in that
 * order.  The oldest is taken as running; those behind it can be taken back until the worker claims them.
 *
 *      head                tail
 *       ▼                   ▼
 *   ── running · sent · ( ) · sent · free ──      ( ) was taken back
 */

/* How many calls are on their way, and how many slots lie between the oldest and the newest one. */
CfProcessLoad
_cf_process_worker_get_load (CfProcessWorker *self)
{
  CfProcessLoad load;

  g_mutex_lock (&self->manager->lock);
  load.n_in_flight = self->n_in_flight;
  load.n_slots = self->tail - self->head;
  g_mutex_unlock (&self->manager->lock);

  return load;
}

static CfProcessCall **
slot_at (CfProcessWorker *self,
         guint            index)
{
  return &self->slots[index % CF_PAGE_N_SLOTS];
}

static void
skip_holes_locked (CfProcessWorker *self)
{
  while (self->head != self->tail && *slot_at (self, self->head) == NULL)
    self->head++;
}

/* Takes @call out of its slot; the caller gets the slot's reference. */
CfProcessCall *
_cf_process_worker_remove_locked (CfProcessWorker *self,
                                  CfProcessCall   *call)
{
  *slot_at (self, call->slot) = NULL;
  call->worker = NULL;
  if (--self->n_in_flight == 0)
    self->manager->n_busy--;
  skip_holes_locked (self);

  return call;
}

/* Takes @call back, with what was not sent of it, unless the worker has started it or is to end with it; the caller gets the
 * slot's reference. */
gboolean
_cf_process_worker_take_back_locked (CfProcessWorker *self,
                                     CfProcessCall   *call)
{
  if (!_cf_page_take_back (_cf_worker_process_get_page (self->process), call->slot % CF_PAGE_N_SLOTS, call->id) || call->is_abandoned)
    return FALSE;

  call->unsent = _cf_worker_process_take_unsent (self->process, call->id);
  _cf_process_worker_remove_locked (self, call);

  return TRUE;
}

/* No call has the id 0. */
CfProcessCall *
_cf_process_worker_dup_call_locked (CfProcessWorker *self,
                                    guint64          id)
{
  for (guint i = self->head; i != self->tail; i++)
    {
      CfProcessCall *call = *slot_at (self, i);

      if (call != NULL && call->id == id)
        return _cf_process_call_ref (call);
    }

  return NULL;
}

CfProcessCall *
_cf_process_worker_dup_oldest (CfProcessWorker *self)
{
  CfProcessCall *oldest = NULL;

  g_mutex_lock (&self->manager->lock);
  if (self->n_in_flight > 0)
    oldest = _cf_process_call_ref (*slot_at (self, self->head));
  g_mutex_unlock (&self->manager->lock);

  return oldest;
}

/* Forgets a call that needs nothing from a worker any more, wherever it is by now. */
gboolean
_cf_process_worker_drop_call (CfProcessWorker *self,
                              CfProcessCall   *call)
{
  gboolean was_here;

  g_mutex_lock (&self->manager->lock);
  was_here = call->worker == self || call->is_queued;
  if (call->is_queued)
    g_queue_unlink (&self->manager->queue, &call->link);
  else if (was_here)
    _cf_process_worker_remove_locked (self, call);
  call->is_queued = FALSE;
  if (was_here)
    g_hash_table_remove (self->manager->calls, call->future);
  g_mutex_unlock (&self->manager->lock);

  _cf_process_call_unwatch (call);
  if (was_here)
    _cf_process_call_unref (call);

  return was_here;
}

/* One that can still be cancelled must not lie here with its arguments, and large ones are not copied. */
static gboolean
takes_locked (CfProcessWorker *self,
              GList           *link)
{
  return link != NULL && (self->n_in_flight == 0 || !((CfProcessCall *) link->data)->is_large);
}

/* Moves the first call of the queue here and tells as what to send it. */
CfProcessCall *
_cf_process_worker_take_from_queue (CfProcessWorker *self,
                                    gboolean        *is_first,
                                    CfWireFrame     *frame)
{
  CfProcessManager *manager = self->manager;
  CfProcessCall    *call = NULL;
  GList            *link;

  g_mutex_lock (&manager->lock);
  link = manager->queue.head;
  if (takes_locked (self, link))
    {
      g_queue_unlink (&manager->queue, link);
      call = _cf_process_call_ref (link->data);
      call->is_queued = FALSE;
      call->worker = self;
      call->id = self->last_id = ++manager->last_id;
      call->slot = self->tail++;
      *slot_at (self, call->slot) = call;
      *is_first = self->n_in_flight++ == 0;
      if (*is_first)
        {
          self->head = call->slot;
          manager->n_busy++;
        }
      frame->task = call->id;
      frame->index = call->slot % CF_PAGE_N_SLOTS;
      frame->is_copied = !*is_first && call->chunk == NULL;
      _cf_page_offer (_cf_worker_process_get_page (self->process), frame->index, call->id);
    }
  g_mutex_unlock (&manager->lock);

  return call;
}

/* Whether calls that it has not started lie behind one that holds them up. */
gboolean
_cf_process_worker_has_waiting (CfProcessWorker *self)
{
  CfPage  *page = _cf_worker_process_get_page (self->process);
  gboolean has_waiting = FALSE;

  if (self->state != CF_PROCESS_WORKER_READY)
    return FALSE;

  g_mutex_lock (&self->manager->lock);
  for (guint i = self->tail; self->n_in_flight > 1 && i != self->head && !has_waiting; i--)
    {
      CfProcessCall *call = *slot_at (self, i - 1);

      has_waiting = call != NULL && !call->is_abandoned && !_cf_page_is_started (page, call->slot % CF_PAGE_N_SLOTS, call->id);
    }
  g_mutex_unlock (&self->manager->lock);

  return has_waiting;
}

/* Takes back what the worker has not started, to the front of the queue; returns how many. */
guint
_cf_process_worker_take_back_all (CfProcessWorker *self)
{
  CfProcessManager *manager = self->manager;
  guint             n = 0, head;

  g_mutex_lock (&manager->lock);
  head = self->head;
  for (guint i = self->tail; i != head; i--)
    {
      CfProcessCall *call = *slot_at (self, i - 1);

      if (call != NULL && _cf_process_worker_take_back_locked (self, call))
        {
          call->is_queued = TRUE;
          g_queue_push_head_link (&manager->queue, &call->link);
          n++;
        }
    }
  g_mutex_unlock (&manager->lock);

  return n;
}

/* The call that runs there, as far as can be seen: the newest one that cannot be taken back, as those before it are over.
 * The others are out of the way then. */
CfProcessCall *
_cf_process_worker_dup_running (CfProcessWorker *self)
{
  CfProcessCall *running = NULL;

  if (self->has_page)
    _cf_process_worker_take_back_all (self);

  g_mutex_lock (&self->manager->lock);
  for (guint i = self->tail; i != self->head && running == NULL; i--)
    if (*slot_at (self, i - 1) != NULL)
      running = _cf_process_call_ref (*slot_at (self, i - 1));
  g_mutex_unlock (&self->manager->lock);

  return running;
}
