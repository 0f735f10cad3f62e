/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* How the workers of a process pool start, and what happens when they do not. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "process-test.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void
test_broken_start (gconstpointer data)
{
  static const struct
  {
    const char *script; /* NULL: there is no such file */
    int         code;
    const char *words;
  } starts[] = {
    { NULL, CF_EXECUTOR_ERROR_SPAWN_FAILED, "nonexistent" },
    { "exit 7", CF_EXECUTOR_ERROR_BROKEN, "status 7" },
    { "echo alas, poor worker >&2; exit 1", CF_EXECUTOR_ERROR_BROKEN, "alas, poor worker" },
    { "kill -9 $$", CF_EXECUTOR_ERROR_BROKEN, "signal 9" },
    { "exec sleep 1000", CF_EXECUTOR_ERROR_BROKEN, "hello" },
    { "head -c 4000 /dev/zero >&3; exec sleep 1000", CF_EXECUTOR_ERROR_BROKEN, "magic" },
    { "printf 'CfWr\\377\\000\\001\\000%032d' 0 >&3; exec sleep 1000", CF_EXECUTOR_ERROR_BROKEN, "version" },
  };
  guint       i = GPOINTER_TO_UINT (data);
  const char *argv[] = { starts[i].script != NULL ? "/bin/sh" : "/nonexistent/worker", "-c", starts[i].script, NULL };
  CfExecutor *executor = process_pool_new (2, "worker-argv", argv, "start-timeout", (gint64) 200000, NULL);
  g_autoptr (CfFuture) first = submit (executor, call_pid, NULL);
  g_autoptr (CfFuture) second = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Workers that cannot start break the pool after a few attempts, with the reason.");

  assert_future_fails (first, CF_EXECUTOR_ERROR, starts[i].code, starts[i].words);
  second = cf_executor_submit (executor, call_pid, NULL, &error);
  g_assert_null (second);
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN);
  process_pool_end (executor);
  g_assert_cmpuint (count_children (), ==, 0);
}

static void
test_no_program (void)
{
  static const char *const argvs[][3] = { { NULL }, { "", "-c", NULL } };

  g_test_summary ("A worker-argv that names no program is told as one that cannot be started.");

  for (guint i = 0; i < G_N_ELEMENTS (argvs); i++)
    {
      CfExecutor *executor = process_pool_new (1, "worker-argv", argvs[i], NULL);
      g_autoptr (CfFuture) future = submit (executor, call_pid, NULL);

      assert_future_fails (future, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SPAWN_FAILED, "names no program");
      process_pool_end (executor);
    }
}

static void
test_no_descriptors (void)
{
  CfExecutor   *executor = process_pool_new (2, NULL);
  struct rlimit before, low;
  ProcessGate   gate;

  g_test_summary ("When no more workers can be started, those that there are go on, and more come when they can.");

  process_gate_init (&gate);
  getrlimit (RLIMIT_NOFILE, &before);
  {
    g_autoptr (CfFuture) first = submit (executor, call_gate, process_gate_args (&gate));
    g_autoptr (CfFuture) second = NULL;

    process_gate_await (&gate);
    low = before;
    low.rlim_cur = count_descriptors ();
    setrlimit (RLIMIT_NOFILE, &low);
    second = submit (executor, call_gate, process_gate_args (&gate));
    g_assert_false (cf_future_wait (second, 300000));
    g_assert_false (cf_future_is_done (first));
    setrlimit (RLIMIT_NOFILE, &before);
    process_gate_await (&gate);
    process_gate_open (&gate, 2);
    g_assert_true (cf_future_wait (first, -1));
    g_assert_true (cf_future_wait (second, -1));
  }
  process_gate_clear (&gate);
  process_pool_end (executor);
}

static GVariant *
initialize_env (GVariant                 *args,
                GCancellable *cancellable G_GNUC_UNUSED,
                GError **error            G_GNUC_UNUSED)
{
  g_setenv ("TEST_INITIALIZED", g_variant_get_string (args, NULL), TRUE);

  return g_variant_new_tuple (NULL, 0);
}

static GVariant *
call_getenv (GVariant                 *args,
             GCancellable *cancellable G_GNUC_UNUSED,
             GError **error            G_GNUC_UNUSED)
{
  return g_variant_new_string (g_getenv (g_variant_get_string (args, NULL)));
}

