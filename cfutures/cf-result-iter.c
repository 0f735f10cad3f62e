/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-result-iter-private.h"

/**
 * CfResultIter:
 *
 * The results of a map, in the order of its items.
 *
 * It is made by [method@Executor.map]. A call that failed gives its error at
 * its turn, and the iteration goes on after it. So %NULL is the end only if
 * there is no error:
 *
 * ```c
 * g_autoptr (CfResultIter) iter = cf_executor_map (executor, is_prime, numbers, -1, 1, 0, &error);
 *
 * for (;;)
 *   {
 *     g_autoptr (GError) failure = NULL;
 *     g_autoptr (GVariant) result = cf_result_iter_next (iter, &failure);
 *
 *     if (result == NULL && failure == NULL)
 *       break;
 *     show (result, failure);
 *   }
 * ```
 *
 * Dropping the iterator cancels nothing; [method@ResultIter.close] does.
 *
 * Since: 1.0
 */

G_DEFINE_FINAL_TYPE (CfResultIter, cf_result_iter, G_TYPE_OBJECT)

static void
cf_result_iter_dispose (GObject *object)
{
  CfResultIter *self = CF_RESULT_ITER (object);

  if (self->map != NULL)
    _cf_map_set_ready (self->map, NULL, NULL);

  G_OBJECT_CLASS (cf_result_iter_parent_class)->dispose (object);
}

static void
cf_result_iter_finalize (GObject *object)
{
  CfResultIter *self = CF_RESULT_ITER (object);

  if (self->map != NULL)
    _cf_map_forget_futures (self->map);
  g_clear_pointer (&self->map, _cf_map_unref);
  _cf_map_feed_clear (&self->feed);
  g_queue_clear_full (&self->given_back, _cf_told_free);
  g_mutex_clear (&self->lock);

  G_OBJECT_CLASS (cf_result_iter_parent_class)->finalize (object);
}

static void
cf_result_iter_class_init (CfResultIterClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = cf_result_iter_dispose;
  G_OBJECT_CLASS (klass)->finalize = cf_result_iter_finalize;
}

static void
cf_result_iter_init (CfResultIter *self)
{
  g_mutex_init (&self->lock);
  g_queue_init (&self->given_back);
  self->deadline = -1;
}

static CfResultIter *
iter_new (CfMap        *map,
          CfMapSchedule schedule,
          gint64        timeout_us)
{
  CfResultIter *self = g_object_new (CF_TYPE_RESULT_ITER, NULL);

  self->map = map;
  _cf_result_iter_init_tasks (self);
  _cf_map_feed_init (&self->feed, map, schedule, &self->lock);
  self->deadline = _cf_deadline_from_timeout (timeout_us);

  return self;
}

/* Takes @map over.  NULL: not even the first chunk could be submitted. */
CfResultIter *
_cf_result_iter_new (CfMap        *map,
                     GObject      *executor,
                     CfMapSchedule schedule,
                     gint64        timeout_us,
                     guint         chunksize,
                     guint         buffersize,
                     GError      **error)
{
  g_autoptr (CfResultIter) self = iter_new (map, schedule, timeout_us);

  return _cf_map_feed_begin (&self->feed, executor, chunksize, buffersize, error) ? g_steal_pointer (&self) : NULL;
}

/* The same for an executor whose workers share the items among them. */
CfResultIter *
_cf_result_iter_new_sharing (CfMap        *map,
                             GObject      *executor,
                             CfMapSchedule schedule,
                             gint64        timeout_us,
                             guint         n_workers,
                             GError      **error)
{
  g_autoptr (CfResultIter) self = iter_new (map, schedule, timeout_us);

  return _cf_map_feed_share (&self->feed, executor, n_workers, error) ? g_steal_pointer (&self) : NULL;
}

/* Yielding */

/* What would be taken. */
CfResultStep
_cf_result_iter_look_locked (CfResultIter *self)
{
  CfMapFeed *feed = &self->feed;

  if (feed->is_over || _cf_map_feed_is_empty_locked (feed))
    return CF_RESULT_STEP_END;
  if (feed->n_yielded == feed->n_submitted || !_cf_map_has (self->map, feed->n_yielded))
    return CF_RESULT_STEP_WAIT;

  return CF_RESULT_STEP_YIELD;
}

CfResultStep
_cf_result_iter_take_locked (CfResultIter *self,
                             gsize        *index,
                             GError      **error)
{
  CfMapFeed   *feed = &self->feed;
  CfResultStep step = _cf_result_iter_look_locked (self);

  *index = feed->n_yielded;
  if (step == CF_RESULT_STEP_YIELD)
    feed->n_yielded++;
  if (step != CF_RESULT_STEP_END || feed->is_over)
    return step;

  feed->is_over = TRUE;
  if (feed->refusal != NULL)
    g_propagate_error (error, g_steal_pointer (&feed->refusal));

  return CF_RESULT_STEP_END;
}

