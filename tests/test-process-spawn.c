/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What a process pool does when the system lets no process start, has no files for it, or tells late of its end. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "process-test.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

static gint n_failures_to_come; /* (atomic) */
static gint n_failed;           /* (atomic) */
static gint failure;            /* (atomic) */
static gint only_process;       /* (atomic): as long as it is there, there can be no other */
static gint no_dev_null;        /* (atomic) */
static gint no_memory_files;    /* (atomic) */
static gint tells_late;         /* (atomic) */

typedef int (*Spawn) (pid_t                            *pid,
                      const char                       *path,
                      const posix_spawn_file_actions_t *actions,
                      const posix_spawnattr_t          *attributes,
                      char *const                      *argv,
                      char *const                      *envp);

/* Stands in front of the C library's. */
__attribute__ ((visibility ("default"))) int
posix_spawn (pid_t                            *pid,
             const char                       *path,
             const posix_spawn_file_actions_t *actions,
             const posix_spawnattr_t          *attributes,
             char *const                      *argv,
             char *const                      *envp)
{
  Spawn real = (Spawn) dlsym (RTLD_NEXT, "posix_spawn");

  if (g_atomic_int_get (&n_failures_to_come) > 0 && g_atomic_int_add (&n_failures_to_come, -1) > 0)
    {
      g_atomic_int_inc (&n_failed);
      return g_atomic_int_get (&failure);
    }
  if (g_atomic_int_get (&only_process) > 0 && kill (g_atomic_int_get (&only_process), 0) == 0)
    {
      g_atomic_int_inc (&n_failed);
      return EAGAIN;
    }

  return real (pid, path, actions, attributes, argv, envp);
}

/* The same; this is what open() is with 64-bit offsets. */
__attribute__ ((visibility ("default"))) int
open64 (const char *path,
        int         flags,
        ...)
{
  static int (*real) (const char *, int, ...);
  va_list args;
  mode_t  mode;

  va_start (args, flags);
  mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg (args, mode_t) : 0;
  va_end (args);
  if (real == NULL)
    real = (__typeof__ (real)) dlsym (RTLD_NEXT, "open64");
  if (g_atomic_int_get (&no_dev_null) && g_str_equal (path, "/dev/null"))
    {
      errno = ENOENT;
      return -1;
    }

  return real (path, flags, mode);
}

/* The same. */
__attribute__ ((visibility ("default"))) int
memfd_create (const char  *name,
              unsigned int flags)
{
  int (*real) (const char *, unsigned int) = (__typeof__ (real)) dlsym (RTLD_NEXT, "memfd_create");

  if (!g_atomic_int_get (&no_memory_files))
    return real (name, flags);
  g_atomic_int_inc (&n_failed);
  errno = EPERM;

  return -1;
}

/* The same: tells GLib of the end of a child only when the pool has tried to end it. */
__attribute__ ((visibility ("default"))) int
waitid (idtype_t   type,
        id_t       id,
        siginfo_t *info,
        int        options)
{
  int (*real) (idtype_t, id_t, siginfo_t *, int) = (__typeof__ (real)) dlsym (RTLD_NEXT, "waitid");

  if (type == P_PIDFD)
    while (g_atomic_int_get (&tells_late))
      g_usleep (1000);

  return real (type, id, info, options);
}

/* The same. */
__attribute__ ((visibility ("default"))) int
kill (pid_t pid,
      int   number)
{
  int (*real) (pid_t, int) = (__typeof__ (real)) dlsym (RTLD_NEXT, "kill");
  int result = real (pid, number);

  if (number == SIGKILL)
    g_atomic_int_set (&tells_late, FALSE);

  return result;
}

static void
fail_to_spawn (gint n,
               gint code)
{
  g_atomic_int_set (&n_failed, 0);
  g_atomic_int_set (&failure, code);
  g_atomic_int_set (&n_failures_to_come, n);
}

static void
test_later (gconstpointer code)
{
  CfExecutor *executor = process_pool_new (2, NULL);
  ProcessGate gate;
  g_autoptr (CfFuture) first = NULL;
  g_autoptr (CfFuture) second = NULL;

  g_test_summary ("While no second process can start, the first one goes on; the second one comes when it can.");

  process_gate_init (&gate);
  first = submit (executor, call_gate, process_gate_args (&gate));
  process_gate_await (&gate);
  fail_to_spawn (5, GPOINTER_TO_INT (code));
  second = submit (executor, call_gate, process_gate_args (&gate));
  process_gate_await (&gate);
  g_assert_cmpint (g_atomic_int_get (&n_failed), ==, 5);
  g_assert_false (cf_future_is_done (first));
  g_assert_cmpuint (get_uint (executor, "n-workers"), ==, 2);

  process_gate_open (&gate, 2);
  g_assert_true (cf_future_wait (first, -1));
  g_assert_true (cf_future_wait (second, -1));
  process_gate_clear (&gate);
  process_pool_end (executor);
}

