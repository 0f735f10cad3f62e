/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What tests of map() share, over threads and processes. */

#pragma once

#include <cfutures/cfutures.h>

G_BEGIN_DECLS

/* The items 0 to @n - 1, int64s. */
GVariant *numbers (gint64 n);
/* What the map gives next: an error; or that it is at its end, and stays there. */
void assert_next_error (CfResultIter *iter,
                        GQuark        domain,
                        int           code);
void assert_map_end (CfResultIter *iter);

G_END_DECLS
