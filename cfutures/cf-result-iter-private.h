/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "cf-future-private.h"
#include "cf-map-feed-private.h"
#include "cf-result-iter.h"

G_BEGIN_DECLS

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

G_END_DECLS
