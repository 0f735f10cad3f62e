/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "cf-async-queue-private.h"
#include "cf-future-private.h"
#include "cf-map-feed-private.h"
#include "cf-result-iter.h"

G_BEGIN_DECLS

struct _CfResultIter
{
  GObject parent_instance;

  CfMap *map;      /* (const) (owned) */
  gint64 deadline; /* (const): monotonic, or -1 */

  GMutex       lock;
  CfMapFeed    feed;       /* (mutex lock) */
  CfAsyncQueue tasks;      /* (mutex lock) */
  GQueue       given_back; /* (mutex lock) (element-type CfTold): for whoever asks next */
};

typedef enum
{
  CF_RESULT_STEP_WAIT,
  CF_RESULT_STEP_YIELD,
  CF_RESULT_STEP_END,
} CfResultStep;

CfResultIter *_cf_result_iter_new (CfMap        *map,
                                   GObject      *executor,
                                   CfMapSchedule schedule,
                                   gint64        timeout_us,
                                   guint         chunksize,
                                   guint         buffersize,
                                   GError      **error);
CfResultIter *_cf_result_iter_new_sharing (CfMap        *map,
                                           GObject      *executor,
                                           CfMapSchedule schedule,
                                           gint64        timeout_us,
                                           guint         n_workers,
                                           GError      **error);

/* Between the iterator's own files. */
CfResultStep _cf_result_iter_look_locked (CfResultIter *self);
CfResultStep _cf_result_iter_take_locked (CfResultIter *self,
                                          gsize        *index,
                                          GError      **error);
GVariant    *_cf_result_iter_yield_item (CfResultIter *self,
                                         gsize         index,
                                         gboolean      may_submit,
                                         GError      **error);
void         _cf_result_iter_time_out (CfResultIter *self,
                                       GError      **error);

typedef struct _CfTold CfTold;

void      _cf_result_iter_init_tasks (CfResultIter *self);
void      _cf_result_iter_serve_tasks (gpointer self);
GVariant *_cf_told_open (CfTold  *told,
                         GError **error);
void      _cf_told_free (gpointer told);

G_END_DECLS
