/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-wait-record-private.h"

G_BEGIN_DECLS

/* All of this is called under the lock of the wait graph, which guards the records. */

extern CfWaitRecord *_cf_wait_records;
extern gint          _cf_wait_n_records; /* (atomic) */

CfWaitRecord *_cf_wait_find_running_locked (CfFuture *future);
CfWaitRecord *_cf_wait_find_stuck_locked (CfFutureOwner *pool, CfWaitRecord *preferred);
gboolean      _cf_wait_may_fail_locked (CfFuture *target);
gboolean      _cf_wait_goes_on_locked (CfWaitRecord *record);
void          _cf_wait_judge_locked (void);
/* After that: */
CfFuture *_cf_wait_find_hopeless_locked (CfWaitRecord *record);

/* FALSE: that has to be judged. */
gboolean _cf_wait_is_sure_to_end_locked (CfWaitRecord *record);
gboolean _cf_wait_is_sure_to_complete_locked (CfFuture *future);

G_END_DECLS
