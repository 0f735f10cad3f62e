/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What a process pool does when workers die: real ones, really. */

#include "process-test.h"

#include <dirent.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void
assert_killed (int pid)
{
  g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
}

static void
test_deaths (void)
{
  static const struct
  {
    int         how;
    const char *words;
  } deaths[] = {
    { SIGKILL, "signal 9" },
    { SIGSEGV, "signal 11" },
    { SIGABRT, "signal 6" },
    { SIGTERM, "signal 15" },
    { -1, "status 0" },
    { -4, "status 3" },
  };
  CfExecutor *executor = process_pool_new (2, NULL);

  g_test_summary ("However a worker dies, its call says how, and the next one runs.");

  for (guint i = 0; i < G_N_ELEMENTS (deaths); i++)
    {
      g_autoptr (CfFuture) future = submit (executor, call_die, g_variant_new_int32 (deaths[i].how));

      assert_future_fails (future, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_WORKER_DIED, deaths[i].words);
      assert_increments (executor, 10);
      g_assert_cmpuint (get_uint64 (executor, "n-deaths"), ==, i + 1);
    }
  process_pool_end (executor);
}

static void
test_ignored_children (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  g_autoptr (CfFuture) future = NULL;

  g_test_summary ("Where the program ignores SIGCHLD, nobody knows how a worker died, and its call does not claim to.");

  assert_increments (executor, 10);
  signal (SIGCHLD, SIG_IGN);
  future = submit (executor, call_die, g_variant_new_int32 (SIGSEGV));
  assert_future_fails (future, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_WORKER_DIED, "ignores SIGCHLD");
  assert_increments (executor, 10);
  g_assert_cmpuint (get_uint64 (executor, "n-deaths"), ==, 1);
  process_pool_end (executor);
  signal (SIGCHLD, SIG_DFL);
}

static void
reap_all (int number G_GNUC_UNUSED)
{
  int old = errno;

  while (waitpid (-1, NULL, WNOHANG) > 0)
    ;
  errno = old;
}

static void
test_reaped_children (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);

  g_test_summary ("Where a handler of the program may have taken how a worker died, its call does not claim to know.");

  assert_increments (executor, 10);
  signal (SIGCHLD, reap_all);
  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (CfFuture) future = submit (executor, call_die, g_variant_new_int32 (SIGSEGV));
      g_autoptr (GError) error = NULL;

      g_assert_null (cf_future_get_result (future, -1, &error));
      g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_WORKER_DIED);
      g_assert_true (strstr (error->message, "signal 11") != NULL || strstr (error->message, "handler of SIGCHLD") != NULL);
    }
  assert_increments (executor, 10);
  process_pool_end (executor);
  signal (SIGCHLD, SIG_DFL);
}

static GVariant *
call_hang_up (GVariant *args            G_GNUC_UNUSED,
              GCancellable *cancellable G_GNUC_UNUSED,
              GError **error            G_GNUC_UNUSED)
{
  for (int fd = 3; fd < 256; fd++)
    close (fd);
  for (;;)
    pause ();

  return NULL;
}

static void
test_closed_socket (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  g_autoptr (CfFuture) future = submit (executor, call_hang_up, NULL);

  g_test_summary ("A worker that hangs up and lives on is ended.");

  assert_future_fails (future, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_WORKER_DIED, "closed its socket");
  assert_increments (executor, 10);
  process_pool_end (executor);
}

static void
test_only_the_running_call_fails (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  ProcessGate gate;

  g_test_summary ("What waits behind the victim goes to another worker.");

  process_gate_init (&gate);
  assert_increments (executor, 1000);
  for (guint i = 0; i < 10; i++)
    {
      g_autoptr (CfFuture) victim = submit (executor, call_gate, process_gate_args (&gate));
      g_autoptr (GPtrArray) others = g_ptr_array_new_with_free_func (g_object_unref);
      g_autofree char *pid_text = NULL;
      int              pid;

      for (guint j = 0; j < 200; j++)
        g_ptr_array_add (others, submit (executor, call_increment, g_variant_new_int64 (j)));
      pid = process_gate_await (&gate);
      pid_text = g_strdup_printf ("process %d", pid);
      assert_killed (pid);
      assert_future_fails (victim, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_WORKER_DIED, pid_text);
      for (guint j = 0; j < others->len; j++)
        {
          g_autoptr (GVariant) result = cf_future_dup_variant (others->pdata[j], -1, NULL);

          g_assert_cmpint (g_variant_get_int64 (result), ==, j + 1);
        }
    }
  g_assert_cmpuint (get_uint64 (executor, "n-deaths"), ==, 10);
  process_gate_clear (&gate);
  process_pool_end (executor);
}

