/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process-test.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

void
process_gate_init (ProcessGate *gate)
{
  gate->dir = g_dir_make_tmp ("cfutures-test-XXXXXX", NULL);
  g_assert_nonnull (gate->dir);
  gate->started = g_build_filename (gate->dir, "started", NULL);
  gate->opened = g_build_filename (gate->dir, "opened", NULL);
  g_assert_cmpint (mkfifo (gate->started, 0600), ==, 0);
  g_assert_cmpint (mkfifo (gate->opened, 0600), ==, 0);
  gate->started_fd = open (gate->started, O_RDWR | O_CLOEXEC);
  gate->opened_fd = open (gate->opened, O_RDWR | O_CLOEXEC);
}

void
process_gate_clear (ProcessGate *gate)
{
  close (gate->started_fd);
  close (gate->opened_fd);
  g_unlink (gate->started);
  g_unlink (gate->opened);
  g_assert_cmpint (g_rmdir (gate->dir), ==, 0);
  g_free (gate->dir);
  g_free (gate->started);
  g_free (gate->opened);
}

GVariant *
process_gate_args (ProcessGate *gate)
{
  return g_variant_new ("(^ay^ay)", gate->started, gate->opened);
}

int
process_gate_await (ProcessGate *gate)
{
  int pid;

  g_assert_cmpint (read (gate->started_fd, &pid, sizeof pid), ==, sizeof pid);

  return pid;
}

void
process_gate_open (ProcessGate *gate,
                   guint        n_calls)
{
  for (guint i = 0; i < n_calls; i++)
    g_assert_cmpint (write (gate->opened_fd, "", 1), ==, 1);
}

GVariant *
call_increment (GVariant      *args,
                GCancellable  *cancellable,
                GError **error G_GNUC_UNUSED)
{
  g_assert_true (G_IS_CANCELLABLE (cancellable));

  return g_variant_new_int64 (g_variant_get_int64 (args) + 1);
}

GVariant *
call_echo (GVariant                 *args,
           GCancellable *cancellable G_GNUC_UNUSED,
           GError **error            G_GNUC_UNUSED)
{
  return g_variant_ref (args);
}

GVariant *
call_pid (GVariant *args            G_GNUC_UNUSED,
          GCancellable *cancellable G_GNUC_UNUSED,
          GError **error            G_GNUC_UNUSED)
{
  return g_variant_new_int32 (getpid ());
}

GVariant *
call_fail (GVariant *args            G_GNUC_UNUSED,
           GCancellable *cancellable G_GNUC_UNUSED,
           GError                  **error)
{
  g_set_error (error, g_quark_from_string ("made-up-domain"), -77, "sorry");

  return NULL;
}

GVariant *
call_null (GVariant *args            G_GNUC_UNUSED,
           GCancellable *cancellable G_GNUC_UNUSED,
           GError **error            G_GNUC_UNUSED)
{
  return NULL;
}

GVariant *
call_die (GVariant                 *args,
          GCancellable *cancellable G_GNUC_UNUSED,
          GError **error            G_GNUC_UNUSED)
{
  int how = g_variant_get_int32 (args);

  setrlimit (RLIMIT_CORE, &(struct rlimit){ 0, 0 });
  if (how < 0)
    _exit (-how - 1);
  signal (how, SIG_DFL);
  raise (how);
  pause ();

  return NULL;
}

GVariant *
call_gate (GVariant                 *args,
           GCancellable *cancellable G_GNUC_UNUSED,
           GError **error            G_GNUC_UNUSED)
{
  const char *started, *opened;
  int         fd, pid = getpid ();
  char        byte;

  g_variant_get (args, "(^&ay^&ay)", &started, &opened);
  fd = open (started, O_WRONLY | O_CLOEXEC);
  g_assert_cmpint (write (fd, &pid, sizeof pid), ==, sizeof pid);
  close (fd);
  fd = open (opened, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (read (fd, &byte, 1), ==, 1);
  close (fd);

  return g_variant_new_int32 (pid);
}

GVariant *
call_die_once (GVariant                 *args,
               GCancellable *cancellable G_GNUC_UNUSED,
               GError **error            G_GNUC_UNUSED)
{
  const char *path = g_variant_get_string (args, NULL);

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_file_set_contents (path, "", 0, NULL);
      kill (getpid (), SIGKILL);
    }

  return g_variant_new_int32 (getpid ());
}

