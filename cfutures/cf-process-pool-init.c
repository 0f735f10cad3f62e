/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-process-pool-executor.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "cf-function-private.h"
#include "cf-process-pool-init-private.h"
#include "cf-worker-environment-private.h"
#include "cf-worker.h"

/* The file that this program was started from, once it has called cf_process_pool_init(). */
typedef struct
{
  char       *path;
  struct stat state;
  gboolean    is_known; /* its state, then */
} Program;

static Program *program; /* (atomic): const once it is there */

gboolean
_cf_process_pool_has_init (void)
{
  return g_atomic_pointer_get (&program) != NULL;
}

/* The worker program, when nobody named one. */
char **
_cf_process_pool_dup_worker_argv (void)
{
  Program    *own = g_atomic_pointer_get (&program);
  const char *worker = own != NULL ? own->path : NULL;
  const char *argv[] = { NULL, NULL };

  if (worker == NULL)
    worker = g_getenv ("CFUTURES_WORKER");
  if (worker == NULL || *worker == '\0')
    worker = CF_WORKER_PATH;
  argv[0] = worker;

  return g_strdupv ((char **) argv);
}

/* Not compared with the file under the name in /proc: a tool that runs the program may have another one there. */
static gboolean
is_replaced (const Program *own)
{
  struct stat now;

  return own->is_known &&
         (stat (own->path, &now) != 0 || now.st_dev != own->state.st_dev || now.st_ino != own->state.st_ino);
}

/* The file of the program may have been replaced since, as in an upgrade, or be gone. */
const char *const *
_cf_process_pool_renew_worker_argv (const char *const *argv)
{
  static const char *const by_process[] = { CF_FUNCTION_PROGRAM, NULL };
  const Program           *own = g_atomic_pointer_get (&program);
  gboolean                 is_own = own != NULL && argv[0] != NULL && argv[1] == NULL && g_str_equal (argv[0], own->path);

  return is_own && is_replaced (own) ? by_process : argv;
}

static Program *
program_new (void)
{
  Program *self = g_new0 (Program, 1);

  self->path = _cf_function_dup_program_path ();
  self->is_known = stat (self->path, &self->state) == 0;

  return self;
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
    g_atomic_pointer_set (&program, program_new ());
  if (_cf_worker_environment_is_set ())
    serve ();
}
