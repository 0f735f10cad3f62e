/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-function-private.h"
#include "cf-future-private.h"
#include "cf-parker-private.h"

/* What most futures do without: a block that is made when it is needed, by whoever comes first.
 *
 * The cancellable of a running function is lent by its thread to task after task.  Its place is the word of the block as
 * long as there is none, then a word in the block; the lowest bit says that it is only lent.  Who asks for it takes that
 * bit away, and then it is the future's. */

#define LENT ((guintptr) 1)

static GMutex names_lock;

/* As many as calls may nest before each one makes its own. */
#define N_SPARES 32

typedef struct
{
  GCancellable *cancellables[N_SPARES]; /* (owned) (nullable): of this thread, to be lent */
  guint         n_lent;                 /* the first ones */
} Spares;

static CF_THREAD_LOCAL Spares *spares; /* (owned by spares_guard) */

static void free_spares (gpointer data);

static GPrivate spares_guard = G_PRIVATE_INIT (free_spares);

static void
free_spares (gpointer data)
{
  Spares *self = data;

  spares = NULL;
  for (guint i = 0; i < N_SPARES; i++)
    g_clear_object (&self->cancellables[i]);
  g_free (self);
}

CfFutureExtra *
_cf_future_peek_extra (CfFuture *self)
{
  guintptr word = __atomic_load_n (&_cf_future_fields (self)->extra, __ATOMIC_ACQUIRE);

  return (word & LENT) != 0 ? NULL : (CfFutureExtra *) word;
}

