/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "cf-future.h"

G_BEGIN_DECLS

/* Something that is told when a future is done. */
typedef struct _CfWaiter CfWaiter;

typedef enum
{
  CF_WAITER_WAKE,     /* sees a cancel at once */
  CF_WAITER_LIST,     /* sees the cancel of a bare future when it is notified */
  CF_WAITER_CALLBACK, /* as WAKE, but after all others */
} CfWaiterKind;

struct _CfWaiter
{
  CfWaiter *next; /* (waiters lock), then whoever tells it */
  CfWaiter *prev; /* (waiters lock) */
  void (*tell) (CfWaiter *self,
                CfFuture *future); /* (const): may free the waiter */
  CfWaiterKind kind;               /* (const) */
  gboolean     is_linked;          /* (waiters lock) */
};

/* The word of a future that holds its waiters: 0 (nobody waits), a list, newest first, or closed (the future is done, and
 * notified).  Adding and removing hold a bit of the word for a few instructions; closing is one exchange.  A closed word has
 * room for a mark: a pointer to whatever, shifted, as it need not be aligned. */
typedef guintptr CfWaiters;

#define CF_WAITERS_CLOSED ((CfWaiters) 1)
#define CF_WAITERS_LOCKED ((CfWaiters) 2)
#define CF_WAITERS_MARK_SHIFT 2

typedef gboolean (*CfWaiterCheck) (gpointer data);

gboolean  _cf_waiters_add (CfWaiters    *self,
                           CfWaiter     *waiter,
                           CfWaiterCheck is_too_late,
                           gpointer      data);
gboolean  _cf_waiters_remove (CfWaiters *self,
                              CfWaiter  *waiter);
gpointer  _cf_waiters_get_mark (CfWaiters *self);
CfWaiter *_cf_waiters_close (CfWaiters *self,
                             gpointer   mark);
CfWaiter *_cf_waiters_take_early (CfWaiters *self);
void      _cf_waiters_tell (CfWaiter *waiters,
                            CfFuture *future);

static inline gboolean
_cf_waiters_is_empty (CfWaiters *self)
{
  CfWaiters word = __atomic_load_n (self, __ATOMIC_ACQUIRE);

  return (word & CF_WAITERS_CLOSED) != 0 || (word & ~CF_WAITERS_LOCKED) == 0;
}

static inline CfWaiters
_cf_waiters_closed_with (gpointer mark)
{
  return (CfWaiters) mark << CF_WAITERS_MARK_SHIFT | CF_WAITERS_CLOSED;
}

/* As _cf_waiters_close(), when it is too late already, by an atomic step of the caller in sequential order: who comes after
 * this look is told so, and leaves the word alone. */
static inline CfWaiter *
_cf_waiters_close_behind (CfWaiters *self,
                          gpointer   mark)
{
  if (__atomic_load_n (self, __ATOMIC_SEQ_CST) != 0)
    return _cf_waiters_close (self, mark);
  __atomic_store_n (self, _cf_waiters_closed_with (mark), __ATOMIC_RELEASE);

  return NULL;
}

G_END_DECLS
