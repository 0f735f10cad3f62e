/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Process pools of a program that does not call cf_process_pool_init(): the worker is the one of the library. */

#include "process-test.h"

#include <gmodule.h>

static void
test_module_function (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_BUILT, "cf-test-module.so", NULL);
  GModule         *module = g_module_open (path, G_MODULE_BIND_LOCAL);
  CfExecutor      *executor = process_pool_new (1, NULL);
  gpointer         function = NULL;
  g_autoptr (CfFuture) future = NULL;
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A function of a module runs in the default worker, by pointer.");

  g_assert_nonnull (module);
  g_assert_true (g_module_symbol (module, "test_module_triple", &function));
  future = submit (executor, (CfFunc) function, g_variant_new_int64 (14));
  result = cf_future_dup_variant (future, -1, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int64 (result), ==, 42);
  process_pool_end (executor);
  g_clear_object (&future);
  g_module_close (module);
}

static void
test_named_function (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_BUILT, "cf-test-module.so", NULL);
  g_autofree char *name = g_strconcat (path, ":test_module_triple", NULL);
  g_autofree char *wrong = g_strconcat (path, ":test_module_nothing", NULL);
  CfExecutor      *executor = process_pool_new (1, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (CfFuture) future = cf_executor_submit_named (executor, name, g_variant_new_int64 (14), &error);
  g_autoptr (CfFuture) nothing = cf_executor_submit_named (executor, wrong, NULL, NULL);
  g_autoptr (GVariant) result = NULL;

  g_test_summary ("A function of a module runs in the default worker, by name.");

  g_assert_no_error (error);
  result = cf_future_dup_variant (future, -1, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int64 (result), ==, 42);
  assert_future_fails (nothing, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_FOUND, "test_module_nothing");
  process_pool_end (executor);
}

static void
test_unloaded_initializer (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_BUILT, "cf-test-module.so", NULL);
  g_autofree char *name = g_strconcat (path, ":test_module_triple", NULL);
  GModule         *module = g_module_open (path, G_MODULE_BIND_LOCAL);
  CfExecutor      *executor = process_pool_new (1, NULL);
  gpointer         function = NULL;
  g_autoptr (CfFuture) future = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("The initializer of a module is found also when the module was unloaded before a worker starts.");

  g_assert_nonnull (module);
  g_assert_true (g_module_symbol (module, "test_module_triple", &function));
  cf_process_pool_executor_set_initializer (CF_PROCESS_POOL_EXECUTOR (executor), (CfFunc) function, g_variant_new_int64 (1));
  g_module_close (module);
  future = cf_executor_submit_named (executor, name, g_variant_new_int64 (14), NULL);
  cf_future_get_result (future, -1, &error);
  g_assert_no_error (error);
  process_pool_end (executor);
}

static void
test_own_function (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  g_autoptr (CfFuture) future = submit (executor, call_pid, NULL);

  g_test_summary ("A function of the program needs cf_process_pool_init(), and the error says so.");

  assert_future_fails (future, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SERIALIZABLE, "cf_process_pool_init()");
  process_pool_end (executor);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/process-module/pointer", test_module_function);
  g_test_add_func ("/process-module/named", test_named_function);
  g_test_add_func ("/process-module/unloaded-initializer", test_unloaded_initializer);
  g_test_add_func ("/process-module/own-function", test_own_function);

  return g_test_run ();
}
