/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-error.h"
#include "cf-process-manager-private.h"
#include "cf-process-pool-init-private.h"
#include "cf-worker-environment-private.h"

/* A worker while it lives: it is started, given calls, heard, and ended.  Where its calls lie is the matter of its window. */

#define UNSENT_MAX ((gsize) 1 << 20)
#define QUICK_CALL_US 300
#define SLOW_CALL_US 2000

/* What runs is told when it is not wanted any more. */
static void
watch (CfProcessWorker *self,
       CfProcessCall   *call)
{
  if (_cf_process_call_watch (call, self->manager->kick))
    _cf_process_manager_wake (self->manager);
}

/* The cancellable of what it runs was cancelled. */
static void
pass_cancel_on (CfProcessWorker *self)
{
  g_autoptr (CfProcessCall) oldest = _cf_process_worker_dup_oldest (self);

  if (oldest != NULL && g_atomic_int_compare_and_exchange (&oldest->is_unwanted, TRUE, FALSE) && self->has_page)
    _cf_worker_process_cancel_call (self->process, oldest->id);
}

/* Who cancelled it wants its worker to end, and that has still to be done. */
static gboolean
is_doomed (CfProcessWorker *self,
           CfProcessCall   *call)
{
  gboolean doomed;

  g_mutex_lock (&self->manager->lock);
  doomed = call->id <= self->doomed;
  g_mutex_unlock (&self->manager->lock);

  return doomed;
}

/* The oldest call is the one that runs: it cannot be cancelled any more. */
static void
claim_oldest (CfProcessWorker *self)
{
  for (;;)
    {
      g_autoptr (CfProcessCall) oldest = _cf_process_worker_dup_oldest (self);

      if (oldest == NULL || oldest->running)
        return;
      if (_cf_process_call_claim (oldest))
        {
          watch (self, oldest);
          return;
        }
      if (is_doomed (self, oldest))
        return;

      /* Cancelled just now; if it has started nevertheless, nobody will hear of it. */
      _cf_page_take_back (_cf_worker_process_get_page (self->process), oldest->slot % CF_PAGE_N_SLOTS, oldest->id);
      _cf_process_worker_drop_call (self, oldest);
    }
}

/* A worker whose calls are over in no time gets many at once, so that none has to wait for the manager. */
static void
adapt_window (CfProcessWorker *self)
{
  gint64 now = g_get_monotonic_time (), took = now - self->last_event;

  self->last_event = now;
  if (took > SLOW_CALL_US || !self->has_page || self->manager->now.task_timeout >= 0)
    self->window = 1;
  else if (took < QUICK_CALL_US)
    self->window = MIN (self->window * 2, CF_PAGE_N_SLOTS);
}

/* The time of @call, which is nullable, begins. */
static void
time_call (CfProcessWorker *self,
           CfProcessCall   *call)
{
  self->timed = call != NULL ? call->id : 0;
  self->since = g_get_monotonic_time ();
}

static void
time_oldest (CfProcessWorker *self)
{
  g_autoptr (CfProcessCall) oldest = _cf_process_worker_dup_oldest (self);

  time_call (self, oldest);
}

static gboolean
refuse_frame (CfWireFrame *frame,
              GError     **error)
{
  g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_PROTOCOL, "it sent a frame of kind %d for call %" G_GUINT64_FORMAT " out of turn",
               frame->kind, frame->task);

  return FALSE;
}

static gboolean
take_reply (CfProcessWorker *self,
            CfWireFrame     *frame,
            GError         **error)
{
  g_autoptr (CfProcessCall) call = NULL;
  gboolean was_given;

  g_mutex_lock (&self->manager->lock);
  call = _cf_process_worker_dup_call_locked (self, frame->task);
  was_given = frame->task > 0 && frame->task <= self->last_id;
  g_mutex_unlock (&self->manager->lock);

  if (!was_given)
    return refuse_frame (frame, error);
  /* It was terminated meanwhile, or taken back. */
  if (call == NULL)
    return TRUE;

  if (!_cf_process_call_claim (call))
    {
      _cf_process_worker_drop_call (self, call);
    }
  else if (_cf_process_call_is_last_reply (call, frame))
    {
      _cf_process_worker_drop_call (self, call);
      adapt_window (self);
      time_oldest (self);
      _cf_process_call_take_reply (call, frame);
    }
  else
    {
      _cf_process_call_take_reply (call, frame);
    }

  claim_oldest (self);

  return TRUE;
}

