/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A map that several threads are at: who reads it, who closes it, who shuts its executor down. */

#include "cf-test-executors.h"
#include "cf-test-maps.h"

#define N_ITEMS 20

static gpointer
read_next (gpointer iter)
{
  return cf_result_iter_next (iter, NULL);
}

static void
assert_number (GVariant *result,
               gint64    number)
{
  g_assert_nonnull (result);
  g_assert_cmpint (g_variant_get_int64 (result), ==, number);
  g_variant_unref (result);
}

static void
test_asked_while_submitted (void)
{
  HeldLog       log = { 0 };
  CfExecutor   *executor = held_executor_new (&log);
  CfResultIter *iter = cf_executor_map (executor, func_double, numbers (2), -1, 1, 1, NULL);
  GThread      *reader;
  Gate          gate;
  g_autoptr (GAsyncResult) asked = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Who asks in the main loop while a thread submits is told of what is done before schedule() returns.");

  gate_init (&gate);
  held_executor_run_all (executor);
  log.gate = &gate;
  log.answer = TRUE;
  reader = g_thread_new ("reader", read_next, iter);
  gate_await_waiting (&gate, 1);
  cf_result_iter_next_async (iter, NULL, keep_result, &asked);
  gate_open (&gate);
  assert_number (g_thread_join (reader), 0);

  run_pending (NULL);
  g_assert_nonnull (asked);
  g_assert_null (cf_result_iter_next_finish (iter, asked, &error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT);
  g_clear_object (&asked);
  assert_map_end (iter);

  g_assert_finalize_object (iter);
  g_assert_finalize_object (executor);
  gate_clear (&gate);
}

typedef struct
{
  CfResultIter *iter;
  gint          id; /* (atomic): of its thread */
  GError       *error;
} Reader;

static gpointer
read_and_say_who (gpointer data)
{
  Reader *self = data;

  g_atomic_int_set (&self->id, thread_id ());

  return cf_result_iter_next (self->iter, &self->error);
}

static void
test_sleeps_while_submitted (gconstpointer is_refused)
{
  HeldLog       log = { 0 };
  CfExecutor   *executor = held_executor_new (&log);
  CfResultIter *iter = cf_executor_map (executor, func_double, numbers (2), -1, 1, 1, NULL);
  Reader        second = { .iter = iter };
  GThread      *first_thread, *second_thread;
  Gate          gate;

  g_test_summary ("Who reads what another thread submits sleeps until schedule() returns, also when it is done before.");

  gate_init (&gate);
  held_executor_run_all (executor);
  log.end_gate = &gate;
  log.answer = TRUE;
  log.refuse_mutely = is_refused != NULL;
  first_thread = g_thread_new ("first", read_next, iter);
  gate_await_waiting (&gate, 1);
  second_thread = g_thread_new ("second", read_and_say_who, &second);
  while (g_atomic_int_get (&second.id) == 0)
    g_thread_yield ();
  await_asleep (second.id);

  gate_open (&gate);
  assert_number (g_thread_join (first_thread), 0);
  g_assert_null (g_thread_join (second_thread));
  g_assert_error (second.error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT);
  g_clear_error (&second.error);
  assert_map_end (iter);

  g_assert_finalize_object (iter);
  g_assert_finalize_object (executor);
  gate_clear (&gate);
}

/* Runs what it gets at once, and asks for the next result when the future of the first one goes. */

typedef struct
{
  CfExecutor parent_instance;

  CfResultIter *iter; /* (nullable): whom to ask; not a reference */
  GAsyncResult *asked;
} TestAskingExecutor;

typedef struct
{
  CfExecutorClass parent_class;
} TestAskingExecutorClass;

static GType test_asking_executor_get_type (void);

G_DEFINE_TYPE (TestAskingExecutor, test_asking_executor, CF_TYPE_EXECUTOR)

static void
ask (gpointer data,
     GObject *future)
{
  TestAskingExecutor *self = data;
  CfResultIter       *iter = g_steal_pointer (&self->iter);

  if (iter != NULL)
    cf_result_iter_next_async (iter, NULL, keep_result, &self->asked);
}

static gboolean
test_asking_executor_schedule (CfExecutor *executor,
                               CfFuture   *future,
                               GError    **error)
{
  g_object_weak_ref (G_OBJECT (future), ask, executor);
  cf_future_run (future);

  return TRUE;
}

static void
test_asking_executor_class_init (TestAskingExecutorClass *klass)
{
  CF_EXECUTOR_CLASS (klass)->schedule = test_asking_executor_schedule;
}

static void
test_asking_executor_init (TestAskingExecutor *self)
{
}

static void
test_asked_before_submitted (void)
{
  TestAskingExecutor *executor = g_object_new (test_asking_executor_get_type (), NULL);
  CfResultIter       *iter = cf_executor_map (CF_EXECUTOR (executor), func_double, numbers (3), -1, 1, 1, NULL);

  g_test_summary ("Who asks when a result was taken, and the next item is not submitted yet, gets that, and not the end.");

  executor->iter = iter;
  assert_number (cf_result_iter_next (iter, NULL), 0);
  assert_number (cf_result_iter_next_finish (iter, await_result (NULL, &executor->asked), NULL), 2);
  g_clear_object (&executor->asked);
  assert_number (cf_result_iter_next (iter, NULL), 4);
  assert_map_end (iter);

  g_assert_finalize_object (iter);
  g_assert_finalize_object (executor);
}

static GVariant *
func_count (GVariant                 *args,
            GCancellable *cancellable G_GNUC_UNUSED,
            GError **error            G_GNUC_UNUSED)
{
  ++*(gint *) variant_to_pointer (args);

  return g_variant_ref (args);
}

static GVariant *
counters (gint *counter,
          gsize n)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("at"));
  for (gsize i = 0; i < n; i++)
    g_variant_builder_add_value (&builder, variant_from_pointer (counter));

  return g_variant_builder_end (&builder);
}

