/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-function-private.h"
#include "cf-future-private.h"
#include "cf-parker-private.h"

/* What most futures do without: a block that is made when it is needed, by whoever comes first. */

static GMutex names_lock;

CfFutureExtra *
_cf_future_ensure_extra (CfFuture *self)
{
  CfFutureExtra *extra = _cf_future_peek_extra (self);
  CfFutureExtra *made;

  if (extra != NULL)
    return extra;

  made = g_slice_new0 (CfFutureExtra);
  if (__atomic_compare_exchange_n (&_cf_future_fields (self)->extra, &extra, made, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    return made;
  g_slice_free (CfFutureExtra, made);

  return extra;
}

void
_cf_future_free_extra (CfFuture *self)
{
  CfFutureExtra *extra = g_steal_pointer (&_cf_future_fields (self)->extra);

  g_clear_error (&extra->error);
  if (G_VALUE_TYPE (&extra->by_hand) != 0)
    g_value_unset (&extra->by_hand);
  g_clear_object (&extra->cancellable);
  g_free (extra->name);
  g_free (extra->function);
  g_slice_free (CfFutureExtra, extra);
}

/* Names */

/* Nobody puts a result in the place of the call. */
static gboolean
has_call (guint state)
{
  switch ((CfPhase) (state & CF_PHASE_MASK))
    {
    case CF_PHASE_PENDING:
    case CF_PHASE_ASKING:
    case CF_PHASE_RUNNING:
    case CF_PHASE_RUNNING_ASKING:
      return TRUE;
    case CF_PHASE_CANCELLING:
    case CF_PHASE_PENDING_SETTLING:
    case CF_PHASE_SETTLING:
    case CF_PHASE_RUNNING_CANCELLING:
    case CF_PHASE_FINISHED:
    case CF_PHASE_CANCELLED:
    default:
      return FALSE;
    }
}

/* The function that a future runs, or ran; NULL if there is none, or it cannot be told just now. */
gpointer
_cf_future_peek_function (CfFuture *self)
{
  CfFutureFields *fields = _cf_future_fields (self);
  gpointer        mark = _cf_waiters_get_mark (&fields->waiters);
  guint           state = _cf_future_load (self);
  gpointer        func;

  if (mark != NULL)
    return mark;
  /* The thread that runs it, or ran it, has the words. */
  if ((state & CF_FLAG_BY_HAND) != 0)
    return __atomic_load_n (&fields->call.func, __ATOMIC_ACQUIRE);
  if (!has_call (state))
    return NULL;

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
