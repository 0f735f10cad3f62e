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

static GVariant *
func_work (GVariant     *args,
           GCancellable *cancellable,
           GError      **error)
{
  guint64     address, number, closed;
  CountedMap *self;

  g_variant_get (args, "(ttt)", &address, &number, &closed);
  self = (gpointer) (guintptr) address;
  if (number >= closed)
    gate_wait (&self->gate);
  g_atomic_int_inc (&self->n_ran);

  return g_variant_new_uint64 (number);
}

static GVariant *
work (CountedMap *self,
      guint64     n,
      guint64     closed)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ttt)"));
  for (guint64 i = 0; i < n; i++)
    g_variant_builder_add (&builder, "(ttt)", (guint64) (guintptr) self, i, closed);

  return g_variant_builder_end (&builder);
}

void
counted_map_start (CountedMap *self,
                   guint       n,
                   guint       closed,
                   gint64      timeout,
                   guint       chunksize,
                   guint       buffersize)
{
  g_autoptr (GError) error = NULL;

  self->iter = cf_executor_map (self->executor, func_work, work (self, n, closed), timeout, chunksize, buffersize, &error);
  g_assert_no_error (error);
  g_assert_nonnull (self->iter);
}

void
counted_map_assert_next (CountedMap *self,
                         guint       number)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) result = cf_result_iter_next (self->iter, &error);

  g_assert_no_error (error);
  g_assert_nonnull (result);
  g_assert_cmpuint (g_variant_get_uint64 (result), ==, number);
}

guint
counted_map_get_n_ran (CountedMap *self)
{
  return (guint) g_atomic_int_get (&self->n_ran);
}
