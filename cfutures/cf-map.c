/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-map-private.h"

#include "cf-error.h"
#include "cf-function-private.h"
#include "cf-map-parts-private.h"
#include "cf-wait-graph-private.h"

/* The items, their outcomes, and waiting for them.  Who works on them is in cf-map-chunk and cf-map-share, how in
 * cf-map-run. */

/* How many outcomes ahead of the one that is taken. */
#define PREFETCH 8

typedef struct
{
  CfParker parker;
  gsize    index; /* (const): what it waits for */
} Sleeper;

static void
unref_future (gpointer future)
{
  if (future != NULL)
    cf_future_unref (future);
}

CfMap *
_cf_map_new (CfFunc      func,
             const char *function,
             GVariant   *items,
             guint       chunksize)
{
  CfMap *self = g_new0 (CfMap, 1);

  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->lock);
  self->func = func;
  self->function = g_strdup (function);
  self->name = function != NULL ? g_strdup (function) : _cf_function_describe (func);
  self->items = g_variant_ref_sink (items);
  self->n_items = g_variant_n_children (items);
  self->bytes = _cf_map_dup_bytes (items);
  self->chunksize = MIN (chunksize, MAX (self->n_items, 1));
  self->words = g_new0 (guintptr, self->n_items);
  self->futures = g_ptr_array_new_with_free_func (unref_future);

  return self;
}

CfMap *
_cf_map_ref (CfMap *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

static void
free_word (guintptr word)
{
  if (word == CF_MAP_TAKEN)
    return;
  if ((word & CF_MAP_IS_ERROR) != 0)
    g_error_free ((GError *) (word & ~CF_MAP_IS_ERROR));
  else if (word != 0 && (word & CF_MAP_IS_CLAIMED) == 0)
    g_variant_unref ((GVariant *) word);
}

void
_cf_map_unref (CfMap *self)
{
  CfWaitFrame frame;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  _cf_wait_thread_stay (&frame, NULL);
  for (gsize i = 0; i < self->n_items; i++)
    free_word (self->words[i]);
  g_ptr_array_unref (self->futures);
  g_clear_pointer (&self->bytes, g_bytes_unref);
  g_variant_unref (self->items);
  _cf_wait_thread_go_on (&frame);
  g_free (self->words);
  g_free (self->function);
  g_free (self->name);
  g_mutex_clear (&self->lock);
  g_free (self);
}

gsize
_cf_map_get_n_items (CfMap *self)
{
  return self->n_items;
}

gsize
_cf_map_get_n_chunks (CfMap *self)
{
  return self->n_items / self->chunksize + (self->n_items % self->chunksize != 0);
}

void
_cf_map_set_sharing (CfMap         *self,
                     CfFutureOwner *pool)
{
  self->pool = pool;
}

/* Outcomes */

gboolean
_cf_map_has (CfMap *self,
             gsize  index)
{
  return _cf_map_is_outcome (__atomic_load_n (&self->words[index], __ATOMIC_SEQ_CST));
}

static void
wake_waiting (CfMap *self)
{
  CfWaitFrame frame;
  CfMapReady  ready;
  gpointer    data;

  g_mutex_lock (&self->lock);
  for (GSList *link = self->sleepers; link != NULL; link = link->next)
    {
      Sleeper *sleeper = link->data;

      if (_cf_map_has (self, sleeper->index))
        _cf_parker_set (&sleeper->parker, CF_PARKER_DONE);
    }
  ready = self->ready;
  data = self->ready_data;
  if (ready != NULL)
    g_object_ref (data);
  g_mutex_unlock (&self->lock);

  if (ready == NULL)
    return;
  _cf_wait_thread_stay (&frame, NULL);
  ready (data);
  g_object_unref (data);
  _cf_wait_thread_go_on (&frame);
}

/* The first outcome of an item stands.  Takes the word over. */
static gboolean
set_outcome (CfMap   *self,
             gsize    index,
             guintptr outcome)
{
  guintptr word = __atomic_load_n (&self->words[index], __ATOMIC_ACQUIRE);

  do
    if (_cf_map_is_outcome (word))
      {
        free_word (outcome);
        return FALSE;
      }
  while (!__atomic_compare_exchange_n (&self->words[index], &word, outcome, FALSE, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE));

  if (__atomic_load_n (&self->n_waiting, __ATOMIC_SEQ_CST) > 0)
    wake_waiting (self);

  return TRUE;
}

gboolean
_cf_map_set_result (CfMap    *self,
                    gsize     index,
                    GVariant *result,
                    GError   *error)
{
  if (result == NULL && error == NULL)
    error = g_error_new_literal (CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT, "The function gave neither a result nor an error");
  if (error != NULL && result != NULL)
    g_variant_unref (result);

  return set_outcome (self, index, error != NULL ? (guintptr) error | CF_MAP_IS_ERROR : (guintptr) result);
}

/* Items that will not be worked on get an error; @reason NULL is a cancel. */
void
_cf_map_fail (CfMap        *self,
              gsize         first,
              gsize         n,
              const GError *reason)
{
  for (gsize i = first; i < first + n; i++)
    if (!_cf_map_is_outcome (__atomic_load_n (&self->words[i], __ATOMIC_ACQUIRE)))
      _cf_map_set_result (self, i, NULL,
                          reason != NULL ? g_error_copy (reason)
                                         : g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "The call was cancelled"));
}

