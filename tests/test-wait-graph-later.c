/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Pools that starve themselves, and waits that become hopeless after they began. */

#include "cf-test-waiters.h"

static void
starvation (WaitFixture *fixture,
            guint        n_workers)
{
  CfExecutor *executor = pool_new_without_inline_waits (n_workers);
  Waiter      waiters[4];
  CfFuture   *queued[4];
  const char *names[] = { "eat-first", "eat-second", "eat-third", "eat-fourth" };
  const char *queued_names[] = { "cook-first", "cook-second", "cook-third", "cook-fourth" };
  guint       n_told = 0;

  for (guint i = 0; i < n_workers; i++)
    {
      waiter_init (&waiters[i], names[i], fixture->kind, &fixture->gate);
      queued[i] = task_new (queued_names[i], task_int, GINT_TO_POINTER (3));
      waiters[i].target = queued[i];
      schedule (executor, waiters[i].future);
    }
  gate_await_waiting (&fixture->gate, n_workers);
  for (guint i = 0; i < n_workers; i++)
    schedule (executor, queued[i]);
  gate_open (&fixture->gate);

  for (guint i = 0; i < n_workers; i++)
    {
      waiter_await (&waiters[i]);
      g_assert_cmpint (await_int (queued[i]), ==, 3);
    }
  for (guint i = 0; i < n_workers; i++)
    {
      if (waiter_was_told (&waiters[i]))
        {
          n_told++;
          waiter_assert_told (&waiters[i], names[i], queued_names[i]);
        }
      else
        waiter_assert_met (&waiters[i]);
      waiter_clear (&waiters[i]);
      cf_future_unref (queued[i]);
    }
  g_assert_cmpuint (n_told, >=, 1);
  pool_end (executor);
}

static void
test_starvation_of_one (WaitFixture  *fixture,
                        gconstpointer kind)
{
  g_test_summary ("A pool of one that waits for its own queue.");

  starvation (fixture, 1);
}

static void
test_starvation (WaitFixture  *fixture,
                 gconstpointer kind)
{
  g_test_summary ("A pool whose workers all wait for what is queued behind them: one is told, the rest goes on.");

  starvation (fixture, 4);
}

static void
test_later_schedule (WaitFixture  *fixture,
                     gconstpointer kind)
{
  CfExecutor *executor = pool_new_without_inline_waits (1);
  Waiter      waiter;
  g_autoptr (CfFuture) target = task_new ("late", task_int, GINT_TO_POINTER (3));

  g_test_summary ("A task waits for a future that is then queued behind it.");

  waiter_init (&waiter, "early", fixture->kind, NULL);
  waiter.target = target;
  schedule (executor, waiter.future);
  waiter_await_asleep (&waiter);
  schedule (executor, target);
  waiter_await (&waiter);
  waiter_assert_told (&waiter, "early", "late");
  g_assert_cmpint (await_int (target), ==, 3);
  waiter_clear (&waiter);
  pool_end (executor);
}

static void
test_later_schedule_inline (WaitFixture  *fixture,
                            gconstpointer kind)
{
  CfExecutor *executor = pool_new (1);
  Waiter      waiter;
  g_autoptr (CfFuture) target = task_new ("late", task_int, GINT_TO_POINTER (3));

  g_test_summary ("The same with inline waits: the task runs it or is told; it does not hang.");

  waiter_init (&waiter, "early", fixture->kind, NULL);
  waiter.target = target;
  schedule (executor, waiter.future);
  waiter_await_asleep (&waiter);
  schedule (executor, target);
  waiter_await (&waiter);
  if (waiter_was_told (&waiter))
    waiter_assert_told (&waiter, "early", "late");
  else
    waiter_assert_met (&waiter);
  g_assert_cmpint (await_int (target), ==, 3);
  waiter_clear (&waiter);
  pool_end (executor);
}

