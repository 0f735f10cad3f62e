/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "cf-async-private.h"

G_BEGIN_DECLS

/* What the owner of a queue of tasks has for them. */
typedef struct
{
  /* (lock): whether there is something to tell the first one, the end included. */
  gboolean (*can_tell) (gpointer owner);
  /* (lock): what it is told. */
  gpointer (*take) (gpointer owner);
  /* Without the lock: takes @told over. */
  void (*tell) (gpointer owner,
                GTask   *task,
                gpointer told);
} CfAsyncQueueFuncs;

/* Tasks that wait for the next one of something: who came first is served first.  It is a part of its owner. */
typedef struct
{
  const CfAsyncQueueFuncs *funcs;     /* (const) */
  gpointer                 owner;     /* (const) */
  GMutex                  *lock;      /* (const): the owner's */
  gint                    *n_waiting; /* (const): (atomic): the owner's, of all who wait */
  GQueue                   tasks;     /* (mutex lock) (element-type CfAsync) */
} CfAsyncQueue;

void     _cf_async_queue_init (CfAsyncQueue            *self,
                               const CfAsyncQueueFuncs *funcs,
                               gpointer                 owner,
                               GMutex                  *lock,
                               gint                    *n_waiting);
CfAsync *_cf_async_queue_add (CfAsyncQueue  *self,
                              GTask         *task,
                              CfAsyncTimeOut time_out);
void     _cf_async_queue_serve (CfAsyncQueue *self);
void     _cf_async_queue_forget (CfAsyncQueue *self);

G_END_DECLS
