/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-executor-private.h"

#include "cf-function-private.h"
#include "cf-map-private.h"
#include "cf-result-iter-private.h"

/* Executors: a function over many items. */

static gboolean
schedule_item (gpointer  executor,
               CfFuture *future,
               GError  **error)
{
  return _cf_executor_schedule (executor, future, error);
}

static CfResultIter *
map (CfExecutor *self,
     CfFunc      func,
     const char *function,
     GVariant   *items,
     gint64      timeout_us,
     guint       chunksize,
     guint       buffersize,
     GError    **error)
{
  CfMap *made = _cf_map_new (func, function, items, chunksize);

  /* Each chunk is a future; otherwise, below, the workers share the items among them. */
  if (buffersize > 0 || !_cf_executor_schedules_itself (CF_EXECUTOR_GET_CLASS (self)))
    return _cf_result_iter_new (made, G_OBJECT (self), schedule_item, timeout_us, chunksize, buffersize, error);

  _cf_map_set_sharing (made, ((CfExecutorGetOwner) CF_EXECUTOR_GET_CLASS (self)->get_owner) (self));

  return _cf_result_iter_new_sharing (made, G_OBJECT (self), schedule_item, timeout_us, _cf_executor_get_max_workers (self), error);
}

/* FALSE: it takes no more work, and loads no module for it. */
static gboolean
takes (CfExecutor *self,
       GVariant   *items,
       GError    **error)
{
  return g_variant_n_children (items) == 0 || _cf_executor_check_open (self, error);
}

/**
 * cf_executor_map:
 * @self: an executor
 * @func: (scope forever): a function
 * @items: an array; each child is the arguments of one call; a floating
 *   reference is taken over
 * @timeout_us: how many microseconds the iteration may take from now on; -1 is
 *   no limit
 * @chunksize: how many items go to a process in one message, at least 1; more
 *   is faster for tiny calls
 * @buffersize: how many items may be submitted whose results were not taken
 *   yet, rounded up to whole chunks; 0 submits all at once
 * @error: return location for an error
 *
 * Calls a function for each item of an array.
 *
 * This does not block. When the executor takes no more work, @error is that of
 * [method@Executor.submit]; the errors of calls come from
 * [method@ResultIter.next].
 *
 * Returns: (transfer full): the results, in the order of the items
 *
 * Since: 1.0
 */
CfResultIter *
cf_executor_map (CfExecutor *self,
                 CfFunc      func,
                 GVariant   *items,
                 gint64      timeout_us,
                 guint       chunksize,
                 guint       buffersize,
                 GError    **error)
{
  g_return_val_if_fail (CF_IS_EXECUTOR (self), NULL);
  g_return_val_if_fail (func != NULL, NULL);
  g_return_val_if_fail (items != NULL && g_variant_is_of_type (items, G_VARIANT_TYPE_ARRAY), NULL);
  g_return_val_if_fail (chunksize >= 1, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return map (self, func, NULL, items, timeout_us, chunksize, buffersize, error);
}

/**
 * cf_executor_map_named:
 * @self: an executor
 * @function: a name, as for [method@Executor.submit_named]
 * @items: an array; each child is the arguments of one call; a floating
 *   reference is taken over
 * @timeout_us: how many microseconds the iteration may take from now on; -1 is
 *   no limit
 * @chunksize: how many items go to a process in one message, at least 1; more
 *   is faster for tiny calls
 * @buffersize: how many items may be submitted whose results were not taken
 *   yet, rounded up to whole chunks; 0 submits all at once
 * @error: return location for an error
 *
 * Calls a function, found by its name, for each item of an array.
 *
 * This does not block. The errors are those of [method@Executor.map] and
 * [method@Executor.submit_named].
 *
 * Returns: (transfer full): the results, in the order of the items
 *
 * Since: 1.0
 */
CfResultIter *
cf_executor_map_named (CfExecutor *self,
                       const char *function,
                       GVariant   *items,
                       gint64      timeout_us,
                       guint       chunksize,
                       guint       buffersize,
                       GError    **error)
{
  g_autoptr (GVariant) owned = NULL;
  CfFunc func;

  g_return_val_if_fail (CF_IS_EXECUTOR (self), NULL);
  g_return_val_if_fail (function != NULL, NULL);
  g_return_val_if_fail (items != NULL && g_variant_is_of_type (items, G_VARIANT_TYPE_ARRAY), NULL);
  g_return_val_if_fail (chunksize >= 1, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  owned = g_variant_ref_sink (items);
  if (CF_EXECUTOR_GET_CLASS (self)->sends_names)
    return map (self, NULL, function, items, timeout_us, chunksize, buffersize, error);

  func = takes (self, items, error) ? (CfFunc) _cf_function_find_named (function, error) : NULL;

  return func != NULL ? map (self, func, NULL, items, timeout_us, chunksize, buffersize, error) : NULL;
}
