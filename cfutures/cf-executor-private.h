/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-executor.h"

G_BEGIN_DECLS

/* What the library's own classes say of themselves, in the private part of their class. */
typedef gpointer (*CfExecutorGetOwner) (CfExecutor *self);
typedef guint (*CfExecutorGetDefaultMaxWorkers) (void);
typedef gboolean (*CfExecutorScheduleFresh) (CfExecutor *self,
                                             CfFuture   *future,
                                             GError    **error);

gboolean  _cf_executor_check_open (CfExecutor *self,
                                   GError    **error);
CfFuture *_cf_executor_submit (CfExecutor *self,
                               CfFuture   *future,
                               GError    **error);
gboolean  _cf_executor_schedule (CfExecutor *self,
                                 CfFuture   *future,
                                 GError    **error);
gboolean  _cf_executor_schedules_itself (CfExecutorClass *klass);
guint     _cf_executor_get_max_workers (CfExecutor *self);

G_END_DECLS
