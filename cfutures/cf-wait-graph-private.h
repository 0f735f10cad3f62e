/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-wait-record-private.h"

G_BEGIN_DECLS

CfFuture *_cf_wait_frame_ensure_future (CfWaitFrame *frame);
void      _cf_wait_graph_enter (CfWaitRecord *record);
gboolean  _cf_wait_graph_leave (CfWaitRecord *record,
                                GError      **error);
gboolean  _cf_wait_graph_leave_ending (CfWaitRecord *record);
void      _cf_wait_graph_scheduled (CfFuture *future);
void      _cf_wait_graph_forget (void);

G_END_DECLS
