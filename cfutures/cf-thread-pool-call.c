/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-thread-pool-private.h"

/* Who is called for what is queued: one who sleeps, or a thread that becomes a worker.
 *
 * One worker searches at most, and only when none does is one woken or started.  So a flood of work costs few system
 * calls.
 */

/* Nobody looks for work, and somebody could.  What lies beside what submitters write is looked at last. */
static gboolean
can_call_locked (CfThreadPool *self)
{
  return self->n_searching == 0 && (self->n_parked > 0 || self->n_workers < self->max_workers) &&
         !_cf_thread_standby_is_enough_locked (self) && self->broken == NULL;
}

static CfThreadWorker *
unpark_locked (CfThreadPool *self)
{
  CfThreadWorker *worker = self->parked != NULL ? self->parked : self->standby;

  if (worker == NULL)
    return NULL;
  if (worker == self->standby)
    self->standby = NULL;
  else
    self->parked = worker->next_parked;
  self->n_parked--;
  worker->is_parked = FALSE;
  worker->is_searching = TRUE;
  self->n_searching++;

  return worker;
}

/* A thread on its way to become a worker.  One that could not be started stays in the queue of the GThreadPool, perhaps
 * longer than the pool lives: whoever is first takes the pool from it. */
struct _CfThreadStart
{
  gatomicrefcount ref_count; /* the caller's, and of the queue of the GThreadPool */
  CfThreadPool   *pool;      /* (atomic) (owned) (nullable) */
};

static void
start_unref (gpointer data)
{
  if (g_atomic_ref_count_dec (&((CfThreadStart *) data)->ref_count))
    g_free (data);
}

/* What is left in the queue of the GThreadPool; in GLib 2.74 a mark of its own may be among it. */
static void
drop_left_over (gpointer item)
{
  if (item != GUINT_TO_POINTER (1))
    start_unref (item);
}

static CfThreadPool *
start_take (CfThreadStart *self)
{
  return __atomic_exchange_n (&self->pool, NULL, __ATOMIC_ACQ_REL);
}

static void
thread_main (gpointer           item,
             gpointer user_data G_GNUC_UNUSED)
{
  CfThreadPool *pool = start_take (item);

  start_unref (item);
  if (pool != NULL)
    _cf_thread_pool_be_worker (pool);
}

static CfThreadStart *
start_new_locked (CfThreadPool *self)
{
  CfThreadStart *start = g_new0 (CfThreadStart, 1);

  g_atomic_ref_count_init (&start->ref_count);
  g_atomic_ref_count_inc (&start->ref_count);
  start->pool = _cf_thread_pool_ref (self);
  if (self->threads == NULL)
    self->threads = g_thread_pool_new_full (thread_main, NULL, drop_left_over, (int) MIN (self->max_workers, G_MAXINT), FALSE, NULL);
  self->n_workers++;
  self->n_searching++;

  return start;
}

/* A worker that is still initializing may take long: no reason to let a parked one sleep on, but one not to start another. */
static guint
count_coming_locked (CfThreadPool *self)
{
  return self->n_parked == 0 ? self->n_initializing - self->n_held_up : 0;
}

/* Decides who is called for what is queued.  Must be asked whenever there may be a worker more that can be called; what is
 * submitted later is up to its submitter. */
CfThreadCall
_cf_thread_pool_call_locked (CfThreadPool *self)
{
  CfThreadCall call = { NULL, NULL };

  if (!can_call_locked (self) || !_cf_thread_pool_collect_locked (self, count_coming_locked (self)))
    return call;

  call.wake = unpark_locked (self);
  if (call.wake == NULL)
    call.start = start_new_locked (self);

  return call;
}

static void
wake (CfThreadWorker *worker)
{
  if (worker != NULL)
    _cf_parker_set (&worker->parker, CF_PARKER_DONE);
}

/* There is one worker less than expected.  Others may have gone to sleep because they counted on it. */
static CfThreadWorker *
give_start_up_locked (CfThreadPool *self)
{
  self->n_workers--;
  self->n_searching--;
  if (self->n_parked > 0)
    return _cf_thread_pool_call_locked (self).wake;
  _cf_thread_pool_ask_locked (self, TRUE);

  return NULL;
}

/* The work stays queued for the workers there are. */
static void
give_start_up (CfThreadStart *start,
               const GError  *reason)
{
  CfThreadPool   *self = start_take (start);
  CfThreadWorker *other;

  g_debug ("No thread could be started: %s", reason->message);
  if (self == NULL)
    return;

  _cf_lock (&self->lock);
  other = give_start_up_locked (self);
  _cf_unlock (&self->lock);

  wake (other);
  _cf_thread_pool_unref (self);
}

/* FALSE: no thread could be started. */
static gboolean
call_somebody (CfThreadPool *self,
               CfThreadCall  call,
               GError      **error)
{
  g_autoptr (GError) reason = NULL;

  wake (call.wake);
  if (call.start == NULL)
    return TRUE;
  if (!g_thread_pool_push (self->threads, call.start, &reason))
    give_start_up (call.start, reason);
  start_unref (call.start);
  if (reason == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&reason));

  return FALSE;
}

void
_cf_thread_pool_call_somebody (CfThreadPool *self,
                               CfThreadCall  call)
{
  call_somebody (self, call, NULL);
}

/* From a worker that is gone, whose thread goes back to the GThreadPool: a start that gets no thread of its own stays in the
 * queue there, and that thread comes to it next. */
void
_cf_thread_pool_call_and_go (CfThreadPool *self,
                             CfThreadCall  call)
{
  wake (call.wake);
  if (call.start == NULL)
    return;

  g_thread_pool_push (self->threads, call.start, NULL);
  start_unref (call.start);
}

static CfThreadCall
decide_call (CfThreadPool *self)
{
  CfThreadCall call;

  _cf_lock (&self->lock);
  call = _cf_thread_pool_call_locked (self);
  _cf_unlock (&self->lock);

  return call;
}

void
_cf_thread_pool_call_worker (CfThreadPool *self)
{
  _cf_thread_pool_make_call (self, decide_call (self));
}

/* Calls a worker for a future that was just queued.  FALSE: there is none, and it is not queued any more. */
gboolean
_cf_thread_pool_call_for (CfThreadPool *self,
                          CfFuture     *future,
                          GError      **error)
{
  g_autoptr (GError) reason = NULL;

  if (call_somebody (self, decide_call (self), &reason) || !_cf_thread_pool_give_up (self, future, reason))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&reason));

  return FALSE;
}

void
_cf_thread_pool_wake_all (CfThreadPool *self)
{
  CfThreadWorker *worker;

  do
    {
      _cf_lock (&self->lock);
      worker = unpark_locked (self);
      _cf_unlock (&self->lock);
      wake (worker);
    }
  while (worker != NULL);
}
