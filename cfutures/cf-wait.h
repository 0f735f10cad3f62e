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

/**
 * CfReturnWhen:
 * @CF_ALL_COMPLETED: when all are done
 * @CF_FIRST_COMPLETED: when one of them is done
 * @CF_FIRST_EXCEPTION: when one of them has failed, or all are done
 *
 * When [func@wait] returns.
 *
 * Since: 1.0
 */
typedef enum
{
  CF_ALL_COMPLETED,
  CF_FIRST_COMPLETED,
  CF_FIRST_EXCEPTION,
} CfReturnWhen;

CF_AVAILABLE_IN_ALL
gboolean cf_wait (CfFuture   **futures,
                  gsize        n_futures,
                  CfReturnWhen return_when,
                  gint64       timeout_us,
                  GPtrArray  **done,
                  GPtrArray  **not_done,
                  GError     **error);
CF_AVAILABLE_IN_ALL
void cf_wait_async (CfFuture          **futures,
                    gsize               n_futures,
                    CfReturnWhen        return_when,
                    gint64              timeout_us,
                    GCancellable       *cancellable,
                    GAsyncReadyCallback callback,
                    gpointer            user_data);
CF_AVAILABLE_IN_ALL
gboolean cf_wait_finish (GAsyncResult *result,
                         GPtrArray   **done,
                         GPtrArray   **not_done,
                         GError      **error);

G_END_DECLS
