/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-waiter-private.h"

#include "cf-parker-private.h"

#define CLOSED CF_WAITERS_CLOSED
#define LOCKED CF_WAITERS_LOCKED
#define BITS (CLOSED | LOCKED)

static CfWaiter *
list_of (CfWaiters word)
{
  return (word & CLOSED) != 0 ? NULL : (CfWaiter *) (word & ~BITS);
}

/* Returns the word as it was; the caller gives it back with unlock(). */
static CfWaiters
lock (CfWaiters *self)
{
  CfWaiters word = __atomic_load_n (self, __ATOMIC_ACQUIRE);
  guint     n_rounds = 0;

  for (;;)
    {
      if ((word & LOCKED) != 0)
        {
          _cf_parker_relax (&n_rounds);
          word = __atomic_load_n (self, __ATOMIC_ACQUIRE);
        }
      else if (__atomic_compare_exchange_n (self, &word, word | LOCKED, TRUE, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE))
        {
          return word;
        }
    }
}

static void
unlock (CfWaiters *self,
        CfWaiters  word)
{
  __atomic_store_n (self, word, __ATOMIC_RELEASE);
}

/* Leaves it as it was, or as _cf_waiters_close_behind() left it meanwhile. */
static void
unlock_unchanged (CfWaiters *self,
                  CfWaiters  word)
{
  CfWaiters locked = word | LOCKED;

  __atomic_compare_exchange_n (self, &locked, word, FALSE, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

static CfWaiters
unlink_locked (CfWaiters word,
               CfWaiter *waiter)
{
  if (waiter->prev != NULL)
    waiter->prev->next = waiter->next;
  if (waiter->next != NULL)
    waiter->next->prev = waiter->prev;
  waiter->is_linked = FALSE;

  return waiter->prev != NULL ? word : (CfWaiters) waiter->next;
}

/* FALSE: it is too late, the waiter was not added. @is_too_late is asked while nobody else can take waiters out; it looks
 * in sequential order. */
gboolean
_cf_waiters_add (CfWaiters    *self,
                 CfWaiter     *waiter,
                 CfWaiterCheck is_too_late,
                 gpointer      data)
{
  CfWaiters word = lock (self);
  CfWaiter *list = list_of (word);

  if ((word & CLOSED) != 0 || is_too_late (data))
    {
      unlock_unchanged (self, word);
      return FALSE;
    }

  waiter->prev = NULL;
  waiter->next = list;
  waiter->is_linked = TRUE;
  if (list != NULL)
    list->prev = waiter;
  unlock (self, (CfWaiters) waiter);

  return TRUE;
}

/* FALSE: it was taken, and is being told or was. */
gboolean
_cf_waiters_remove (CfWaiters *self,
                    CfWaiter  *waiter)
{
  CfWaiters word = lock (self);
  gboolean  was_here = (word & CLOSED) == 0 && waiter->is_linked;

  if (was_here)
    unlock (self, unlink_locked (word, waiter));
  else
    unlock_unchanged (self, word);

  return was_here;
}

/* What it was closed with; NULL before. */
gpointer
_cf_waiters_get_mark (CfWaiters *self)
{
  CfWaiters word = __atomic_load_n (self, __ATOMIC_ACQUIRE);

  return (word & CLOSED) != 0 ? (gpointer) (word >> CF_WAITERS_MARK_SHIFT) : NULL;
}

/* Takes all; nobody is added any more. */
CfWaiter *
_cf_waiters_close (CfWaiters *self,
                   gpointer   mark)
{
  CfWaiters word = 0, closed = _cf_waiters_closed_with (mark);
  guint     n_rounds = 0;

  while (!__atomic_compare_exchange_n (self, &word, closed, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    if ((word & LOCKED) != 0)
      {
        word &= ~LOCKED;
        _cf_parker_relax (&n_rounds);
      }

  return list_of (word);
}

/* Takes all but those that see only a notified cancel. */
CfWaiter *
_cf_waiters_take_early (CfWaiters *self)
{
  CfWaiters word = lock (self);
  CfWaiter *taken = NULL, **end = &taken;

  for (CfWaiter *waiter = list_of (word), *next; waiter != NULL; waiter = next)
    {
      next = waiter->next;
      if (waiter->kind == CF_WAITER_LIST)
        continue;
      word = unlink_locked (word, waiter);
      waiter->next = NULL;
      *end = waiter;
      end = &waiter->next;
    }
  unlock (self, word);

  return taken;
}

static void
push (CfWaiter **list,
      CfWaiter  *waiter)
{
  waiter->next = *list;
  *list = waiter;
}

static void
tell_list (CfWaiter *list,
           CfFuture *future)
{
  while (list != NULL)
    {
      CfWaiter *waiter = list;

      list = waiter->next;
      waiter->tell (waiter, future);
    }
}

/* Tells all of a list that is newest first, in the order of adding: who waits first, then the callbacks. */
void
_cf_waiters_tell (CfWaiter *waiters,
                  CfFuture *future)
{
  CfWaiter *sleepers = NULL, *callbacks = NULL;

  while (waiters != NULL)
    {
      CfWaiter *waiter = waiters;

      waiters = waiter->next;
      push (waiter->kind == CF_WAITER_CALLBACK ? &callbacks : &sleepers, waiter);
    }

  tell_list (sleepers, future);
  tell_list (callbacks, future);
}
