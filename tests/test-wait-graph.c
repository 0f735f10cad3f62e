/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Waits that can never end are told so.  test-wait-graph-inline.c has the waits that run what they wait for,
 * -later.c what becomes hopeless afterwards, -alarm.c the waits that are none of these. */

#include "cf-test-waiters.h"

#define N_CIRCLE 5

static const char *const names[N_CIRCLE] = { "bake-bread", "grind-flour", "sow-rye", "plough-field", "feed-ox" };

typedef struct
{
  Waiter      waiters[N_CIRCLE];
  guint       n;
  Gate        gate;
  CfExecutor *pools[N_CIRCLE];
  guint       n_pools;
} Circle;

/* Each waits for the next one, the last for the first; all have started before any of them waits. */
static void
circle_start (Circle  *circle,
              guint    n,
              guint    n_pools,
              WaitKind kind)
{
  *circle = (Circle){ .n = n, .n_pools = n_pools };
  gate_init (&circle->gate);
  for (guint i = 0; i < n_pools; i++)
    circle->pools[i] = pool_new ((n + n_pools - 1) / n_pools);
  for (guint i = 0; i < n; i++)
    waiter_init (&circle->waiters[i], names[i], kind == N_WAITS ? i % N_WAITS : kind, &circle->gate);
  for (guint i = 0; i < n; i++)
    circle->waiters[i].target = circle->waiters[(i + 1) % n].future;
  for (guint i = 0; i < n; i++)
    schedule (circle->pools[i % n_pools], circle->waiters[i].future);
  gate_await_waiting (&circle->gate, n);
}

static void
circle_end (Circle *circle)
{
  for (guint i = 0; i < circle->n; i++)
    waiter_clear (&circle->waiters[i]);
  for (guint i = 0; i < circle->n_pools; i++)
    {
      cf_executor_shutdown (circle->pools[i], TRUE, FALSE);
      await_finalized (circle->pools[i]);
    }
  gate_clear (&circle->gate);
}

/* Who is told has all the names; who is not told gets what it waited for. */
static void
circle_assert_told (Circle *circle)
{
  guint n_told = 0;

  for (guint i = 0; i < circle->n; i++)
    waiter_await (&circle->waiters[i]);
  for (guint i = 0; i < circle->n; i++)
    if (waiter_was_told (&circle->waiters[i]))
      {
        n_told++;
        for (guint j = 0; j < circle->n; j++)
          waiter_assert_told (&circle->waiters[i], names[j], names[j]);
      }
    else
      waiter_assert_met (&circle->waiters[i]);
  g_assert_cmpuint (n_told, >=, 1);
}

static void
circle_test (guint    n,
             guint    n_pools,
             WaitKind kind)
{
  Circle circle;

  circle_start (&circle, n, n_pools, kind);
  gate_open (&circle.gate);
  circle_assert_told (&circle);
  circle_end (&circle);
}

static void
test_two (gconstpointer kind)
{
  g_test_summary ("Two tasks that wait for each other: at least one is told, with both names.");

  for (guint i = 0; i < 50; i++)
    circle_test (2, 1, GPOINTER_TO_UINT (kind));
}

static void
test_three (gconstpointer kind)
{
  g_test_summary ("A circle of three, with all three names.");

  for (guint i = 0; i < 20; i++)
    circle_test (3, 1, GPOINTER_TO_UINT (kind));
}

static void
test_across_pools (gconstpointer kind)
{
  g_test_summary ("A circle across several pools.");

  for (guint i = 0; i < 20; i++)
    {
      circle_test (2, 2, GPOINTER_TO_UINT (kind));
      circle_test (3, 3, GPOINTER_TO_UINT (kind));
      circle_test (5, 2, GPOINTER_TO_UINT (kind));
    }
}

static void
test_self (gconstpointer kind)
{
  g_test_summary ("A task that waits for itself is told at once.");

  for (guint n_workers = 1; n_workers <= 2; n_workers++)
    {
      CfExecutor *executor = pool_new (n_workers);
      Waiter      waiter;

      waiter_init (&waiter, "narcissus", GPOINTER_TO_UINT (kind), NULL);
      waiter.target = waiter.future;
      schedule (executor, waiter.future);
      waiter_await (&waiter);
      waiter_assert_told (&waiter, "narcissus", "narcissus");
      waiter_clear (&waiter);
      cf_executor_shutdown (executor, TRUE, FALSE);
      await_finalized (executor);
    }
}

