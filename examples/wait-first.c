/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Waits for the first of five tasks that sleep for a random time. */

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
print_futures (const char *name,
               GPtrArray  *futures)
{
  g_autoptr (GEnumClass) states = g_type_class_ref (CF_TYPE_FUTURE_STATE);

  g_print ("%s={", name);
  for (guint i = 0; i < futures->len; i++)
    {
      CfFutureState state = cf_future_get_state (futures->pdata[i]);

      g_print ("%s<Future at %p state=%s%s>", i > 0 ? ", " : "", futures->pdata[i],
               g_enum_get_value (states, state)->value_nick,
               state == CF_FUTURE_STATE_FINISHED ? " returned str" : "");
    }
  g_print ("}");
}

static void
wait_for_first (CfFuture **futures)
{
  g_autoptr (GPtrArray) done = NULL;
  g_autoptr (GPtrArray) not_done = NULL;
  g_autoptr (GError) error = NULL;

  if (!cf_wait (futures, N_TASKS, CF_FIRST_COMPLETED, -1, &done, &not_done, &error))
    g_error ("%s", error->message);

  g_print ("DoneAndNotDoneFutures(");
  print_futures ("done", done);
  g_print (", ");
  print_futures ("not_done", not_done);
  g_print (")\n");
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

  wait_for_first (futures);

  for (guint i = 0; i < N_TASKS; i++)
    cf_future_unref (futures[i]);
  cf_executor_shutdown (pool, TRUE, FALSE);

  return 0;
}
