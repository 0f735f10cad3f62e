/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What two threads do to a future at the same moment, many times over. */

#include "cf-test-executors.h"

static guint
get_n_rounds (void)
{
  return n_tries (20000, 500000);
}

typedef struct
{
  CfExecutor *executor;
  GThread    *thread;
  gint        turn; /* (atomic) */
  gint        done; /* (atomic) */
  gint        n_rounds;
  CfFuture   *future;     /* of this turn */
  gint        n_ran;      /* (atomic) */
  gint        n_released; /* (atomic) */
  guint       n_cancelled;
} Duel;

static void
duel_init (Duel *self,
           guint n_workers)
{
  *self = (Duel){ .executor = pool_new (n_workers), .n_rounds = (gint) get_n_rounds () };
}

static void
duel_clear (Duel *self)
{
  g_thread_join (self->thread);
  /* What was dropped runs all the same. */
  await_count (self->executor, "n-pending", 0);
  cf_executor_shutdown (self->executor, TRUE, FALSE);
  await_finalized (self->executor);
}

/* Not to be told apart from any other moment, and so long that each of both is first now and then. */
static void
dawdle (gint round)
{
  for (volatile gint i = round % 61; i > 0; i--)
    ;
}

static void
begin_turn (Duel *self,
            gint  round)
{
  g_atomic_int_set (&self->turn, round);
  dawdle (round);
}

static void
await_turn (Duel *self,
            gint  round)
{
  while (g_atomic_int_get (&self->turn) < round)
    g_thread_yield ();
  dawdle (round * 7);
}

static void
end_turn (Duel *self,
          gint  round)
{
  while (g_atomic_int_get (&self->done) < round)
    g_thread_yield ();
}

static gboolean
task_ran (GValue       *result,
          GCancellable *cancellable,
          gpointer      duel,
          GError      **error)
{
  return task_count (result, cancellable, &((Duel *) duel)->n_ran, error);
}

static void
released (gpointer duel)
{
  g_atomic_int_inc (&((Duel *) duel)->n_released);
}

static gpointer
cancel_thread (gpointer duel)
{
  Duel *self = duel;

  for (gint i = 1; i <= self->n_rounds; i++)
    {
      await_turn (self, i);
      cf_future_cancel (self->future);
      g_atomic_int_set (&self->done, i);
    }

  return NULL;
}

static void
test_schedule_or_cancel (gconstpointer n_workers)
{
  Duel self;

  g_test_summary ("Whoever cancels a future that is just being queued takes that one out, and no other.");

  duel_init (&self, GPOINTER_TO_UINT (n_workers));
  self.thread = g_thread_new ("canceller", cancel_thread, &self);
  for (gint i = 1; i <= self.n_rounds; i++)
    {
      self.future = cf_future_new_for_task (task_ran, &self, released);
      begin_turn (&self, i);
      /* It may be cancelled already. */
      cf_executor_schedule (self.executor, self.future, NULL);
      g_assert_true (cf_future_wait (self.future, -1));
      end_turn (&self, i);
      self.n_cancelled += cf_future_is_cancelled (self.future) ? 1 : 0;
      cf_future_unref (self.future);
    }
  g_assert_cmpint (self.n_released, ==, self.n_rounds);
  g_assert_cmpint (self.n_ran + (gint) self.n_cancelled, ==, self.n_rounds);
  duel_clear (&self);
}

static gpointer
settle_thread (gpointer duel)
{
  Duel *self = duel;

  for (gint i = 1; i <= self->n_rounds; i++)
    {
      await_turn (self, i);
      cf_future_set_result (self->future, NULL, NULL);
      g_atomic_int_set (&self->done, i);
    }

  return NULL;
}

/* Each round queues a future while @other does something to it. */
static void
schedule_against (Duel         *self,
                  GThreadFunc   other,
                  gconstpointer n_workers)
{
  duel_init (self, GPOINTER_TO_UINT (n_workers));
  self->thread = g_thread_new ("other", other, self);
  for (gint i = 1; i <= self->n_rounds; i++)
    {
      self->future = cf_future_new_for_task (task_ran, self, released);
      begin_turn (self, i);
      /* It may be over already. */
      cf_executor_schedule (self->executor, self->future, NULL);
      g_assert_true (cf_future_wait (self->future, -1));
      end_turn (self, i);
      cf_future_unref (self->future);
    }
  duel_clear (self);
  g_assert_cmpint (self->n_released, ==, self->n_rounds);
}

