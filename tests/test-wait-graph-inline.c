/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A worker that waits for what is still queued in its own pool runs it, and what happens when it must not. */

#include "cf-test-waiters.h"

#define N_PARTS 10

static gboolean
task_square (GValue       *result,
             GCancellable *cancellable,
             gpointer      user_data,
             GError      **error)
{
  return task_int (result, cancellable, GINT_TO_POINTER (25), error);
}

typedef struct
{
  CfExecutor *executor;
  WaitKind    kind;
  GThread    *inner_thread;
  GThread    *outer_thread;
} Nested;

static gboolean
task_where (GValue       *result,
            GCancellable *cancellable,
            gpointer      user_data,
            GError      **error)
{
  ((Nested *) user_data)->inner_thread = g_thread_self ();

  return task_square (result, cancellable, NULL, error);
}

static gboolean
task_nested (GValue       *result,
             GCancellable *cancellable,
             gpointer      user_data,
             GError      **error)
{
  Nested *self = user_data;
  g_autoptr (CfFuture) inner = submit_task (self->executor, task_where, self);
  g_autoptr (GError) local_error = NULL;

  self->outer_thread = g_thread_self ();
  if (!wait_for (inner, self->kind, -1, &local_error))
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }

  return task_int (result, cancellable, GINT_TO_POINTER (get_int (inner)), error);
}

static void
test_pool_of_one (gconstpointer kind)
{
  Nested nested = { pool_new (1), GPOINTER_TO_UINT (kind), NULL, NULL };

  g_test_summary ("The worker that waits for work of its own pool of one gets 25.");

  for (guint i = 0; i < 100; i++)
    {
      g_autoptr (CfFuture) future = submit_task (nested.executor, task_nested, &nested);

      g_assert_cmpint (await_int (future), ==, 25);
      g_assert_true (nested.inner_thread == nested.outer_thread);
    }
  g_assert_cmpuint (get_count (nested.executor, "n-workers"), ==, 1);
  pool_end (nested.executor);
}

