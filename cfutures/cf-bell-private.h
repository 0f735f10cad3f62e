/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-parker-private.h"

#include <cfutures/cf-version.h>

G_BEGIN_DECLS

/* What the threads of a language with a lock of its own sleep on, outside of that lock.  A bell that is rung while nobody
 * sleeps ends the next sleep.  For the modules that are installed with the library, not for programs. */
typedef struct
{
  CfParker parker;
  guint    n_failed; /* (waiter): how often in a row looking for the ring did not pay */
} CfBell;

CF_AVAILABLE_IN_ALL
void cf_bell_ring (CfBell *self);
CF_AVAILABLE_IN_ALL
gboolean cf_bell_wait (CfBell *self,
                       gint64  timeout_us);
CF_AVAILABLE_IN_ALL
gboolean cf_bell_ring_and_wait (CfBell *other,
                                CfBell *self);

G_END_DECLS
