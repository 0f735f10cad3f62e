/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-wait.h"

#include "cf-async-private.h"
#include "cf-future-private.h"
#include "cf-parker-private.h"
#include "cf-wait-graph-private.h"
#include "cf-wanted-private.h"
#include "cf-watch-private.h"

/* How many of a long list a worker looks at after each that it runs itself. */
#define LOOK_AT 64

/* A watch that tells once: when the condition is met. */
typedef struct
{
  CfWatch      watch;
  CfReturnWhen return_when;
  CfParker     parker;
  CfFuture    *hope;  /* (atomic) (nullable): not a reference; if it is not enough, the wait may be hopeless */
  CfAsync     *async; /* (const) (owned) (nullable) */
} Watch;

static void
completed (CfWatch     *watch,
           CfWatchNode *node)
{
  Watch      *self = (Watch *) watch;
  CfWaitFrame frame;
  gboolean    is_last = __atomic_sub_fetch (&watch->n_left, 1, __ATOMIC_ACQ_REL) == 0;

  if (!is_last && !_cf_wanted_is_enough (node->future, self->return_when))
    {
      if (__atomic_load_n (&self->hope, __ATOMIC_SEQ_CST) == node->future)
        _cf_parker_set (&self->parker, CF_PARKER_TOLD);
      return;
    }
  if (self->async == NULL)
    {
      _cf_parker_set (&self->parker, CF_PARKER_DONE);
      return;
    }

  /* What the task held may end here. */
  _cf_wait_thread_stay (&frame, NULL);
  if (_cf_async_end (self->async))
    g_task_return_boolean (_cf_async_get_task (self->async), TRUE);
  _cf_wait_thread_go_on (&frame);
}

static void
watch_clear (gpointer data)
{
  g_clear_pointer (&((Watch *) data)->async, _cf_async_unref);
}

static Watch *
watch_new (const CfWanted *wanted,
           CfAsync        *async)
{
  Watch *self = _cf_watch_new (sizeof (Watch), wanted->futures, wanted->n, completed, watch_clear);

  self->return_when = wanted->return_when;
  self->async = async;

  return self;
}

static CfWaitMode
wait_mode (CfReturnWhen return_when)
{
  if (return_when == CF_FIRST_COMPLETED)
    return CF_WAIT_ANY;

  return return_when == CF_FIRST_EXCEPTION ? CF_WAIT_EXCEPTION : CF_WAIT_ALL;
}

static gboolean
park_in_graph (CfWaitThread   *thread,
               const CfWanted *wanted,
               Watch          *watch,
               GError        **error)
{
  CfWaitRecord record = {
    .thread = thread,
    .mode = wait_mode (wanted->return_when),
    .targets = wanted->futures,
    .n_targets = wanted->n,
    .parker = &watch->parker,
    .hope = wanted->return_when == CF_FIRST_EXCEPTION ? &watch->hope : NULL,
  };

  _cf_wait_graph_enter (&record);
  _cf_parker_park (&watch->parker, -1);

  return _cf_wait_graph_leave (&record, error);
}

static gboolean
has_bits (gpointer parker)
{
  return _cf_parker_get (parker) != 0;
}

/* FALSE: the time ran out, or, with an error, the condition can never be met. */
static gboolean
sleep_until_met (const CfWanted *wanted,
                 gint64          deadline,
                 GError        **error)
{
  Watch        *watch = watch_new (wanted, NULL);
  CfWaitThread *thread = deadline < 0 ? _cf_wait_thread : NULL;
  gboolean      met;

  _cf_watch_start (&watch->watch);
  if (!_cf_spin (has_bits, &watch->parker))
    {
      if (thread != NULL && thread->top != NULL)
        park_in_graph (thread, wanted, watch, error);
      else
        _cf_parker_park (&watch->parker, deadline);
    }

  met = (_cf_parker_get (&watch->parker) & CF_PARKER_DONE) != 0;
  _cf_watch_stop (&watch->watch);
  _cf_watch_unref (watch);

  return met;
}