static gboolean
task_propagate (GValue       *result,
                GCancellable *cancellable,
                gpointer      user_data,
                GError      **error)
{
  CfFuture    **target = user_data;
  const GValue *value = cf_future_get_result (*target, -1, error);

  return value != NULL && task_int (result, cancellable, GINT_TO_POINTER (5), NULL);
}

static void
test_example (void)
{
  g_test_summary ("The two of the example: both futures fail with DEADLOCK, and the text names both.");

  for (guint i = 0; i < 50; i++)
    {
      CfExecutor *executor = pool_new (2);
      CfFuture   *futures[2];

      futures[0] = task_new ("wait-on-b", task_propagate, &futures[1]);
      futures[1] = task_new ("wait-on-a", task_propagate, &futures[0]);
      for (guint j = 0; j < 2; j++)
        schedule (executor, futures[j]);
      for (guint j = 0; j < 2; j++)
        {
          g_autoptr (GError) error = NULL;

          g_assert_null (cf_future_get_result (futures[j], -1, &error));
          g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK);
          assert_contains (error->message, "wait-on-a");
          assert_contains (error->message, "wait-on-b");
        }
      cf_executor_shutdown (executor, TRUE, FALSE);
      for (guint j = 0; j < 2; j++)
        cf_future_unref (futures[j]);
      await_finalized (executor);
    }
}

typedef struct
{
  CfFuture   **futures;
  gsize        n;
  CfReturnWhen when;
  GError      *error;
  GPtrArray   *done;
  gboolean     met;
} ManyWaiter;

static gboolean
task_wait_many (GValue       *result,
                GCancellable *cancellable,
                gpointer      user_data,
                GError      **error)
{
  ManyWaiter *self = user_data;

  self->met = cf_wait (self->futures, self->n, self->when, -1, &self->done, NULL, &self->error);

  return task_int (result, cancellable, GINT_TO_POINTER (1), error);
}

static void
test_among_many (gconstpointer when)
{
  CfExecutor *executor = pool_new (2);
  CfFuture   *futures[3];
  Waiter      waiter;
  ManyWaiter  many = { futures, G_N_ELEMENTS (futures), GPOINTER_TO_UINT (when), NULL, NULL, FALSE };
  g_autoptr (CfFuture) future = task_new ("many", task_wait_many, &many);

  g_test_summary ("One hopeless future among many: waiting for all of them is hopeless, for the first of them it is not.");

  waiter_init (&waiter, "one", WAIT_GET_RESULT, NULL);
  waiter.target = future;
  futures[0] = waiter.future;
  futures[1] = cf_future_new ();
  settle_int (futures[1], 1);
  futures[2] = cf_future_new ();
  settle_int (futures[2], 2);
  schedule (executor, waiter.future);
  schedule (executor, future);

  g_assert_cmpint (await_int (future), ==, 1);
  waiter_await (&waiter);
  if (many.when == CF_FIRST_COMPLETED)
    {
      g_assert_true (many.met);
      g_assert_no_error (many.error);
      g_assert_cmpuint (many.done->len, >=, 2);
      waiter_assert_met (&waiter);
    }
  else
    {
      g_assert_true (waiter_was_told (&waiter) || g_error_matches (many.error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK));
      g_assert_cmpint (many.met, ==, many.error == NULL);
    }

  g_clear_pointer (&many.done, g_ptr_array_unref);
  g_clear_error (&many.error);
  waiter_clear (&waiter);
  cf_future_unref (futures[1]);
  cf_future_unref (futures[2]);
  cf_executor_shutdown (executor, TRUE, FALSE);
  await_finalized (executor);
}

/* A task that waits for the first failure of itself and of something outside. */

typedef struct
{
  CfFuture *futures[2];
  gint      thread_id; /* (atomic) */
  GError   *error;
} Hopeful;

static gboolean
task_hope (GValue       *result,
           GCancellable *cancellable,
           gpointer      user_data,
           GError      **error)
{
  Hopeful *self = user_data;

  g_atomic_int_set (&self->thread_id, thread_id ());
  cf_wait (self->futures, 2, CF_FIRST_EXCEPTION, -1, NULL, NULL, &self->error);

  return task_int (result, cancellable, GINT_TO_POINTER (1), error);
}

