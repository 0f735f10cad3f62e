/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-map-private.h"

#include "cf-error.h"
#include "cf-function-private.h"
#include "cf-wait-graph-private.h"

/* What a word of an item is, by its lowest bits: nothing, a result, an error, that somebody works on it, or that the
 * outcome was taken. */
#define IS_ERROR ((guintptr) 1)
#define IS_CLAIMED ((guintptr) 2)
#define TAKEN (IS_ERROR | IS_CLAIMED)

typedef struct
{
  CfParker parker;
  gsize    index; /* (const): what it waits for */
} Sleeper;

struct _CfMap
{
  gatomicrefcount ref_count;
  CfFunc          func;      /* (const) (nullable) */
  char           *function;  /* (const) (owned) (nullable): the name of the function, where that is sent */
  char           *name;      /* (const) (owned): of the function, for people */
  GVariant       *items;     /* (const) (owned) */
  gsize           n_items;   /* (const) */
  gsize           chunksize; /* (const) */
  CfFutureOwner  *pool;      /* (const) (nullable): whose workers share the items; not to be followed */
  guintptr       *words;     /* (atomic) (owned): of the items */
  gsize           next;      /* (atomic): the first item that nobody took, when they are shared */
  gint            n_waiting; /* (atomic): somebody is to be told of what is done */

  GMutex     lock;
  GPtrArray *futures;    /* (mutex lock) (owned) (element-type CfFuture): by chunk, or those that share */
  GSList    *sleepers;   /* (mutex lock) (element-type Sleeper) */
  CfMapReady ready;      /* (mutex lock) (nullable) */
  gpointer   ready_data; /* (mutex lock) */
};

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
  if (word == TAKEN)
    return;
  if ((word & IS_ERROR) != 0)
    g_error_free ((GError *) (word & ~IS_ERROR));
  else if (word != 0 && (word & IS_CLAIMED) == 0)
    g_variant_unref ((GVariant *) word);
}

void
_cf_map_unref (CfMap *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  _cf_wait_thread_stay ();
  for (gsize i = 0; i < self->n_items; i++)
    free_word (self->words[i]);
  g_ptr_array_unref (self->futures);
  g_variant_unref (self->items);
  _cf_wait_thread_go_on ();
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

static gboolean
is_outcome (guintptr word)
{
  return word == TAKEN || (word != 0 && (word & IS_CLAIMED) == 0);
}

gboolean
_cf_map_has (CfMap *self,
             gsize  index)
{
  return is_outcome (__atomic_load_n (&self->words[index], __ATOMIC_SEQ_CST));
}

static void
wake_waiting (CfMap *self)
{
  CfMapReady ready;
  gpointer   data;

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
  _cf_wait_thread_stay ();
  ready (data);
  g_object_unref (data);
  _cf_wait_thread_go_on ();
}

/* The first outcome of an item stands.  Takes the word over. */
static gboolean
set_outcome (CfMap   *self,
             gsize    index,
             guintptr outcome)
{
  guintptr word = __atomic_load_n (&self->words[index], __ATOMIC_ACQUIRE);

  do
    if (is_outcome (word))
      {
        free_word (outcome);
        return FALSE;
      }
  while (!__atomic_compare_exchange_n (&self->words[index], &word, outcome, FALSE, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE));

  if (__atomic_load_n (&self->n_waiting, __ATOMIC_SEQ_CST) > 0)
    wake_waiting (self);

  return TRUE;
}

static gboolean
set_result (CfMap    *self,
            gsize     index,
            GVariant *result,
            GError   *error)
{
  if (result == NULL && error == NULL)
    error = g_error_new_literal (CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT, "The function gave neither a result nor an error");
  if (error != NULL && result != NULL)
    g_variant_unref (result);

  return set_outcome (self, index, error != NULL ? (guintptr) error | IS_ERROR : (guintptr) result);
}

/* Items that will not be worked on get an error; @reason NULL is a cancel. */
static void
fail (CfMap        *self,
      gsize         first,
      gsize         n,
      const GError *reason)
{
  for (gsize i = first; i < first + n; i++)
    if (!is_outcome (__atomic_load_n (&self->words[i], __ATOMIC_ACQUIRE)))
      set_result (self, i, NULL,
                  reason != NULL ? g_error_copy (reason)
                                 : g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "The call was cancelled"));
}

