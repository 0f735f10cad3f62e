/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-async-private.h"
#include "cf-future-private.h"
#include "cf-wait-graph-private.h"

/* Being told that one future is done. */

/* Callbacks */

typedef struct
{
  CfWaiter         waiter;
  CfFutureCallback callback;
  gpointer         user_data;
  GDestroyNotify   destroy;
} Callback;

/* @future is NULL when it ends without being done. */
static void
call_back (CfWaiter *waiter,
           CfFuture *future)
{
  Callback   *self = (Callback *) waiter;
  CfWaitFrame frame;

  _cf_wait_thread_stay (&frame, future);
  if (future != NULL)
    self->callback (future, self->user_data);
  if (self->destroy != NULL)
    self->destroy (self->user_data);
  _cf_wait_thread_go_on (&frame);
  g_slice_free (Callback, self);
}

/**
 * cf_future_add_done_callback:
 * @self: a future
 * @callback: (scope notified) (closure user_data) (destroy destroy): what to
 *   call when the future is done
 * @user_data: for @callback
 * @destroy: for @user_data; called after @callback, in the same thread
 *
 * Adds a function that is called when the future is done.
 *
 * Callbacks run in the order in which they were added, in the thread that
 * settles the future, after it has woken up those who wait. If the future is
 * done already, @callback runs in this call. Callbacks must not block.
 *
 * Since: 1.0
 */
void
cf_future_add_done_callback (CfFuture        *self,
                             CfFutureCallback callback,
                             gpointer         user_data,
                             GDestroyNotify   destroy)
{
  Callback *added;

  g_return_if_fail (_cf_is_future (self));
  g_return_if_fail (callback != NULL);

  added = g_slice_new0 (Callback);
  added->waiter.tell = call_back;
  added->waiter.kind = CF_WAITER_CALLBACK;
  added->callback = callback;
  added->user_data = user_data;
  added->destroy = destroy;
  if (!_cf_future_add_waiter (self, &added->waiter))
    call_back (&added->waiter, self);
}

/* Waiting in a main loop */

typedef struct
{
  CfWaiter        waiter;
  gatomicrefcount ref_count; /* of the list that it is in, and of the async */
  CfFuture       *future;    /* (const): the source object of the task */
  CfAsync        *async;     /* (const) (owned) */
} AsyncWaiter;

static void
async_waiter_unref (gpointer data)
{
  AsyncWaiter *self = data;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  _cf_async_unref (self->async);
  g_free (self);
}

static void
return_outcome (CfAsync  *async,
                CfFuture *future)
{
  GError *error = NULL;

  if (!_cf_async_end (async))
    return;
  if (_cf_future_check (future, &error))
    g_task_return_boolean (_cf_async_get_task (async), TRUE);
  else
    g_task_return_error (_cf_async_get_task (async), error);
}

static void
tell_async (CfWaiter *waiter,
            CfFuture *future)
{
  AsyncWaiter *self = (AsyncWaiter *) waiter;
  CfWaitFrame  frame;

  /* What the task held may end here. */
  _cf_wait_thread_stay (&frame, NULL);
  return_outcome (self->async, future);
  async_waiter_unref (self);
  _cf_wait_thread_go_on (&frame);
}

/* The wait was given up. */
static void
forget_async (gpointer data)
{
  AsyncWaiter *self = data;

  if (_cf_future_remove_waiter (self->future, &self->waiter))
    async_waiter_unref (self);
}

/**
 * cf_future_wait_async:
 * @self: a future
 * @cancellable: (nullable): ends the waiting, not the work
 * @callback: (scope async) (closure user_data): called when the future is done
 * @user_data: for @callback
 *
 * Waits in a main loop until the future is done.
 *
 * @callback is called in the main context that is thread-default here, never
 * inside this call.
 *
 * Since: 1.0
 */
void
cf_future_wait_async (CfFuture           *self,
                      GCancellable       *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer            user_data)
{
  AsyncWaiter *waiter;
  CfAsync     *async;
  GTask       *task;

  g_return_if_fail (_cf_is_future (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cf_future_wait_async);
  async = _cf_async_new (task);

  waiter = g_new0 (AsyncWaiter, 1);
  waiter->waiter.tell = tell_async;
  waiter->waiter.kind = CF_WAITER_WAKE;
  waiter->future = self;
  waiter->async = async;
  g_atomic_ref_count_init (&waiter->ref_count);
  g_atomic_ref_count_inc (&waiter->ref_count);
  if (!_cf_future_add_waiter (self, &waiter->waiter))
    tell_async (&waiter->waiter, self);
  _cf_async_watch (async, -1, forget_async, waiter, async_waiter_unref);
}

/**
 * cf_future_wait_finish:
 * @self: a future
 * @result: what the callback got
 * @error: return location for an error
 *
 * Gets the outcome of [method@Future.wait_async].
 *
 * The errors are those of [method@Future.get_result];
 * %G_IO_ERROR_CANCELLED may also mean that the waiting was cancelled.
 *
 * Returns: (transfer none) (nullable): the result, which belongs to the future;
 *   %NULL without an error if the function gave no value
 *
 * Since: 1.0
 */
const GValue *
cf_future_wait_finish (CfFuture     *self,
                       GAsyncResult *result,
                       GError      **error)
{
  g_return_val_if_fail (_cf_is_future (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_boolean (G_TASK (result), error) ? cf_future_get_result (self, 0, NULL) : NULL;
}
