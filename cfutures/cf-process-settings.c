/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-process-settings-private.h"

#include "cf-enum-types.h"
#include "cf-process-pool-executor.h"

/* What a process pool can be told at any time: each setting is a property of the executor, in this order. */

typedef enum
{
  COUNT,        /* a guint */
  TIME,         /* a gint64, microseconds or -1 */
  DEATH_POLICY, /* a gboolean: to break */
} Kind;

typedef struct
{
  const char *name;
  Kind        kind;
  gsize       offset;
  gint64      initial;
} Setting;

static const Setting settings[] = {
  /**
   * CfProcessPoolExecutor:max-tasks-per-child:
   *
   * After how many calls a worker is replaced, or 0, the default, for never.
   *
   * Since: 1.0
   */
  { "max-tasks-per-child", COUNT, G_STRUCT_OFFSET (CfProcessSettings, max_tasks_per_child), 0 },

  /**
   * CfProcessPoolExecutor:max-retries:
   *
   * How often a call whose worker died is started again before it fails; 0 by
   * default.
   *
   * Since: 1.0
   */
  { "max-retries", COUNT, G_STRUCT_OFFSET (CfProcessSettings, max_retries), 0 },

  /**
   * CfProcessPoolExecutor:task-timeout:
   *
   * How many microseconds a call may take from its start, or -1, the default,
   * for no limit.
   *
   * The worker of a call that takes longer is ended and replaced; its future
   * fails with %G_IO_ERROR_TIMED_OUT. A limit that is set while a call runs holds
   * for that call, too.
   *
   * Since: 1.0
   */
  { "task-timeout", TIME, G_STRUCT_OFFSET (CfProcessSettings, task_timeout), -1 },

  /**
   * CfProcessPoolExecutor:start-timeout:
   *
   * How many microseconds a worker may take until it is ready, or -1 for no limit.
   *
   * That includes its initializer. The default is 30 seconds.
   *
   * Since: 1.0
   */
  { "start-timeout", TIME, G_STRUCT_OFFSET (CfProcessSettings, start_timeout), 30 * G_USEC_PER_SEC },

  /**
   * CfProcessPoolExecutor:idle-timeout:
   *
   * After how many microseconds without a call a worker ends, or -1, the
   * default, for never.
   *
   * Since: 1.0
   */
  { "idle-timeout", TIME, G_STRUCT_OFFSET (CfProcessSettings, idle_timeout), -1 },

  /**
   * CfProcessPoolExecutor:worker-death-policy:
   *
   * What the death of a worker means for the pool; %CF_WORKER_DEATH_REPLACE by
   * default.
   *
   * Since: 1.0
   */
  { "worker-death-policy", DEATH_POLICY, G_STRUCT_OFFSET (CfProcessSettings, break_on_death), CF_WORKER_DEATH_REPLACE },
};

G_STATIC_ASSERT (G_N_ELEMENTS (settings) == CF_PROCESS_N_SETTINGS);

GParamSpec *
_cf_process_settings_new_spec (guint index)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  const Setting    *setting = &settings[index];

  if (setting->kind == COUNT)
    return g_param_spec_uint (setting->name, NULL, NULL, 0, G_MAXUINT, (guint) setting->initial, flags);
  if (setting->kind == TIME)
    return g_param_spec_int64 (setting->name, NULL, NULL, -1, G_MAXINT64 / 2, setting->initial, flags);

  return g_param_spec_enum (setting->name, NULL, NULL, CF_TYPE_WORKER_DEATH_POLICY, (int) setting->initial, flags);
}

void
_cf_process_settings_set (CfProcessSettings *self,
                          guint              index,
                          const GValue      *value)
{
  gpointer field = G_STRUCT_MEMBER_P (self, settings[index].offset);

  if (settings[index].kind == COUNT)
    *(guint *) field = g_value_get_uint (value);
  else if (settings[index].kind == TIME)
    *(gint64 *) field = g_value_get_int64 (value);
  else
    *(gboolean *) field = g_value_get_enum (value) == CF_WORKER_DEATH_BREAK;
}

void
_cf_process_settings_get (const CfProcessSettings *self,
                          guint                    index,
                          GValue                  *value)
{
  gconstpointer field = G_STRUCT_MEMBER_P (self, settings[index].offset);

  if (settings[index].kind == COUNT)
    g_value_set_uint (value, *(const guint *) field);
  else if (settings[index].kind == TIME)
    g_value_set_int64 (value, *(const gint64 *) field);
  else
    g_value_set_enum (value, *(const gboolean *) field ? CF_WORKER_DEATH_BREAK : CF_WORKER_DEATH_REPLACE);
}

/* Everything but the times is 0 or FALSE by default. */
void
_cf_process_settings_init (CfProcessSettings *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    if (settings[i].kind == TIME)
      *(gint64 *) G_STRUCT_MEMBER_P (self, settings[i].offset) = settings[i].initial;
}
