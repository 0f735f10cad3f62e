/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-result-iter-private.h"

/* Results of a map: the next one for who runs a main loop. */

/* What somebody who asked in a main loop is told.  If he never takes it, it is for the one who asks next. */
struct _CfTold
{
  CfResultIter *iter;   /* (owned) (nullable): while it is on its way */
  GVariant     *result; /* (owned) (nullable) */
  GError       *error;  /* (owned) (nullable) */
  gsize         index;  /* of the item whose outcome is still to be fetched */
  gboolean      is_item;
};

void
_cf_told_free (gpointer data)
{
  CfTold *told = data;

  g_clear_pointer (&told->result, g_variant_unref);
  g_clear_error (&told->error);
  g_clear_object (&told->iter);
  g_free (told);
}

GVariant *
_cf_told_open (CfTold  *told,
               GError **error)
{
  GVariant *result = g_steal_pointer (&told->result);

  if (told->error != NULL)
    g_propagate_error (error, g_steal_pointer (&told->error));
  _cf_told_free (told);

  return result;
}

static gboolean
can_tell_locked (gpointer iter)
{
  CfResultIter *self = iter;

  return self->given_back.length > 0 || _cf_result_iter_look_locked (self) != CF_RESULT_STEP_WAIT;
}

static gpointer
take_to_tell_locked (gpointer iter)
{
  CfResultIter *self = iter;
  CfTold       *told = g_queue_pop_head (&self->given_back);

  if (told != NULL)
    return told;

  told = g_new0 (CfTold, 1);
  told->is_item = _cf_result_iter_take_locked (self, &told->index, &told->error) == CF_RESULT_STEP_YIELD;

  return told;
}

static void give_back (gpointer told);

static void
tell_task (gpointer iter,
           GTask   *task,
           gpointer data)
{
  CfTold *told = data;

  if (told->is_item)
    told->result = _cf_result_iter_yield_item (iter, told->index, TRUE, &told->error);
  told->is_item = FALSE;
  told->iter = g_object_ref (iter);
  g_task_return_pointer (task, told, give_back);
}

static const CfAsyncQueueFuncs queue_funcs = { can_tell_locked, take_to_tell_locked, tell_task };

void
_cf_result_iter_init_tasks (CfResultIter *self)
{
  _cf_async_queue_init (&self->tasks, &queue_funcs, self, &self->lock, _cf_map_get_n_waiting (self->map));
}

void
_cf_result_iter_serve_tasks (gpointer iter)
{
  _cf_async_queue_serve (&((CfResultIter *) iter)->tasks);
}

/* Nobody took it. */
static void
give_back (gpointer data)
{
  CfTold *told = data;
  g_autoptr (CfResultIter) self = g_steal_pointer (&told->iter);

  if (told->result == NULL && told->error == NULL)
    {
      _cf_told_free (told);
      return;
    }

  g_mutex_lock (&self->lock);
  g_queue_push_tail (&self->given_back, told);
  g_mutex_unlock (&self->lock);
  _cf_result_iter_serve_tasks (self);
}

static void
time_out_task (GTask *task)
{
  CfResultIter *self = g_task_get_source_object (task);
  CfTold       *told = g_new0 (CfTold, 1);

  _cf_result_iter_time_out (self, &told->error);
  tell_task (self, task, told);
  _cf_result_iter_serve_tasks (self);
}

static void
forget_tasks (gpointer iter)
{
  _cf_async_queue_forget (&((CfResultIter *) iter)->tasks);
}

/**
 * cf_result_iter_next_async:
 * @self: an iterator
 * @cancellable: (nullable): ends the waiting; what it waited for comes with the
 *   next call
 * @callback: (scope async) (closure user_data): called when the next result is
 *   there
 * @user_data: for @callback
 *
 * Waits in a main loop for the next result.
 *
 * @callback is called in the main context that is thread-default here, never
 * inside this call.
 *
 * Since: 1.0
 */
void
cf_result_iter_next_async (CfResultIter       *self,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data)
{
  CfAsync *async;
  GTask   *task;

  g_return_if_fail (CF_IS_RESULT_ITER (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cf_result_iter_next_async);
  _cf_map_set_ready (self->map, _cf_result_iter_serve_tasks, self);
  async = _cf_async_queue_add (&self->tasks, task, time_out_task);
  _cf_async_watch (async, self->deadline, forget_tasks, g_object_ref (self), g_object_unref);
  _cf_async_unref (async);
}

/**
 * cf_result_iter_next_finish:
 * @self: an iterator
 * @result: what the callback got
 * @error: return location for an error
 *
 * Gets the outcome of [method@ResultIter.next_async].
 *
 * The errors are those of [method@ResultIter.next], and
 * %G_IO_ERROR_CANCELLED when the waiting was cancelled. An outcome that is not
 * taken by this function comes with the next call once @result is released.
 *
 * Returns: (transfer full) (nullable): the result; %NULL without an error at
 *   the end
 *
 * Since: 1.0
 */
GVariant *
cf_result_iter_next_finish (CfResultIter *self G_GNUC_UNUSED,
                            GAsyncResult      *result,
                            GError           **error)
{
  CfTold *told;

  g_return_val_if_fail (CF_IS_RESULT_ITER (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  told = g_task_propagate_pointer (G_TASK (result), error);

  return told != NULL ? _cf_told_open (told, error) : NULL;
}
