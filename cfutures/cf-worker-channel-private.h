/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "cf-page-private.h"
#include "cf-wire-private.h"

G_BEGIN_DECLS

/* The worker's end of the line to its parent. */

typedef struct _CfWorkerChannel CfWorkerChannel;

CfWorkerChannel *_cf_worker_channel_new (int      fd,
                                         int      page_fd,
                                         int      control_fd,
                                         gboolean exit_with_parent,
                                         GError **error);
void             _cf_worker_channel_free (CfWorkerChannel *self);
gboolean         _cf_worker_channel_has_page (CfWorkerChannel *self);
gboolean         _cf_worker_channel_receive (CfWorkerChannel *self,
                                             CfWireFrame     *frame,
                                             GError         **error);
gboolean         _cf_worker_channel_send (CfWorkerChannel *self,
                                          CfWireWriter    *writer,
                                          GError         **error);
gboolean         _cf_worker_channel_flush (CfWorkerChannel *self,
                                           GError         **error);
gboolean         _cf_worker_channel_begin_call (CfWorkerChannel *self,
                                                guint            slot,
                                                guint64          task,
                                                GCancellable    *cancellable);
void             _cf_worker_channel_set_cancellable (CfWorkerChannel *self,
                                                     GCancellable    *cancellable);
void             _cf_worker_channel_end_call (CfWorkerChannel *self);

G_END_DECLS
