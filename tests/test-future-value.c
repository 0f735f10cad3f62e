/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Results of every kind of GValue: they arrive, and are released once, in the thread that drops the future. */

#include "cf-test.h"

/* A pointer with a free function: a fundamental type that owns what it points to. */

static void
owned_init (GValue *value)
{
  value->data[0].v_pointer = NULL;
}

static void
owned_free (GValue *value)
{
  Probe *probe = value->data[0].v_pointer;

  if (probe != NULL)
    probe_release (probe);
}

static void
owned_copy (const GValue *source,
            GValue       *target)
{
  Probe *probe = source->data[0].v_pointer;

  if (probe != NULL)
    g_atomic_int_inc (&probe->n_copied);
  target->data[0].v_pointer = probe;
}

static gpointer
owned_peek (const GValue *value)
{
  return value->data[0].v_pointer;
}

static GType
owned_pointer_get_type (void)
{
  static const GTypeValueTable      values = { owned_init, owned_free, owned_copy, owned_peek, NULL, NULL, NULL, NULL };
  static const GTypeFundamentalInfo fundamental = { 0 };
  static gsize                      type;

  if (g_once_init_enter (&type))
    {
      const GTypeInfo info = { .value_table = &values };

      g_once_init_leave (&type, g_type_register_fundamental (g_type_fundamental_next (), "TestOwnedPointer",
                                                             &info, &fundamental, 0));
    }

  return type;
}

/* One kind of value: how it is made, and that it is what was made */

typedef struct
{
  const char *name;
  void (*make) (GValue *value,
                Probe  *probe);
  void (*check) (const GValue *value,
                 Probe        *probe);
  gboolean releases;
} Kind;

static void
make_none (GValue *value,
           Probe  *probe)
{
}

static void
check_none (const GValue *value,
            Probe        *probe)
{
  g_assert_null (value);
}

static void
make_int64 (GValue *value,
            Probe  *probe)
{
  g_value_init (value, G_TYPE_INT64);
  g_value_set_int64 (value, G_MININT64);
}

static void
check_int64 (const GValue *value,
             Probe        *probe)
{
  g_assert_cmpint (g_value_get_int64 (value), ==, G_MININT64);
}

static void
make_double (GValue *value,
             Probe  *probe)
{
  g_value_init (value, G_TYPE_DOUBLE);
  g_value_set_double (value, 0.5);
}

static void
check_double (const GValue *value,
              Probe        *probe)
{
  g_assert_cmpfloat (g_value_get_double (value), ==, 0.5);
}

static void
make_string (GValue *value,
             Probe  *probe)
{
  g_value_init (value, G_TYPE_STRING);
  g_value_set_string (value, "a string long enough to live on the heap");
}

static void
check_string (const GValue *value,
              Probe        *probe)
{
  g_assert_cmpstr (g_value_get_string (value), ==, "a string long enough to live on the heap");
}

/* A value that has something in the second of its words, too. */
static void
make_static_string (GValue *value,
                    Probe  *probe)
{
  make_string (value, probe);
  g_value_set_static_string (value, g_intern_string (g_value_get_string (value)));
}

static void
make_null_string (GValue *value,
                  Probe  *probe)
{
  g_value_init (value, G_TYPE_STRING);
}

static void
check_null_string (const GValue *value,
                   Probe        *probe)
{
  g_assert_nonnull (value);
  g_assert_null (g_value_get_string (value));
}

static void
make_object (GValue *value,
             Probe  *probe)
{
  g_value_init (value, G_TYPE_OBJECT);
  g_value_take_object (value, probe_object_new (probe));
}

static void
check_object (const GValue *value,
              Probe        *probe)
{
  g_assert_true (TEST_IS_PROBE_OBJECT (g_value_get_object (value)));
}

static void
make_null_object (GValue *value,
                  Probe  *probe)
{
  g_value_init (value, G_TYPE_OBJECT);
}

static void
check_null_object (const GValue *value,
                   Probe        *probe)
{
  g_assert_nonnull (value);
  g_assert_null (g_value_get_object (value));
}

static void
make_boxed (GValue *value,
            Probe  *probe)
{
  g_value_init (value, TEST_TYPE_PROBE_BOXED);
  g_value_take_boxed (value, probe);
}

static void
check_boxed (const GValue *value,
             Probe        *probe)
{
  g_assert_true (g_value_get_boxed (value) == probe);
}

