/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Results of map(): values, order, errors.  test-result-iter-limits.c has time, chunks, buffers and the end of it all. */

#include "cf-test-executors.h"
#include "cf-test-maps.h"

#include <gmodule.h>

#define N_MANY 1000

typedef struct
{
  CfExecutor   *executor;
  CfResultIter *iter;
  Gate          gate;
  Gate          other_gate;
} Fixture;

static void
set_up (Fixture      *fixture,
        gconstpointer n_workers)
{
  fixture->executor = pool_new (GPOINTER_TO_UINT (n_workers));
  gate_init (&fixture->gate);
  gate_init (&fixture->other_gate);
}

static void
tear_down (Fixture      *fixture,
           gconstpointer n_workers)
{
  cf_executor_shutdown (fixture->executor, TRUE, FALSE);
  if (fixture->iter != NULL)
    g_assert_finalize_object (fixture->iter);
  await_finalized (fixture->executor);
  gate_clear (&fixture->gate);
  gate_clear (&fixture->other_gate);
}

static void
map (Fixture  *fixture,
     CfFunc    func,
     GVariant *items,
     guint     chunksize,
     guint     buffersize)
{
  g_autoptr (GError) error = NULL;

  fixture->iter = cf_executor_map (fixture->executor, func, items, -1, chunksize, buffersize, &error);
  g_assert_no_error (error);
  g_assert_nonnull (fixture->iter);
}

static gint64
next_number (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) result = cf_result_iter_next (fixture->iter, &error);

  g_assert_no_error (error);
  g_assert_nonnull (result);

  return g_variant_get_int64 (result);
}

typedef struct
{
  guint chunksize;
  guint buffersize;
} Limits;

static const Limits limits[] = { { 1, 0 }, { 7, 0 }, { 5000, 0 }, { 1, 1 }, { 1, 10 }, { 7, 10 }, { 7, 3 }, { 1, 5000 }, { G_MAXUINT, G_MAXUINT } };

static void
test_order (Fixture      *fixture,
            gconstpointer n_workers)
{
  g_test_summary ("Results come in the order of the items, whatever the chunks and buffers.");

  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      map (fixture, func_double, numbers (N_MANY), limits[i].chunksize, limits[i].buffersize);
      for (gint64 j = 0; j < N_MANY; j++)
        g_assert_cmpint (next_number (fixture), ==, 2 * j);
      assert_map_end (fixture->iter);
      await_finalized (g_steal_pointer (&fixture->iter));
    }
}

/* Item 0 waits until item 1 has run. */
static GVariant *
func_reversed (GVariant     *args,
               GCancellable *cancellable,
               GError      **error)
{
  guint64 address, number;

  g_variant_get (args, "(tt)", &address, &number);
  if (number == 0)
    gate_wait ((gpointer) (guintptr) address);
  else
    gate_open ((gpointer) (guintptr) address);

  return g_variant_new_int64 ((gint64) number);
}

static void
test_order_of_items (Fixture      *fixture,
                     gconstpointer n_workers)
{
  guint64   address = (guintptr) &fixture->gate;
  GVariant *items = g_variant_new_parsed ("[(%t, @t 0), (%t, 1)]", address, address);

  g_test_summary ("An item that is done before another one waits for its turn.");

  map (fixture, func_reversed, items, 1, 0);
  g_assert_cmpint (next_number (fixture), ==, 0);
  g_assert_cmpint (next_number (fixture), ==, 1);
  assert_map_end (fixture->iter);
}

