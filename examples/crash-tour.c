/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A pool in which one call crashes, one hangs and one ends its process, while 1000 others are computed. */

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <cfutures/cfutures.h>

#define N_CALLS 1000

static GVariant *
square (GVariant                 *args,
        GCancellable *cancellable G_GNUC_UNUSED,
        GError **error            G_GNUC_UNUSED)
{
  gint64 n = g_variant_get_int64 (args);

  return g_variant_new_int64 (n * n);
}

static GVariant *
crash (GVariant *args            G_GNUC_UNUSED,
       GCancellable *cancellable G_GNUC_UNUSED,
       GError **error            G_GNUC_UNUSED)
{
  raise (SIGSEGV);

  return NULL;
}

static GVariant *
hang (GVariant *args            G_GNUC_UNUSED,
      GCancellable *cancellable G_GNUC_UNUSED,
      GError **error            G_GNUC_UNUSED)
{
  for (;;)
    pause ();

  return NULL;
}

static GVariant *
leave (GVariant *args            G_GNUC_UNUSED,
       GCancellable *cancellable G_GNUC_UNUSED,
       GError **error            G_GNUC_UNUSED)
{
  exit (0);
}

static CfFuture *
submit (CfExecutor *executor,
        const char *name,
        CfFunc      func,
        GVariant   *args)
{
  CfFuture *future = cf_future_new_for_func (func, args);
  g_autoptr (GError) error = NULL;

  if (name != NULL)
    g_object_set (future, "name", name, NULL);
  if (!cf_executor_schedule (executor, future, &error))
    g_error ("%s", error->message);

  return future;
}

static void
print_failure (const char *name,
               CfFuture   *future)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) result = cf_future_dup_variant (future, -1, &error);

  g_print ("%s: %s\n", name, result == NULL ? error->message : "no failure?");
}

static guint
count_right (CfFuture **futures)
{
  guint n = 0;

  for (gint64 i = 0; i < N_CALLS; i++)
    {
      g_autoptr (GVariant) result = cf_future_dup_variant (futures[i], -1, NULL);

      n += result != NULL && g_variant_get_int64 (result) == i * i;
      cf_future_unref (futures[i]);
    }

  return n;
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (CfExecutor) executor = NULL;
  g_autoptr (CfFuture) crashing = NULL;
  g_autoptr (CfFuture) hanging = NULL;
  g_autoptr (CfFuture) leaving = NULL;
  CfFuture *futures[N_CALLS];
  guint64   n_deaths;

  cf_process_pool_init (argc, argv);

  executor = CF_EXECUTOR (cf_process_pool_executor_new (2));
  g_object_set (executor, "task-timeout", (gint64) G_USEC_PER_SEC / 2, NULL);

  for (gint64 i = 0; i < N_CALLS; i++)
    {
      if (i == 100)
        crashing = submit (executor, "the crash", crash, NULL);
      if (i == 200)
        hanging = submit (executor, "the hang", hang, NULL);
      if (i == 300)
        leaving = submit (executor, "the exit", leave, NULL);
      futures[i] = submit (executor, NULL, square, g_variant_new_int64 (i));
    }

  g_print ("%u of %u others finished\n", count_right (futures), N_CALLS);
  print_failure ("crash", crashing);
  print_failure ("hang", hanging);
  print_failure ("exit", leaving);

  {
    g_autoptr (CfFuture) last = submit (executor, NULL, square, g_variant_new_int64 (12));
    g_autoptr (GVariant) result = cf_future_dup_variant (last, -1, NULL);

    g_object_get (executor, "n-deaths", &n_deaths, NULL);
    g_print ("%" G_GUINT64_FORMAT " workers died, and the pool is alive: 12 * 12 = %" G_GINT64_FORMAT "\n",
             n_deaths, g_variant_get_int64 (result));
  }
  cf_executor_shutdown (executor, TRUE, FALSE);

  return 0;
}
