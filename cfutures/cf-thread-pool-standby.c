/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-thread-pool-private.h"

#include <time.h>

/* A second worker does not speed up tasks that are over at once: the two would mostly compete for the queue.  So a worker
 * that finds its tasks that short leaves them to the others.  The first one to do so stands by: it sleeps, but looks now and
 * then whether the others make progress; if they do not, it works again and calls more.  So work is never left to a worker
 * that does not come back from a task.
 */

#define SHORT_NS 200
#define LOOK_US 1000
/* How many tasks the others have to take between two looks. */
#define N_GETTING_ON 200
#define N_AT_WORK 4

/* How many short tasks in a row it takes to stand by: more of them after a time when that was wrong. */
#define N_SHORT_MIN 2
#define N_SHORT_MAX 1024
/* One in so many tasks is timed. */
#define FIRST_INTERVAL 8
#define INTERVAL 32

static gint64
get_time_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);

  return (gint64) now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Returns when the task began, or -1 if it is not timed. */
gint64
_cf_thread_standby_begin_task (CfThreadWorker *worker)
{
  __atomic_store_n (&worker->n_taken, worker->n_taken + 1, __ATOMIC_RELAXED);
  if (G_LIKELY (worker->n_to_timed-- > 0))
    return -1;

  return get_time_ns ();
}

void
_cf_thread_standby_end_task (CfThreadWorker *worker,
                             gint64          start)
{
  if (G_LIKELY (start < 0))
    return;

  worker->n_short = get_time_ns () - start < SHORT_NS ? worker->n_short + 1 : 0;
  worker->n_to_timed = worker->n_short < N_SHORT_MIN ? FIRST_INTERVAL : INTERVAL;
  worker->asks_to_stand_by = worker->n_short >= N_SHORT_MIN;
}

/* After a sleep: the tasks may be of another kind now. */
void
_cf_thread_standby_forget_tasks (CfThreadWorker *worker)
{
  worker->n_short = worker->n_to_timed = 0;
  worker->asks_to_stand_by = FALSE;
}

/* How many tasks the others have taken since the last call. */
static guint
count_taken_by_others_locked (CfThreadWorker *worker)
{
  guint n = 0, before = worker->n_taken_by_others;

  for (CfThreadWorker *other = worker->pool->workers; other != NULL; other = other->next)
    if (other != worker)
      n += __atomic_load_n (&other->n_taken, __ATOMIC_RELAXED);
  worker->n_taken_by_others = n;

  /* One of them may have gone. */
  return (gint) (n - before) > 0 ? n - before : 0;
}

/* What is queued may be left to the others. */
gboolean
_cf_thread_standby_is_due_locked (CfThreadWorker *worker)
{
  CfThreadPool *pool = worker->pool;

  if (G_LIKELY (!worker->asks_to_stand_by))
    return FALSE;
  worker->asks_to_stand_by = FALSE;

  return count_taken_by_others_locked (worker) >= N_AT_WORK && worker->n_short >= pool->n_short_wanted && !pool->is_shutdown &&
         pool->broken == NULL;
}

/* TRUE: this worker stands by now.  FALSE: another one does. */
gboolean
_cf_thread_standby_begin_locked (CfThreadWorker *worker)
{
  CfThreadPool *pool = worker->pool;

  if (pool->standby != NULL)
    return FALSE;

  pool->standby = worker;
  pool->n_parked++;
  worker->is_parked = TRUE;

  return TRUE;
}

/* Whether a worker is busy, and another stands by in case the first makes no progress. */
gboolean
_cf_thread_standby_is_enough_locked (CfThreadPool *self)
{
  return self->standby != NULL && self->n_workers > self->n_searching + self->n_parked + self->n_initializing;
}

static void
work_again_locked (CfThreadWorker *worker)
{
  CfThreadPool *pool = worker->pool;

  pool->n_short_wanted = CLAMP (2 * pool->n_short_wanted, 2 * N_SHORT_MIN, N_SHORT_MAX);
  pool->standby = NULL;
  pool->n_parked--;
  worker->is_parked = FALSE;
  worker->is_searching = TRUE;
  pool->n_searching++;
}

static void
park_locked (CfThreadWorker *worker)
{
  CfThreadPool *pool = worker->pool;

  pool->n_short_wanted = MAX (pool->n_short_wanted / 2, N_SHORT_MIN);
  pool->standby = NULL;
  worker->next_parked = pool->parked;
  pool->parked = worker;
}

typedef enum
{
  STANDS_BY,
  WORKS,
  SLEEPS, /* or was woken */
} State;

static State
look_locked (CfThreadWorker *worker)
{
  guint n_taken;

  if (!worker->is_parked)
    return SLEEPS;

  n_taken = count_taken_by_others_locked (worker);
  if (n_taken < N_GETTING_ON && _cf_thread_pool_has_work (worker->pool))
    {
      work_again_locked (worker);
      return WORKS;
    }
  if (n_taken > 0)
    return STANDS_BY;
  park_locked (worker);

  return SLEEPS;
}

/* FALSE: it is a parked one now like others, or was woken as they are. */
gboolean
_cf_thread_standby_watch (CfThreadWorker *worker)
{
  CfThreadPool *pool = worker->pool;
  State         state = STANDS_BY;

  while (state == STANDS_BY)
    {
      CfThreadCall call = { NULL, NULL };

      _cf_parker_park (&worker->parker, g_get_monotonic_time () + LOOK_US);
      _cf_lock (&pool->lock);
      state = look_locked (worker);
      /* Nobody sees to what comes now, as long as nobody says whose business that is. */
      if (state == SLEEPS)
        call = _cf_thread_pool_call_locked (pool);
      _cf_unlock (&pool->lock);
      _cf_thread_pool_make_call (pool, call);
    }

  return state == WORKS;
}
