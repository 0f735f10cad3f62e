/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-worker-words-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "cf-worker-environment-private.h"

#define LAST_WORDS_MAX 2048
#define HEARING_MS 100

/* The manager must not stand still because somebody does not read. */
static gboolean
is_heard (void)
{
  struct pollfd standard_error = { .fd = STDERR_FILENO, .events = POLLOUT };
  int           n;

  do
    n = poll (&standard_error, 1, HEARING_MS);
  while (n < 0 && errno == EINTR);

  return n > 0;
}

static void
forward (CfWorkerWords *self,
         const char    *bytes,
         gsize          size)
{
  self->unheard = self->unheard || !_cf_worker_environment_has_stderr () || !is_heard ();
  while (size > 0 && !self->unheard)
    {
      ssize_t n = write (STDERR_FILENO, bytes, size);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return;
      bytes += n;
      size -= (gsize) n;
    }
}

static gboolean
read_some (CfWorkerWords *self)
{
  char    bytes[PIPE_BUF]; /* a pipe that has room has room for so many */
  ssize_t n = read (self->fd, bytes, sizeof bytes);

  if (n <= 0)
    return n < 0 && errno == EINTR;

  g_string_append_len (self->text, bytes, n);
  if (self->text->len > LAST_WORDS_MAX)
    g_string_erase (self->text, 0, (gssize) (self->text->len - LAST_WORDS_MAX));
  forward (self, bytes, (gsize) n);

  return TRUE;
}

static void
drop (CfWorkerWords *self)
{
  if (self->source != NULL)
    g_source_destroy (self->source);
  g_clear_pointer (&self->source, g_source_unref);
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
}

static gboolean
words_cb (int fd       G_GNUC_UNUSED,
          GIOCondition condition,
          gpointer     user_data)
{
  CfWorkerWords *self = user_data;

  if (!read_some (self) && (condition & G_IO_IN) == 0)
    drop (self);

  return G_SOURCE_CONTINUE;
}

/* Takes @fd over, and listens in the thread-default main context. */
void
_cf_worker_words_init (CfWorkerWords *self,
                       int            fd)
{
  self->fd = fd;
  self->text = g_string_new (NULL);
  self->source = g_unix_fd_source_new (fd, G_IO_IN);
  g_source_set_callback (self->source, G_SOURCE_FUNC (words_cb), self, NULL);
  g_source_attach (self->source, g_main_context_get_thread_default ());
}

/* The child is dead: takes what it has left there. */
void
_cf_worker_words_end (CfWorkerWords *self)
{
  while (self->fd >= 0 && read_some (self))
    ;
  drop (self);
}

void
_cf_worker_words_clear (CfWorkerWords *self)
{
  drop (self);
  g_string_free (self->text, TRUE);
}

/* The last ones, as UTF-8; empty when there were none. */
char *
_cf_worker_words_dup (CfWorkerWords *self)
{
  return g_strchomp (g_utf8_make_valid (self->text->str, (gssize) self->text->len));
}