/* Outcomes come from other processors, and are mostly taken one after the other. */
static void
prefetch_outcome (CfMap *self,
                  gsize  index)
{
  if (index < self->n_items)
    __builtin_prefetch ((gpointer) (__atomic_load_n (&self->words[index], __ATOMIC_RELAXED) & ~CF_MAP_TAKEN), 1);
}

/* The outcome of an item that has one; it is the caller's then. */
GVariant *
_cf_map_take (CfMap   *self,
              gsize    index,
              GError **error)
{
  guintptr word = __atomic_exchange_n (&self->words[index], CF_MAP_TAKEN, __ATOMIC_ACQ_REL);

  prefetch_outcome (self, index + PREFETCH);
  if ((word & CF_MAP_IS_ERROR) == 0)
    return (GVariant *) word;
  g_propagate_error (error, (GError *) (word & ~CF_MAP_IS_ERROR));

  return NULL;
}

/* A future that works on items; @waiter is told of its end. */
CfFuture *
_cf_map_remember (CfMap    *self,
                  CfFuture *future,
                  CfWaiter *waiter)
{
  _cf_future_set_name (future, self->name);
  _cf_future_add_waiter (future, waiter);

  g_mutex_lock (&self->lock);
  g_ptr_array_add (self->futures, _cf_future_ref (future));
  g_mutex_unlock (&self->lock);

  return future;
}

static GPtrArray *
list_futures (CfMap *self)
{
  GPtrArray *futures = g_ptr_array_new_with_free_func ((GDestroyNotify) cf_future_unref);

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->futures->len; i++)
    if (self->futures->pdata[i] != NULL)
      g_ptr_array_add (futures, _cf_future_ref (self->futures->pdata[i]));
  g_mutex_unlock (&self->lock);

  return futures;
}

/* Who sleeps goes and looks what there is; what he waits for may be running, and take its time. */
static void
close_to_sleepers (CfMap *self)
{
  g_mutex_lock (&self->lock);
  self->is_closed = TRUE;
  for (GSList *link = self->sleepers; link != NULL; link = link->next)
    _cf_parker_set (&((Sleeper *) link->data)->parker, CF_PARKER_DONE);
  g_mutex_unlock (&self->lock);
}

/* Cancels what nobody has begun; nobody waits for the rest. */
void
_cf_map_cancel_rest (CfMap *self)
{
  g_autoptr (GPtrArray) futures = list_futures (self);

  if (self->pool != NULL)
    _cf_map_fail_shared (self, NULL);
  for (guint i = futures->len; i > 0; i--)
    cf_future_cancel (futures->pdata[i - 1]);
  close_to_sleepers (self);
}

/* All of the chunk was taken: its future is not needed any more. */
void
_cf_map_forget_chunk (CfMap *self,
                      gsize  chunk)
{
  CfFuture *future = NULL;

  if (self->pool != NULL)
    return;
  g_mutex_lock (&self->lock);
  if (chunk < self->futures->len)
    future = g_steal_pointer (&self->futures->pdata[chunk]);
  g_mutex_unlock (&self->lock);

  if (future != NULL)
    cf_future_unref (future);
}

/* Shares that found nothing left would lie in the queue until a worker comes by, which may be the one that asks. */
static void
cancel_idle_shares (CfMap     *self,
                    GPtrArray *futures)
{
  if (self->pool == NULL || !_cf_map_is_taken (self))
    return;

  for (guint i = futures->len; i > 0; i--)
    cf_future_cancel (futures->pdata[i - 1]);
}

/* Nobody will ask for items any more.  Whoever is to work on them has the futures; the map no longer does, as they hold
 * it. */
void
_cf_map_forget_futures (CfMap *self)
{
  g_autoptr (GPtrArray) futures = NULL;

  g_mutex_lock (&self->lock);
  futures = self->futures;
  self->futures = g_ptr_array_new_with_free_func (unref_future);
  g_mutex_unlock (&self->lock);

  cancel_idle_shares (self, futures);
}

/* Waiting for an item */

static CfFuture *
dup_chunk_future (CfMap *self,
                  gsize  index)
{
  gsize     chunk = index / self->chunksize;
  CfFuture *future = NULL;

  g_mutex_lock (&self->lock);
  if (self->pool == NULL && chunk < self->futures->len && self->futures->pdata[chunk] != NULL)
    future = _cf_future_ref (self->futures->pdata[chunk]);
  g_mutex_unlock (&self->lock);

  return future;
}

