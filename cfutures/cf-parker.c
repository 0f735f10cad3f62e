/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "cf-parker-private.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PARKED (1u << 31)

/* A wait that is over this soon is not worth a sleep, and a longer one is not worth a spin. */
#define SPIN_MAX_US 20
#define LOCK_ROUNDS 100
#define LOCK_LOOK_NS 500000
#define RELAX_PAUSES 64
#define RELAX_YIELDS 64
#define RELAX_SLEEP_US 50
/* Between two looks: each one takes the memory away from who is about to write there. */
#define PAUSES_PER_LOOK 4
#define LOOKS_PER_TIME 4
#define POLITE_LOOKS 32
/* Who waits for one thing after the other is right behind the thread that does them: he lets it get ahead by some. */
#define LEAD_PAUSES 50

static CF_THREAD_LOCAL guint spin_budget_us = SPIN_MAX_US;

CF_THREAD_LOCAL gboolean _cf_spin_follows;

static void
pause_cpu (void)
{
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause ();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

static void
pause_often (guint n)
{
  for (guint i = 0; i < n; i++)
    pause_cpu ();
}

/* For loops that wait for another thread to do its next step.  That one may have a lower priority: it has to have its turn,
 * too. */
void
_cf_parker_relax (guint *n_rounds)
{
  ++*n_rounds;
  if (*n_rounds < RELAX_PAUSES)
    pause_cpu ();
  else if (*n_rounds < RELAX_PAUSES + RELAX_YIELDS)
    g_thread_yield ();
  else
    g_usleep (RELAX_SLEEP_US);
}

static gboolean
try_lock (CfLock *self)
{
  guint free = 0;

  return __atomic_load_n (&self->word, __ATOMIC_RELAXED) == 0 &&
         __atomic_compare_exchange_n (&self->word, &free, 1, FALSE, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

void
_cf_lock_slow (CfLock *self)
{
  const struct timespec soon = { 0, LOCK_LOOK_NS };

  for (guint i = 0; i < LOCK_ROUNDS; i++)
    {
      pause_cpu ();
      if (try_lock (self))
        return;
    }

  do
    {
      __atomic_store_n (&self->has_sleepers, 1, __ATOMIC_SEQ_CST);
      syscall (SYS_futex, &self->word, FUTEX_WAIT_PRIVATE, 1, &soon, NULL, 0);
    }
  while (!try_lock (self));
  /* There may be others, whom nobody has to wake before this one goes. */
  __atomic_store_n (&self->has_sleepers, 1, __ATOMIC_RELAXED);
}

void
_cf_unlock_slow (CfLock *self)
{
  __atomic_store_n (&self->has_sleepers, 0, __ATOMIC_RELAXED);
  __atomic_store_n (&self->word, 0, __ATOMIC_RELEASE);
  /* It may be gone by now; a wake-up too many at that address does no harm. */
  syscall (SYS_futex, &self->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* In monotonic time; -1 is never. */
gint64
_cf_deadline_from_timeout (gint64 timeout_us)
{
  gint64 now;

  if (timeout_us < 0)
    return -1;

  now = g_get_monotonic_time ();

  return timeout_us > G_MAXINT64 - now ? -1 : now + timeout_us;
}

guint
_cf_parker_get (CfParker *self)
{
  return __atomic_load_n (&self->bits, __ATOMIC_ACQUIRE) & ~PARKED;
}

void
_cf_parker_set (CfParker *self,
                guint     bit)
{
  guint old = __atomic_fetch_or (&self->bits, bit, __ATOMIC_SEQ_CST);

  /* The parker may be gone by now; a wake-up too many at that address does no harm. */
  if ((old & PARKED) != 0)
    syscall (SYS_futex, &self->bits, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void
_cf_parker_clear (CfParker *self,
                  guint     bit)
{
  __atomic_fetch_and (&self->bits, ~bit, __ATOMIC_SEQ_CST);
}

/* Looks for a short while, without sleeping, whether @check holds. */
gboolean
_cf_spin_for (CfSpinCheck check,
              gpointer    data,
              guint       spin_us)
{
  gint64 end = 0;

  for (guint i = 0; !check (data); i++)
    {
      if (spin_us == 0)
        return FALSE;
      pause_often (PAUSES_PER_LOOK);
      if (i % LOOKS_PER_TIME != 0)
        continue;
      if (end == 0)
        end = g_get_monotonic_time () + spin_us;
      else if (g_get_monotonic_time () >= end)
        return check (data);
      else if (i >= POLITE_LOOKS)
        g_thread_yield (); /* what it waits for may be waiting for this processor */
    }

  return TRUE;
}

/* With one processor there is nobody to wait for. */
static gboolean
may_spin (void)
{
  static guint n_processors; /* (atomic) */
  guint        n = __atomic_load_n (&n_processors, __ATOMIC_RELAXED);

  if (n == 0)
    {
      n = g_get_num_processors ();
      __atomic_store_n (&n_processors, n, __ATOMIC_RELAXED);
    }

  return n > 1;
}

/* The same for as long as it paid lately in this thread. */
gboolean
_cf_spin (CfSpinCheck check,
          gpointer    data)
{
  gboolean holds = check (data);

  if (holds || spin_budget_us == 0 || !may_spin ())
    return holds;

  if (_cf_spin_follows)
    pause_often (LEAD_PAUSES);
  holds = _cf_spin_for (check, data, spin_budget_us);
  spin_budget_us = holds ? SPIN_MAX_US : spin_budget_us / 2;
  _cf_spin_follows = holds;

  return holds;
}

static gboolean
sleep_until (CfParker *self,
             gint64    deadline)
{
  struct timespec *timeout = NULL;
  struct timespec  at;

  if (deadline >= 0)
    {
      at.tv_sec = (time_t) (deadline / G_USEC_PER_SEC);
      at.tv_nsec = (long) (deadline % G_USEC_PER_SEC) * 1000;
      timeout = &at;
    }

  return syscall (SYS_futex, &self->bits, FUTEX_WAIT_BITSET_PRIVATE, PARKED, timeout, NULL, FUTEX_BITSET_MATCH_ANY) == 0 ||
         errno != ETIMEDOUT;
}

/* Sleeps until a bit is set, or until @deadline; returns the bits. */
guint
_cf_parker_park (CfParker *self,
                 gint64    deadline)
{
  gint64 start = g_get_monotonic_time ();
  guint  expected = 0, bits;

  while ((bits = _cf_parker_get (self)) == 0)
    {
      expected = 0;
      if (!__atomic_compare_exchange_n (&self->bits, &expected, PARKED, FALSE, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) &&
          expected != PARKED)
        continue;
      if (!sleep_until (self, deadline) && g_get_monotonic_time () >= deadline)
        break;
    }

  __atomic_fetch_and (&self->bits, ~PARKED, __ATOMIC_SEQ_CST);
  if (g_get_monotonic_time () - start < 2 * SPIN_MAX_US)
    spin_budget_us = SPIN_MAX_US;

  return _cf_parker_get (self);
}