static void
test_at_first (gconstpointer code)
{
  CfExecutor *executor = process_pool_new (2, NULL);

  g_test_summary ("Two failures are forgotten once a process starts.");

  for (guint i = 0; i < 2; i++)
    {
      fail_to_spawn (2, GPOINTER_TO_INT (code));
      assert_increments (executor, 1);
      g_assert_cmpint (g_atomic_int_get (&n_failed), ==, i == 0 ? 2 : 0);
    }
  fail_to_spawn (0, 0);
  process_pool_end (executor);
}

static void
test_never (gconstpointer code)
{
  CfExecutor *executor = process_pool_new (2, NULL);
  g_autoptr (CfFuture) future = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Three failures in a row, and no worker: the pool is broken and says why, without trying on.");

  fail_to_spawn (G_MAXINT, GPOINTER_TO_INT (code));
  future = submit (executor, call_pid, NULL);
  assert_future_fails (future, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SPAWN_FAILED, g_strerror (GPOINTER_TO_INT (code)));
  g_assert_null (cf_executor_submit (executor, call_pid, NULL, &error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN);
  process_pool_end (executor);
  g_assert_cmpint (g_atomic_int_get (&n_failed), ==, 3);
  fail_to_spawn (0, 0);
}

static GVariant *
call_stubborn_gate (GVariant     *args,
                    GCancellable *cancellable,
                    GError      **error)
{
  signal (SIGTERM, SIG_IGN);

  return call_gate (args, cancellable, error);
}

static void
test_while_ending (void)
{
  CfExecutor *executor = process_pool_new (2, NULL);
  ProcessGate gate;
  g_autoptr (CfFuture) first = NULL;
  g_autoptr (CfFuture) second = NULL;
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Where there is room for one process only, the next one starts when the one that is ended is gone.");

  process_gate_init (&gate);
  first = submit (executor, call_stubborn_gate, process_gate_args (&gate));
  fail_to_spawn (0, 0);
  g_atomic_int_set (&only_process, process_gate_await (&gate));
  second = submit (executor, call_pid, NULL);
  while (g_atomic_int_get (&n_failed) < 3)
    g_thread_yield ();
  g_assert_true (cf_future_terminate (first));
  result = cf_future_dup_variant (second, -1, &error);
  g_assert_no_error (error);
  g_assert_true (cf_future_is_cancelled (first));
  g_atomic_int_set (&only_process, 0);
  process_gate_clear (&gate);
  process_pool_end (executor);
}

static void
test_no_dev_null (void)
{
  CfExecutor *executor = process_pool_new (2, NULL);
  g_autoptr (CfFuture) future = NULL;

  g_test_summary ("Where there is no /dev/null, as in a bare chroot, the pool is broken and says why.");

  g_atomic_int_set (&no_dev_null, TRUE);
  future = submit (executor, call_pid, NULL);
  assert_future_fails (future, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SPAWN_FAILED, "/dev/null");
  g_atomic_int_set (&no_dev_null, FALSE);
  process_pool_end (executor);
}

static void
test_no_memory_files (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  g_autoptr (CfFuture) future = NULL;

  g_test_summary ("Where memfd_create() is not allowed, as in hardened services, workers start and are lost as everywhere.");

  fail_to_spawn (0, 0);
  g_atomic_int_set (&no_memory_files, TRUE);
  assert_increments (executor, 20);
  future = submit (executor, call_die, g_variant_new_int32 (SIGKILL));
  assert_future_fails (future, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_WORKER_DIED, "signal 9");
  assert_increments (executor, 20);
  g_assert_cmpint (g_atomic_int_get (&n_failed), ==, 2);
  g_atomic_int_set (&no_memory_files, FALSE);
  process_pool_end (executor);
}

static void
test_late_status (void)
{
  CfExecutor *executor = process_pool_new (1, NULL);
  g_autoptr (CfFuture) future = NULL;

  g_test_summary ("A worker that was killed, as for want of memory, is said to be, however late its status comes.");

  assert_increments (executor, 1);
  g_atomic_int_set (&tells_late, TRUE);
  future = submit (executor, call_die, g_variant_new_int32 (SIGKILL));
  assert_future_fails (future, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_WORKER_DIED, "signal 9");
  g_atomic_int_set (&tells_late, FALSE);
  process_pool_end (executor);
}

static void
lose_file (const char *other)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);

  if (*other != '\0')
    g_assert_cmpint (rename (other, self), ==, 0);
  else
    g_assert_cmpint (unlink (self), ==, 0);
}

