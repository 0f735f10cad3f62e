/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "cf-thread-pool-private.h"

#include <pthread.h>

#include "cf-error.h"

/* The workers of a thread pool, each of which is one item of a GThreadPool.
 *
 *   started ──▶ searching ──▶ running ──▶ searching ──▶ parked ──▶ gone
 *                   ▲            ▲  │                    │
 *                   │            └──┘ while there is     │
 *                   └────────────────────────────────────┘ woken
 *
 * When one finds something and there is more, it sees to it that there is another one.
 */

#define IDLE_US (15 * G_USEC_PER_SEC)
#define NAME_SIZE 16

/* Names */

static guint
take_index_locked (CfThreadPool *self)
{
  gboolean taken = TRUE;
  guint    index = 0;

  while (index < self->indexes->len && g_array_index (self->indexes, gboolean, index))
    index++;
  if (index == self->indexes->len)
    g_array_append_val (self->indexes, taken);
  g_array_index (self->indexes, gboolean, index) = TRUE;

  return index;
}

static void
rename_thread (CfThreadWorker *worker,
               char           *old_name)
{
  g_autofree char *name = NULL;
  char             cut[NAME_SIZE];

  _cf_lock (&worker->pool->lock);
  name = g_strdup_printf ("%s_%u", worker->pool->name_prefix != NULL ? worker->pool->name_prefix : "cf-pool", worker->index);
  _cf_unlock (&worker->pool->lock);

  if (pthread_getname_np (pthread_self (), old_name, NAME_SIZE) != 0)
    *old_name = '\0';
  g_strlcpy (cut, name, sizeof cut);
  pthread_setname_np (pthread_self (), cut);
}

/* The life of a worker */

static void
stop_searching_locked (CfThreadWorker *worker)
{
  if (!worker->is_searching)
    return;
  worker->is_searching = FALSE;
  worker->pool->n_searching--;
}

/* As a task that waits for those behind it, where it does; but it may not run them. */
static gboolean
run_initializer (CfThreadWorker *worker,
                 CfTaskFunc      initializer,
                 gpointer        data,
                 GError        **error)
{
  g_auto (GValue) result = G_VALUE_INIT;
  g_autoptr (CfFuture) stand_in = cf_future_new ();
  GCancellable *cancellable = _cf_cancellable_borrow ();
  CfWaitFrame   frame;
  gboolean      success;

  _cf_future_set_name (stand_in, "initializer");
  worker->wait.is_preparing = TRUE;
  _cf_wait_frame_push (&frame, stand_in);
  success = initializer (&result, cancellable, data, error);
  _cf_wait_frame_pop (&frame);
  worker->wait.is_preparing = FALSE;
  _cf_cancellable_give_back (cancellable);

  return success;
}

static gboolean
call_initializer (CfThreadWorker *worker,
                  CfTaskFunc      initializer,
                  gpointer        data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) reason = NULL;

  if (run_initializer (worker, initializer, data, &error) && error == NULL)
    return TRUE;

  reason = g_error_new (CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN, "The initializer of the thread pool failed: %s",
                        error != NULL ? error->message : "it gave no reason");
  _cf_thread_pool_break (worker->pool, reason);

  return FALSE;
}

/* While it is being prepared, a worker is not one that others may count on. */
static gboolean
initialize (CfThreadWorker *worker)
{
  CfThreadPool *pool = worker->pool;
  CfThreadCall  call = { NULL, NULL };
  CfTaskFunc    initializer;
  gboolean      success;

  _cf_lock (&pool->lock);
  initializer = pool->initializer;
  if (initializer != NULL)
    {
      stop_searching_locked (worker);
      pool->n_initializing++;
      call = _cf_thread_pool_call_locked (pool);
    }
  _cf_unlock (&pool->lock);

  if (initializer == NULL)
    return TRUE;
  _cf_thread_pool_make_call (pool, call);
  success = call_initializer (worker, initializer, pool->initializer_data);

  _cf_lock (&pool->lock);
  pool->n_initializing--;
  pool->n_held_up -= worker->is_held_up ? 1 : 0;
  worker->is_searching = TRUE;
  pool->n_searching++;
  _cf_unlock (&pool->lock);

  return success;
}

/* Its initializer is going to wait for others: it may be for what is queued here, so that another worker has to come. */
void
_cf_thread_worker_hold_up (CfThreadWorker *worker)
{
  CfThreadPool *pool = worker->pool;
  CfThreadCall  call;

  _cf_lock (&pool->lock);
  pool->n_held_up += worker->is_held_up ? 0 : 1;
  worker->is_held_up = TRUE;
  call = _cf_thread_pool_call_locked (pool);
  _cf_unlock (&pool->lock);

  _cf_thread_pool_make_call (pool, call);
}