static void
test_later_schedule_across (WaitFixture  *fixture,
                            gconstpointer kind)
{
  CfExecutor *one = pool_new_without_inline_waits (1);
  CfExecutor *two = pool_new_without_inline_waits (1);
  Waiter      first, second;
  g_autoptr (CfFuture) target = task_new ("late", task_int, GINT_TO_POINTER (3));

  g_test_summary ("A future is queued behind a task that waits for the task that waits for it.");

  waiter_init (&first, "first", fixture->kind, NULL);
  waiter_init (&second, "second", fixture->kind, NULL);
  first.target = target;
  second.target = first.future;
  schedule (one, first.future);
  schedule (two, second.future);
  waiter_await_asleep (&first);
  waiter_await_asleep (&second);
  schedule (two, target);

  waiter_await (&first);
  waiter_await (&second);
  g_assert_true (waiter_was_told (&first) || waiter_was_told (&second));
  g_assert_cmpint (await_int (target), ==, 3);
  waiter_clear (&first);
  waiter_clear (&second);
  pool_end (one);
  pool_end (two);
}

/* A full pool: a worker comes free, is taken by a task that waits too, and only then nobody is left. */
static void
test_last_worker_taken (WaitFixture  *fixture,
                        gconstpointer kind)
{
  CfExecutor *executor = pool_new_without_inline_waits (2);
  Waiter      first, second;
  g_autoptr (CfFuture) blocker = submit_task (executor, task_gate, &fixture->gate);
  g_autoptr (CfFuture) target = task_new ("target", task_int, GINT_TO_POINTER (3));

  g_test_summary ("The last free worker begins to wait for the queue: now it is hopeless, and one is told.");

  gate_await_waiting (&fixture->gate, 1);
  waiter_init (&first, "first", fixture->kind, NULL);
  waiter_init (&second, "second", fixture->kind, NULL);
  first.target = target;
  second.target = target;
  schedule (executor, first.future);
  waiter_await_asleep (&first);
  schedule (executor, second.future);
  schedule (executor, target);
  gate_open (&fixture->gate);

  waiter_await (&first);
  waiter_await (&second);
  g_assert_true (waiter_was_told (&first) || waiter_was_told (&second));
  g_assert_cmpint (await_int (target), ==, 3);
  waiter_clear (&first);
  waiter_clear (&second);
  pool_end (executor);
}

/* Three, the last of which begins long after the others wait. */
static void
test_later_wait (WaitFixture  *fixture,
                 gconstpointer kind)
{
  CfExecutor *executor = pool_new (3);
  Waiter      waiters[3];
  const char *names[] = { "red", "green", "blue" };
  guint       n_told = 0;

  g_test_summary ("The wait that closes a circle is found, whoever came first.");

  for (guint i = 0; i < 3; i++)
    waiter_init (&waiters[i], names[i], fixture->kind, i == 2 ? &fixture->gate : NULL);
  for (guint i = 0; i < 3; i++)
    waiters[i].target = waiters[(i + 1) % 3].future;
  schedule (executor, waiters[2].future);
  gate_await_waiting (&fixture->gate, 1);
  for (guint i = 2; i-- > 0;)
    {
      schedule (executor, waiters[i].future);
      waiter_await_asleep (&waiters[i]);
    }
  gate_open (&fixture->gate);
  for (guint i = 0; i < 3; i++)
    waiter_await (&waiters[i]);
  for (guint i = 0; i < 3; i++)
    {
      if (waiter_was_told (&waiters[i]))
        {
          n_told++;
          for (guint j = 0; j < 3; j++)
            waiter_assert_told (&waiters[i], names[j], names[j]);
        }
      waiter_clear (&waiters[i]);
    }
  g_assert_cmpuint (n_told, >=, 1);
  pool_end (executor);
}

static const char *const kinds[] = { "get-result", "get-exception", "wait", "cf-wait", "as-completed" };

/* A thread pool that keeps at a gate who drops the first future that it was given. */

#define TEST_TYPE_GATED_POOL (test_gated_pool_get_type ())
G_DECLARE_FINAL_TYPE (TestGatedPool, test_gated_pool, TEST, GATED_POOL, CfThreadPoolExecutor)

struct _TestGatedPool
{
  CfThreadPoolExecutor parent_instance;

  Gate *gate; /* (nullable): until there was a first one */
};

