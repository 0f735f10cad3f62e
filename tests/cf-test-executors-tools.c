/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The rest of cf-test-executors.h: short ways to submit and ask, pipes as gates, threads. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "cf-test-executors.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

CfExecutor *
pool_new (guint max_workers)
{
  return CF_EXECUTOR (cf_thread_pool_executor_new (max_workers));
}

CfExecutor *
pool_new_parking (guint max_workers)
{
  CfExecutor *executor = pool_new (max_workers);

  set_count (executor, "spin-us", 0);

  return executor;
}

CfExecutor *
pool_new_without_inline_waits (guint max_workers)
{
  CfExecutor *executor = pool_new (max_workers);

  g_object_set (executor, "inline-waits", FALSE, NULL);

  return executor;
}

guint64
get_count (gpointer    object,
           const char *property)
{
  g_auto (GValue) value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_UINT64);
  g_object_get_property (object, property, &value);

  return g_value_get_uint64 (&value);
}

void
set_count (gpointer    object,
           const char *property,
           guint64     count)
{
  g_auto (GValue) value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_UINT64);
  g_value_set_uint64 (&value, count);
  g_object_set_property (object, property, &value);
}

void
await_count (gpointer    object,
             const char *property,
             guint64     value)
{
  while (get_count (object, property) != value)
    g_thread_yield ();
}

static void
finalized_cb (gpointer data,
              GObject *where_the_object_was)
{
  g_atomic_int_set ((gint *) data, TRUE);
}

void
await_finalized (gpointer object)
{
  gint finalized = FALSE;

  g_object_weak_ref (object, finalized_cb, &finalized);
  g_object_unref (object);
  while (!g_atomic_int_get (&finalized))
    g_thread_yield ();
}

void
pool_end (CfExecutor *executor)
{
  cf_executor_shutdown (executor, TRUE, FALSE);
  await_finalized (executor);
}

CfFuture *
submit (CfExecutor *executor,
        CfFunc      func,
        GVariant   *args)
{
  g_autoptr (GError) error = NULL;
  CfFuture *future = cf_executor_submit (executor, func, args, &error);

  g_assert_no_error (error);
  g_assert_nonnull (future);

  return future;
}

CfFuture *
submit_task (CfExecutor *executor,
             CfTaskFunc  func,
             gpointer    user_data)
{
  g_autoptr (GError) error = NULL;
  CfFuture *future = cf_executor_submit_task (executor, func, user_data, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (future);

  return future;
}

CfFuture *
task_new (const char *name,
          CfTaskFunc  func,
          gpointer    user_data)
{
  CfFuture *future = cf_future_new_for_task (func, user_data, NULL);

  g_object_set (future, "name", name, NULL);

  return future;
}

void
schedule (CfExecutor *executor,
          CfFuture   *future)
{
  g_autoptr (GError) error = NULL;
  gboolean taken = cf_executor_schedule (executor, future, &error);

  g_assert_no_error (error);
  g_assert_true (taken);
}

gint64
await_int64 (CfFuture *future)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) result = cf_future_dup_variant (future, -1, &error);

  g_assert_no_error (error);
  g_assert_nonnull (result);

  return g_variant_get_int64 (result);
}

int
await_int (CfFuture *future)
{
  g_autoptr (GError) error = NULL;
  const GValue *result = cf_future_get_result (future, -1, &error);

  g_assert_no_error (error);
  g_assert_nonnull (result);

  return g_value_get_int (result);
}

void
await_error (CfFuture *future,
             GQuark    domain,
             int       code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (cf_future_get_result (future, -1, &error));
  g_assert_error (error, domain, code);
}

void
assert_failed (CfFuture *future,
               GQuark    domain,
               int       code)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (cf_future_is_done (future));
  g_assert_null (cf_future_get_result (future, 0, &error));
  g_assert_error (error, domain, code);
}

void
assert_contains (const char *text,
                 const char *part)
{
  if (strstr (text, part) == NULL)
    g_error ("\"%s\" does not name \"%s\"", text, part);
}

/* Pipes as gates */

static int
open_pipe (const char *folder,
           const char *name,
           int         flags)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  int              fd = open (path, flags | O_CLOEXEC);

  if (fd < 0)
    g_error ("Cannot open %s: %s", path, g_strerror (errno));

  return fd;
}

static int
make_pipe (const char *folder,
           const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_assert_cmpint (mkfifo (path, 0600), ==, 0);

  return open_pipe (folder, name, O_RDWR);
}

