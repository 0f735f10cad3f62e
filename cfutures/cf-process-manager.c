/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>

#include "cf-error.h"
#include "cf-future-private.h"
#include "cf-process-manager-private.h"

/* The part of the manager that other threads meet: the queue in front of it, and what they ask of it.
 *
 *   submit ──▶ queue ──▶ manager ──▶ window of a worker ──▶ process
 *                 ▲         │ ▲                               │
 *                 │         │ └───────── replies ─────────────┤
 *                 └── calls that were not started ◀── death ──┘
 *
 * The lock is held for moments only, and never while foreign code runs.
 */

/* Sets what is known only when the executor was constructed; takes @argv over. */
void
_cf_process_manager_configure (CfProcessManager *self,
                               const char       *name,
                               guint             max_workers,
                               char            **argv)
{
  self->name = g_strdup (name != NULL ? name : "cf-processes");
  self->argv = argv;
  self->settings.max_workers = max_workers;
}

CfProcessManager *
_cf_process_manager_ref (CfProcessManager *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
_cf_process_manager_unref (CfProcessManager *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_ptr_array_unref (self->workers);
  g_ptr_array_unref (self->dead_workers);
  g_hash_table_unref (self->calls);
  g_clear_error (&self->lost_initializer);
  g_clear_pointer (&self->initargs, g_variant_unref);
  g_clear_pointer (&self->thread, g_thread_unref);
  g_clear_error (&self->broken);
  g_main_context_unref (self->context);
  g_strfreev (self->argv);
  g_free (self->name);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->ended);
  g_free (self);
}

/* Wakes up the manager, which looks at everything once more before it sleeps again. */
void
_cf_process_manager_wake (CfProcessManager *self)
{
  if (g_atomic_int_compare_and_exchange (&self->awake, FALSE, TRUE))
    g_main_context_wakeup (self->context);
}

static gpointer
manager_thread (gpointer user_data)
{
  CfProcessManager *self = user_data;
  sigset_t          broken_pipe;

  /* What a worker says while it starts is passed on to wherever standard error leads. */
  sigemptyset (&broken_pipe);
  sigaddset (&broken_pipe, SIGPIPE);
  pthread_sigmask (SIG_BLOCK, &broken_pipe, NULL);
  _cf_process_manager_run (self);

  g_mutex_lock (&self->lock);
  self->has_ended = TRUE;
  g_cond_broadcast (&self->ended);
  g_mutex_unlock (&self->lock);
  _cf_process_manager_unref (self);

  return NULL;
}

static gboolean
start_locked (CfProcessManager *self,
              GError          **error)
{
  if (self->is_started)
    return TRUE;

  self->thread = g_thread_try_new (self->name, manager_thread, _cf_process_manager_ref (self), error);
  if (self->thread == NULL)
    {
      _cf_process_manager_unref (self);
      return FALSE;
    }
  self->thread_id = self->thread;
  self->is_started = TRUE;

  return TRUE;
}

static gboolean
accepts_locked (CfProcessManager *self,
                GError          **error)
{
  if (self->broken != NULL)
    g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN, "The process pool is broken: %s", self->broken->message);
  else if (self->is_shutdown)
    g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SHUTDOWN, "The process pool was shut down");
  else
    return start_locked (self, error);

  return FALSE;
}

/* Queues a call; on success it takes over the caller's reference. */
gboolean
_cf_process_manager_add (CfProcessManager *self,
                         CfProcessCall    *call,
                         GError          **error)
{
  gboolean accepted;

  g_mutex_lock (&self->lock);
  accepted = accepts_locked (self, error);
  if (accepted)
    {
      call->is_queued = TRUE;
      g_queue_push_tail_link (&self->queue, &call->link);
      g_hash_table_insert (self->calls, call->future, call);
    }
  g_mutex_unlock (&self->lock);

  if (accepted)
    _cf_process_manager_wake (self);

  return accepted;
}

/* Whether anything was submitted to it. */
gboolean
_cf_process_manager_is_in_use (CfProcessManager *self)
{
  gboolean is_in_use;

  g_mutex_lock (&self->lock);
  is_in_use = self->is_started;
  g_mutex_unlock (&self->lock);

  return is_in_use;
}

static gboolean
remove_unstarted_locked (CfProcessManager *self,
                         CfProcessCall    *call)
{
  if (call->is_queued)
    {
      g_queue_unlink (&self->queue, &call->link);
      call->is_queued = FALSE;
    }
  else if (call->worker == NULL || call->slot == call->worker->head || !_cf_process_worker_take_back_locked (call->worker, call))
    {
      return FALSE;
    }

  g_hash_table_remove (self->calls, call->future);

  return TRUE;
}

static CfProcessManager *
from_owner (CfFutureOwner *owner)
{
  return (CfProcessManager *) owner;
}

/* Takes the call of @future out, from the queue or out of a window.  FALSE: it has been started, or is not here. */
static gboolean
take_back (CfFutureOwner *owner,
           CfFuture      *future)
{
  CfProcessManager *self = from_owner (owner);
  CfProcessCall    *call;
  g_autoptr (GVariant) unsent = NULL;

  g_mutex_lock (&self->lock);
  call = g_hash_table_lookup (self->calls, future);
  if (call != NULL && !remove_unstarted_locked (self, call))
    call = NULL;
  if (call != NULL)
    unsent = g_steal_pointer (&call->unsent);
  g_mutex_unlock (&self->lock);

  if (call == NULL)
    return FALSE;

  _cf_process_call_unref (call);
  _cf_process_manager_wake (self);

  return TRUE;
}

