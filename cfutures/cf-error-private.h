/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-error.h"

G_BEGIN_DECLS

gboolean _cf_error_set_from_errno (GError    **error,
                                   const char *what);

G_END_DECLS
