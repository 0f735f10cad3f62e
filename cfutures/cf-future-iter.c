/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-future-iter.h"

#include "cf-arrivals-private.h"
#include "cf-parker-private.h"
#include "cf-watch-private.h"

/**
 * CfFutureIter:
 *
 * Futures in the order in which they are done.
 *
 * It is made by [func@as_completed]. It does not keep the futures that it has
 * returned.
 *
 * ```c
 * g_autoptr (CfFutureIter) iter = cf_as_completed (futures, n_futures, -1);
 *
 * for (;;)
 *   {
 *     g_autoptr (CfFuture) future = cf_future_iter_next (iter, &error);
 *
 *     if (future == NULL)
 *       break;
 *     show (future);
 *   }
 * ```
 *
 * Since: 1.0
 */

struct _CfFutureIter
{
  GObject parent_instance;

  CfArrivals *arrivals; /* (const) (owned) */
  gint64      deadline; /* (const) */
};

G_DEFINE_FINAL_TYPE (CfFutureIter, cf_future_iter, G_TYPE_OBJECT)

static void
cf_future_iter_finalize (GObject *object)
{
  CfFutureIter *self = CF_FUTURE_ITER (object);

  g_clear_pointer (&self->arrivals, _cf_arrivals_free);

  G_OBJECT_CLASS (cf_future_iter_parent_class)->finalize (object);
}

static void
cf_future_iter_class_init (CfFutureIterClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = cf_future_iter_finalize;
}

static void
cf_future_iter_init (CfFutureIter *self)
{
  self->deadline = -1;
}

/**
 * cf_as_completed:
 * @futures: (array length=n_futures) (nullable): futures
 * @n_futures: how many there are
 * @timeout_us: how many microseconds the iteration may take from now on; -1 is
 *   no limit
 *
 * Iterates over futures in the order in which they are done.
 *
 * This does not block. Futures that are done already come first. Each comes
 * once, even if it was given more than once.
 *
 * Returns: (transfer full): the iterator
 *
 * Since: 1.0
 */
CfFutureIter *
cf_as_completed (CfFuture **futures,
                 gsize      n_futures,
                 gint64     timeout_us)
{
  CfFutureIter *self;

  g_return_val_if_fail (futures != NULL || n_futures == 0, NULL);
  g_return_val_if_fail (_cf_are_futures (futures, n_futures), NULL);

  self = g_object_new (CF_TYPE_FUTURE_ITER, NULL);
  self->deadline = _cf_deadline_from_timeout (timeout_us);
  self->arrivals = _cf_arrivals_new (futures, n_futures);

  return self;
}

static gboolean
is_late (CfFutureIter *self)
{
  return self->deadline >= 0 && g_get_monotonic_time () >= self->deadline;
}

/**
 * cf_future_iter_next:
 * @self: an iterator
 * @error: return location for an error
 *
 * Waits for the next future that is done.
 *
 * This blocks: in a thread that runs a main loop, use
 * [method@FutureIter.next_async] instead. When the time has run out, it fails
 * once with %G_IO_ERROR_TIMED_OUT, and the iterator is at its end. A wait that
 * could never end fails with %CF_EXECUTOR_ERROR_DEADLOCK.
 *
 * Returns: (transfer full) (nullable): a future that is done; %NULL without an
 *   error at the end
 *
 * Since: 1.0
 */
CfFuture *
cf_future_iter_next (CfFutureIter *self,
                     GError      **error)
{
  CfFuture *future = NULL;

  g_return_val_if_fail (CF_IS_FUTURE_ITER (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  while (!_cf_arrivals_try_take (self->arrivals, &future))
    {
      g_autoptr (GError) hopeless = NULL;

      if (is_late (self))
        return _cf_arrivals_take_or_time_out (self->arrivals, error);
      if (self->deadline < 0 && _cf_arrivals_run_inline (self->arrivals))
        continue;
      if (_cf_spin (_cf_arrivals_has_new, self->arrivals) || _cf_arrivals_sleep (self->arrivals, self->deadline, &hopeless) ||
          _cf_arrivals_run_inline_again (self->arrivals))
        continue;
      g_propagate_error (error, g_steal_pointer (&hopeless));
      return NULL;
    }

  return future;
}

static void
time_out (GTask *task)
{
  CfFutureIter *self = g_task_get_source_object (task);
  GError       *error = NULL;
  CfFuture     *future = _cf_arrivals_take_or_time_out (self->arrivals, &error);

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, future, (GDestroyNotify) cf_future_unref);
}

/**
 * cf_future_iter_next_async:
 * @self: an iterator
 * @cancellable: (nullable): ends the waiting; what it waited for comes with the
 *   next call
 * @callback: (scope async) (closure user_data): called when a future is done
 * @user_data: for @callback
 *
 * Waits in a main loop for the next future that is done.
 *
 * @callback is called in the main context that is thread-default here, never
 * inside this call.
 *
 * Since: 1.0
 */
void
cf_future_iter_next_async (CfFutureIter       *self,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data)
{
  GTask *task;

  g_return_if_fail (CF_IS_FUTURE_ITER (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cf_future_iter_next_async);
  _cf_arrivals_add_task (self->arrivals, task, self->deadline, time_out);
}

/**
 * cf_future_iter_next_finish:
 * @self: an iterator
 * @result: what the callback got
 * @error: return location for an error
 *
 * Gets the outcome of [method@FutureIter.next_async].
 *
 * The errors are those of [method@FutureIter.next], and
 * %G_IO_ERROR_CANCELLED when the waiting was cancelled.
 *
 * Returns: (transfer full) (nullable): a future that is done; %NULL without an
 *   error at the end
 *
 * Since: 1.0
 */
CfFuture *
cf_future_iter_next_finish (CfFutureIter *self G_GNUC_UNUSED,
                            GAsyncResult      *result,
                            GError           **error)
{
  g_return_val_if_fail (CF_IS_FUTURE_ITER (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
