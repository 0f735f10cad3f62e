/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-worker-calls-private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cf-error.h"

void
_cf_worker_calls_init (CfWorkerCalls *self)
{
  self->stderr_fd = -1;
  self->pid = getpid ();
  _cf_wire_writer_init (&self->writer);
}

void
_cf_worker_calls_clear (CfWorkerCalls *self)
{
  g_clear_pointer (&self->channel, _cf_worker_channel_free);
  g_clear_object (&self->cancellable);
  _cf_wire_frame_clear (&self->frame);
  _cf_wire_writer_clear (&self->writer);
  if (self->stderr_fd >= 0)
    close (self->stderr_fd);
}

/* One cancellable serves all calls that leave it as it was. */
static GCancellable *
lend_cancellable (CfWorkerCalls *self)
{
  if (self->cancellable != NULL && (G_OBJECT (self->cancellable)->ref_count > 1 || g_cancellable_is_cancelled (self->cancellable)))
    g_clear_object (&self->cancellable);
  if (self->cancellable == NULL)
    self->cancellable = g_cancellable_new ();

  return self->cancellable;
}

static gboolean
say_hello (CfWorkerCalls *self,
           GError       **error)
{
  CfWireFrame hello = {
    .kind = CF_WIRE_HELLO,
    .flags = _cf_worker_channel_has_page (self->channel) ? CF_WIRE_FLAG_PAGE : 0,
    .code = CF_WIRE_VERSION,
    .n_strings = 1,
    .strings = { g_get_prgname () != NULL ? g_get_prgname () : "worker" },
  };

  self->said_hello = TRUE;

  return _cf_wire_writer_append (&self->writer, &hello, error) &&
         _cf_worker_channel_send (self->channel, &self->writer, error) &&
         _cf_worker_channel_flush (self->channel, error);
}

/* From here on, what the program says on standard error is its own business. */
static void
restore_stderr (CfWorkerCalls *self)
{
  if (self->stderr_fd < 0)
    return;

  while (dup2 (self->stderr_fd, STDERR_FILENO) < 0 && (errno == EINTR || errno == EBUSY))
    ;
  close (self->stderr_fd);
  self->stderr_fd = -1;
}

static gboolean
is_chunk (const CfWireFrame *frame)
{
  return (frame->flags & CF_WIRE_FLAG_CHUNK) != 0;
}

static gboolean
check_frame (const CfWireFrame *frame,
             GError           **error)
{
  if (frame->bad_payload)
    g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SERIALIZABLE,
                 "The arguments did not arrive as a GVariant in normal form (nested too deeply?)");
  else if (is_chunk (frame) &&
           (frame->payload == NULL || !g_variant_is_container (frame->payload) || g_variant_n_children (frame->payload) == 0))
    g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_PROTOCOL, "A chunk of calls without calls");
  else
    return TRUE;

  return FALSE;
}

/* Takes on what has come, unless the parent has taken it back or none of it can run: then there is nothing to answer. */
static gboolean
begin (CfWorkerCalls *self,
       GError       **error)
{
  CfWireFrame *frame = &self->frame;
  g_autoptr (GError) failure = NULL;

  if (frame->kind != CF_WIRE_CALL && frame->kind != CF_WIRE_INIT)
    {
      g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_PROTOCOL, "A parent does not send frames of kind %d", frame->kind);
      return FALSE;
    }

  lend_cancellable (self);
  if (frame->kind == CF_WIRE_CALL && !_cf_worker_channel_begin_call (self->channel, frame->index, frame->task, self->cancellable))
    {
      _cf_wire_frame_clear (frame);
      return TRUE;
    }

  self->item = 0;
  self->n_items = 1;
  if (!check_frame (frame, &failure))
    return _cf_worker_calls_refuse (self, failure, error);
  if (is_chunk (frame))
    self->n_items = (guint32) g_variant_n_children (frame->payload);

  return TRUE;
}

/* Waits for the next call.  FALSE without an error: there will be none. */
gboolean
_cf_worker_calls_receive (CfWorkerCalls *self,
                          GError       **error)
{
  g_autoptr (GError) failure = NULL;

  if (!self->said_hello && !say_hello (self, error))
    return FALSE;

  while (_cf_worker_channel_receive (self->channel, &self->frame, &failure) && self->frame.kind != CF_WIRE_BYE)
    {
      if (!begin (self, error))
        return FALSE;
      if (self->n_items > 0)
        return TRUE;
    }

  if (failure == NULL)
    _cf_worker_channel_flush (self->channel, &failure);
  if (failure != NULL)
    g_propagate_error (error, g_steal_pointer (&failure));

  return FALSE;
}

