/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* map() over processes: chunks travel as one message, and fail as one when their worker dies. */

#include "cf-test-maps.h"
#include "process-test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define N_ITEMS 100
#define N_MANY_ITEMS 20000

static CfResultIter *
map (CfExecutor *executor,
     CfFunc      func,
     GVariant   *items,
     guint       chunksize,
     guint       buffersize)
{
  g_autoptr (GError) error = NULL;
  CfResultIter *iter = cf_executor_map (executor, func, items, -1, chunksize, buffersize, &error);

  g_assert_no_error (error);

  return iter;
}

static void
assert_next (CfResultIter *iter,
             gint64        expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) result = cf_result_iter_next (iter, &error);

  g_assert_no_error (error);
  g_assert_nonnull (result);
  g_assert_cmpint (g_variant_get_int64 (result), ==, expected);
}

static void
test_chunks (void)
{
  static const guint sizes[][2] = { { 1, 0 }, { 7, 0 }, { 1000, 0 }, { 1, 3 }, { 7, 20 }, { G_MAXUINT, G_MAXUINT } };
  CfExecutor        *executor = process_pool_new (2, NULL);

  g_test_summary ("Results come in the order of the items, whatever the chunks and buffers.");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (CfResultIter) iter = map (executor, call_increment, numbers (N_ITEMS), sizes[i][0], sizes[i][1]);

      for (gint64 j = 0; j < N_ITEMS; j++)
        assert_next (iter, j + 1);
      assert_map_end (iter);
    }
  process_pool_end (executor);
}

static GVariant *
call_picky (GVariant                 *args,
            GCancellable *cancellable G_GNUC_UNUSED,
            GError                  **error)
{
  gint64 number = g_variant_get_int64 (args);

  if (number % 5 == 3)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "three");
  else if (number == 42)
    raise (SIGKILL);

  return number % 5 >= 3 ? NULL : g_variant_new_int64 (number);
}