static void
test_schedule_or_settle (gconstpointer n_workers)
{
  Duel self;

  g_test_summary ("The same for who settles it by hand.");

  schedule_against (&self, settle_thread, n_workers);
  g_assert_cmpint (self.n_ran, <=, self.n_rounds);
}

static gpointer
run_thread (gpointer duel)
{
  Duel *self = duel;

  for (gint i = 1; i <= self->n_rounds; i++)
    {
      await_turn (self, i);
      cf_future_run (self->future);
      g_atomic_int_set (&self->done, i);
    }

  return NULL;
}

static gpointer
start_thread (gpointer duel)
{
  Duel *self = duel;

  for (gint i = 1; i <= self->n_rounds; i++)
    {
      await_turn (self, i);
      if (cf_future_set_running_or_notify_cancel (self->future))
        {
          g_atomic_int_inc (&self->n_ran);
          g_assert_true (cf_future_set_result (self->future, NULL, NULL));
        }
      g_atomic_int_set (&self->done, i);
    }

  return NULL;
}

static void
test_schedule_or_run (gconstpointer n_workers)
{
  Duel self;

  g_test_summary ("A future that is just being queued is run by its executor or here, and never left in the queue.");

  schedule_against (&self, run_thread, n_workers);
  g_assert_cmpint (self.n_ran, ==, self.n_rounds);
}

static void
test_schedule_or_start (gconstpointer n_workers)
{
  Duel self;

  g_test_summary ("The same for who starts it in his own way.");

  schedule_against (&self, start_thread, n_workers);
  g_assert_cmpint (self.n_ran, ==, self.n_rounds);
}

static void
test_run_or_settle (void)
{
  Duel self;

  g_test_summary ("A future that is run here and settled by hand there keeps the name of its function.");

  duel_init (&self, 1);
  self.thread = g_thread_new ("settler", settle_thread, &self);
  for (gint i = 1; i <= self.n_rounds; i++)
    {
      g_autofree char *name = NULL;

      self.future = cf_future_new_for_func ((CfFunc) (GCallback) g_variant_ref, g_variant_new_int32 (i));
      begin_turn (&self, i);
      cf_future_run (self.future);
      end_turn (&self, i);
      g_object_get (self.future, "name", &name, NULL);
      g_assert_cmpstr (name, ==, "g_variant_ref");
      cf_future_unref (self.future);
    }
  duel_clear (&self);
}

/* The future is dropped here or in the other thread, by whoever is last, while the worker has it. */
static gpointer
unref_thread (gpointer duel)
{
  Duel *self = duel;

  for (gint i = 1; i <= self->n_rounds; i++)
    {
      await_turn (self, i);
      cf_future_unref (self->future);
      g_atomic_int_set (&self->done, i);
    }

  return NULL;
}

static void
test_dropped_elsewhere (gconstpointer n_workers)
{
  Duel self;

  g_test_summary ("A future that is dropped elsewhere, in whatever state, runs once and releases its data once.");

  duel_init (&self, GPOINTER_TO_UINT (n_workers));
  self.thread = g_thread_new ("dropper", unref_thread, &self);
  for (gint i = 1; i <= self.n_rounds; i++)
    {
      self.future = cf_executor_submit_task (self.executor, task_ran, &self, i % 2 == 0 ? released : NULL, NULL);
      if (i % 3 == 0)
        g_object_ref (self.future);
      begin_turn (&self, i);
      if (i % 3 == 0)
        g_object_unref (self.future);
      end_turn (&self, i);
      if (i % 100 == 0)
        run_pending (NULL);
    }
  duel_clear (&self);
  g_assert_cmpint (self.n_ran, ==, self.n_rounds);
  g_assert_cmpint (self.n_released, ==, self.n_rounds / 2);
  run_pending (NULL);
}

/* Threads with contexts that come and go */

#define N_GUESTS 3
#define N_FUTURES 8

typedef struct
{
  CfExecutor *executor;
  gint        n_done; /* (atomic) */
  gint        n_ran;  /* (atomic) */
  guint       n_rounds;
} Hotel;

