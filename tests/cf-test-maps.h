/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What tests of map() share, over threads and processes. */

#pragma once

#include "cf-test.h"

G_BEGIN_DECLS

/* The items 0 to @n - 1, int64s. */
GVariant *numbers (gint64 n);
/* What the map gives next: an error; or that it is at its end, and stays there. */
void assert_next_error (CfResultIter *iter,
                        GQuark        domain,
                        int           code);
void assert_map_end (CfResultIter *iter);

/* A map whose items count as they run, and wait at the gate from item @closed on. */
typedef struct
{
  CfExecutor   *executor;
  CfResultIter *iter;
  Gate          gate;
  gint          n_ran; /* (atomic) */
} CountedMap;

void counted_map_start (CountedMap *self, guint n, guint closed, gint64 timeout, guint chunksize, guint buffersize);
/* The map gives that number next. */
void  counted_map_assert_next (CountedMap *self, guint number);
guint counted_map_get_n_ran (CountedMap *self);

G_END_DECLS