static void
test_array_kinds (Fixture      *fixture,
                  gconstpointer n_workers)
{
  const char *texts[] = { "[1, 2, 3]", "['a', '', 'c']", "[(1, 2), (3, 4)]", "[<1>, <'two'>, <(3, [4])>]", "@ai []", "@a{sv} {}",
                          "{'a': <1>, 'b': <'two'>}", "b'bytes'", "[true, false]", "[[1], @ai [], [2, 3]]", "[@ms nothing, 'just']", "[(), ()]" };

  g_test_summary ("Any array is mapped: each call gets one child.");

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GVariant) items = g_variant_ref_sink (g_variant_new_parsed (texts[i]));

      map (fixture, func_echo, items, 1 + i % 3, i % 4);
      for (gsize j = 0; j < g_variant_n_children (items); j++)
        {
          g_autoptr (GVariant) child = g_variant_get_child_value (items, j);
          g_autoptr (GError) error = NULL;
          g_autoptr (GVariant) result = cf_result_iter_next (fixture->iter, &error);

          g_assert_no_error (error);
          g_assert_cmpvariant (result, child);
        }
      assert_map_end (fixture->iter);
      await_finalized (g_steal_pointer (&fixture->iter));
    }
}

static void
test_empty (Fixture      *fixture,
            gconstpointer n_workers)
{
  g_test_summary ("No items: the end at once, and nothing runs.");

  map (fixture, func_never, g_variant_new_parsed ("@as []"), 1, 0);
  assert_map_end (fixture->iter);
}

static GVariant *
func_picky (GVariant     *args,
            GCancellable *cancellable,
            GError      **error)
{
  gint64 number = g_variant_get_int64 (args);

  if (number % 5 == 3)
    return func_fail (args, cancellable, error);
  if (number % 5 == 4)
    return NULL;

  return g_variant_new_int64 (number);
}

static void
test_errors (Fixture      *fixture,
             gconstpointer n_workers)
{
  g_test_summary ("A call that fails gives its error at its turn, and the others their results.");

  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      map (fixture, func_picky, numbers (50), limits[i].chunksize, limits[i].buffersize);
      for (gint64 j = 0; j < 50; j++)
        if (j % 5 == 3)
          assert_next_error (fixture->iter, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
        else if (j % 5 == 4)
          assert_next_error (fixture->iter, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT);
        else
          g_assert_cmpint (next_number (fixture), ==, j);
      assert_map_end (fixture->iter);
      await_finalized (g_steal_pointer (&fixture->iter));
    }
}

/* In the program and visible. */
G_MODULE_EXPORT GVariant *test_result_iter_negate (GVariant *args, GCancellable *cancellable, GError **error);

GVariant *
test_result_iter_negate (GVariant     *args,
                         GCancellable *cancellable,
                         GError      **error)
{
  return g_variant_new_int64 (-g_variant_get_int64 (args));
}

static void
test_named (Fixture      *fixture,
            gconstpointer n_workers)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("map_named() maps a function that it finds by name.");

  fixture->iter = cf_executor_map_named (fixture->executor, "test_result_iter_negate", numbers (20), -1, 3, 4, &error);
  g_assert_no_error (error);
  for (gint64 i = 0; i < 20; i++)
    g_assert_cmpint (next_number (fixture), ==, -i);
  assert_map_end (fixture->iter);
}

static void
test_named_nowhere (Fixture      *fixture,
                    gconstpointer n_workers)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("map_named() with a name that leads nowhere is NOT_FOUND.");

  g_assert_null (cf_executor_map_named (fixture->executor, "test_result_iter_nothing", numbers (20), -1, 1, 0, &error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_FOUND);
}

static void
await_next_number (Fixture *fixture,
                   gint64   expected)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GVariant) number = NULL;
  g_autoptr (GError) error = NULL;

  cf_result_iter_next_async (fixture->iter, NULL, keep_result, &result);
  g_assert_null (result);
  number = cf_result_iter_next_finish (fixture->iter, await_result (NULL, &result), &error);
  g_assert_no_error (error);
  g_assert_nonnull (number);
  g_assert_cmpint (g_variant_get_int64 (number), ==, expected);
}

