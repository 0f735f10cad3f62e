/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-worker.h"

G_BEGIN_DECLS

/* A #CfWorkerHandler of a language whose functions return whatever lies on the stack when an exception comes out of them:
 * it puts a value into @result, which is NULL until then.  For the modules that are installed with the library. */
typedef void (*CfForeignHandler) (const char   *function,
                                  GVariant     *args,
                                  GCancellable *cancellable,
                                  GError      **error,
                                  GVariant    **result);

CF_AVAILABLE_IN_ALL
void cf_foreign_set_handler (CfWorker        *worker,
                             CfForeignHandler handler);

G_END_DECLS
