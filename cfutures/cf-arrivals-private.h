/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-async-private.h"
#include "cf-future-private.h"

G_BEGIN_DECLS

typedef struct _CfArrivals CfArrivals;

CfArrivals *_cf_arrivals_new (CfFuture **futures,
                              gsize      n_futures);
void        _cf_arrivals_free (CfArrivals *self);
gboolean    _cf_arrivals_try_take (CfArrivals *self,
                                   CfFuture  **future);
CfFuture   *_cf_arrivals_take_or_time_out (CfArrivals *self,
                                           GError    **error);

/* Waiting for the next one */
gboolean _cf_arrivals_has_new (gpointer self);
gboolean _cf_arrivals_run_inline (CfArrivals *self);
gboolean _cf_arrivals_run_inline_again (CfArrivals *self);
gboolean _cf_arrivals_sleep (CfArrivals *self,
                             gint64      deadline,
                             GError    **error);
void     _cf_arrivals_add_task (CfArrivals    *self,
                                GTask         *task,
                                gint64         deadline,
                                CfAsyncTimeOut time_out);

G_END_DECLS
