/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Waits that look hopeless and are not: nobody is told so. */

#include "cf-test-waiters.h"

#define N_NODES 60
#define N_POOLS 3

/* A random graph without circles: each task waits for some that were made before it, all submitted in a random order. */

typedef struct _Graph Graph;

typedef struct
{
  Graph    *graph;
  guint     number;
  CfFuture *future;
  guint     n_targets;
  guint     targets[4];
  WaitKind  kind;
} Node;

struct _Graph
{
  Node nodes[N_NODES];
};

static gboolean
take_as_completed (CfFuture **targets,
                   guint      n_targets,
                   GError   **error)
{
  g_autoptr (CfFutureIter) iter = cf_as_completed (targets, n_targets, -1);
  CfFuture *future;

  while ((future = cf_future_iter_next (iter, error)) != NULL)
    cf_future_unref (future);

  return *error == NULL;
}

static gboolean
wait_for_targets (Node    *self,
                  GError **error)
{
  CfFuture *targets[G_N_ELEMENTS (self->targets)];

  for (guint i = 0; i < self->n_targets; i++)
    targets[i] = self->graph->nodes[self->targets[i]].future;
  if (self->kind == WAIT_CF_WAIT)
    return cf_wait (targets, self->n_targets, CF_ALL_COMPLETED, -1, NULL, NULL, error);
  if (self->kind == WAIT_AS_COMPLETED)
    return take_as_completed (targets, self->n_targets, error);

  for (guint i = 0; i < self->n_targets; i++)
    if (!wait_for (targets[i], self->kind, -1, error))
      return FALSE;

  return TRUE;
}

static gboolean
task_node (GValue       *result,
           GCancellable *cancellable,
           gpointer      user_data,
           GError      **error)
{
  Node *self = user_data;
  g_autoptr (GError) failure = NULL;

  if (!wait_for_targets (self, &failure))
    g_error ("A false alarm: %s", failure->message);

  return task_int (result, cancellable, GINT_TO_POINTER ((int) self->number), error);
}

static void
graph_init (Graph *self,
            GRand *rand)
{
  for (guint i = 0; i < N_NODES; i++)
    {
      Node            *node = &self->nodes[i];
      g_autofree char *name = g_strdup_printf ("node-%u", i);

      *node = (Node){ .graph = self, .number = i, .kind = (WaitKind) g_rand_int_range (rand, 0, N_WAITS) };
      node->future = task_new (name, task_node, node);
      node->n_targets = i == 0 ? 0 : (guint) g_rand_int_range (rand, 0, G_N_ELEMENTS (node->targets) + 1);
      for (guint j = 0; j < node->n_targets; j++)
        node->targets[j] = (guint) g_rand_int_range (rand, 0, (gint32) i);
    }
}

static void
test_random_graphs (gconstpointer inline_waits)
{
  const guint n_rounds = n_tries (60, 2000);
  GRand      *rand = g_rand_new_with_seed ((guint32) g_test_rand_int ());

  g_test_summary ("Random graphs of tasks that wait for each other without a circle: no false alarm, all are done.");

  for (guint round = 0; round < n_rounds; round++)
    {
      CfExecutor *pools[N_POOLS];
      Graph       graph;

      graph_init (&graph, rand);
      for (guint i = 0; i < N_POOLS; i++)
        pools[i] = inline_waits != NULL ? pool_new (1 + round % 3) : pool_new_without_inline_waits (N_NODES);
      /* A pool of few workers that waits for another one may really starve; in one pool it cannot. */
      for (guint i = 0; i < N_NODES; i++)
        schedule (pools[inline_waits != NULL ? 0 : (guint) g_rand_int_range (rand, 0, N_POOLS)], graph.nodes[i].future);
      for (guint i = 0; i < N_NODES; i++)
        g_assert_cmpint (await_int (graph.nodes[i].future), ==, (int) i);
      for (guint i = 0; i < N_NODES; i++)
        cf_future_unref (graph.nodes[i].future);
      for (guint i = 0; i < N_POOLS; i++)
        {
          cf_executor_shutdown (pools[i], TRUE, FALSE);
          await_finalized (pools[i]);
        }
    }
  g_rand_free (rand);
}

