/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined(CF_INSIDE) && !defined(CF_COMPILATION)
#error "Only <cfutures/cfutures.h> can be included directly."
#endif

#include <gio/gio.h>

#include <cfutures/cf-future.h>
#include <cfutures/cf-version.h>

G_BEGIN_DECLS

#define CF_TYPE_FUTURE_ITER (cf_future_iter_get_type ())

CF_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (CfFutureIter, cf_future_iter, CF, FUTURE_ITER, GObject)

CF_AVAILABLE_IN_ALL
CfFutureIter *cf_as_completed (CfFuture **futures,
                               gsize      n_futures,
                               gint64     timeout_us) G_GNUC_WARN_UNUSED_RESULT;
CF_AVAILABLE_IN_ALL
CfFuture *cf_future_iter_next (CfFutureIter *self,
                               GError      **error) G_GNUC_WARN_UNUSED_RESULT;
CF_AVAILABLE_IN_ALL
void cf_future_iter_next_async (CfFutureIter       *self,
                                GCancellable       *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer            user_data);
CF_AVAILABLE_IN_ALL
CfFuture *cf_future_iter_next_finish (CfFutureIter *self,
                                      GAsyncResult *result,
                                      GError      **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
