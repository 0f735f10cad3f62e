/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-test-maps.h"

GVariant *
numbers (gint64 n)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("ax"));
  for (gint64 i = 0; i < n; i++)
    g_variant_builder_add (&builder, "x", i);

  return g_variant_builder_end (&builder);
}

void
assert_next_error (CfResultIter *iter,
                   GQuark        domain,
                   int           code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (cf_result_iter_next (iter, &error));
  g_assert_error (error, domain, code);
}

void
assert_map_end (CfResultIter *iter)
{
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 3; i++)
    {
      g_assert_null (cf_result_iter_next (iter, &error));
      g_assert_no_error (error);
    }
}