static void
test_switched_off (gconstpointer kind)
{
  Nested nested = { pool_new_without_inline_waits (1), GPOINTER_TO_UINT (kind), NULL, NULL };
  g_autoptr (CfFuture) future = task_new ("outer", task_nested, &nested);
  g_autoptr (GError) error = NULL;

  g_test_summary ("Without inline waits the same is a DEADLOCK, and the queued work runs afterwards.");

  schedule (nested.executor, future);
  g_assert_null (cf_future_get_result (future, -1, &error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK);
  assert_contains (error->message, "outer");
  cf_executor_shutdown (nested.executor, TRUE, FALSE);
  g_assert_nonnull (nested.inner_thread);
  await_finalized (nested.executor);
}

static void
test_switched_off_with_two (gconstpointer kind)
{
  Nested nested = { pool_new_without_inline_waits (2), GPOINTER_TO_UINT (kind), NULL, NULL };
  g_autoptr (CfFuture) future = submit_task (nested.executor, task_nested, &nested);

  g_test_summary ("Without inline waits another worker does it, when there is one.");

  g_assert_cmpint (await_int (future), ==, 25);
  g_assert_true (nested.inner_thread != nested.outer_thread);
  pool_end (nested.executor);
}

typedef struct
{
  CfExecutor *executor;
  guint       order[N_PARTS];
  guint       n;
} Parts;

typedef struct
{
  Parts *parts;
  guint  number;
} Part;

static gboolean
task_part (GValue       *result,
           GCancellable *cancellable,
           gpointer      user_data,
           GError      **error)
{
  Part *part = user_data;

  part->parts->order[part->parts->n++] = part->number;

  return task_int (result, cancellable, GINT_TO_POINTER ((int) part->number), error);
}

static void
parts_submit (Parts     *self,
              Part      *part,
              CfFuture **futures)
{
  self->n = 0;
  for (guint i = 0; i < N_PARTS; i++)
    {
      part[i] = (Part){ self, i };
      futures[i] = submit_task (self->executor, task_part, &part[i]);
    }
}

static void
parts_release (CfFuture **futures)
{
  for (guint i = 0; i < N_PARTS; i++)
    {
      g_assert_cmpint (await_int (futures[i]), ==, (int) i);
      cf_future_unref (futures[i]);
    }
}

static gboolean
task_wait_last (GValue       *result,
                GCancellable *cancellable,
                gpointer      user_data,
                GError      **error)
{
  Parts    *self = user_data;
  Part      part[N_PARTS];
  CfFuture *futures[N_PARTS];

  parts_submit (self, part, futures);
  g_assert_cmpint (await_int (futures[7]), ==, 7);
  g_assert_cmpuint (self->n, ==, 1);
  g_assert_cmpuint (self->order[0], ==, 7);
  for (guint i = 0; i < N_PARTS; i++)
    g_assert_cmpint (cf_future_is_done (futures[i]), ==, i == 7);
  parts_release (futures);

  return task_int (result, cancellable, GINT_TO_POINTER (1), error);
}

static gboolean
task_cf_wait (GValue       *result,
              GCancellable *cancellable,
              gpointer      user_data,
              GError      **error)
{
  Parts    *self = user_data;
  Part      part[N_PARTS];
  CfFuture *futures[N_PARTS];
  g_autoptr (GPtrArray) done = NULL;
  g_autoptr (GPtrArray) not_done = NULL;

  parts_submit (self, part, futures);
  g_assert_true (cf_wait (futures, N_PARTS, CF_ALL_COMPLETED, -1, &done, &not_done, NULL));
  g_assert_cmpuint (done->len, ==, N_PARTS);
  g_assert_cmpuint (not_done->len, ==, 0);
  parts_release (futures);

  return task_int (result, cancellable, GINT_TO_POINTER (1), error);
}

static gboolean
task_cf_wait_first (GValue       *result,
                    GCancellable *cancellable,
                    gpointer      user_data,
                    GError      **error)
{
  Parts    *self = user_data;
  Part      part[N_PARTS];
  CfFuture *futures[N_PARTS];
  g_autoptr (GPtrArray) done = NULL;
  g_autoptr (GPtrArray) not_done = NULL;

  parts_submit (self, part, futures);
  g_assert_true (cf_wait (futures, N_PARTS, CF_FIRST_COMPLETED, -1, &done, &not_done, NULL));
  g_assert_cmpuint (done->len, ==, 1);
  g_assert_cmpuint (not_done->len, ==, N_PARTS - 1);
  g_assert_cmpuint (self->n, ==, 1);
  parts_release (futures);

  return task_int (result, cancellable, GINT_TO_POINTER (1), error);
}

/* One of them has failed already: that is enough for either. */
static gboolean
task_cf_wait_met (GValue       *result,
                  GCancellable *cancellable,
                  gpointer      user_data,
                  GError      **error)
{
  Parts    *self = user_data;
  Part      part[N_PARTS];
  CfFuture *futures[N_PARTS + 1];

  parts_submit (self, part, futures);
  futures[N_PARTS] = cf_future_new ();
  settle_error (futures[N_PARTS]);
  g_assert_true (cf_wait (futures, N_PARTS + 1, CF_FIRST_COMPLETED, -1, NULL, NULL, NULL));
  g_assert_cmpuint (self->n, ==, 0);
  g_assert_true (cf_wait (futures, N_PARTS + 1, CF_FIRST_EXCEPTION, -1, NULL, NULL, NULL));
  g_assert_cmpuint (self->n, ==, 0);
  cf_future_unref (futures[N_PARTS]);
  parts_release (futures);

  return task_int (result, cancellable, GINT_TO_POINTER (1), error);
}

static gboolean
task_as_completed (GValue       *result,
                   GCancellable *cancellable,
                   gpointer      user_data,
                   GError      **error)
{
  Parts    *self = user_data;
  Part      part[N_PARTS];
  CfFuture *futures[N_PARTS];
  guint     seen = 0;
  g_autoptr (CfFutureIter) iter = NULL;

  parts_submit (self, part, futures);
  iter = cf_as_completed (futures, N_PARTS, -1);
  for (guint i = 0; i < N_PARTS; i++)
    {
      g_autoptr (CfFuture) future = cf_future_iter_next (iter, error);

      g_assert_nonnull (future);
      g_assert_cmpuint (self->n, ==, i + 1);
      seen |= 1u << get_int (future);
    }
  g_assert_cmphex (seen, ==, (1u << N_PARTS) - 1);
  g_assert_null (cf_future_iter_next (iter, error));
  parts_release (futures);

  return task_int (result, cancellable, GINT_TO_POINTER (1), error);
}

static void
run_parts (CfTaskFunc func)
{
  Parts parts = { .executor = pool_new (1) };

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (CfFuture) future = submit_task (parts.executor, func, &parts);

      g_assert_cmpint (await_int (future), ==, 1);
    }
  pool_end (parts.executor);
}

