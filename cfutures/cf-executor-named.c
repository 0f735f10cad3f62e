/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-executor-private.h"

#include "cf-function-private.h"
#include "cf-future-private.h"

/* Functions that are submitted by their name. */

static CfFuture *
new_for_named (CfExecutor *self,
               const char *function,
               GVariant   *args,
               GError    **error)
{
  CfFuture *future;
  CfFunc    func;

  if (CF_EXECUTOR_GET_CLASS (self)->sends_names)
    return _cf_future_new_for_named (function, args);

  /* An executor that takes no more work loads no module for it. */
  func = _cf_executor_check_open (self, error) ? (CfFunc) _cf_function_find_named (function, error) : NULL;
  if (func == NULL)
    {
      if (args != NULL)
        g_variant_unref (g_variant_ref_sink (args));
      return NULL;
    }
  future = cf_future_new_for_func (func, args);
  _cf_future_set_name (future, function);

  return future;
}

/**
 * cf_executor_submit_named:
 * @self: an executor
 * @function: `module-path:symbol`, or `symbol` in the program; in a process
 *   pool, whatever names a function in the language of the workers
 * @args: (nullable): its arguments; a floating reference is taken over
 * @error: return location for an error
 *
 * Submits a function by its name.
 *
 * The module is looked for as dlopen() does it: without a slash, among the
 * libraries of the system.  A function of the program has to be exported from
 * it, as the linker does with `-rdynamic` and Meson with `export_dynamic`.
 *
 * This does not block. @error is %CF_EXECUTOR_ERROR_NOT_FOUND when there is no
 * such function; in a process pool, which finds that out in the worker, the
 * future fails with it.
 *
 * Returns: (transfer full): the future of the call
 *
 * Since: 1.0
 */
CfFuture *
cf_executor_submit_named (CfExecutor *self,
                          const char *function,
                          GVariant   *args,
                          GError    **error)
{
  CfFuture *future;

  g_return_val_if_fail (CF_IS_EXECUTOR (self), NULL);
  g_return_val_if_fail (function != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  future = new_for_named (self, function, args, error);

  return future != NULL ? _cf_executor_submit (self, future, error) : NULL;
}