/* What is settled from outside may always come. */
static void
test_outside (gconstpointer kind)
{
  CfExecutor *executor = pool_new (2);
  Waiter      waiters[2];
  g_autoptr (CfFuture) outside = cf_future_new ();

  g_test_summary ("All workers wait for what somebody outside settles: they are left in peace until he does.");

  for (guint i = 0; i < 2; i++)
    {
      waiter_init (&waiters[i], "patient", GPOINTER_TO_UINT (kind), NULL);
      waiters[i].target = outside;
      schedule (executor, waiters[i].future);
    }
  for (guint i = 0; i < 2; i++)
    waiter_await_asleep (&waiters[i]);
  settle_int (outside, 1);
  for (guint i = 0; i < 2; i++)
    {
      waiter_await (&waiters[i]);
      waiter_assert_met (&waiters[i]);
      waiter_clear (&waiters[i]);
    }
  cf_executor_shutdown (executor, TRUE, FALSE);
  await_finalized (executor);
}

/* A task takes the first item of a map only, and the second one waits for it. */

typedef struct
{
  CfExecutor *other;
  CfFuture   *future;
} Taker;

static GVariant *
func_wait_or_not (GVariant     *args,
                  GCancellable *cancellable,
                  GError      **error)
{
  Taker *self = variant_to_pointer (args);
  g_autoptr (GError) local_error = NULL;

  if (self != NULL)
    cf_future_get_result (self->future, -1, &local_error);
  g_assert_no_error (local_error);

  return g_variant_new ("()");
}

static gboolean
task_take_first (GValue       *result,
                 GCancellable *cancellable,
                 gpointer      user_data,
                 GError      **error)
{
  Taker    *self = user_data;
  GVariant *items[] = { variant_from_pointer (NULL), variant_from_pointer (self) };
  g_autoptr (CfResultIter) iter = cf_executor_map (self->other, func_wait_or_not, g_variant_new_array (NULL, items, 2), -1, 1, 0, NULL);
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GVariant) value = cf_result_iter_next (iter, &local_error);

  g_assert_no_error (local_error);
  g_assert_nonnull (value);

  return task_int (result, cancellable, GINT_TO_POINTER (1), error);
}

static void
test_item_that_came (void)
{
  const guint n_rounds = n_tries (5000, 100000);
  CfExecutor *executor = pool_new (1);
  Taker       taker = { .other = pool_new (1) };

  g_test_summary ("A task that has its item, and has not woken up yet, does not count as one that waits for it.");

  for (guint i = 0; i < n_rounds; i++)
    {
      CfFuture *last;

      taker.future = task_new ("taker", task_take_first, &taker);
      schedule (executor, taker.future);
      g_assert_cmpint (await_int (taker.future), ==, 1);
      last = submit_task (taker.other, task_int, GINT_TO_POINTER (2));
      g_assert_cmpint (await_int (last), ==, 2);
      cf_future_unref (last);
      cf_future_unref (taker.future);
    }
  cf_executor_shutdown (taker.other, TRUE, FALSE);
  await_finalized (taker.other);
  cf_executor_shutdown (executor, TRUE, FALSE);
  await_finalized (executor);
}

/* A task that takes the first of many to be done. */

/* More than a worker looks at before it sleeps. */
#define N_MANY 100

typedef struct
{
  CfFuture *futures[N_MANY];
  gint      thread_id; /* (atomic) */
} Many;