/* The arguments of the next call that has no answer yet. */
GVariant *
_cf_worker_calls_dup_args (CfWorkerCalls *self)
{
  GVariant *payload = self->frame.payload;

  if (is_chunk (&self->frame))
    return g_variant_get_child_value (payload, self->item);

  return payload != NULL ? g_variant_ref (payload) : NULL;
}

static gboolean
try_append_error (CfWorkerCalls *self,
                  CfWireFrame   *reply,
                  const GError  *error,
                  GError       **failure)
{
  gboolean success;

  reply->kind = CF_WIRE_ERROR;
  reply->code = error->code;
  reply->n_strings = 2;
  reply->strings[0] = error->domain != 0 ? g_quark_to_string (error->domain) : "";
  _cf_wire_frame_set_message (reply, error->message != NULL ? error->message : "");
  success = _cf_wire_writer_append (&self->writer, reply, failure);
  g_clear_pointer (&reply->payload, g_variant_unref);

  return success;
}

/* Every call gets its reply: when its error cannot travel, then one that says so. */
static void
append_error (CfWorkerCalls *self,
              CfWireFrame   *reply,
              const GError  *error)
{
  g_autoptr (GError) failure = NULL;

  if (try_append_error (self, reply, error, &failure))
    return;

  g_prefix_error (&failure, "The error cannot be sent back: ");
  try_append_error (self, reply, failure, NULL);
}

static gboolean
try_append_result (CfWorkerCalls *self,
                   CfWireFrame   *reply,
                   GVariant      *result,
                   GError       **failure)
{
  gboolean success;

  reply->kind = CF_WIRE_RESULT;
  reply->payload = result;
  success = _cf_wire_writer_append (&self->writer, reply, failure);
  reply->payload = NULL;

  return success;
}

/* A result that can travel is one only when there is no error. */
static void
append_outcome (CfWorkerCalls *self,
                CfWireFrame   *reply,
                GVariant      *result,
                const GError  *failure)
{
  g_autoptr (GError) own_failure = NULL;

  if (failure == NULL && result == NULL)
    g_set_error (&own_failure, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT, "The function gave neither a result nor an error");
  else if (failure == NULL && !try_append_result (self, reply, result, &own_failure))
    g_prefix_error (&own_failure, "The result cannot be sent back: ");

  if (own_failure != NULL || failure != NULL)
    append_error (self, reply, own_failure != NULL ? own_failure : failure);
}

/* The arguments go first, then the future is done. */
static gboolean
finish (CfWorkerCalls *self,
        GError       **error)
{
  gboolean is_init = self->frame.kind == CF_WIRE_INIT;

  if (is_init)
    restore_stderr (self);
  else
    _cf_worker_channel_end_call (self->channel);
  _cf_wire_frame_clear (&self->frame);

  return _cf_worker_channel_send (self->channel, &self->writer, error) &&
         (!is_init || _cf_worker_channel_flush (self->channel, error));
}

/* Each call of a chunk gets a cancellable that the one before has left alone. */
static void
lend_to_next (CfWorkerCalls *self)
{
  _cf_worker_channel_set_cancellable (self->channel, NULL);
  _cf_worker_channel_set_cancellable (self->channel, lend_cancellable (self));
}

/* Answers the next call, and sends the answers of a message when it has them all.  Takes @result. */
gboolean
_cf_worker_calls_answer (CfWorkerCalls *self,
                         GVariant      *result,
                         const GError  *failure,
                         GError       **error)
{
  g_autoptr (GVariant) owned = result != NULL ? g_variant_take_ref (result) : NULL;
  CfWireFrame reply = {
    .task = self->frame.task,
    .flags = self->frame.flags & CF_WIRE_FLAG_CHUNK,
    .index = self->item,
  };

  if (getpid () != self->pid)
    _exit (0);

  append_outcome (self, &reply, owned, failure);
  self->item++;
  self->n_items--;

  if (self->n_items == 0)
    return finish (self, error);
  lend_to_next (self);

  return TRUE;
}

/* Of a chunk, none can run: the reply has no index then. */
gboolean
_cf_worker_calls_refuse (CfWorkerCalls *self,
                         const GError  *failure,
                         GError       **error)
{
  CfWireFrame reply = { .task = self->frame.task };

  self->n_items = 0;
  append_error (self, &reply, failure);

  return finish (self, error);
}