/* Some are heard of, some are dropped before, some are left to the end of the context. */
static void
stay_once (Hotel *self)
{
  GMainContext *context = g_main_context_new ();
  CfFuture     *futures[N_FUTURES];
  gint          n_heard = 0;

  g_main_context_push_thread_default (context);
  for (guint i = 0; i < N_FUTURES; i++)
    {
      futures[i] = submit_task (self->executor, task_count, &self->n_ran);
      if (i % 2 == 0)
        g_signal_connect (futures[i], "done", G_CALLBACK (count_callback), &n_heard);
    }
  for (guint i = 2; i < N_FUTURES; i++)
    cf_future_unref (futures[i]);
  run_until_count (context, &n_heard, N_FUTURES / 2);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
  g_atomic_int_add (&self->n_done, n_heard);
  cf_future_unref (futures[0]);
  cf_future_unref (futures[1]);
}

static gpointer
guest_thread (gpointer hotel)
{
  Hotel *self = hotel;

  for (guint i = 0; i < self->n_rounds; i++)
    stay_once (self);

  return NULL;
}

static void
test_contexts_come_and_go (gconstpointer n_workers)
{
  Hotel    self = { .executor = pool_new (GPOINTER_TO_UINT (n_workers)), .n_rounds = get_n_rounds () / 40 };
  GThread *threads[N_GUESTS];

  g_test_summary ("A context may end as soon as it told the last of its futures.");

  for (guint i = 0; i < N_GUESTS; i++)
    threads[i] = g_thread_new ("guest", guest_thread, &self);
  for (guint i = 0; i < N_GUESTS; i++)
    g_thread_join (threads[i]);
  cf_executor_shutdown (self.executor, TRUE, FALSE);
  g_assert_cmpint (self.n_ran, ==, (gint) (N_GUESTS * self.n_rounds * N_FUTURES));
  g_assert_cmpint (self.n_done, ==, (gint) (N_GUESTS * self.n_rounds * N_FUTURES / 2));
  await_finalized (self.executor);
}

/* Threads that end while futures of theirs are on their way out */

static gpointer
short_thread (gpointer hotel)
{
  Hotel *self = hotel;

  for (guint i = 0; i < N_FUTURES; i++)
    {
      g_autoptr (CfFuture) future = submit_task (self->executor, task_count, &self->n_ran);

      if (i % 2 == 0)
        g_assert_true (cf_future_wait (future, -1));
    }

  return NULL;
}

static void
test_threads_come_and_go (gconstpointer n_workers)
{
  Hotel self = { .executor = pool_new (GPOINTER_TO_UINT (n_workers)), .n_rounds = get_n_rounds () / 40 };

  g_test_summary ("A thread may end with futures that it dropped and that the main context has not told yet.");

  for (guint i = 0; i < self.n_rounds; i++)
    {
      GThread *first = g_thread_new ("short", short_thread, &self), *second = g_thread_new ("short", short_thread, &self);

      run_pending (NULL);
      g_thread_join (first);
      g_thread_join (second);
    }
  cf_executor_shutdown (self.executor, TRUE, FALSE);
  run_pending (NULL);
  g_assert_cmpint (self.n_ran, ==, (gint) (2 * self.n_rounds * N_FUTURES));
  await_finalized (self.executor);
}

static void
add (const char *name,
     void (*test) (gconstpointer n_workers))
{
  const guint numbers[] = { 1, 2, 4 };

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_autofree char *path = g_strdup_printf ("/thread-pool-races/%s/%u", name, numbers[i]);

      g_test_add_data_func (path, GUINT_TO_POINTER (numbers[i]), test);
    }
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  add ("schedule-or-cancel", test_schedule_or_cancel);
  add ("schedule-or-settle", test_schedule_or_settle);
  add ("schedule-or-run", test_schedule_or_run);
  add ("schedule-or-start", test_schedule_or_start);
  g_test_add_func ("/thread-pool-races/run-or-settle", test_run_or_settle);
  add ("dropped-elsewhere", test_dropped_elsewhere);
  add ("contexts-come-and-go", test_contexts_come_and_go);
  add ("threads-come-and-go", test_threads_come_and_go);

  return g_test_run ();
}