static void
test_first_exception_later (void)
{
  CfExecutor *executor = pool_new (1);
  Hopeful     hopeful = { { task_new ("hopeful", task_hope, &hopeful), cf_future_new () }, 0, NULL };

  g_test_summary ("What might have failed succeeds while a worker waits for the first failure: now that can never end.");

  schedule (executor, hopeful.futures[0]);
  while (g_atomic_int_get (&hopeful.thread_id) == 0)
    g_thread_yield ();
  await_asleep (g_atomic_int_get (&hopeful.thread_id));
  settle_int (hopeful.futures[1], 1);

  g_assert_cmpint (await_int (hopeful.futures[0]), ==, 1);
  g_assert_error (hopeful.error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK);
  assert_contains (hopeful.error->message, "hopeful");

  g_clear_error (&hopeful.error);
  for (guint i = 0; i < 2; i++)
    cf_future_unref (hopeful.futures[i]);
  cf_executor_shutdown (executor, TRUE, FALSE);
  await_finalized (executor);
}

/* map: the task waits for an item in another pool, and the item waits for the task. */

typedef struct
{
  CfExecutor *other;
  CfFuture   *future;
  gint        n_told;    /* (atomic) */
  gint        thread_id; /* (atomic): set by task_map_many() */
} Mapper;

static void
mapper_tell (Mapper *self,
             GError *error)
{
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK);
  assert_contains (error->message, "mapper");
  g_atomic_int_inc (&self->n_told);
}

static GVariant *
func_wait_for_mapper (GVariant     *args,
                      GCancellable *cancellable,
                      GError      **error)
{
  Mapper *self = variant_to_pointer (args);
  g_autoptr (GError) local_error = NULL;

  cf_future_get_result (self->future, -1, &local_error);
  if (local_error != NULL)
    mapper_tell (self, local_error);

  return g_variant_new ("()");
}

static gboolean
task_map (GValue       *result,
          GCancellable *cancellable,
          gpointer      user_data,
          GError      **error)
{
  Mapper   *self = user_data;
  GVariant *item = variant_from_pointer (self);
  g_autoptr (GError) local_error = NULL;
  g_autoptr (CfResultIter) iter = cf_executor_map (self->other, func_wait_for_mapper,
                                                   g_variant_new_array (NULL, &item, 1), -1, 1, 0, NULL);
  g_autoptr (GVariant) value = cf_result_iter_next (iter, &local_error);

  if (value == NULL)
    mapper_tell (self, local_error);

  return task_int (result, cancellable, GINT_TO_POINTER (1), error);
}

static void
test_map (gconstpointer same_pool)
{
  g_test_summary ("A circle that goes over map's next: at least one is told.");

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (CfExecutor) pool = pool_new (2);
      g_autoptr (CfExecutor) other = same_pool != NULL ? g_object_ref (pool) : pool_new (1);
      Mapper mapper = { .other = other };

      mapper.future = task_new ("mapper", task_map, &mapper);
      schedule (pool, mapper.future);
      g_assert_cmpint (await_int (mapper.future), ==, 1);
      cf_executor_shutdown (other, TRUE, FALSE);
      cf_executor_shutdown (pool, TRUE, FALSE);
      g_assert_cmpint (mapper.n_told, >=, 1);
      cf_future_unref (mapper.future);
    }
}

static GVariant *
func_wait_for_mapper_or_not (GVariant     *args,
                             GCancellable *cancellable,
                             GError      **error)
{
  return variant_to_pointer (args) != NULL ? func_wait_for_mapper (args, cancellable, error) : g_variant_new ("()");
}

static gboolean
task_map_many (GValue       *result,
               GCancellable *cancellable,
               gpointer      user_data,
               GError      **error)
{
  Mapper   *self = user_data;
  GVariant *items[] = { variant_from_pointer (self), variant_from_pointer (NULL) };
  g_autoptr (GError) local_error = NULL;
  g_autoptr (CfResultIter) iter = cf_executor_map (self->other, func_wait_for_mapper_or_not,
                                                   g_variant_new_array (NULL, items, 2), -1, 1, 0, NULL);
  g_autoptr (GVariant) value = NULL;

  g_atomic_int_set (&self->thread_id, thread_id ());
  value = cf_result_iter_next (iter, &local_error);
  if (value == NULL)
    mapper_tell (self, local_error);

  return task_int (result, cancellable, GINT_TO_POINTER (1), error);
}

