/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <gio/gio.h>

#include "cf-test.h"
#include "cfutures/cf-foreign-pool-private.h"

/* A pool as a binding makes one: the queue is an array, and this thread is its worker. */

static CfForeignPool *pool;
static GPtrArray     *queue; /* (element-type CfFuture) */
static guint          n_run;

static void
run (CfFuture *future,
     gboolean *ran)
{
  g_auto (GValue) result = G_VALUE_INIT;

  if (!g_ptr_array_remove (queue, future))
    return;

  g_assert_true (cf_foreign_worker_start (future));
  n_run++;
  g_value_init (&result, G_TYPE_INT);
  g_value_set_int (&result, 7);
  g_assert_true (cf_foreign_worker_finish (future, &result));
  *ran = TRUE;
}

/* Also as one that an exception comes out of before it looks at its arguments. */
static void
do_not_run (CfFuture *future,
            gboolean *ran)
{
}

/* As one that an exception comes out of. */
static void
break_off (CfFuture *future,
           gboolean *ran)
{
  g_assert_true (cf_foreign_worker_start (future));
}

static CfFuture *
submit (void)
{
  CfFuture *future = cf_foreign_pool_make_future (pool);

  g_ptr_array_add (queue, g_object_ref (future));

  return future;
}

/* The worker begins with a task. */
static CfFuture *
begin (guint        max_workers,
       CfForeignRun function)
{
  CfFuture *task;

  pool = cf_foreign_pool_new (max_workers, function);
  queue = g_ptr_array_new_with_free_func (g_object_unref);
  n_run = 0;
  task = cf_foreign_pool_make_future (pool);
  g_assert_false (cf_foreign_is_in_worker ());
  cf_foreign_worker_begin (pool);
  g_assert_true (cf_foreign_is_in_worker ());
  g_assert_true (cf_foreign_worker_start (task));

  return task;
}

static void
end (CfFuture *task)
{
  g_assert_true (cf_foreign_worker_finish (task, NULL));
  g_assert_finalize_object (task);
  cf_foreign_worker_end ();
  g_assert_false (cf_foreign_is_in_worker ());
  g_ptr_array_unref (queue);
  cf_foreign_pool_free (pool);
}

static void
assert_deadlock (CfFuture   *target,
                 const char *name)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (cf_future_get_result (target, -1, &error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK);
  g_assert_nonnull (strstr (error->message, name));
}

static void
test_queued_runs_inline (void)
{
  CfFuture *task = begin (1, run);
  g_autoptr (CfFuture) future = submit ();

  g_test_summary ("A worker that waits for what its own pool queues has that run.");

  g_assert_cmpint (g_value_get_int (cf_future_get_result (future, -1, NULL)), ==, 7);
  g_assert_cmpuint (n_run, ==, 1);
  end (task);
}

static void
test_later_one_runs_inline (void)
{
  CfFuture *task = begin (1, run);
  g_autoptr (CfFuture) future = cf_future_new ();

  g_test_summary ("So is a future that came into the queue as it was.");

  g_ptr_array_add (queue, g_object_ref (future));
  cf_foreign_pool_add_future (pool, future);
  g_assert_cmpint (g_value_get_int (cf_future_get_result (future, -1, NULL)), ==, 7);
  end (task);
}

static void
test_wait_for_itself (void)
{
  CfFuture *task = begin (2, run);

  g_test_summary ("A task that waits for itself is told.");

  g_object_set (task, "name", "narcissus", NULL);
  assert_deadlock (task, "narcissus");
  end (task);
}

static void
test_no_free_worker (void)
{
  CfFuture *task = begin (1, do_not_run);
  g_autoptr (CfFuture) future = submit ();

  g_test_summary ("The only worker waits for what only it could run, and must not.");

  g_object_set (future, "name", "behind", NULL);
  assert_deadlock (future, "behind");
  g_assert_true (cf_future_cancel (future));
  end (task);
}