static void
make_variant (GValue *value,
              Probe  *probe)
{
  g_value_init (value, G_TYPE_VARIANT);
  g_value_take_variant (value, probe_variant_new (probe));
}

static void
check_variant (const GValue *value,
               Probe        *probe)
{
  g_assert_cmpstr (g_variant_get_string (g_value_get_variant (value), NULL), ==, "probe");
}

static void
make_pointer (GValue *value,
              Probe  *probe)
{
  g_value_init (value, G_TYPE_POINTER);
  g_value_set_pointer (value, probe);
}

static void
check_pointer (const GValue *value,
               Probe        *probe)
{
  g_assert_true (g_value_get_pointer (value) == probe);
}

static void
make_owned (GValue *value,
            Probe  *probe)
{
  g_value_init (value, owned_pointer_get_type ());
  value->data[0].v_pointer = probe;
}

static void
check_owned (const GValue *value,
             Probe        *probe)
{
  g_assert_true (g_value_peek_pointer (value) == probe);
}

static const Kind kinds[] = {
  { "none", make_none, check_none, FALSE },
  { "int64", make_int64, check_int64, FALSE },
  { "double", make_double, check_double, FALSE },
  { "string", make_string, check_string, FALSE },
  { "static-string", make_static_string, check_string, FALSE },
  { "null-string", make_null_string, check_null_string, FALSE },
  { "object", make_object, check_object, TRUE },
  { "null-object", make_null_object, check_null_object, FALSE },
  { "boxed", make_boxed, check_boxed, TRUE },
  { "variant", make_variant, check_variant, TRUE },
  { "pointer", make_pointer, check_pointer, FALSE },
  { "owned-pointer", make_owned, check_owned, TRUE },
};

typedef struct
{
  const Kind *kind;
  Probe       probe;
} Made;

static gboolean
task_make (GValue       *result,
           GCancellable *cancellable,
           gpointer      user_data,
           GError      **error)
{
  Made *made = user_data;

  g_assert_true (G_VALUE_TYPE (result) == G_TYPE_INVALID);
  made->kind->make (result, &made->probe);

  return TRUE;
}

/* Nothing of it is left, and what was released was released once more than it was copied. */
static void
assert_gone (Made *made)
{
  if (made->kind->releases)
    assert_boxed_balanced (&made->probe);
  else
    assert_not_released (&made->probe);
}

static gboolean
is_alive (Made *made)
{
  return made->kind->releases &&
         g_atomic_int_get (&made->probe.n_released) <= g_atomic_int_get (&made->probe.n_copied);
}

static void
test_dropped_by_caller (gconstpointer data)
{
  Made      made = { .kind = data };
  CfFuture *future = cf_future_new_for_task (task_make, &made, NULL);
  g_autoptr (GError) error = NULL;

  g_test_summary ("A result stays with its future and goes where the last reference goes: the caller.");

  g_assert_true (run_in_thread (future));
  made.kind->check (cf_future_get_result (future, -1, &error), &made.probe);
  g_assert_no_error (error);
  g_assert_cmpint (is_alive (&made), ==, made.kind->releases);

  cf_future_unref (future);
  assert_gone (&made);
  if (made.kind->releases)
    g_assert_true (probe_get_thread (&made.probe) == g_thread_self ());
}

static void
test_results_are_moved (gconstpointer data)
{
  Made made = { .kind = data };
  g_autoptr (CfFuture) future = cf_future_new_for_task (task_make, &made, NULL);

  g_test_summary ("The function's value becomes the future's without a copy.");

  g_assert_true (cf_future_run (future));
  g_assert_cmpint (made.probe.n_copied, ==, 0);
  assert_not_released (&made.probe);
}

static void
test_dropped_by_worker (gconstpointer data)
{
  Made      made = { .kind = data };
  CfFuture *future = cf_future_new_for_task (task_make, &made, NULL);
  GThread  *thread = start_in_thread (future);

  g_test_summary ("Nobody waits for the future and nobody holds it: all is gone when the worker is.");

  cf_future_unref (future);
  g_thread_join (thread);
  assert_gone (&made);
}