/* Whether one of the next few is enough: looking at all of them after each would be too much. */
static gboolean
is_met_among_next (const CfWanted *self,
                   gsize          *next)
{
  if (self->return_when == CF_ALL_COMPLETED)
    return FALSE;

  for (gsize n = 0; n < MIN (self->n, LOOK_AT); n++)
    {
      CfFuture *future = self->futures[(*next)++ % self->n];

      if (_cf_future_is_listed (future) && _cf_wanted_is_enough (future, self->return_when))
        return TRUE;
    }

  return FALSE;
}

/* A worker runs what of it is queued in its own pool, one after the other, until the condition is met.  TRUE: it ran
 * one at least. */
static gboolean
run_inline (const CfWanted *wanted)
{
  gboolean ran = FALSE;
  gsize    next = 0;

  if (_cf_wait_thread == NULL)
    return FALSE;

  for (gsize i = 0; i < wanted->n; i++)
    {
      if (!_cf_future_run_inline (wanted->futures[i]))
        continue;
      ran = TRUE;
      if (_cf_wanted_is_enough (wanted->futures[i], wanted->return_when) || is_met_among_next (wanted, &next))
        break;
    }

  return ran;
}

static gboolean
await_for_ever (const CfWanted *wanted,
                GError        **error)
{
  for (;;)
    {
      g_autoptr (GError) hopeless = NULL;

      /* Nothing is run for what is there already. */
      if (_cf_wanted_is_met (wanted))
        return TRUE;
      if (run_inline (wanted))
        continue;
      if (sleep_until_met (wanted, -1, &hopeless))
        return TRUE;

      /* Something may have come into the queue only while we slept. */
      if (hopeless == NULL || run_inline (wanted))
        continue;
      g_propagate_error (error, g_steal_pointer (&hopeless));
      return FALSE;
    }
}

/* All of them, for who is no worker: one after the other, the youngest first.  The others are mostly done by then, and
 * the thread sleeps once. */
static gboolean
await_all (CfFuture **futures,
           gsize      n_futures,
           gint64     deadline)
{
  for (gsize i = n_futures; i > 0; i--)
    if (!_cf_future_await_listed (futures[i - 1], deadline))
      return FALSE;

  return TRUE;
}

static gboolean
await (const CfWanted *wanted,
       gint64          timeout_us,
       GError        **error)
{
  gint64 deadline = _cf_deadline_from_timeout (timeout_us);

  if (wanted->return_when == CF_ALL_COMPLETED && (_cf_wait_thread == NULL || deadline >= 0))
    return await_all (wanted->futures, wanted->n, deadline);

  if (deadline < 0)
    return await_for_ever (wanted, error);

  return _cf_wanted_is_met (wanted) || (timeout_us > 0 && sleep_until_met (wanted, deadline, NULL)) || _cf_wanted_is_met (wanted);
}

/**
 * cf_wait:
 * @futures: (array length=n_futures) (nullable): futures
 * @n_futures: how many there are
 * @return_when: what to wait for
 * @timeout_us: microseconds to wait; 0 only looks, -1 waits for ever
 * @done: (out) (optional) (transfer container) (element-type CfFuture): those
 *   that are done
 * @not_done: (out) (optional) (transfer container) (element-type CfFuture):
 *   those that are not
 * @error: return location for an error
 *
 * Waits for some or all of many futures.
 *
 * This blocks. Each future is listed once, in the order given, and both lists
 * are filled whatever is returned. With no futures, it returns at once.
 *
 * A worker of a thread pool that waits without a time limit runs those futures
 * that are still queued in its own pool. A wait that could never end fails with
 * %CF_EXECUTOR_ERROR_DEADLOCK.
 *
 * Returns: true if the condition was met; false without an error if the time
 *   ran out
 *
 * Since: 1.0
 */
