/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-arrivals-private.h"

#include "cf-async-queue-private.h"
#include "cf-parker-private.h"
#include "cf-wait-graph-private.h"
#include "cf-watch-private.h"

/* Futures that come in as they are done, to be taken one by one, and all ways to wait for the next one. */

/* How many futures of a long list a worker looks at before it sleeps. */
#define LOOK_AT 64

/* Completed nodes come into `arrived`, a stack that anybody pushes on; whoever takes one turns it round first. */
struct _CfArrivals
{
  CfWatch   watch;
  CfWaiter *arrived;   /* (atomic): newest first */
  gint      n_waiting; /* (atomic): sleepers and tasks: somebody is to be told of what arrives */

  GMutex       lock;
  CfWaiter    *ready;    /* (mutex lock): oldest first */
  gsize        n_taken;  /* (mutex lock) */
  gsize        next_run; /* (mutex lock): the first that a worker has not tried to run itself */
  gsize        n_gone;   /* (mutex lock): so many, the first ones, were given */
  GSList      *sleepers; /* (mutex lock) (element-type CfParker) */
  CfAsyncQueue tasks;    /* (mutex lock) */
  gboolean     is_over;  /* (mutex lock): the time ran out */
};

static CfWatchNode *
pop_locked (CfArrivals *self)
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
take_locked (CfArrivals *self)
{
  CfWatchNode *node = self->is_over ? NULL : pop_locked (self);

  return node != NULL ? g_steal_pointer (&node->future) : NULL;
}

static gboolean
is_at_end_locked (CfArrivals *self)
{
  return self->is_over || self->n_taken == self->watch.n_nodes;
}

/* Tasks that wait */

gboolean
_cf_arrivals_has_new (gpointer data)
{
  return __atomic_load_n (&((CfArrivals *) data)->arrived, __ATOMIC_SEQ_CST) != NULL;
}

static gboolean
can_tell_locked (gpointer arrivals)
{
  CfArrivals *self = arrivals;

  return self->ready != NULL || _cf_arrivals_has_new (self) || is_at_end_locked (self);
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
wake_all (CfArrivals *self)
{
  g_mutex_lock (&self->lock);
  for (GSList *link = self->sleepers; link != NULL; link = link->next)
    _cf_parker_set (link->data, CF_PARKER_DONE);
  g_mutex_unlock (&self->lock);

  _cf_async_queue_serve (&self->tasks);
}

/* TRUE: *future is what to return. */
gboolean
_cf_arrivals_try_take (CfArrivals *self,
                       CfFuture  **future)
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
  CfArrivals *self = (CfArrivals *) watch;

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
  CfArrivals *self = data;

  g_mutex_clear (&self->lock);
}

static GError *
time_out_locked (CfArrivals *self)
{
  gsize n = self->watch.n_nodes;

  self->is_over = TRUE;

  return g_error_new (G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "%" G_GSIZE_FORMAT " (of %" G_GSIZE_FORMAT ") futures unfinished",
                      n - self->n_taken, n);
}

/* For the first one who comes after the time, the error. */
CfFuture *
_cf_arrivals_take_or_time_out (CfArrivals *self,
                               GError    **error)
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

CfArrivals *
_cf_arrivals_new (CfFuture **futures,
                  gsize      n_futures)
{
  CfArrivals           *self;
  gsize                 n;
  g_autofree CfFuture **distinct = _cf_watch_distinct (futures, n_futures, &n);

  self = _cf_watch_new (sizeof (CfArrivals), distinct != NULL ? distinct : futures, n, completed, arrivals_clear);
  g_mutex_init (&self->lock);
  _cf_async_queue_init (&self->tasks, &queue_funcs, self, &self->lock, &self->n_waiting);
  _cf_watch_start (&self->watch);

  return self;
}

/* Nobody waits any more; those that complete just now keep it for that long. */
void
_cf_arrivals_free (CfArrivals *self)
{
  _cf_watch_stop (&self->watch);
  _cf_watch_unref (self);
}

