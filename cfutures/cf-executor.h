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
#include <cfutures/cf-result-iter.h>
#include <cfutures/cf-version.h>

G_BEGIN_DECLS

#define CF_TYPE_EXECUTOR (cf_executor_get_type ())

CF_AVAILABLE_IN_ALL
G_DECLARE_DERIVABLE_TYPE (CfExecutor, cf_executor, CF, EXECUTOR, GObject)

/**
 * CfExecutorClass:
 * @parent_class: the parent class
 * @schedule: takes over a pending future, to run it with [method@Future.run]
 *   or to settle it otherwise; returns false with an error to refuse it. It is
 *   not called after a shutdown, nor again for a future that it has accepted.
 * @shutdown: ends the executor; may be called several times
 *
 * The class of executors.
 *
 * Since: 1.0
 */
struct _CfExecutorClass
{
  GObjectClass parent_class;

  gboolean (*schedule) (CfExecutor *self,
                        CfFuture   *future,
                        GError    **error);
  void (*shutdown) (CfExecutor *self,
                    gboolean    wait,
                    gboolean    cancel_futures);

  /*< private >*/
  gpointer get_owner;
  gpointer sharing_schedule;
  gboolean sends_names;
  gpointer get_default_max_workers;
  gpointer schedule_fresh;
  gpointer padding[4];
};

CF_AVAILABLE_IN_ALL
CfFuture *cf_executor_submit (CfExecutor *self,
                              CfFunc      func,
                              GVariant   *args,
                              GError    **error) G_GNUC_WARN_UNUSED_RESULT;
CF_AVAILABLE_IN_ALL
CfFuture *cf_executor_submit_named (CfExecutor *self,
                                    const char *function,
                                    GVariant   *args,
                                    GError    **error) G_GNUC_WARN_UNUSED_RESULT;
CF_AVAILABLE_IN_ALL
CfFuture *cf_executor_submit_task (CfExecutor    *self,
                                   CfTaskFunc     func,
                                   gpointer       user_data,
                                   GDestroyNotify destroy,
                                   GError       **error) G_GNUC_WARN_UNUSED_RESULT;
CF_AVAILABLE_IN_ALL
gboolean cf_executor_schedule (CfExecutor *self,
                               CfFuture   *future,
                               GError    **error);
CF_AVAILABLE_IN_ALL
CfResultIter *cf_executor_map (CfExecutor *self,
                               CfFunc      func,
                               GVariant   *items,
                               gint64      timeout_us,
                               guint       chunksize,
                               guint       buffersize,
                               GError    **error) G_GNUC_WARN_UNUSED_RESULT;
CF_AVAILABLE_IN_ALL
CfResultIter *cf_executor_map_named (CfExecutor *self,
                                     const char *function,
                                     GVariant   *items,
                                     gint64      timeout_us,
                                     guint       chunksize,
                                     guint       buffersize,
                                     GError    **error) G_GNUC_WARN_UNUSED_RESULT;
CF_AVAILABLE_IN_ALL
void cf_executor_shutdown (CfExecutor *self,
                           gboolean    wait,
                           gboolean    cancel_futures);
CF_AVAILABLE_IN_ALL
void cf_executor_shutdown_async (CfExecutor         *self,
                                 gboolean            cancel_futures,
                                 GCancellable       *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer            user_data);
CF_AVAILABLE_IN_ALL
gboolean cf_executor_shutdown_finish (CfExecutor   *self,
                                      GAsyncResult *result,
                                      GError      **error);
CF_AVAILABLE_IN_ALL
gboolean cf_executor_is_shutdown (CfExecutor *self);

G_END_DECLS
