/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <cfutures/cfutures.h>

/* The worker program for functions of shared libraries and modules. */
int
main (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CfWorker) worker = cf_worker_new (&error);

  if (worker != NULL && cf_worker_run (worker, &error))
    return 0;

  g_printerr ("%s\n", error->message);

  return 1;
}
