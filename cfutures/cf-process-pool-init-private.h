/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean           _cf_process_pool_has_init (void);
char             **_cf_process_pool_dup_worker_argv (void);
const char *const *_cf_process_pool_renew_worker_argv (const char *const *argv);

G_END_DECLS