static void
test_errors (void)
{
  CfExecutor *executor = process_pool_new (2, NULL);
  g_autoptr (CfResultIter) iter = map (executor, call_picky, numbers (40), 6, 0);

  g_test_summary ("An error comes at its turn; the others of its chunk have their results.");

  for (gint64 i = 0; i < 40; i++)
    if (i % 5 == 3)
      assert_next_error (iter, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
    else if (i % 5 == 4)
      assert_next_error (iter, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT);
    else
      assert_next (iter, i);
  assert_map_end (iter);
  g_clear_object (&iter);
  process_pool_end (executor);
}

static void
test_death (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  g_autoptr (CfResultIter) iter = map (executor, call_picky, numbers (60), 10, 0);

  g_test_summary ("The chunk in which the worker died fails, item by item; the others go on.");

  for (gint64 i = 0; i < 60; i++)
    if (i >= 40 && i < 50)
      assert_next_error (iter, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_WORKER_DIED);
    else if (i % 5 == 3)
      assert_next_error (iter, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
    else if (i % 5 == 4)
      assert_next_error (iter, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT);
    else
      assert_next (iter, i);
  assert_map_end (iter);
  g_assert_cmpuint (get_uint64 (executor, "n-deaths"), ==, 1);
  g_clear_object (&iter);
  process_pool_end (executor);
}

static GVariant *
call_die_in_the_middle (GVariant     *args,
                        GCancellable *cancellable,
                        GError      **error)
{
  const char *path;
  gint64      number;

  g_variant_get (args, "(&sx)", &path, &number);
  if (number == 5)
    {
      g_autoptr (GVariant) once = g_variant_ref_sink (g_variant_new_string (path));

      g_variant_unref (g_variant_take_ref (call_die_once (once, cancellable, error)));
    }

  return g_variant_new_int64 (number);
}

static void
test_retry (void)
{
  CfExecutor      *executor = process_pool_new (1, "max-retries", 1, NULL);
  g_autofree char *dir = g_dir_make_tmp ("map-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "died", NULL);
  GVariantBuilder  builder;
  g_autoptr (CfResultIter) iter = NULL;

  g_test_summary ("With retries, the chunk in which the worker died is run again.");

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(sx)"));
  for (gint64 i = 0; i < 10; i++)
    g_variant_builder_add (&builder, "(sx)", path, i);
  iter = map (executor, call_die_in_the_middle, g_variant_builder_end (&builder), 10, 0);
  for (gint64 i = 0; i < 10; i++)
    assert_next (iter, i);
  assert_map_end (iter);
  g_assert_cmpuint (get_uint64 (executor, "n-deaths"), ==, 1);

  g_assert_cmpint (remove (path), ==, 0);
  g_assert_cmpint (remove (dir), ==, 0);
  g_clear_object (&iter);
  process_pool_end (executor);
}

static void
test_named (void)
{
  g_autofree char *module = g_test_build_filename (G_TEST_BUILT, "cf-test-module.so", NULL);
  g_autofree char *name = g_strconcat (module, ":test_module_triple", NULL);
  CfExecutor      *executor = process_pool_new (2, NULL);
  g_autoptr (CfResultIter) iter = cf_executor_map_named (executor, name, numbers (20), -1, 3, 0, NULL);
  g_autoptr (CfResultIter) nowhere = cf_executor_map_named (executor, "nowhere:nothing", numbers (3), -1, 2, 0, NULL);

  g_test_summary ("map_named() sends the name; what is not found fails each item.");

  for (gint64 i = 0; i < 20; i++)
    assert_next (iter, 3 * i);
  assert_map_end (iter);
  for (guint i = 0; i < 3; i++)
    assert_next_error (nowhere, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_FOUND);
  assert_map_end (nowhere);
  g_clear_object (&iter);
  g_clear_object (&nowhere);
  process_pool_end (executor);
}

static void
test_close (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  ProcessGate gate;
  GVariant   *items[4];
  g_autoptr (CfResultIter) iter = NULL;

  g_test_summary ("close() cancels the chunks that have not started.");

  process_gate_init (&gate);
  for (guint i = 0; i < G_N_ELEMENTS (items); i++)
    items[i] = process_gate_args (&gate);
  iter = map (executor, call_gate, g_variant_new_array (NULL, items, G_N_ELEMENTS (items)), 1, 0);
  process_gate_await (&gate);
  cf_result_iter_close (iter);
  assert_map_end (iter);
  process_gate_open (&gate, 1);
  g_clear_object (&iter);
  process_pool_end (executor);
  process_gate_clear (&gate);
}

static void
test_long_type (void)
{
  CfExecutor      *executor = process_pool_new (1, NULL);
  g_autofree char *fields = g_strnfill (250, 'y');
  g_autofree char *type = g_strdup_printf ("a(%s)", fields);
  g_autofree char *bytes = g_malloc0 (N_MANY_ITEMS * strlen (fields));
  g_autoptr (CfResultIter) iter = NULL;

  g_test_summary ("One chunk holds many items, also where their type is long.");

  iter = map (executor, call_pid, g_variant_new_from_data (G_VARIANT_TYPE (type), bytes, N_MANY_ITEMS * strlen (fields), TRUE, NULL, NULL), N_MANY_ITEMS, 0);
  for (guint i = 0; i < N_MANY_ITEMS; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) result = cf_result_iter_next (iter, &error);

      g_assert_no_error (error);
      g_assert_nonnull (result);
    }
  assert_map_end (iter);
  g_clear_object (&iter);
  process_pool_end (executor);
}

int
main (int    argc,
      char **argv)
{
  cf_process_pool_init (argc, argv);
  test_init (&argc, &argv);

  g_test_add_func ("/process-map/chunks", test_chunks);
  g_test_add_func ("/process-map/errors", test_errors);
  g_test_add_func ("/process-map/death", test_death);
  g_test_add_func ("/process-map/retry", test_retry);
  g_test_add_func ("/process-map/named", test_named);
  g_test_add_func ("/process-map/close", test_close);
  g_test_add_func ("/process-map/long-type", test_long_type);

  return g_test_run ();
}