CfFutureExtra *
_cf_future_ensure_extra (CfFuture *self)
{
  CfFutureFields *fields = _cf_future_fields (self);
  guintptr        word = __atomic_load_n (&fields->extra, __ATOMIC_ACQUIRE);
  CfFutureExtra  *extra;

  if (word != 0 && (word & LENT) == 0)
    return (CfFutureExtra *) word;

  extra = g_slice_new0 (CfFutureExtra);
  do
    {
      extra->cancellable = word;
      if (__atomic_compare_exchange_n (&fields->extra, &word, (guintptr) extra, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return extra;
    }
  while (word == 0 || (word & LENT) != 0);

  g_slice_free (CfFutureExtra, extra);

  return (CfFutureExtra *) word;
}

void
_cf_future_free_extra (CfFuture *self)
{
  CfFutureExtra *extra = _cf_future_peek_extra (self);

  _cf_future_fields (self)->extra = 0;
  if (extra == NULL)
    return;

  g_clear_error (&extra->error);
  if (extra->cancellable != 0)
    g_object_unref ((gpointer) (extra->cancellable & ~LENT));
  g_free (extra->name);
  g_free (extra->function);
  g_slice_free (CfFutureExtra, extra);
}

/* One of the thread's own, or a fresh one when all are lent already; either give it back, or forget it. */
GCancellable *
_cf_cancellable_borrow (void)
{
  GCancellable **place;

  if (G_UNLIKELY (spares == NULL))
    {
      spares = g_new0 (Spares, 1);
      g_private_set (&spares_guard, spares);
    }
  if (spares->n_lent == N_SPARES)
    return g_cancellable_new ();

  place = &spares->cancellables[spares->n_lent++];
  if (*place == NULL)
    *place = g_cancellable_new ();

  return *place;
}

/* What was lent last comes back first. */
static GCancellable **
find_last_lent (GCancellable *cancellable)
{
  GCancellable **place = spares->n_lent > 0 ? &spares->cancellables[spares->n_lent - 1] : NULL;

  return place != NULL && *place == cancellable ? place : NULL;
}

/* It belongs to somebody else now. */
static void
forget (GCancellable *cancellable)
{
  GCancellable **place = find_last_lent (cancellable);

  if (place == NULL)
    return;
  *place = NULL;
  spares->n_lent--;
}

/* Nobody else holds it, and nobody cancelled it. */
gboolean
_cf_cancellable_is_as_new (GCancellable *cancellable)
{
  return g_atomic_int_get (&G_OBJECT (cancellable)->ref_count) == 1 && !g_cancellable_is_cancelled (cancellable);
}

static void
give_back_as_new (GCancellable *cancellable)
{
  if (find_last_lent (cancellable) != NULL)
    spares->n_lent--;
  else
    g_object_unref (cancellable);
}

/* Keeps it for the next one, if it is as new. */
void
_cf_cancellable_give_back (GCancellable *cancellable)
{
  if (!_cf_cancellable_is_as_new (cancellable))
    forget (cancellable);
  give_back_as_new (cancellable);
}

static gboolean
swap (guintptr *place,
      guintptr  from,
      guintptr  to)
{
  return __atomic_compare_exchange_n (place, &from, to, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* For the thread that runs the function: the one that was asked for before, or one that is lent to @self. */
GCancellable *
_cf_future_lend_cancellable (CfFuture *self)
{
  CfFutureFields *fields = _cf_future_fields (self);
  GCancellable   *mine = _cf_cancellable_borrow ();
  CfFutureExtra  *extra;

  if (swap (&fields->extra, 0, (guintptr) mine | LENT))
    return mine;

  extra = _cf_future_peek_extra (self);
  if (swap (&extra->cancellable, 0, (guintptr) mine | LENT))
    return mine;

  _cf_cancellable_give_back (mine);

  return (GCancellable *) extra->cancellable;
}

/* The function is over.  What others hold, or have asked for, stays with the future. */
void
_cf_future_take_cancellable_back (CfFuture     *self,
                                  GCancellable *cancellable)
{
  CfFutureFields *fields = _cf_future_fields (self);
  guintptr        lent = (guintptr) cancellable | LENT;
  gboolean        is_as_new = _cf_cancellable_is_as_new (cancellable);
  CfFutureExtra  *extra;

  if (is_as_new && swap (&fields->extra, lent, 0))
    {
      give_back_as_new (cancellable);
      return;
    }

  extra = _cf_future_ensure_extra (self);
  if (is_as_new && swap (&extra->cancellable, lent, 0))
    {
      give_back_as_new (cancellable);
      return;
    }

  /* Without the bit it was the future's before it ran, and is none of this thread's business. */
  swap (&extra->cancellable, lent, (guintptr) cancellable);
  forget (cancellable);
}

/**
 * cf_future_get_cancellable:
 * @self: a future
 *
 * Gets the cancellable that the function of the future gets.
 *
 * Cancelling it tells a running function that its outcome is not wanted any
 * more; what that means is for the function to say.  The future is not
 * cancelled by it.
 *
 * Returns: (transfer none): the cancellable
 *
 * Since: 1.0
 */
GCancellable *
cf_future_get_cancellable (CfFuture *self)
{
  CfFutureExtra *extra;
  guintptr       word;

  g_return_val_if_fail (_cf_is_future (self), NULL);

  extra = _cf_future_ensure_extra (self);
  word = __atomic_load_n (&extra->cancellable, __ATOMIC_ACQUIRE);
  while (word == 0 || (word & LENT) != 0)
    {
      g_autoptr (GCancellable) fresh = word == 0 ? g_cancellable_new () : NULL;
      guintptr mine = word != 0 ? word & ~LENT : (guintptr) fresh;

      if (__atomic_compare_exchange_n (&extra->cancellable, &word, mine, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        {
          g_steal_pointer (&fresh);
          return (GCancellable *) mine;
        }
    }

  return (GCancellable *) word;
}

/* Names */

/* The function that a future runs, or ran; NULL if there is none, or it cannot be told just now. */
gpointer
_cf_future_peek_function (CfFuture *self)
{
  CfFutureFields *fields = _cf_future_fields (self);
  gpointer        mark = _cf_waiters_get_mark (&fields->waiters);
  guint           state = _cf_future_load (self);
  gpointer        func;

  if (mark != NULL || ((state & CF_PHASE_MASK) != CF_PHASE_PENDING && (state & CF_PHASE_MASK) != CF_PHASE_RUNNING))
    return mark;

  /* It is the function only if nobody began to put a result there meanwhile. */
  func = __atomic_load_n (&fields->call.func, __ATOMIC_ACQUIRE);

  return _cf_future_load (self) == state ? func : NULL;
}

/* The name that was given; else that of the function, where it has one. */
char *
_cf_future_dup_name (CfFuture *self)
{
  CfFutureExtra *extra = _cf_future_peek_extra (self);
  char          *name = NULL;
  gpointer       function;

  if (extra != NULL)
    {
      g_mutex_lock (&names_lock);
      name = g_strdup (extra->name != NULL ? extra->name : extra->function);
      g_mutex_unlock (&names_lock);
    }
  if (name != NULL)
    return name;

  function = _cf_future_peek_function (self);

  return function != NULL ? _cf_function_dup_symbol (function) : NULL;
}

void
_cf_future_set_name (CfFuture   *self,
                     const char *name)
{
  CfFutureExtra *extra = _cf_future_ensure_extra (self);
  char          *old, *copy = g_strdup (name);

  g_mutex_lock (&names_lock);
  old = extra->name;
  extra->name = copy;
  g_mutex_unlock (&names_lock);

  g_free (old);
}
