/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

gboolean _cf_worker_status_is_killed (GSubprocess *subprocess);
char    *_cf_worker_status_describe (GSubprocess *subprocess);

G_END_DECLS
