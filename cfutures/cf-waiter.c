/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-waiter-private.h"

#include "cf-parker-private.h"

/* The word is 0 (nobody waits), a list, or closed (the future is done, and notified).  Adding and removing hold a bit of
 * the word for a few instructions; closing is one exchange.  A closed word has room for a mark: a pointer to whatever,
 * shifted, as it need not be aligned. */

#define CLOSED ((CfWaiters) 1)
#define LOCKED ((CfWaiters) 2)
#define BITS (CLOSED | LOCKED)
#define MARK_SHIFT 2

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

gboolean
_cf_waiters_is_empty (CfWaiters *self)
{
  return list_of (__atomic_load_n (self, __ATOMIC_ACQUIRE)) == NULL;
}

/* What it was closed with; NULL before. */
gpointer
_cf_waiters_get_mark (CfWaiters *self)
{
  CfWaiters word = __atomic_load_n (self, __ATOMIC_ACQUIRE);

  return (word & CLOSED) != 0 ? (gpointer) (word >> MARK_SHIFT) : NULL;
}

static CfWaiters
closed_with (gpointer mark)
{
  return (CfWaiters) mark << MARK_SHIFT | CLOSED;
}

/* Takes all; nobody is added any more. */
CfWaiter *
_cf_waiters_close (CfWaiters *self,
                   gpointer   mark)
{
  CfWaiters word = 0, closed = closed_with (mark);
  guint     n_rounds = 0;

  while (!__atomic_compare_exchange_n (self, &word, closed, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    if ((word & LOCKED) != 0)
      {
        word &= ~LOCKED;
        _cf_parker_relax (&n_rounds);
      }

  return list_of (word);
}

/* The same when it is too late already, by an atomic step of the caller in sequential order: who comes after this look is
 * told so, and leaves the word alone. */
CfWaiter *
_cf_waiters_close_behind (CfWaiters *self,
                          gpointer   mark)
{
  if (__atomic_load_n (self, __ATOMIC_SEQ_CST) != 0)
    return _cf_waiters_close (self, mark);
  __atomic_store_n (self, closed_with (mark), __ATOMIC_RELEASE);

  return NULL;
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
