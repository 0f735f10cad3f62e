/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <cfutures/cfutures.h>

G_BEGIN_DECLS

/* How long a test may hang before it is aborted.  No assertion depends on it. */
#define TEST_WATCHDOG_SECONDS 240

/* Calls g_test_init() and arms the watchdog of the program; in main() instead of g_test_init(). */
void test_init (int    *argc,
                char ***argv);

/* How often to try a race: a tenth where threads take turns anyway, under valgrind; in the long form with -m slow, and where
 * CF_TEST_FULL is set. */
guint n_tries (guint usual,
               guint long_form);

/* A gate that work waits at, so that a test decides how far a worker gets.
 * n_waiting counts everyone who ever came to the gate; it does not go down. */
typedef struct
{
  GMutex   lock;
  GCond    changed;
  guint    n_waiting; /* (mutex lock) */
  gboolean open;      /* (mutex lock) */
} Gate;

void gate_init (Gate *gate);
void gate_clear (Gate *gate);
void gate_open (Gate *gate);
/* Comes to the gate and waits until it is open. */
void gate_wait (Gate *gate);
/* Waits until @n_waiting have come to the gate since gate_init(). */
void  gate_await_waiting (Gate *gate,
                          guint n_waiting);
guint gate_get_n_waiting (Gate *gate);

/* Counts how often something was released, and remembers where.  Set @gate to hold the release up;
 * set @watched to record whether that future was done when the release took place. */
typedef struct
{
  gint      n_released;   /* (atomic) */
  gint      n_copied;     /* (atomic): copies made of a boxed value */
  GThread  *thread;       /* (atomic): of the last release */
  gint      done_by_then; /* (atomic): @watched was done at the release */
  Gate     *gate;         /* (const) (nullable) */
  CfFuture *watched;      /* (const) (nullable): not a reference */
} Probe;

/* A GDestroyNotify for a Probe. */
void     probe_release (gpointer probe);
guint    probe_get_n_released (Probe *probe);
GThread *probe_get_thread (Probe *probe);
/* The probe was released exactly once. */
#define assert_released_once(probe) g_assert_cmpuint (probe_get_n_released (probe), ==, 1)
#define assert_not_released(probe) g_assert_cmpuint (probe_get_n_released (probe), ==, 0)

/* Something that releases the probe when its last reference or copy is gone. */
GVariant *probe_variant_new (Probe *probe); /* a full (not floating) string "probe" */
GObject  *probe_object_new (Probe *probe);
#define TEST_TYPE_PROBE_OBJECT (test_probe_object_get_type ())
G_DECLARE_FINAL_TYPE (TestProbeObject, test_probe_object, TEST, PROBE_OBJECT, GObject)

/* A boxed type whose copies count in n_copied, and every one of whose frees in n_released: so all is
 * released when n_released is n_copied + 1. */
typedef Probe TestProbeBoxed;
#define TEST_TYPE_PROBE_BOXED (test_probe_boxed_get_type ())
GType test_probe_boxed_get_type (void);
void  assert_boxed_balanced (Probe *probe);

/* Iterates @context, in the thread that owns it, until @condition holds.  The watchdog aborts the test. */
typedef gboolean (*TestCondition) (gpointer data);
void run_until (GMainContext *context,
                TestCondition condition,
                gpointer      data);
/* The same until the atomic *counter has reached @n. */
void run_until_count (GMainContext *context,
                      gint         *counter,
                      gint          n);
/* Dispatches what is ready in @context and returns. */
void run_pending (GMainContext *context);

/* A GAsyncReadyCallback that keeps the result: user_data is a GAsyncResult ** that was NULL. */
void keep_result (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data);
/* Iterates @context until keep_result() was called for @result. */
GAsyncResult *await_result (GMainContext  *context,
                            GAsyncResult **result);

/* A CfFutureCallback and a "done" handler that count: user_data is a gint (atomic). */
void count_callback (CfFuture *future,
                     gpointer  counter);

/* The error of those that fail. */
void set_no_such_luck (GError **error);

/* CfFuncs */
GVariant *func_double (GVariant *args, GCancellable *cancellable, GError **error);      /* "x": twice that, floating */
GVariant *func_double_full (GVariant *args, GCancellable *cancellable, GError **error); /* "x": twice that, full */
GVariant *func_unit (GVariant *args, GCancellable *cancellable, GError **error);        /* () */
GVariant *func_fail (GVariant *args, GCancellable *cancellable, GError **error);        /* G_IO_ERROR_NOT_FOUND "no such luck" */
GVariant *func_null (GVariant *args, GCancellable *cancellable, GError **error);        /* NULL without an error */
GVariant *func_never (GVariant *args, GCancellable *cancellable, GError **error);       /* aborts: must not run */
/* Waits at the Gate whose address is in @args (variant_from_pointer()) and returns (). */
GVariant *func_gate (GVariant *args, GCancellable *cancellable, GError **error);
GVariant *variant_from_pointer (gpointer pointer); /* "t", floating */
gpointer  variant_to_pointer (GVariant *variant);

/* CfTaskFuncs */
gboolean task_int (GValue *result, GCancellable *cancellable, gpointer user_data, GError **error);     /* G_TYPE_INT: GPOINTER_TO_INT (user_data) */
gboolean task_nothing (GValue *result, GCancellable *cancellable, gpointer user_data, GError **error); /* TRUE, no value */
gboolean task_fail (GValue *result, GCancellable *cancellable, gpointer user_data, GError **error);    /* G_IO_ERROR_NOT_FOUND "no such luck" */
gboolean task_false (GValue *result, GCancellable *cancellable, gpointer user_data, GError **error);   /* FALSE without an error */
gboolean task_never (GValue *result, GCancellable *cancellable, gpointer user_data, GError **error);   /* aborts: must not run */
gboolean task_gate (GValue *result, GCancellable *cancellable, gpointer user_data, GError **error);    /* waits at the Gate user_data; G_TYPE_INT 42 */
gboolean task_count (GValue *result, GCancellable *cancellable, gpointer user_data, GError **error);   /* adds 1 to the gint (atomic) user_data; no value */

/* Settles @future with a G_TYPE_INT, as a custom executor does; asserts that it was possible. */
void settle_int (CfFuture *future,
                 int       value);
/* A GThreadFunc that settles a future with 1. */
gpointer settle_int_thread (gpointer future);
/* Settles @future with G_IO_ERROR_NOT_FOUND "no such luck". */
void settle_error (CfFuture *future);
/* The G_TYPE_INT result of a done future. */
int get_int (CfFuture *future);
/* Runs cf_future_run() in a thread of its own and joins it. */
gboolean run_in_thread (CfFuture *future);
/* The same without joining: the thread drops its reference to the future before it ends.
 * Returns the thread; its value is the gboolean of cf_future_run(). */
GThread *start_in_thread (CfFuture *future);

G_END_DECLS
