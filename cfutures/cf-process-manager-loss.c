/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-error.h"
#include "cf-process-manager-private.h"

/* What the loss of a worker means: which calls fail with it, which go to somebody else, and when there is no hope. */

#define MAX_FAILED_STARTS 3
#define BACK_OFF_US (G_USEC_PER_SEC / 50)
#define BACK_OFF_MAX_US (5 * G_USEC_PER_SEC)

static void
back_off (CfProcessManager *self)
{
  gint64 delay = BACK_OFF_US << MIN (self->n_failed_starts, 10);

  self->n_failed_starts++;
  self->next_start = g_get_monotonic_time () + MIN (delay, BACK_OFF_MAX_US);
}

void
_cf_process_manager_fail_start (CfProcessManager *self,
                                const GError     *reason)
{
  back_off (self);
  /* One that is being ended may take up just the room that is missing. */
  if (self->n_failed_starts >= MAX_FAILED_STARTS && self->workers->len == 0)
    _cf_process_manager_break (self, reason);
}

static GPtrArray *
steal_in_flight (CfProcessWorker *worker)
{
  CfProcessManager *manager = worker->manager;
  GPtrArray        *calls = g_ptr_array_new_with_free_func ((GDestroyNotify) _cf_process_call_unref);

  g_mutex_lock (&manager->lock);
  while (worker->n_in_flight > 0)
    {
      CfProcessCall *call = worker->slots[worker->head % CF_PAGE_N_SLOTS];

      g_ptr_array_add (calls, _cf_process_worker_remove_locked (worker, call));
    }
  g_mutex_unlock (&manager->lock);

  return calls;
}

static void
forget (CfProcessManager *self,
        CfProcessCall    *call)
{
  g_mutex_lock (&self->lock);
  g_hash_table_remove (self->calls, call->future);
  g_mutex_unlock (&self->lock);

  _cf_process_call_unwatch (call);
}

/* Back to the front of the queue, as if it had never left; unless nobody waits for it any more. */
static void
put_back (CfProcessManager *self,
          CfProcessCall    *call)
{
  gboolean is_wanted;

  g_mutex_lock (&self->lock);
  is_wanted = !call->is_abandoned && !cf_future_is_done (call->future);
  if (is_wanted)
    {
      call->is_queued = TRUE;
      g_queue_push_head_link (&self->queue, &_cf_process_call_ref (call)->link);
    }
  g_mutex_unlock (&self->lock);

  if (!is_wanted)
    forget (self, call);
}

static void
fail_victim (CfProcessManager *self,
             CfProcessWorker  *worker,
             CfProcessCall    *call,
             const char       *how)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *what = NULL;

  if (worker->loss == CF_LOSS_ACCIDENT && call->n_starts++ < self->now.max_retries)
    {
      put_back (self, call);
      return;
    }

  what = _cf_process_call_describe (call);
  error = g_error_new (CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_WORKER_DIED, "The worker process %d that ran %s %s",
                       _cf_worker_process_get_pid (worker->process), what, how);
  forget (self, call);
  if (_cf_process_call_claim (call))
    _cf_process_call_fail (call, error);
}

static gboolean
was_started (CfProcessWorker *worker,
             CfProcessCall   *call)
{
  if (!worker->said_hello)
    return FALSE;

  return !worker->has_page ||
         _cf_page_is_started (_cf_worker_process_get_page (worker->process), call->slot % CF_PAGE_N_SLOTS, call->id);
}

/* The call that it was running fails, or is tried again; the others go to somebody else. */
static void
sort_calls (CfProcessManager *self,
            CfProcessWorker  *worker,
            const char       *how)
{
  g_autoptr (GPtrArray) calls = steal_in_flight (worker);

  for (guint i = calls->len; i > 0; i--)
    {
      if (was_started (worker, calls->pdata[i - 1]))
        fail_victim (self, worker, calls->pdata[i - 1], how);
      else
        put_back (self, calls->pdata[i - 1]);
    }
}

