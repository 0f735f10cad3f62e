/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* cf_future_unref() is g_object_unref(), whatever hangs on the future; subclasses; misuse. */

#include "cf-test.h"

/* A future that holds a probe, so that its end can be seen. */
static CfFuture *
future_with_probe (Probe   *probe,
                   gboolean settled)
{
  CfFuture *future = cf_future_new_for_task (task_never, NULL, NULL);
  g_auto (GValue) value = G_VALUE_INIT;

  if (!settled)
    {
      cf_future_add_done_callback (future, count_callback, probe, probe_release);
      return future;
    }

  g_value_init (&value, TEST_TYPE_PROBE_OBJECT);
  g_value_take_object (&value, probe_object_new (probe));
  g_assert_true (cf_future_set_result (future, &value, NULL));

  return future;
}

typedef void (*Unref) (CfFuture *future);

static void
plain_unref (CfFuture *future)
{
  g_object_unref (future);
}

static void
auto_unref (CfFuture *future)
{
  g_autoptr (CfFuture) owned = future;

  g_assert_true (CF_IS_FUTURE (owned));
}

typedef struct
{
  const char *name;
  Unref       unref;
  gboolean    settled;
} Way;

static const Way ways[] = {
  { "cf-unref/settled", cf_future_unref, TRUE },
  { "cf-unref/pending", cf_future_unref, FALSE },
  { "object-unref/settled", plain_unref, TRUE },
  { "object-unref/pending", plain_unref, FALSE },
  { "autoptr/settled", auto_unref, TRUE },
  { "autoptr/pending", auto_unref, FALSE },
};

/* Futures are dispatched here before they are dropped, so that none is kept for a "done" to come. */
static void
drop (const Way *way,
      CfFuture  *future)
{
  run_pending (NULL);
  way->unref (future);
}

static void
test_plain (gconstpointer data)
{
  const Way *way = data;

  g_test_summary ("The last reference ends the future, and the next one starts afresh.");

  for (guint i = 0; i < 1000; i++)
    {
      Probe            probe = { 0 };
      CfFuture        *future = future_with_probe (&probe, way->settled);
      g_autofree char *name = NULL;

      g_object_get (future, "name", &name, NULL);
      g_assert_null (name);
      g_assert_cmpint (cf_future_is_done (future), ==, way->settled);
      g_object_set (future, "name", "used", NULL);
      cf_future_get_cancellable (future);
      drop (way, future);
      assert_released_once (&probe);
    }
}

static void
test_referenced (gconstpointer data)
{
  const Way *way = data;
  Probe      probe = { 0 };
  CfFuture  *future = future_with_probe (&probe, way->settled);
  GObject   *referenced = g_object_ref (G_OBJECT (future));

  g_test_summary ("Another reference keeps the future.");

  drop (way, future);
  assert_not_released (&probe);
  g_assert_true (CF_IS_FUTURE (referenced));
  drop (way, CF_FUTURE (referenced));
  assert_released_once (&probe);
}

static void
note_weak (gpointer user_data,
           GObject *where_the_object_was)
{
  probe_release (user_data);
}

static void
test_weak_references (gconstpointer data)
{
  const Way *way = data;
  Probe      probe = { 0 };
  Probe      weak_probe = { 0 };
  CfFuture  *future = future_with_probe (&probe, way->settled);
  CfFuture  *pointer = future;
  CfFuture  *pointed = future_with_probe (&probe, way->settled);
  CfFuture  *pointed_too = pointed;

  g_test_summary ("Weak references are told, weak pointers cleared.");

  g_object_weak_ref (G_OBJECT (future), note_weak, &weak_probe);
  g_object_add_weak_pointer (G_OBJECT (future), (gpointer *) &pointer);
  g_object_add_weak_pointer (G_OBJECT (pointed), (gpointer *) &pointed_too);
  drop (way, future);
  assert_released_once (&weak_probe);
  assert_released_once (&probe);
  g_assert_null (pointer);
  drop (way, pointed);
  g_assert_null (pointed_too);
}

static void
test_weak_ref (gconstpointer data)
{
  const Way *way = data;
  Probe      probe = { 0 };
  CfFuture  *future = future_with_probe (&probe, way->settled);
  CfFuture  *got;
  GWeakRef   weak_ref;

  g_test_summary ("A GWeakRef gives the future while it lives, and NULL afterwards.");

  g_weak_ref_init (&weak_ref, future);
  got = g_weak_ref_get (&weak_ref);
  g_assert_true (got == future);
  drop (way, future);
  assert_not_released (&probe);
  drop (way, got);
  assert_released_once (&probe);
  g_assert_null (g_weak_ref_get (&weak_ref));
  g_weak_ref_clear (&weak_ref);
}

