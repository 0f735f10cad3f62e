/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-worker-outbox-private.h"

#include <errno.h>
#include <sys/socket.h>

void
_cf_worker_outbox_init (CfWorkerOutbox *self)
{
  g_mutex_init (&self->lock);
  _cf_wire_writer_init (&self->writer);
  self->is_cut = FALSE;
}

void
_cf_worker_outbox_clear (CfWorkerOutbox *self)
{
  _cf_wire_writer_clear (&self->writer);
  g_mutex_clear (&self->lock);
}

/* Cutting does not change that. */
gsize
_cf_worker_outbox_get_n_bytes (CfWorkerOutbox *self)
{
  return self->writer.n_bytes;
}

gboolean
_cf_worker_outbox_append (CfWorkerOutbox    *self,
                          const CfWireFrame *frame,
                          GError           **error)
{
  CfWireFrame prepared = *frame;
  g_autoptr (GVariant) payload = frame->payload != NULL ? _cf_wire_prepare_large (frame->payload) : NULL;
  gboolean success;

  prepared.payload = payload;
  g_mutex_lock (&self->lock);
  success = _cf_wire_writer_append (&self->writer, &prepared, error);
  g_mutex_unlock (&self->lock);

  return success;
}

/* Forgets all of it, which nobody will read. */
void
_cf_worker_outbox_drop (CfWorkerOutbox *self)
{
  CfWireWriter unsent;

  g_mutex_lock (&self->lock);
  unsent = self->writer;
  _cf_wire_writer_init (&self->writer);
  g_mutex_unlock (&self->lock);

  _cf_wire_writer_clear (&unsent);
}

/* From any thread: takes the arguments of a call out of it, whose worker is to be ended.  NULL: they are not there. */
GVariant *
_cf_worker_outbox_cut (CfWorkerOutbox *self,
                       guint64         task)
{
  GVariant *payload;

  g_mutex_lock (&self->lock);
  payload = _cf_wire_writer_steal_payload (&self->writer, task);
  self->is_cut = self->is_cut || payload != NULL;
  g_mutex_unlock (&self->lock);

  return payload;
}

static gssize
send_locked (CfWorkerOutbox *self,
             int             fd)
{
  GOutputVector vectors[64];
  struct msghdr message = { .msg_iov = (struct iovec *) vectors };
  gssize        n;

  if (self->is_cut)
    return -1;

  message.msg_iovlen = _cf_wire_writer_peek (&self->writer, vectors, G_N_ELEMENTS (vectors));
  do
    n = sendmsg (fd, &message, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);

  return n;
}

/* Sends some of it.  FALSE: there is no room for more, or nobody there. */
gboolean
_cf_worker_outbox_send (CfWorkerOutbox *self,
                        int             fd)
{
  CfWireWriter sent;
  gssize       n;

  _cf_wire_writer_init (&sent);
  g_mutex_lock (&self->lock);
  n = send_locked (self, fd);
  if (n >= 0)
    _cf_wire_writer_advance (&self->writer, (gsize) n, &sent);
  g_mutex_unlock (&self->lock);
  _cf_wire_writer_clear (&sent);

  return n >= 0;
}
