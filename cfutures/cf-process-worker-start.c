/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-error.h"
#include "cf-process-manager-private.h"

/* A worker until it can be given calls:
 *
 *   started ──▶ said hello ──▶ initialized: READY
 */

/* What it is to do first, which it reads after its hello. */
gboolean
_cf_process_worker_send_init (CfProcessWorker *self,
                              GError         **error)
{
  CfWireFrame frame = { .kind = CF_WIRE_INIT };
  g_autoptr (GVariant) args = NULL;
  g_autoptr (GError) lost = NULL;
  const CfFunctionPlace *place;

  g_mutex_lock (&self->manager->lock);
  place = self->manager->initializer;
  lost = self->manager->lost_initializer != NULL ? g_error_copy (self->manager->lost_initializer) : NULL;
  args = self->manager->initargs != NULL ? g_variant_ref (self->manager->initargs) : NULL;
  g_mutex_unlock (&self->manager->lock);

  if (lost != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&lost));
      return FALSE;
    }

  if (place != NULL)
    {
      frame.n_strings = 3;
      frame.strings[0] = place->object;
      frame.strings[1] = place->id;
      frame.strings[2] = place->offset;
      frame.payload = args;
    }

  return _cf_worker_process_append (self->process, &frame, error);
}

static void
fail_start (CfProcessWorker *self,
            GError          *reason)
{
  if (self->reason == NULL)
    self->reason = reason;
  else
    g_error_free (reason);
  _cf_process_worker_end (self, CF_LOSS_START, CF_WORKER_END_TERMINATE);
}

static void
take_hello (CfProcessWorker *self,
            CfWireFrame     *frame)
{
  if (frame->code != CF_WIRE_VERSION)
    {
      fail_start (self, g_error_new (CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_PROTOCOL,
                                     "the worker speaks version %d of the protocol, not %d", frame->code, CF_WIRE_VERSION));
      return;
    }

  self->said_hello = TRUE;
  self->has_page = (frame->flags & CF_WIRE_FLAG_PAGE) != 0;
}

/* What the initializer said. */
static void
take_ready (CfProcessWorker *self,
            CfWireFrame     *frame)
{
  if (frame->kind == CF_WIRE_ERROR)
    {
      g_autoptr (GError) reason = g_error_new (CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN,
                                               "The initializer of the workers failed: %s", _cf_wire_frame_get_message (frame));

      _cf_process_manager_break (self->manager, reason);
      return;
    }

  /* Found in what it left: it never got as far as being given a call, and the next one may not either. */
  if (_cf_worker_process_is_dead (self->process))
    return;

  self->state = CF_PROCESS_WORKER_READY;
  self->last_event = g_get_monotonic_time ();
  self->manager->n_failed_starts = 0;
  self->manager->can_start = TRUE;
}

/* FALSE: it should not have come. */
gboolean
_cf_process_worker_take_start_frame (CfProcessWorker *self,
                                     CfWireFrame     *frame)
{
  gboolean is_reply = frame->kind == CF_WIRE_RESULT || frame->kind == CF_WIRE_ERROR;

  if (frame->kind == CF_WIRE_HELLO && !self->said_hello)
    take_hello (self, frame);
  else if (is_reply && self->said_hello && frame->task == 0)
    take_ready (self, frame);
  else
    return FALSE;

  return TRUE;
}

void
_cf_process_worker_time_out_start (CfProcessWorker *self)
{
  fail_start (self, g_error_new (CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_BROKEN, "the worker was not ready after %.3f s%s",
                                 (double) self->manager->now.start_timeout / G_USEC_PER_SEC,
                                 self->said_hello ? "" : " and never said hello"));
}