static void
test_initializer (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  g_autoptr (CfFuture) future = NULL;
  g_autoptr (GVariant) result = NULL;

  g_test_summary ("The initializer runs in the worker before the first call.");

  cf_process_pool_executor_set_initializer (CF_PROCESS_POOL_EXECUTOR (executor), initialize_env, g_variant_new_string ("yes"));
  future = submit (executor, call_getenv, g_variant_new_string ("TEST_INITIALIZED"));
  result = cf_future_dup_variant (future, -1, NULL);
  g_assert_cmpstr (g_variant_get_string (result, NULL), ==, "yes");
  process_pool_end (executor);
}

static void
test_failing_initializer (gconstpointer crash)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  g_autoptr (CfFuture) future = NULL;

  g_test_summary ("An initializer that fails breaks the pool at once, one that crashes after a few attempts.");

  cf_process_pool_executor_set_initializer (CF_PROCESS_POOL_EXECUTOR (executor), crash != NULL ? call_die : call_fail,
                                            crash != NULL ? g_variant_new_int32 (SIGKILL) : NULL);
  future = submit (executor, call_pid, NULL);
  assert_future_fails (future, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN, crash != NULL ? "signal 9" : "sorry");
  process_pool_end (executor);
}

static void
test_late_initializer (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  g_autoptr (GVariant) args = g_variant_ref_sink (g_variant_new_string ("late"));

  g_test_summary ("An initializer that comes after the first call is refused, and its arguments stay the caller's.");

  assert_increments (executor, 1);
  g_test_expect_message ("Cf", G_LOG_LEVEL_CRITICAL, "*cf_process_pool_executor_set_initializer*is_in_use*");
  cf_process_pool_executor_set_initializer (CF_PROCESS_POOL_EXECUTOR (executor), call_fail, args);
  g_test_assert_expected_messages ();

  g_object_set (executor, "max-tasks-per-child", 1, NULL);
  assert_increments (executor, 3);
  process_pool_end (executor);
}

static GVariant *
initialize_without_descriptors (GVariant *args            G_GNUC_UNUSED,
                                GCancellable *cancellable G_GNUC_UNUSED,
                                GError **error            G_GNUC_UNUSED)
{
  for (int fd = STDERR_FILENO + 1; fd < 256; fd++)
    close (fd);

  return g_variant_new_tuple (NULL, 0);
}

static void
test_initializer_without_descriptors (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  g_autoptr (CfFuture) future = NULL;

  g_test_summary ("Workers that succeed in starting, but are dead by then, break the pool like others that do not start.");

  cf_process_pool_executor_set_initializer (CF_PROCESS_POOL_EXECUTOR (executor), initialize_without_descriptors, NULL);
  future = submit (executor, call_pid, NULL);
  assert_future_fails (future, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN, "No worker process starts");
  process_pool_end (executor);
}

