/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-future-private.h"

G_BEGIN_DECLS

/* Futures in the order in which they came, linked by their own words: each is in one list at most. */
typedef struct
{
  CfFuture *head;   /* (nullable): the oldest one */
  CfFuture *tail;   /* (nullable) */
  guint     length; /* (atomic) for a look without the lock */
} CfFutureList;

static inline void
_cf_future_list_set_length (CfFutureList *self,
                            guint         length)
{
  __atomic_store_n (&self->length, length, __ATOMIC_RELAXED);
}

static inline guint
_cf_future_list_look_at_length (CfFutureList *self)
{
  return __atomic_load_n (&self->length, __ATOMIC_RELAXED);
}

/* Who looks for the future in the queue of an executor may be too late, and look here. */
static inline void
_cf_future_list_link (CfFuture **link,
                      CfFuture  *future)
{
  __atomic_store_n (link, future, __ATOMIC_RELAXED);
}

static inline void
_cf_future_list_append (CfFutureList *self,
                        CfFuture     *future)
{
  CfFutureFields *fields = _cf_future_fields (future);

  _cf_future_list_link (&fields->next, NULL);
  _cf_future_list_link (&fields->prev, self->tail);
  if (self->tail != NULL)
    _cf_future_list_link (&_cf_future_fields (self->tail)->next, future);
  else
    self->head = future;
  self->tail = future;
  _cf_future_list_set_length (self, self->length + 1);
}

static inline void
_cf_future_list_remove (CfFutureList *self,
                        CfFuture     *future)
{
  CfFutureFields *fields = _cf_future_fields (future);

  if (fields->prev != NULL)
    _cf_future_list_link (&_cf_future_fields (fields->prev)->next, fields->next);
  else
    self->head = fields->next;
  if (fields->next != NULL)
    _cf_future_list_link (&_cf_future_fields (fields->next)->prev, fields->prev);
  else
    self->tail = fields->prev;
  _cf_future_list_set_length (self, self->length - 1);
}

G_END_DECLS
