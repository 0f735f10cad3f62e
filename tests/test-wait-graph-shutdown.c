/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Tasks that shut another pool down and wait for its end. */

#include "cf-test-waiters.h"

typedef struct
{
  CfExecutor *other;
  Gate       *gate; /* (nullable) */
  gint        thread_id;
} Closer;

static gboolean
task_close (GValue       *result,
            GCancellable *cancellable,
            gpointer      user_data,
            GError      **error)
{
  Closer *self = user_data;

  g_atomic_int_set (&self->thread_id, thread_id ());
  if (self->gate != NULL)
    gate_wait (self->gate);
  cf_executor_shutdown (self->other, TRUE, FALSE);

  return task_int (result, cancellable, GINT_TO_POINTER (1), error);
}

static void
shutdown_test (WaitFixture *fixture,
               gboolean     shutdown_first)
{
  CfExecutor *one = pool_new (1);
  CfExecutor *two = pool_new (1);
  Closer      closer = { two, shutdown_first ? NULL : &fixture->gate, 0 };
  Waiter      waiter;
  g_autoptr (CfFuture) future = task_new ("closer", task_close, &closer);

  waiter_init (&waiter, "waiter", fixture->kind, shutdown_first ? &fixture->gate : NULL);
  waiter.target = future;
  schedule (two, waiter.future);
  if (shutdown_first)
    gate_await_waiting (&fixture->gate, 1);
  else
    waiter_await_asleep (&waiter);
  schedule (one, future);
  if (shutdown_first)
    {
      while (g_atomic_int_get (&closer.thread_id) == 0)
        g_thread_yield ();
      await_asleep (g_atomic_int_get (&closer.thread_id));
    }
  gate_open (&fixture->gate);

  waiter_await (&waiter);
  waiter_assert_told (&waiter, "waiter", "closer");
  g_assert_cmpint (await_int (future), ==, 1);
  g_assert_true (cf_executor_is_shutdown (two));
  waiter_clear (&waiter);
  pool_end (one);
  pool_end (two);
}

static void
test_later_shutdown (WaitFixture  *fixture,
                     gconstpointer kind)
{
  g_test_summary ("A task waits for one that then shuts the waiting task's pool down and waits: the first is told.");

  shutdown_test (fixture, FALSE);
}

static void
test_earlier_shutdown (WaitFixture  *fixture,
                       gconstpointer kind)
{
  g_test_summary ("A task of a pool that is being shut down waits for the task that does it: it is told.");

  shutdown_test (fixture, TRUE);
}

static void
test_behind (WaitFixture  *fixture,
             gconstpointer kind)
{
  CfExecutor *one = pool_new (1);
  CfExecutor *two = pool_new (1);
  Closer      closer = { two, &fixture->gate, 0 };
  Waiter      waiter;
  g_autoptr (CfFuture) future = task_new ("closer", task_close, &closer);
  g_autoptr (CfFuture) behind = task_new ("behind", task_int, GINT_TO_POINTER (3));

  g_test_summary ("A task of a pool that is being shut down waits for one that is queued behind the task that does it: it is told.");

  waiter_init (&waiter, "waiter", fixture->kind, &fixture->gate);
  waiter.target = behind;
  schedule (one, future);
  schedule (one, behind);
  schedule (two, waiter.future);
  gate_await_waiting (&fixture->gate, 2);
  gate_open (&fixture->gate);

  waiter_await (&waiter);
  waiter_assert_told (&waiter, "waiter", "closer");
  waiter_assert_told (&waiter, "waiter", "behind");
  g_assert_cmpint (await_int (future), ==, 1);
  g_assert_cmpint (await_int (behind), ==, 3);
  waiter_clear (&waiter);
  pool_end (one);
  pool_end (two);
}

#define N_POOLS 3

typedef struct
{
  CfExecutor *pools[N_POOLS];
  CfFuture   *futures[N_POOLS];
  Closer      closers[N_POOLS];
} Ring;