static void
await_next_error (Fixture *fixture,
                  GQuark   domain,
                  int      code)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  cf_result_iter_next_async (fixture->iter, NULL, keep_result, &result);
  g_assert_null (cf_result_iter_next_finish (fixture->iter, await_result (NULL, &result), &error));
  if (domain == 0)
    g_assert_no_error (error);
  else
    g_assert_error (error, domain, code);
}

static void
test_async (Fixture      *fixture,
            gconstpointer n_workers)
{
  g_test_summary ("The main loop gets values, errors and the end in the same order.");

  map (fixture, func_picky, numbers (50), 3, 7);
  for (gint64 j = 0; j < 50; j++)
    if (j % 5 == 3)
      await_next_error (fixture, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
    else if (j % 5 == 4)
      await_next_error (fixture, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT);
    else
      await_next_number (fixture, j);
  await_next_error (fixture, 0, 0);
  await_next_error (fixture, 0, 0);
  assert_map_end (fixture->iter);
}

static void
test_async_waits (Fixture      *fixture,
                  gconstpointer n_workers)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GVariant) unit = NULL;
  GVariant *gate = variant_from_pointer (&fixture->gate);

  g_test_summary ("next_async() does not block and completes when the item is done.");

  map (fixture, func_gate, g_variant_new_array (NULL, &gate, 1), 1, 0);
  cf_result_iter_next_async (fixture->iter, NULL, keep_result, &result);
  gate_await_waiting (&fixture->gate, 1);
  run_pending (NULL);
  g_assert_null (result);
  gate_open (&fixture->gate);
  unit = cf_result_iter_next_finish (fixture->iter, await_result (NULL, &result), NULL);
  g_assert_nonnull (unit);
  g_clear_object (&result);
  assert_map_end (fixture->iter);
}

/* The worker that told it may have hold of it for a moment. */
static void
drop_and_await_end (GAsyncResult *result)
{
  GWeakRef weak;
  gpointer left;

  g_weak_ref_init (&weak, result);
  g_object_unref (result);
  while ((left = g_weak_ref_get (&weak)) != NULL)
    {
      g_object_unref (left);
      g_thread_yield ();
    }
  g_weak_ref_clear (&weak);
}

