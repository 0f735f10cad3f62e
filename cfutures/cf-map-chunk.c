/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-error.h"
#include "cf-map-parts-private.h"

/* A map in chunks, each of which is a future: its call has the items, and what they come to goes into the map. */

/* A CfTaskFunc: a chunk. */
static gboolean
run_chunk (GValue *result G_GNUC_UNUSED,
           GCancellable  *cancellable,
           gpointer       user_data,
           GError **error G_GNUC_UNUSED)
{
  CfChunk *self = user_data;

  _cf_map_run_items (self->map, self->first, self->n, cancellable);

  return TRUE;
}

void
_cf_chunk_unref (gpointer data)
{
  CfChunk *self = data;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  _cf_map_unref (self->map);
  g_free (self);
}

/* Somebody else's executor or worker program may call a chunk done that it has not run, or not all of it. */
static gboolean
has_all_outcomes (CfChunk *self)
{
  for (gsize i = 0; i < self->n; i++)
    if (!_cf_map_has (self->map, self->first + i))
      return FALSE;

  return TRUE;
}

/* The future of a chunk is done, or ends without being done. */
static void
chunk_done (CfWaiter *waiter,
            CfFuture *future)
{
  CfChunk *self = (CfChunk *) waiter;
  g_autoptr (GError) error = NULL;

  if (future != NULL && _cf_future_check (future, &error) && !has_all_outcomes (self))
    g_set_error_literal (&error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT, "The call was answered without a result");
  if (error != NULL)
    _cf_map_fail (self->map, self->first, self->n, error);
  _cf_chunk_unref (self);
}

static CfChunk *
chunk_new (CfMap *map,
           gsize  first,
           gsize  n)
{
  CfChunk *self = g_new0 (CfChunk, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->waiter.tell = chunk_done;
  self->waiter.kind = CF_WAITER_WAKE;
  self->map = _cf_map_ref (map);
  self->first = first;
  self->n = n;
  self->n_left = (gint) n;

  return self;
}

/* The chunks are made in their order. */
CfFuture *
_cf_map_make_chunk (CfMap *self,
                    gsize  chunk)
{
  gsize    first = chunk * self->chunksize;
  CfChunk *made = chunk_new (self, first, MIN (self->chunksize, self->n_items - first));

  g_atomic_ref_count_inc (&made->ref_count);
  made->future = cf_future_new_for_task (run_chunk, made, _cf_chunk_unref);

  return _cf_map_remember (self, made->future, &made->waiter);
}

/* For process pools */

/* The chunk that a future is, which its executor has; NULL if it is none. */
CfChunk *
_cf_chunk_dup (CfFuture *future)
{
  CfChunk *self = _cf_future_get_task_data (future, run_chunk);

  if (self != NULL)
    g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

/* @payload: the items, as a full reference to an array, whose type is short however many they are. */
void
_cf_chunk_get_call (CfChunk     *self,
                    CfFunc      *func,
                    const char **named,
                    GVariant   **payload)
{
  *func = self->map->function == NULL ? self->map->func : NULL;
  *named = self->map->function;
  if (payload != NULL)
    {
      const GVariantType *type = g_variant_type_element (g_variant_get_type (self->map->items));
      GVariant          **children = g_new (GVariant *, self->n);

      for (gsize i = 0; i < self->n; i++)
        children[i] = g_variant_get_child_value (self->map->items, self->first + i);
      *payload = g_variant_ref_sink (g_variant_new_array (type, children, self->n));
      for (gsize i = 0; i < self->n; i++)
        g_variant_unref (children[i]);
      g_free (children);
    }
}

/* Takes @result or @error over.  TRUE: it was the last one of the chunk. */
gboolean
_cf_chunk_take_outcome (CfChunk  *self,
                        gsize     index,
                        GVariant *result,
                        GError   *error)
{
  if (index >= self->n)
    {
      g_clear_pointer (&result, g_variant_unref);
      g_clear_error (&error);
      return FALSE;
    }

  return _cf_map_set_result (self->map, self->first + index, result, error) && g_atomic_int_dec_and_test (&self->n_left);
}
