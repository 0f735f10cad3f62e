/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "cf-worker-spawn-private.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cf-error-private.h"
#include "cf-worker-environment-private.h"

#define SOCKET_BUFFER (1024 * 1024)
#define N_SPARES 8

typedef struct
{
  int socket[2]; /* ours, the child's */
  int page;
  int control[2]; /* ours, the child's */
  int words[2];   /* a pipe from the child's standard error */
  int null;       /* the child's standard input */
} Descriptors;

static void
clear_fd (int *fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}

static void
descriptors_clear (Descriptors *fds)
{
  clear_fd (&fds->socket[0]);
  clear_fd (&fds->socket[1]);
  clear_fd (&fds->page);
  clear_fd (&fds->control[0]);
  clear_fd (&fds->control[1]);
  clear_fd (&fds->words[0]);
  clear_fd (&fds->words[1]);
  clear_fd (&fds->null);
}

/* Large payloads wait less often when more of them is on its way; the kernel cuts it to what it allows. */
static void
widen (int fd)
{
  int size = SOCKET_BUFFER;

  setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

/* Beyond the numbers that mean something in the child: GLib closes the pipe's there by its number here, whatever was put
 * under it meanwhile; and what a program without standard streams writes to them must not end up in our sockets. */
static gboolean
move_up (int *fd)
{
  int moved;

  if (*fd >= CF_WORKER_FIRST_FD + CF_WORKER_N_FDS)
    return TRUE;

  moved = fcntl (*fd, F_DUPFD_CLOEXEC, CF_WORKER_FIRST_FD + CF_WORKER_N_FDS);
  if (moved < 0)
    return FALSE;
  close (*fd);
  *fd = moved;

  return TRUE;
}

static gboolean
descriptors_move_up (Descriptors *fds)
{
  return move_up (&fds->socket[0]) && move_up (&fds->socket[1]) &&
         move_up (&fds->page) &&
         move_up (&fds->control[0]) && move_up (&fds->control[1]) &&
         move_up (&fds->words[0]) && move_up (&fds->words[1]) &&
         move_up (&fds->null);
}

static gboolean
descriptors_open (Descriptors *fds,
                  CfPage     **page,
                  GError     **error)
{
  *fds = (Descriptors){ { -1, -1 }, -1, { -1, -1 }, { -1, -1 }, -1 };

  /* GLib would open it itself, and abort the program where there is none. */
  fds->null = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  if (fds->null < 0)
    return _cf_error_set_from_errno (error, "Cannot open /dev/null for a worker");

  fds->page = _cf_page_create (page, error);
  if (fds->page < 0)
    {
      descriptors_clear (fds);
      return FALSE;
    }

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds->socket) != 0 ||
      pipe2 (fds->words, O_CLOEXEC) != 0 ||
      socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds->control) != 0 ||
      !descriptors_move_up (fds) ||
      !g_unix_set_fd_nonblocking (fds->socket[0], TRUE, NULL) ||
      !g_unix_set_fd_nonblocking (fds->words[0], TRUE, NULL))
    {
      _cf_error_set_from_errno (error, "No descriptors for a worker");
      descriptors_clear (fds);
      g_clear_pointer (page, _cf_page_unmap);
      return FALSE;
    }

  widen (fds->socket[0]);
  widen (fds->socket[1]);

  return TRUE;
}

static int
steal_fd (int *fd)
{
  int taken = *fd;

  *fd = -1;

  return taken;
}

static int
dup_stderr (void)
{
  if (!_cf_worker_environment_has_stderr ())
    return open ("/dev/null", O_WRONLY | O_CLOEXEC);

  return fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, CF_WORKER_FIRST_FD + CF_WORKER_N_FDS);
}

static gboolean
check_argv (const char *const *argv,
            GError           **error)
{
  if (argv[0] != NULL && *argv[0] != '\0')
    return TRUE;

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "worker-argv names no program");

  return FALSE;
}

/* GLib opens some while it spawns, and aborts the program when it cannot. */
static gboolean
check_room (int      fd,
            GError **error)
{
  int      spares[N_SPARES];
  guint    n = 0;
  gboolean has_room;

  while (n < N_SPARES && (spares[n] = fcntl (fd, F_DUPFD_CLOEXEC, 3)) >= 0)
    n++;
  has_room = n == N_SPARES;
  if (!has_room)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES, "No descriptors for a worker: too many open files");
  while (n > 0)
    close (spares[--n]);

  return has_room;
}

/* INHERIT_FDS makes GLib take posix_spawn(), which does not copy the parent's page tables; all our descriptors are
 * CLOEXEC, and the worker closes what others left open. */
static GSubprocess *
spawn (const char *const *argv,
       guint              depth,
       Descriptors       *fds,
       GError           **error)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_INHERIT_FDS);
  g_autofree char *first = g_strdup_printf ("%d", CF_WORKER_FIRST_FD);
  g_autofree char *level = g_strdup_printf ("%u", depth);
  int              stderr_fd = dup_stderr ();

  if (stderr_fd < 0)
    {
      _cf_error_set_from_errno (error, "No descriptors for a worker");
      return NULL;
    }

  g_subprocess_launcher_setenv (launcher, CF_WORKER_ENV_FDS, first, TRUE);
  g_subprocess_launcher_setenv (launcher, CF_WORKER_ENV_DEPTH, level, TRUE);
  g_subprocess_launcher_take_fd (launcher, steal_fd (&fds->socket[1]), CF_WORKER_FIRST_FD + CF_WORKER_FD_SOCKET);
  g_subprocess_launcher_take_fd (launcher, steal_fd (&fds->page), CF_WORKER_FIRST_FD + CF_WORKER_FD_PAGE);
  g_subprocess_launcher_take_fd (launcher, steal_fd (&fds->control[1]), CF_WORKER_FIRST_FD + CF_WORKER_FD_CONTROL);
  g_subprocess_launcher_take_fd (launcher, stderr_fd, CF_WORKER_FIRST_FD + CF_WORKER_FD_STDERR);
  g_subprocess_launcher_take_stdin_fd (launcher, steal_fd (&fds->null));
  g_subprocess_launcher_take_stderr_fd (launcher, steal_fd (&fds->words[1]));

  return g_subprocess_launcher_spawnv (launcher, argv, error);
}

/* Starts a worker program. */
GSubprocess *
_cf_worker_spawn (const char *const *argv,
                  guint              depth,
                  CfWorkerLine      *line,
                  GError           **error)
{
  Descriptors  fds;
  GSubprocess *subprocess;

  if (!check_argv (argv, error) || !descriptors_open (&fds, &line->page, error))
    return NULL;

  subprocess = check_room (fds.socket[0], error) ? spawn (argv, depth, &fds, error) : NULL;
  if (subprocess != NULL)
    {
      line->fd = steal_fd (&fds.socket[0]);
      line->control_fd = steal_fd (&fds.control[0]);
      line->stderr_fd = steal_fd (&fds.words[0]);
    }
  else
    {
      g_clear_pointer (&line->page, _cf_page_unmap);
    }
  descriptors_clear (&fds);

  return subprocess;
}
