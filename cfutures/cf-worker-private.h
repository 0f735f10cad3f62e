/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-worker-calls-private.h"
#include "cf-worker.h"

G_BEGIN_DECLS

/* A function of the program. */
typedef struct
{
  CfWorkerHandler func; /* (nullable) */
  gpointer        user_data;
  GDestroyNotify  destroy; /* (nullable) */
} CfWorkerHook;

struct _CfWorker
{
  GObject parent_instance;

  CfWorkerCalls calls;
  GHashTable   *functions;   /* (owned) (element-type utf8 CfFunc): by name, and by place */
  CfFunc        func;        /* (nullable): what runs the calls that were received */
  gboolean      is_given;    /* the call that is next was given by take_call() */
  GError       *start_error; /* (owned) (nullable): why this worker cannot be prepared */
  CfWorkerHook  handler;
  CfWorkerHook  initializer;
};

gboolean _cf_worker_serve (CfWorker *self,
                           gboolean  others_know,
                           GError  **error);

G_END_DECLS
