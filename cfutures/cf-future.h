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

/**
 * CfFutureState:
 * @CF_FUTURE_STATE_PENDING: the function has not started
 * @CF_FUTURE_STATE_RUNNING: the function runs
 * @CF_FUTURE_STATE_FINISHED: there is a result or an error
 * @CF_FUTURE_STATE_CANCELLED: it was cancelled before it ran, or was terminated
 *
 * How far a future is.
 *
 * Since: 1.0
 */
typedef enum
{
  CF_FUTURE_STATE_PENDING,
  CF_FUTURE_STATE_RUNNING,
  CF_FUTURE_STATE_FINISHED,
  CF_FUTURE_STATE_CANCELLED,
} CfFutureState;

#define CF_TYPE_FUTURE (cf_future_get_type ())

/* As G_DECLARE_DERIVABLE_TYPE() does it, but for what ends a reference. */
typedef struct _CfFuture      CfFuture;
typedef struct _CfFutureClass CfFutureClass;

struct _CfFuture
{
  GObject parent_instance;

  /*< private >*/
  gpointer reserved[9];
};

struct _CfFutureClass
{
  GObjectClass parent_class;

  /*< private >*/
  gpointer padding[6];
};

/**
 * CfFunc:
 * @args: (nullable): what was submitted with the function
 * @cancellable: (not nullable): tells when the outcome is not wanted any more
 * @error: return location for an error
 *
 * A function that can run in a thread or in another process.
 *
 * Everything that it needs is in @args, and everything that it has to give is
 * what it returns. %NULL without an error is a failure,
 * %CF_EXECUTOR_ERROR_NO_RESULT; a function without a result returns the unit
 * tuple `()`.
 *
 * It is called in a worker, which has no thread-default main context.
 *
 * Returns: (transfer full) (nullable): the result, which may be floating
 *
 * Since: 1.0
 */
typedef GVariant *(*CfFunc) (GVariant     *args,
                             GCancellable *cancellable,
                             GError      **error);

/**
 * CfTaskFunc:
 * @result: (out caller-allocates): where to put the result; leave it unset for no value
 * @cancellable: (not nullable): tells when the outcome is not wanted any more
 * @user_data: what was submitted with the function
 * @error: return location for an error
 *
 * A function that runs in this process: any data in, any value out.
 *
 * %FALSE without an error is a failure, %CF_EXECUTOR_ERROR_NO_RESULT.
 *
 * It is called in a worker thread, which has no thread-default main context.
 *
 * Returns: whether it succeeded
 *
 * Since: 1.0
 */
typedef gboolean (*CfTaskFunc) (GValue       *result,
                                GCancellable *cancellable,
                                gpointer      user_data,
                                GError      **error);

/**
 * CfFutureCallback:
 * @future: a future that is done
 * @user_data: what was given with the callback
 *
 * Called when a future is done, in the thread that settles it.
 *
 * It must not block.
 *
 * Since: 1.0
 */
typedef void (*CfFutureCallback) (CfFuture *future,
                                  gpointer  user_data);

CF_AVAILABLE_IN_ALL
GType cf_future_get_type (void);

CF_AVAILABLE_IN_ALL
CfFuture *cf_future_new (void) G_GNUC_WARN_UNUSED_RESULT;
CF_AVAILABLE_IN_ALL
CfFuture *cf_future_new_for_func (CfFunc    func,
                                  GVariant *args) G_GNUC_WARN_UNUSED_RESULT;
CF_AVAILABLE_IN_ALL
CfFuture *cf_future_new_for_task (CfTaskFunc     func,
                                  gpointer       user_data,
                                  GDestroyNotify destroy) G_GNUC_WARN_UNUSED_RESULT;

/* For the one who asked for the work. */

