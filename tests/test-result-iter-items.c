/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The items of map(): of all types, put together of children or laid out in memory. */

#include "cf-test-executors.h"
#include "cf-test-maps.h"

#define N_ITEMS 200

/* Texts of items; %1$u is their number. */
static const char *const texts[] = {
  "byte 0x%1$02x",
  "true",
  "int16 %1$u",
  "uint16 %1$u",
  "%1$u",
  "uint32 %1$u",
  "handle %1$u",
  "int64 -%1$u",
  "uint64 %1$u",
  "%1$u.5",
  "()",
  "(byte 0x%1$02x, int64 %1$u)",
  "(int64 %1$u, byte 0x%1$02x)",
  "(int16 %1$u, (%1$u.5, (uint16 %1$u, false)))",
  "{byte 0x%1$02x, %1$u.25}",
  "'%1$u'",
  "objectpath '/%1$u'",
  "signature 'i'",
  "(%1$u, '%1$u')",
  "{'%1$u', %1$u}",
  "<%1$u>",
  "just %1$u",
  "[%1$u, %1$u]",
  "@as []",
  "[{'%1$u': <[byte 0x%1$02x]>}]",
};

static GVariant *
make_child (const char *format,
            guint       number)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) text = g_string_new (NULL);
  GVariant *child;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  g_string_printf (text, format, number);
#pragma GCC diagnostic pop
  child = g_variant_parse (NULL, text->str, NULL, NULL, &error);
  g_assert_no_error (error);

  return child;
}

static GVariant *
build (const char *format)
{
  GVariant *children[N_ITEMS];
  GVariant *items;

  for (guint i = 0; i < N_ITEMS; i++)
    children[i] = make_child (format, i);
  items = g_variant_ref_sink (g_variant_new_array (NULL, children, N_ITEMS));
  for (guint i = 0; i < N_ITEMS; i++)
    g_variant_unref (children[i]);

  return items;
}

static GVariant *
lay_out (GVariant *items)
{
  g_autoptr (GVariant) copy = g_variant_byteswap (items);
  g_autoptr (GVariant) back = g_variant_byteswap (copy);
  g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (back);

  return g_variant_ref_sink (g_variant_new_from_bytes (g_variant_get_type (items), bytes, TRUE));
}

static GVariant *
give_back (GVariant                 *args,
           GCancellable *cancellable G_GNUC_UNUSED,
           GError **error            G_GNUC_UNUSED)
{
  return g_variant_ref (args);
}

typedef struct
{
  guint chunksize;
  guint buffersize;
} Limits;

static const Limits limits[] = { { 1, 0 }, { 3, 0 }, { 64, 0 }, { 150, 0 }, { 1000, 0 }, { 1, 5 }, { 7, 20 }, { 100, 100 } };

static void
check_map (CfExecutor   *executor,
           GVariant     *items,
           const Limits *limit)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CfResultIter) iter = cf_executor_map (executor, give_back, items, -1, limit->chunksize, limit->buffersize, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < N_ITEMS; i++)
    {
      g_autoptr (GVariant) expected = g_variant_get_child_value (items, i);
      g_autoptr (GVariant) result = cf_result_iter_next (iter, &error);

      g_assert_no_error (error);
      g_assert_cmpvariant (result, expected);
    }
  assert_map_end (iter);
}

static void
check_items (CfExecutor *executor,
             GVariant   *items)
{
  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    check_map (executor, items, &limits[i]);
}

static void
test_types (gconstpointer text)
{
  CfExecutor *executor = pool_new (2);
  g_autoptr (GVariant) built = build (text);
  g_autoptr (GVariant) laid_out = lay_out (built);

  g_test_summary ("The function is called with each item as it is, whatever its type and wherever it lies.");

  check_items (executor, built);
  check_items (executor, laid_out);
  cf_executor_shutdown (executor, TRUE, FALSE);
  await_finalized (executor);
}

static void
test_lasting (void)
{
  CfExecutor *executor = pool_new (2);
  g_autoptr (GVariant) built = build ("int64 %1$u");
  GVariant     *items = lay_out (built);
  GVariant     *results[N_ITEMS];
  CfResultIter *iter = cf_executor_map (executor, give_back, items, -1, 64, 0, NULL);

  g_test_summary ("An item that was kept outlives the map and its items.");

  for (guint i = 0; i < N_ITEMS; i++)
    results[i] = cf_result_iter_next (iter, NULL);
  g_assert_finalize_object (iter);
  g_variant_unref (items);
  cf_executor_shutdown (executor, TRUE, FALSE);
  await_finalized (executor);

  for (guint i = 0; i < N_ITEMS; i++)
    {
      g_assert_cmpint (g_variant_get_int64 (results[i]), ==, i);
      g_variant_unref (results[i]);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autofree char *path = g_strdup_printf ("/result-iter-items/types/%u", i);

      g_test_add_data_func (path, texts[i], test_types);
    }
  g_test_add_func ("/result-iter-items/lasting", test_lasting);

  return g_test_run ();
}
