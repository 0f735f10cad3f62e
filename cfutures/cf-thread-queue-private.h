/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-future-private.h"

G_BEGIN_DECLS

typedef struct _CfThreadBlock CfThreadBlock;

#define CF_THREAD_QUEUE_FEW 2

/* Futures in the order in which they came: a few places of its own, then blocks of them.  Who takes one out touches neither
 * that future nor its neighbours, which others may be at, and as long as there are few nothing but the queue.  Each future
 * knows its place, and is in one queue at most. */
typedef struct
{
  guint          length;                   /* (atomic) for a look without the lock */
  guint          number;                   /* of the next one that was never taken: they are counted as they come */
  CfFuture     **head;                     /* the next one to take; an empty place is skipped */
  CfFuture     **head_end;                 /* where the places end in which it is */
  CfFuture      *few[CF_THREAD_QUEUE_FEW]; /* the oldest ones, where they came into an empty queue */
  guint          n_put_back;               /* places at the head that were taken once */
  CfThreadBlock *first;                    /* (owned) (nullable) */
  CfThreadBlock *last;                     /* (nullable) */
} CfThreadQueue;

typedef void (*CfThreadQueueFunc) (CfFuture *future,
                                   gpointer  data);

void      _cf_thread_queue_init (CfThreadQueue *self);
void      _cf_thread_queue_clear (CfThreadQueue *self);
guint     _cf_thread_queue_look_at_length (CfThreadQueue *self);
void      _cf_thread_queue_append (CfThreadQueue *self,
                                   CfFuture      *future);
void      _cf_thread_queue_put_back (CfThreadQueue *self,
                                     CfFuture      *future);
void      _cf_thread_queue_splice (CfThreadQueue *self,
                                   CfThreadQueue *more);
CfFuture *_cf_thread_queue_pop (CfThreadQueue *self);
gboolean  _cf_thread_queue_has (CfThreadQueue *self,
                                CfFuture      *future);
void      _cf_thread_queue_remove (CfThreadQueue *self,
                                   CfFuture      *future);
gboolean  _cf_thread_queue_is_youngest (CfThreadQueue *self,
                                        CfFuture      *future);
void      _cf_thread_queue_remove_youngest (CfThreadQueue *self);
void      _cf_thread_queue_foreach (CfThreadQueue    *self,
                                    CfThreadQueueFunc func,
                                    gpointer          data);

G_END_DECLS
