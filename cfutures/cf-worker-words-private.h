/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a child says on its standard error: it is passed on, and the last of it is kept for who asks why it ended. */
typedef struct
{
  int      fd;      /* or -1 */
  GSource *source;  /* (owned) (nullable) */
  GString *text;    /* (owned) */
  gboolean unheard; /* nobody reads our standard error: what it says there is kept, but not passed on */
} CfWorkerWords;

void  _cf_worker_words_init (CfWorkerWords *self,
                             int            fd);
void  _cf_worker_words_end (CfWorkerWords *self);
void  _cf_worker_words_clear (CfWorkerWords *self);
char *_cf_worker_words_dup (CfWorkerWords *self);

G_END_DECLS
