/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "cf-future-private.h"
#include "cf-waiter-private.h"

G_BEGIN_DECLS

/* Many futures watched at once: a node on each of them, all of which live as long as somebody may tell one something.  One
 * completion costs the same however many there are. */
typedef struct _CfWatch     CfWatch;
typedef struct _CfWatchNode CfWatchNode;

struct _CfWatchNode
{
  CfWaiter  waiter;
  CfWatch  *watch;  /* (const) */
  CfFuture *future; /* (owned) (nullable): until it is handed out */
};

/* Called in the thread that settles a future; the node is the callee's from then on. */
typedef void (*CfWatchFunc) (CfWatch     *self,
                             CfWatchNode *node);

struct _CfWatch
{
  gatomicrefcount ref_count; /* the maker's, and one for each node that may still be told */
  CfWatchFunc     completed; /* (const) */
  GDestroyNotify  clear;     /* (const) (nullable): of what lies around it */
  gsize           n_nodes;   /* (const) */
  gsize           n_left;    /* (atomic): not completed */
  CfWatchNode   **chunks;    /* (owned) */
};

#define CF_WATCH_CHUNK 16

static inline CfWatchNode *
_cf_watch_get_node (CfWatch *self,
                    gsize    index)
{
  return &self->chunks[index / CF_WATCH_CHUNK][index % CF_WATCH_CHUNK];
}

gboolean   _cf_are_futures (CfFuture **futures,
                            gsize      n_futures);
CfFuture **_cf_watch_distinct (CfFuture **futures,
                               gsize      n_futures,
                               gsize     *n_distinct);
gpointer   _cf_watch_new (gsize          size,
                          CfFuture     **futures,
                          gsize          n_futures,
                          CfWatchFunc    completed,
                          GDestroyNotify clear);
void       _cf_watch_start (CfWatch *self);
void       _cf_watch_stop (CfWatch *self);
CfWatch   *_cf_watch_ref (CfWatch *self);
void       _cf_watch_unref (gpointer self);

G_END_DECLS
