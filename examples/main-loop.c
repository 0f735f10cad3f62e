/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Work in threads for a program with a main loop, which nothing here blocks. */

#include <cfutures/cfutures.h>

#define N_TASKS 3

typedef struct
{
  GMainLoop  *loop;
  CfExecutor *pool;
  guint       n_left;
} Program;

static GVariant *
square (GVariant                 *args,
        GCancellable *cancellable G_GNUC_UNUSED,
        GError **error            G_GNUC_UNUSED)
{
  int n = g_variant_get_int32 (args);

  g_usleep (G_USEC_PER_SEC / 10);

  return g_variant_new_printf ("%d * %d = %d", n, n, n * n);
}

static void
on_shutdown (GObject      *pool,
             GAsyncResult *result,
             gpointer      user_data)
{
  Program *program = user_data;

  cf_executor_shutdown_finish (CF_EXECUTOR (pool), result, NULL);
  g_print ("the pool is shut down\n");
  g_main_loop_quit (program->loop);
}

/* Runs in the main loop; the future is done, so nothing waits here. */
static void
on_done (CfFuture *future,
         Program  *program)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) result = cf_future_dup_variant (future, 0, &error);

  g_print ("%s\n", result != NULL ? g_variant_get_string (result, NULL) : error->message);
  if (--program->n_left == 0)
    cf_executor_shutdown_async (program->pool, FALSE, NULL, on_shutdown, program);
}

static void
start (Program *program,
       int      n)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CfFuture) future = cf_executor_submit (program->pool, square, g_variant_new_int32 (n), &error);

  if (future == NULL)
    g_error ("%s", error->message);
  /* The handler keeps the future until it was called. */
  g_signal_connect (future, "done", G_CALLBACK (on_done), program);
}

int
main (void)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (CfExecutor) pool = CF_EXECUTOR (cf_thread_pool_executor_new (1));
  Program program = { loop, pool, N_TASKS };

  for (int n = 1; n <= N_TASKS; n++)
    start (&program, n);
  g_print ("the main loop runs\n");
  g_main_loop_run (loop);

  return 0;
}
