/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-future-private.h"

#include <cfutures/cf-version.h>

G_BEGIN_DECLS

/* What the wait graph has to know of a thread pool whose queue and threads are those of a language with a lock of its
 * own: which future lies in which queue, and what runs in which thread.  For the modules that are installed with the
 * library, not for programs.
 *
 * The functions are called in any thread, without a lock of the library; they may take that of the language.  All that is
 * declared below never waits for that one, and may be called with it held.
 */
typedef struct _CfForeignPool CfForeignPool;

/* Runs @future, which lies in the queue of the calling worker's pool.  FALSE: it must not, or somebody else has it. */
typedef gboolean (*CfForeignRun) (CfFuture *future);
/* A name for messages, made with g_malloc(), or NULL. */
typedef char *(*CfForeignDescribe) (CfFuture *future);

CF_AVAILABLE_IN_ALL
void cf_foreign_set_describe (CfForeignDescribe describe);

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

CF_AVAILABLE_IN_ALL
void cf_foreign_worker_begin (CfForeignPool *pool);
CF_AVAILABLE_IN_ALL
void cf_foreign_worker_end (void);
CF_AVAILABLE_IN_ALL
gboolean cf_foreign_worker_start (CfFuture *future);
CF_AVAILABLE_IN_ALL
void cf_foreign_worker_stop (void);
CF_AVAILABLE_IN_ALL
gboolean cf_foreign_worker_finish (CfFuture     *future,
                                   const GValue *result);
CF_AVAILABLE_IN_ALL
gboolean cf_foreign_is_in_worker (void);

G_END_DECLS
