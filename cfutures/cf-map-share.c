/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-map-parts-private.h"

#include "cf-wait-graph-private.h"

/* A map whose items are shared by the workers of a pool: each takes chunk after chunk until there is none left. */

/* FALSE: there is nothing left to take. */
static gboolean
take_shared (CfMap *self,
             gsize *first,
             gsize *n)
{
  *first = __atomic_fetch_add (&self->next, self->chunksize, __ATOMIC_RELAXED);
  if (*first >= self->n_items)
    {
      __atomic_store_n (&self->next, self->n_items, __ATOMIC_RELAXED);
      return FALSE;
    }
  *n = MIN (self->chunksize, self->n_items - *first);

  return TRUE;
}

/* Whether all items are done, or somebody works on them. */
gboolean
_cf_map_is_taken (CfMap *self)
{
  return __atomic_load_n (&self->next, __ATOMIC_ACQUIRE) >= self->n_items;
}

static void
claim (CfMap    *self,
       gsize     first,
       gsize     n,
       CfFuture *future)
{
  for (gsize i = first; i < first + n; i++)
    __atomic_store_n (&self->words[i], (guintptr) future | CF_MAP_IS_CLAIMED, __ATOMIC_RELEASE);
}

/* The task of this worker, by which others who wait for its items find it in the graph. */
static CfFuture *
peek_runner (void)
{
  return _cf_wait_thread != NULL ? _cf_wait_frame_ensure_future (_cf_wait_thread->top) : NULL;
}

static gboolean
run_shared_chunk (CfMap        *self,
                  GCancellable *cancellable)
{
  gsize first, n;

  if (!take_shared (self, &first, &n))
    return FALSE;
  claim (self, first, n, peek_runner ());
  _cf_map_run_items (self, first, n, cancellable);

  return TRUE;
}

/* A CfTaskFunc: one worker's share of a map. */
static gboolean
run_shared (GValue *result G_GNUC_UNUSED,
            GCancellable  *cancellable,
            gpointer       user_data,
            GError **error G_GNUC_UNUSED)
{
  while (run_shared_chunk (user_data, cancellable))
    ;

  return TRUE;
}

/* The items that nobody took will not be worked on.  Returns how many were taken. */
gsize
_cf_map_stop_sharing (CfMap *self)
{
  gsize next = __atomic_exchange_n (&self->next, self->n_items, __ATOMIC_ACQ_REL);

  return MIN (next, self->n_items);
}

/* The same, and they fail. */
void
_cf_map_fail_shared (CfMap        *self,
                     const GError *reason)
{
  gsize n_taken = _cf_map_stop_sharing (self);

  _cf_map_fail (self, n_taken, self->n_items - n_taken, reason);
}

typedef struct
{
  CfWaiter waiter;
  CfMap   *map; /* (const) (owned) */
} Share;

/* If a worker's share did not run, then neither do the items that nobody took. */
static void
share_done (CfWaiter *waiter,
            CfFuture *future)
{
  Share *self = (Share *) waiter;
  g_autoptr (GError) error = NULL;

  if (future != NULL && !_cf_future_check (future, &error))
    _cf_map_fail_shared (self->map, error);
  _cf_map_unref (self->map);
  g_free (self);
}

static void
release_map (gpointer map)
{
  _cf_map_unref (map);
}

CfFuture *
_cf_map_make_worker (CfMap *self)
{
  Share *share = g_new0 (Share, 1);

  share->waiter.tell = share_done;
  share->waiter.kind = CF_WAITER_WAKE;
  share->map = _cf_map_ref (self);

  return _cf_map_remember (self, cf_future_new_for_task (run_shared, _cf_map_ref (self), release_map), &share->waiter);
}

/* In a frame of its own, though for the same task: so that what runs on one stack is counted. */
static gboolean
run_shared_chunk_inline (CfMap *self)
{
  GCancellable *cancellable = _cf_cancellable_borrow ();
  CfWaitFrame   frame;
  gboolean      was_one;

  _cf_wait_frame_push (&frame, peek_runner ());
  was_one = run_shared_chunk (self, cancellable);
  _cf_wait_frame_pop (&frame);
  _cf_cancellable_give_back (cancellable);

  return was_one;
}

/* TRUE: it did something. */
gboolean
_cf_map_run_shared_inline (CfMap *self,
                           gsize  index)
{
  gboolean ran = FALSE;

  while (!_cf_map_has (self, index) && _cf_future_may_run_inline (self->pool) && run_shared_chunk_inline (self))
    ran = TRUE;

  return ran;
}
