/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-future-private.h"
#include "cf-parker-private.h"

/* The cancellables of functions.
 *
 * Most are never asked for, and so a thread lends its own to task after task.  Who asks for that of a future which is
 * running keeps it in that state for a moment, and looks for the thread that lent it.
 */

/* As many as calls may nest before each one makes its own. */
#define N_SPARES 32

typedef struct _Spares Spares;

/* Of a thread. */
struct _Spares
{
  GCancellable *cancellables[N_SPARES]; /* (owned) (nullable): to be lent; not changed while it is */
  CfFuture     *borrowers[N_SPARES];    /* (atomic) (nullable): to whom it is lent; not a reference */
  guint         n_lent;                 /* (thread): the first ones */
  Spares       *next;                   /* (mutex threads_lock) */
};

static GMutex  threads_lock;
static Spares *threads; /* (mutex threads_lock) */

static CF_THREAD_LOCAL Spares *spares; /* (owned by spares_guard) */

static void free_spares (gpointer data);

static GPrivate spares_guard = G_PRIVATE_INIT (free_spares);

static void
make_spares (void)
{
  spares = g_new0 (Spares, 1);
  g_private_set (&spares_guard, spares);

  g_mutex_lock (&threads_lock);
  spares->next = threads;
  threads = spares;
  g_mutex_unlock (&threads_lock);
}

static void
free_spares (gpointer data)
{
  Spares  *self = data;
  Spares **place = &threads;

  spares = NULL;
  g_mutex_lock (&threads_lock);
  while (*place != self)
    place = &(*place)->next;
  *place = self->next;
  g_mutex_unlock (&threads_lock);

  for (guint i = 0; i < N_SPARES; i++)
    g_clear_object (&self->cancellables[i]);
  g_free (self);
}

static inline gboolean
is_held_by_others (GCancellable *cancellable)
{
  return g_atomic_int_get (&G_OBJECT (cancellable)->ref_count) > 1;
}

/* Nobody else holds it, and nobody cancelled it. */
gboolean
_cf_cancellable_is_as_new (GCancellable *cancellable)
{
  return !is_held_by_others (cancellable) && !g_cancellable_is_cancelled (cancellable);
}

static inline GCancellable *
borrow (void)
{
  GCancellable **place;

  if (G_UNLIKELY (spares == NULL))
    make_spares ();
  if (spares->n_lent == N_SPARES)
    return g_cancellable_new ();

  place = &spares->cancellables[spares->n_lent++];
  /* Somebody who only knew of it may have cancelled it since it was lent. */
  if (*place != NULL && !_cf_cancellable_is_as_new (*place))
    g_clear_object (place);
  if (*place == NULL)
    *place = g_cancellable_new ();

  return *place;
}

/* One of the thread's own, or a fresh one when all are lent already. */
GCancellable *
_cf_cancellable_borrow (void)
{
  return borrow ();
}

/* What was lent last comes back first. */
static inline gboolean
is_last_lent (GCancellable *cancellable)
{
  return spares->n_lent > 0 && spares->cancellables[spares->n_lent - 1] == cancellable;
}

static void
set_borrower (CfFuture *self)
{
  __atomic_store_n (&spares->borrowers[spares->n_lent - 1], self, __ATOMIC_RELEASE);
}

/* Keeps it for the next one, unless somebody else holds it. */
void
_cf_cancellable_give_back (GCancellable *cancellable)
{
  if (!is_last_lent (cancellable))
    {
      g_object_unref (cancellable);
      return;
    }

  set_borrower (NULL);
  if (is_held_by_others (cancellable))
    g_clear_object (&spares->cancellables[spares->n_lent - 1]);
  spares->n_lent--;
}

static GCancellable *
peek_own (CfFuture *self)
{
  CfFutureExtra *extra = _cf_future_peek_extra (self);

  return extra != NULL ? __atomic_load_n (&extra->cancellable, __ATOMIC_ACQUIRE) : NULL;
}

/* The first one stands. */
static GCancellable *
make_own (CfFuture     *self,
          GCancellable *cancellable)
{
  CfFutureExtra *extra = _cf_future_ensure_extra (self);
  GCancellable  *own = NULL;

  if (__atomic_compare_exchange_n (&extra->cancellable, &own, cancellable, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    own = g_object_ref (cancellable);

  return own;
}

/* For the thread that runs the function: what was asked for before, or else its own, which others find from now on. */
GCancellable *
_cf_future_lend_cancellable (CfFuture *self,
                             gboolean *is_lent)
{
  GCancellable *cancellable = peek_own (self);

  *is_lent = cancellable == NULL;
  if (cancellable != NULL)
    return cancellable;

  cancellable = borrow ();
  if (G_LIKELY (is_last_lent (cancellable)))
    set_borrower (self);
  else
    make_own (self, cancellable);

  return cancellable;
}

/* The function is over: what others hold, or cancelled, stays with the future. */
void
_cf_future_keep_lent_cancellable (CfFuture     *self,
                                  GCancellable *cancellable)
{
  if (!_cf_cancellable_is_as_new (cancellable))
    make_own (self, cancellable);
}

static GCancellable *
find_in_thread (Spares   *thread,
                CfFuture *self)
{
  for (guint i = 0; i < N_SPARES; i++)
    if (__atomic_load_n (&thread->borrowers[i], __ATOMIC_ACQUIRE) == self)
      return thread->cancellables[i];

  return NULL;
}

/* What is lent to it, and so not given back as long as it is kept running; NULL if that was not done yet. */
static GCancellable *
find_lent (CfFuture *self)
{
  GCancellable *cancellable = NULL;

  g_mutex_lock (&threads_lock);
  for (Spares *thread = threads; thread != NULL && cancellable == NULL; thread = thread->next)
    cancellable = find_in_thread (thread, self);
  g_mutex_unlock (&threads_lock);

  return cancellable;
}

/* Of a future that is kept running. */
static void
make_lent_own (CfFuture *self)
{
  guint n_rounds = 0;

  while (peek_own (self) == NULL)
    {
      GCancellable *lent = find_lent (self);

      if (lent != NULL)
        make_own (self, lent);
      else
        _cf_parker_relax (&n_rounds);
    }
}

/**
 * cf_future_get_cancellable:
 * @self: a future
 *
 * Gets the cancellable that the function of the future gets.
 *
 * Cancelling it tells a running function that its outcome is not wanted any
 * more; it is up to the function to end early.  It does not cancel the future.
 *
 * Returns: (transfer none): the cancellable
 *
 * Since: 1.0
 */
GCancellable *
cf_future_get_cancellable (CfFuture *self)
{
  g_autoptr (GCancellable) fresh = NULL;
  GCancellable *own;
  CfAsking      asking;

  g_return_val_if_fail (_cf_is_future (self), NULL);

  own = peek_own (self);
  if (own != NULL)
    return own;

  asking = _cf_future_begin_asking (self);
  if (asking == CF_ASKING_LENT)
    {
      make_lent_own (self);
    }
  else
    {
      fresh = g_cancellable_new ();
      make_own (self, fresh);
    }
  _cf_future_end_asking (self, asking);

  return peek_own (self);
}