static void
test_exactly_that_one (void)
{
  g_test_summary ("A wait runs exactly the future that it waits for, out of the middle of the queue.");

  run_parts (task_wait_last);
}

static void
test_cf_wait (void)
{
  g_test_summary ("cf_wait() runs one queued future of its own after the other.");

  run_parts (task_cf_wait);
}

static void
test_cf_wait_first (void)
{
  g_test_summary ("cf_wait() for the first one runs no more than one.");

  run_parts (task_cf_wait_first);
}

static void
test_cf_wait_met (void)
{
  g_test_summary ("cf_wait() runs nothing when what is done already is enough.");

  run_parts (task_cf_wait_met);
}

static void
test_as_completed (void)
{
  g_test_summary ("as_completed() runs one for each that it yields.");

  run_parts (task_as_completed);
}

static void
test_with_timeout (gconstpointer kind)
{
  CfExecutor *executor = pool_new (1);
  Waiter      waiter;
  Gate        gate;
  g_autoptr (CfFuture) queued = NULL;

  g_test_summary ("A wait with a timeout runs nothing itself: it times out, and the work runs later.");

  for (gint64 timeout = 0; timeout <= 1000; timeout += 1000)
    {
      gate_init (&gate);
      waiter_init (&waiter, "patient", GPOINTER_TO_UINT (kind), &gate);
      waiter.timeout = timeout;
      g_clear_pointer (&queued, cf_future_unref);
      queued = task_new ("queued", task_square, NULL);
      waiter.target = queued;
      schedule (executor, waiter.future);
      gate_await_waiting (&gate, 1);
      schedule (executor, queued);
      gate_open (&gate);
      waiter_await (&waiter);
      g_assert_false (waiter.met);
      g_assert_error (waiter.error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
      g_assert_cmpint (await_int (queued), ==, 25);
      waiter_clear (&waiter);
      gate_clear (&gate);
    }
  pool_end (executor);
}

static gboolean
task_other_pool (GValue       *result,
                 GCancellable *cancellable,
                 gpointer      user_data,
                 GError      **error)
{
  Nested *self = user_data;
  g_autoptr (CfFuture) inner = submit_task (self->executor, task_where, self);

  self->outer_thread = g_thread_self ();

  return task_int (result, cancellable, GINT_TO_POINTER (await_int (inner)), error);
}

static void
test_other_pool (void)
{
  Nested      nested = { pool_new (1), WAIT_GET_RESULT, NULL, NULL };
  CfExecutor *outer = pool_new (1);
  g_autoptr (CfFuture) future = submit_task (outer, task_other_pool, &nested);

  g_test_summary ("What is queued in another pool is left to that pool.");

  g_assert_cmpint (await_int (future), ==, 25);
  g_assert_true (nested.inner_thread != nested.outer_thread);
  pool_end (outer);
  pool_end (nested.executor);
}

static const char *const kinds[] = { "get-result", "get-exception", "wait", "cf-wait", "as-completed" };

static void
add_kinds (const char   *name,
           GTestDataFunc test)
{
  for (guint i = 0; i < N_WAITS; i++)
    {
      g_autofree char *path = g_strdup_printf ("/wait-graph-inline/%s/%s", name, kinds[i]);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test);
    }
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  add_kinds ("pool-of-one", test_pool_of_one);
  add_kinds ("switched-off", test_switched_off);
  add_kinds ("switched-off-with-two", test_switched_off_with_two);
  add_kinds ("with-timeout", test_with_timeout);
  g_test_add_func ("/wait-graph-inline/exactly-that-one", test_exactly_that_one);
  g_test_add_func ("/wait-graph-inline/cf-wait", test_cf_wait);
  g_test_add_func ("/wait-graph-inline/cf-wait-first", test_cf_wait_first);
  g_test_add_func ("/wait-graph-inline/cf-wait-met", test_cf_wait_met);
  g_test_add_func ("/wait-graph-inline/as-completed", test_as_completed);
  g_test_add_func ("/wait-graph-inline/other-pool", test_other_pool);

  return g_test_run ();
}