static gboolean
has_work (gpointer pool)
{
  return _cf_thread_pool_has_work (pool);
}

static void
park_locked (CfThreadWorker *worker)
{
  CfThreadPool *pool = worker->pool;

  stop_searching_locked (worker);
  worker->is_parked = TRUE;
  worker->next_parked = pool->parked;
  pool->parked = worker;
  pool->n_parked++;
}

static void
leave_parked_locked (CfThreadWorker *worker)
{
  CfThreadWorker **place = &worker->pool->parked;

  while (*place != worker)
    place = &(*place)->next_parked;
  *place = worker->next_parked;
  worker->pool->n_parked--;
  worker->is_parked = FALSE;
}

/* Sleeps until it is woken.  FALSE: it was not for a long time, and may go. */
static gboolean
doze (CfThreadWorker *worker)
{
  gboolean was_woken;

  _cf_parker_park (&worker->parker, g_get_monotonic_time () + IDLE_US);

  _cf_lock (&worker->pool->lock);
  was_woken = !worker->is_parked;
  if (!was_woken)
    leave_parked_locked (worker);
  _cf_unlock (&worker->pool->lock);

  /* Who took it from the stack is going to touch it. */
  while (was_woken && (_cf_parker_get (&worker->parker) & CF_PARKER_DONE) == 0)
    _cf_parker_park (&worker->parker, -1);
  _cf_parker_clear (&worker->parker, CF_PARKER_DONE);

  return was_woken;
}

typedef enum
{
  DO_RUN,
  DO_SPIN,
  DO_SLEEP,
  DO_STAND_BY,
  DO_END,
} Next;

/* What a worker is going to do, and with what. */
typedef struct
{
  Next         next;
  CfThreadCall call;
  CfFuture    *future;
} Decision;

/* Who goes to work sees to it that the rest is not left alone. */
static CfThreadCall
leave_search_locked (CfThreadWorker *worker)
{
  const CfThreadCall nobody = { NULL, NULL };
  gboolean           was_searching = worker->is_searching;

  stop_searching_locked (worker);
  worker->pool->last = worker;

  return was_searching || worker->pool->queue.length > 0 ? _cf_thread_pool_call_locked (worker->pool) : nobody;
}

static void
begin_spin_locked (CfThreadWorker *worker)
{
  CfThreadPool *pool = worker->pool;

  if (!worker->is_searching)
    pool->n_searching++;
  worker->is_searching = TRUE;
  pool->spinner = worker;
  _cf_thread_pool_ask_locked (pool, FALSE);
}

static Next
leave_to_others_locked (CfThreadWorker *worker)
{
  stop_searching_locked (worker);
  if (_cf_thread_standby_begin_locked (worker))
    return DO_STAND_BY;
  park_locked (worker);

  return DO_SLEEP;
}

static Next
decide_locked (CfThreadWorker *worker,
               gboolean        may_spin,
               Decision       *decision)
{
  CfThreadPool *pool = worker->pool;

  __atomic_store_n (&worker->wait.is_returning, FALSE, __ATOMIC_RELAXED);
  if (pool->spinner == worker)
    pool->spinner = NULL;

  if (_cf_thread_standby_is_due_locked (worker))
    {
      Next next = leave_to_others_locked (worker);

      /* They may have gone to sleep meanwhile. */
      decision->call = _cf_thread_pool_call_locked (pool);
      return next;
    }

  decision->future = _cf_thread_pool_pop_locked (pool);
  if (decision->future != NULL)
    {
      decision->call = leave_search_locked (worker);
      return DO_RUN;
    }

  if (pool->is_shutdown || pool->broken != NULL)
    return DO_END;

  worker->spin_us = pool->spin_us;
  if (may_spin && worker->spin_us > 0 && pool->spinner == NULL)
    {
      begin_spin_locked (worker);
      return DO_SPIN;
    }
  park_locked (worker);
  /* For what arrived meanwhile; it may be the one who is called. */
  decision->call = _cf_thread_pool_call_locked (pool);

  return DO_SLEEP;
}

/* FALSE: it may go. */
static gboolean
rest (CfThreadWorker *worker,
      gboolean        stands_by)
{
  gboolean goes_on = (stands_by && _cf_thread_standby_watch (worker)) || doze (worker);

  _cf_thread_standby_forget_tasks (worker);

  return goes_on;
}

