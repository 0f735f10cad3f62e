/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-error.h"

/* A name, not an expression: clang-format would put spaces around its hyphens. */
/* clang-format off */
G_DEFINE_QUARK (cf-executor-error-quark, cf_executor_error)
/* clang-format on */
