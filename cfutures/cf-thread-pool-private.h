/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "cf-parker-private.h"
#include "cf-thread-queue-private.h"
#include "cf-wait-graph-private.h"

G_BEGIN_DECLS

/* A thread pool without its object: the queue, and what is known of the workers.  It lives as long as the executor and
 * all workers. */
typedef struct _CfThreadPool CfThreadPool;

/* A worker; it lies on the stack of its thread. */
typedef struct _CfThreadWorker CfThreadWorker;

struct _CfThreadWorker
{
  CfWaitThread    wait;  /* the first; its pool is the owner of the queued futures */
  CfThreadPool   *pool;  /* (const) */
  guint           index; /* (const): in the names of threads */
  CfParker        parker;
  gboolean        is_searching; /* (lock) */
  gboolean        is_parked;    /* (lock) */
  gboolean        is_held_up;   /* (lock): its initializer waited for others */
  CfThreadWorker *next_parked;  /* (lock) */
  CfThreadWorker *next;         /* (lock): of all workers */
  guint           spin_us;      /* (thread): how long the next spin may take */

  /* cf-thread-pool-standby */
  guint    n_taken;           /* (atomic): tasks, all in all */
  guint    n_taken_by_others; /* (lock): when that was looked at last */
  guint    n_to_timed;        /* (thread): tasks until one is timed */
  guint    n_short;           /* (thread): timed ones that were short, in a row */
  gboolean asks_to_stand_by;  /* (thread) */
};

/* What changes with each task has its own lines of the cache, apart from what everybody reads: one for who submits, one for
 * who works. */
struct _CfThreadPool
{
  CfFutureOwner      owner;
  gatomicrefcount    ref_count;
  guint              max_workers;  /* (const) */
  gboolean           inline_waits; /* (atomic) */
  CF_OWN_LINE CfLock door;         /* held for moments; may be taken while the lock is held */
  gboolean           must_call;    /* (door); (atomic) for a look: who submits next sees to it that there is a worker */
  CfThreadQueue      arrivals;     /* (door): what was submitted last */
  gboolean           is_shutdown;  /* (door and lock to write, one of them to read) */
  GError            *broken;       /* (door and lock to write, one of them to read) (owned) (nullable) */

  CF_OWN_LINE CfLock lock;        /* held for moments */
  guint              n_searching; /* (lock): workers that look for work, or were woken or started to do so */
  CfThreadWorker    *parked;      /* (lock): a stack */
  CfThreadWorker    *last;        /* (lock) (nullable): who took work last */
  CfThreadQueue      queue;       /* (lock): all that is older than the arrivals */

  CF_OWN_LINE guint n_workers;      /* (lock): that were started, whether they have begun or not */
  guint             n_initializing; /* (lock): workers that do not look for work yet */
  guint             n_held_up;      /* (lock): of them, those whose initializer waited for others */
  guint             n_parked;       /* (lock) */
  CfThreadWorker   *spinner;        /* (lock) (nullable): who looks for work without a pause */
  CfThreadWorker   *standby;        /* (lock) (nullable): who sees to it that the others get on; one of those that are parked */
  guint             n_short_wanted; /* (lock): of a worker who is to stand by, beyond the least */
  CfThreadWorker   *workers;        /* (lock): all that have begun */
  GSList           *enders;         /* (lock) (element-type CfParker): threads that wait until there is no worker */
  GThreadPool      *threads;        /* (lock) (owned) (nullable) */
  GArray           *indexes;        /* (lock) (element-type gboolean): which are taken */
  guint             spin_us;        /* (lock) */
  char             *name_prefix;    /* (lock) (owned) (nullable) */
  CfTaskFunc        initializer;    /* (lock) (nullable): not changed once there is a worker, nor is what follows */
  gpointer          initializer_data;
  GDestroyNotify    initializer_destroy;
};