static void
test_ended_lets_go (void)
{
  HeldLog       log = { 0 };
  CfExecutor   *executor = held_executor_new (&log);
  CfResultIter *closed = cf_executor_map (executor, func_never, numbers (3), -1, 1, 1, NULL);
  CfResultIter *late = cf_executor_map (executor, func_never, numbers (3), 0, 1, 1, NULL);

  g_test_summary ("An iterator that was closed, or ran out of time, does not hold the executor.");

  cf_result_iter_close (closed);
  assert_next_error (late, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_finalize_object (executor);

  assert_map_end (closed);
  assert_map_end (late);
  g_assert_finalize_object (closed);
  g_assert_finalize_object (late);
}

/* One thread closes what another reads, each time at another moment. */
typedef struct
{
  CfResultIter *iter;     /* (atomic) (nullable): to be closed now */
  gint          is_ended; /* (atomic) */
} Closing;

static void
dawdle (guint n)
{
  for (volatile guint i = 0; i < n; i++)
    ;
}

static gpointer
close_each (gpointer data)
{
  Closing *self = data;
  GRand   *rand = g_rand_new_with_seed (1);

  while (!g_atomic_int_get (&self->is_ended))
    {
      CfResultIter *iter = g_atomic_pointer_get (&self->iter);

      if (iter == NULL)
        {
          g_thread_yield ();
          continue;
        }
      dawdle (g_rand_int (rand) % 400);
      cf_result_iter_close (iter);
      g_atomic_pointer_set (&self->iter, NULL);
    }
  g_rand_free (rand);

  return NULL;
}

static void
test_closed_elsewhere (void)
{
  Closing  closing = { NULL, FALSE };
  GThread *closer = g_thread_new ("closer", close_each, &closing);

  g_test_summary ("What a thread submits while another closes the iterator does not run.");

  for (guint i = 0; i < n_tries (2000, 200000); i++)
    {
      HeldLog     log = { 0 };
      CfExecutor *executor = held_executor_new (&log);
      gint        n_ran = 0;
      g_autoptr (CfResultIter) iter = cf_executor_map (executor, func_count, counters (&n_ran, 3), -1, 1, 1, NULL);
      g_autoptr (GVariant) result = NULL;

      held_executor_run_all (executor);
      g_atomic_pointer_set (&closing.iter, iter);
      result = cf_result_iter_next (iter, NULL);
      while (g_atomic_pointer_get (&closing.iter) != NULL)
        g_thread_yield ();
      held_executor_run_all (executor);
      g_assert_cmpint (n_ran, ==, 1);
      g_object_unref (executor);
    }
  g_atomic_int_set (&closing.is_ended, TRUE);
  g_thread_join (closer);
}

typedef struct
{
  CfExecutor *executor;
  Gate        begin;
  Gate        gate;
  gint        n_begun; /* (atomic) */
} Mapping;

/* Counts, and waits at the gate. */
static GVariant *
func_begin (GVariant                 *args,
            GCancellable *cancellable G_GNUC_UNUSED,
            GError **error            G_GNUC_UNUSED)
{
  Mapping *self = variant_to_pointer (args);

  g_atomic_int_inc (&self->n_begun);
  gate_wait (&self->gate);

  return g_variant_ref (args);
}

static gpointer
map_at_gate (gpointer data)
{
  Mapping        *self = data;
  GVariantBuilder items;

  g_variant_builder_init (&items, G_VARIANT_TYPE ("at"));
  for (guint i = 0; i < N_ITEMS; i++)
    g_variant_builder_add_value (&items, variant_from_pointer (self));
  gate_wait (&self->begin);

  return cf_executor_map (self->executor, func_begin, g_variant_builder_end (&items), -1, 1, 0, NULL);
}

/* A result for each item that a worker had come to, then an error for each of the others, or SHUTDOWN once. */
static void
assert_cancelled (Mapping      *self,
                  CfResultIter *iter)
{
  g_autoptr (GError) error = NULL;
  GVariant *result;
  gint      n_results = 0;

  while ((result = cf_result_iter_next (iter, &error)) != NULL)
    {
      g_variant_unref (result);
      n_results++;
    }
  g_assert_nonnull (error);
  g_assert_cmpint (n_results, ==, g_atomic_int_get (&self->n_begun));
  if (!g_error_matches (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SHUTDOWN))
    for (gint i = n_results + 1; i < N_ITEMS; i++)
      assert_next_error (iter, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_map_end (iter);
}

static void
cancel_while_mapping (guint n_workers)
{
  Mapping  mapping = { .executor = pool_new (n_workers) };
  GThread *mapper;
  g_autoptr (CfFuture) first = submit_task (mapping.executor, task_nothing, NULL);
  g_autoptr (CfResultIter) iter = NULL;

  /* There is a worker, who is woken by the first thing that map() submits. */
  cf_future_wait (first, -1);
  gate_init (&mapping.begin);
  gate_init (&mapping.gate);
  mapper = g_thread_new ("mapper", map_at_gate, &mapping);
  gate_await_waiting (&mapping.begin, 1);
  gate_open (&mapping.begin);
  while (g_atomic_int_get (&mapping.n_begun) == 0)
    g_thread_yield ();
  cf_executor_shutdown (mapping.executor, FALSE, TRUE);
  iter = g_thread_join (mapper);
  gate_open (&mapping.gate);

  g_assert_nonnull (iter);
  assert_cancelled (&mapping, iter);
  cf_executor_shutdown (mapping.executor, TRUE, FALSE);
  g_assert_cmpint (g_atomic_int_get (&mapping.n_begun), <=, (gint) n_workers);
  await_finalized (mapping.executor);
  gate_clear (&mapping.begin);
  gate_clear (&mapping.gate);
}

static void
test_cancelled_while_mapping (gconstpointer n_workers)
{
  g_test_summary ("A shutdown that cancels while map() submits leaves no more to run than what has begun.");

  for (guint i = 0; i < n_tries (300, 20000); i++)
    cancel_while_mapping (GPOINTER_TO_UINT (n_workers));
}

static gboolean
task_map (GValue       *result,
          GCancellable *cancellable,
          gpointer      executor,
          GError      **error)
{
  g_autoptr (CfResultIter) iter = cf_executor_map (executor, func_double, numbers (N_ITEMS), -1, 1, 0, error);

  for (gint64 i = 0; i < N_ITEMS; i++)
    assert_number (cf_result_iter_next (iter, error), 2 * i);
  g_assert_cmpuint (get_count (executor, "n-pending"), ==, 0);

  return TRUE;
}

static void
test_nothing_left_queued (void)
{
  CfExecutor *executor = pool_new (1);
  g_autoptr (CfFuture) future = submit_task (executor, task_map, executor);

  g_test_summary ("When a worker has read all of a map in its own pool, nothing of that is left in the queue.");

  g_assert_true (cf_future_copy_result (future, -1, &(GValue) G_VALUE_INIT, NULL));
  cf_executor_shutdown (executor, TRUE, FALSE);
  await_finalized (executor);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/result-iter-readers/asked-while-submitted", test_asked_while_submitted);
  g_test_add_data_func ("/result-iter-readers/sleeps-while-submitted", GINT_TO_POINTER (FALSE), test_sleeps_while_submitted);
  g_test_add_data_func ("/result-iter-readers/sleeps-while-submitted/refused", GINT_TO_POINTER (TRUE), test_sleeps_while_submitted);
  g_test_add_func ("/result-iter-readers/asked-before-submitted", test_asked_before_submitted);
  g_test_add_func ("/result-iter-readers/ended-lets-go", test_ended_lets_go);
  g_test_add_func ("/result-iter-readers/closed-elsewhere", test_closed_elsewhere);
  g_test_add_data_func ("/result-iter-readers/cancelled-while-mapping/1", GUINT_TO_POINTER (1), test_cancelled_while_mapping);
  g_test_add_data_func ("/result-iter-readers/cancelled-while-mapping/4", GUINT_TO_POINTER (4), test_cancelled_while_mapping);
  g_test_add_func ("/result-iter-readers/nothing-left-queued", test_nothing_left_queued);

  return g_test_run ();
}
