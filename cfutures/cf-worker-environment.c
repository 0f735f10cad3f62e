/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "cf-worker-environment-private.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean
is_socket (int fd)
{
  struct stat info;

  return fstat (fd, &info) == 0 && S_ISSOCK (info.st_mode);
}

gboolean
_cf_worker_environment_is_set (void)
{
  return g_getenv (CF_WORKER_ENV_FDS) != NULL;
}

/* Takes the descriptors out of the environment: what this process starts in its turn is no worker of that parent. */
gboolean
_cf_worker_environment_take (int *fds)
{
  g_autofree char *value = g_strdup (g_getenv (CF_WORKER_ENV_FDS));
  guint64          first;

  if (value == NULL)
    return FALSE;

  g_unsetenv (CF_WORKER_ENV_FDS);
  if (!g_ascii_string_to_unsigned (value, 10, CF_WORKER_FIRST_FD, G_MAXINT - CF_WORKER_N_FDS, &first, NULL))
    return FALSE;
  if (!is_socket ((int) first))
    return FALSE;

  for (int i = 0; i < CF_WORKER_N_FDS; i++)
    {
      fds[i] = (int) first + i;
      if (fcntl (fds[i], F_SETFD, FD_CLOEXEC) != 0)
        return FALSE;
    }

  return TRUE;
}

/* How many pools deep this process is: 0 in a program, 1 in its workers. */
guint
_cf_worker_environment_get_depth (void)
{
  const char *value = g_getenv (CF_WORKER_ENV_DEPTH);
  guint64     depth;

  if (value == NULL || !g_ascii_string_to_unsigned (value, 10, 0, G_MAXINT, &depth, NULL))
    return 0;

  return (guint) depth;
}

/* Closes what the parent did not mean to hand down; what this program opened itself has FD_CLOEXEC, as it should. */
static void
close_inherited (void)
{
  DIR           *dir = opendir ("/proc/self/fd");
  struct dirent *entry;

  if (dir == NULL)
    return;

  while ((entry = readdir (dir)) != NULL)
    {
      int fd = atoi (entry->d_name), flags;

      if (fd <= STDERR_FILENO || fd == dirfd (dir))
        continue;
      flags = fcntl (fd, F_GETFD);
      if (flags >= 0 && (flags & FD_CLOEXEC) == 0)
        close (fd);
    }
  closedir (dir);
}

/* Whatever is opened next would become a standard stream that was not handed down, and take in what the functions print. */
static void
fill_standard_streams (void)
{
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl (fd, F_GETFD) < 0 && open ("/dev/null", O_RDWR) < 0)
      return;
}

/* A worker has a process group of its own, and Ctrl-C is the parent's business. */
void
_cf_worker_environment_prepare_process (void)
{
  sigset_t none;

  setpgid (0, 0);
  signal (SIGINT, SIG_IGN);
  signal (SIGTERM, SIG_DFL);
  signal (SIGPIPE, SIG_DFL);
  sigemptyset (&none);
  pthread_sigmask (SIG_SETMASK, &none, NULL);
  close_inherited ();
  fill_standard_streams ();
}

/* For the parent: whether there is a standard error to hand down.  What closes when a worker is executed is something else,
 * which was opened after the standard error had been closed and got its number. */
gboolean
_cf_worker_environment_has_stderr (void)
{
  int flags = fcntl (STDERR_FILENO, F_GETFD);

  return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}
