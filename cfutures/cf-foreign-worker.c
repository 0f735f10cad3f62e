/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-foreign-worker-private.h"

static GVariant *
handle (const char   *function,
        GVariant     *args,
        GCancellable *cancellable,
        gpointer      handler,
        GError      **error)
{
  GVariant *result = NULL;

  ((CfForeignHandler) handler) (function, args, cancellable, error, &result);

  return result;
}

void
cf_foreign_set_handler (CfWorker        *worker,
                        CfForeignHandler handler)
{
  cf_worker_set_handler (worker, handle, (gpointer) handler, NULL);
}
