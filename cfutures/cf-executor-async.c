/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-executor.h"

#include "cf-async-private.h"

/* Executors: the shutdown in a main loop. */

static gboolean
complete (gpointer data)
{
  CfAsync *async = data;

  if (_cf_async_end (async))
    g_task_return_boolean (_cf_async_get_task (async), TRUE);

  return G_SOURCE_REMOVE;
}

/* The thread keeps no reference: when the callback is called, nobody but the caller holds the executor. */
static void
complete_in_context (CfAsync *async)
{
  GSource *source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_static_name (source, "cfutures shutdown");
  g_source_set_callback (source, complete, async, (GDestroyNotify) _cf_async_unref);
  g_source_attach (source, g_task_get_context (_cf_async_get_task (async)));
  g_source_unref (source);
}

/* Asks to cancel once more: a subclass may do so only in the call that waits. */
static gpointer
wait_thread (gpointer data)
{
  GTask *task = _cf_async_get_task (data);

  cf_executor_shutdown (g_task_get_source_object (task), TRUE, GPOINTER_TO_INT (g_task_get_task_data (task)));
  /* After a wait that was given up, the context may never be iterated again. */
  if (_cf_async_is_over (data))
    _cf_async_unref (data);
  else
    complete_in_context (data);

  return NULL;
}

/**
 * cf_executor_shutdown_async:
 * @self: an executor
 * @cancel_futures: whether to cancel, here and now, what has not started
 * @cancellable: (nullable): ends the waiting; the executor stays shut down
 * @callback: (scope async) (closure user_data): called when all work is done
 *   and the workers have ended
 * @user_data: for @callback
 *
 * Shuts the executor down, and waits in a main loop until it has ended.
 *
 * @callback is called in the main context that is thread-default here, never
 * inside this call.
 *
 * Since: 1.0
 */
void
cf_executor_shutdown_async (CfExecutor         *self,
                            gboolean            cancel_futures,
                            GCancellable       *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer            user_data)
{
  CfAsync *async;
  GTask   *task;
  GThread *thread;
  GError  *error = NULL;

  g_return_if_fail (CF_IS_EXECUTOR (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cf_executor_shutdown_async);
  g_task_set_task_data (task, GINT_TO_POINTER (cancel_futures), NULL);
  async = _cf_async_new (task);
  cf_executor_shutdown (self, FALSE, cancel_futures);

  thread = g_thread_try_new ("cf-shutdown", wait_thread, _cf_async_ref (async), &error);
  if (thread != NULL)
    {
      g_thread_unref (thread);
      _cf_async_watch (async, -1, NULL, NULL, NULL);
    }
  else
    {
      g_task_return_error (task, error);
      _cf_async_unref (async);
    }
  _cf_async_unref (async);
}

/**
 * cf_executor_shutdown_finish:
 * @self: an executor
 * @result: what the callback got
 * @error: return location for an error
 *
 * Gets the outcome of [method@Executor.shutdown_async].
 *
 * The error is %G_IO_ERROR_CANCELLED when the waiting was cancelled.
 *
 * Returns: true if the executor has ended
 *
 * Since: 1.0
 */
gboolean
cf_executor_shutdown_finish (CfExecutor *self G_GNUC_UNUSED,
                             GAsyncResult    *result,
                             GError         **error)
{
  g_return_val_if_fail (CF_IS_EXECUTOR (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
