/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined(CF_INSIDE) && !defined(CF_COMPILATION)
#error "Only <cfutures/cfutures.h> can be included directly."
#endif

#include <gio/gio.h>

#include <cfutures/cf-executor.h>
#include <cfutures/cf-version.h>

G_BEGIN_DECLS

#define CF_TYPE_THREAD_POOL_EXECUTOR (cf_thread_pool_executor_get_type ())

CF_AVAILABLE_IN_ALL
G_DECLARE_DERIVABLE_TYPE (CfThreadPoolExecutor, cf_thread_pool_executor, CF, THREAD_POOL_EXECUTOR, CfExecutor)

struct _CfThreadPoolExecutorClass
{
  CfExecutorClass parent_class;

  /*< private >*/
  gpointer padding[4];
};

CF_AVAILABLE_IN_ALL
CfThreadPoolExecutor *cf_thread_pool_executor_new (guint max_workers) G_GNUC_WARN_UNUSED_RESULT;
CF_AVAILABLE_IN_ALL
void cf_thread_pool_executor_set_initializer (CfThreadPoolExecutor *self,
                                              CfTaskFunc            func,
                                              gpointer              user_data,
                                              GDestroyNotify        destroy);

G_END_DECLS