static void
test_retry (void)
{
  CfExecutor      *executor = process_pool_new (1, "max-retries", 1, NULL);
  g_autofree char *dir = g_dir_make_tmp ("cfutures-test-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "been-here", NULL);
  g_autoptr (CfFuture) once = submit (executor, call_die_once, g_variant_new_string (path));
  g_autoptr (CfFuture) always = submit (executor, call_die, g_variant_new_int32 (SIGKILL));
  g_autoptr (GVariant) result = NULL;

  g_test_summary ("A victim is started again as often as allowed, and not more often.");

  result = cf_future_dup_variant (once, -1, NULL);
  g_assert_nonnull (result);
  assert_future_fails (always, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_WORKER_DIED, NULL);
  g_assert_cmpuint (get_uint64 (executor, "n-deaths"), ==, 3);
  process_pool_end (executor);
  g_unlink (path);
  g_rmdir (dir);
}

static void
test_idle_death (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);

  g_test_summary ("The death of an idle worker fails nothing; it is replaced.");

  for (guint i = 0; i < 5; i++)
    {
      g_autoptr (CfFuture) future = submit (executor, call_pid, NULL);
      g_autoptr (GVariant) pid = cf_future_dup_variant (future, -1, NULL);

      assert_killed (g_variant_get_int32 (pid));
      assert_increments (executor, 5);
    }
  g_assert_cmpuint (get_uint64 (executor, "n-deaths"), ==, 5);
  g_assert_cmpuint (get_uint64 (executor, "n-restarts"), ==, 5);
  process_pool_end (executor);
}

static void
test_break_policy (gconstpointer idle)
{
  CfExecutor *executor = process_pool_new (1, "worker-death-policy", CF_WORKER_DEATH_BREAK, NULL);
  ProcessGate gate;

  g_test_summary ("With the other policy, any death breaks the pool.");

  process_gate_init (&gate);
  {
    g_autoptr (CfFuture) running = submit (executor, call_gate, process_gate_args (&gate));
    g_autoptr (CfFuture) pending = NULL;
    g_autoptr (CfFuture) late = NULL;
    g_autoptr (GError) error = NULL;
    int pid = process_gate_await (&gate);

    if (idle != NULL)
      {
        process_gate_open (&gate, 1);
        cf_future_wait (running, -1);
      }
    else
      {
        pending = submit (executor, call_hang, NULL);
      }
    assert_killed (pid);
    if (pending != NULL)
      {
        assert_future_fails (running, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN, "signal 9");
        assert_future_fails (pending, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN, "signal 9");
      }
    while ((late = cf_executor_submit (executor, call_pid, NULL, &error)) != NULL)
      {
        cf_future_wait (late, -1);
        g_clear_object (&late);
      }
    g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN);
  }
  process_gate_clear (&gate);
  process_pool_end (executor);
}

/* All children of this process, which are workers. */
static guint
list_children (int  *pids,
               guint n_pids)
{
  g_autoptr (GDir) tasks = g_dir_open ("/proc/self/task", 0, NULL);
  const char *task;
  guint       n = 0;

  while ((task = g_dir_read_name (tasks)) != NULL)
    {
      g_autofree char *name = g_strdup_printf ("/proc/self/task/%s/children", task);
      g_autofree char *text = NULL;

      if (g_file_get_contents (name, &text, NULL, NULL))
        {
          g_auto (GStrv) words = g_strsplit (text, " ", -1);

          for (guint i = 0; words[i] != NULL && n < n_pids; i++)
            if (atoi (words[i]) > 0)
              pids[n++] = atoi (words[i]);
        }
    }

  return n;
}

typedef struct
{
  gint  stop;   /* (atomic) */
  gint  n_done; /* (atomic) */
  guint n_kills;
  guint max_kills;
} Killer;

/* A pool whose workers all die before they are ready waits for longer and longer; so that is done to some of them only. */
static void
await_progress (Killer *killer,
                gint    n_before)
{
  while (!g_atomic_int_get (&killer->stop) && g_atomic_int_get (&killer->n_done) == n_before)
    g_usleep (50);
}

static gpointer
killer_thread (gpointer user_data)
{
  Killer *killer = user_data;
  g_autoptr (GRand) rand = g_rand_new_with_seed (42);

  while (!g_atomic_int_get (&killer->stop) && killer->n_kills < killer->max_kills)
    {
      gint  n_before = g_atomic_int_get (&killer->n_done);
      int   pids[16];
      guint n;

      g_usleep ((gulong) g_rand_int_range (rand, 100, 4000));
      if (g_rand_int_range (rand, 0, 8) > 0)
        await_progress (killer, n_before);
      n = list_children (pids, G_N_ELEMENTS (pids));
      if (n > 0 && kill (pids[g_rand_int_range (rand, 0, (gint32) n)], SIGKILL) == 0)
        killer->n_kills++;
    }

  return NULL;
}