static void
test_map_taken_later (void)
{
  g_autoptr (CfExecutor) pool = pool_new (1);
  g_autoptr (CfExecutor) other = pool_new (2);
  Mapper mapper = { .other = other, .future = task_new ("mapper", task_map_many, &mapper) };
  Gate   gate;
  g_autoptr (CfFuture) first = NULL;
  g_autoptr (CfFuture) second = NULL;

  g_test_summary ("A circle over an item that nobody had taken when the task began to wait for it: at least one is told.");

  gate_init (&gate);
  first = submit_task (other, task_gate, &gate);
  second = submit_task (other, task_gate, &gate);
  gate_await_waiting (&gate, 2);
  schedule (pool, mapper.future);
  while (g_atomic_int_get (&mapper.thread_id) == 0)
    g_thread_yield ();
  await_asleep (g_atomic_int_get (&mapper.thread_id));
  gate_open (&gate);

  g_assert_cmpint (await_int (mapper.future), ==, 1);
  cf_executor_shutdown (other, TRUE, FALSE);
  cf_executor_shutdown (pool, TRUE, FALSE);
  g_assert_cmpint (mapper.n_told, >=, 1);
  cf_future_unref (mapper.future);
  gate_clear (&gate);
}

static void
test_goes_on (void)
{
  CfExecutor *executor = pool_new (2);

  g_test_summary ("After a deadlock was told the pool works as before.");

  for (guint i = 0; i < 20; i++)
    {
      CfFuture *futures[2];
      g_autoptr (CfFuture) after = NULL;

      futures[0] = task_new ("a", task_propagate, &futures[1]);
      futures[1] = task_new ("b", task_propagate, &futures[0]);
      for (guint j = 0; j < 2; j++)
        schedule (executor, futures[j]);
      after = submit_task (executor, task_int, GINT_TO_POINTER (9));
      g_assert_cmpint (await_int (after), ==, 9);
      for (guint j = 0; j < 2; j++)
        await_error (futures[j], CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK);
      for (guint j = 0; j < 2; j++)
        cf_future_unref (futures[j]);
    }
  cf_executor_shutdown (executor, TRUE, FALSE);
  await_finalized (executor);
}

static const char *const kinds[] = { "get-result", "get-exception", "wait", "cf-wait", "as-completed", "mixed" };

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autofree char *two = g_strdup_printf ("/wait-graph/two/%s", kinds[i]);
      g_autofree char *three = g_strdup_printf ("/wait-graph/three/%s", kinds[i]);
      g_autofree char *across = g_strdup_printf ("/wait-graph/across-pools/%s", kinds[i]);
      g_autofree char *self = g_strdup_printf ("/wait-graph/self/%s", kinds[i]);

      g_test_add_data_func (two, GUINT_TO_POINTER (i), test_two);
      g_test_add_data_func (three, GUINT_TO_POINTER (i), test_three);
      g_test_add_data_func (across, GUINT_TO_POINTER (i), test_across_pools);
      if (i < N_WAITS)
        g_test_add_data_func (self, GUINT_TO_POINTER (i), test_self);
    }
  g_test_add_func ("/wait-graph/example", test_example);
  g_test_add_data_func ("/wait-graph/among-many/all", GUINT_TO_POINTER (CF_ALL_COMPLETED), test_among_many);
  g_test_add_data_func ("/wait-graph/among-many/first", GUINT_TO_POINTER (CF_FIRST_COMPLETED), test_among_many);
  g_test_add_data_func ("/wait-graph/among-many/first-exception", GUINT_TO_POINTER (CF_FIRST_EXCEPTION), test_among_many);
  g_test_add_func ("/wait-graph/among-many/first-exception-later", test_first_exception_later);
  g_test_add_data_func ("/wait-graph/map/other-pool", NULL, test_map);
  g_test_add_data_func ("/wait-graph/map/same-pool", "same", test_map);
  g_test_add_func ("/wait-graph/map/taken-later", test_map_taken_later);
  g_test_add_func ("/wait-graph/goes-on", test_goes_on);

  return g_test_run ();
}
