/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-thread-pool-private.h"

#include "cf-error.h"

/* How a thread pool comes to its end: shut down, or broken. */

static gboolean
has_ended_locked (CfThreadPool *self)
{
  return self->n_workers == 0 && !_cf_thread_pool_has_work (self);
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

static void
add_to_list (CfFuture *future,
             gpointer  list)
{
  g_ptr_array_add (list, _cf_future_ref (future));
}

static GPtrArray *
list_queued_locked (CfThreadPool *self)
{
  GPtrArray *futures = g_ptr_array_new_with_free_func ((GDestroyNotify) cf_future_unref);

  _cf_thread_pool_collect_quietly_locked (self);
  _cf_thread_queue_foreach (&self->queue, add_to_list, futures);

  return futures;
}

static GPtrArray *
list_queued (CfThreadPool *self)
{
  GPtrArray *futures;

  _cf_lock (&self->lock);
  futures = list_queued_locked (self);
  _cf_unlock (&self->lock);

  return futures;
}

/* The youngest first: what is cancelled does not start meanwhile. */
static void
cancel_all (CfThreadPool *self)
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
  _cf_lock (&self->door);
  if (self->broken == NULL)
    self->broken = g_error_copy (reason);
  _cf_unlock (&self->door);
  _cf_unlock (&self->lock);

  futures = list_queued (self);
  for (guint i = 0; i < futures->len; i++)
    _cf_future_fail_pending (futures->pdata[i], self->broken);
  _cf_thread_pool_wake_all (self);
}

/* No thread could be started.  If there is no worker, @future is taken out of the queue again, and what else counted on that
 * thread fails: it would wait for as long as nobody submits anything.  FALSE: @future has gone its way, or will. */
gboolean
_cf_thread_pool_give_up (CfThreadPool *self,
                         CfFuture     *future,
                         const GError *reason)
{
  g_autoptr (GPtrArray) stranded = NULL;
  gboolean is_out = FALSE;

  _cf_lock (&self->lock);
  if (self->n_workers == 0)
    stranded = list_queued_locked (self);
  _cf_unlock (&self->lock);

  for (guint i = 0; stranded != NULL && i < stranded->len; i++)
    if (stranded->pdata[i] == future)
      is_out = _cf_future_withdraw (future);
    else
      _cf_future_fail_pending (stranded->pdata[i], reason);

  return is_out;
}

static void
park_until_end (CfParker *parker)
{
  while ((_cf_parker_park (parker, -1) & CF_PARKER_DONE) == 0)
    _cf_parker_clear (parker, CF_PARKER_TOLD);
}

static void
leave_enders (CfThreadPool *self,
              CfParker     *parker)
{
  GSList *link;

  _cf_lock (&self->lock);
  link = g_slist_find (self->enders, parker);
  self->enders = g_slist_delete_link (self->enders, link);
  _cf_unlock (&self->lock);

  /* Who took it from the list is going to touch it. */
  if (link == NULL)
    park_until_end (parker);
}

/* That may never be: then it is as if it had not waited. */
static void
await_end_in_graph (CfThreadPool *self,
                    CfParker     *parker)
{
  CfWaitRecord record = { .thread = _cf_wait_thread, .ending = &self->owner, .parker = parker };

  _cf_wait_graph_enter (&record);
  _cf_parker_park (parker, -1);
  if (!_cf_wait_graph_leave_ending (&record))
    leave_enders (self, parker);
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
    park_until_end (&parker);
}

static gboolean
is_stranded (CfThreadPool *self)
{
  gboolean is_stranded;

  _cf_lock (&self->lock);
  is_stranded = _cf_thread_pool_has_work (self) && self->n_workers == 0;
  _cf_unlock (&self->lock);

  return is_stranded;
}

/* Work for which no thread could be started gets one more chance, and else is done here, or fails. */
static void
rescue (CfThreadPool *self,
        gboolean      may_work_here)
{
  if (!is_stranded (self))
    return;
  _cf_thread_pool_call_worker (self);

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

static void
close_door (CfThreadPool *self)
{
  _cf_lock (&self->lock);
  _cf_lock (&self->door);
  self->is_shutdown = TRUE;
  _cf_unlock (&self->door);
  _cf_unlock (&self->lock);
}

void
_cf_thread_pool_shutdown (CfThreadPool *self,
                          gboolean      wait,
                          gboolean      cancel_futures)
{
  gboolean is_worker = _cf_wait_thread != NULL && _cf_wait_thread->pool == &self->owner;

  /* First: nothing comes in behind what is cancelled. */
  close_door (self);
  if (cancel_futures)
    cancel_all (self);
  _cf_thread_pool_wake_all (self);
  rescue (self, wait && !is_worker);
  if (wait && !is_worker)
    await_end (self);
}
