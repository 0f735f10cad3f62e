/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-worker-replies-private.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "cf-error-private.h"

/* Small replies lie in the ring of the page, where a death does not take them along, until many go into the socket at once;
 * large ones go there directly, behind all that came before them.
 */

#define FLUSH_REPLIES 16
#define FLUSH_BYTES ((gsize) 16 * 1024)

static guint
skip_written (GOutputVector *vectors,
              guint          n_vectors,
              gsize          n_bytes)
{
  guint n = 0;

  while (n < n_vectors && n_bytes >= vectors[n].size)
    n_bytes -= vectors[n++].size;
  if (n < n_vectors)
    {
      vectors[n].buffer = (const guint8 *) vectors[n].buffer + n_bytes;
      vectors[n].size -= n_bytes;
    }

  return n;
}

/* Writes all of it, however long that takes.  Nobody waits for what a parent that has closed the line does not get: the end
 * is found when the next call is read. */
static gboolean
write_all (int            fd,
           GOutputVector *vectors,
           guint          n_vectors,
           GError       **error)
{
  while (n_vectors > 0)
    {
      struct msghdr message = { .msg_iov = (struct iovec *) vectors, .msg_iovlen = n_vectors };
      ssize_t       n = sendmsg (fd, &message, MSG_NOSIGNAL);
      guint         n_done;

      if (n < 0 && errno == EAGAIN)
        poll (&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
      else if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
        return TRUE;
      else if (n < 0 && errno != EINTR)
        return _cf_error_set_from_errno (error, "Writing to the parent failed");

      n_done = skip_written (vectors, n_vectors, n > 0 ? (gsize) n : 0);
      vectors += n_done;
      n_vectors -= n_done;
    }

  return TRUE;
}

gboolean
_cf_worker_replies_are_flushed_locked (const CfWorkerReplies *self)
{
  return self->page == NULL || self->written == self->committed;
}

gboolean
_cf_worker_replies_flush_locked (CfWorkerReplies *self,
                                 GError         **error)
{
  GOutputVector vectors[2];
  guint         n_vectors;

  if (_cf_worker_replies_are_flushed_locked (self))
    return TRUE;

  _cf_page_peek (self->page, self->written, self->committed, vectors, &n_vectors);
  if (!write_all (self->fd, vectors, n_vectors, error))
    return FALSE;
  self->written = self->committed;
  self->n_unflushed = 0;

  return TRUE;
}

/* What of @writer goes into so many @vectors; returns how many bytes. */
static gsize
peek (CfWireWriter  *writer,
      GOutputVector *vectors,
      guint         *n_vectors)
{
  gsize n_bytes = 0;

  *n_vectors = _cf_wire_writer_peek (writer, vectors, *n_vectors);
  for (guint i = 0; i < *n_vectors; i++)
    n_bytes += vectors[i].size;

  return n_bytes;
}

static gboolean
send_through_ring_locked (CfWorkerReplies *self,
                          CfWireWriter    *writer,
                          GError         **error)
{
  gsize size = writer->n_bytes;

  if (self->committed - self->written + size > CF_PAGE_RING_SIZE && !_cf_worker_replies_flush_locked (self, error))
    return FALSE;

  while (writer->n_bytes > 0)
    {
      GOutputVector vectors[8];
      guint         n_vectors = G_N_ELEMENTS (vectors);
      gsize         n_bytes = peek (writer, vectors, &n_vectors);

      _cf_page_put (self->page, self->committed, vectors, n_vectors);
      self->committed += n_bytes;
      _cf_wire_writer_advance (writer, n_bytes, NULL);
    }

  self->n_unflushed++;
  if (self->n_unflushed >= FLUSH_REPLIES || self->committed - self->written > FLUSH_BYTES)
    return _cf_worker_replies_flush_locked (self, error);

  return TRUE;
}

static gboolean
send_directly_locked (CfWorkerReplies *self,
                      CfWireWriter    *writer,
                      GError         **error)
{
  if (!_cf_worker_replies_flush_locked (self, error))
    return FALSE;

  while (writer->n_bytes > 0)
    {
      GOutputVector vectors[64];
      guint         n_vectors = G_N_ELEMENTS (vectors);
      gsize         n_bytes = peek (writer, vectors, &n_vectors);

      if (!write_all (self->fd, vectors, n_vectors, error))
        return FALSE;
      self->written += n_bytes;
      self->committed = self->written;
      _cf_wire_writer_advance (writer, n_bytes, NULL);
    }

  return TRUE;
}

/* Sends what is in @writer: small things with the next flush, large ones now. */
gboolean
_cf_worker_replies_send_locked (CfWorkerReplies *self,
                                CfWireWriter    *writer,
                                GError         **error)
{
  if (self->page != NULL && writer->n_bytes <= FLUSH_BYTES)
    return send_through_ring_locked (self, writer, error);

  return send_directly_locked (self, writer, error);
}