G_DEFINE_FINAL_TYPE (TestGatedPool, test_gated_pool, CF_TYPE_THREAD_POOL_EXECUTOR)

static void
wait_at_door (gpointer        door,
              GObject *future G_GNUC_UNUSED)
{
  gate_wait (door);
}

static gboolean
test_gated_pool_schedule (CfExecutor *executor,
                          CfFuture   *future,
                          GError    **error)
{
  TestGatedPool *self = TEST_GATED_POOL (executor);

  if (self->gate != NULL)
    g_object_weak_ref (G_OBJECT (future), wait_at_door, self->gate);
  self->gate = NULL;

  return CF_EXECUTOR_CLASS (test_gated_pool_parent_class)->schedule (executor, future, error);
}

static void
test_gated_pool_class_init (TestGatedPoolClass *klass)
{
  CF_EXECUTOR_CLASS (klass)->schedule = test_gated_pool_schedule;
}

static void
test_gated_pool_init (TestGatedPool *self)
{
}

typedef struct
{
  CfResultIter *iter;
  Gate          gate;      /* before the worker reads */
  gint          thread_id; /* (atomic): of the worker */
} Reading;

static void
assert_next (CfResultIter *iter)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) result = cf_result_iter_next (iter, &error);

  g_assert_no_error (error);
  g_assert_nonnull (result);
}

static gboolean
task_read (GValue       *result,
           GCancellable *cancellable,
           gpointer      reading,
           GError      **error)
{
  Reading *self = reading;

  gate_wait (&self->gate);
  g_atomic_int_set (&self->thread_id, thread_id ());
  assert_next (self->iter);

  return TRUE;
}

static gpointer
read_thread (gpointer reading)
{
  assert_next (((Reading *) reading)->iter);

  return NULL;
}

static void
test_later_item (void)
{
  CfExecutor *executor = g_object_new (TEST_TYPE_GATED_POOL, "max-workers", 1, NULL);
  GVariant   *items = g_variant_new_parsed ("[(1,), (2,)]");
  Reading     reading = { 0 };
  Gate        door;
  GThread    *thread;
  g_autoptr (CfFuture) future = NULL;

  g_test_summary ("A worker that sleeps for an item which another reader has yet to submit runs it then, as nobody else would.");

  gate_init (&door);
  gate_init (&reading.gate);
  TEST_GATED_POOL (executor)->gate = &door;
  reading.iter = cf_executor_map (executor, (CfFunc) (GCallback) g_variant_ref, items, -1, 1, 1, NULL);
  future = submit_task (executor, task_read, &reading);
  gate_await_waiting (&reading.gate, 1);
  thread = g_thread_new ("reader", read_thread, &reading);
  gate_await_waiting (&door, 1);
  gate_open (&reading.gate);
  while (g_atomic_int_get (&reading.thread_id) == 0)
    g_thread_yield ();
  await_asleep (g_atomic_int_get (&reading.thread_id));
  gate_open (&door);

  g_assert_true (cf_future_wait (future, -1));
  g_thread_join (thread);
  g_assert_finalize_object (reading.iter);
  pool_end (executor);
  gate_clear (&reading.gate);
  gate_clear (&door);
}

static void
add_kinds (const char *name,
           void (*test) (WaitFixture  *fixture,
                         gconstpointer kind))
{
  for (guint i = 0; i < N_WAITS; i++)
    {
      g_autofree char *path = g_strdup_printf ("/wait-graph-later/%s/%s", name, kinds[i]);

      g_test_add (path, WaitFixture, GUINT_TO_POINTER (i), wait_fixture_set_up, test, wait_fixture_tear_down);
    }
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  add_kinds ("starvation-of-one", test_starvation_of_one);
  add_kinds ("starvation", test_starvation);
  add_kinds ("later-schedule", test_later_schedule);
  add_kinds ("later-schedule-inline", test_later_schedule_inline);
  add_kinds ("later-schedule-across", test_later_schedule_across);
  add_kinds ("last-worker-taken", test_last_worker_taken);
  add_kinds ("later-wait", test_later_wait);
  g_test_add_func ("/wait-graph-later/later-item", test_later_item);

  return g_test_run ();
}