static void
lose_starting (CfProcessManager *self,
               CfProcessWorker  *worker,
               const char       *how)
{
  g_autofree char *words = _cf_worker_process_dup_last_words (worker->process);
  g_autoptr (GError) reason = NULL;

  reason = g_error_new (CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN, "No worker process starts: %s%s%s%s",
                        worker->reason != NULL ? worker->reason->message : "the worker ",
                        worker->reason != NULL ? "" : how,
                        *words != '\0' ? "; its last words: " : "", words);

  if (self->now.break_on_death && worker->loss == CF_LOSS_ACCIDENT)
    {
      _cf_process_manager_break (self, reason);
    }
  else if (self->can_start && _cf_worker_process_was_killed (worker->process))
    {
      /* Workers of this pool do start, but somebody kills them: that is no reason to give up, nor to wait long. */
      self->n_failed_starts = MIN (self->n_failed_starts, 1);
      back_off (self);
    }
  else
    {
      _cf_process_manager_fail_start (self, reason);
    }
}

/* There is one worker less: it is replaced at once, unless it never did anything, as that may happen again. */
void
_cf_process_manager_miss (CfProcessManager *self,
                          CfProcessWorker  *worker)
{
  self->n_lost++;
  if (worker->n_given > 0)
    self->n_wanted = MAX (self->n_wanted, _cf_process_manager_count_alive (self) + 1);
}

static void
count_loss (CfProcessManager *self,
            CfProcessWorker  *worker)
{
  gboolean is_accident = worker->loss == CF_LOSS_ACCIDENT;

  g_mutex_lock (&self->lock);
  if (worker->state != CF_PROCESS_WORKER_ENDING)
    self->counts.n_workers--;
  if (is_accident)
    self->counts.n_deaths++;
  g_mutex_unlock (&self->lock);

  if (is_accident || worker->loss == CF_LOSS_START)
    _cf_process_manager_miss (self, worker);
}

static void
break_by_death (CfProcessManager *self,
                CfProcessWorker  *worker,
                const char       *how)
{
  g_autoptr (GError) reason = g_error_new (CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN, "The worker process %d %s",
                                           _cf_worker_process_get_pid (worker->process), how);

  _cf_process_manager_break (self, reason);
}

/* A worker is dead: this is the one place that decides what that means. */
void
_cf_process_manager_lose (CfProcessManager *self,
                          CfProcessWorker  *worker,
                          const char       *how)
{
  gboolean was_starting = worker->state == CF_PROCESS_WORKER_STARTING || worker->loss == CF_LOSS_START;

  g_ptr_array_remove (self->workers, worker);
  g_ptr_array_add (self->dead_workers, worker);
  count_loss (self, worker);

  if (was_starting)
    lose_starting (self, worker, how);
  else if (worker->loss == CF_LOSS_ACCIDENT && self->now.break_on_death)
    break_by_death (self, worker, how);

  sort_calls (self, worker, how);
  worker->state = CF_PROCESS_WORKER_ENDING;
}

static gboolean
set_broken (CfProcessManager *self,
            const GError     *reason)
{
  gboolean is_first;

  g_mutex_lock (&self->lock);
  is_first = self->broken == NULL;
  if (is_first)
    self->broken = g_error_copy (reason);
  g_mutex_unlock (&self->lock);

  return is_first;
}

static CfProcessCall *
steal_any_call (CfProcessManager *self)
{
  GHashTableIter iter;
  gpointer       value = NULL;
  CfProcessCall *call;

  g_mutex_lock (&self->lock);
  g_hash_table_iter_init (&iter, self->calls);
  if (g_hash_table_iter_next (&iter, NULL, &value))
    g_hash_table_iter_remove (&iter);
  call = value;
  if (call != NULL && call->is_queued)
    g_queue_unlink (&self->queue, &call->link);
  else if (call != NULL && call->worker != NULL)
    _cf_process_worker_remove_locked (call->worker, call);
  if (call != NULL)
    call->is_queued = FALSE;
  g_mutex_unlock (&self->lock);

  return call;
}

/* Nothing will run here any more: all calls fail with the reason, all workers go. */
void
_cf_process_manager_break (CfProcessManager *self,
                           const GError     *reason)
{
  CfProcessCall *call;

  if (!set_broken (self, reason))
    return;

  for (guint i = 0; i < self->workers->len; i++)
    _cf_process_worker_end (self->workers->pdata[i], CF_LOSS_ENDED, CF_WORKER_END_TERMINATE);
  self->n_wanted = 0;

  while ((call = steal_any_call (self)) != NULL)
    {
      if (_cf_process_call_claim (call))
        _cf_process_call_fail (call, reason);
      _cf_process_call_unwatch (call);
      _cf_process_call_unref (call);
    }
}
