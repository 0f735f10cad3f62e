/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-worker-private.h"

/* Workers: one call after the other, for programs that had better not be called back. */

/**
 * cf_worker_take_call:
 * @self: a worker
 * @function: (out) (transfer full) (nullable): the name of the function
 * @args: (out) (transfer full) (nullable): its arguments
 * @error: return location for an error
 *
 * Waits for the next call of a function that nobody registered.
 *
 * This is an alternative to [method@Worker.run] and [method@Worker.set_handler],
 * for languages that are better not called back: the program asks for one call
 * after the other, runs it, and answers with [method@Worker.return_result] or
 * [method@Worker.return_error] before it asks for the next one.  Meanwhile this
 * function runs C functions itself, in the calling thread.
 *
 * This blocks.  The error is %CF_EXECUTOR_ERROR_PROTOCOL when the parent broke
 * the protocol, and one of GIO when the connection broke.
 *
 * Returns: true when there is a call, false without an error at the end
 *
 * Since: 1.0
 */
gboolean
cf_worker_take_call (CfWorker  *self,
                     char     **function,
                     GVariant **args,
                     GError   **error)
{
  g_return_val_if_fail (CF_IS_WORKER (self), FALSE);
  g_return_val_if_fail (function != NULL && args != NULL, FALSE);
  g_return_val_if_fail (!self->is_given, FALSE);

  *function = NULL;
  *args = NULL;
  if (!_cf_worker_serve (self, TRUE, error))
    return FALSE;

  self->is_given = TRUE;
  *function = g_strdup (self->calls.frame.strings[0]);
  *args = _cf_worker_calls_dup_args (&self->calls);

  return TRUE;
}

/**
 * cf_worker_get_cancellable:
 * @self: a worker
 *
 * Gets the cancellable of the call that was taken.
 *
 * It is cancelled when the cancellable of the future is, while the call runs, or
 * when the parent is gone.
 *
 * Returns: (transfer none) (nullable): the cancellable, or %NULL when no call
 *   was taken
 *
 * Since: 1.0
 */
GCancellable *
cf_worker_get_cancellable (CfWorker *self)
{
  g_return_val_if_fail (CF_IS_WORKER (self), NULL);

  return self->is_given ? self->calls.cancellable : NULL;
}

static gboolean
give_back (CfWorker     *self,
           GVariant     *result,
           const GError *failure,
           GError      **error)
{
  self->is_given = FALSE;

  return _cf_worker_calls_answer (&self->calls, result, failure, error);
}

/**
 * cf_worker_return_result:
 * @self: a worker
 * @result: (nullable): what the call gave
 * @error: return location for an error
 *
 * Answers the call that was taken with its result.
 *
 * A floating reference is taken over.  For a call without a result, return the
 * unit tuple: %NULL fails the future with %CF_EXECUTOR_ERROR_NO_RESULT, and what
 * cannot travel fails it with %CF_EXECUTOR_ERROR_NOT_SERIALIZABLE.
 *
 * Returns: true, or false with an error when the connection broke
 *
 * Since: 1.0
 */
gboolean
cf_worker_return_result (CfWorker *self,
                         GVariant *result,
                         GError  **error)
{
  g_return_val_if_fail (CF_IS_WORKER (self), FALSE);
  g_return_val_if_fail (self->is_given, FALSE);

  return give_back (self, result != NULL ? g_variant_ref_sink (result) : NULL, NULL, error);
}

/**
 * cf_worker_return_error:
 * @self: a worker
 * @failure: why the call failed
 * @error: return location for an error
 *
 * Answers the call that was taken with an error.
 *
 * Returns: true, or false with an error when the connection broke
 *
 * Since: 1.0
 */
gboolean
cf_worker_return_error (CfWorker     *self,
                        const GError *failure,
                        GError      **error)
{
  g_return_val_if_fail (CF_IS_WORKER (self), FALSE);
  g_return_val_if_fail (failure != NULL, FALSE);
  g_return_val_if_fail (self->is_given, FALSE);

  return give_back (self, NULL, failure, error);
}
