/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Several threads do different things to the same future at the same moment. */

#include "cf-test.h"

#define N_THREADS 4

#define N_DROPPED 1000
#define N_DROPPINGS 100

typedef struct
{
  CfFuture *future;
  Probe     call;        /* the user data of the call */
  gint      n_ran;       /* (atomic) */
  gint      n_callbacks; /* (atomic) */
  gint      n_done;      /* main thread: "done" */
  gint      n_arrived;   /* (atomic) */
  gint      n_settled;   /* (atomic): successful set_result and set_exception */
  gint      n_cancelled; /* (atomic): successful cancels */
  gint      n_started;   /* (atomic): successful runs or starts */
  gint      n_refused;   /* (atomic) */
} Round;

typedef void (*Move) (Round *round);

typedef struct
{
  Round *rounds;
  guint  n_rounds;
  Move   moves[N_THREADS];
  gint   next_thread; /* (atomic) */
} Race;

static void
move_set_result (Round *round)
{
  g_autoptr (GError) error = NULL;
  g_auto (GValue) value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_STRING);
  g_value_set_string (&value, "by hand");

  if (cf_future_set_result (round->future, &value, &error))
    {
      g_assert_no_error (error);
      g_assert_true (cf_future_is_done (round->future));
      g_assert_cmpstr (g_value_get_string (cf_future_get_result (round->future, 0, NULL)), ==, "by hand");
      g_atomic_int_inc (&round->n_settled);
    }
  else
    {
      g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_INVALID_STATE);
      g_atomic_int_inc (&round->n_refused);
    }
}

static void
move_set_exception (Round *round)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) exception = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "by hand");

  if (cf_future_set_exception (round->future, exception, &error))
    {
      g_autoptr (GError) got = NULL;

      g_assert_no_error (error);
      g_assert_null (cf_future_get_result (round->future, 0, &got));
      g_assert_error (got, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
      g_atomic_int_inc (&round->n_settled);
    }
  else
    {
      g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_INVALID_STATE);
      g_atomic_int_inc (&round->n_refused);
    }
}

static void
move_cancel (Round *round)
{
  if (cf_future_cancel (round->future))
    {
      /* The other one who cancels may still be releasing the call. */
      g_assert_true (cf_future_wait (round->future, -1));
      g_assert_true (cf_future_is_cancelled (round->future));
      g_atomic_int_inc (&round->n_cancelled);
    }
  else
    g_assert_false (cf_future_is_cancelled (round->future));
}

static void
move_run (Round *round)
{
  if (cf_future_run (round->future))
    {
      g_assert_true (cf_future_wait (round->future, -1));
      g_assert_false (cf_future_is_cancelled (round->future));
      g_atomic_int_inc (&round->n_started);
    }
}

static void
move_start (Round *round)
{
  if (cf_future_set_running_or_notify_cancel (round->future))
    {
      g_assert_false (cf_future_cancel (round->future));
      g_atomic_int_inc (&round->n_started);
    }
}

static void
move_add_callback (Round *round)
{
  cf_future_add_done_callback (round->future, count_callback, &round->n_callbacks, NULL);
}

static void
move_wait (Round *round)
{
  g_assert_true (cf_future_wait (round->future, -1));
  g_assert_true (cf_future_is_done (round->future));
}

static gboolean
task_run (GValue       *result,
          GCancellable *cancellable,
          gpointer      user_data,
          GError      **error)
{
  Round *round = (Round *) ((char *) user_data - G_STRUCT_OFFSET (Round, call));

  g_atomic_int_inc (&round->n_ran);

  return task_int (result, cancellable, GINT_TO_POINTER (1), error);
}

static void
meet (Round *round)
{
  g_atomic_int_inc (&round->n_arrived);
  while (g_atomic_int_get (&round->n_arrived) < N_THREADS)
    g_thread_yield ();
}

static gpointer
race_thread (gpointer data)
{
  Race *race = data;
  gint  me = g_atomic_int_add (&race->next_thread, 1);

  for (guint i = 0; i < race->n_rounds; i++)
    {
      meet (&race->rounds[i]);
      race->moves[((guint) me + i) % N_THREADS](&race->rounds[i]);
    }

  return NULL;
}

