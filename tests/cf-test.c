/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-test.h"

#include <unistd.h>

static gboolean
is_long_form (void)
{
  return g_test_slow () || g_getenv ("CF_TEST_FULL") != NULL;
}

void
test_init (int    *argc,
           char ***argv)
{
  g_test_init (argc, argv, NULL);
  alarm (is_long_form () ? 10 * TEST_WATCHDOG_SECONDS : TEST_WATCHDOG_SECONDS);
}

guint
n_tries (guint usual,
         guint long_form)
{
  if (is_long_form ())
    return long_form;

  return g_getenv ("CF_TEST_SERIAL") != NULL ? MAX (usual / 10, 1) : usual;
}

/* Gates */

void
gate_init (Gate *gate)
{
  g_mutex_init (&gate->lock);
  g_cond_init (&gate->changed);
  gate->n_waiting = 0;
  gate->open = FALSE;
}

void
gate_clear (Gate *gate)
{
  /* Who passed last has let go of it. */
  g_mutex_lock (&gate->lock);
  g_mutex_unlock (&gate->lock);

  g_mutex_clear (&gate->lock);
  g_cond_clear (&gate->changed);
}

void
gate_open (Gate *gate)
{
  g_mutex_lock (&gate->lock);
  gate->open = TRUE;
  g_cond_broadcast (&gate->changed);
  g_mutex_unlock (&gate->lock);
}

void
gate_wait (Gate *gate)
{
  g_mutex_lock (&gate->lock);
  gate->n_waiting++;
  g_cond_broadcast (&gate->changed);
  while (!gate->open)
    g_cond_wait (&gate->changed, &gate->lock);
  g_mutex_unlock (&gate->lock);
}

void
gate_await_waiting (Gate *gate,
                    guint n_waiting)
{
  g_mutex_lock (&gate->lock);
  while (gate->n_waiting < n_waiting)
    g_cond_wait (&gate->changed, &gate->lock);
  g_mutex_unlock (&gate->lock);
}

guint
gate_get_n_waiting (Gate *gate)
{
  guint n_waiting;

  g_mutex_lock (&gate->lock);
  n_waiting = gate->n_waiting;
  g_mutex_unlock (&gate->lock);

  return n_waiting;
}

/* Probes */

void
probe_release (gpointer data)
{
  Probe *probe = data;

  if (probe->gate != NULL)
    gate_wait (probe->gate);
  if (probe->watched != NULL)
    g_atomic_int_set (&probe->done_by_then, cf_future_is_done (probe->watched));

  g_atomic_pointer_set (&probe->thread, g_thread_self ());
  g_atomic_int_inc (&probe->n_released);
}

guint
probe_get_n_released (Probe *probe)
{
  return (guint) g_atomic_int_get (&probe->n_released);
}

GThread *
probe_get_thread (Probe *probe)
{
  return g_atomic_pointer_get (&probe->thread);
}

GVariant *
probe_variant_new (Probe *probe)
{
  static const char text[] = "probe";

  return g_variant_ref_sink (g_variant_new_from_data (G_VARIANT_TYPE_STRING, text, sizeof text,
                                                      TRUE, probe_release, probe));
}

struct _TestProbeObject
{
  GObject parent_instance;

  Probe *probe; /* (const) */
};

G_DEFINE_FINAL_TYPE (TestProbeObject, test_probe_object, G_TYPE_OBJECT)

static void
test_probe_object_finalize (GObject *object)
{
  TestProbeObject *self = TEST_PROBE_OBJECT (object);

  probe_release (self->probe);

  G_OBJECT_CLASS (test_probe_object_parent_class)->finalize (object);
}

static void
test_probe_object_class_init (TestProbeObjectClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = test_probe_object_finalize;
}

static void
test_probe_object_init (TestProbeObject *self)
{
}

GObject *
probe_object_new (Probe *probe)
{
  TestProbeObject *self = g_object_new (TEST_TYPE_PROBE_OBJECT, NULL);

  self->probe = probe;

  return G_OBJECT (self);
}