static void
test_by_hand (gconstpointer data)
{
  Made      made = { .kind = data };
  CfFuture *future = cf_future_new ();
  GValue    value = G_VALUE_INIT;
  GValue    copy = G_VALUE_INIT;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A value set by hand is copied, copy_result() copies it again, and all copies are independent.");

  made.kind->make (&value, &made.probe);
  g_assert_true (cf_future_set_result (future, G_IS_VALUE (&value) ? &value : NULL, &error));
  g_assert_no_error (error);
  if (G_IS_VALUE (&value))
    g_value_unset (&value);

  made.kind->check (cf_future_get_result (future, 0, NULL), &made.probe);
  g_assert_true (cf_future_copy_result (future, 0, &copy, &error));
  g_assert_no_error (error);

  cf_future_unref (future);
  made.kind->check (G_IS_VALUE (&copy) ? &copy : NULL, &made.probe);
  g_assert_cmpint (is_alive (&made), ==, made.kind->releases);
  if (G_IS_VALUE (&copy))
    g_value_unset (&copy);
  assert_gone (&made);
}

static void
test_refused (gconstpointer data)
{
  Made   made = { .kind = data };
  GValue value = G_VALUE_INIT;
  g_autoptr (CfFuture) future = cf_future_new ();

  g_test_summary ("A value that comes too late stays the caller's, and no copy of it is left behind.");

  g_assert_true (cf_future_cancel (future));
  made.kind->make (&value, &made.probe);
  g_assert_false (cf_future_set_result (future, G_IS_VALUE (&value) ? &value : NULL, NULL));
  g_assert_cmpint (is_alive (&made), ==, made.kind->releases);
  if (G_IS_VALUE (&value))
    g_value_unset (&value);
  assert_gone (&made);
}

static void
settle_from_inside (Made     *made,
                    CfFuture *future)
{
  settle_int (future, 1);
  assert_not_released (&made->probe);
}

typedef struct
{
  Made      made;
  CfFuture *future;
} Overtaken;

static gboolean
task_overtaken (GValue       *result,
                GCancellable *cancellable,
                gpointer      user_data,
                GError      **error)
{
  Overtaken *overtaken = user_data;

  task_make (result, cancellable, &overtaken->made, error);
  settle_from_inside (&overtaken->made, overtaken->future);

  return TRUE;
}

static void
test_overtaken (gconstpointer data)
{
  Overtaken overtaken = { .made.kind = data };
  g_autoptr (CfFuture) future = cf_future_new_for_task (task_overtaken, &overtaken, NULL);

  g_test_summary ("A function whose future was settled meanwhile: its own value is released.");

  overtaken.future = future;
  cf_future_run (future);
  g_assert_cmpint (get_int (future), ==, 1);
  assert_gone (&overtaken.made);
}

static gboolean
task_settled_inside (GValue       *result,
                     GCancellable *cancellable,
                     gpointer      user_data,
                     GError      **error)
{
  Overtaken *self = user_data;
  g_auto (GValue) value = G_VALUE_INIT;

  self->made.kind->make (&value, &self->made.probe);
  g_assert_true (cf_future_set_result (self->future, G_IS_VALUE (&value) ? &value : NULL, error));
  self->made.kind->check (cf_future_get_result (self->future, 0, NULL), &self->made.probe);

  return task_int (result, cancellable, GINT_TO_POINTER (1), error);
}

static void
test_overtaking (gconstpointer data)
{
  Overtaken overtaking = { .made.kind = data };
  CfFuture *future = cf_future_new_for_task (task_settled_inside, &overtaking, NULL);

  g_test_summary ("A value that is set while the function runs stands, whatever that returns then.");

  overtaking.future = future;
  g_assert_true (run_in_thread (future));
  overtaking.made.kind->check (cf_future_get_result (future, -1, NULL), &overtaking.made.probe);
  g_assert_cmpint (is_alive (&overtaking.made), ==, overtaking.made.kind->releases);

  cf_future_unref (future);
  assert_gone (&overtaking.made);
}

static void
add_for_each_kind (const char   *what,
                   GTestDataFunc test)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autofree char *path = g_strdup_printf ("/future-value/%s/%s", what, kinds[i].name);

      g_test_add_data_func (path, &kinds[i], test);
    }
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  add_for_each_kind ("dropped-by-caller", test_dropped_by_caller);
  add_for_each_kind ("dropped-by-worker", test_dropped_by_worker);
  add_for_each_kind ("moved", test_results_are_moved);
  add_for_each_kind ("by-hand", test_by_hand);
  add_for_each_kind ("refused", test_refused);
  add_for_each_kind ("overtaken", test_overtaken);
  add_for_each_kind ("overtaking", test_overtaking);

  return g_test_run ();
}
