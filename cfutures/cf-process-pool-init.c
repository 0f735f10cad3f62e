/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-process-pool-executor.h"

#include <stdlib.h>

#include "cf-function-private.h"
#include "cf-process-pool-init-private.h"
#include "cf-worker-environment-private.h"
#include "cf-worker.h"

/* Where this program was started from, once it has called cf_process_pool_init(). */
static char *program; /* (atomic) */

gboolean
_cf_process_pool_has_init (void)
{
  return g_atomic_pointer_get (&program) != NULL;
}

/* The worker program, when nobody named one. */
char **
_cf_process_pool_dup_worker_argv (void)
{
  const char *worker = g_atomic_pointer_get (&program);
  const char *argv[] = { NULL, NULL };

  if (worker == NULL)
    worker = g_getenv ("CFUTURES_WORKER");
  if (worker == NULL || *worker == '\0')
    worker = CF_WORKER_PATH;
  argv[0] = worker;

  return g_strdupv ((char **) argv);
}

/* The file of the program may have been replaced since, as in an upgrade, or be gone. */
const char *const *
_cf_process_pool_renew_worker_argv (const char *const *argv)
{
  static const char *const own[] = { CF_FUNCTION_PROGRAM, NULL };
  const char              *worker = g_atomic_pointer_get (&program);
  gboolean                 is_own = worker != NULL && argv[0] != NULL && argv[1] == NULL && g_str_equal (argv[0], worker);

  return is_own && !_cf_function_is_program (worker) ? own : argv;
}

G_NORETURN static void
serve (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CfWorker) worker = cf_worker_new (&error);
  gboolean success = worker != NULL && cf_worker_run (worker, &error);

  if (!success)
    g_printerr ("%s\n", error->message);
  g_clear_object (&worker);
  exit (success ? EXIT_SUCCESS : EXIT_FAILURE);
}

/**
 * cf_process_pool_init: (skip)
 * @argc: the argument of `main()`
 * @argv: (array length=argc): the argument of `main()`
 *
 * Lets workers run functions of the program itself.
 *
 * Call this at the very top of `main()`: the workers of the program's pools are
 * the program itself, started again, and in a worker this function does not
 * return. Without it, a future whose function is in the program itself fails
 * with %CF_EXECUTOR_ERROR_NOT_SERIALIZABLE.
 *
 * Since: 1.0
 */
void
cf_process_pool_init (int argc    G_GNUC_UNUSED,
                      char **argv G_GNUC_UNUSED)
{
  if (g_atomic_pointer_get (&program) == NULL)
    g_atomic_pointer_set (&program, _cf_function_dup_program_path ());
  if (_cf_worker_environment_is_set ())
    serve ();
}