static gboolean
frame_cb (CfWorkerProcess *process G_GNUC_UNUSED,
          CfWireFrame             *frame,
          gpointer                 user_data,
          GError                 **error)
{
  CfProcessWorker *self = user_data;
  gboolean         is_reply = frame->kind == CF_WIRE_RESULT || frame->kind == CF_WIRE_ERROR;

  if (self->state == CF_PROCESS_WORKER_STARTING)
    return _cf_process_worker_take_start_frame (self, frame) || refuse_frame (frame, error);

  return is_reply ? take_reply (self, frame, error) : refuse_frame (frame, error);
}

static void
dead_cb (CfWorkerProcess *process G_GNUC_UNUSED,
         const char              *how,
         gpointer                 user_data)
{
  CfProcessWorker *self = user_data;

  _cf_process_manager_lose (self->manager, self, how);
}

static const CfWorkerProcessEvents events = { frame_cb, dead_cb };

CfProcessWorker *
_cf_process_worker_start (CfProcessManager *manager,
                          GError          **error)
{
  CfProcessWorker *self = g_new0 (CfProcessWorker, 1);
  g_autoptr (GError) failure = NULL;

  self->manager = manager;
  self->window = 1;
  self->process = _cf_worker_process_start (_cf_process_pool_renew_worker_argv ((const char *const *) manager->argv),
                                            _cf_worker_environment_get_depth () + 1, &events, self, error);
  if (self->process == NULL)
    {
      g_free (self);
      return NULL;
    }

  self->since = g_get_monotonic_time ();
  if (!_cf_process_worker_send_init (self, &failure))
    {
      g_prefix_error (&failure, "The initializer of the workers cannot be sent: ");
      _cf_process_manager_break (manager, failure);
      _cf_process_worker_end (self, CF_LOSS_ENDED, CF_WORKER_END_KILL);
    }
  _cf_worker_process_flush (self->process);

  return self;
}

void
_cf_process_worker_free (CfProcessWorker *self)
{
  _cf_worker_process_free (self->process);
  g_clear_error (&self->reason);
  g_free (self);
}

/* Tells whether it may get one more call, when each worker's share is @share. */
gboolean
_cf_process_worker_has_room (CfProcessWorker *self,
                             guint            share)
{
  guint         max_tasks = self->manager->now.max_tasks_per_child;
  CfProcessLoad load = _cf_process_worker_get_load (self);

  return self->state == CF_PROCESS_WORKER_READY &&
         load.n_in_flight < MIN (self->window, MAX (share, 1)) &&
         load.n_slots < CF_PAGE_N_SLOTS &&
         (max_tasks == 0 || self->n_given < max_tasks) &&
         _cf_worker_process_get_n_unsent (self->process) < UNSENT_MAX;
}

static void
fail_unsent (CfProcessWorker *self,
             CfProcessCall   *call,
             const GError    *error)
{
  if (_cf_process_worker_drop_call (self, call) && _cf_process_call_claim (call))
    _cf_process_call_fail (call, error);
  claim_oldest (self);
}

static void
send_call (CfProcessWorker *self,
           CfProcessCall   *call,
           CfWireFrame     *frame)
{
  g_autoptr (GError) error = NULL;
  gboolean success;

  if (!_cf_process_call_pack (call, frame))
    {
      _cf_process_worker_drop_call (self, call);
      return;
    }

  success = _cf_worker_process_append (self->process, frame, &error);
  _cf_process_call_unpack (call, frame);
  if (success)
    self->n_given++;
  else
    fail_unsent (self, call, error);
}

/* Gives it the first call of the queue.  FALSE: there is none for it. */
gboolean
_cf_process_worker_give (CfProcessWorker *self)
{
  gboolean    is_first;
  CfWireFrame frame = { .kind = CF_WIRE_CALL };
  g_autoptr (CfProcessCall) call = _cf_process_worker_take_from_queue (self, &is_first, &frame);

  if (call == NULL)
    return FALSE;

  if ((is_first || call->running) && !_cf_process_call_claim (call))
    {
      _cf_process_worker_drop_call (self, call);
      return TRUE;
    }
  if (call->running)
    watch (self, call);
  if (is_first)
    {
      self->last_event = g_get_monotonic_time ();
      time_call (self, call);
    }
  send_call (self, call, &frame);

  return TRUE;
}

