/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-wait.h"

G_BEGIN_DECLS

/* What is waited for: futures that differ, in the order given. */
typedef struct
{
  CfFuture   **futures; /* the caller's, or those below */
  CfFuture   **own;     /* (owned) (nullable) */
  gsize        n;
  CfReturnWhen return_when;
  gboolean     holds; /* a reference to each */
} CfWanted;

void     _cf_wanted_init (CfWanted    *self,
                          CfFuture   **futures,
                          gsize        n_futures,
                          CfReturnWhen return_when);
void     _cf_wanted_hold (CfWanted *self);
void     _cf_wanted_clear (CfWanted *self);
gboolean _cf_wanted_is_enough (CfFuture    *future,
                               CfReturnWhen return_when);
gboolean _cf_wanted_is_met (const CfWanted *self);
gboolean _cf_wanted_finish (const CfWanted *self,
                            gboolean        met,
                            GError         *reason,
                            GPtrArray     **done,
                            GPtrArray     **not_done,
                            GError        **error);

G_END_DECLS
