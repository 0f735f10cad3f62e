/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-error.h"
#include "cf-process-manager-private.h"

/* The part of the manager that runs in its own thread.  Whatever happened, it does the same thing after each round of
 * its main context: see who is due, who is free, who is missing.
 */

#define STEAL_AFTER_US 2000

static guint
count_workers (CfProcessManager    *self,
               CfProcessWorkerState state)
{
  guint n = 0;

  for (guint i = 0; i < self->workers->len; i++)
    n += ((CfProcessWorker *) self->workers->pdata[i])->state == state;

  return n;
}

guint
_cf_process_manager_count_alive (CfProcessManager *self)
{
  return count_workers (self, CF_PROCESS_WORKER_STARTING) + count_workers (self, CF_PROCESS_WORKER_READY);
}

static gboolean
is_idle (CfProcessWorker *worker)
{
  return worker->state == CF_PROCESS_WORKER_READY && _cf_process_worker_get_load (worker).n_in_flight == 0;
}

/* Those that may get a call at once.  One that does not read is none of them, though all that it had was taken back. */
static guint
count_free (CfProcessManager *self)
{
  guint n = 0;

  for (guint i = 0; i < self->workers->len; i++)
    n += _cf_process_worker_has_room (self->workers->pdata[i], 1);

  return n;
}

static guint
get_queue_length (CfProcessManager *self)
{
  guint length;

  g_mutex_lock (&self->lock);
  length = self->queue.length;
  g_mutex_unlock (&self->lock);

  return length;
}

/* Ends what must end, each kind once. */
static void
check_workers (CfProcessManager *self)
{
  gint64 now = g_get_monotonic_time ();
  int    end_all;

  g_mutex_lock (&self->lock);
  self->now = self->settings;
  end_all = self->end_all;
  self->end_all = -1;
  g_mutex_unlock (&self->lock);

  for (guint i = 0; i < self->workers->len; i++)
    {
      if (end_all >= 0)
        _cf_process_worker_end (self->workers->pdata[i], CF_LOSS_ENDED, (CfWorkerEnd) end_all);
      _cf_process_worker_check (self->workers->pdata[i], now);
    }
}

static void
retire_workers (CfProcessManager *self)
{
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < self->workers->len; i++)
    _cf_process_worker_retire (self->workers->pdata[i], now);
}

/* Round after round, one call for each that has room, so that all get some. */
static void
give_calls (CfProcessManager *self)
{
  guint    n_queued = get_queue_length (self), n_ready = count_workers (self, CF_PROCESS_WORKER_READY);
  guint    share, n_sent = 0;
  gboolean gave = n_queued > 0 && n_ready > 0;

  for (guint i = 0; i < self->workers->len; i++)
    n_sent += _cf_process_worker_get_load (self->workers->pdata[i]).n_in_flight;
  share = n_ready > 0 ? (n_queued + n_sent + n_ready - 1) / n_ready : 0;

  while (gave)
    {
      gave = FALSE;
      for (guint i = 0; i < self->workers->len; i++)
        {
          CfProcessWorker *worker = self->workers->pdata[i];

          if (_cf_process_worker_has_room (worker, share) && _cf_process_worker_give (worker))
            gave = TRUE;
        }
    }

  for (guint i = 0; i < self->workers->len; i++)
    _cf_worker_process_flush (((CfProcessWorker *) self->workers->pdata[i])->process);
}

static guint
get_missing (CfProcessManager *self)
{
  guint n_alive = _cf_process_manager_count_alive (self), n_queued = get_queue_length (self);
  guint n_soon = count_free (self) + count_workers (self, CF_PROCESS_WORKER_STARTING);
  guint n_missing = n_queued > n_soon ? n_queued - n_soon : 0;

  if (n_alive < self->n_wanted)
    n_missing = MAX (n_missing, self->n_wanted - n_alive);

  return n_alive < self->now.max_workers ? MIN (n_missing, self->now.max_workers - n_alive) : 0;
}

static void
note_start (CfProcessManager *self,
            CfProcessWorker  *worker)
{
  g_ptr_array_add (self->workers, worker);

  g_mutex_lock (&self->lock);
  if (worker->state != CF_PROCESS_WORKER_ENDING)
    self->counts.n_workers++;
  if (self->n_lost > 0)
    {
      self->n_lost--;
      self->counts.n_restarts++;
    }
  g_mutex_unlock (&self->lock);
}

static void
start_worker (CfProcessManager *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) reason = NULL;
  CfProcessWorker *worker = _cf_process_worker_start (self, &error);

  if (worker != NULL)
    {
      note_start (self, worker);
      return;
    }

  reason = g_error_new (CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SPAWN_FAILED, "No worker process can be started: %s", error->message);
  _cf_process_manager_fail_start (self, reason);
}

/* A failure counts once its process is gone: the next attempt waits for that, or it would look like hope. */
static guint
count_failing (CfProcessManager *self)
{
  guint n = 0;

  for (guint i = 0; i < self->workers->len; i++)
    n += ((CfProcessWorker *) self->workers->pdata[i])->loss == CF_LOSS_START;

  return n;
}