typedef struct
{
  guint n_pending;
  guint n_running;
  guint n_workers;
} CfThreadPoolCounts;

CfThreadPool      *_cf_thread_pool_new (void);
CfThreadPool      *_cf_thread_pool_ref (CfThreadPool *self);
void               _cf_thread_pool_unref (CfThreadPool *self);
void               _cf_thread_pool_free (CfThreadPool *self);
gboolean           _cf_thread_pool_push (CfThreadPool *self,
                                         CfFuture     *future,
                                         GError      **error);
gboolean           _cf_thread_pool_push_fresh (CfThreadPool *self,
                                               CfFuture     *future,
                                               GError      **error);
gboolean           _cf_thread_pool_is_in_use (CfThreadPool *self);
gboolean           _cf_thread_pool_has_work (CfThreadPool *self);
void               _cf_thread_pool_collect_quietly_locked (CfThreadPool *self);
gboolean           _cf_thread_pool_collect_locked (CfThreadPool *self,
                                                   guint         n_coming);
void               _cf_thread_pool_ask_locked (CfThreadPool *self,
                                               gboolean      must_call);
CfFuture          *_cf_thread_pool_pop_locked (CfThreadPool *self);
void               _cf_thread_pool_put_back (CfThreadPool *self,
                                             CfFuture     *future);
CfThreadPoolCounts _cf_thread_pool_get_counts (CfThreadPool *self);

/* cf-thread-pool-call */

typedef struct _CfThreadStart CfThreadStart;

/* What is to be done once the lock was given back. */
typedef struct
{
  CfThreadWorker *wake;  /* (nullable) */
  CfThreadStart  *start; /* (owned) (nullable) */
} CfThreadCall;

CfThreadCall _cf_thread_pool_call_locked (CfThreadPool *self);
void         _cf_thread_pool_call_somebody (CfThreadPool *self,
                                            CfThreadCall  call);
void         _cf_thread_pool_call_and_go (CfThreadPool *self,
                                          CfThreadCall  call);
void         _cf_thread_pool_call_worker (CfThreadPool *self);
gboolean     _cf_thread_pool_call_for (CfThreadPool *self,
                                       CfFuture     *future,
                                       GError      **error);
void         _cf_thread_pool_wake_all (CfThreadPool *self);

static inline void
_cf_thread_pool_make_call (CfThreadPool *self,
                           CfThreadCall  call)
{
  if (call.wake != NULL || call.start != NULL)
    _cf_thread_pool_call_somebody (self, call);
}

/* cf-thread-pool-end */
void     _cf_thread_pool_shutdown (CfThreadPool *self,
                                   gboolean      wait,
                                   gboolean      cancel_futures);
void     _cf_thread_pool_break (CfThreadPool *self,
                                const GError *reason);
gboolean _cf_thread_pool_give_up (CfThreadPool *self,
                                  CfFuture     *future,
                                  const GError *reason);
GSList  *_cf_thread_pool_steal_enders_locked (CfThreadPool *self);
void     _cf_thread_pool_tell_enders (GSList *enders);

/* cf-thread-pool-standby */
gint64   _cf_thread_standby_begin_task (CfThreadWorker *worker);
void     _cf_thread_standby_end_task (CfThreadWorker *worker,
                                      gint64          start);
void     _cf_thread_standby_forget_tasks (CfThreadWorker *worker);
gboolean _cf_thread_standby_is_due_locked (CfThreadWorker *worker);
gboolean _cf_thread_standby_begin_locked (CfThreadWorker *worker);
gboolean _cf_thread_standby_is_enough_locked (CfThreadPool *self);
gboolean _cf_thread_standby_watch (CfThreadWorker *worker);

/* cf-thread-pool-worker */
void _cf_thread_pool_be_worker (CfThreadPool *pool);
void _cf_thread_worker_hold_up (CfThreadWorker *worker);
void _cf_thread_pool_work_here (CfThreadPool *self);

G_END_DECLS
