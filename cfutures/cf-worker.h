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
 * CfWorkerHandler:
 * @function: (nullable): the name that was submitted; %NULL where it prepares a
 *   worker, if the initializer of the pool has no name
 * @args: (nullable): its arguments
 * @cancellable: (not nullable): the cancellable of the call
 * @user_data: what was given with the handler
 * @error: return location for an error
 *
 * Runs the calls of a worker program by name.
 *
 * It is called in the thread that runs [method@Worker.run].  %NULL without an
 * error is a failure.
 *
 * Returns: (transfer full) (nullable): the result
 *
 * Since: 1.0
 */
typedef GVariant *(*CfWorkerHandler) (const char   *function,
                                      GVariant     *args,
                                      GCancellable *cancellable,
                                      gpointer      user_data,
                                      GError      **error);

#define CF_TYPE_WORKER (cf_worker_get_type ())

CF_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (CfWorker, cf_worker, CF, WORKER, GObject)

CF_AVAILABLE_IN_ALL
CfWorker *cf_worker_new (GError **error) G_GNUC_WARN_UNUSED_RESULT;
CF_AVAILABLE_IN_ALL
CfWorker *cf_worker_new_for_fd (int      fd,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
CF_AVAILABLE_IN_ALL
void cf_worker_add_function (CfWorker   *self,
                             const char *name,
                             CfFunc      func);
CF_AVAILABLE_IN_ALL
void cf_worker_set_handler (CfWorker       *self,
                            CfWorkerHandler handler,
                            gpointer        user_data,
                            GDestroyNotify  destroy);
CF_AVAILABLE_IN_ALL
void cf_worker_set_initializer (CfWorker       *self,
                                CfWorkerHandler initializer,
                                gpointer        user_data,
                                GDestroyNotify  destroy);
CF_AVAILABLE_IN_ALL
gboolean cf_worker_run (CfWorker *self,
                        GError  **error);

/* For languages that had better not be called back. */

CF_AVAILABLE_IN_ALL
void cf_worker_fail_start (CfWorker     *self,
                           const GError *failure);
CF_AVAILABLE_IN_ALL
gboolean cf_worker_take_call (CfWorker  *self,
                              char     **function,
                              GVariant **args,
                              GError   **error);
CF_AVAILABLE_IN_ALL
GCancellable *cf_worker_get_cancellable (CfWorker *self);
CF_AVAILABLE_IN_ALL
gboolean cf_worker_return_result (CfWorker *self,
                                  GVariant *result,
                                  GError  **error);
CF_AVAILABLE_IN_ALL
gboolean cf_worker_return_error (CfWorker     *self,
                                 const GError *failure,
                                 GError      **error);

G_END_DECLS