/* A worker works on the items itself until it has the one that it waits for, where it may.  TRUE: it did something. */
gboolean
_cf_map_run_inline (CfMap *self,
                    gsize  index)
{
  g_autoptr (CfFuture) future = NULL;

  if (_cf_wait_thread == NULL)
    return FALSE;
  if (self->pool != NULL)
    return _cf_map_run_shared_inline (self, index);
  future = dup_chunk_future (self, index);

  return future != NULL && _cf_future_run_inline (future);
}

/* Who may be waited for when an item is: whoever has it, or any of those who could take it. */
static GPtrArray *
list_targets (CfMap *self,
              gsize  index)
{
  CfFuture  *future;
  GPtrArray *targets;

  if (self->pool != NULL)
    return list_futures (self);

  targets = g_ptr_array_new_with_free_func ((GDestroyNotify) cf_future_unref);
  future = dup_chunk_future (self, index);
  if (future != NULL)
    g_ptr_array_add (targets, future);

  return targets;
}

/* A worker that waits for an item. */
typedef struct
{
  CfWaitRecord record;
  CfMap       *map;   /* (const) */
  gsize        index; /* (const) */
} ItemRecord;

/* An item may be taken, or done, only while it is waited for. */
static gboolean
look (CfWaitRecord *record,
      CfFuture    **runner)
{
  ItemRecord *self = (ItemRecord *) record;
  guintptr    word = __atomic_load_n (&self->map->words[self->index], __ATOMIC_ACQUIRE);

  if (_cf_map_is_outcome (word))
    return FALSE;
  *runner = (CfFuture *) (word & ~CF_MAP_IS_CLAIMED);

  return TRUE;
}

static gboolean
park_in_graph (CfMap    *self,
               gsize     index,
               CfParker *parker,
               GError  **error)
{
  g_autoptr (GPtrArray) targets = list_targets (self, index);
  ItemRecord item = {
    .record = {
      .thread = _cf_wait_thread,
      .mode = CF_WAIT_ANY,
      .targets = (CfFuture **) targets->pdata,
      .n_targets = targets->len,
      .parker = parker,
      .look = look,
    },
    .map = self,
    .index = index,
  };

  _cf_wait_graph_enter (&item.record);
  _cf_parker_park (parker, -1);

  return _cf_wait_graph_leave (&item.record, error);
}

/* (atomic): how many are to be told of what is done. */
gint *
_cf_map_get_n_waiting (CfMap *self)
{
  return &self->n_waiting;
}

static void
add_waiting (CfMap *self,
             gint   n)
{
  __atomic_add_fetch (&self->n_waiting, n, __ATOMIC_SEQ_CST);
}

/* Sleeps until the item is done, or submitted, unless it @is_there; until the map is closed or the time is out.  FALSE: it
 * can never be done. */
gboolean
_cf_map_sleep (CfMap      *self,
               gsize       index,
               CfSpinCheck is_there,
               gpointer    data,
               gint64      deadline,
               GError    **error)
{
  Sleeper  sleeper = { CF_PARKER_INIT, index };
  gboolean can_come = TRUE, is_closed;

  g_mutex_lock (&self->lock);
  is_closed = self->is_closed;
  self->sleepers = g_slist_prepend (self->sleepers, &sleeper);
  add_waiting (self, 1);
  g_mutex_unlock (&self->lock);

  if (!is_closed && !is_there (data))
    {
      if (deadline < 0 && _cf_wait_thread != NULL && _cf_wait_thread->top != NULL)
        can_come = park_in_graph (self, index, &sleeper.parker, error);
      else
        _cf_parker_park (&sleeper.parker, deadline);
    }

  g_mutex_lock (&self->lock);
  self->sleepers = g_slist_remove (self->sleepers, &sleeper);
  add_waiting (self, -1);
  g_mutex_unlock (&self->lock);

  return can_come;
}

/* The chunk was submitted, or refused.  Who slept before that has to look again: it may be there, or a worker's to run. */
void
_cf_map_tell_submitted (CfMap *self,
                        gsize  chunk)
{
  if (__atomic_load_n (&self->n_waiting, __ATOMIC_SEQ_CST) == 0)
    return;

  g_mutex_lock (&self->lock);
  for (GSList *link = self->sleepers; link != NULL; link = link->next)
    {
      Sleeper *sleeper = link->data;

      if (sleeper->index / self->chunksize == chunk)
        _cf_parker_set (&sleeper->parker, CF_PARKER_DONE);
    }
  g_mutex_unlock (&self->lock);
}

/* What to call, with a reference to the object @data, when something is done while somebody waits. */
void
_cf_map_set_ready (CfMap     *self,
                   CfMapReady ready,
                   gpointer   data)
{
  g_mutex_lock (&self->lock);
  self->ready = ready;
  self->ready_data = data;
  g_mutex_unlock (&self->lock);
}
