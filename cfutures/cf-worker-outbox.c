/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-worker-outbox-private.h"

#include <errno.h>
#include <sys/socket.h>

#include "cf-parker-private.h"

void
_cf_worker_outbox_init (CfWorkerOutbox *self)
{
  g_mutex_init (&self->lock);
  _cf_wire_writer_init (&self->writer);
  _cf_wire_writer_init (&self->over);
  self->is_cut = FALSE;
  self->task = 0;
}

void
_cf_worker_outbox_clear (CfWorkerOutbox *self)
{
  _cf_wire_writer_clear (&self->writer);
  _cf_wire_writer_clear (&self->over);
  g_mutex_clear (&self->lock);
}

/* Taking and cutting do not change that. */
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

/* One after the other: who wants those of a call to be released finds them, or waits for that. */
static void
release_over (CfWorkerOutbox *self)
{
  GVariant *payload;

  do
    {
      g_mutex_lock (&self->lock);
      payload = _cf_wire_writer_pop_payload (&self->over, &self->task);
      g_mutex_unlock (&self->lock);
      g_clear_pointer (&payload, g_variant_unref);
    }
  while (self->task != 0);
}

/* Forgets all of it, which nobody will read. */
void
_cf_worker_outbox_drop (CfWorkerOutbox *self)
{
  g_mutex_lock (&self->lock);
  _cf_wire_writer_move (&self->writer, &self->over);
  g_mutex_unlock (&self->lock);

  release_over (self);
}

/* From any thread: takes the arguments of a call out that the child is not going to run.  NULL: they were all sent, or copied. */
GVariant *
_cf_worker_outbox_take (CfWorkerOutbox *self,
                        guint64         task)
{
  GVariant *payload;

  g_mutex_lock (&self->lock);
  payload = _cf_wire_writer_steal_payload (&self->writer, task);
  g_mutex_unlock (&self->lock);

  return payload;
}

/* From any thread, for who holds the arguments of a call: takes them out of it.  If they were not all sent, nothing more will
 * be, and the worker is to be ended.  NULL: they are not here, or not any more. */
GVariant *
_cf_worker_outbox_cut (CfWorkerOutbox *self,
                       guint64         task)
{
  GVariant *payload;
  guint     n_rounds = 0;

  g_mutex_lock (&self->lock);
  while (self->task == task)
    {
      g_mutex_unlock (&self->lock);
      _cf_parker_relax (&n_rounds);
      g_mutex_lock (&self->lock);
    }
  payload = _cf_wire_writer_steal_payload (&self->writer, task);
  self->is_cut = self->is_cut || payload != NULL;
  if (payload == NULL)
    payload = _cf_wire_writer_steal_payload (&self->over, task);
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
  gssize   n;
  gboolean is_over;

  g_mutex_lock (&self->lock);
  n = send_locked (self, fd);
  if (n >= 0)
    _cf_wire_writer_advance (&self->writer, (gsize) n, &self->over);
  is_over = self->over.segments.length > 0;
  g_mutex_unlock (&self->lock);

  if (is_over)
    release_over (self);

  return n >= 0;
}