/* Ends the worker that runs @future, which is being cancelled, or forgets it when it waits to be tried again.  FALSE: it is
 * not here any more.  The worker may be further than the manager knows, so a call that the future does not know to be
 * running is none the less ended. */
static gboolean
abandon (CfFutureOwner *owner,
         CfFuture      *future)
{
  CfProcessManager *self = from_owner (owner);
  CfProcessCall    *call, *forgotten = NULL;
  g_autoptr (GVariant) unsent = NULL;

  g_mutex_lock (&self->lock);
  call = g_hash_table_lookup (self->calls, future);
  if (call != NULL)
    {
      call->is_abandoned = TRUE;
      unsent = g_steal_pointer (&call->unsent);
    }
  if (call != NULL && call->worker != NULL)
    {
      /* They run in this order: those before the newest one are over. */
      call->worker->doomed = MAX (call->worker->doomed, call->id);
      if (unsent == NULL)
        unsent = _cf_worker_process_cut (call->worker->process, call->id);
    }
  else if (call != NULL && call->is_queued)
    {
      remove_unstarted_locked (self, call);
      forgotten = call;
    }
  g_mutex_unlock (&self->lock);

  if (call != NULL)
    _cf_process_manager_wake (self);
  if (forgotten != NULL)
    {
      _cf_process_call_unwatch (forgotten);
      _cf_process_call_unref (forgotten);
    }

  return call != NULL;
}

static void
release (CfFutureOwner *owner)
{
  _cf_process_manager_unref (from_owner (owner));
}

CfProcessManager *
_cf_process_manager_new (void)
{
  CfProcessManager *self = g_new0 (CfProcessManager, 1);

  self->owner.take_back = take_back;
  self->owner.abandon = abandon;
  self->owner.release = release;
  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->lock);
  g_cond_init (&self->ended);
  g_queue_init (&self->queue);
  self->context = g_main_context_new ();
  /* The manager's thread makes it otherwise, and GLib ends the program when there is no descriptor left for it by then. */
  g_main_context_default ();
  _cf_process_settings_init (&self->settings);
  self->calls = g_hash_table_new (NULL, NULL);
  self->workers = g_ptr_array_new ();
  self->dead_workers = g_ptr_array_new_with_free_func ((GDestroyNotify) _cf_process_worker_free);
  self->end_all = -1;

  return self;
}

/* All futures that are here, with a reference each. */
GPtrArray *
_cf_process_manager_list_futures (CfProcessManager *self)
{
  GPtrArray     *futures = g_ptr_array_new_with_free_func (g_object_unref);
  GHashTableIter iter;
  gpointer       future;

  g_mutex_lock (&self->lock);
  g_hash_table_iter_init (&iter, self->calls);
  while (g_hash_table_iter_next (&iter, &future, NULL))
    g_ptr_array_add (futures, _cf_future_ref (future));
  g_mutex_unlock (&self->lock);

  return futures;
}

/* Ends all workers, in whatever they are. */
void
_cf_process_manager_end_workers (CfProcessManager *self,
                                 CfWorkerEnd       end)
{
  g_mutex_lock (&self->lock);
  self->end_all = MAX (self->end_all, (int) end);
  g_mutex_unlock (&self->lock);

  _cf_process_manager_wake (self);
}

static GThread *
await_end_locked (CfProcessManager *self)
{
  while (!self->has_ended)
    g_cond_wait (&self->ended, &self->lock);

  return g_steal_pointer (&self->thread);
}

static void
cancel_all (CfProcessManager *self)
{
  g_autoptr (GPtrArray) futures = _cf_process_manager_list_futures (self);

  for (guint i = 0; i < futures->len; i++)
    cf_future_cancel (futures->pdata[i]);
}

void
_cf_process_manager_shutdown (CfProcessManager *self,
                              gboolean          wait,
                              gboolean          cancel_futures)
{
  GThread *thread = NULL;

  /* First: nothing comes in behind what is cancelled. */
  g_mutex_lock (&self->lock);
  self->is_shutdown = TRUE;
  g_mutex_unlock (&self->lock);
  if (cancel_futures)
    cancel_all (self);

  _cf_process_manager_wake (self);
  if (!wait)
    return;

  g_mutex_lock (&self->lock);
  if (self->is_started && self->thread_id != g_thread_self ())
    thread = await_end_locked (self);
  g_mutex_unlock (&self->lock);

  if (thread != NULL)
    g_thread_join (thread);
}

CfProcessCounts
_cf_process_manager_get_counts (CfProcessManager *self)
{
  CfProcessCounts counts;

  g_mutex_lock (&self->lock);
  counts = self->counts;
  counts.n_running = self->n_busy; /* the oldest one of each; what was sent behind it can be taken back */
  counts.n_pending = g_hash_table_size (self->calls) - self->n_busy;
  g_mutex_unlock (&self->lock);

  return counts;
}
