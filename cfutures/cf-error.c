/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-error.h"

G_DEFINE_QUARK (cf - executor - error - quark, cf_executor_error)
