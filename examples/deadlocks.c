/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Two programs that hang for ever elsewhere: here one is told why it cannot go on, and the other ends well. */

#include <locale.h>
#include <math.h>

#include <cfutures/cfutures.h>

static CfFuture *a;
static CfFuture *b;

static GVariant *
power (GVariant                 *args,
       GCancellable *cancellable G_GNUC_UNUSED,
       GError **error            G_GNUC_UNUSED)
{
  int base;
  int exponent;

  g_variant_get (args, "(ii)", &base, &exponent);

  return g_variant_new_int32 ((int) pow (base, exponent));
}

/* The pool has one worker, and that is busy with this very function. */
static gboolean
wait_on_future (GValue *result            G_GNUC_UNUSED,
                GCancellable *cancellable G_GNUC_UNUSED,
                gpointer                  pool,
                GError                  **error)
{
  g_autoptr (CfFuture) future = cf_executor_submit (pool, power, g_variant_new ("(ii)", 5, 2), error);
  g_autoptr (GVariant) power_of_5 = future != NULL ? cf_future_dup_variant (future, -1, error) : NULL;

  if (power_of_5 == NULL)
    return FALSE;
  g_print ("%d\n", g_variant_get_int32 (power_of_5));

  return TRUE;
}

static gboolean
wait_on_b (GValue                   *result,
           GCancellable *cancellable G_GNUC_UNUSED,
           gpointer user_data        G_GNUC_UNUSED,
           GError                  **error)
{
  g_usleep (G_USEC_PER_SEC / 10);
  if (cf_future_get_result (b, -1, error) == NULL) /* b never ends, for it waits for a */
    return FALSE;
  g_value_init (result, G_TYPE_INT);
  g_value_set_int (result, 5);

  return TRUE;
}

static gboolean
wait_on_a (GValue                   *result,
           GCancellable *cancellable G_GNUC_UNUSED,
           gpointer user_data        G_GNUC_UNUSED,
           GError                  **error)
{
  g_usleep (G_USEC_PER_SEC / 10);
  if (cf_future_get_result (a, -1, error) == NULL) /* a never ends, for it waits for b */
    return FALSE;
  g_value_init (result, G_TYPE_INT);
  g_value_set_int (result, 6);

  return TRUE;
}

static CfFuture *
task_new (const char *name,
          CfTaskFunc  func)
{
  CfFuture *future = cf_future_new_for_task (func, NULL, NULL);

  g_object_set (future, "name", name, NULL);

  return future;
}

static void
print_outcome (CfFuture *future)
{
  g_autoptr (GError) error = NULL;
  const GValue *result = cf_future_get_result (future, -1, &error);

  if (result != NULL)
    g_print ("%d\n", g_value_get_int (result));
  else if (g_error_matches (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK))
    g_print ("%s\n", error->message);
  else
    g_error ("%s", error->message);
}

static void
wait_in_a_pool_of_one (void)
{
  g_autoptr (CfExecutor) pool = CF_EXECUTOR (cf_thread_pool_executor_new (1));
  g_autoptr (GError) error = NULL;
  g_autoptr (CfFuture) future = cf_executor_submit_task (pool, wait_on_future, pool, NULL, &error);

  if (future != NULL)
    cf_future_get_result (future, -1, &error);
  if (error != NULL)
    g_error ("%s", error->message);
  cf_executor_shutdown (pool, TRUE, FALSE);
}

static void
wait_for_each_other (void)
{
  g_autoptr (CfExecutor) pool = CF_EXECUTOR (cf_thread_pool_executor_new (2));
  g_autoptr (GError) error = NULL;

  a = task_new ("wait_on_b", wait_on_b);
  b = task_new ("wait_on_a", wait_on_a);
  if (!cf_executor_schedule (pool, a, &error) || !cf_executor_schedule (pool, b, &error))
    g_error ("%s", error->message);

  print_outcome (a);
  print_outcome (b);
  cf_executor_shutdown (pool, TRUE, FALSE);
  g_clear_pointer (&a, cf_future_unref);
  g_clear_pointer (&b, cf_future_unref);
}

int
main (void)
{
  setlocale (LC_ALL, "");

  wait_for_each_other ();
  wait_in_a_pool_of_one ();

  return 0;
}
