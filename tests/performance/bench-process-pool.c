/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* How fast calls go to processes and back, beside what two processes with a socket can do at all, and Python. */

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cfutures/cfutures.h>

#define N_ROUND_TRIPS 5000
#define N_PIPELINED 50000
#define RECORD_SIZE 64

static GVariant *
increment (GVariant                 *args,
           GCancellable *cancellable G_GNUC_UNUSED,
           GError **error            G_GNUC_UNUSED)
{
  return g_variant_new_int64 (g_variant_get_int64 (args) + 1);
}

static GVariant *
echo (GVariant                 *args,
      GCancellable *cancellable G_GNUC_UNUSED,
      GError **error            G_GNUC_UNUSED)
{
  return g_variant_ref (args);
}

static double
since (gint64 start)
{
  return (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC;
}

static void
transfer (int    fd,
          char  *buffer,
          size_t size,
          ssize_t (*move) (int    fd,
                           void  *buffer,
                           size_t size))
{
  while (size > 0)
    {
      ssize_t n = move (fd, buffer, size);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        _exit (0);
      buffer += n;
      size -= (size_t) n;
    }
}

static ssize_t
write_some (int    fd,
            void  *buffer,
            size_t size)
{
  return write (fd, buffer, size);
}

static void
echo_records (int fd)
{
  char record[RECORD_SIZE];

  for (;;)
    {
      transfer (fd, record, sizeof record, read);
      transfer (fd, record, sizeof record, write_some);
    }
}

/* A child that sends back what it gets, before there are threads. */
static void
bench_raw (void)
{
  char   record[RECORD_SIZE] = { 0 };
  int    fds[2];
  pid_t  pid;
  gint64 start;

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
    return;
  pid = fork ();
  if (pid == 0)
    {
      close (fds[0]);
      echo_records (fds[1]);
    }
  close (fds[1]);

  start = g_get_monotonic_time ();
  for (guint i = 0; i < N_ROUND_TRIPS; i++)
    {
      transfer (fds[0], record, sizeof record, write_some);
      transfer (fds[0], record, sizeof record, read);
    }
  g_print ("%-34s %10.1f us\n", "raw socket, round trip", since (start) * 1e6 / N_ROUND_TRIPS);

  start = g_get_monotonic_time ();
  for (guint i = 0; i < N_PIPELINED / 100; i++)
    {
      for (guint j = 0; j < 100; j++)
        transfer (fds[0], record, sizeof record, write_some);
      for (guint j = 0; j < 100; j++)
        transfer (fds[0], record, sizeof record, read);
    }
  g_print ("%-34s %10.1f k/s\n", "raw socket, pipelined", N_PIPELINED / since (start) / 1e3);

  close (fds[0]);
  waitpid (pid, NULL, 0);
}

static CfFuture *
submit (CfExecutor *executor,
        CfFunc      func,
        GVariant   *args)
{
  g_autoptr (GError) error = NULL;
  CfFuture *future = cf_executor_submit (executor, func, args, &error);

  if (future == NULL)
    g_error ("%s", error->message);

  return future;
}

static void
finish (CfFuture *future)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) result = cf_future_dup_variant (future, -1, &error);

  if (result == NULL)
    g_error ("%s", error->message);
  cf_future_unref (future);
}

static void
bench_small (CfExecutor *executor)
{
  CfFuture **futures = g_new (CfFuture *, N_PIPELINED);
  gint64     start = g_get_monotonic_time ();

  for (guint i = 0; i < N_ROUND_TRIPS; i++)
    finish (submit (executor, increment, g_variant_new_int64 (i)));
  g_print ("%-34s %10.1f us\n", "pool, round trip", since (start) * 1e6 / N_ROUND_TRIPS);

  start = g_get_monotonic_time ();
  for (guint i = 0; i < N_PIPELINED; i++)
    futures[i] = submit (executor, increment, g_variant_new_int64 (i));
  for (guint i = 0; i < N_PIPELINED; i++)
    finish (futures[i]);
  g_print ("%-34s %10.1f k/s\n", "pool, many outstanding", N_PIPELINED / since (start) / 1e3);
  g_free (futures);
}

static void
bench_large (CfExecutor *executor,
             gsize       size,
             guint       n)
{
  gpointer data = g_malloc0 (size);
  g_autoptr (GVariant) payload = g_variant_ref_sink (g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, data, size, TRUE, g_free, data));
  g_autofree char *title = g_strdup_printf ("pool, %" G_GSIZE_FORMAT " MiB there and back", size >> 20);
  gint64           start = g_get_monotonic_time ();

  for (guint i = 0; i < n; i++)
    finish (submit (executor, echo, payload));
  g_print ("%-34s %10.2f ms\n", title, since (start) * 1e3 / n);
}

static void
bench_python (void)
{
  static const char script[] =
    "import time, concurrent.futures as c\n"
    "def f(i): return i + 1\n"
    "if __name__ == '__main__':\n"
    "    with c.ProcessPoolExecutor(2) as e:\n"
    "        e.submit(f, 1).result()\n"
    "        t = time.time()\n"
    "        for i in range(500): e.submit(f, i).result()\n"
    "        print('%-34s %10.1f us' % ('Python, round trip', (time.time() - t) / 500 * 1e6))\n"
    "        t = time.time()\n"
    "        for r in [e.submit(f, i) for i in range(5000)]: r.result()\n"
    "        print('%-34s %10.1f k/s' % ('Python, many outstanding', 5 / (time.time() - t)))\n";
  g_autoptr (GSubprocess) python = NULL;
  g_autofree char *path = NULL;
  int              fd = g_file_open_tmp ("bench-XXXXXX.py", &path, NULL);

  if (fd < 0)
    return;
  close (fd);
  g_file_set_contents (path, script, -1, NULL);
  python = g_subprocess_new (G_SUBPROCESS_FLAGS_STDERR_SILENCE, NULL, "python3", path, NULL);
  if (python != NULL)
    g_subprocess_wait (python, NULL, NULL);
  unlink (path);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (CfExecutor) executor = NULL;
  gint64 start;

  cf_process_pool_init (argc, argv);
  bench_raw ();

  start = g_get_monotonic_time ();
  executor = CF_EXECUTOR (cf_process_pool_executor_new (2));
  finish (submit (executor, increment, g_variant_new_int64 (1)));
  g_print ("%-34s %10.2f ms\n", "pool, first result", since (start) * 1e3);
  bench_small (executor);
  bench_large (executor, (gsize) 1 << 20, 20);
  bench_large (executor, (gsize) 64 << 20, 2);
  cf_executor_shutdown (executor, TRUE, FALSE);
  bench_python ();

  return 0;
}