/* In a child: its file is gone, or another program's, when workers start. */
static void
be_a_program_without_file (const char *other)
{
  CfExecutor *executor;

  lose_file (other);
  executor = process_pool_new (1, NULL);
  assert_increments (executor, 3);
  process_pool_end (executor);
  exit (0);
}

static char *
copy_program (const char *program,
              const char *suffix)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *path = g_strdup_printf ("%s-%d-%s", self, (int) getpid (), suffix);
  g_autoptr (GFile) from = g_file_new_for_path (program != NULL ? program : self);
  g_autoptr (GFile) to = g_file_new_for_path (path);
  g_autoptr (GError) error = NULL;

  g_file_copy (from, to, G_FILE_COPY_OVERWRITE, NULL, NULL, NULL, &error);
  g_assert_no_error (error);

  return g_steal_pointer (&path);
}

static void
test_file_is_gone (gconstpointer is_replaced)
{
  g_autofree char *program = copy_program (NULL, "program");
  g_autofree char *other = is_replaced != NULL ? copy_program ("/bin/sh", "other") : g_strdup ("");
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) child = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error, program, "--without-file", other, NULL);

  g_test_summary ("A program whose file was removed or replaced, as an upgrade does, still starts workers of its own kind.");

  g_assert_no_error (error);
  g_assert_true (g_subprocess_wait_check (child, NULL, &error));
  g_assert_no_error (error);
  unlink (program);
}

/* In a child, whose output is no file. */
static void
be_a_program_with_small_files (void)
{
  struct rlimit limit;
  CfExecutor   *executor = process_pool_new (1, NULL);
  g_autoptr (CfFuture) future = NULL;

  getrlimit (RLIMIT_FSIZE, &limit);
  limit.rlim_cur = 0;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  future = submit (executor, call_pid, NULL);
  assert_future_fails (future, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_SPAWN_FAILED, g_strerror (EFBIG));
  process_pool_end (executor);
  g_clear_pointer (&future, cf_future_unref);
  exit (0);
}

static void
test_small_files (void)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) child = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_SILENCE, &error, self, "--with-small-files", NULL);

  g_test_summary ("Where a process may write no files (RLIMIT_FSIZE), the pool is broken and says why; the program lives on.");

  g_assert_no_error (error);
  g_assert_true (g_subprocess_wait_check (child, NULL, &error));
  g_assert_no_error (error);
}

static void
add (const char   *name,
     gint          code,
     GTestDataFunc func)
{
  g_autofree char *path = g_strdup_printf ("/process-spawn/%s/%s", name, code == EAGAIN ? "again" : "no-memory");

  g_test_add_data_func (path, GINT_TO_POINTER (code), func);
}

int
main (int    argc,
      char **argv)
{
  static const gint codes[] = { EAGAIN, ENOMEM };

  cf_process_pool_init (argc, argv);
  if (argc == 3 && g_str_equal (argv[1], "--without-file"))
    be_a_program_without_file (argv[2]);
  if (argc == 2 && g_str_equal (argv[1], "--with-small-files"))
    be_a_program_with_small_files ();
  test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    {
      add ("later", codes[i], test_later);
      add ("at-first", codes[i], test_at_first);
      add ("never", codes[i], test_never);
    }

  g_test_add_func ("/process-spawn/while-ending", test_while_ending);
  g_test_add_func ("/process-spawn/no-dev-null", test_no_dev_null);
  g_test_add_func ("/process-spawn/no-memory-files", test_no_memory_files);
  g_test_add_func ("/process-spawn/late-status", test_late_status);
  g_test_add_func ("/process-spawn/small-files", test_small_files);
  g_test_add_data_func ("/process-spawn/file-is-gone/removed", NULL, test_file_is_gone);
  g_test_add_data_func ("/process-spawn/file-is-gone/replaced", "", test_file_is_gone);

  return g_test_run ();
}