GVariant *
call_hang (GVariant *args            G_GNUC_UNUSED,
           GCancellable *cancellable G_GNUC_UNUSED,
           GError **error            G_GNUC_UNUSED)
{
  for (;;)
    pause ();

  return NULL;
}

CfExecutor *
process_pool_new (guint       max_workers,
                  const char *first_property,
                  ...)
{
  CfProcessPoolExecutor *pool;
  va_list                list;

  va_start (list, first_property);
  if (first_property != NULL && g_str_equal (first_property, "worker-argv"))
    {
      pool = g_object_new (CF_TYPE_PROCESS_POOL_EXECUTOR, "max-workers", max_workers, "worker-argv", va_arg (list, char **), NULL);
      first_property = va_arg (list, const char *);
    }
  else
    {
      pool = cf_process_pool_executor_new (max_workers);
    }
  if (first_property != NULL)
    g_object_set_valist (G_OBJECT (pool), first_property, list);
  va_end (list);

  return CF_EXECUTOR (pool);
}

CfFuture *
submit (CfExecutor *executor,
        CfFunc      func,
        GVariant   *args)
{
  g_autoptr (GError) error = NULL;
  CfFuture *future = cf_executor_submit (executor, func, args, &error);

  g_assert_no_error (error);

  return future;
}

void
assert_increments (CfExecutor *executor,
                   guint       n)
{
  g_autoptr (GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (futures, submit (executor, call_increment, g_variant_new_int64 (i)));

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) result = cf_future_dup_variant (futures->pdata[i], -1, &error);

      g_assert_no_error (error);
      g_assert_cmpint (g_variant_get_int64 (result), ==, i + 1);
    }
}

void
assert_future_fails (CfFuture   *future,
                     GQuark      domain,
                     int         code,
                     const char *words)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (cf_future_dup_variant (future, -1, &error));
  g_assert_error (error, domain, code);
  if (words != NULL && strstr (error->message, words) == NULL)
    g_error ("“%s” is not in “%s”", words, error->message);
}

guint64
get_uint64 (CfExecutor *executor,
            const char *property)
{
  guint64 value;

  g_object_get (executor, property, &value, NULL);

  return value;
}

guint
get_uint (CfExecutor *executor,
          const char *property)
{
  guint value;

  g_object_get (executor, property, &value, NULL);

  return value;
}

void
process_pool_end (CfExecutor *executor)
{
  cf_executor_shutdown (executor, TRUE, FALSE);
  g_assert_cmpuint (get_uint (executor, "n-workers"), ==, 0);
  g_assert_finalize_object (executor);
}

static guint
count_entries (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  guint n = 0;

  while (dir != NULL && g_dir_read_name (dir) != NULL)
    n++;

  return n;
}

guint
count_descriptors (void)
{
  return count_entries ("/proc/self/fd");
}

guint
count_children (void)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%d/children", getpid ());
  g_autofree char *children = NULL;
  guint            n = 0;

  if (!g_file_get_contents (path, &children, NULL, NULL))
    return 0;
  for (const char *c = children; *c != '\0'; c++)
    n += *c == ' ';

  return n;
}

gboolean
process_has_ended (int pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", pid);
  g_autofree char *stat = NULL;
  const char      *state;

  if (!g_file_get_contents (path, &stat, NULL, NULL))
    return TRUE;
  state = strrchr (stat, ')');

  return state != NULL && (state[2] == 'Z' || state[2] == 'X');
}
