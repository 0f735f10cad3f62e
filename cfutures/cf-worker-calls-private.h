/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "cf-wire-private.h"
#include "cf-worker-channel-private.h"

G_BEGIN_DECLS

/* The calls of a worker, one message after the other: what was asked, and what is answered.
 *
 *   receive() ──▶ begun: n_items to answer ──answer() each, or refuse() all──▶ sent
 *
 * What runs them is not known here.
 */
typedef struct
{
  CfWorkerChannel *channel;     /* (owned) */
  int              stderr_fd;   /* the real one, until the worker is prepared; or -1 */
  pid_t            pid;         /* (const): a child that a call forks is no worker */
  GCancellable    *cancellable; /* (owned) (nullable): lent to one call after the other */
  CfWireWriter     writer;
  gboolean         said_hello;

  CfWireFrame frame;   /* what was asked: a call, a chunk of them, or to be prepared */
  guint32     n_items; /* calls in it that have no answer yet, */
  guint32     item;    /* from this one on */
} CfWorkerCalls;

void      _cf_worker_calls_init (CfWorkerCalls *self);
void      _cf_worker_calls_clear (CfWorkerCalls *self);
gboolean  _cf_worker_calls_receive (CfWorkerCalls *self,
                                    GError       **error);
GVariant *_cf_worker_calls_dup_args (CfWorkerCalls *self);
gboolean  _cf_worker_calls_answer (CfWorkerCalls *self,
                                   GVariant      *result,
                                   const GError  *failure,
                                   GError       **error);
gboolean  _cf_worker_calls_refuse (CfWorkerCalls *self,
                                   const GError  *failure,
                                   GError       **error);

G_END_DECLS
