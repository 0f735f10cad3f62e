/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "cf-future-private.h"
#include "cf-process-call-private.h"
#include "cf-process-settings-private.h"
#include "cf-worker-process-private.h"

G_BEGIN_DECLS

typedef struct _CfProcessManager CfProcessManager;

typedef struct
{
  guint   n_pending;
  guint   n_running;
  guint   n_workers;
  guint64 n_deaths;
  guint64 n_restarts;
} CfProcessCounts;

/* Why a worker's end is no accident. */
typedef enum
{
  CF_LOSS_ACCIDENT,   /* or rather: it is one */
  CF_LOSS_START,      /* it took too long to start, or said that it cannot */
  CF_LOSS_TIMEOUT,    /* its call took too long */
  CF_LOSS_TERMINATED, /* its call was terminated */
  CF_LOSS_ENDED,      /* idle, recycled, or the pool is ending */
} CfLoss;

typedef enum
{
  CF_PROCESS_WORKER_STARTING,
  CF_PROCESS_WORKER_READY,
  CF_PROCESS_WORKER_ENDING,
} CfProcessWorkerState;

/* A worker as its manager sees it. */
struct _CfProcessWorker
{
  CfProcessManager    *manager;
  CfWorkerProcess     *process;
  CfProcessWorkerState state;      /* (manager) */
  CfLoss               loss;       /* (manager) */
  GError              *reason;     /* (manager) (owned) (nullable): why it could not start */
  gboolean             said_hello; /* (manager) */
  gboolean             has_page;   /* (manager) */
  guint                window;     /* (manager): how many calls may be on their way to it */
  guint                n_given;    /* (manager): calls in its life */
  gint64               since;      /* (manager): when its start or its call began */
  guint64              timed;      /* (manager): the call that began then, or 0 */
  gint64               last_event; /* (manager): when it last gave or got something */
  guint64              doomed;     /* (mutex lock): the newest call with which it is to end, or 0 */

  CfProcessCall *slots[CF_PAGE_N_SLOTS]; /* (mutex lock) (owned) (nullable) */
  guint          head;                   /* (mutex lock): the oldest slot in use */
  guint          tail;                   /* (mutex lock): the next one to use */
  guint          n_in_flight;            /* (mutex lock): slots in use */
  guint64        last_id;                /* (mutex lock): of the last call that it was given, or 0 */
};

typedef struct
{
  guint n_in_flight;
  guint n_slots;
} CfProcessLoad;

struct _CfProcessManager
{
  CfFutureOwner   owner; /* of the futures that are here */
  gatomicrefcount ref_count;
  GMainContext   *context; /* (const) */
  char          **argv;    /* (const) (owned) (nullable) */
  char           *name;    /* (const): of the thread */
  gint            awake;   /* (atomic): it will look at the queue before it sleeps */

  GMutex                 lock;
  GCond                  ended;
  CfProcessSettings      settings;         /* (mutex lock) */
  const CfFunctionPlace *initializer;      /* (mutex lock) (nullable) */
  GError                *lost_initializer; /* (mutex lock) (owned) (nullable): why that is not known */
  GVariant              *initargs;         /* (mutex lock) (owned) (nullable) */
  GThread               *thread;           /* (mutex lock) (nullable): to be joined */
  GThread               *thread_id;        /* (mutex lock): for comparison only */
  GQueue                 queue;            /* (mutex lock) (element-type CfProcessCall) */
  GHashTable            *calls;            /* (mutex lock) (element-type CfFuture CfProcessCall): queued or sent */
  gboolean               is_started;       /* (mutex lock) */
  gboolean               is_shutdown;      /* (mutex lock) */
  gboolean               has_ended;        /* (mutex lock) */
  int                    end_all;          /* (mutex lock): a CfWorkerEnd for all workers, or -1 */
  GError                *broken;           /* (mutex lock) (owned) (nullable) */
  guint64                last_id;          /* (mutex lock) */
  guint                  n_busy;           /* (mutex lock): workers that have a call */
  CfProcessCounts        counts;           /* (mutex lock): but n_pending and n_running */

