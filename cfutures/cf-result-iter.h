/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined(CF_INSIDE) && !defined(CF_COMPILATION)
#error "Only <cfutures/cfutures.h> can be included directly."
#endif

#include <gio/gio.h>

#include <cfutures/cf-version.h>

G_BEGIN_DECLS

#define CF_TYPE_RESULT_ITER (cf_result_iter_get_type ())

CF_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (CfResultIter, cf_result_iter, CF, RESULT_ITER, GObject)

CF_AVAILABLE_IN_ALL
GVariant *cf_result_iter_next (CfResultIter *self,
                               GError      **error) G_GNUC_WARN_UNUSED_RESULT;
CF_AVAILABLE_IN_ALL
void cf_result_iter_next_async (CfResultIter       *self,
                                GCancellable       *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer            user_data);
CF_AVAILABLE_IN_ALL
GVariant *cf_result_iter_next_finish (CfResultIter *self,
                                      GAsyncResult *result,
                                      GError      **error) G_GNUC_WARN_UNUSED_RESULT;
CF_AVAILABLE_IN_ALL
void cf_result_iter_close (CfResultIter *self);

G_END_DECLS
