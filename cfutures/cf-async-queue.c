/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-async-queue-private.h"

#include "cf-wait-graph-private.h"

void
_cf_async_queue_init (CfAsyncQueue            *self,
                      const CfAsyncQueueFuncs *funcs,
                      gpointer                 owner,
                      GMutex                  *lock,
                      gint                    *n_waiting)
{
  self->funcs = funcs;
  self->owner = owner;
  self->lock = lock;
  self->n_waiting = n_waiting;
  g_queue_init (&self->tasks);
}

static void
add_waiting (CfAsyncQueue *self,
             gint          n)
{
  __atomic_add_fetch (self->n_waiting, n, __ATOMIC_SEQ_CST);
}

/* Takes @task over, which may be over when this returns; the caller then says until when it waits. */
CfAsync *
_cf_async_queue_add (CfAsyncQueue  *self,
                     GTask         *task,
                     CfAsyncTimeOut time_out)
{
  CfAsync *async = _cf_async_new (task);

  _cf_async_set_time_out (async, time_out);
  g_mutex_lock (self->lock);
  g_queue_push_tail (&self->tasks, _cf_async_ref (async));
  add_waiting (self, 1);
  g_mutex_unlock (self->lock);
  _cf_async_queue_serve (self);

  return async;
}

/* The first task, if there is something to tell it; @is_its_end: nothing else was first to end it. */
static CfAsync *
pop (CfAsyncQueue *self,
     gboolean     *is_its_end,
     gpointer     *told)
{
  CfAsync *async = NULL;

  g_mutex_lock (self->lock);
  if (self->tasks.head != NULL && self->funcs->can_tell (self->owner))
    {
      async = g_queue_pop_head (&self->tasks);
      add_waiting (self, -1);
      *is_its_end = _cf_async_end (async);
      if (*is_its_end)
        *told = self->funcs->take (self->owner);
    }
  g_mutex_unlock (self->lock);

  return async;
}

/* Something is there: whoever waits for it is told. */
void
_cf_async_queue_serve (CfAsyncQueue *self)
{
  gboolean is_its_end = FALSE;
  gpointer told = NULL;
  CfAsync *async;

  while ((async = pop (self, &is_its_end, &told)) != NULL)
    {
      CfWaitFrame frame;

      /* What the task held may end here. */
      _cf_wait_thread_stay (&frame, NULL);
      if (is_its_end)
        self->funcs->tell (self->owner, _cf_async_get_task (async), told);
      _cf_async_unref (async);
      _cf_wait_thread_go_on (&frame);
    }
}

/* Tasks that were given up need not wait here. */
void
_cf_async_queue_forget (CfAsyncQueue *self)
{
  GList *over = NULL;

  g_mutex_lock (self->lock);
  for (GList *link = self->tasks.head, *next; link != NULL; link = next)
    {
      next = link->next;
      if (!_cf_async_is_over (link->data))
        continue;
      g_queue_unlink (&self->tasks, link);
      add_waiting (self, -1);
      over = g_list_concat (link, over);
    }
  g_mutex_unlock (self->lock);

  g_list_free_full (over, (GDestroyNotify) _cf_async_unref);
}
