/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-watch-private.h"

#include <string.h>

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

/* A copy of the array in which each future is once, where it came first; NULL if the array is like that. */
CfFuture **
_cf_watch_distinct (CfFuture **futures,
                    gsize      n_futures,
                    gsize     *n_distinct)
{
  CfFuture **distinct = NULL;
  gsize      n = 0;
  guint      stamp;

  _cf_lock (&stamps_lock);
  stamp = next_stamp_locked ();
  for (gsize i = 0; i < n_futures; i++)
    {
      CfFutureFields *fields = _cf_future_fields (futures[i]);
      gboolean        is_new = fields->stamp != stamp;

      if (!is_new && distinct == NULL)
        {
          distinct = g_new (CfFuture *, n_futures);
          memcpy (distinct, futures, n * sizeof *distinct);
        }
      if (is_new && distinct != NULL)
        distinct[n] = futures[i];
      fields->stamp = stamp;
      n += is_new ? 1 : 0;
    }
  _cf_unlock (&stamps_lock);
  *n_distinct = n;

  return distinct;
}

/* Nodes come in chunks, which are small enough for the allocator to keep them for the next watch. */

static gsize
get_n_chunks (gsize n_nodes)
{
  return n_nodes / CF_WATCH_CHUNK + (n_nodes % CF_WATCH_CHUNK != 0);
}

/* The last one is no larger than it has to be. */
static gsize
get_chunk_size (CfWatch *self,
                gsize    chunk)
{
  return MIN (self->n_nodes - chunk * CF_WATCH_CHUNK, CF_WATCH_CHUNK) * sizeof (CfWatchNode);
}

static void
make_nodes (CfWatch *self)
{
  gsize n_chunks = get_n_chunks (self->n_nodes);

  self->chunks = g_new (CfWatchNode *, n_chunks);
  for (gsize i = 0; i < n_chunks; i++)
    self->chunks[i] = g_slice_alloc (get_chunk_size (self, i));
}

static void
free_nodes (CfWatch *self)
{
  gsize n_chunks = get_n_chunks (self->n_nodes);

  for (gsize i = 0; i < n_chunks; i++)
    g_slice_free1 (get_chunk_size (self, i), self->chunks[i]);
  g_free (self->chunks);
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
  make_nodes (self);
  for (gsize i = 0; i < n_futures; i++)
    *_cf_watch_get_node (self, i) = (CfWatchNode){
      .waiter = { .tell = tell, .kind = CF_WAITER_LIST },
      .watch = self,
      .future = _cf_future_ref (futures[i]),
    };

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
      CfWatchNode *node = _cf_watch_get_node (self, i);

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
      CfWatchNode *node = _cf_watch_get_node (self, i);

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
  CfWatch    *self = data;
  CfWaitFrame frame;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  /* What it held may end here, in the worker that told it last. */
  _cf_wait_thread_stay (&frame, NULL);
  if (self->clear != NULL)
    self->clear (self);
  for (gsize i = 0; i < self->n_nodes; i++)
    if (_cf_watch_get_node (self, i)->future != NULL)
      cf_future_unref (_cf_watch_get_node (self, i)->future);
  _cf_wait_thread_go_on (&frame);
  free_nodes (self);
  g_free (self);
}
