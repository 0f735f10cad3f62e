/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "cf-future-private.h"
#include "cf-parker-private.h"
#include "cf-wait-graph-private.h"

G_BEGIN_DECLS

/* A thread pool without its object: the queue, and what is known of the workers.  It lives as long as the executor and
 * all workers. */
typedef struct _CfThreadPool CfThreadPool;

/* A worker; it lies on the stack of its thread. */
typedef struct
{
  CfWaitThread  wait; /* its pool is the owner of the queued futures */
  CfThreadPool *pool; /* (const) */
  guint         index; /* (const): in the names of threads */
  CfParker      parker;
  gboolean      is_searching;  /* (mutex lock) */
  gboolean      is_parked;     /* (mutex lock) */
  gpointer      next_parked;   /* (mutex lock) */
  guint         spin_us;       /* how long the next spin may take */
} CfThreadWorker;

struct _CfThreadPool
{
  CfFutureOwner   owner;
  gatomicrefcount ref_count;
  guint           max_workers; /* (const) */

  GMutex          lock; /* held for moments */
  CfFuture       *head;           /* (mutex lock) (owned): the oldest one */
  CfFuture       *tail;           /* (mutex lock) */
  guint           n_queued;       /* (mutex lock); (atomic) for a look */
  guint           n_workers;      /* (mutex lock): that were started, those that did not begin yet too */
  guint           n_beginning;    /* (mutex lock): of these, those that did not */
  guint           n_searching;    /* (mutex lock): workers that look for work, or were woken or started to do so */
  guint           n_initializing; /* (mutex lock): workers that do not look for work yet */
  guint           n_parked;       /* (mutex lock) */
  CfThreadWorker *parked;         /* (mutex lock): a stack */
  GSList         *enders;         /* (mutex lock) (element-type CfParker): threads that wait until there is no worker */
  GThreadPool    *threads;        /* (mutex lock) (owned) (nullable) */
  GArray         *indexes;        /* (mutex lock) (element-type gboolean): which are taken */
  gboolean        is_shutdown;    /* (mutex lock) */
  gboolean        inline_waits;   /* (mutex lock) */
  guint           spin_us;        /* (mutex lock) */
  char           *name_prefix;    /* (mutex lock) (owned) (nullable) */
  CfTaskFunc      initializer;    /* (mutex lock) (nullable) */
  gpointer        initializer_data;
  GDestroyNotify  initializer_destroy;
  GError         *broken; /* (mutex lock) (owned) (nullable) */
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
CfFuture          *_cf_thread_pool_pop_locked (CfThreadPool *self);
void               _cf_thread_pool_shutdown (CfThreadPool *self,
                                             gboolean      wait);
void               _cf_thread_pool_cancel_all (CfThreadPool *self);
void               _cf_thread_pool_break (CfThreadPool *self,
                                          const GError *reason);
CfThreadPoolCounts _cf_thread_pool_get_counts (CfThreadPool *self);
GSList            *_cf_thread_pool_steal_enders_locked (CfThreadPool *self);
void               _cf_thread_pool_tell_enders (GSList *enders);

/* cf-thread-pool-worker */

/* What is to be done once the lock was given back. */
typedef struct
{
  CfThreadWorker *wake; /* (nullable) */
  GThreadPool    *start; /* (nullable): a thread of it */
} CfThreadCall;

CfThreadCall _cf_thread_pool_call_locked (CfThreadPool *self);
void         _cf_thread_pool_make_call (CfThreadPool *self,
                                        CfThreadCall  call);
void         _cf_thread_pool_wake_all (CfThreadPool *self);
void         _cf_thread_pool_work_here (CfThreadPool *self);

G_END_DECLS
