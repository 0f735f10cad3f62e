/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-map-private.h"

G_BEGIN_DECLS

typedef gboolean (*CfMapSchedule) (gpointer  executor,
                                   CfFuture *future,
                                   GError  **error);

/* Gives the items of a map to an executor, as far ahead of who takes their results as the window allows.  It is a part of
 * its owner. */
typedef struct
{
  CfMap        *map;       /* (const) */
  CfMapSchedule schedule;  /* (const) */
  gsize         chunksize; /* (const) */
  gsize         window;    /* (const): how many items may be submitted and not yielded */
  GMutex       *lock;      /* (const): the owner's */

  GObject *executor;      /* (mutex lock) (owned) (nullable): as long as there is something to submit */
  gsize    n_submitted;   /* (mutex lock) */
  gsize    n_yielded;     /* (mutex lock) */
  gboolean is_submitting; /* (mutex lock): somebody is at it, without the lock */
  gboolean is_over;       /* (mutex lock): the end, whatever there is left */
  GError  *refusal;       /* (mutex lock) (owned) (nullable): why the rest was not submitted */
} CfMapFeed;

void     _cf_map_feed_init (CfMapFeed    *self,
                            CfMap        *map,
                            CfMapSchedule schedule,
                            GMutex       *lock);
void     _cf_map_feed_clear (CfMapFeed *self);
gboolean _cf_map_feed_begin (CfMapFeed *self,
                             GObject   *executor,
                             guint      chunksize,
                             guint      buffersize,
                             GError   **error);
gboolean _cf_map_feed_share (CfMapFeed *self,
                             GObject   *executor,
                             guint      n_workers,
                             GError   **error);
void     _cf_map_feed_submit_more (CfMapFeed *self);
GObject *_cf_map_feed_end_locked (CfMapFeed *self);
gboolean _cf_map_feed_is_empty_locked (CfMapFeed *self);

G_END_DECLS
