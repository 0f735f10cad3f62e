/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-error-private.h"

#include <errno.h>
#include <gio/gio.h>

/* A name, not an expression: clang-format would put spaces around its hyphens. */
/* clang-format off */
G_DEFINE_QUARK (cf-executor-error-quark, cf_executor_error)
/* clang-format on */

/* For what the system has just refused.  Returns FALSE. */
gboolean
_cf_error_set_from_errno (GError    **error,
                          const char *what)
{
  int saved_errno = errno;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno), "%s: %s", what, g_strerror (saved_errno));

  return FALSE;
}
