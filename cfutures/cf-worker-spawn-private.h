/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "cf-page-private.h"

G_BEGIN_DECLS

/* The parent's ends of what a new worker process is connected with; all are CLOEXEC. */
typedef struct
{
  int     fd;         /* frames, both ways; does not block */
  int     control_fd; /* a byte to have it look for a cancelled call */
  int     stderr_fd;  /* its standard error while it starts; does not block */
  CfPage *page;
} CfWorkerLine;

GSubprocess *_cf_worker_spawn (const char *const *argv,
                               guint              depth,
                               CfWorkerLine      *line,
                               GError           **error);

G_END_DECLS
