/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The cancellable that the function of a future gets, and others ask for. */

#include "cf-test.h"

#define N_RACES 20000
#define N_LOOKS 1000
#define DEPTH 40

typedef struct
{
  CfFuture     *future;
  GCancellable *got;
  gboolean      same;
  gboolean      was_cancelled;
  Gate         *gate; /* (nullable) */
} Cancelling;

static gboolean
task_cancelling (GValue       *result,
                 GCancellable *cancellable,
                 gpointer      user_data,
                 GError      **error)
{
  Cancelling *cancelling = user_data;

  if (cancelling->gate != NULL)
    gate_wait (cancelling->gate);

  g_assert_true (G_IS_CANCELLABLE (cancellable));
  cancelling->same = cancellable == cf_future_get_cancellable (cancelling->future);
  cancelling->was_cancelled = g_cancellable_is_cancelled (cancellable);
  cancelling->got = g_object_ref (cancellable);

  return TRUE;
}

static void
test_asked_before (void)
{
  Cancelling cancelling = { 0 };
  g_autoptr (CfFuture) future = cf_future_new_for_task (task_cancelling, &cancelling, NULL);
  GCancellable *before = cf_future_get_cancellable (future);

  g_test_summary ("The function gets the cancellable that was asked for before it ran.");

  cancelling.future = future;
  g_assert_true (before == cf_future_get_cancellable (future));
  g_assert_true (cf_future_run (future));

  g_assert_true (cancelling.same);
  g_assert_true (cancelling.got == before);
  g_assert_false (cancelling.was_cancelled);
  g_object_unref (cancelling.got);
}

static void
test_asked_inside (void)
{
  Cancelling cancelling = { 0 };
  g_autoptr (CfFuture) future = cf_future_new_for_task (task_cancelling, &cancelling, NULL);

  g_test_summary ("Nobody asked before: the function still gets a cancellable, and it is the future's.");

  cancelling.future = future;
  g_assert_true (cf_future_run (future));

  g_assert_true (cancelling.same);
  g_assert_true (cancelling.got == cf_future_get_cancellable (future));
  g_object_unref (cancelling.got);
}

static void
test_while_running (void)
{
  Gate       gate;
  Cancelling cancelling = { .gate = &gate };
  g_autoptr (CfFuture) future = cf_future_new_for_task (task_cancelling, &cancelling, NULL);
  GThread *thread;

  g_test_summary ("Cancelling the cancellable while the function runs tells the function, and nothing else.");

  gate_init (&gate);
  cancelling.future = future;
  thread = start_in_thread (future);
  gate_await_waiting (&gate, 1);
  g_cancellable_cancel (cf_future_get_cancellable (future));
  g_assert_true (cf_future_is_running (future));
  gate_open (&gate);
  g_thread_join (thread);

  g_assert_true (cancelling.same);
  g_assert_true (cancelling.was_cancelled);
  g_assert_cmpint (cf_future_get_state (future), ==, CF_FUTURE_STATE_FINISHED);
  g_object_unref (cancelling.got);
  gate_clear (&gate);
}

static gboolean
task_settles_itself (GValue       *result,
                     GCancellable *cancellable,
                     gpointer      user_data,
                     GError      **error)
{
  Cancelling *cancelling = user_data;

  settle_int (cancelling->future, 1);

  return task_cancelling (result, cancellable, user_data, error);
}

static void
test_settled_inside (void)
{
  Cancelling cancelling = { 0 };
  g_autoptr (CfFuture) future = cf_future_new_for_task (task_settles_itself, &cancelling, NULL);

  g_test_summary ("A function whose future was settled by hand has its cancellable for as long as it runs.");

  cancelling.future = future;
  g_assert_true (cf_future_run (future));

  g_assert_true (cancelling.same);
  g_assert_cmpint (get_int (future), ==, 1);
  g_object_unref (cancelling.got);
}

static void
test_settled_while_running (void)
{
  Gate       gate;
  Cancelling cancelling = { .gate = &gate };
  g_autoptr (CfFuture) future = cf_future_new_for_task (task_cancelling, &cancelling, NULL);
  GThread *thread;

  g_test_summary ("So whoever settled it can still tell the function that it need not go on.");

  gate_init (&gate);
  cancelling.future = future;
  thread = start_in_thread (future);
  gate_await_waiting (&gate, 1);
  settle_error (future);
  g_cancellable_cancel (cf_future_get_cancellable (future));
  gate_open (&gate);
  g_thread_join (thread);

  g_assert_true (cancelling.same);
  g_assert_true (cancelling.was_cancelled);
  g_object_unref (cancelling.got);
  gate_clear (&gate);
}

