/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* How a worker program finds out that it is one, and what it was given. */

#define CF_WORKER_ENV_FDS "CFUTURES_WORKER_FDS"
#define CF_WORKER_ENV_DEPTH "CFUTURES_WORKER_DEPTH"
#define CF_WORKER_MAX_DEPTH 3

/* In the order of the descriptors that a worker starts with, from 3 on. */
typedef enum
{
  CF_WORKER_FD_SOCKET,
  CF_WORKER_FD_PAGE,
  CF_WORKER_FD_CONTROL,
  CF_WORKER_FD_STDERR,
  CF_WORKER_N_FDS,
} CfWorkerFd;

#define CF_WORKER_FIRST_FD 3

gboolean _cf_worker_environment_take (int *fds);
gboolean _cf_worker_environment_is_set (void);
guint    _cf_worker_environment_get_depth (void);
void     _cf_worker_environment_prepare_process (void);
gboolean _cf_worker_environment_has_stderr (void);

G_END_DECLS