static void
race_setup (Race       *race,
            const Move *moves)
{
  race->n_rounds = n_tries (2000, 20000);
  race->rounds = g_new0 (Round, race->n_rounds);
  race->next_thread = 0;
  for (guint i = 0; i < N_THREADS; i++)
    race->moves[i] = moves[i];

  for (guint i = 0; i < race->n_rounds; i++)
    {
      Round *round = &race->rounds[i];

      round->future = cf_future_new_for_task (task_run, &round->call, probe_release);
      cf_future_add_done_callback (round->future, count_callback, &round->n_callbacks, NULL);
      g_signal_connect (round->future, "done", G_CALLBACK (count_callback), &round->n_done);
    }
}

static void
race_run (Race       *race,
          const Move *moves)
{
  GThread *threads[N_THREADS];

  race_setup (race, moves);
  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("race", race_thread, race);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
}

/* What holds whoever won. */
static void
race_finish (Race *race)
{
  for (guint i = 0; i < race->n_rounds; i++)
    run_until_count (NULL, &race->rounds[i].n_done, 1);
  run_pending (NULL);

  for (guint i = 0; i < race->n_rounds; i++)
    {
      Round *round = &race->rounds[i];

      g_assert_cmpint (round->n_done, ==, 1);
      g_assert_cmpint (round->n_ran, <=, 1);
      assert_released_once (&round->call);
      cf_future_unref (round->future);
      assert_released_once (&round->call);
    }

  g_free (race->rounds);
}

static void
test_four_outcomes (void)
{
  const Move moves[N_THREADS] = { move_set_result, move_set_exception, move_cancel, move_run };
  Race       race;

  g_test_summary ("Result, error, cancel and run race: exactly one outcome, the callbacks once.");

  race_run (&race, moves);
  for (guint i = 0; i < race.n_rounds; i++)
    {
      Round *round = &race.rounds[i];

      g_assert_cmpint (round->n_settled + round->n_refused, ==, 2);
      g_assert_cmpint (round->n_settled + round->n_cancelled, <=, 1);
      g_assert_cmpint (round->n_settled + round->n_cancelled + round->n_started, >=, 1);
      g_assert_cmpint (round->n_cancelled + round->n_started, <=, 1);
      g_assert_cmpint (round->n_ran, ==, round->n_started);
      g_assert_cmpint (round->n_callbacks, ==, 1);
      g_assert_cmpint (cf_future_is_cancelled (round->future), ==, round->n_cancelled == 1);
    }
  race_finish (&race);
}

static void
test_run_or_cancel (void)
{
  const Move moves[N_THREADS] = { move_run, move_cancel, move_run, move_cancel };
  Race       race;

  g_test_summary ("Runs and cancels race: it runs once, or it never runs and every cancel says so.");

  race_run (&race, moves);
  for (guint i = 0; i < race.n_rounds; i++)
    {
      Round *round = &race.rounds[i];

      if (cf_future_is_cancelled (round->future))
        {
          g_assert_cmpint (round->n_cancelled, ==, 2);
          g_assert_cmpint (round->n_started, ==, 0);
          g_assert_cmpint (round->n_ran, ==, 0);
        }
      else
        {
          g_assert_cmpint (round->n_cancelled, ==, 0);
          g_assert_cmpint (round->n_started, ==, 1);
          g_assert_cmpint (round->n_ran, ==, 1);
          g_assert_cmpint (get_int (round->future), ==, 1);
        }
      g_assert_cmpint (round->n_callbacks, ==, 1);
    }
  race_finish (&race);
}

static void
test_start_or_cancel (void)
{
  const Move moves[N_THREADS] = { move_start, move_cancel, move_start, move_cancel };
  Race       race;

  g_test_summary ("Starts and cancels race: one start, or the cancel.");

  race_run (&race, moves);
  for (guint i = 0; i < race.n_rounds; i++)
    {
      Round *round = &race.rounds[i];

      g_assert_cmpint (round->n_started, ==, round->n_cancelled == 0 ? 1 : 0);
      g_assert_true (round->n_cancelled == 0 || round->n_cancelled == 2);
      if (round->n_started == 1)
        settle_int (round->future, 1);
      g_assert_cmpint (round->n_callbacks, ==, 1);
    }
  race_finish (&race);
}

