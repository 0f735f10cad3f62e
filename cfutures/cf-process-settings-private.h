/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/* What a process pool goes by. */
typedef struct
{
  guint    max_workers; /* not a setting: it never changes */
  guint    max_tasks_per_child;
  guint    max_retries;
  gint64   task_timeout;
  gint64   start_timeout;
  gint64   idle_timeout;
  gboolean break_on_death;
} CfProcessSettings;

#define CF_PROCESS_N_SETTINGS 6

void        _cf_process_settings_init (CfProcessSettings *self);
GParamSpec *_cf_process_settings_new_spec (guint index);
void        _cf_process_settings_set (CfProcessSettings *self,
                                      guint              index,
                                      const GValue      *value);
void        _cf_process_settings_get (const CfProcessSettings *self,
                                      guint                    index,
                                      GValue                  *value);

G_END_DECLS