static void
note_toggle (gpointer user_data,
             GObject *object,
             gboolean is_last_ref)
{
  gint *n_last = user_data;

  *n_last += is_last_ref ? 1 : 0;
}

static void
test_toggle_reference (gconstpointer data)
{
  const Way *way = data;
  Probe      probe = { 0 };
  gint       n_last = 0;
  CfFuture  *future = future_with_probe (&probe, way->settled);

  g_test_summary ("A toggle reference is told when it becomes the last one, and keeps the future.");

  g_object_add_toggle_ref (G_OBJECT (future), note_toggle, &n_last);
  drop (way, future);
  g_assert_cmpint (n_last, ==, 1);
  assert_not_released (&probe);
  g_assert_true (CF_IS_FUTURE (future));
  g_object_remove_toggle_ref (G_OBJECT (future), note_toggle, &n_last);
  assert_released_once (&probe);
}

static void
test_qdata (gconstpointer data)
{
  const Way *way = data;
  Probe      probe = { 0 };
  Probe      data_probe = { 0 };
  CfFuture  *future = future_with_probe (&probe, way->settled);

  g_test_summary ("Data set on the future is destroyed with it.");

  g_object_set_data_full (G_OBJECT (future), "test", &data_probe, probe_release);
  drop (way, future);
  assert_released_once (&data_probe);
  assert_released_once (&probe);
}

static void
release_closure (gpointer  probe,
                 GClosure *closure)
{
  probe_release (probe);
}

static void
ignore_done (CfFuture *future,
             gpointer  user_data)
{
}

static void
test_signal_handlers (gconstpointer data)
{
  const Way *way = data;
  Probe      probe = { 0 };
  Probe      done_probe = { 0 };
  Probe      notify_probe = { 0 };
  CfFuture  *future = future_with_probe (&probe, way->settled);

  g_test_summary ("Handlers are disconnected with the future, whose \"done\" has been or never comes.");

  g_signal_connect_data (future, "done", G_CALLBACK (ignore_done), &done_probe, release_closure, 0);
  g_signal_connect_data (future, "notify::name", G_CALLBACK (ignore_done), &notify_probe, release_closure, 0);
  drop (way, future);
  assert_released_once (&done_probe);
  assert_released_once (&notify_probe);
  assert_released_once (&probe);
}

static void
test_watched_handler (gconstpointer data)
{
  const Way *way = data;
  Probe      probe = { 0 };
  Probe      object_probe = { 0 };
  GObject   *object = probe_object_new (&object_probe);
  CfFuture  *future = future_with_probe (&probe, way->settled);

  g_test_summary ("A handler that belongs to an object goes with either of them.");

  g_signal_connect_object (future, "done", G_CALLBACK (ignore_done), object, 0);
  drop (way, future);
  assert_released_once (&probe);
  g_object_unref (object);
  assert_released_once (&object_probe);

  object = probe_object_new (&object_probe);
  future = future_with_probe (&probe, way->settled);
  g_signal_connect_object (future, "done", G_CALLBACK (ignore_done), object, 0);
  g_object_unref (object);
  g_assert_cmpuint (probe_get_n_released (&object_probe), ==, 2);
  drop (way, future);
  g_assert_cmpuint (probe_get_n_released (&probe), ==, 2);
}

static void
test_watched_by_closure (gconstpointer data)
{
  const Way *way = data;
  Probe      probe = { 0 };
  CfFuture  *future = future_with_probe (&probe, way->settled);
  GClosure  *closure = g_cclosure_new_object (G_CALLBACK (ignore_done), G_OBJECT (future));

  g_test_summary ("A closure that watches the future becomes invalid with it.");

  g_closure_ref (closure);
  g_closure_sink (closure);
  drop (way, future);
  assert_released_once (&probe);
  g_assert_true (closure->is_invalid);
  g_closure_unref (closure);
}

/* A subclass */

#define TEST_TYPE_FUTURE (test_future_get_type ())
G_DECLARE_FINAL_TYPE (TestFuture, test_future, TEST, FUTURE, CfFuture)

struct _TestFuture
{
  CfFuture parent_instance;

  Probe *disposed;
  Probe *finalized;
};

G_DEFINE_FINAL_TYPE (TestFuture, test_future, CF_TYPE_FUTURE)

static void
test_future_dispose (GObject *object)
{
  TestFuture *self = TEST_FUTURE (object);

  if (self->disposed != NULL)
    probe_release (self->disposed);
  self->disposed = NULL;

  G_OBJECT_CLASS (test_future_parent_class)->dispose (object);
}

static void
test_future_finalize (GObject *object)
{
  TestFuture *self = TEST_FUTURE (object);

  probe_release (self->finalized);

  G_OBJECT_CLASS (test_future_parent_class)->finalize (object);
}