gboolean
cf_wait (CfFuture   **futures,
         gsize        n_futures,
         CfReturnWhen return_when,
         gint64       timeout_us,
         GPtrArray  **done,
         GPtrArray  **not_done,
         GError     **error)
{
  CfWanted wanted;
  gboolean met;
  GError  *hopeless = NULL;

  g_return_val_if_fail (futures != NULL || n_futures == 0, FALSE);
  g_return_val_if_fail (_cf_are_futures (futures, n_futures), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  /* Then it does not matter whether they differ. */
  if (done == NULL && not_done == NULL && return_when == CF_ALL_COMPLETED && _cf_wait_thread == NULL)
    return await_all (futures, n_futures, _cf_deadline_from_timeout (timeout_us));

  _cf_wanted_init (&wanted, futures, n_futures, return_when);
  met = await (&wanted, timeout_us, &hopeless);
  met = _cf_wanted_finish (&wanted, met, hopeless, done, not_done, error);
  _cf_wanted_clear (&wanted);

  return met;
}

static void
wanted_free (gpointer data)
{
  _cf_wanted_clear (data);
  g_free (data);
}

static void
time_out (GTask *task)
{
  g_task_return_boolean (task, FALSE);
}

static void
stop (gpointer watch)
{
  _cf_watch_stop (watch);
}

static void
stop_and_unref (gpointer watch)
{
  _cf_watch_stop (watch);
  _cf_watch_unref (watch);
}

/**
 * cf_wait_async:
 * @futures: (array length=n_futures) (nullable): futures
 * @n_futures: how many there are
 * @return_when: what to wait for
 * @timeout_us: microseconds to wait; 0 only looks, -1 waits for ever
 * @cancellable: (nullable): ends the waiting, not the work
 * @callback: (scope async) (closure user_data): called when the condition is
 *   met or the time ran out
 * @user_data: for @callback
 *
 * Waits for some or all of many futures in a main loop.
 *
 * @callback is called in the main context that is thread-default here, never
 * inside this call.
 *
 * Since: 1.0
 */
void
cf_wait_async (CfFuture          **futures,
               gsize               n_futures,
               CfReturnWhen        return_when,
               gint64              timeout_us,
               GCancellable       *cancellable,
               GAsyncReadyCallback callback,
               gpointer            user_data)
{
  CfWanted *wanted;
  CfAsync  *async;
  Watch    *watch;
  GTask    *task;

  g_return_if_fail (futures != NULL || n_futures == 0);
  g_return_if_fail (_cf_are_futures (futures, n_futures));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  wanted = g_new0 (CfWanted, 1);
  _cf_wanted_init (wanted, futures, n_futures, return_when);
  _cf_wanted_hold (wanted);
  task = g_task_new (NULL, cancellable, callback, user_data);
  g_task_set_source_tag (task, cf_wait_async);
  g_task_set_task_data (task, wanted, wanted_free);
  async = _cf_async_new (task);
  _cf_async_set_time_out (async, time_out);

  if (_cf_wanted_is_met (wanted) && _cf_async_end (async))
    g_task_return_boolean (task, TRUE);
  watch = watch_new (wanted, async);
  _cf_watch_start (&watch->watch);
  _cf_async_watch (async, _cf_deadline_from_timeout (timeout_us), stop, watch, stop_and_unref);
}

/**
 * cf_wait_finish:
 * @result: what the callback got
 * @done: (out) (optional) (transfer container) (element-type CfFuture): those
 *   that are done
 * @not_done: (out) (optional) (transfer container) (element-type CfFuture):
 *   those that are not
 * @error: return location for an error
 *
 * Gets the outcome of [func@wait_async].
 *
 * The error is %G_IO_ERROR_CANCELLED when the waiting was cancelled.
 *
 * Returns: true if the condition was met; false without an error if the time
 *   ran out
 *
 * Since: 1.0
 */
gboolean
cf_wait_finish (GAsyncResult *result,
                GPtrArray   **done,
                GPtrArray   **not_done,
                GError      **error)
{
  GError  *cancelled = NULL;
  gboolean met;

  g_return_val_if_fail (g_task_is_valid (result, NULL), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  met = g_task_propagate_boolean (G_TASK (result), &cancelled);

  return _cf_wanted_finish (g_task_get_task_data (G_TASK (result)), met, cancelled, done, not_done, error);
}
