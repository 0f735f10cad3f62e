/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-future-iter.h"

#include "cf-async-queue-private.h"
#include "cf-future-private.h"
#include "cf-parker-private.h"
#include "cf-wait-graph-private.h"
#include "cf-watch-private.h"

/**
 * CfFutureIter:
 *
 * Futures in the order in which they are done.
 *
 * It is made by [func@as_completed]. Futures that it has given are no longer
 * held by it.
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

/* Completed nodes come into `arrived`, a stack that anybody pushes on; whoever takes one turns it round first. */
typedef struct
{
  CfWatch   watch;
  CfWaiter *arrived;   /* (atomic): newest first */
  gint      n_waiting; /* (atomic): sleepers and tasks: somebody is to be told of what arrives */

  GMutex       lock;
  CfWaiter    *ready;    /* (mutex lock): oldest first */
  gsize        n_taken;  /* (mutex lock) */
  gsize        next_run; /* (mutex lock): the first that a worker has not tried to run itself */
  GSList      *sleepers; /* (mutex lock) (element-type CfParker) */
  CfAsyncQueue tasks;    /* (mutex lock) */
  gboolean     is_over;  /* (mutex lock): the time ran out */
} Arrivals;

struct _CfFutureIter
{
  GObject parent_instance;

  Arrivals *arrivals; /* (const) (owned) */
  gint64    deadline; /* (const) */
};

G_DEFINE_FINAL_TYPE (CfFutureIter, cf_future_iter, G_TYPE_OBJECT)

static CfWatchNode *
pop_locked (Arrivals *self)
{
  CfWaiter *waiter, *arrived;

  if (self->ready == NULL)
    {
      arrived = __atomic_exchange_n (&self->arrived, NULL, __ATOMIC_ACQ_REL);
      while (arrived != NULL)
        {
          waiter = arrived;
          arrived = waiter->next;
          waiter->next = self->ready;
          self->ready = waiter;
        }
    }

  waiter = self->ready;
  if (waiter != NULL)
    {
      self->ready = waiter->next;
      self->n_taken++;
    }

  return (CfWatchNode *) waiter;
}

static CfFuture *
take_locked (Arrivals *self)
{
  CfWatchNode *node = self->is_over ? NULL : pop_locked (self);

  return node != NULL ? g_steal_pointer (&node->future) : NULL;
}

static gboolean
is_at_end_locked (Arrivals *self)
{
  return self->is_over || self->n_taken == self->watch.n_nodes;
}

/* Tasks that wait */

static gboolean
has_arrived (gpointer data)
{
  return __atomic_load_n (&((Arrivals *) data)->arrived, __ATOMIC_SEQ_CST) != NULL;
}

static gboolean
can_tell_locked (gpointer arrivals)
{
  Arrivals *self = arrivals;

  return self->ready != NULL || has_arrived (self) || is_at_end_locked (self);
}

static gpointer
take_to_tell_locked (gpointer arrivals)
{
  return take_locked (arrivals);
}

static void
tell_task (gpointer arrivals G_GNUC_UNUSED,
           GTask            *task,
           gpointer          future)
{
  g_task_return_pointer (task, future, (GDestroyNotify) cf_future_unref);
}

static const CfAsyncQueueFuncs queue_funcs = { can_tell_locked, take_to_tell_locked, tell_task };

static void
wake_all (Arrivals *self)
{
  g_mutex_lock (&self->lock);
  for (GSList *link = self->sleepers; link != NULL; link = link->next)
    _cf_parker_set (link->data, CF_PARKER_DONE);
  g_mutex_unlock (&self->lock);

  _cf_async_queue_serve (&self->tasks);
}

/* TRUE: *future is what to return. */
static gboolean
try_take (Arrivals  *self,
          CfFuture **future)
{
  gboolean is_at_end;

  g_mutex_lock (&self->lock);
  *future = take_locked (self);
  is_at_end = is_at_end_locked (self);
  g_mutex_unlock (&self->lock);

  /* Whoever else waits will not get anything any more. */
  if (is_at_end && g_atomic_int_get (&self->n_waiting) > 0)
    wake_all (self);

  return *future != NULL || is_at_end;
}