static void
test_number_of_starts (void)
{
  g_autofree char *dir = g_dir_make_tmp ("cfutures-test-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "starts", NULL);
  g_autofree char *script = g_strdup_printf ("echo >>'%s'; exec sleep 1000", path);
  g_autofree char *starts = NULL;
  const char      *argv[] = { "/bin/sh", "-c", script, NULL };
  CfExecutor      *executor = process_pool_new (2, "worker-argv", argv, "start-timeout", (gint64) 200000, NULL);
  g_autoptr (CfFuture) future = submit (executor, call_pid, NULL);

  g_test_summary ("The third start in a row that fails is the last one, also when each takes its time.");

  assert_future_fails (future, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN, "not ready");
  g_assert_true (g_file_get_contents (path, &starts, NULL, NULL));
  g_assert_cmpuint (strlen (starts), ==, 3);
  g_assert_cmpuint (get_uint64 (executor, "n-deaths"), ==, 0);
  process_pool_end (executor);
  g_unlink (path);
  g_rmdir (dir);
}

static void
test_killed_start (gconstpointer break_policy)
{
  CfExecutor *executor = process_pool_new (1, "worker-death-policy",
                                           break_policy != NULL ? CF_WORKER_DEATH_BREAK : CF_WORKER_DEATH_REPLACE, NULL);
  ProcessGate gate;

  g_test_summary ("A worker that is killed while it starts has died; its call waits for the next one.");

  process_gate_init (&gate);
  cf_process_pool_executor_set_initializer (CF_PROCESS_POOL_EXECUTOR (executor), call_gate, process_gate_args (&gate));
  {
    g_autoptr (CfFuture) future = submit (executor, call_increment, g_variant_new_int64 (1));

    g_assert_cmpint (kill (process_gate_await (&gate), SIGKILL), ==, 0);
    if (break_policy != NULL)
      {
        assert_future_fails (future, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN, "signal 9");
      }
    else
      {
        process_gate_await (&gate);
        process_gate_open (&gate, 1);
        g_assert_nonnull (cf_future_get_result (future, -1, NULL));
        g_assert_cmpuint (get_uint64 (executor, "n-restarts"), ==, 1);
      }
    g_assert_cmpuint (get_uint64 (executor, "n-deaths"), ==, 1);
  }
  process_gate_clear (&gate);
  process_pool_end (executor);
}

/* In a child: without standard streams, and with the given number of descriptors in the way. */
static void
be_a_parent_of (guint n_descriptors)
{
  CfExecutor *executor;

  for (int fd = 0; fd <= STDERR_FILENO; fd++)
    close (fd);
  for (guint i = 0; i < n_descriptors; i++)
    if (open ("/dev/null", O_RDWR | O_CLOEXEC) < 0)
      exit (2);

  executor = process_pool_new (1, "idle-timeout", (gint64) 0, NULL);
  assert_increments (executor, 3);
  process_pool_end (executor);
  exit (0);
}

static void
test_any_descriptors (void)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);

  g_test_summary ("Workers start whatever numbers the descriptors get, also without standard streams.");

  for (guint i = 0; i < 12; i++)
    {
      g_autofree char *number = g_strdup_printf ("%u", i);
      g_autoptr (GError) error = NULL;
      g_autoptr (GSubprocess) parent = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error, self, "--parent-of", number, NULL);

      g_assert_no_error (error);
      g_assert_true (g_subprocess_wait_check (parent, NULL, &error));
      g_assert_no_error (error);
    }
}

static GVariant *
call_streams (GVariant *args            G_GNUC_UNUSED,
              GCancellable *cancellable G_GNUC_UNUSED,
              GError **error            G_GNUC_UNUSED)
{
  g_autofree char *in = g_file_read_link ("/proc/self/fd/0", NULL);
  g_autofree char *out = g_file_read_link ("/proc/self/fd/1", NULL);
  g_autofree char *err = g_file_read_link ("/proc/self/fd/2", NULL);

  return g_variant_new ("(sss)", in, out, err);
}

static void
test_streams (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  g_autoptr (CfFuture) future = submit (executor, call_streams, NULL);
  g_autoptr (GVariant) streams = cf_future_dup_variant (future, -1, NULL);
  g_autoptr (GVariant) own = g_variant_take_ref (call_streams (NULL, NULL, NULL));
  const char *in, *out, *err, *own_out, *own_err;

  g_test_summary ("A worker reads nothing, and writes where the program writes.");

  g_variant_get (streams, "(&s&s&s)", &in, &out, &err);
  g_variant_get (own, "(&s&s&s)", NULL, &own_out, &own_err);
  g_assert_cmpstr (in, ==, "/dev/null");
  g_assert_cmpstr (out, ==, own_out);
  g_assert_cmpstr (err, ==, own_err);
  process_pool_end (executor);
}

/* Puts a pipe that is full in the place of standard error; returns the real one. */
static int
stuff_standard_error (int *pipe_fds)
{
  char bytes[4096] = { 0 };
  int  real = fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, 3);

  g_assert_cmpint (pipe (pipe_fds), ==, 0);
  fcntl (pipe_fds[1], F_SETFL, O_NONBLOCK);
  while (write (pipe_fds[1], bytes, sizeof bytes) > 0)
    ;
  fcntl (pipe_fds[1], F_SETFL, 0);
  dup2 (pipe_fds[1], STDERR_FILENO);

  return real;
}

static void
test_unread_words (void)
{
  const char *argv[] = { "/bin/sh", "-c", "echo alas, poor worker >&2; exit 1", NULL };
  CfExecutor *executor = process_pool_new (1, "worker-argv", argv, NULL);
  g_autoptr (CfFuture) future = NULL;
  int pipe_fds[2], real = stuff_standard_error (pipe_fds);

  g_test_summary ("A pool does not stand still because nobody reads what its workers say.");

  future = submit (executor, call_pid, NULL);
  g_assert_true (cf_future_wait (future, -1));
  dup2 (real, STDERR_FILENO);
  close (real);
  close (pipe_fds[0]);
  close (pipe_fds[1]);
  assert_future_fails (future, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN, "alas, poor worker");
  process_pool_end (executor);
}