static gboolean
task_cancels_itself (GValue       *result,
                     GCancellable *cancellable,
                     gpointer      user_data,
                     GError      **error)
{
  g_assert_false (g_cancellable_is_cancelled (cancellable));
  g_cancellable_cancel (cancellable);

  return TRUE;
}

static void
test_is_not_handed_on (void)
{
  g_test_summary ("A cancellable that a task cancelled, or holds, is not lent to the next.");

  for (guint i = 0; i < 10; i++)
    {
      Cancelling cancelling = { 0 };
      Cancelling next = { 0 };
      g_autoptr (CfFuture) cancels = cf_future_new_for_task (task_cancels_itself, NULL, NULL);
      g_autoptr (CfFuture) holds = cf_future_new_for_task (task_cancelling, &cancelling, NULL);
      g_autoptr (CfFuture) after = cf_future_new_for_task (task_cancelling, &next, NULL);

      cancelling.future = holds;
      next.future = after;
      g_assert_true (cf_future_run (cancels));
      g_assert_true (cf_future_run (holds));
      g_assert_true (cf_future_run (after));
      g_assert_false (cancelling.was_cancelled);
      g_assert_true (cancelling.got != next.got);
      g_object_unref (cancelling.got);
      g_object_unref (next.got);
    }
}

typedef struct
{
  CfFuture *future;
  gpointer  got;   /* (atomic): by the function; not a reference */
  gint      phase; /* (atomic): how far the two threads are */
} Racing;

static gboolean
task_racing (GValue *result G_GNUC_UNUSED,
             GCancellable  *cancellable,
             gpointer       user_data,
             GError **error G_GNUC_UNUSED)
{
  Racing *racing = user_data;

  g_assert_false (g_cancellable_is_cancelled (cancellable));
  g_atomic_pointer_set (&racing->got, cancellable);

  return TRUE;
}

/* Without a pause as long as that may pay: there may be one processor for the two. */
static void
await_phase (Racing *racing,
             gint    phase)
{
  for (guint n = 0; g_atomic_int_get (&racing->phase) != phase; n++)
    if (n > N_LOOKS)
      g_thread_yield ();
}

static gpointer
run_racing (gpointer data)
{
  Racing *racing = data;

  for (gint i = 0; i < N_RACES; i++)
    {
      await_phase (racing, 2 * i + 1);
      g_assert_true (cf_future_run (racing->future));
      g_atomic_int_inc (&racing->phase);
    }

  return NULL;
}

static void
ask_racing (Racing *racing,
            gint    round)
{
  gpointer asked, got;
  gboolean was_done;

  g_atomic_pointer_set (&racing->got, NULL);
  racing->future = cf_future_new_for_task (task_racing, racing, NULL);
  g_atomic_int_inc (&racing->phase);
  for (gint i = g_test_rand_int_range (0, 60); i > 0; i--)
    g_atomic_int_get (&racing->phase);

  asked = cf_future_get_cancellable (racing->future);
  was_done = cf_future_is_done (racing->future);
  await_phase (racing, 2 * round + 2);
  got = g_atomic_pointer_get (&racing->got);

  g_assert_true (was_done || asked == got);
  g_assert_true (asked == cf_future_get_cancellable (racing->future));
  /* So that it would be seen if it were lent once more. */
  g_cancellable_cancel (asked);
  cf_future_unref (racing->future);
}

static void
test_asked_at_any_moment (void)
{
  Racing   racing = { 0 };
  GThread *thread = g_thread_new ("runs", run_racing, &racing);

  g_test_summary ("Whenever it is asked for before the future is done, it is the one that the function gets.");

  for (gint i = 0; i < N_RACES; i++)
    ask_racing (&racing, i);
  g_thread_join (thread);
}

typedef struct
{
  GCancellable *outer[DEPTH];
  guint         depth;
} Nest;

static gboolean
task_nesting (GValue        *result,
              GCancellable  *cancellable,
              gpointer       user_data,
              GError **error G_GNUC_UNUSED)
{
  Nest *nest = user_data;
  g_autoptr (CfFuture) inner = cf_future_new_for_task (task_nesting, nest, NULL);

  for (guint i = 0; i < nest->depth; i++)
    g_assert_true (cancellable != nest->outer[i]);
  if (nest->depth == DEPTH)
    return TRUE;

  nest->outer[nest->depth++] = cancellable;
  g_assert_true (cf_future_run (inner));
  nest->depth--;
  g_assert_true (nest->outer[nest->depth] == cancellable);
  g_assert_false (g_cancellable_is_cancelled (cancellable));
  (void) result;

  return TRUE;
}