/* The outcome of an item that has one; it is the caller's then. */
GVariant *
_cf_map_take (CfMap   *self,
              gsize    index,
              GError **error)
{
  guintptr word = __atomic_exchange_n (&self->words[index], TAKEN, __ATOMIC_ACQ_REL);

  if ((word & IS_ERROR) == 0)
    return (GVariant *) word;
  g_propagate_error (error, (GError *) (word & ~IS_ERROR));

  return NULL;
}

/* Working on items */

static void
run_item (CfMap        *self,
          gsize         index,
          GCancellable *cancellable)
{
  g_autoptr (GVariant) item = g_variant_get_child_value (self->items, index);
  g_autoptr (GCancellable) own = NULL;
  GVariant *result;
  GError   *error = NULL;

  if (!_cf_cancellable_is_as_new (cancellable))
    cancellable = own = g_cancellable_new ();
  result = self->func (item, cancellable, &error);
  set_result (self, index, result != NULL ? g_variant_take_ref (result) : NULL, error);
}

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

static void
claim (CfMap    *self,
       gsize     first,
       gsize     n,
       CfFuture *future)
{
  for (gsize i = first; i < first + n; i++)
    __atomic_store_n (&self->words[i], (guintptr) future | IS_CLAIMED, __ATOMIC_RELEASE);
}

static gboolean
run_shared_chunk (CfMap        *self,
                  CfFuture     *future,
                  GCancellable *cancellable)
{
  gsize first, n;

  if (!take_shared (self, &first, &n))
    return FALSE;
  claim (self, first, n, future);
  for (gsize i = first; i < first + n; i++)
    run_item (self, i, cancellable);

  return TRUE;
}

/* A CfTaskFunc: one worker's share of a map. */
static gboolean
run_shared (GValue *result G_GNUC_UNUSED,
            GCancellable  *cancellable,
            gpointer       user_data,
            GError **error G_GNUC_UNUSED)
{
  CfFuture *future = _cf_wait_thread != NULL ? _cf_wait_thread->top->future : NULL;

  while (run_shared_chunk (user_data, future, cancellable))
    ;

  return TRUE;
}

