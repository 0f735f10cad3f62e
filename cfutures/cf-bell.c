/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-bell-private.h"

static gboolean
is_rung_cb (gpointer data)
{
  return _cf_parker_get (data) != 0;
}

void
cf_bell_ring (CfBell *self)
{
  _cf_parker_set (&self->parker, CF_PARKER_DONE);
}

/* FALSE: nobody rang within the time. */
gboolean
cf_bell_wait (CfBell *self,
              gint64  timeout_us)
{
  if (!_cf_spin (is_rung_cb, &self->parker) &&
      _cf_parker_park (&self->parker, _cf_deadline_from_timeout (timeout_us)) == 0)
    return FALSE;

  _cf_parker_clear (&self->parker, CF_PARKER_DONE);

  return TRUE;
}

/* In one call, so that the lock of the language is free when the other one wakes up. */
gboolean
cf_bell_ring_and_wait (CfBell *other,
                       CfBell *self)
{
  cf_bell_ring (other);

  return cf_bell_wait (self, -1);
}
