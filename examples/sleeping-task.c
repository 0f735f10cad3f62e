/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A task that sleeps: is it done right after it was submitted, and some time later? */

#include <stdio.h>

#include <cfutures/cfutures.h>

static GVariant *
return_within_5_secs (GVariant                 *message,
                      GCancellable *cancellable G_GNUC_UNUSED,
                      GError **error            G_GNUC_UNUSED)
{
  g_usleep (9 * G_USEC_PER_SEC / 2);

  return g_variant_ref (message);
}

static const char *
done (CfFuture *future)
{
  return cf_future_is_done (future) ? "True" : "False";
}

int
main (void)
{
  g_autoptr (CfExecutor) pool = CF_EXECUTOR (cf_thread_pool_executor_new (3));
  g_autoptr (GError) error = NULL;
  g_autoptr (CfFuture) future = cf_executor_submit (pool, return_within_5_secs, g_variant_new_string ("hello"), &error);
  g_autoptr (GVariant) result = NULL;

  if (future == NULL)
    g_error ("%s", error->message);
  printf ("submit 직후:  %s\n", done (future));

  g_usleep (5 * G_USEC_PER_SEC);

  printf ("5초 지난 후:  %s\n", done (future));
  result = cf_future_dup_variant (future, -1, &error);
  if (result == NULL)
    g_error ("%s", error->message);
  printf ("결과:  %s\n", g_variant_get_string (result, NULL));
  cf_executor_shutdown (pool, TRUE, FALSE);

  return 0;
}