  CfProcessSettings now;             /* (manager): a copy of settings */
  GPtrArray        *workers;         /* (manager) (element-type CfProcessWorker) */
  GPtrArray        *dead_workers;    /* (manager) (element-type CfProcessWorker): to be freed */
  GSource          *timer;           /* (manager) */
  GSource          *kick;            /* (manager), and whoever cancels a running call */
  guint             n_failed_starts; /* (manager): in a row */
  gboolean          can_start;       /* (manager): a worker was ready once */
  gint64            next_start;      /* (manager): not before */
  guint             n_lost;          /* (manager): workers that are to be replaced */
  guint             n_wanted;        /* (manager): workers to have even when nothing waits */
};

CfProcessManager *_cf_process_manager_new (void);
void              _cf_process_manager_configure (CfProcessManager *self,
                                                 const char       *name,
                                                 guint             max_workers,
                                                 char            **argv);
CfProcessManager *_cf_process_manager_ref (CfProcessManager *self);
void              _cf_process_manager_unref (CfProcessManager *self);
gboolean          _cf_process_manager_add (CfProcessManager *self,
                                           CfProcessCall    *call,
                                           GError          **error);
gboolean          _cf_process_manager_is_in_use (CfProcessManager *self);
void              _cf_process_manager_shutdown (CfProcessManager *self,
                                                gboolean          wait,
                                                gboolean          cancel_futures);
GPtrArray        *_cf_process_manager_list_futures (CfProcessManager *self);
void              _cf_process_manager_end_workers (CfProcessManager *self,
                                                   CfWorkerEnd       end);
CfProcessCounts   _cf_process_manager_get_counts (CfProcessManager *self);
void              _cf_process_manager_wake (CfProcessManager *self);

/* Between the manager's own files; in its thread. */
void             _cf_process_manager_run (CfProcessManager *self);
CfProcessWorker *_cf_process_worker_start (CfProcessManager *manager,
                                           GError          **error);
void             _cf_process_worker_free (CfProcessWorker *self);
gboolean         _cf_process_worker_send_init (CfProcessWorker *self,
                                               GError         **error);
gboolean         _cf_process_worker_take_start_frame (CfProcessWorker *self,
                                                      CfWireFrame     *frame);
void             _cf_process_worker_time_out_start (CfProcessWorker *self);
gboolean         _cf_process_worker_has_room (CfProcessWorker *self,
                                              guint            share);
gboolean         _cf_process_worker_give (CfProcessWorker *self);
void             _cf_process_worker_end (CfProcessWorker *self,
                                         CfLoss           loss,
                                         CfWorkerEnd      end);
gint64           _cf_process_worker_get_deadline (CfProcessWorker *self);
void             _cf_process_worker_check (CfProcessWorker *self,
                                           gint64           now);
void             _cf_process_worker_retire (CfProcessWorker *self,
                                            gint64           now);
CfProcessLoad    _cf_process_worker_get_load (CfProcessWorker *self);
CfProcessCall   *_cf_process_worker_dup_oldest (CfProcessWorker *self);
CfProcessCall   *_cf_process_worker_dup_call_locked (CfProcessWorker *self,
                                                     guint64          id);
CfProcessCall   *_cf_process_worker_take_from_queue (CfProcessWorker *self,
                                                     gboolean        *is_first,
                                                     CfWireFrame     *frame);
CfProcessCall   *_cf_process_worker_remove_locked (CfProcessWorker *self,
                                                   CfProcessCall   *call);
gboolean         _cf_process_worker_take_back_locked (CfProcessWorker *self,
                                                      CfProcessCall   *call);
gboolean         _cf_process_worker_drop_call (CfProcessWorker *self,
                                               CfProcessCall   *call);
gboolean         _cf_process_worker_has_waiting (CfProcessWorker *self);
guint            _cf_process_worker_take_back_all (CfProcessWorker *self);
CfProcessCall   *_cf_process_worker_dup_running (CfProcessWorker *self);
void             _cf_process_manager_lose (CfProcessManager *self,
                                           CfProcessWorker  *worker,
                                           const char       *how);
guint            _cf_process_manager_count_alive (CfProcessManager *self);
void             _cf_process_manager_fail_start (CfProcessManager *self,
                                                 const GError     *reason);
void             _cf_process_manager_miss (CfProcessManager *self,
                                           CfProcessWorker  *worker);
void             _cf_process_manager_break (CfProcessManager *self,
                                            const GError     *reason);

G_END_DECLS