GVariant *
_cf_result_iter_yield_item (CfResultIter *self,
                            gsize         index,
                            gboolean      may_submit,
                            GError      **error)
{
  GVariant *result = _cf_map_take (self->map, index, error);

  if ((index + 1) % self->feed.chunksize == 0)
    _cf_map_forget_chunk (self->map, index / self->feed.chunksize);
  if (index + 1 == _cf_map_get_n_items (self->map))
    _cf_map_forget_futures (self->map);
  if (may_submit)
    _cf_map_feed_submit_more (&self->feed);

  return result;
}

static CfResultStep
step (CfResultIter *self,
      gsize        *index,
      GVariant    **result,
      GError      **error)
{
  CfResultStep next = CF_RESULT_STEP_YIELD;
  CfTold      *again;
  gboolean     may_submit;

  g_mutex_lock (&self->lock);
  again = g_queue_pop_head (&self->given_back);
  if (again == NULL)
    next = _cf_result_iter_take_locked (self, index, error);
  may_submit = self->feed.executor != NULL;
  g_mutex_unlock (&self->lock);

  if (again != NULL)
    *result = _cf_told_open (again, error);
  else
    *result = next == CF_RESULT_STEP_YIELD ? _cf_result_iter_yield_item (self, *index, may_submit, error) : NULL;
  /* What was done before it counted as submitted was told to nobody. */
  if (may_submit && next == CF_RESULT_STEP_YIELD && g_atomic_int_get (_cf_map_get_n_waiting (self->map)) > 0)
    _cf_result_iter_serve_tasks (self);

  return next;
}

static gboolean
is_late (CfResultIter *self)
{
  return self->deadline >= 0 && g_get_monotonic_time () >= self->deadline;
}

/* FALSE: it was over before. */
static gboolean
end (CfResultIter *self)
{
  g_autoptr (GObject) executor = NULL;
  gboolean was_over;

  g_mutex_lock (&self->lock);
  was_over = self->feed.is_over;
  executor = _cf_map_feed_end_locked (&self->feed);
  g_mutex_unlock (&self->lock);

  if (!was_over)
    _cf_map_cancel_rest (self->map);

  return !was_over;
}

void
_cf_result_iter_time_out (CfResultIter *self,
                          GError      **error)
{
  if (end (self))
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "The results were not there in time");
}

typedef struct
{
  CfResultIter *iter;
  gsize         index;
} Awaited;

/* An item may be done before it counts as submitted. */
static gboolean
is_there (gpointer data)
{
  Awaited      *awaited = data;
  CfResultIter *self = awaited->iter;
  gboolean      is_there;

  if (!_cf_map_has (self->map, awaited->index))
    return FALSE;

  g_mutex_lock (&self->lock);
  is_there = self->feed.n_yielded != awaited->index || _cf_result_iter_look_locked (self) != CF_RESULT_STEP_WAIT;
  g_mutex_unlock (&self->lock);

  return is_there;
}

/**
 * cf_result_iter_next:
 * @self: an iterator
 * @error: return location for an error
 *
 * Waits for the next result.
 *
 * This blocks: in a thread that runs a main loop, use
 * [method@ResultIter.next_async] instead.
 *
 * @error is the error of the call, or %G_IO_ERROR_CANCELLED if it was cancelled.
 * When the time has run out, it is %G_IO_ERROR_TIMED_OUT, and when the rest can
 * no longer be submitted, %CF_EXECUTOR_ERROR_SHUTDOWN: each of the two comes
 * once, and then the end. A wait that could never end fails with
 * %CF_EXECUTOR_ERROR_DEADLOCK.
 *
 * Returns: (transfer full) (nullable): the result; %NULL without an error at
 *   the end
 *
 * Since: 1.0
 */
GVariant *
cf_result_iter_next (CfResultIter *self,
                     GError      **error)
{
  GVariant *result;
  gsize     index;

  g_return_val_if_fail (CF_IS_RESULT_ITER (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  while (step (self, &index, &result, error) == CF_RESULT_STEP_WAIT)
    {
      Awaited awaited = { self, index };
      g_autoptr (GError) hopeless = NULL;

      if (is_late (self))
        {
          _cf_result_iter_time_out (self, error);
          return NULL;
        }
      if (self->deadline < 0 && _cf_map_run_inline (self->map, index))
        continue;
      if (_cf_spin (is_there, &awaited) || _cf_map_sleep (self->map, index, is_there, &awaited, self->deadline, &hopeless) ||
          _cf_map_run_inline (self->map, index))
        continue;
      g_propagate_error (error, g_steal_pointer (&hopeless));
      return NULL;
    }

  return result;
}

/**
 * cf_result_iter_close:
 * @self: an iterator
 *
 * Cancels what has not started, and ends the iteration.
 *
 * This does not block. Closing it again does nothing.
 *
 * Since: 1.0
 */
void
cf_result_iter_close (CfResultIter *self)
{
  g_return_if_fail (CF_IS_RESULT_ITER (self));

  if (end (self))
    _cf_result_iter_serve_tasks (self);
}