/* A CfTaskFunc: a chunk. */
static gboolean
run_chunk (GValue *result G_GNUC_UNUSED,
           GCancellable  *cancellable,
           gpointer       user_data,
           GError **error G_GNUC_UNUSED)
{
  CfChunk *self = user_data;

  for (gsize i = self->first; i < self->first + self->n; i++)
    run_item (self->map, i, cancellable);

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

/* The future of a chunk is done, or ends without being done. */
static void
chunk_done (CfWaiter *waiter,
            CfFuture *future)
{
  CfChunk *self = (CfChunk *) waiter;
  g_autoptr (GError) error = NULL;

  if (future != NULL && !_cf_future_check (future, &error))
    fail (self->map, self->first, self->n, error);
  _cf_chunk_unref (self);
}

/* A worker's share ended: if it did not run, then neither do the items that nobody took. */
static void
share_done (CfWaiter *waiter,
            CfFuture *future)
{
  CfChunk *self = (CfChunk *) waiter;
  g_autoptr (GError) error = NULL;

  if (future != NULL && !_cf_future_check (future, &error))
    {
      gsize next = __atomic_exchange_n (&self->map->next, self->map->n_items, __ATOMIC_ACQ_REL);

      if (next < self->map->n_items)
        fail (self->map, next, self->map->n_items - next, error);
    }
  _cf_chunk_unref (self);
}

static void
release_map (gpointer map)
{
  _cf_map_unref (map);
}

static CfChunk *
chunk_new (CfMap *map,
           gsize  first,
           gsize  n,
           void (*done) (CfWaiter *waiter, CfFuture *future))
{
  CfChunk *self = g_new0 (CfChunk, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->waiter.tell = done;
  self->waiter.kind = CF_WAITER_WAKE;
  self->map = _cf_map_ref (map);
  self->first = first;
  self->n = n;
  self->n_left = (gint) n;

  return self;
}

static CfFuture *
remember (CfMap    *self,
          CfFuture *future,
          CfChunk  *chunk)
{
  _cf_future_set_name (future, self->name);
  _cf_future_add_waiter (future, &chunk->waiter);

  g_mutex_lock (&self->lock);
  g_ptr_array_add (self->futures, _cf_future_ref (future));
  g_mutex_unlock (&self->lock);

  return future;
}

/* The chunks are made in their order. */
CfFuture *
_cf_map_make_chunk (CfMap *self,
                    gsize  chunk)
{
  gsize    first = chunk * self->chunksize;
  CfChunk *made = chunk_new (self, first, MIN (self->chunksize, self->n_items - first), chunk_done);

  g_atomic_ref_count_inc (&made->ref_count);
  made->future = cf_future_new_for_task (run_chunk, made, _cf_chunk_unref);

  return remember (self, made->future, made);
}

CfFuture *
_cf_map_make_worker (CfMap *self)
{
  return remember (self, cf_future_new_for_task (run_shared, _cf_map_ref (self), release_map),
                   chunk_new (self, 0, 0, share_done));
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

/* Cancels what nobody has begun. */
void
_cf_map_cancel_rest (CfMap *self)
{
  g_autoptr (GPtrArray) futures = list_futures (self);

  if (self->pool != NULL)
    {
      gsize next = __atomic_exchange_n (&self->next, self->n_items, __ATOMIC_ACQ_REL);

      if (next < self->n_items)
        fail (self, next, self->n_items - next, NULL);
    }
  for (guint i = futures->len; i > 0; i--)
    cf_future_cancel (futures->pdata[i - 1]);
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

static gboolean
run_shared_inline (CfMap *self,
                   gsize  index)
{
  gboolean ran = FALSE;

  while (!_cf_map_has (self, index) && _cf_future_may_run_inline (self->pool))
    {
      GCancellable *cancellable = _cf_cancellable_borrow ();
      gboolean      was_one = run_shared_chunk (self, NULL, cancellable);

      _cf_cancellable_give_back (cancellable);
      if (!was_one)
        break;
      ran = TRUE;
    }

  return ran;
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
    return run_shared_inline (self, index);
  future = dup_chunk_future (self, index);

  return future != NULL && _cf_future_run_inline (future);
}

/* Who may be waited for when an item is: whoever works on it, or any of those who could. */
static GPtrArray *
list_targets (CfMap *self,
              gsize  index)
{
  guintptr   word = __atomic_load_n (&self->words[index], __ATOMIC_ACQUIRE);
  CfFuture  *future = self->pool == NULL ? dup_chunk_future (self, index) : NULL;
  GPtrArray *targets;

  if (self->pool != NULL && (word & IS_CLAIMED) == 0)
    return list_futures (self);

  /* Those who share are held by the map. */
  targets = g_ptr_array_new_with_free_func ((GDestroyNotify) cf_future_unref);
  if (future == NULL && word != IS_CLAIMED && (word & IS_CLAIMED) != 0)
    future = g_object_ref ((CfFuture *) (word & ~IS_CLAIMED));
  if (future != NULL)
    g_ptr_array_add (targets, future);

  return targets;
}

static gboolean
park_in_graph (CfMap    *self,
               gsize     index,
               CfParker *parker,
               GError  **error)
{
  g_autoptr (GPtrArray) targets = list_targets (self, index);
  CfWaitRecord record = {
    .thread = _cf_wait_thread,
    .mode = CF_WAIT_ANY,
    .targets = (CfFuture **) targets->pdata,
    .n_targets = targets->len,
    .parker = parker,
  };

  _cf_wait_graph_enter (&record);
  _cf_parker_park (parker, -1);

  return _cf_wait_graph_leave (&record, error);
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

/* Sleeps until the item is done or the time is out.  FALSE: it can never be. */
gboolean
_cf_map_sleep (CfMap   *self,
               gsize    index,
               gint64   deadline,
               GError **error)
{
  Sleeper  sleeper = { CF_PARKER_INIT, index };
  gboolean can_come = TRUE;

  g_mutex_lock (&self->lock);
  self->sleepers = g_slist_prepend (self->sleepers, &sleeper);
  add_waiting (self, 1);
  g_mutex_unlock (&self->lock);

  if (!_cf_map_has (self, index))
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

/* @payload: the items, as a full reference to a tuple. */
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
      GVariant **children = g_new (GVariant *, self->n);

      for (gsize i = 0; i < self->n; i++)
        children[i] = g_variant_get_child_value (self->map->items, self->first + i);
      *payload = g_variant_ref_sink (g_variant_new_tuple (children, self->n));
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

  return set_result (self->map, self->first + index, result, error) && g_atomic_int_dec_and_test (&self->n_left);
}