static void
test_broken_off (void)
{
  CfFuture *task = begin (1, break_off);
  g_autoptr (CfFuture) future = submit ();
  g_autoptr (GError) error = NULL;

  g_test_summary ("What was begun and is not brought to an end fails, and who waits goes on.");

  g_assert_null (cf_future_get_result (future, -1, &error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT);
  end (task);
}

static void
test_steps_are_free (void)
{
  CfFuture *task = begin (1, run);
  g_autoptr (CfFuture) cancelled = submit ();
  g_autoptr (CfFuture) settled = submit ();
  g_autoptr (CfFuture) task_future = cf_future_new_for_task (task_int, GINT_TO_POINTER (3), NULL);

  g_test_summary ("Whoever has a queued future may cancel, settle and run it: nobody is asked.");

  g_assert_true (cf_future_cancel (cancelled));
  g_assert_false (cf_foreign_worker_start (cancelled));
  settle_int (settled, 2);
  g_assert_false (cf_foreign_worker_start (settled));
  cf_foreign_pool_add_future (pool, task_future);
  g_assert_true (cf_future_run (task_future));
  g_assert_cmpint (get_int (task_future), ==, 3);
  end (task);
}

/* A binding is told that it is, or is not, the only one to hold a future.  What it does then takes the lock of the graph. */
static void
toggled (gpointer data,
         GObject *object,
         gboolean is_last)
{
  g_autoptr (CfFuture) other = cf_future_new ();
  guint *n_toggled = data;
  gint   n_called = 0;

  *n_toggled += 1;
  cf_future_add_done_callback (other, count_callback, &n_called, NULL);
  cf_foreign_pool_add_future (pool, other);
  g_assert_true (cf_future_cancel (other));
}

static void
test_no_lock_held_on_references (void)
{
  CfFuture *task = begin (1, run);
  guint     n_toggled = 0;

  g_test_summary ("A binding that is told of references is so without the lock of the graph.");

  g_object_add_toggle_ref (G_OBJECT (task), toggled, &n_toggled);
  g_object_unref (task);
  g_assert_cmpuint (n_toggled, ==, 1);
  assert_deadlock (task, "future");
  g_assert_cmpuint (n_toggled, ==, 3);

  g_object_ref (task);
  g_object_remove_toggle_ref (G_OBJECT (task), toggled, &n_toggled);
  end (task);
}

static void
describe_as_python (CfFuture *future,
                    char    **name)
{
  *name = g_strdup ("Monty");
}

static void
describe_nothing (CfFuture *future,
                  char    **name)
{
}

static void
test_describe (void)
{
  CfFuture *task = begin (1, run);

  g_test_summary ("A task without a name goes by what the language calls it.");

  cf_foreign_set_describe (describe_as_python);
  assert_deadlock (task, "Monty");
  cf_foreign_set_describe (describe_nothing);
  assert_deadlock (task, "future");
  cf_foreign_set_describe (NULL);
  end (task);
}

static void
run_call (GValue       *result,
          GCancellable *cancellable,
          gpointer      user_data,
          GError      **error,
          gboolean     *succeeded)
{
  if (user_data == NULL)
    return;
  g_value_init (result, G_TYPE_INT);
  g_value_set_int (result, GPOINTER_TO_INT (user_data));
  *succeeded = TRUE;
}

static void
test_task (void)
{
  g_autoptr (CfFuture) said = NULL;
  g_autoptr (CfFuture) unsaid = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A call of the language succeeded only if it says so.");

  cf_foreign_set_task (run_call);
  said = cf_foreign_new_for_task (GINT_TO_POINTER (4), NULL);
  g_assert_true (cf_future_run (said));
  g_assert_cmpint (get_int (said), ==, 4);
  unsaid = cf_foreign_new_for_task (NULL, NULL);
  g_assert_true (cf_future_run (unsaid));
  g_assert_null (cf_future_get_result (unsaid, 0, &error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT);
}

static void
test_call_back (void)
{
  CfFuture *task = begin (1, run);
  g_autoptr (CfFuture) done = cf_future_new ();
  g_autoptr (CfFuture) future = submit ();

  g_test_summary ("A worker that calls back may wait; a thread that is none, or none any more, only calls.");

  g_assert_true (cf_future_set_result (done, NULL, NULL));
  g_assert_true (cf_foreign_worker_call_back (done));
  g_assert_cmpint (g_value_get_int (cf_future_get_result (future, -1, NULL)), ==, 7);
  g_assert_cmpuint (n_run, ==, 1);
  cf_foreign_worker_stop ();
  end (task);

  g_assert_false (cf_foreign_worker_call_back (done));
  g_assert_false (cf_foreign_is_in_worker ());
}

static void
test_between_tasks (void)
{
  CfFuture *task = begin (1, run);
  g_autoptr (CfFuture) future = NULL;
  g_autoptr (CfFuture) hopeless = NULL;

  g_test_summary ("Between its tasks a worker lets go of what may wait as a task might.");

  g_assert_true (cf_foreign_worker_finish (task, NULL));
  g_assert_finalize_object (task);
  future = submit ();
  g_assert_cmpint (g_value_get_int (cf_future_get_result (future, -1, NULL)), ==, 7);
  g_assert_cmpuint (n_run, ==, 1);

  hopeless = cf_foreign_pool_make_future (pool);
  assert_deadlock (hopeless, "the end of a task");
  task = cf_foreign_pool_make_future (pool);
  g_assert_true (cf_foreign_worker_start (task));
  end (task);
}

int
main (int   argc,
      char *argv[])
{
  test_init (&argc, &argv);

  g_test_add_func ("/foreign-pool/queued-runs-inline", test_queued_runs_inline);
  g_test_add_func ("/foreign-pool/later-one-runs-inline", test_later_one_runs_inline);
  g_test_add_func ("/foreign-pool/between-tasks", test_between_tasks);
  g_test_add_func ("/foreign-pool/wait-for-itself", test_wait_for_itself);
  g_test_add_func ("/foreign-pool/no-free-worker", test_no_free_worker);
  g_test_add_func ("/foreign-pool/broken-off", test_broken_off);
  g_test_add_func ("/foreign-pool/steps-are-free", test_steps_are_free);
  g_test_add_func ("/foreign-pool/no-lock-held-on-references", test_no_lock_held_on_references);
  g_test_add_func ("/foreign-pool/describe", test_describe);
  g_test_add_func ("/foreign-pool/task", test_task);
  g_test_add_func ("/foreign-pool/call-back", test_call_back);

  return g_test_run ();
}
