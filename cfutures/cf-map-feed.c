/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-map-feed-private.h"

void
_cf_map_feed_init (CfMapFeed    *self,
                   CfMap        *map,
                   CfMapSchedule schedule,
                   GMutex       *lock)
{
  self->map = map;
  self->schedule = schedule;
  self->lock = lock;
}

void
_cf_map_feed_clear (CfMapFeed *self)
{
  g_clear_object (&self->executor);
  g_clear_error (&self->refusal);
}

/* The executor to submit one more chunk to, with a reference, if there is room for one. */
static GObject *
begin_chunk (CfMapFeed *self,
             gsize     *chunk)
{
  GObject *executor = NULL;
  gsize    n_items = _cf_map_get_n_items (self->map);

  g_mutex_lock (self->lock);
  if (!self->is_submitting && !self->is_over && self->executor != NULL && self->n_submitted < n_items &&
      self->n_submitted - self->n_yielded <= self->window - self->chunksize)
    {
      executor = g_object_ref (self->executor);
      self->is_submitting = TRUE;
      *chunk = self->n_submitted / self->chunksize;
    }
  g_mutex_unlock (self->lock);

  return executor;
}

static void
end_chunk (CfMapFeed *self,
           GError    *refusal)
{
  gsize    n_items = _cf_map_get_n_items (self->map);
  GObject *executor = NULL;

  g_mutex_lock (self->lock);
  self->is_submitting = FALSE;
  self->refusal = refusal;
  if (refusal == NULL)
    self->n_submitted += MIN (self->chunksize, n_items - self->n_submitted);
  if (refusal != NULL || self->n_submitted == n_items)
    executor = g_steal_pointer (&self->executor);
  g_mutex_unlock (self->lock);

  if (executor != NULL)
    g_object_unref (executor);
}

static gboolean
is_over (CfMapFeed *self)
{
  gboolean is_over;

  g_mutex_lock (self->lock);
  is_over = self->is_over;
  g_mutex_unlock (self->lock);

  return is_over;
}

static void
submit_chunk (CfMapFeed *self,
              GObject   *executor,
              gsize      chunk)
{
  g_autoptr (CfFuture) future = _cf_map_make_chunk (self->map, chunk);
  g_autoptr (GError) reason = NULL;
  GError *refusal = NULL;

  /* Who ended the iteration before the map had the future did not find it there. */
  if (is_over (self))
    cf_future_cancel (future);
  else if (!self->schedule (executor, future, &refusal))
    reason = g_error_copy (refusal);
  end_chunk (self, refusal);
  /* Not before: who waits for it in another thread is woken, and finds the refusal. */
  if (reason != NULL)
    _cf_future_fail_pending (future, reason);
  _cf_map_tell_submitted (self->map, chunk);
}

void
_cf_map_feed_submit_more (CfMapFeed *self)
{
  GObject *executor;
  gsize    chunk;

  while ((executor = begin_chunk (self, &chunk)) != NULL)
    {
      submit_chunk (self, executor, chunk);
      g_object_unref (executor);
    }
}

/* FALSE: there is nothing to wait for but the refusal. */
static gboolean
has_begun (CfMapFeed *self,
           GError   **error)
{
  if (self->n_submitted > 0 || self->refusal == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&self->refusal));

  return FALSE;
}

/* In chunks.  FALSE: not even the first one could be submitted. */
gboolean
_cf_map_feed_begin (CfMapFeed *self,
                    GObject   *executor,
                    guint      chunksize,
                    guint      buffersize,
                    GError   **error)
{
  gsize n_items = MAX (_cf_map_get_n_items (self->map), 1);

  self->chunksize = MIN (chunksize, n_items);
  self->window = buffersize == 0 ? n_items + self->chunksize : MIN (buffersize, n_items);
  self->window = (self->window + self->chunksize - 1) / self->chunksize * self->chunksize;
  if (_cf_map_get_n_items (self->map) > 0)
    self->executor = g_object_ref (executor);
  _cf_map_feed_submit_more (self);

  return has_begun (self, error);
}

/* Somebody shut the executor down meanwhile: those that share it already work on no more than what they have taken. */
static void
stop_sharing (CfMapFeed *self,
              GError    *refusal)
{
  self->n_submitted = _cf_map_stop_sharing (self->map);
  if (self->n_submitted < _cf_map_get_n_items (self->map))
    self->refusal = refusal;
  else
    g_error_free (refusal);
}

/* The same for an executor whose workers share the items among them.  There is one share more than workers, so that a
 * shutdown that cancels always finds one that waits. */
gboolean
_cf_map_feed_share (CfMapFeed *self,
                    GObject   *executor,
                    guint      n_workers,
                    GError   **error)
{
  gsize n_shares = MIN (_cf_map_get_n_chunks (self->map), n_workers);

  self->chunksize = 1;
  self->n_submitted = _cf_map_get_n_items (self->map);
  for (gsize i = 0; i < n_shares + (n_shares > 0); i++)
    {
      g_autoptr (CfFuture) future = _cf_map_make_worker (self->map);
      GError *refusal = NULL;

      if (self->schedule (executor, future, &refusal))
        continue;
      stop_sharing (self, refusal);
      cf_future_cancel (future);
      break;
    }

  return has_begun (self, error);
}

/* Nothing more is submitted.  Returns the executor (nullable), which the caller lets go without the lock. */
GObject *
_cf_map_feed_end_locked (CfMapFeed *self)
{
  self->is_over = TRUE;

  return g_steal_pointer (&self->executor);
}

/* All that was submitted was yielded, and nothing more will be submitted. */
gboolean
_cf_map_feed_is_empty_locked (CfMapFeed *self)
{
  return self->n_yielded == self->n_submitted && (self->refusal != NULL || self->executor == NULL);
}
