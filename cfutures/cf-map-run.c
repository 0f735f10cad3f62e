/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "cf-map-parts-private.h"

/* Working on the items of a map.
 *
 * Threads that take children out of one variant meet at its lock and at the count of its bytes, for each child anew.  So a
 * worker takes out several at once; where the children lie side by side, of a variant of its own over the same memory.
 */

#define STRETCH_MAX 64

static gboolean is_fixed_size (const GVariantType *type);

static gboolean
are_fixed_size (const GVariantType *tuple)
{
  for (const GVariantType *item = g_variant_type_first (tuple); item != NULL; item = g_variant_type_next (item))
    if (!is_fixed_size (item))
      return FALSE;

  return TRUE;
}

/* Whether all values of the type take up the same number of bytes. */
static gboolean
is_fixed_size (const GVariantType *type)
{
  if (g_variant_type_is_tuple (type) || g_variant_type_is_dict_entry (type))
    return are_fixed_size (type);

  return g_variant_type_is_basic (type) && strchr ("sog?", *g_variant_type_peek_string (type)) == NULL;
}

/* An array that was put together of its children, and was not laid out in memory, gives out the same ones again. */
static gboolean
is_laid_out (GVariant *items)
{
  g_autoptr (GVariant) one = g_variant_get_child_value (items, 0);
  g_autoptr (GVariant) again = g_variant_get_child_value (items, 0);

  return one != again;
}

/* The bytes of the items, if each is as long as the others, and they need not be written for that. */
GBytes *
_cf_map_dup_bytes (GVariant *items)
{
  const GVariantType *type = g_variant_type_element (g_variant_get_type (items));

  if (!is_fixed_size (type) || g_variant_n_children (items) == 0 || !is_laid_out (items))
    return NULL;

  return g_variant_get_data_as_bytes (items);
}

/* Some of the items, as an array. */
static GVariant *
dup_slice (CfMap *self,
           gsize  first,
           gsize  n)
{
  gsize size = g_bytes_get_size (self->bytes) / self->n_items;
  g_autoptr (GBytes) bytes = g_bytes_new_from_bytes (self->bytes, first * size, n * size);

  return g_variant_ref_sink (g_variant_new_from_bytes (g_variant_get_type (self->items), bytes, FALSE));
}

static void
get_children (CfMap     *self,
              gsize      first,
              gsize      n,
              GVariant **children)
{
  gboolean is_slice = n > 1 && self->bytes != NULL;
  g_autoptr (GVariant) array = is_slice ? dup_slice (self, first, n) : g_variant_ref (self->items);

  for (gsize i = 0; i < n; i++)
    children[i] = g_variant_get_child_value (array, is_slice ? i : first + i);
}

static void
run_item (CfMap        *self,
          gsize         index,
          GVariant     *item,
          GCancellable *cancellable)
{
  g_autoptr (GCancellable) own = NULL;
  GVariant *result;
  GError   *error = NULL;

  if (!_cf_cancellable_is_as_new (cancellable))
    cancellable = own = g_cancellable_new ();
  result = self->func (item, cancellable, &error);
  _cf_map_set_result (self, index, result != NULL ? g_variant_take_ref (result) : NULL, error);
}

static void
run_stretch (CfMap        *self,
             gsize         first,
             gsize         n,
             GCancellable *cancellable)
{
  GVariant *children[STRETCH_MAX];

  get_children (self, first, n, children);
  for (gsize i = 0; i < n; i++)
    run_item (self, first + i, children[i], cancellable);
  for (gsize i = 0; i < n; i++)
    g_variant_unref (children[i]);
}

void
_cf_map_run_items (CfMap        *self,
                   gsize         first,
                   gsize         n,
                   GCancellable *cancellable)
{
  for (gsize i = 0; i < n; i += STRETCH_MAX)
    run_stretch (self, first + i, MIN (n - i, STRETCH_MAX), cancellable);
}