static void
test_nested (void)
{
  g_test_summary ("Functions that run others, however deep, have a cancellable each.");

  for (guint i = 0; i < 3; i++)
    {
      Nest nest = { .depth = 0 };
      g_autoptr (CfFuture) future = cf_future_new_for_task (task_nesting, &nest, NULL);

      g_assert_true (cf_future_run (future));
    }
}

static gboolean
task_asks_deep (GValue       *result,
                GCancellable *cancellable,
                gpointer      user_data,
                GError      **error)
{
  guint      depth = GPOINTER_TO_UINT (user_data);
  Cancelling cancelling = { 0 };
  g_autoptr (CfFuture) inner = cf_future_new_for_task (task_cancelling, &cancelling, NULL);

  if (depth > 0)
    {
      g_autoptr (CfFuture) next = cf_future_new_for_task (task_asks_deep, GUINT_TO_POINTER (depth - 1), NULL);

      return cf_future_run (next);
    }

  cancelling.future = inner;
  g_assert_true (cf_future_run (inner));
  g_assert_true (cancelling.same);
  g_assert_true (cancelling.got != cancellable);
  g_object_unref (cancelling.got);
  (void) result;
  (void) error;

  return TRUE;
}

static void
test_asked_deep (void)
{
  g_test_summary ("A function deep in others can ask for its own.");

  for (guint depth = 0; depth < DEPTH; depth++)
    {
      g_autoptr (CfFuture) future = cf_future_new_for_task (task_asks_deep, GUINT_TO_POINTER (depth), NULL);

      g_assert_true (cf_future_run (future));
    }
}

static gboolean
task_knows_its_cancellable (GValue       *result,
                            GCancellable *cancellable,
                            gpointer      user_data,
                            GError      **error)
{
  g_weak_ref_set (user_data, cancellable);

  return task_nothing (result, cancellable, NULL, error);
}

static void
cancel_known (gpointer weak)
{
  g_autoptr (GCancellable) known = g_weak_ref_get (weak);

  if (known != NULL)
    g_cancellable_cancel (known);
}

static void
cancel_known_cb (CfFuture *future G_GNUC_UNUSED,
                 gpointer         weak)
{
  cancel_known (weak);
}

static gboolean
task_is_fresh (GValue       *result,
               GCancellable *cancellable,
               gpointer      user_data,
               GError      **error)
{
  g_assert_false (g_cancellable_is_cancelled (cancellable));

  return task_nothing (result, cancellable, user_data, error);
}

static void
test_cancelled_later (void)
{
  static const char *const moments[] = { "in destroy", "in a done-callback", "afterwards" };

  g_test_summary ("Who only knows of a cancellable, and cancels it after its function, does not cancel the next one.");

  for (guint i = 0; i < G_N_ELEMENTS (moments); i++)
    {
      GWeakRef weak;
      g_autoptr (CfFuture) future = cf_future_new_for_task (task_knows_its_cancellable, &weak, i == 0 ? cancel_known : NULL);
      g_autoptr (CfFuture) next = cf_future_new_for_task (task_is_fresh, NULL, NULL);

      g_test_message ("%s", moments[i]);
      g_weak_ref_init (&weak, NULL);
      if (i == 1)
        cf_future_add_done_callback (future, cancel_known_cb, &weak, NULL);
      g_assert_true (cf_future_run (future));
      if (i == 2)
        cancel_known (&weak);
      g_assert_true (cf_future_run (next));
      g_weak_ref_clear (&weak);
    }
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/future-cancellable/asked-before", test_asked_before);
  g_test_add_func ("/future-cancellable/asked-inside", test_asked_inside);
  g_test_add_func ("/future-cancellable/while-running", test_while_running);
  g_test_add_func ("/future-cancellable/settled-inside", test_settled_inside);
  g_test_add_func ("/future-cancellable/settled-while-running", test_settled_while_running);
  g_test_add_func ("/future-cancellable/not-handed-on", test_is_not_handed_on);
  g_test_add_func ("/future-cancellable/cancelled-later", test_cancelled_later);
  g_test_add_func ("/future-cancellable/asked-at-any-moment", test_asked_at_any_moment);
  g_test_add_func ("/future-cancellable/nested", test_nested);
  g_test_add_func ("/future-cancellable/asked-deep", test_asked_deep);

  return g_test_run ();
}
