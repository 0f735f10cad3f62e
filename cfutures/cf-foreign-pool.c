/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-foreign-pool-private.h"

#include "cf-error.h"
#include "cf-wait-graph-private.h"

struct _CfForeignPool
{
  CfFutureOwner owner;       /* is asked for nothing but what follows: the futures are not QUEUED */
  guint         max_workers; /* (const) */
  CfForeignRun  run;         /* (const) */
};

/* After an exception that nobody caught: leaves no frame behind, and nobody waiting. */
static void
break_off (CfFuture *future)
{
  g_autoptr (GError) error = g_error_new_literal (CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT, "The function was broken off");

  cf_foreign_worker_stop ();
  cf_future_set_exception (future, error, NULL);
}

static gboolean
run_inline (CfFutureOwner *owner,
            CfFuture      *future)
{
  CfWaitFrame *top = _cf_wait_thread->top;
  gboolean     ran = FALSE;

  ((CfForeignPool *) owner)->run (future, &ran);
  if (_cf_wait_thread->top == top)
    return ran;
  break_off (future);

  return TRUE;
}

/* If they do not, run() refuses. */
static gboolean
runs_inline (CfFutureOwner *owner G_GNUC_UNUSED)
{
  return TRUE;
}

static guint
get_max_workers (CfFutureOwner *owner)
{
  return ((CfForeignPool *) owner)->max_workers;
}

static CfForeignStay foreign_stay; /* (atomic) */

void
cf_foreign_set_stay (CfForeignStay stay)
{
  g_atomic_pointer_set (&foreign_stay, stay);
}

static void
stay (CfFutureOwner *owner G_GNUC_UNUSED)
{
  CfForeignStay stay = g_atomic_pointer_get (&foreign_stay);

  if (_cf_wait_thread->is_preparing && stay != NULL)
    stay ();
}

void
cf_foreign_set_describe (CfForeignDescribe describe)
{
  _cf_future_set_describe (describe);
}

/* Calls of the language that any executor may run */

static CfForeignTask foreign_task; /* (atomic) */

void
cf_foreign_set_task (CfForeignTask task)
{
  g_atomic_pointer_set (&foreign_task, task);
}

static gboolean
run_task (GValue       *result,
          GCancellable *cancellable,
          gpointer      user_data,
          GError      **error)
{
  CfForeignTask task = g_atomic_pointer_get (&foreign_task);
  gboolean      succeeded = FALSE;

  task (result, cancellable, user_data, error, &succeeded);

  return succeeded;
}

CfFuture *
cf_foreign_new_for_task (gpointer       user_data,
                         GDestroyNotify destroy)
{
  return cf_future_new_for_task (run_task, user_data, destroy);
}

/* Pools */

CfForeignPool *
cf_foreign_pool_new (guint        max_workers,
                     CfForeignRun run)
{
  CfForeignPool *self = g_new0 (CfForeignPool, 1);

  self->owner.run_inline = run_inline;
  self->owner.runs_inline = runs_inline;
  self->owner.get_max_workers = get_max_workers;
  self->owner.stay = stay;
  self->max_workers = max_workers;
  self->run = run;

  return self;
}

/* When it has no workers, and no pending future. */
void
cf_foreign_pool_free (CfForeignPool *self)
{
  g_free (self);
}

/* A future that is going to lie in the queue, for a call that the library does not see. */
CfFuture *
cf_foreign_pool_make_future (CfForeignPool *self)
{
  CfFuture       *future = _cf_future_alloc ();
  CfFutureFields *fields = _cf_future_fields (future);

  fields->call.owner = &self->owner;
  fields->state |= CF_FLAG_SCHEDULED | CF_FLAG_PLACED;

  return future;
}

/* A future came into the queue. */
void
cf_foreign_pool_add_future (CfForeignPool *self,
                            CfFuture      *future)
{
  if (!_cf_future_begin_queueing (future, &self->owner))
    return;
  _cf_future_end_queueing (future, CF_FLAG_PLACED);
  _cf_wait_graph_scheduled (future);
}

/* For a worker of another pool, in the middle of a task: until @bell rings, it waits for the last worker of this one.
 * FALSE: that may never be, and must not be waited for. */
gboolean
cf_foreign_pool_await_end (CfForeignPool *self,
                           CfBell        *bell)
{
  CfWaitRecord record = { .thread = _cf_wait_thread, .ending = &self->owner, .parker = &bell->parker };

  _cf_wait_graph_enter (&record);
  cf_bell_wait (bell, -1);

  return _cf_wait_graph_leave_ending (&record);
}

void
cf_foreign_forget_waits (void)
{
  _cf_wait_graph_forget ();
}

/* A worker of a language lets go of things whenever that likes to, between its tasks, too: all along it is one that may wait. */
typedef struct
{
  CfWaitThread thread;
  CfWaitFrame  between; /* the outermost, which does not count as a call */
} ForeignWorker;

/* The calling thread is a worker from now on. */
void
cf_foreign_worker_begin (CfForeignPool *pool)
{
  ForeignWorker *self = g_new0 (ForeignWorker, 1);

  self->thread.pool = &pool->owner;
  _cf_wait_thread = &self->thread;
  self->thread.top = &self->between;
}

void
cf_foreign_worker_end (void)
{
  ForeignWorker *self = (ForeignWorker *) _cf_wait_thread;

  _cf_wait_thread = NULL;
  g_clear_pointer (&self->between.stand_in, cf_future_unref);
  g_free (self);
}

/* The worker may not run tasks yet, and may wait meanwhile, in the name of @stand_in. */
void
cf_foreign_worker_prepare (CfFuture *stand_in)
{
  _cf_wait_thread->is_preparing = TRUE;
  _cf_wait_frame_push (g_new (CfWaitFrame, 1), stand_in);
}

void
cf_foreign_worker_be_prepared (void)
{
  cf_foreign_worker_stop ();
  _cf_wait_thread->is_preparing = FALSE;
}

/* The worker begins with a future.  FALSE: it must not. */
gboolean
cf_foreign_worker_start (CfFuture *future)
{
  if (!cf_future_set_running_or_notify_cancel (future))
    return FALSE;

  _cf_wait_frame_push (g_new (CfWaitFrame, 1), future);

  return TRUE;
}

/* It is through with the one that it began last. */
void
cf_foreign_worker_stop (void)
{
  CfWaitFrame *frame = _cf_wait_thread->top;

  _cf_wait_frame_pop (frame);
  g_free (frame);
}

/* A worker calls back for a future that is done, and may wait meanwhile, until cf_foreign_worker_stop().  FALSE: this is no
 * worker, or none any more, and has nothing to stop. */
gboolean
cf_foreign_worker_call_back (CfFuture *future)
{
  if (_cf_wait_thread == NULL)
    return FALSE;

  _cf_wait_frame_push (g_new (CfWaitFrame, 1), future);

  return TRUE;
}

/* And gives it a result.  FALSE: it has an outcome. */
gboolean
cf_foreign_worker_finish (CfFuture     *future,
                          const GValue *result)
{
  cf_foreign_worker_stop ();

  return cf_future_set_result (future, result, NULL);
}

/* Whether the calling thread is a worker, of whatever pool, and so one whose waits are known. */
gboolean
cf_foreign_is_in_worker (void)
{
  return _cf_wait_thread != NULL && _cf_wait_thread->top != NULL;
}