static gpointer
copy_boxed (gpointer boxed)
{
  Probe *probe = boxed;

  g_atomic_int_inc (&probe->n_copied);

  return probe;
}

G_DEFINE_BOXED_TYPE (TestProbeBoxed, test_probe_boxed, copy_boxed, probe_release)

void
assert_boxed_balanced (Probe *probe)
{
  g_assert_cmpint (g_atomic_int_get (&probe->n_released), ==,
                   g_atomic_int_get (&probe->n_copied) + 1);
}

/* Main contexts */

static gboolean
tick_cb (gpointer user_data)
{
  gint64 *deadline = user_data;

  if (g_get_monotonic_time () > *deadline)
    g_error ("The main context waited too long for something that should have come");

  return G_SOURCE_CONTINUE;
}

void
run_until (GMainContext *context,
           TestCondition condition,
           gpointer      data)
{
  gint64   deadline = g_get_monotonic_time () + TEST_WATCHDOG_SECONDS * G_USEC_PER_SEC / 2;
  GSource *tick = g_timeout_source_new (20);

  /* The tick looks at the condition again, should it come true without a wake-up, and is the watchdog. */
  g_source_set_callback (tick, tick_cb, &deadline, NULL);
  g_source_attach (tick, context);

  while (!condition (data))
    g_main_context_iteration (context, TRUE);

  g_source_destroy (tick);
  g_source_unref (tick);
}

typedef struct
{
  gint *counter;
  gint  n;
} Count;

static gboolean
count_is_reached (gpointer data)
{
  Count *count = data;

  return g_atomic_int_get (count->counter) >= count->n;
}

void
run_until_count (GMainContext *context,
                 gint         *counter,
                 gint          n)
{
  Count count = { counter, n };

  run_until (context, count_is_reached, &count);
}

void
run_pending (GMainContext *context)
{
  while (g_main_context_iteration (context, FALSE))
    ;
}

void
keep_result (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  GAsyncResult **kept = user_data;

  g_assert_null (*kept);
  *kept = g_object_ref (result);
}

static gboolean
is_set (gpointer data)
{
  return *(gpointer *) data != NULL;
}

GAsyncResult *
await_result (GMainContext  *context,
              GAsyncResult **result)
{
  run_until (context, is_set, result);

  return *result;
}

/* Callbacks */

void
count_callback (CfFuture *future,
                gpointer  counter)
{
  g_assert_true (cf_future_is_done (future));
  g_atomic_int_inc ((gint *) counter);
}

/* Futures */

void
settle_int (CfFuture *future,
            int       value)
{
  g_auto (GValue) result = G_VALUE_INIT;
  g_autoptr (GError) error = NULL;
  gboolean settled;

  g_value_init (&result, G_TYPE_INT);
  g_value_set_int (&result, value);

  settled = cf_future_set_result (future, &result, &error);
  g_assert_no_error (error);
  g_assert_true (settled);
}

gpointer
settle_int_thread (gpointer future)
{
  settle_int (future, 1);

  return NULL;
}

void
settle_error (CfFuture *future)
{
  g_autoptr (GError) exception = NULL;
  g_autoptr (GError) error = NULL;
  gboolean settled;

  set_no_such_luck (&exception);

  settled = cf_future_set_exception (future, exception, &error);
  g_assert_no_error (error);
  g_assert_true (settled);
}

int
get_int (CfFuture *future)
{
  g_autoptr (GError) error = NULL;
  const GValue *result = cf_future_get_result (future, 0, &error);

  g_assert_no_error (error);
  g_assert_nonnull (result);

  return g_value_get_int (result);
}

static gpointer
run_thread (gpointer data)
{
  CfFuture *future = data;
  gboolean  ran = cf_future_run (future);

  cf_future_unref (future);

  return GINT_TO_POINTER (ran);
}

GThread *
start_in_thread (CfFuture *future)
{
  return g_thread_new ("run", run_thread, g_object_ref (future));
}

gboolean
run_in_thread (CfFuture *future)
{
  return GPOINTER_TO_INT (g_thread_join (start_in_thread (future)));
}