static void
completed (CfWatch     *watch,
           CfWatchNode *node)
{
  Arrivals *self = (Arrivals *) watch;

  __atomic_sub_fetch (&watch->n_left, 1, __ATOMIC_RELAXED);
  node->waiter.next = __atomic_load_n (&self->arrived, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n (&self->arrived, &node->waiter.next, &node->waiter, TRUE, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
    ;
  if (__atomic_load_n (&self->n_waiting, __ATOMIC_SEQ_CST) > 0)
    wake_all (self);
}

static void
arrivals_clear (gpointer data)
{
  Arrivals *self = data;

  g_mutex_clear (&self->lock);
}

static void
cf_future_iter_finalize (GObject *object)
{
  CfFutureIter *self = CF_FUTURE_ITER (object);

  if (self->arrivals != NULL)
    {
      _cf_watch_stop (&self->arrivals->watch);
      _cf_watch_unref (self->arrivals);
    }

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
 * @timeout_us: for how many microseconds from now on to wait at all, or -1
 *
 * Iterates over futures in the order in which they are done.
 *
 * This does not block. Those that are done come first. Each comes once, however
 * often it was given.
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
  CfFutureIter         *self;
  g_autofree CfFuture **distinct = NULL;
  gsize                 n;

  g_return_val_if_fail (futures != NULL || n_futures == 0, NULL);
  g_return_val_if_fail (_cf_are_futures (futures, n_futures), NULL);

  self = g_object_new (CF_TYPE_FUTURE_ITER, NULL);
  self->deadline = _cf_deadline_from_timeout (timeout_us);
  distinct = _cf_watch_distinct (futures, n_futures, &n);
  self->arrivals = _cf_watch_new (sizeof (Arrivals), distinct != NULL ? distinct : futures, n, completed, arrivals_clear);
  g_mutex_init (&self->arrivals->lock);
  _cf_async_queue_init (&self->arrivals->tasks, &queue_funcs, self->arrivals, &self->arrivals->lock, &self->arrivals->n_waiting);
  _cf_watch_start (&self->arrivals->watch);

  return self;
}

/* Waiting for the next one */

/* TRUE: there is something to take, or nothing to wait for. */
static gboolean
add_sleeper (Arrivals *self,
             CfParker *parker)
{
  gboolean is_ready;

  g_mutex_lock (&self->lock);
  self->sleepers = g_slist_prepend (self->sleepers, parker);
  __atomic_add_fetch (&self->n_waiting, 1, __ATOMIC_SEQ_CST);
  is_ready = can_tell_locked (self);
  g_mutex_unlock (&self->lock);

  return is_ready;
}

static void
remove_sleeper (Arrivals *self,
                CfParker *parker)
{
  g_mutex_lock (&self->lock);
  self->sleepers = g_slist_remove (self->sleepers, parker);
  g_atomic_int_add (&self->n_waiting, -1);
  g_mutex_unlock (&self->lock);
}

/* The futures that were not given, each with a reference. */
static GPtrArray *
list_left (Arrivals *self)
{
  GPtrArray *left = g_ptr_array_new_with_free_func ((GDestroyNotify) cf_future_unref);

  g_mutex_lock (&self->lock);
  for (gsize i = 0; i < self->watch.n_nodes; i++)
    {
      CfFuture *future = _cf_watch_get_node (&self->watch, i)->future;

      if (future != NULL)
        g_ptr_array_add (left, _cf_future_ref (future));
    }
  g_mutex_unlock (&self->lock);

  return left;
}

static gboolean
park_in_graph (CfWaitThread *thread,
               Arrivals     *self,
               CfParker     *parker,
               GError      **error)
{
  g_autoptr (GPtrArray) left = list_left (self);
  CfWaitRecord record = {
    .thread = thread,
    .mode = CF_WAIT_ANY,
    .targets = (CfFuture **) left->pdata,
    .n_targets = left->len,
    .parker = parker,
  };

  _cf_wait_graph_enter (&record);
  _cf_parker_park (parker, -1);

  return _cf_wait_graph_leave (&record, error);
}

/* FALSE: it can never come. */
static gboolean
sleep_until_arrival (Arrivals *self,
                     gint64    deadline,
                     GError  **error)
{
  CfWaitThread *thread = deadline < 0 ? _cf_wait_thread : NULL;
  CfParker      parker = CF_PARKER_INIT;
  gboolean      can_come = TRUE;

  if (!add_sleeper (self, &parker))
    {
      if (thread != NULL && thread->top != NULL)
        can_come = park_in_graph (thread, self, &parker, error);
      else
        _cf_parker_park (&parker, deadline);
    }
  remove_sleeper (self, &parker);

  return can_come;
}

static CfFuture *
dup_next_to_run (Arrivals *self)
{
  CfFuture *future = NULL;

  g_mutex_lock (&self->lock);
  while (future == NULL && self->next_run < self->watch.n_nodes)
    {
      future = _cf_watch_get_node (&self->watch, self->next_run++)->future;
      if (future != NULL)
        _cf_future_ref (future);
    }
  g_mutex_unlock (&self->lock);

  return future;
}

/* A worker runs one of them that is queued in its own pool, if there is one. */
static gboolean
run_inline (Arrivals *self)
{
  CfFuture *future;
  gboolean  ran = FALSE;

  if (_cf_wait_thread == NULL)
    return FALSE;

  while (!ran && (future = dup_next_to_run (self)) != NULL)
    {
      ran = _cf_future_run_inline (future);
      cf_future_unref (future);
    }

  return ran;
}

/* What was queued only after it was looked at gets another chance. */
static gboolean
run_inline_again (Arrivals *self)
{
  g_mutex_lock (&self->lock);
  self->next_run = 0;
  g_mutex_unlock (&self->lock);

  return run_inline (self);
}

static GError *
time_out_locked (Arrivals *self)
{
  gsize n = self->watch.n_nodes;

  self->is_over = TRUE;

  return g_error_new (G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "%" G_GSIZE_FORMAT " (of %" G_GSIZE_FORMAT ") futures unfinished",
                      n - self->n_taken, n);
}

/* For the first one who comes after the time, the error. */
static CfFuture *
take_or_time_out (Arrivals *self,
                  GError  **error)
{
  GError   *out_of_time = NULL;
  CfFuture *future;

  g_mutex_lock (&self->lock);
  future = take_locked (self);
  if (future == NULL && !is_at_end_locked (self))
    out_of_time = time_out_locked (self);
  g_mutex_unlock (&self->lock);

  if (out_of_time != NULL)
    {
      g_propagate_error (error, out_of_time);
      wake_all (self);
    }

  return future;
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
 * [method@FutureIter.next_async] instead. When the time is out it fails once with %G_IO_ERROR_TIMED_OUT,
 * and then is at its end. A wait that could never end fails with
 * %CF_EXECUTOR_ERROR_DEADLOCK.
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

  while (!try_take (self->arrivals, &future))
    {
      g_autoptr (GError) hopeless = NULL;

      if (is_late (self))
        return take_or_time_out (self->arrivals, error);
      if (self->deadline < 0 && run_inline (self->arrivals))
        continue;
      if (_cf_spin (has_arrived, self->arrivals) || sleep_until_arrival (self->arrivals, self->deadline, &hopeless) ||
          run_inline_again (self->arrivals))
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
  CfFuture     *future = take_or_time_out (self->arrivals, &error);

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, future, (GDestroyNotify) cf_future_unref);
}

static void
forget_tasks (gpointer arrivals)
{
  _cf_async_queue_forget (&((Arrivals *) arrivals)->tasks);
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
  Arrivals *arrivals;
  CfAsync  *async;
  GTask    *task;

  g_return_if_fail (CF_IS_FUTURE_ITER (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  arrivals = self->arrivals;
  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cf_future_iter_next_async);
  async = _cf_async_queue_add (&arrivals->tasks, task, time_out);
  _cf_async_watch (async, self->deadline, forget_tasks, _cf_watch_ref (&arrivals->watch), _cf_watch_unref);
  _cf_async_unref (async);
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
cf_future_iter_next_finish (CfFutureIter *self,
                            GAsyncResult *result,
                            GError      **error)
{
  g_return_val_if_fail (CF_IS_FUTURE_ITER (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
