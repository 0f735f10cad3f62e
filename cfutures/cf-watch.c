/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-watch-private.h"

#include "cf-parker-private.h"
#include "cf-wait-graph-private.h"

/* A future that carries the stamp of a list was seen in it before.  Lists that are read at the same time would wipe out
 * each other's stamps, so there is one at a time, and nothing else is done meanwhile. */
static CfLock stamps_lock;
static guint  last_stamp; /* (stamps lock) */

static guint
next_stamp_locked (void)
{
  if (++last_stamp == 0)
    last_stamp++;

  return last_stamp;
}

gboolean
_cf_are_futures (CfFuture **futures,
                 gsize      n_futures)
{
  for (gsize i = 0; i < n_futures; i++)
    if (!_cf_is_future (futures[i]))
      return FALSE;

  return TRUE;
}

/* A copy of the array in which each future is once, where it came first. */
CfFuture **
_cf_watch_distinct (CfFuture **futures,
                    gsize      n_futures,
                    gsize     *n_distinct)
{
  CfFuture **distinct = g_new (CfFuture *, n_futures + 1);
  gsize      n = 0;
  guint      stamp;

  _cf_lock (&stamps_lock);
  stamp = next_stamp_locked ();
  for (gsize i = 0; i < n_futures; i++)
    {
      CfFutureFields *fields = _cf_future_fields (futures[i]);

      if (fields->stamp == stamp)
        continue;
      fields->stamp = stamp;
      distinct[n++] = futures[i];
    }
  _cf_unlock (&stamps_lock);
  *n_distinct = n;

  return distinct;
}

static void
tell (CfWaiter        *waiter,
      CfFuture *future G_GNUC_UNUSED)
{
  CfWatchNode *node = (CfWatchNode *) waiter;
  CfWatch     *self = node->watch;

  self->completed (self, node);
  _cf_watch_unref (self);
}

/* Makes a watch, at the beginning of a block of @size bytes, that holds the @futures and does not look at them yet. */
gpointer
_cf_watch_new (gsize          size,
               CfFuture     **futures,
               gsize          n_futures,
               CfWatchFunc    completed,
               GDestroyNotify clear)
{
  CfWatch *self = g_malloc0 (size);

  g_atomic_ref_count_init (&self->ref_count);
  self->completed = completed;
  self->clear = clear;
  self->n_nodes = n_futures;
  self->n_left = n_futures;
  self->nodes = g_new0 (CfWatchNode, n_futures);
  for (gsize i = 0; i < n_futures; i++)
    {
      self->nodes[i].waiter.tell = tell;
      self->nodes[i].waiter.kind = CF_WAITER_LIST;
      self->nodes[i].watch = self;
      self->nodes[i].future = _cf_future_ref (futures[i]);
    }

  return self;
}

/* From now on completed() is called, here and now for those that are done. */
void
_cf_watch_start (CfWatch *self)
{
  /* All at once: it is too late to count when the first one is told. */
  g_atomic_int_add ((gint *) &self->ref_count, (gint) self->n_nodes);
  for (gsize i = 0; i < self->n_nodes; i++)
    {
      CfWatchNode *node = &self->nodes[i];

      /* The node is another thread's as soon as it is added. */
      if (!_cf_future_add_waiter (node->future, &node->waiter))
        tell (&node->waiter, node->future);
    }
}

/* For those that were not told, that is the end of it. */
void
_cf_watch_stop (CfWatch *self)
{
  for (gsize i = 0; i < self->n_nodes; i++)
    {
      CfWatchNode *node = &self->nodes[i];

      if (node->future != NULL && _cf_future_remove_waiter (node->future, &node->waiter))
        _cf_watch_unref (self);
    }
}

CfWatch *
_cf_watch_ref (CfWatch *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
_cf_watch_unref (gpointer data)
{
  CfWatch *self = data;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  /* What it held may end here, in the worker that told it last. */
  _cf_wait_thread_stay ();
  if (self->clear != NULL)
    self->clear (self);
  for (gsize i = 0; i < self->n_nodes; i++)
    if (self->nodes[i].future != NULL)
      cf_future_unref (self->nodes[i].future);
  _cf_wait_thread_go_on ();
  g_free (self->nodes);
  g_free (self);
}