/* Ends it; what it had not started goes back to the queue first, so that the end hits nothing else. */
void
_cf_process_worker_end (CfProcessWorker *self,
                        CfLoss           loss,
                        CfWorkerEnd      end)
{
  if (self->state != CF_PROCESS_WORKER_ENDING)
    {
      self->state = CF_PROCESS_WORKER_ENDING;
      self->loss = loss;
      g_mutex_lock (&self->manager->lock);
      self->manager->counts.n_workers--;
      g_mutex_unlock (&self->manager->lock);
      if (loss == CF_LOSS_TIMEOUT || loss == CF_LOSS_TERMINATED)
        _cf_process_manager_miss (self->manager, self);
    }

  if (self->said_hello && self->has_page)
    _cf_process_worker_take_back_all (self);
  _cf_worker_process_end (self->process, end);
}

static void
time_out (CfProcessWorker *self)
{
  g_autoptr (CfProcessCall) oldest = _cf_process_worker_dup_oldest (self);
  g_autoptr (CfProcessCall) running = _cf_process_worker_dup_running (self);
  CfProcessCall *call = running != NULL ? running : oldest;
  g_autoptr (GError) error = NULL;
  g_autofree char *what = NULL;

  /* Those before it are over, and their replies on the way: this one's own time begins. */
  if (call == NULL || call->id != self->timed)
    {
      time_call (self, call);
      return;
    }

  _cf_process_worker_end (self, CF_LOSS_TIMEOUT, CF_WORKER_END_TERMINATE);
  if (!_cf_process_worker_drop_call (self, call) || !_cf_process_call_claim (call))
    return;

  what = _cf_process_call_describe (call);
  error = g_error_new (G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "%s took longer than %.3f s in process %d, which was ended",
                       what, (double) self->manager->now.task_timeout / G_USEC_PER_SEC,
                       _cf_worker_process_get_pid (self->process));
  _cf_process_call_fail (call, error);
}

/* The call for which it was doomed may be over by now, and then it is spared. */
static void
check_doom (CfProcessWorker *self)
{
  g_autoptr (CfProcessCall) call = NULL;
  g_autoptr (CfProcessCall) running = NULL;

  g_mutex_lock (&self->manager->lock);
  call = _cf_process_worker_dup_call_locked (self, self->doomed);
  self->doomed = 0;
  g_mutex_unlock (&self->manager->lock);

  if (call == NULL)
    return;
  running = _cf_process_worker_dup_running (self);
  if (self->state == CF_PROCESS_WORKER_READY && running == call)
    _cf_process_worker_end (self, CF_LOSS_TERMINATED, CF_WORKER_END_TERMINATE);
  _cf_process_worker_drop_call (self, call);

  claim_oldest (self);
  if (self->state == CF_PROCESS_WORKER_READY)
    time_oldest (self);
}

/* When its start or its call has taken too long, as the settings are now; or -1. */
gint64
_cf_process_worker_get_deadline (CfProcessWorker *self)
{
  gint64 timeout = -1;

  if (self->state == CF_PROCESS_WORKER_STARTING)
    timeout = self->manager->now.start_timeout;
  else if (self->state == CF_PROCESS_WORKER_READY && self->timed != 0)
    timeout = self->manager->now.task_timeout;

  return timeout >= 0 ? self->since + timeout : -1;
}

/* Does what time or others have decided about it. */
void
_cf_process_worker_check (CfProcessWorker *self,
                          gint64           now)
{
  gint64 deadline;

  check_doom (self);
  pass_cancel_on (self);

  deadline = _cf_process_worker_get_deadline (self);
  if (deadline >= 0 && now >= deadline)
    {
      if (self->state == CF_PROCESS_WORKER_STARTING)
        _cf_process_worker_time_out_start (self);
      else if (self->state == CF_PROCESS_WORKER_READY)
        time_out (self);
    }
}

/* Lets it go when it has done its share, or nothing for too long; after the calls that there are were given. */
void
_cf_process_worker_retire (CfProcessWorker *self,
                           gint64           now)
{
  const CfProcessSettings *settings = &self->manager->now;

  if (self->state != CF_PROCESS_WORKER_READY || _cf_process_worker_get_load (self).n_in_flight > 0)
    return;
  if ((settings->max_tasks_per_child > 0 && self->n_given >= settings->max_tasks_per_child) ||
      (settings->idle_timeout >= 0 && now >= self->last_event + settings->idle_timeout))
    _cf_process_worker_end (self, CF_LOSS_ENDED, CF_WORKER_END_BYE);
}
