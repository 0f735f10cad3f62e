/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "cf-async-private.h"
#include "cf-future-private.h"
#include "cf-parker-private.h"

G_BEGIN_DECLS

/* The items of a map and their results; it lives as long as anybody works on it or waits for it.
 *
 * Items are worked off in one of two ways.  In chunks, each of which is a future.  Or shared: a few futures, one for each
 * worker, take chunk after chunk until there is none left, and no item needs a future of its own.
 */
typedef struct _CfMap CfMap;

/* A piece of a map that is a future: what a process pool sends. */
typedef struct
{
  CfWaiter  waiter; /* on the future: what it did not do when it is done fails as it did */
  CfMap    *map;    /* (const) (owned) */
  gsize     first;  /* (const): of its items */
  gsize     n;      /* (const) */
  gint      n_left; /* (atomic): of its items, without an outcome */
  CfFuture *future; /* (const): not a reference */

  gatomicrefcount ref_count; /* the call's and the waiter's */
} CfChunk;

CfMap    *_cf_map_new (CfFunc      func,
                       const char *function,
                       GVariant   *items,
                       guint       chunksize);
CfMap    *_cf_map_ref (CfMap *self);
void      _cf_map_unref (CfMap *self);
gsize     _cf_map_get_n_items (CfMap *self);
gsize     _cf_map_get_n_chunks (CfMap *self);
void      _cf_map_set_sharing (CfMap         *self,
                               CfFutureOwner *pool);
CfFuture *_cf_map_make_chunk (CfMap *self,
                              gsize  chunk);
CfFuture *_cf_map_make_worker (CfMap *self);
gsize     _cf_map_stop_sharing (CfMap *self);
void      _cf_map_cancel_rest (CfMap *self);
void      _cf_map_forget_futures (CfMap *self);
void      _cf_map_forget_chunk (CfMap *self,
                                gsize  chunk);
gboolean  _cf_map_has (CfMap *self,
                       gsize  index);
GVariant *_cf_map_take (CfMap   *self,
                        gsize    index,
                        GError **error);

/* Waiting for an item */
gboolean _cf_map_run_inline (CfMap *self,
                             gsize  index);
gboolean _cf_map_sleep (CfMap      *self,
                        gsize       index,
                        CfSpinCheck is_there,
                        gpointer    data,
                        gint64      deadline,
                        GError    **error);
void     _cf_map_tell_submitted (CfMap *self,
                                 gsize  chunk);
typedef void (*CfMapReady) (gpointer data);
void  _cf_map_set_ready (CfMap     *self,
                         CfMapReady ready,
                         gpointer   data);
gint *_cf_map_get_n_waiting (CfMap *self);

/* For process pools */
CfChunk *_cf_chunk_dup (CfFuture *future);
void     _cf_chunk_unref (gpointer self);
void     _cf_chunk_get_call (CfChunk     *self,
                             CfFunc      *func,
                             const char **named,
                             GVariant   **payload);
gboolean _cf_chunk_take_outcome (CfChunk  *self,
                                 gsize     index,
                                 GVariant *result,
                                 GError   *error);

G_END_DECLS