static void
test_settlers (void)
{
  const Move moves[N_THREADS] = { move_set_result, move_set_exception, move_set_result, move_set_exception };
  Race       race;

  g_test_summary ("Four settle by hand: one succeeds, three are told INVALID_STATE.");

  race_run (&race, moves);
  for (guint i = 0; i < race.n_rounds; i++)
    {
      Round *round = &race.rounds[i];

      g_assert_cmpint (round->n_settled, ==, 1);
      g_assert_cmpint (round->n_refused, ==, 3);
      g_assert_cmpint (round->n_callbacks, ==, 1);
      g_assert_cmpint (round->n_ran, ==, 0);
    }
  race_finish (&race);
}

static void
test_callbacks_and_waiters (void)
{
  const Move moves[N_THREADS] = { move_run, move_add_callback, move_wait, move_add_callback };
  Race       race;

  g_test_summary ("Callbacks added while it settles run exactly once each, and who waits is woken.");

  race_run (&race, moves);
  for (guint i = 0; i < race.n_rounds; i++)
    {
      g_assert_cmpint (race.rounds[i].n_callbacks, ==, 3);
      g_assert_cmpint (race.rounds[i].n_started, ==, 1);
    }
  race_finish (&race);
}

static void
test_cancel_and_waiters (void)
{
  const Move moves[N_THREADS] = { move_cancel, move_add_callback, move_wait, move_wait };
  Race       race;

  g_test_summary ("Callbacks and waiters race with a cancel.");

  race_run (&race, moves);
  for (guint i = 0; i < race.n_rounds; i++)
    {
      g_assert_cmpint (race.rounds[i].n_callbacks, ==, 2);
      g_assert_cmpint (race.rounds[i].n_cancelled, ==, 1);
      g_assert_cmpint (race.rounds[i].n_ran, ==, 0);
    }
  race_finish (&race);
}

typedef struct
{
  CfFuture *futures[N_DROPPED];
  guint     n_ended; /* the thread that drops the last reference, then the main thread */
  gint      n_begun; /* (atomic) */
} Dropped;

static void
note_end (gpointer       data,
          GObject *where G_GNUC_UNUSED)
{
  g_atomic_int_inc ((gint *) data);
}

static void
await_both (Dropped *self)
{
  g_atomic_int_inc (&self->n_begun);
  while (g_atomic_int_get (&self->n_begun) < 2)
    g_thread_yield ();
}

static gpointer
attach_and_drop (gpointer data)
{
  Dropped *self = data;

  await_both (self);
  for (guint i = 0; i < N_DROPPED; i++)
    {
      g_object_weak_ref (G_OBJECT (self->futures[i]), note_end, &self->n_ended);
      g_object_unref (self->futures[i]);
    }

  return NULL;
}

static void
drop_together (Dropped *self)
{
  GThread *thread;

  for (guint i = 0; i < N_DROPPED; i++)
    {
      self->futures[i] = cf_future_new ();
      g_object_ref (self->futures[i]);
    }
  thread = g_thread_new ("attach-and-drop", attach_and_drop, self);

  await_both (self);
  for (guint i = 0; i < N_DROPPED; i++)
    cf_future_unref (self->futures[i]);
  g_thread_join (thread);
}

static void
test_attach_and_drop (void)
{
  g_test_summary ("What one thread attaches before it drops its reference is released, though another one drops the last.");

  for (guint i = 0; i < N_DROPPINGS; i++)
    {
      Dropped dropped = { .n_ended = 0 };

      drop_together (&dropped);
      g_assert_cmpuint (dropped.n_ended, ==, N_DROPPED);
    }
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/future-race/four-outcomes", test_four_outcomes);
  g_test_add_func ("/future-race/run-or-cancel", test_run_or_cancel);
  g_test_add_func ("/future-race/start-or-cancel", test_start_or_cancel);
  g_test_add_func ("/future-race/settlers", test_settlers);
  g_test_add_func ("/future-race/callbacks-and-waiters", test_callbacks_and_waiters);
  g_test_add_func ("/future-race/cancel-and-waiters", test_cancel_and_waiters);
  g_test_add_func ("/future-race/attach-and-drop", test_attach_and_drop);

  return g_test_run ();
}
