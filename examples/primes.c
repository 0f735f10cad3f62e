/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Which of these numbers are prime?  Each is looked at in a thread. */

#include <math.h>

#include <cfutures/cfutures.h>

static const guint64 primes[] = {
  G_GUINT64_CONSTANT (112272535095293),
  G_GUINT64_CONSTANT (112582705942171),
  G_GUINT64_CONSTANT (112272535095293),
  G_GUINT64_CONSTANT (115280095190773),
  G_GUINT64_CONSTANT (115797848077099),
  G_GUINT64_CONSTANT (1099726899285419),
};

static GVariant *
is_prime (GVariant                 *args,
          GCancellable *cancellable G_GNUC_UNUSED,
          GError **error            G_GNUC_UNUSED)
{
  guint64 n = g_variant_get_uint64 (args);
  guint64 root = (guint64) floor (sqrt ((double) n));

  if (n % 2 == 0)
    return g_variant_new_boolean (n == 2);

  for (guint64 i = 3; i <= root; i += 2)
    if (n % i == 0)
      return g_variant_new_boolean (FALSE);

  return g_variant_new_boolean (n > 1);
}

static gboolean
print_primes (CfExecutor *executor,
              GError    **error)
{
  GVariant *items = g_variant_new_fixed_array (G_VARIANT_TYPE_UINT64, primes, G_N_ELEMENTS (primes), sizeof *primes);
  g_autoptr (CfResultIter) results = cf_executor_map (executor, is_prime, items, -1, 1, 0, error);

  if (results == NULL)
    return FALSE;

  for (gsize i = 0; i < G_N_ELEMENTS (primes); i++)
    {
      g_autoptr (GVariant) prime = cf_result_iter_next (results, error);

      if (prime == NULL)
        return FALSE;
      g_print ("%" G_GUINT64_FORMAT " is prime: %s\n", primes[i], g_variant_get_boolean (prime) ? "True" : "False");
    }

  return TRUE;
}

int
main (void)
{
  g_autoptr (CfExecutor) executor = NULL;
  g_autoptr (GError) error = NULL;
  gboolean success;

  executor = CF_EXECUTOR (cf_thread_pool_executor_new (0));
  success = print_primes (executor, &error);
  if (!success)
    g_printerr ("%s\n", error->message);
  cf_executor_shutdown (executor, TRUE, FALSE);

  return success ? 0 : 1;
}
