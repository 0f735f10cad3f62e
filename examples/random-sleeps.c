/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Five tasks that sleep for a random time; their results come in the order in which they are done. */

#include <cfutures/cfutures.h>

#define N_TASKS 5

static GVariant *
return_after_random_time (GVariant                 *args,
                          GCancellable *cancellable G_GNUC_UNUSED,
                          GError **error            G_GNUC_UNUSED)
{
  g_usleep (g_random_int_range (1, 6) * G_USEC_PER_SEC / 5);

  return g_variant_new_printf ("Return of %u", g_variant_get_uint32 (args));
}

static void
print_result (CfFuture *future)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) result = cf_future_dup_variant (future, -1, &error);

  g_print ("%s\n", result != NULL ? g_variant_get_string (result, NULL) : error->message);
}

static void
print_as_completed (CfFuture **futures)
{
  g_autoptr (CfFutureIter) completed = cf_as_completed (futures, N_TASKS, -1);
  g_autoptr (GError) error = NULL;
  CfFuture *future;

  while ((future = cf_future_iter_next (completed, &error)) != NULL)
    {
      print_result (future);
      cf_future_unref (future);
    }
  if (error != NULL)
    g_error ("%s", error->message);
}

int
main (void)
{
  g_autoptr (CfExecutor) pool = CF_EXECUTOR (cf_thread_pool_executor_new (5));
  g_autoptr (GError) error = NULL;
  CfFuture *futures[N_TASKS];

  for (guint i = 0; i < N_TASKS; i++)
    {
      futures[i] = cf_executor_submit (pool, return_after_random_time, g_variant_new_uint32 (i), &error);
      if (futures[i] == NULL)
        g_error ("%s", error->message);
    }

  print_as_completed (futures);

  for (guint i = 0; i < N_TASKS; i++)
    cf_future_unref (futures[i]);
  cf_executor_shutdown (pool, TRUE, FALSE);

  return 0;
}
