/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Workers that wait for work of their own pool, which waits for more of it: how deep that goes. */

#include "cf-test-executors.h"

typedef struct
{
  CfExecutor *executor;
  int         n;
} Fib;

static gboolean
task_fib (GValue       *result,
          GCancellable *cancellable,
          gpointer      user_data,
          GError      **error)
{
  Fib *self = user_data;
  Fib  smaller[2] = { { self->executor, self->n - 1 }, { self->executor, self->n - 2 } };
  g_autoptr (CfFuture) one = NULL;
  g_autoptr (CfFuture) two = NULL;

  if (self->n < 2)
    return task_int (result, cancellable, GINT_TO_POINTER (self->n), error);

  one = submit_task (self->executor, task_fib, &smaller[0]);
  two = submit_task (self->executor, task_fib, &smaller[1]);

  return task_int (result, cancellable, GINT_TO_POINTER (await_int (one) + await_int (two)), error);
}

static void
test_fib (gconstpointer n_workers)
{
  Fib fib = { pool_new (GPOINTER_TO_UINT (n_workers)), 15 };
  g_autoptr (CfFuture) future = submit_task (fib.executor, task_fib, &fib);

  g_test_summary ("Nested submit and wait never hangs.");

  g_assert_cmpint (await_int (future), ==, 610);
  pool_end (fib.executor);
}

typedef struct
{
  CfExecutor *executor;
  int         depth;
} Chain;

static gboolean
task_chain (GValue       *result,
            GCancellable *cancellable,
            gpointer      user_data,
            GError      **error)
{
  Chain *self = user_data;
  Chain  next = { self->executor, self->depth - 1 };
  g_autoptr (CfFuture) future = NULL;
  const GValue *value;

  if (self->depth == 0)
    return task_int (result, cancellable, GINT_TO_POINTER (0), error);

  future = submit_task (self->executor, task_chain, &next);
  value = cf_future_get_result (future, -1, error);
  if (value == NULL)
    {
      /* It lies in the queue with our data: take it out. */
      cf_future_cancel (future);
      return FALSE;
    }

  return task_int (result, cancellable, GINT_TO_POINTER (g_value_get_int (value) + 1), NULL);
}

static void
test_chain (gconstpointer depth)
{
  Chain chain = { pool_new (1), GPOINTER_TO_INT (depth) };
  g_autoptr (CfFuture) future = submit_task (chain.executor, task_chain, &chain);

  g_test_summary ("Up to 128 waits run what they wait for on one stack.");

  g_assert_cmpint (await_int (future), ==, GPOINTER_TO_INT (depth));
  pool_end (chain.executor);
}

static void
test_chain_too_deep (gconstpointer depth)
{
  Chain chain = { pool_new (1), GPOINTER_TO_INT (depth) };
  g_autoptr (CfFuture) future = submit_task (chain.executor, task_chain, &chain);
  g_autoptr (CfFuture) after = NULL;

  g_test_summary ("Beyond 128 on one stack it is a DEADLOCK, not a stack that overflows; then the pool goes on.");

  await_error (future, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK);
  chain.depth = 100;
  after = submit_task (chain.executor, task_chain, &chain);
  g_assert_cmpint (await_int (after), ==, 100);
  pool_end (chain.executor);
}

/* How many maps are to be in one another, the executor and a buffersize. */
static GVariant *
func_map_chain (GVariant                 *args,
                GCancellable *cancellable G_GNUC_UNUSED,
                GError                  **error)
{
  guint64   executor;
  guint     depth, buffersize;
  GVariant *item;
  g_autoptr (CfResultIter) iter = NULL;

  g_variant_get (args, "(tuu)", &executor, &depth, &buffersize);
  if (depth == 0)
    return g_variant_ref (args);

  item = g_variant_new ("(tuu)", executor, depth - 1, buffersize);
  iter = cf_executor_map ((gpointer) (guintptr) executor, func_map_chain, g_variant_new_array (NULL, &item, 1), -1, 1, buffersize, error);

  return iter != NULL ? cf_result_iter_next (iter, error) : NULL;
}

static CfFuture *
submit_map_chain (CfExecutor *executor,
                  guint       depth,
                  gpointer    buffersize)
{
  return submit (executor, func_map_chain, g_variant_new ("(tuu)", (guint64) (guintptr) executor, depth, GPOINTER_TO_UINT (buffersize)));
}

static void
test_map_chain (gconstpointer buffersize)
{
  CfExecutor *executor = pool_new (1);
  g_autoptr (CfFuture) fits = submit_map_chain (executor, 127, (gpointer) buffersize);
  g_autoptr (CfFuture) too_deep = submit_map_chain (executor, 100000, (gpointer) buffersize);
  g_autoptr (GVariant) result = cf_future_dup_variant (fits, -1, NULL);

  g_test_summary ("Maps in maps are as deep on one stack as waits, and beyond that it is a DEADLOCK.");

  g_assert_nonnull (result);
  await_error (too_deep, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK);
  cf_executor_shutdown (executor, FALSE, TRUE);
  pool_end (executor);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_data_func ("/wait-graph-nested/fib/1", GUINT_TO_POINTER (1), test_fib);
  g_test_add_data_func ("/wait-graph-nested/fib/2", GUINT_TO_POINTER (2), test_fib);
  g_test_add_data_func ("/wait-graph-nested/fib/8", GUINT_TO_POINTER (8), test_fib);
  g_test_add_data_func ("/wait-graph-nested/chain/10", GINT_TO_POINTER (10), test_chain);
  g_test_add_data_func ("/wait-graph-nested/chain/127", GINT_TO_POINTER (127), test_chain);
  g_test_add_data_func ("/wait-graph-nested/chain/130", GINT_TO_POINTER (130), test_chain_too_deep);
  g_test_add_data_func ("/wait-graph-nested/chain/10000", GINT_TO_POINTER (10000), test_chain_too_deep);
  g_test_add_data_func ("/wait-graph-nested/map-chain/shared", GUINT_TO_POINTER (0), test_map_chain);
  g_test_add_data_func ("/wait-graph-nested/map-chain/chunks", GUINT_TO_POINTER (1), test_map_chain);

  return g_test_run ();
}