static gboolean
task_first_of_many (GValue       *result,
                    GCancellable *cancellable,
                    gpointer      user_data,
                    GError      **error)
{
  Many *self = user_data;
  g_autoptr (CfFutureIter) iter = cf_as_completed (self->futures, N_MANY, -1);
  g_autoptr (CfFuture) first = NULL;

  g_atomic_int_set (&self->thread_id, thread_id ());
  first = cf_future_iter_next (iter, error);

  return first != NULL && task_int (result, cancellable, GINT_TO_POINTER (1), error);
}

static void
test_last_of_many (void)
{
  CfExecutor *executor = pool_new (1), *other = pool_new (1);
  Many        many = { .futures[N_MANY - 1] = cf_future_new () };
  Waiter      waiter;
  Gate        gate;

  g_test_summary ("All but the last of many hang on a task that waits for who iterates over them: the last one may come.");

  gate_init (&gate);
  waiter_init (&waiter, "patient", WAIT_GET_RESULT, &gate);
  waiter.target = task_new ("iterate", task_first_of_many, &many);
  schedule (other, waiter.future);
  for (guint i = 0; i < N_MANY - 1; i++)
    many.futures[i] = submit_task (other, task_int, GINT_TO_POINTER (1));
  schedule (executor, waiter.target);
  while (g_atomic_int_get (&many.thread_id) == 0)
    g_thread_yield ();
  await_asleep (g_atomic_int_get (&many.thread_id));

  gate_open (&gate);
  waiter_await_asleep (&waiter);
  settle_int (many.futures[N_MANY - 1], 1);
  waiter_await (&waiter);
  waiter_assert_met (&waiter);
  g_assert_cmpint (await_int (waiter.target), ==, 1);

  cf_executor_shutdown (other, TRUE, FALSE);
  await_finalized (other);
  cf_executor_shutdown (executor, TRUE, FALSE);
  await_finalized (executor);
  for (guint i = 0; i < N_MANY; i++)
    cf_future_unref (many.futures[i]);
  cf_future_unref (waiter.target);
  waiter_clear (&waiter);
  gate_clear (&gate);
}

/* One that waits with a time limit may go on: so may those who wait for it. */
static void
test_time_limit (gconstpointer kind)
{
  CfExecutor *executor = pool_new (2);
  Waiter      timed, patient;

  g_test_summary ("A circle with a time limit in it is none: that one times out, and the other one gets its result.");

  waiter_init (&timed, "timed", GPOINTER_TO_UINT (kind), NULL);
  waiter_init (&patient, "patient", GPOINTER_TO_UINT (kind), NULL);
  timed.timeout = 20000;
  timed.target = patient.future;
  patient.target = timed.future;
  schedule (executor, timed.future);
  schedule (executor, patient.future);
  waiter_await (&timed);
  waiter_await (&patient);
  g_assert_error (timed.error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  waiter_assert_met (&patient);
  waiter_clear (&timed);
  waiter_clear (&patient);
  cf_executor_shutdown (executor, TRUE, FALSE);
  await_finalized (executor);
}

static const char *const kinds[] = { "get-result", "get-exception", "wait", "cf-wait", "as-completed" };

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_data_func ("/wait-graph-alarm/random/inline", "inline", test_random_graphs);
  g_test_add_data_func ("/wait-graph-alarm/random/threads", NULL, test_random_graphs);
  g_test_add_func ("/wait-graph-alarm/item-that-came", test_item_that_came);
  g_test_add_func ("/wait-graph-alarm/last-of-many", test_last_of_many);
  for (guint i = 0; i < N_WAITS; i++)
    {
      g_autofree char *outside = g_strdup_printf ("/wait-graph-alarm/outside/%s", kinds[i]);
      g_autofree char *time_limit = g_strdup_printf ("/wait-graph-alarm/time-limit/%s", kinds[i]);

      g_test_add_data_func (outside, GUINT_TO_POINTER (i), test_outside);
      g_test_add_data_func (time_limit, GUINT_TO_POINTER (i), test_time_limit);
    }

  return g_test_run ();
}
