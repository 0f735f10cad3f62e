/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-future-list-private.h"
#include "cf-parker-private.h"

G_BEGIN_DECLS

/* What a context is to tell: futures with news, in lanes, so that threads that settle futures do not wait for each other; the
 * news of one thread stays in order. */

#define CF_N_LANES 8
#define CF_LANE_SHIFT 12
#define CF_LANE_MASK ((guint) (CF_N_LANES - 1) << CF_LANE_SHIFT)

/* One for the lanes of that number in all queues: so a future knows its lock even when its context is going. */
typedef struct
{
  CfLock lock;
  char   gap[CF_CACHE_LINE - sizeof (CfLock)];
} CfLaneLock;

extern CfLaneLock _cf_lane_locks[CF_N_LANES];

typedef struct
{
  CfFutureList list;     /* (lock) */
  gboolean     is_armed; /* (lock) (atomic): the context is due, or going to be */
  char         gap[CF_CACHE_LINE - sizeof (CfFutureList) - sizeof (gboolean)];
} CfDeliveryLane;

/* A source that has more to tell than a batch skips every other round of its context, so that sources with a lower priority
 * have their turn. */
typedef enum
{
  CF_TURN_TAKE,
  CF_TURN_SKIP_NEXT,
  CF_TURN_SKIP, /* the round that has begun */
} CfDeliveryTurn;

typedef struct
{
  CfDeliveryLane lanes[CF_N_LANES];
  guint          first_lane; /* (context): where the next batch begins */
  gboolean       is_due;     /* (atomic): the source is to be dispatched */
  CfDeliveryTurn turn;       /* (context): of the source */
  GSource       *fallback;   /* (context) (nullable): which the context owns; while there is more than a batch */
  GMainContext  *context;    /* (const): not a reference; NULL: the global default one */
} CfDeliveryQueue;

/* The global default context lasts as long as the program. */
extern CfDeliveryQueue _cf_delivery_default_queue;

CfDeliveryQueue *_cf_delivery_get_queue (GMainContext *context);
void             _cf_delivery_wake (CfDeliveryQueue *queue);
void             _cf_delivery_let_context_go (CfFuture     *self,
                                              GMainContext *context);

static inline guint
_cf_lane_number (guint state)
{
  return (state & CF_LANE_MASK) >> CF_LANE_SHIFT;
}

static inline guint
_cf_future_set_flags (CfFuture *self,
                      guint     flags)
{
  return __atomic_fetch_or (&_cf_future_fields (self)->state, flags, __ATOMIC_ACQ_REL);
}

static inline guint
_cf_future_clear_flags (CfFuture *self,
                        guint     flags)
{
  return __atomic_fetch_and (&_cf_future_fields (self)->state, ~flags, __ATOMIC_ACQ_REL);
}

/* Of a future that is linked; who drops it may be looking whether it has one. */
static inline GMainContext *
_cf_future_steal_context_locked (CfFuture *self)
{
  GMainContext *context = _cf_future_fields (self)->context;

  __atomic_store_n (&_cf_future_fields (self)->context, NULL, __ATOMIC_RELAXED);

  return context;
}

static inline void
_cf_lane_set_armed_locked (CfDeliveryLane *lane,
                           gboolean        is_armed)
{
  __atomic_store_n (&lane->is_armed, is_armed, __ATOMIC_RELAXED);
}

G_END_DECLS
