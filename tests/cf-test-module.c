/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A module with work in it, for submit_named(). */

#include <gio/gio.h>
#include <gmodule.h>

G_MODULE_EXPORT GVariant *test_module_triple (GVariant *args, GCancellable *cancellable, GError **error);
G_MODULE_EXPORT GVariant *test_module_silent (GVariant *args, GCancellable *cancellable, GError **error);

GVariant *
test_module_triple (GVariant     *args,
                    GCancellable *cancellable,
                    GError      **error)
{
  return g_variant_new_int64 (3 * g_variant_get_int64 (args));
}

/* Neither a result nor an error. */
GVariant *
test_module_silent (GVariant     *args,
                    GCancellable *cancellable,
                    GError      **error)
{
  return NULL;
}
