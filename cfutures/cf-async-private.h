/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A task that several may want to end: an outcome, a time limit, a cancellable.  The first one does. */
typedef struct _CfAsync CfAsync;

CfAsync *_cf_async_new (GTask *task);
CfAsync *_cf_async_ref (CfAsync *self);
void     _cf_async_unref (CfAsync *self);
GTask   *_cf_async_get_task (CfAsync *self);
gboolean _cf_async_end (CfAsync *self);
gboolean _cf_async_is_over (CfAsync *self);

/* Called when the time is out or the cancellable was cancelled, before the task is told. */
typedef void (*CfAsyncGiveUp) (gpointer data);
/* Called when the time is out, to end the task. */
typedef void (*CfAsyncTimeOut) (GTask *task);

void _cf_async_set_time_out (CfAsync       *self,
                             CfAsyncTimeOut time_out);
void _cf_async_watch (CfAsync       *self,
                      gint64         deadline,
                      CfAsyncGiveUp  give_up,
                      gpointer       data,
                      GDestroyNotify destroy);

G_END_DECLS
