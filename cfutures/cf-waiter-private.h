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

/* The word of a future that holds its waiters: a list, newest first, and two bits. */
typedef guintptr CfWaiters;

typedef gboolean (*CfWaiterCheck) (gpointer data);

gboolean  _cf_waiters_add (CfWaiters    *self,
                           CfWaiter     *waiter,
                           CfWaiterCheck is_too_late,
                           gpointer      data);
gboolean  _cf_waiters_remove (CfWaiters *self,
                              CfWaiter  *waiter);
gboolean  _cf_waiters_is_empty (CfWaiters *self);
gpointer  _cf_waiters_get_mark (CfWaiters *self);
CfWaiter *_cf_waiters_close (CfWaiters *self,
                             gpointer   mark);
CfWaiter *_cf_waiters_close_behind (CfWaiters *self,
                                    gpointer   mark);
CfWaiter *_cf_waiters_take_early (CfWaiters *self);
void      _cf_waiters_tell (CfWaiter *waiters,
                            CfFuture *future);

G_END_DECLS