void
pipe_gate_init (PipeGate *gate)
{
  g_autoptr (GError) error = NULL;

  gate->folder = g_dir_make_tmp ("gate-XXXXXX", &error);
  g_assert_no_error (error);
  gate->came = make_pipe (gate->folder, "came");
  gate->go = make_pipe (gate->folder, "go");
}

void
pipe_gate_clear (PipeGate *gate)
{
  g_autofree char *came = g_build_filename (gate->folder, "came", NULL);
  g_autofree char *go = g_build_filename (gate->folder, "go", NULL);

  close (gate->came);
  close (gate->go);
  g_unlink (came);
  g_unlink (go);
  g_rmdir (gate->folder);
  g_free (gate->folder);
}

/* Room for a hundred that wait: more than any test has. */
void
pipe_gate_open (PipeGate *gate)
{
  char bytes[100] = { 0 };

  g_assert_cmpint (write (gate->go, bytes, sizeof bytes), ==, sizeof bytes);
}

void
pipe_gate_await (PipeGate *gate,
                 guint     n_more)
{
  char byte;

  for (guint i = 0; i < n_more; i++)
    g_assert_cmpint (read (gate->came, &byte, 1), ==, 1);
}

GVariant *
pipe_gate_args (PipeGate *gate,
                gint64    value)
{
  return g_variant_new ("(sx)", gate->folder, value);
}

GVariant *
func_pipe_gate (GVariant     *args,
                GCancellable *cancellable,
                GError      **error)
{
  const char *folder;
  gint64      value;
  char        byte = 0;
  int         came, go;

  g_variant_get (args, "(&sx)", &folder, &value);
  go = open_pipe (folder, "go", O_RDONLY);
  came = open_pipe (folder, "came", O_WRONLY);

  g_assert_cmpint (write (came, &byte, 1), ==, 1);
  g_assert_cmpint (read (go, &byte, 1), ==, 1);
  close (came);
  close (go);

  return g_variant_new_int64 (value);
}

GVariant *
func_echo (GVariant     *args,
           GCancellable *cancellable,
           GError      **error)
{
  return g_variant_ref (args);
}

/* Threads and descriptors */

static guint
n_entries (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  g_assert_nonnull (dir);
  while (g_dir_read_name (dir) != NULL)
    n++;

  return n;
}

guint
n_threads (void)
{
  return n_entries ("/proc/self/task");
}

void
await_n_threads (guint n)
{
  while (n_threads () != n)
    g_thread_yield ();
}

guint
n_descriptors (void)
{
  return n_entries ("/proc/self/fd");
}

static void
tell_thread_id (gpointer data,
                gpointer user_data)
{
  g_atomic_int_set ((gint *) data, thread_id ());
}

static char thread_state (int id);

void
drop_idle_threads (void)
{
  GThreadPool *pool = g_thread_pool_new (tell_thread_id, NULL, 1, FALSE, NULL);
  gint         id = 0;

  g_thread_pool_set_max_unused_threads (0);
  g_thread_pool_push (pool, &id, NULL);
  g_thread_pool_free (pool, FALSE, TRUE);
  while (g_thread_pool_get_num_unused_threads () > 0)
    {
      g_thread_pool_stop_unused_threads ();
      g_thread_yield ();
    }
  while (thread_state (g_atomic_int_get (&id)) != 'X')
    g_thread_yield ();
}

guint
settle_threads (void)
{
  static guint n_staying;

  drop_idle_threads ();
  if (n_staying == 0)
    n_staying = n_threads ();
  await_n_threads (n_staying);

  return n_staying;
}

int
thread_id (void)
{
  return (int) syscall (SYS_gettid);
}

static char
thread_state (int id)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%d/stat", id);
  g_autofree char *text = NULL;
  const char      *end;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return 'X';
  end = strrchr (text, ')');
  g_assert_nonnull (end);

  return end[2];
}

/* Several looks: it may sleep for a moment on a lock. */
void
await_asleep (int id)
{
  guint n_asleep = 0;

  while (n_asleep < 5)
    {
      n_asleep = thread_state (id) == 'S' ? n_asleep + 1 : 0;
      g_thread_yield ();
    }
}

void
assert_broken (GError     *error,
               const char *message)
{
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN);
  assert_contains (error->message, message);
}

void
await_broken (CfFuture   *future,
              const char *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (cf_future_get_result (future, -1, &error));
  assert_broken (error, message);
}
