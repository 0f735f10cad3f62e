/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-page-private.h"
#include "cf-wire-private.h"

G_BEGIN_DECLS

/* The replies of a worker on their way to its parent.  It is a part of its owner, whose lock is held for all functions. */
typedef struct
{
  int     fd;          /* (const) */
  CfPage *page;        /* (const) (nullable): the owner's */
  guint64 written;     /* (mutex lock): bytes of the stream that are in the socket */
  guint64 committed;   /* (mutex lock): those and what lies in the ring */
  guint   n_unflushed; /* (mutex lock): replies in the ring */
} CfWorkerReplies;

gboolean _cf_worker_replies_are_flushed_locked (const CfWorkerReplies *self);
gboolean _cf_worker_replies_flush_locked (CfWorkerReplies *self,
                                          GError         **error);
gboolean _cf_worker_replies_send_locked (CfWorkerReplies *self,
                                         CfWireWriter    *writer,
                                         GError         **error);

G_END_DECLS