CF_AVAILABLE_IN_ALL
CfFutureState cf_future_get_state (CfFuture *self);
CF_AVAILABLE_IN_ALL
gboolean cf_future_is_running (CfFuture *self);
CF_AVAILABLE_IN_ALL
gboolean cf_future_is_cancelled (CfFuture *self);
CF_AVAILABLE_IN_ALL
gboolean cf_future_is_done (CfFuture *self);
CF_AVAILABLE_IN_ALL
gboolean cf_future_cancel (CfFuture *self);
CF_AVAILABLE_IN_ALL
gboolean cf_future_wait (CfFuture *self,
                         gint64    timeout_us);
CF_AVAILABLE_IN_ALL
const GValue *cf_future_get_result (CfFuture *self,
                                    gint64    timeout_us,
                                    GError  **error);
CF_AVAILABLE_IN_ALL
GVariant *cf_future_dup_variant (CfFuture *self,
                                 gint64    timeout_us,
                                 GError  **error) G_GNUC_WARN_UNUSED_RESULT;
CF_AVAILABLE_IN_ALL
gboolean cf_future_copy_result (CfFuture *self,
                                gint64    timeout_us,
                                GValue   *value,
                                GError  **error);
CF_AVAILABLE_IN_ALL
gboolean cf_future_get_exception (CfFuture *self,
                                  gint64    timeout_us,
                                  GError  **exception,
                                  GError  **error);
CF_AVAILABLE_IN_ALL
void cf_future_wait_async (CfFuture           *self,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data);
CF_AVAILABLE_IN_ALL
const GValue *cf_future_wait_finish (CfFuture     *self,
                                     GAsyncResult *result,
                                     GError      **error);
CF_AVAILABLE_IN_ALL
void cf_future_add_done_callback (CfFuture        *self,
                                  CfFutureCallback callback,
                                  gpointer         user_data,
                                  GDestroyNotify   destroy);

/* For executors. */

CF_AVAILABLE_IN_ALL
gboolean cf_future_set_running_or_notify_cancel (CfFuture *self);
CF_AVAILABLE_IN_ALL
gboolean cf_future_set_result (CfFuture     *self,
                               const GValue *value,
                               GError      **error);
CF_AVAILABLE_IN_ALL
gboolean cf_future_set_exception (CfFuture     *self,
                                  const GError *exception,
                                  GError      **error);
CF_AVAILABLE_IN_ALL
gboolean cf_future_run (CfFuture *self);
CF_AVAILABLE_IN_ALL
void cf_future_unref (CfFuture *self);
CF_AVAILABLE_IN_ALL
GCancellable *cf_future_get_cancellable (CfFuture *self);

G_GNUC_BEGIN_IGNORE_DEPRECATIONS

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CfFuture, cf_future_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CfFutureClass, g_type_class_unref)

/* The casts of CfFuture; each as G_DECLARE_DERIVABLE_TYPE() makes it. */

G_GNUC_UNUSED static inline CfFuture *
CF_FUTURE (gpointer ptr)
{
  return G_TYPE_CHECK_INSTANCE_CAST (ptr, cf_future_get_type (), CfFuture);
}

G_GNUC_UNUSED static inline CfFutureClass *
CF_FUTURE_CLASS (gpointer ptr)
{
  return G_TYPE_CHECK_CLASS_CAST (ptr, cf_future_get_type (), CfFutureClass);
}

G_GNUC_UNUSED static inline gboolean
CF_IS_FUTURE (gpointer ptr)
{
  return G_TYPE_CHECK_INSTANCE_TYPE (ptr, cf_future_get_type ());
}

G_GNUC_UNUSED static inline gboolean
CF_IS_FUTURE_CLASS (gpointer ptr)
{
  return G_TYPE_CHECK_CLASS_TYPE (ptr, cf_future_get_type ());
}

G_GNUC_UNUSED static inline CfFutureClass *
CF_FUTURE_GET_CLASS (gpointer ptr)
{
  return G_TYPE_INSTANCE_GET_CLASS (ptr, cf_future_get_type (), CfFutureClass);
}

G_GNUC_END_IGNORE_DEPRECATIONS

G_END_DECLS