static void
run_timed (CfThreadWorker      *worker,
           CfFuture            *future,
           const CfFutureClaim *claim)
{
  gint64 start = _cf_thread_standby_begin_task (worker);

  _cf_future_run_taken (future, claim);
  _cf_thread_standby_end_task (worker, start);
}

/* FALSE: somebody is just taking it out of the queue, where it is again. */
static gboolean
claim_taken (CfThreadWorker *worker,
             CfFuture       *future,
             CfFutureClaim  *claim)
{
  if (_cf_future_claim (future, claim, TRUE))
    return TRUE;

  _cf_thread_pool_put_back (worker->pool, future);

  return FALSE;
}

static void
work (CfThreadWorker *worker)
{
  gboolean may_spin = TRUE;
  guint    n_rounds = 0;

  for (;;)
    {
      Decision      decision = { .call = { NULL, NULL } };
      CfFutureClaim claim;
      gboolean      claimed;
      Next          next;

      _cf_lock (&worker->pool->lock);
      next = decide_locked (worker, may_spin, &decision);
      _cf_unlock (&worker->pool->lock);

      /* Before anything that takes time: others wait until it is claimed, or back. */
      claimed = next == DO_RUN && claim_taken (worker, decision.future, &claim);
      _cf_thread_pool_make_call (worker->pool, decision.call);
      if (next == DO_END || ((next == DO_SLEEP || next == DO_STAND_BY) && !rest (worker, next == DO_STAND_BY)))
        return;
      may_spin = next != DO_SPIN;
      if (next == DO_RUN && !claimed)
        _cf_parker_relax (&n_rounds);
      else
        n_rounds = 0;
      if (claimed)
        run_timed (worker, decision.future, &claim);
      else if (next == DO_SPIN)
        _cf_spin_for (has_work, worker->pool, worker->spin_us);
    }
}

static void
leave_workers_locked (CfThreadWorker *worker)
{
  CfThreadWorker **place = &worker->pool->workers;

  while (*place != worker)
    place = &(*place)->next;
  *place = worker->next;
  g_array_index (worker->pool->indexes, gboolean, worker->index) = FALSE;
}

/* Whoever waits for the last worker is told when nothing of this one is left: he may free all. */
static void
end (CfThreadWorker *worker)
{
  CfThreadPool *pool = worker->pool;
  GSList       *enders;
  CfThreadCall  call;
  gboolean      is_last_of_all;

  _cf_lock (&pool->lock);
  stop_searching_locked (worker);
  if (pool->last == worker)
    pool->last = NULL;
  leave_workers_locked (worker);
  pool->n_workers--;
  /* Something may have arrived since it decided to go. */
  call = _cf_thread_pool_call_locked (pool);
  enders = _cf_thread_pool_steal_enders_locked (pool);
  is_last_of_all = g_atomic_ref_count_dec (&pool->ref_count);
  _cf_unlock (&pool->lock);

  if (is_last_of_all)
    _cf_thread_pool_free (pool);
  else
    _cf_thread_pool_call_and_go (pool, call);
  _cf_thread_pool_tell_enders (enders);
}

static void
begin (CfThreadWorker *worker)
{
  CfThreadPool *pool = worker->pool;

  _cf_lock (&pool->lock);
  worker->index = take_index_locked (pool);
  worker->next = pool->workers;
  pool->workers = worker;
  worker->is_searching = TRUE;
  _cf_unlock (&pool->lock);
}

/* With the reference to the pool that the start had. */
void
_cf_thread_pool_be_worker (CfThreadPool *pool)
{
  CfThreadWorker worker = { .wait.pool = &pool->owner, .pool = pool, .parker = CF_PARKER_INIT };
  char           old_name[NAME_SIZE];

  begin (&worker);
  rename_thread (&worker, old_name);
  _cf_wait_thread = &worker.wait;
  if (initialize (&worker))
    work (&worker);
  _cf_wait_thread = NULL;
  pthread_setname_np (pthread_self (), old_name);
  end (&worker);
}

/* Does the work of the pool, which has no workers, in this thread. */
void
_cf_thread_pool_work_here (CfThreadPool *self)
{
  CfFutureClaim claim;
  CfFuture     *future;
  guint         n_rounds = 0;
  gboolean      claimed;

  do
    {
      _cf_lock (&self->lock);
      future = _cf_thread_pool_pop_locked (self);
      claimed = future != NULL && _cf_future_claim (future, &claim, TRUE);
      if (future != NULL && !claimed)
        _cf_thread_queue_put_back (&self->queue, future);
      _cf_unlock (&self->lock);

      if (claimed)
        _cf_future_run_taken (future, &claim);
      else if (future != NULL)
        _cf_parker_relax (&n_rounds);
    }
  while (future != NULL);
}
