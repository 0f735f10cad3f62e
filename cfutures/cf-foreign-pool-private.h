/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-bell-private.h"
#include "cf-future-private.h"

#include <cfutures/cf-version.h>

G_BEGIN_DECLS

/* What the wait graph has to know of a thread pool whose queue and threads are those of a language with a lock of its
 * own: which future lies in which queue, and what runs in which thread.  For the modules that are installed with the
 * library, not for programs.
 *
 * The functions are called in any thread, without a lock of the library; they may take that of the language.  All that is
 * declared below never waits for that one, and may be called with it held.
 *
 * An exception may come out of any function of the language, also where it has no more room to begin.  Some languages then
 * return whatever lies on the stack, so that what is to be told goes into a place of ours, which says "no" until then.
 */
typedef struct _CfForeignPool CfForeignPool;

/* Runs @future, which lies in the queue of the calling worker's pool, unless it must not, or somebody else has it. */
typedef void (*CfForeignRun) (CfFuture *future,
                              gboolean *ran);
/* The calling worker, which is being prepared, is going to wait: what its pool queues may need another one. */
typedef void (*CfForeignStay) (void);
/* Puts a name for messages, made with g_malloc(), into @name. */
typedef void (*CfForeignDescribe) (CfFuture *future,
                                   char    **name);
/* A #CfTaskFunc. */
typedef void (*CfForeignTask) (GValue       *result,
                               GCancellable *cancellable,
                               gpointer      user_data,
                               GError      **error,
                               gboolean     *succeeded);

CF_AVAILABLE_IN_ALL
void cf_foreign_set_describe (CfForeignDescribe describe);
CF_AVAILABLE_IN_ALL
void cf_foreign_set_stay (CfForeignStay stay);
CF_AVAILABLE_IN_ALL
void cf_foreign_set_task (CfForeignTask task);
CF_AVAILABLE_IN_ALL
CfFuture *cf_foreign_new_for_task (gpointer       user_data,
                                   GDestroyNotify destroy);

CF_AVAILABLE_IN_ALL
CfForeignPool *cf_foreign_pool_new (guint        max_workers,
                                    CfForeignRun run);
CF_AVAILABLE_IN_ALL
void cf_foreign_pool_free (CfForeignPool *self);
CF_AVAILABLE_IN_ALL
CfFuture *cf_foreign_pool_make_future (CfForeignPool *self);
CF_AVAILABLE_IN_ALL
void cf_foreign_pool_add_future (CfForeignPool *self,
                                 CfFuture      *future);

/* Waits, outside of the lock of the language. */
CF_AVAILABLE_IN_ALL
gboolean cf_foreign_pool_await_end (CfForeignPool *self,
                                    CfBell        *bell);

/* In a forked process, whose only thread does not wait. */
CF_AVAILABLE_IN_ALL
void cf_foreign_forget_waits (void);

CF_AVAILABLE_IN_ALL
void cf_foreign_worker_begin (CfForeignPool *pool);
CF_AVAILABLE_IN_ALL
void cf_foreign_worker_end (void);
CF_AVAILABLE_IN_ALL
void cf_foreign_worker_prepare (CfFuture *stand_in);
CF_AVAILABLE_IN_ALL
void cf_foreign_worker_be_prepared (void);
CF_AVAILABLE_IN_ALL
gboolean cf_foreign_worker_start (CfFuture *future);
CF_AVAILABLE_IN_ALL
gboolean cf_foreign_worker_call_back (CfFuture *future);
CF_AVAILABLE_IN_ALL
void cf_foreign_worker_stop (void);
CF_AVAILABLE_IN_ALL
gboolean cf_foreign_worker_finish (CfFuture     *future,
                                   const GValue *result);
CF_AVAILABLE_IN_ALL
gboolean cf_foreign_is_in_worker (void);

G_END_DECLS