static void
test_future_class_init (TestFutureClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = test_future_dispose;
  G_OBJECT_CLASS (klass)->finalize = test_future_finalize;
}

static void
test_future_init (TestFuture *self)
{
}

static void
test_subclass (gconstpointer data)
{
  const Way  *way = data;
  Probe       disposed = { 0 };
  Probe       finalized = { 0 };
  gint        called = 0;
  TestFuture *self = g_object_new (TEST_TYPE_FUTURE, "name", "derived", NULL);
  CfFuture   *future = CF_FUTURE (self);

  g_test_summary ("A subclass is a future like others, and its own dispose and finalize run.");

  self->disposed = &disposed;
  self->finalized = &finalized;
  g_assert_cmpint (cf_future_get_state (future), ==, CF_FUTURE_STATE_PENDING);
  g_signal_connect (future, "done", G_CALLBACK (count_callback), &called);
  if (way->settled)
    {
      g_assert_true (cf_future_set_running_or_notify_cancel (future));
      settle_int (future, 6);
      g_assert_true (cf_wait (&future, 1, CF_ALL_COMPLETED, -1, NULL, NULL, NULL));
      g_assert_cmpint (get_int (future), ==, 6);
    }

  drop (way, future);
  g_assert_cmpint (called, ==, way->settled ? 1 : 0);
  assert_released_once (&disposed);
  assert_released_once (&finalized);
}

/* Dropped with a handler before "done" was told: dispose keeps the future until then. */

static void
note_last (CfFuture *future,
           gpointer  user_data)
{
  Probe *probe = user_data;

  assert_not_released (probe);
  g_assert_true (cf_future_is_done (future));
  probe->n_copied++;
}

static void
test_kept_for_handler (gconstpointer data)
{
  const Way *way = data;
  Probe      probe = { 0 };
  CfFuture  *future = future_with_probe (&probe, TRUE);

  g_test_summary ("The last reference goes after a handler was connected to a done future: the handler is still called.");

  g_signal_connect (future, "done", G_CALLBACK (note_last), &probe);
  way->unref (future);
  assert_not_released (&probe);
  run_pending (NULL);
  g_assert_cmpint (probe.n_copied, ==, 1);
  assert_released_once (&probe);
}

static void
add_for_each_way (const char   *what,
                  GTestDataFunc test)
{
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_autofree char *path = g_strdup_printf ("/future-unref/%s/%s", what, ways[i].name);

      g_test_add_data_func (path, &ways[i], test);
    }
}

static gboolean
hook_reads_result (GSignalInvocationHint *hint G_GNUC_UNUSED,
                   guint                       n_values,
                   const GValue               *values,
                   gpointer                    n_told)
{
  g_assert_cmpuint (n_values, ==, 1);
  cf_future_get_result (g_value_get_object (values), 0, NULL);
  ++*(guint *) n_told;

  return TRUE;
}

static gboolean
task_settles_itself (GValue       *result,
                     GCancellable *cancellable,
                     gpointer      user_data,
                     GError      **error)
{
  settle_int (*(CfFuture **) user_data, 7);

  return task_int (result, cancellable, NULL, error);
}

static void
test_told_at_its_end (void)
{
  guint     n_told = 0, signal_id;
  CfFuture *future;
  gulong    hook;

  g_test_summary ("An emission hook may hear of a future that nobody holds any more, and look at its result.");

  future = cf_future_new_for_task (task_settles_itself, &future, NULL);
  signal_id = g_signal_lookup ("done", CF_TYPE_FUTURE);
  hook = g_signal_add_emission_hook (signal_id, 0, hook_reads_result, &n_told, NULL);
  g_assert_true (cf_future_run (future));
  cf_future_unref (future);
  run_pending (NULL);
  g_signal_remove_emission_hook (signal_id, hook);
  g_assert_cmpuint (n_told, <=, 1);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/future-unref/told-at-its-end", test_told_at_its_end);
  add_for_each_way ("plain", test_plain);
  add_for_each_way ("referenced", test_referenced);
  add_for_each_way ("weak-references", test_weak_references);
  add_for_each_way ("weak-ref", test_weak_ref);
  add_for_each_way ("toggle-reference", test_toggle_reference);
  add_for_each_way ("qdata", test_qdata);
  add_for_each_way ("signal-handlers", test_signal_handlers);
  add_for_each_way ("watched-handler", test_watched_handler);
  add_for_each_way ("watched-by-closure", test_watched_by_closure);
  add_for_each_way ("subclass", test_subclass);
  add_for_each_way ("kept-for-handler", test_kept_for_handler);

  return g_test_run ();
}