/* Waiting for the next one */

/* TRUE: there is something to take, or nothing to wait for. */
static gboolean
add_sleeper (CfArrivals *self,
             CfParker   *parker)
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
remove_sleeper (CfArrivals *self,
                CfParker   *parker)
{
  g_mutex_lock (&self->lock);
  self->sleepers = g_slist_remove (self->sleepers, parker);
  g_atomic_int_add (&self->n_waiting, -1);
  g_mutex_unlock (&self->lock);
}

/* Futures that were not given, each with a reference: those among the next @n_max, which may be a part of them only. */
static GPtrArray *
list_left (CfArrivals *self,
           gsize       n_max,
           gboolean   *is_part)
{
  GPtrArray *left = g_ptr_array_new_with_free_func ((GDestroyNotify) cf_future_unref);
  gsize      n;

  g_mutex_lock (&self->lock);
  while (self->n_gone < self->watch.n_nodes && _cf_watch_get_node (&self->watch, self->n_gone)->future == NULL)
    self->n_gone++;
  n = self->watch.n_nodes - self->n_gone;
  *is_part = n > n_max;
  n = MIN (n, n_max);
  for (gsize i = self->n_gone; i < self->n_gone + n; i++)
    {
      CfFuture *future = _cf_watch_get_node (&self->watch, i)->future;

      if (future != NULL)
        g_ptr_array_add (left, _cf_future_ref (future));
    }
  g_mutex_unlock (&self->lock);

  return left;
}

static gboolean
park_for (CfWaitThread *thread,
          GPtrArray    *targets,
          gboolean      is_part,
          CfParker     *parker,
          GError      **error)
{
  CfWaitRecord record = {
    .thread = thread,
    .mode = CF_WAIT_ANY,
    .targets = (CfFuture **) targets->pdata,
    .n_targets = targets->len,
    .is_part = is_part,
    .parker = parker,
  };

  _cf_wait_graph_enter (&record);
  _cf_parker_park (parker, -1);

  return _cf_wait_graph_leave (&record, error);
}

/* With a few of what is left, mostly: it is enough that one of those can come, and listing all each time would make the
 * waiting dearer the more there are. */
static gboolean
park_in_graph (CfWaitThread *thread,
               CfArrivals   *self,
               CfParker     *parker,
               GError      **error)
{
  gboolean is_part;
  g_autoptr (GPtrArray) few = list_left (self, LOOK_AT, &is_part);
  g_autoptr (GPtrArray) all = NULL;

  if (park_for (thread, few, is_part, parker, NULL))
    return TRUE;

  _cf_parker_clear (parker, CF_PARKER_TOLD);
  all = list_left (self, G_MAXSIZE, &is_part);

  return park_for (thread, all, is_part, parker, error);
}

/* FALSE: it can never come. */
gboolean
_cf_arrivals_sleep (CfArrivals *self,
                    gint64      deadline,
                    GError    **error)
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
dup_next_to_run (CfArrivals *self)
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
gboolean
_cf_arrivals_run_inline (CfArrivals *self)
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
gboolean
_cf_arrivals_run_inline_again (CfArrivals *self)
{
  g_mutex_lock (&self->lock);
  self->next_run = 0;
  g_mutex_unlock (&self->lock);

  return _cf_arrivals_run_inline (self);
}

static void
forget_tasks (gpointer arrivals)
{
  _cf_async_queue_forget (&((CfArrivals *) arrivals)->tasks);
}

void
_cf_arrivals_add_task (CfArrivals    *self,
                       GTask         *task,
                       gint64         deadline,
                       CfAsyncTimeOut time_out)
{
  CfAsync *async = _cf_async_queue_add (&self->tasks, task, time_out);

  _cf_async_watch (async, deadline, forget_tasks, _cf_watch_ref (&self->watch), _cf_watch_unref);
  _cf_async_unref (async);
}
