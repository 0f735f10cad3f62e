/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include <gio/gio.h>

#include "cfutures/cf-error.h"
#include "cfutures/cf-function-private.h"

static GVariant *
static_function (GVariant                 *args,
                 GCancellable *cancellable G_GNUC_UNUSED,
                 GError **error            G_GNUC_UNUSED)
{
  return g_variant_new_int64 (g_variant_get_int64 (args) + 1);
}

static void
test_static_function (void)
{
  g_autoptr (GError) error = NULL;
  const CfFunctionPlace *place = _cf_function_locate (static_function, &error);

  g_test_summary ("A static function is found again by its file, the build id and the offset.");

  g_assert_no_error (error);
  g_assert_true (place->is_program);
  g_assert_true (g_path_is_absolute (place->object));
  g_assert_null (place->symbol);
  g_assert_true (place == _cf_function_locate (static_function, NULL));
  g_assert_true (_cf_function_find (place->object, place->id, place->offset, &error) == static_function);
  g_assert_no_error (error);
}

static void
test_library_function (void)
{
  CfFunctionPointer function = (CfFunctionPointer) (GCallback) g_variant_get_type_string;
  g_autoptr (GError) error = NULL;
  const CfFunctionPlace *place = _cf_function_locate (function, &error);

  g_test_summary ("A function of a library is found again, and goes by its symbol.");

  g_assert_no_error (error);
  g_assert_false (place->is_program);
  g_assert_cmpstr (place->symbol, ==, "g_variant_get_type_string");
  g_assert_true (_cf_function_find (place->object, place->id, place->offset, &error) == function);
  g_assert_no_error (error);
}

static void
test_closure (void)
{
  static GVariant *data;
  g_autoptr (GError) error = NULL;

  g_test_summary ("What is no compiled function is refused.");

  g_assert_null (_cf_function_locate ((CfFunctionPointer) (gpointer) &data, &error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SERIALIZABLE);
}

static void
assert_not_found (const char *object,
                  const char *id,
                  const char *offset)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (_cf_function_find (object, id, offset, &error));
  g_assert_nonnull (error);
}

static void
test_wrong_place (void)
{
  const CfFunctionPlace *place = _cf_function_locate (static_function, NULL);

  g_test_summary ("No other file, no other build, nothing outside of code.");

  assert_not_found ("/nonexistent/libfoo.so", "00", "0");
  assert_not_found (place->object, "0011223344", place->offset);
  assert_not_found (place->object, place->id, "0");
  assert_not_found (place->object, place->id, "ffffffffffffffff");
  assert_not_found (place->object, place->id, "no number");
  assert_not_found (place->object, place->id, "");
}

static void
test_named (void)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("A name is a module and a symbol, or a symbol.");

  g_assert_true ((gpointer) _cf_function_find_named ("g_variant_ref_sink", &error) == (gpointer) g_variant_ref_sink);
  g_assert_no_error (error);
  g_assert_null (_cf_function_find_named ("there_is_no_such_function", &error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (_cf_function_find_named ("/nonexistent/module:function", &error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_FOUND);
}

static void
test_describe (void)
{
  g_autofree char *own = _cf_function_describe (static_function);
  g_autofree char *library = _cf_function_describe ((CfFunctionPointer) (GCallback) g_variant_get_type_string);

  g_test_summary ("A static function is described by file and offset, never by its neighbour's name.");

  g_assert_nonnull (strstr (own, "+0x"));
  g_assert_cmpstr (library, ==, "g_variant_get_type_string");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/function/static", test_static_function);
  g_test_add_func ("/function/library", test_library_function);
  g_test_add_func ("/function/closure", test_closure);
  g_test_add_func ("/function/wrong-place", test_wrong_place);
  g_test_add_func ("/function/named", test_named);
  g_test_add_func ("/function/describe", test_describe);

  return g_test_run ();
}
