/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Memory that a program shares with one worker, so that a death is laid to the right call.
 *
 * Calls are sent before the worker is free and replies are written many at once; a worker that dies would take
 * both with it.  So there is a slot for each call on its way, which the worker claims when it starts the call and the
 * parent when it takes the call back; and small replies lie in a ring here until they are written to the socket.
 */

#define CF_PAGE_N_SLOTS 64
#define CF_PAGE_RING_SIZE ((gsize) 60 * 1024)

typedef struct _CfPage CfPage;

int     _cf_page_create (CfPage **page,
                         GError **error);
CfPage *_cf_page_map (int fd);
void    _cf_page_unmap (CfPage *page);

/* For the parent. */
void     _cf_page_offer (CfPage *page,
                         guint   slot,
                         guint64 task);
gboolean _cf_page_take_back (CfPage *page,
                             guint   slot,
                             guint64 task);
gboolean _cf_page_is_started (CfPage *page,
                              guint   slot,
                              guint64 task);
void     _cf_page_cancel (CfPage *page,
                          guint64 task);
gsize    _cf_page_read_rest (CfPage *page,
                             guint64 received,
                             guint8 *place);

/* For the worker. */
gboolean _cf_page_start (CfPage *page,
                         guint   slot,
                         guint64 task);
guint64  _cf_page_get_cancelled (CfPage *page);
void     _cf_page_put (CfPage              *page,
                       guint64              offset,
                       const GOutputVector *vectors,
                       guint                n_vectors);
void     _cf_page_peek (CfPage        *page,
                        guint64        from,
                        guint64        to,
                        GOutputVector *vectors,
                        guint         *n_vectors);

G_END_DECLS
