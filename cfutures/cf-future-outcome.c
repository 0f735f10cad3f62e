/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-error.h"
#include "cf-future-private.h"

/* Outcomes that somebody gives by hand. */

static gboolean
refuse_second_outcome (CfFuture *self,
                       GError  **error)
{
  g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_INVALID_STATE, "The future is %s already",
               cf_future_is_cancelled (self) ? "cancelled" : "finished");

  return FALSE;
}

/**
 * cf_future_set_result:
 * @self: a future
 * @value: (nullable): the result, which is copied; %NULL or an unset one for no
 *   value
 * @error: return location for an error
 *
 * Finishes the future with a result.
 *
 * Done-callbacks run in this call.  If the future has an outcome already, that
 * one stands and @error is %CF_EXECUTOR_ERROR_INVALID_STATE.
 *
 * Returns: true if this was the first outcome
 *
 * Since: 1.0
 */
gboolean
cf_future_set_result (CfFuture     *self,
                      const GValue *value,
                      GError      **error)
{
  g_auto (GValue) copy = G_VALUE_INIT;

  g_return_val_if_fail (_cf_is_future (self), FALSE);
  g_return_val_if_fail (value == NULL || G_VALUE_TYPE (value) == G_TYPE_INVALID || G_IS_VALUE (value), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  /* Some bindings have no other way to say NULL. */
  if (value != NULL && G_VALUE_TYPE (value) == G_TYPE_INVALID)
    value = NULL;
  if (value != NULL)
    {
      g_value_init (&copy, G_VALUE_TYPE (value));
      g_value_copy (value, &copy);
    }

  return _cf_future_settle_by_hand (self, value != NULL ? &copy : NULL, NULL) || refuse_second_outcome (self, error);
}

/**
 * cf_future_set_exception:
 * @self: a future
 * @exception: why there is no result; it is copied
 * @error: return location for an error
 *
 * Finishes the future with an error.
 *
 * Done-callbacks run in this call.  If the future has an outcome already, that
 * one stands and @error is %CF_EXECUTOR_ERROR_INVALID_STATE.
 *
 * Returns: true if this was the first outcome
 *
 * Since: 1.0
 */
gboolean
cf_future_set_exception (CfFuture     *self,
                         const GError *exception,
                         GError      **error)
{
  GError *copy;

  g_return_val_if_fail (_cf_is_future (self), FALSE);
  g_return_val_if_fail (exception != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  copy = g_error_copy (exception);
  if (_cf_future_settle_by_hand (self, NULL, copy))
    return TRUE;
  g_error_free (copy);

  return refuse_second_outcome (self, error);
}
