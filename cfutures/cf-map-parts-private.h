/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-map-private.h"

G_BEGIN_DECLS

/* What the files of a map share. */

/* What a word of an item is, by its lowest bits: nothing, a result, an error, that somebody works on it, or that the
 * outcome was taken. */
#define CF_MAP_IS_ERROR ((guintptr) 1)
#define CF_MAP_IS_CLAIMED ((guintptr) 2)
#define CF_MAP_TAKEN (CF_MAP_IS_ERROR | CF_MAP_IS_CLAIMED)

static inline gboolean
_cf_map_is_outcome (guintptr word)
{
  return word == CF_MAP_TAKEN || (word != 0 && (word & CF_MAP_IS_CLAIMED) == 0);
}

struct _CfMap
{
  gatomicrefcount ref_count;
  CfFunc          func;      /* (const) (nullable) */
  char           *function;  /* (const) (owned) (nullable): the name of the function, where that is sent */
  char           *name;      /* (const) (owned): of the function, for people */
  GVariant       *items;     /* (const) (owned) */
  GBytes         *bytes;     /* (const) (owned) (nullable): of the items, where all are of one size */
  gsize           n_items;   /* (const) */
  gsize           chunksize; /* (const) */
  CfFutureOwner  *pool;      /* (const) (nullable): whose workers share the items; not to be followed */
  guintptr       *words;     /* (atomic) (owned): of the items */
  gsize           next;      /* (atomic): the first item that nobody took, when they are shared */
  gint            n_waiting; /* (atomic): somebody is to be told of what is done */

  GMutex     lock;
  GPtrArray *futures;    /* (mutex lock) (owned) (element-type CfFuture): by chunk, or those that share */
  GSList    *sleepers;   /* (mutex lock) (element-type Sleeper) */
  gboolean   is_closed;  /* (mutex lock): nobody has to wait any more */
  CfMapReady ready;      /* (mutex lock) (nullable) */
  gpointer   ready_data; /* (mutex lock) */
};

gboolean  _cf_map_set_result (CfMap    *self,
                              gsize     index,
                              GVariant *result,
                              GError   *error);
void      _cf_map_fail (CfMap        *self,
                        gsize         first,
                        gsize         n,
                        const GError *reason);
CfFuture *_cf_map_remember (CfMap    *self,
                            CfFuture *future,
                            CfWaiter *waiter);

/* cf-map-run */
GBytes *_cf_map_dup_bytes (GVariant *items);
void    _cf_map_run_items (CfMap        *self,
                           gsize         first,
                           gsize         n,
                           GCancellable *cancellable);

/* cf-map-share */
gboolean _cf_map_is_taken (CfMap *self);
void     _cf_map_fail_shared (CfMap        *self,
                              const GError *reason);
gboolean _cf_map_run_shared_inline (CfMap *self,
                                    gsize  index);

G_END_DECLS