static void
test_massacre (gconstpointer with_retries)
{
  const guint n_calls = n_tries (4000, 16000);
  CfExecutor *executor = process_pool_new (4, "max-retries", with_retries != NULL ? 1000 : 0, NULL);
  Killer      killer = { .max_kills = n_calls / 64 };
  GThread    *thread;
  guint       n_right = 0, n_died = 0, n_rounds = 0;

  g_test_summary ("Random kills under load: each call is right exactly once, or its worker died; never more than one for a kill.");

  assert_increments (executor, 10);
  thread = g_thread_new ("killer", killer_thread, &killer);
  do
    {
      g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);

      for (guint i = 0; i < n_calls; i++)
        {
          CfFuture *future = submit (executor, call_increment, g_variant_new_int64 (i));

          cf_future_add_done_callback (future, count_callback, &killer.n_done, NULL);
          g_ptr_array_add (futures, future);
        }
      for (guint i = 0; i < n_calls; i++)
        {
          g_autoptr (GError) error = NULL;
          g_autoptr (GVariant) result = cf_future_dup_variant (futures->pdata[i], -1, &error);

          if (result != NULL && g_variant_get_int64 (result) == i + 1)
            n_right++;
          else if (g_error_matches (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_WORKER_DIED))
            n_died++;
          else
            g_error ("call %u: %s", i, error != NULL ? error->message : "wrong result");
        }
      n_rounds++;
    }
  while (n_rounds < 1 || (n_rounds < 20 && killer.max_kills > 0 && get_uint64 (executor, "n-deaths") < killer.max_kills / 2));
  g_atomic_int_set (&killer.stop, TRUE);
  g_thread_join (thread);

  g_test_message ("%u calls, %u kills, %u right, %u died", n_rounds * n_calls, killer.n_kills, n_right, n_died);
  g_assert_cmpuint (n_right + n_died, ==, n_rounds * n_calls);
  if (with_retries != NULL)
    g_assert_cmpuint (n_died, ==, 0);
  g_assert_cmpuint (n_died, <=, killer.n_kills);
  process_pool_end (executor);
}

static void
test_death_with_payload (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  gsize       size = (gsize) 64 << 20;
  g_autoptr (GVariant) large = g_variant_ref_sink (g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, g_malloc0 (size), size, TRUE, NULL, NULL));

  g_test_summary ("A death in the middle of a large payload fails that call, or none.");

  for (guint i = 0; i < 8; i++)
    {
      g_autoptr (CfFuture) who = submit (executor, call_pid, NULL);
      g_autoptr (GVariant) pid = cf_future_dup_variant (who, -1, NULL);
      g_autoptr (CfFuture) future = submit (executor, call_echo, large);
      g_autoptr (GVariant) result = NULL;
      g_autoptr (GError) error = NULL;

      g_usleep (i * 7000);
      assert_killed (g_variant_get_int32 (pid));
      result = cf_future_dup_variant (future, -1, &error);
      if (result == NULL)
        g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_WORKER_DIED);
      else
        g_assert_cmpuint (g_variant_get_size (result), ==, size);
    }
  assert_increments (executor, 10);
  process_pool_end (executor);
  g_free ((gpointer) g_variant_get_data (large));
}

/* In a child: makes a pool, tells the pid of a worker that is in the middle of a call, and waits to be killed. */
static void
be_a_parent (const char *started,
             const char *opened)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  CfFuture   *future = submit (executor, call_gate, g_variant_new ("(^ay^ay)", started, opened));

  cf_future_wait (future, -1);
  exit (1);
}

static void
test_lost_parent (void)
{
  ProcessGate gate;
  const char *argv[] = { "/proc/self/exe", "--parent", NULL, NULL, NULL };
  g_autoptr (GSubprocess) parent = NULL;
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  int              worker;

  g_test_summary ("A worker ends with its parent, in the middle of a call too.");

  process_gate_init (&gate);
  argv[0] = self;
  argv[2] = gate.started;
  argv[3] = gate.opened;
  parent = g_subprocess_newv (argv, G_SUBPROCESS_FLAGS_NONE, NULL);
  worker = process_gate_await (&gate);
  g_assert_false (process_has_ended (worker));
  g_subprocess_force_exit (parent);
  g_subprocess_wait (parent, NULL, NULL);
  while (!process_has_ended (worker))
    g_thread_yield ();
  process_gate_clear (&gate);
}

int
main (int    argc,
      char **argv)
{
  cf_process_pool_init (argc, argv);
  if (argc == 4 && g_str_equal (argv[1], "--parent"))
    be_a_parent (argv[2], argv[3]);

  test_init (&argc, &argv);
  g_test_add_func ("/process-pool/deaths", test_deaths);
  g_test_add_func ("/process-pool/ignored-children", test_ignored_children);
  g_test_add_func ("/process-pool/reaped-children", test_reaped_children);
  g_test_add_func ("/process-pool/closed-socket", test_closed_socket);
  g_test_add_func ("/process-pool/only-the-running-call-fails", test_only_the_running_call_fails);
  g_test_add_func ("/process-pool/retry", test_retry);
  g_test_add_func ("/process-pool/idle-death", test_idle_death);
  g_test_add_data_func ("/process-pool/break-policy/running", NULL, test_break_policy);
  g_test_add_data_func ("/process-pool/break-policy/idle", "", test_break_policy);
  g_test_add_data_func ("/process-pool/massacre/retries", "", test_massacre);
  g_test_add_data_func ("/process-pool/massacre/no-retries", NULL, test_massacre);
  g_test_add_func ("/process-pool/death-with-payload", test_death_with_payload);
  g_test_add_func ("/process-pool/lost-parent", test_lost_parent);

  return g_test_run ();
}