static void
test_no_standard_error (void)
{
  const char *argv[] = { "/bin/sh", "-c", "echo alas, poor worker >&2; exit 1", NULL };
  CfExecutor *executor = process_pool_new (1, NULL), *failing = process_pool_new (1, "worker-argv", argv, NULL);
  g_autoptr (CfFuture) future = NULL;
  g_autoptr (CfFuture) failed = NULL;
  g_autoptr (GVariant) streams = NULL;
  int         real = fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, 3), own[2];
  char        byte;
  const char *err;

  g_test_summary ("What the program has opened in the place of a closed standard error is not for its workers.");

  g_assert_cmpint (pipe2 (own, O_CLOEXEC | O_NONBLOCK), ==, 0);
  dup3 (own[1], STDERR_FILENO, O_CLOEXEC);
  future = submit (executor, call_streams, NULL);
  failed = submit (failing, call_pid, NULL);
  g_assert_true (cf_future_wait (future, -1));
  g_assert_true (cf_future_wait (failed, -1));
  dup2 (real, STDERR_FILENO);
  close (real);

  streams = cf_future_dup_variant (future, -1, NULL);
  g_variant_get (streams, "(&s&s&s)", NULL, NULL, &err);
  g_assert_cmpstr (err, ==, "/dev/null");
  assert_future_fails (failed, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN, "alas, poor worker");
  g_assert_cmpint (read (own[0], &byte, 1), <, 0);
  close (own[0]);
  close (own[1]);
  process_pool_end (executor);
  process_pool_end (failing);
}

static void
test_interrupt (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  ProcessGate gate;

  g_test_summary ("Ctrl-C is the program's business: a worker ignores it.");

  process_gate_init (&gate);
  {
    g_autoptr (CfFuture) future = submit (executor, call_gate, process_gate_args (&gate));
    int pid = process_gate_await (&gate);

    g_assert_cmpint (kill (pid, SIGINT), ==, 0);
    g_assert_cmpint (getpgid (pid), ==, pid);
    process_gate_open (&gate, 1);
    g_assert_nonnull (cf_future_get_result (future, -1, NULL));
  }
  g_assert_cmpuint (get_uint64 (executor, "n-deaths"), ==, 0);
  process_gate_clear (&gate);
  process_pool_end (executor);
}

int
main (int    argc,
      char **argv)
{
  cf_process_pool_init (argc, argv);
  if (argc == 3 && g_str_equal (argv[1], "--parent-of"))
    be_a_parent_of ((guint) atoi (argv[2]));

  test_init (&argc, &argv);
  for (guint i = 0; i < 7; i++)
    {
      g_autofree char *path = g_strdup_printf ("/process-starts/broken/%u", i);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_broken_start);
    }
  g_test_add_func ("/process-starts/number", test_number_of_starts);
  g_test_add_data_func ("/process-starts/killed/replace", NULL, test_killed_start);
  g_test_add_data_func ("/process-starts/killed/break", "", test_killed_start);
  g_test_add_func ("/process-starts/no-program", test_no_program);
  g_test_add_func ("/process-starts/no-descriptors", test_no_descriptors);
  g_test_add_func ("/process-starts/any-descriptors", test_any_descriptors);
  g_test_add_func ("/process-starts/streams", test_streams);
  g_test_add_func ("/process-starts/unread-words", test_unread_words);
  g_test_add_func ("/process-starts/no-standard-error", test_no_standard_error);
  g_test_add_func ("/process-starts/interrupt", test_interrupt);
  g_test_add_func ("/process-starts/initializer", test_initializer);
  g_test_add_data_func ("/process-starts/initializer/fails", NULL, test_failing_initializer);
  g_test_add_data_func ("/process-starts/initializer/crashes", "", test_failing_initializer);
  g_test_add_func ("/process-starts/initializer/too-late", test_late_initializer);
  g_test_add_func ("/process-starts/initializer/without-descriptors", test_initializer_without_descriptors);

  return g_test_run ();
}