/* The last of @n pools has room for one task more than the circle needs. */
static void
ring_start (Ring *ring,
            guint n,
            Gate *gate)
{
  static const char *const names[] = { "red", "green", "blue" };

  for (guint i = 0; i < n; i++)
    ring->pools[i] = pool_new (i < n - 1 ? 1 : 2);
  for (guint i = 0; i < n; i++)
    {
      ring->closers[i] = (Closer){ ring->pools[(i + 1) % n], gate, 0 };
      ring->futures[i] = task_new (names[i], task_close, &ring->closers[i]);
      schedule (ring->pools[i], ring->futures[i]);
    }
  gate_await_waiting (gate, n);
}

static void
ring_end (Ring *ring,
          guint n)
{
  for (guint i = 0; i < n; i++)
    {
      g_assert_cmpint (await_int (ring->futures[i]), ==, 1);
      cf_future_unref (ring->futures[i]);
      pool_end (ring->pools[i]);
    }
}

static void
ring_test (WaitFixture *fixture,
           guint        n)
{
  Ring ring;

  ring_start (&ring, n, &fixture->gate);
  g_test_expect_message ("Cf", G_LOG_LEVEL_WARNING,
                         n == 2 ? "*“red”*“green”*" : "*“*” waits for “*”, which waits for “*”, which waits for “*”");
  gate_open (&fixture->gate);
  ring_end (&ring, n);
  g_test_assert_expected_messages ();
}

static void
test_ring_of_two (WaitFixture  *fixture,
                  gconstpointer kind)
{
  g_test_summary ("Two tasks, each of which shuts the pool of the other down: one warns, and both end.");

  ring_test (fixture, 2);
}

static void
test_ring (WaitFixture  *fixture,
           gconstpointer kind)
{
  g_test_summary ("Three of them.");

  ring_test (fixture, N_POOLS);
}

static void
test_bystander (WaitFixture  *fixture,
                gconstpointer kind)
{
  CfExecutor *other = pool_new (1);
  Ring        ring;
  Closer      closer;
  g_autoptr (CfFuture) bystander = NULL;

  g_test_summary ("Who waits for the end of one of their pools, but is not part of the circle, is not told and has it.");

  ring_start (&ring, 2, &fixture->gate);
  closer = (Closer){ ring.pools[0], NULL, 0 };
  bystander = task_new ("bystander", task_close, &closer);
  schedule (other, bystander);
  while (g_atomic_int_get (&closer.thread_id) == 0)
    g_thread_yield ();
  await_asleep (g_atomic_int_get (&closer.thread_id));
  g_test_expect_message ("Cf", G_LOG_LEVEL_WARNING, "*“red”*“green”*");
  gate_open (&fixture->gate);

  g_assert_cmpint (await_int (bystander), ==, 1);
  ring_end (&ring, 2);
  pool_end (other);
  g_test_assert_expected_messages ();
}

static const char *const kinds[] = { "get-result", "get-exception", "wait", "cf-wait", "as-completed" };

static void
add_kinds (const char *name,
           void (*test) (WaitFixture  *fixture,
                         gconstpointer kind))
{
  for (guint i = 0; i < N_WAITS; i++)
    {
      g_autofree char *path = g_strdup_printf ("/wait-graph-shutdown/%s/%s", name, kinds[i]);

      g_test_add (path, WaitFixture, GUINT_TO_POINTER (i), wait_fixture_set_up, test, wait_fixture_tear_down);
    }
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  add_kinds ("later-shutdown", test_later_shutdown);
  add_kinds ("earlier-shutdown", test_earlier_shutdown);
  add_kinds ("behind", test_behind);
  g_test_add ("/wait-graph-shutdown/ring-of-two", WaitFixture, NULL, wait_fixture_set_up, test_ring_of_two, wait_fixture_tear_down);
  g_test_add ("/wait-graph-shutdown/ring", WaitFixture, NULL, wait_fixture_set_up, test_ring, wait_fixture_tear_down);
  g_test_add ("/wait-graph-shutdown/bystander", WaitFixture, NULL, wait_fixture_set_up, test_bystander, wait_fixture_tear_down);

  return g_test_run ();
}
