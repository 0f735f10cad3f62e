/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-wire-private.h"

G_BEGIN_DECLS

/* What a child is still to be sent.  It belongs to the thread that has the child; but others may cut. */
typedef struct
{
  GMutex       lock;   /* held for moments, and never while foreign code runs */
  CfWireWriter writer; /* (mutex lock) */
  gboolean     is_cut; /* (mutex lock): nothing more is sent */
  CfWireWriter over;   /* (mutex lock): what was sent or is not to be, until it is released */
  guint64      task;   /* (mutex lock): the call whose arguments are being released, or 0 */
} CfWorkerOutbox;

void      _cf_worker_outbox_init (CfWorkerOutbox *self);
void      _cf_worker_outbox_clear (CfWorkerOutbox *self);
gsize     _cf_worker_outbox_get_n_bytes (CfWorkerOutbox *self);
gboolean  _cf_worker_outbox_append (CfWorkerOutbox    *self,
                                    const CfWireFrame *frame,
                                    GError           **error);
void      _cf_worker_outbox_drop (CfWorkerOutbox *self);
GVariant *_cf_worker_outbox_take (CfWorkerOutbox *self,
                                  guint64         task);
GVariant *_cf_worker_outbox_cut (CfWorkerOutbox *self,
                                 guint64         task);
gboolean  _cf_worker_outbox_send (CfWorkerOutbox *self,
                                  int             fd);

G_END_DECLS
