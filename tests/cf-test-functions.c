/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What executors are given to do in tests. */

#include "cf-test.h"

GVariant *
func_double (GVariant     *args,
             GCancellable *cancellable,
             GError      **error)
{
  return g_variant_new_int64 (2 * g_variant_get_int64 (args));
}

GVariant *
func_double_full (GVariant     *args,
                  GCancellable *cancellable,
                  GError      **error)
{
  return g_variant_ref_sink (func_double (args, cancellable, error));
}

GVariant *
func_unit (GVariant     *args,
           GCancellable *cancellable,
           GError      **error)
{
  return g_variant_new ("()");
}

void
set_no_such_luck (GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "no such luck");
}

GVariant *
func_fail (GVariant     *args,
           GCancellable *cancellable,
           GError      **error)
{
  set_no_such_luck (error);
  return NULL;
}

GVariant *
func_null (GVariant     *args,
           GCancellable *cancellable,
           GError      **error)
{
  return NULL;
}

GVariant *
func_never (GVariant     *args,
            GCancellable *cancellable,
            GError      **error)
{
  g_error ("A function ran that must not run");
}

GVariant *
func_gate (GVariant     *args,
           GCancellable *cancellable,
           GError      **error)
{
  gate_wait (variant_to_pointer (args));

  return g_variant_new ("()");
}

GVariant *
variant_from_pointer (gpointer pointer)
{
  return g_variant_new_uint64 ((guintptr) pointer);
}

gpointer
variant_to_pointer (GVariant *variant)
{
  return (gpointer) (guintptr) g_variant_get_uint64 (variant);
}

gboolean
task_int (GValue       *result,
          GCancellable *cancellable,
          gpointer      user_data,
          GError      **error)
{
  g_value_init (result, G_TYPE_INT);
  g_value_set_int (result, GPOINTER_TO_INT (user_data));

  return TRUE;
}

gboolean
task_nothing (GValue       *result,
              GCancellable *cancellable,
              gpointer      user_data,
              GError      **error)
{
  return TRUE;
}

gboolean
task_fail (GValue       *result,
           GCancellable *cancellable,
           gpointer      user_data,
           GError      **error)
{
  set_no_such_luck (error);
  return FALSE;
}

gboolean
task_false (GValue       *result,
            GCancellable *cancellable,
            gpointer      user_data,
            GError      **error)
{
  return FALSE;
}

gboolean
task_never (GValue       *result,
            GCancellable *cancellable,
            gpointer      user_data,
            GError      **error)
{
  g_error ("A task ran that must not run");
}

gboolean
task_gate (GValue       *result,
           GCancellable *cancellable,
           gpointer      user_data,
           GError      **error)
{
  gate_wait (user_data);

  return task_int (result, cancellable, GINT_TO_POINTER (42), error);
}

gboolean
task_count (GValue       *result,
            GCancellable *cancellable,
            gpointer      user_data,
            GError      **error)
{
  g_atomic_int_inc ((gint *) user_data);

  return TRUE;
}
