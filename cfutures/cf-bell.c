/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-bell-private.h"

/* A lock of a language makes a round trip between two threads take longer than one of C does, and a sleep takes longer
 * than that. */
#define SPIN_MAX_US 50
#define N_FAILED_MAX 6
/* For the way from a ring to the next wait. */
#define LINGER_US 6

static guint n_waits; /* (atomic): how many have begun; it may wrap */

static gboolean
is_rung_cb (gpointer parker)
{
  return _cf_parker_get (parker) != 0;
}

static gboolean
has_changed_cb (gpointer number)
{
  return __atomic_load_n (&n_waits, __ATOMIC_RELAXED) != *(guint *) number;
}

/* Spins until it is rung, for as long as that has paid off lately. */
static gboolean
spin (CfBell *self,
      gint64  timeout_us)
{
  guint number = __atomic_add_fetch (&n_waits, 1, __ATOMIC_RELAXED);
  guint budget_us = SPIN_MAX_US >> self->n_failed;

  if (timeout_us >= 0 && timeout_us < budget_us)
    budget_us = (guint) timeout_us;
  if (!_cf_spin_for (is_rung_cb, &self->parker, budget_us))
    {
      self->n_failed = MIN (self->n_failed + 1, N_FAILED_MAX);
      return FALSE;
    }

  self->n_failed = 0;
  /* The thread that rang mostly holds the lock of the language until it waits itself.  Asking for it earlier means to sleep,
   * which takes far longer. */
  _cf_spin_for (has_changed_cb, &number, LINGER_US);

  return TRUE;
}

static gboolean
park (CfBell *self,
      gint64  timeout_us)
{
  gint64   start = g_get_monotonic_time ();
  gboolean is_rung = _cf_parker_park (&self->parker, _cf_deadline_from_timeout (timeout_us)) != 0;

  if (g_get_monotonic_time () - start < SPIN_MAX_US)
    self->n_failed = 0;

  return is_rung;
}

void
cf_bell_ring (CfBell *self)
{
  _cf_parker_set (&self->parker, CF_PARKER_DONE);
}

/* FALSE: the time ran out. */
gboolean
cf_bell_wait (CfBell *self,
              gint64  timeout_us)
{
  if (!spin (self, timeout_us) && !park (self, timeout_us))
    return FALSE;
  _cf_parker_clear (&self->parker, CF_PARKER_DONE);

  return TRUE;
}

/* Both in one call, so that the lock of the language is free when the other thread wakes up. */
gboolean
cf_bell_ring_and_wait (CfBell *other,
                       CfBell *self)
{
  cf_bell_ring (other);

  return cf_bell_wait (self, -1);
}