/* Whatever the time, none is started before something else has happened. */
static gboolean
must_not_start (CfProcessManager *self)
{
  gboolean is_broken;

  g_mutex_lock (&self->lock);
  is_broken = self->broken != NULL;
  g_mutex_unlock (&self->lock);

  return is_broken || count_failing (self) > 0 || (self->n_failed_starts > 0 && count_workers (self, CF_PROCESS_WORKER_STARTING) > 0);
}

static gboolean
may_start (CfProcessManager *self)
{
  return !must_not_start (self) && (self->n_failed_starts == 0 || g_get_monotonic_time () >= self->next_start);
}

static void
start_workers (CfProcessManager *self)
{
  for (guint n = get_missing (self); n > 0 && may_start (self); n--)
    start_worker (self);
  if (_cf_process_manager_count_alive (self) >= self->n_wanted)
    self->n_wanted = 0;
}

/* Whether somebody else would run what a worker gives back. */
static gboolean
has_takers (CfProcessManager *self)
{
  return get_queue_length (self) == 0 &&
         (count_free (self) > 0 || _cf_process_manager_count_alive (self) < self->now.max_workers);
}

/* A long call holds up those that were sent behind it: somebody else may have them. */
static void
take_back_stuck (CfProcessManager *self)
{
  gint64 now = g_get_monotonic_time ();

  if (!has_takers (self))
    return;

  for (guint i = 0; i < self->workers->len; i++)
    {
      CfProcessWorker *worker = self->workers->pdata[i];

      if (_cf_process_worker_has_waiting (worker) && now >= worker->last_event + STEAL_AFTER_US)
        {
          worker->window = 1;
          if (_cf_process_worker_take_back_all (worker) > 0)
            _cf_process_manager_wake (self);
        }
    }
}

static gint64
earlier (gint64 a,
         gint64 b)
{
  return a < 0 || (b >= 0 && b < a) ? b : a;
}

static gint64
get_due (CfProcessManager *self,
         CfProcessWorker  *worker)
{
  gint64 due = _cf_process_worker_get_deadline (worker);

  if (is_idle (worker) && self->now.idle_timeout >= 0)
    due = earlier (due, worker->last_event + self->now.idle_timeout);
  if (_cf_process_worker_has_waiting (worker) && has_takers (self))
    due = earlier (due, worker->last_event + STEAL_AFTER_US);

  return due;
}

/* One timer for all that time decides.  What is due is done in the next round, or is not due: else there is no rest. */
static void
set_timer (CfProcessManager *self)
{
  gint64 due = -1;

  for (guint i = 0; i < self->workers->len; i++)
    due = earlier (due, get_due (self, self->workers->pdata[i]));
  if (self->n_failed_starts > 0 && get_missing (self) > 0 && !must_not_start (self))
    due = earlier (due, self->next_start);

  if (g_source_get_ready_time (self->timer) != due)
    g_source_set_ready_time (self->timer, due);
}

/* After a shutdown, idle workers go; returns whether all is over. */
static gboolean
wind_up (CfProcessManager *self)
{
  gboolean is_shutdown;
  guint    n_calls;

  g_mutex_lock (&self->lock);
  is_shutdown = self->is_shutdown;
  n_calls = g_hash_table_size (self->calls);
  g_mutex_unlock (&self->lock);

  if (!is_shutdown || n_calls > 0)
    return FALSE;

  self->n_wanted = 0;
  for (guint i = 0; i < self->workers->len; i++)
    {
      CfProcessWorker *worker = self->workers->pdata[i];

      if (worker->state != CF_PROCESS_WORKER_ENDING)
        _cf_process_worker_end (worker, CF_LOSS_ENDED,
                                worker->state == CF_PROCESS_WORKER_READY ? CF_WORKER_END_BYE : CF_WORKER_END_TERMINATE);
    }

  return self->workers->len == 0;
}

static void
manage (CfProcessManager *self)
{
  g_atomic_int_set (&self->awake, FALSE);

  g_ptr_array_set_size (self->dead_workers, 0);
  check_workers (self);
  take_back_stuck (self);
  give_calls (self);
  retire_workers (self);
  start_workers (self);
  set_timer (self);
}

static gboolean
timer_dispatch (GSource             *source,
                GSourceFunc callback G_GNUC_UNUSED,
                gpointer user_data   G_GNUC_UNUSED)
{
  g_source_set_ready_time (source, -1);

  return G_SOURCE_CONTINUE;
}

static GSourceFuncs timer_funcs = { NULL, NULL, timer_dispatch, NULL, NULL, NULL };

/* Manages until the pool was shut down and the last worker is gone. */
void
_cf_process_manager_run (CfProcessManager *self)
{
  g_main_context_push_thread_default (self->context);
  self->timer = g_source_new (&timer_funcs, sizeof (GSource));
  self->kick = g_source_new (&timer_funcs, sizeof (GSource));
  g_source_attach (self->timer, self->context);
  g_source_attach (self->kick, self->context);

  manage (self);
  while (!wind_up (self))
    {
      g_main_context_iteration (self->context, TRUE);
      manage (self);
    }

  g_ptr_array_set_size (self->dead_workers, 0);
  g_source_destroy (self->timer);
  g_source_destroy (self->kick);
  g_clear_pointer (&self->timer, g_source_unref);
  g_clear_pointer (&self->kick, g_source_unref);
  g_main_context_pop_thread_default (self->context);
}
