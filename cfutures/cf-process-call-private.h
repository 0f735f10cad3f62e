/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "cf-function-private.h"
#include "cf-future-private.h"
#include "cf-map-private.h"
#include "cf-wire-private.h"

G_BEGIN_DECLS

typedef struct _CfProcessWorker CfProcessWorker;

/* A future on its way through a process pool. */
typedef struct
{
  gatomicrefcount        ref_count;
  CfFuture              *future;   /* (const) (owned) */
  const CfFunctionPlace *place;    /* (const) (nullable): of a CfFunc */
  const char            *named;    /* (const) (nullable): of a named function; lives with the future */
  CfChunk               *chunk;    /* (const) (owned) (nullable): of a map */
  gboolean               is_large; /* (const): its arguments are */

  GList            link;         /* (mutex lock): in the queue of the manager */
  gboolean         is_queued;    /* (mutex lock) */
  CfProcessWorker *worker;       /* (mutex lock) (nullable): where it was sent to */
  guint            slot;         /* (mutex lock): at that worker */
  guint64          id;           /* (mutex lock): under which it was sent */
  gboolean         is_abandoned; /* (mutex lock): it is being cancelled: never to be queued again */
  GVariant        *unsent;       /* (mutex lock), and who packs it (owned) (nullable): its arguments, taken back, for next time */
  guint            n_starts;     /* (manager): how often a worker died of it */
  gboolean         running;      /* (manager): its future is set running */
  CfAsking         asking;       /* (manager): while it is packed */
  gulong           cancelled_id; /* (atomic): the handler on the cancellable of a running one, or 0 */
  gint             is_unwanted;  /* (atomic): its cancellable was cancelled, and the worker is to hear of it */
} CfProcessCall;

void           _cf_process_call_serialize (CfFuture *future);
CfProcessCall *_cf_process_call_new (CfFuture *future,
                                     gboolean  has_own_worker,
                                     GError  **error);
CfProcessCall *_cf_process_call_ref (CfProcessCall *self);
void           _cf_process_call_unref (CfProcessCall *self);
gboolean       _cf_process_call_pack (CfProcessCall *self,
                                      CfWireFrame   *frame);
void           _cf_process_call_unpack (CfProcessCall *self,
                                        CfWireFrame   *frame);
gboolean       _cf_process_call_claim (CfProcessCall *self);
gboolean       _cf_process_call_watch (CfProcessCall *self,
                                       GSource       *wake);
void           _cf_process_call_unwatch (CfProcessCall *self);
char          *_cf_process_call_describe (CfProcessCall *self);
gboolean       _cf_process_call_is_last_reply (CfProcessCall     *self,
                                               const CfWireFrame *frame);
void           _cf_process_call_take_reply (CfProcessCall *self,
                                            CfWireFrame   *frame);
void           _cf_process_call_fail (CfProcessCall *self,
                                      const GError  *error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CfProcessCall, _cf_process_call_unref)

G_END_DECLS
