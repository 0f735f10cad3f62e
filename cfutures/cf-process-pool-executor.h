/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined(CF_INSIDE) && !defined(CF_COMPILATION)
#error "Only <cfutures/cfutures.h> can be included directly."
#endif

#include <cfutures/cf-executor.h>
#include <cfutures/cf-version.h>

G_BEGIN_DECLS

/**
 * CfWorkerDeathPolicy:
 * @CF_WORKER_DEATH_REPLACE: the call that it was running fails, everything else goes on
 * @CF_WORKER_DEATH_BREAK: the pool is broken, and all that is pending or running fails, as in Python
 *
 * What a process pool does when a worker process dies.
 *
 * Since: 1.0
 */
typedef enum
{
  CF_WORKER_DEATH_REPLACE,
  CF_WORKER_DEATH_BREAK,
} CfWorkerDeathPolicy;

#define CF_TYPE_PROCESS_POOL_EXECUTOR (cf_process_pool_executor_get_type ())

CF_AVAILABLE_IN_ALL
G_DECLARE_DERIVABLE_TYPE (CfProcessPoolExecutor, cf_process_pool_executor, CF, PROCESS_POOL_EXECUTOR, CfExecutor)

struct _CfProcessPoolExecutorClass
{
  CfExecutorClass parent_class;

  /*< private >*/
  gpointer padding[4];
};

CF_AVAILABLE_IN_ALL
CfProcessPoolExecutor *cf_process_pool_executor_new (guint max_workers) G_GNUC_WARN_UNUSED_RESULT;
CF_AVAILABLE_IN_ALL
void cf_process_pool_executor_set_initializer (CfProcessPoolExecutor *self,
                                               CfFunc                 func,
                                               GVariant              *args);
CF_AVAILABLE_IN_ALL
void cf_process_pool_executor_terminate_workers (CfProcessPoolExecutor *self);
CF_AVAILABLE_IN_ALL
void cf_process_pool_executor_kill_workers (CfProcessPoolExecutor *self);
CF_AVAILABLE_IN_ALL
void cf_process_pool_init (int    argc,
                           char **argv);

CF_AVAILABLE_IN_ALL
gboolean cf_future_terminate (CfFuture *self);

G_END_DECLS