static void
test_async_dropped (Fixture      *fixture,
                    gconstpointer n_workers)
{
  g_test_summary ("What nobody takes by the finish function comes with the next call, errors too, in the same order.");

  map (fixture, func_picky, numbers (5), 1, 0);
  for (gint64 j = 0; j < 5; j++)
    {
      for (int times = 0; times < 2; times++)
        {
          GAsyncResult *dropped = NULL;

          cf_result_iter_next_async (fixture->iter, NULL, keep_result, &dropped);
          await_result (NULL, &dropped);
          drop_and_await_end (dropped);
        }
      if (j == 3)
        assert_next_error (fixture->iter, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
      else if (j == 4)
        await_next_error (fixture, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT);
      else
        await_next_number (fixture, j);
    }
  await_next_error (fixture, 0, 0);
  assert_map_end (fixture->iter);
}

static void
test_async_cancel (Fixture      *fixture,
                   gconstpointer n_workers)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GVariant) unit = NULL;
  g_autoptr (GError) error = NULL;
  GVariant *gate = variant_from_pointer (&fixture->gate);

  g_test_summary ("A cancellable ends the waiting, not the work: the item comes with the next call.");

  map (fixture, func_gate, g_variant_new_array (NULL, &gate, 1), 1, 0);
  cf_result_iter_next_async (fixture->iter, cancellable, keep_result, &result);
  gate_await_waiting (&fixture->gate, 1);
  g_cancellable_cancel (cancellable);
  g_assert_null (cf_result_iter_next_finish (fixture->iter, await_result (NULL, &result), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_clear_object (&result);

  gate_open (&fixture->gate);
  unit = cf_result_iter_next (fixture->iter, &error);
  g_assert_no_error (error);
  g_assert_nonnull (unit);
  assert_map_end (fixture->iter);
}

static void
test_two_iterators (Fixture      *fixture,
                    gconstpointer n_workers)
{
  Fixture other = { .executor = fixture->executor };

  g_test_summary ("Two maps on one executor do not disturb each other.");

  map (fixture, func_double, numbers (N_MANY), 1, 10);
  map (&other, func_picky, numbers (N_MANY), 7, 0);
  for (gint64 i = 0; i < N_MANY; i++)
    {
      g_assert_cmpint (next_number (fixture), ==, 2 * i);
      if (i % 5 < 3)
        g_assert_cmpint (next_number (&other), ==, i);
      else
        g_assert_null (cf_result_iter_next (other.iter, NULL));
    }
  assert_map_end (fixture->iter);
  assert_map_end (other.iter);
  await_finalized (other.iter);
}

static gboolean
task_map (GValue       *result,
          GCancellable *cancellable,
          gpointer      user_data,
          GError      **error)
{
  Fixture inner = { .executor = user_data };
  gint64  sum = 0;

  map (&inner, func_double, numbers (100), 3, 8);
  for (guint i = 0; i < 100; i++)
    sum += next_number (&inner);
  assert_map_end (inner.iter);
  g_object_unref (inner.iter);

  return task_int (result, cancellable, GINT_TO_POINTER ((int) sum), error);
}

static void
test_in_worker (Fixture      *fixture,
                gconstpointer n_workers)
{
  CfFuture *futures[5];

  g_test_summary ("A worker may map in its own pool, in a pool of one too.");

  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    futures[i] = submit_task (fixture->executor, task_map, fixture->executor);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    {
      g_assert_cmpint (await_int (futures[i]), ==, 9900);
      cf_future_unref (futures[i]);
    }
}

static void
test_items_are_released (Fixture      *fixture,
                         gconstpointer n_workers)
{
  Probe     probe = { 0 };
  GVariant *children[3];
  GVariant *items;

  g_test_summary ("The items go with the iterator at the latest.");

  children[0] = g_variant_new_take_string (g_strdup ("probe"));
  children[1] = probe_variant_new (&probe);
  children[2] = g_variant_new_string ("");
  items = g_variant_ref_sink (g_variant_new_array (NULL, children, 3));
  g_variant_unref (children[1]);
  map (fixture, func_unit, items, 1, 2);
  g_variant_unref (items);
  for (guint i = 0; i < 3; i++)
    g_variant_unref (cf_result_iter_next (fixture->iter, NULL));
  assert_map_end (fixture->iter);
  await_finalized (g_steal_pointer (&fixture->iter));
  cf_executor_shutdown (fixture->executor, TRUE, FALSE);
  assert_released_once (&probe);
}

#define ADD(path, n_workers, test) \
  g_test_add ("/result-iter/" path, Fixture, GUINT_TO_POINTER (n_workers), set_up, test, tear_down)

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  ADD ("order/1", 1, test_order);
  ADD ("order/2", 2, test_order);
  ADD ("order/8", 8, test_order);
  ADD ("order-of-items", 2, test_order_of_items);
  ADD ("array-kinds", 2, test_array_kinds);
  ADD ("empty", 2, test_empty);
  ADD ("errors/1", 1, test_errors);
  ADD ("errors/4", 4, test_errors);
  ADD ("named", 2, test_named);
  ADD ("named-nowhere", 2, test_named_nowhere);
  ADD ("async", 2, test_async);
  ADD ("async-waits", 2, test_async_waits);
  ADD ("async-dropped", 2, test_async_dropped);
  ADD ("async-cancel", 2, test_async_cancel);
  ADD ("two-iterators", 2, test_two_iterators);
  ADD ("in-worker/1", 1, test_in_worker);
  ADD ("in-worker/3", 3, test_in_worker);
  ADD ("items-are-released", 2, test_items_are_released);

  return g_test_run ();
}
