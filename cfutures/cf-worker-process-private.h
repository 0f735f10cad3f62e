/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "cf-page-private.h"
#include "cf-wire-private.h"

G_BEGIN_DECLS

/* One child process and the line to it.  It belongs to the thread whose context it was started in. */

typedef struct _CfWorkerProcess CfWorkerProcess;

typedef struct
{
  /* A frame has come; the payload may be stolen.  FALSE: it should not have, and the worker is killed. */
  gboolean (*frame) (CfWorkerProcess *process,
                     CfWireFrame     *frame,
                     gpointer         user_data,
                     GError         **error);

  /* All frames that there were have come; nothing more will: out of the main loop, free it. */
  void (*dead) (CfWorkerProcess *process,
                const char      *how,
                gpointer         user_data);
} CfWorkerProcessEvents;

typedef enum
{
  CF_WORKER_END_BYE,       /* when its calls are done */
  CF_WORKER_END_TERMINATE, /* SIGTERM, and SIGKILL after a grace */
  CF_WORKER_END_KILL,      /* SIGKILL */
} CfWorkerEnd;

CfWorkerProcess *_cf_worker_process_start (const char *const           *argv,
                                           guint                        depth,
                                           const CfWorkerProcessEvents *events,
                                           gpointer                     user_data,
                                           GError                     **error);
void             _cf_worker_process_free (CfWorkerProcess *self);
int              _cf_worker_process_get_pid (CfWorkerProcess *self);
gboolean         _cf_worker_process_is_dead (CfWorkerProcess *self);
CfPage          *_cf_worker_process_get_page (CfWorkerProcess *self);
gboolean         _cf_worker_process_was_killed (CfWorkerProcess *self);
char            *_cf_worker_process_dup_last_words (CfWorkerProcess *self);
gsize            _cf_worker_process_get_n_unsent (CfWorkerProcess *self);
gboolean         _cf_worker_process_append (CfWorkerProcess   *self,
                                            const CfWireFrame *frame,
                                            GError           **error);
GVariant        *_cf_worker_process_take_unsent (CfWorkerProcess *self,
                                                 guint64          task);
GVariant        *_cf_worker_process_cut (CfWorkerProcess *self,
                                         guint64          task);
void             _cf_worker_process_flush (CfWorkerProcess *self);
void             _cf_worker_process_cancel_call (CfWorkerProcess *self,
                                                 guint64          task);
void             _cf_worker_process_end (CfWorkerProcess *self,
                                         CfWorkerEnd      end);

G_END_DECLS
