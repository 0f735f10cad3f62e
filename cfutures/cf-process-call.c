/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-process-call-private.h"

#include <string.h>

#include "cf-error.h"
#include "cf-future-private.h"
#include "cf-wire-format-private.h"

/* The one place where a process pool looks into futures. */

#define LARGE ((gsize) 256 * 1024)

static gboolean
refuse (GError    **error,
        const char *message)
{
  g_set_error_literal (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SERIALIZABLE, message);

  return FALSE;
}

static gboolean
locate (CfProcessCall *self,
        CfFunc         func,
        gboolean       has_own_worker,
        GError       **error)
{
  self->place = _cf_function_locate ((CfFunctionPointer) func, error);
  if (self->place == NULL)
    return FALSE;

  if (self->place->is_program && !has_own_worker)
    return refuse (error, "A function of the program itself runs in another process only when the program calls "
                          "cf_process_pool_init() at the top of main()");

  return TRUE;
}

/* Says why a future that has neither a function nor the name of one cannot run elsewhere. */
static void
refuse_call (CfFuture *future,
             GError  **error)
{
  if ((_cf_future_load (future) & CF_CALL_MASK) == CF_CALL_TASK)
    refuse (error, "A task with data of this process cannot run in another one; submit a function with a GVariant");
  else
    g_set_error_literal (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT, "The future has no function that could run");
}

/* @args: a full reference. */
static void
get_call (CfProcessCall *self,
          CfFunc        *func,
          const char   **named,
          GVariant     **args)
{
  if (self->chunk != NULL)
    _cf_chunk_get_call (self->chunk, func, named, args);
  else
    _cf_future_get_call (self->future, func, named, args);
}

/* Puts large arguments of @future into one piece.  That releases what they were made of, which runs foreign code: so it is
 * done first, and not when the call is sent, while whoever cancels it has to wait. */
void
_cf_process_call_serialize (CfFuture *future)
{
  g_autoptr (GVariant) args = NULL;
  CfAsking    asking = _cf_future_begin_asking (future);
  CfFunc      func;
  const char *named;

  if (asking == CF_ASKING_NOT)
    return;
  _cf_future_get_call (future, &func, &named, &args);
  _cf_future_end_asking (future, asking);

  if (args != NULL && g_variant_get_size (args) > CF_WIRE_INLINE_MAX)
    g_variant_get_data (args);
}

/* Makes the call of @future ready to travel. */
CfProcessCall *
_cf_process_call_new (CfFuture *future,
                      gboolean  has_own_worker,
                      GError  **error)
{
  g_autoptr (CfProcessCall) self = g_new0 (CfProcessCall, 1);
  g_autoptr (GVariant) args = NULL;
  CfFunc func = NULL;

  g_atomic_ref_count_init (&self->ref_count);
  self->future = _cf_future_ref (future);
  self->link.data = self;
  self->chunk = _cf_chunk_dup (future);

  get_call (self, &func, &self->named, self->chunk == NULL ? &args : NULL);
  self->is_large = args != NULL && g_variant_get_size (args) > LARGE;
  if (func != NULL && !locate (self, func, has_own_worker, error))
    return NULL;
  if (func == NULL && self->named == NULL)
    {
      refuse_call (future, error);
      return NULL;
    }

  return g_steal_pointer (&self);
}

CfProcessCall *
_cf_process_call_ref (CfProcessCall *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
_cf_process_call_unref (CfProcessCall *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_clear_pointer (&self->unsent, g_variant_unref);
  if (self->chunk != NULL)
    _cf_chunk_unref (self->chunk);
  cf_future_unref (self->future);
  g_free (self);
}

static void
fill_frame (CfProcessCall *self,
            CfWireFrame   *frame)
{
  CfFunc      func;
  const char *named;

  frame->payload = g_steal_pointer (&self->unsent);
  get_call (self, &func, &named, frame->payload == NULL ? &frame->payload : NULL);
  if (self->chunk != NULL)
    frame->flags |= CF_WIRE_FLAG_CHUNK;

  if (self->place != NULL)
    {
      frame->n_strings = 3;
      frame->strings[0] = self->place->object;
      frame->strings[1] = self->place->id;
      frame->strings[2] = self->place->offset;
    }
  else
    {
      frame->flags |= CF_WIRE_FLAG_NAMED;
      frame->n_strings = 1;
      frame->strings[0] = self->named;
    }
}

/* Tells what the worker needs to know of it.  Until it is unpacked, its future is kept as it is: who cancels that waits, as
 * its arguments are held here.  FALSE: it was cancelled or ended, do not send it. */
gboolean
_cf_process_call_pack (CfProcessCall *self,
                       CfWireFrame   *frame)
{
  self->asking = _cf_future_begin_asking (self->future);
  if (self->asking == CF_ASKING_NOT)
    return FALSE;
  fill_frame (self, frame);

  return TRUE;
}

void
_cf_process_call_unpack (CfProcessCall *self,
                         CfWireFrame   *frame)
{
  _cf_wire_frame_clear (frame);
  _cf_future_end_asking (self->future, self->asking);
}

/* Makes it a running one, if it is not.  FALSE: it was cancelled or ended, do not run it. */
gboolean
_cf_process_call_claim (CfProcessCall *self)
{
  if (self->running)
    return !cf_future_is_done (self->future);

  self->running = _cf_future_claim_running (self->future, TRUE);

  return self->running;
}

typedef struct
{
  CfProcessCall *call; /* (owned) */
  GSource       *wake; /* (owned) */
} CancelWatch;

static void
cancel_watch_free (gpointer          data,
                   GClosure *closure G_GNUC_UNUSED)
{
  CancelWatch *self = data;

  _cf_process_call_unref (self->call);
  g_source_unref (self->wake);
  g_free (self);
}

/* In the thread that cancels: the manager tells the worker. */
static void
cancelled_cb (GCancellable *cancellable G_GNUC_UNUSED,
              gpointer                  user_data)
{
  CancelWatch *self = user_data;

  g_atomic_int_set (&self->call->is_unwanted, TRUE);
  g_source_set_ready_time (self->wake, 0);
}

/* From now on @wake becomes ready when the cancellable of the running call is cancelled.  TRUE: it is already. */
gboolean
_cf_process_call_watch (CfProcessCall *self,
                        GSource       *wake)
{
  GCancellable *cancellable = cf_future_get_cancellable (self->future);
  CancelWatch  *watch;
  gulong        id;

  if (__atomic_load_n (&self->cancelled_id, __ATOMIC_ACQUIRE) == 0)
    {
      watch = g_new (CancelWatch, 1);
      watch->call = _cf_process_call_ref (self);
      watch->wake = g_source_ref (wake);
      id = g_signal_connect_data (cancellable, "cancelled", G_CALLBACK (cancelled_cb), watch, cancel_watch_free, 0);
      __atomic_store_n (&self->cancelled_id, id, __ATOMIC_RELEASE);
    }
  if (g_cancellable_is_cancelled (cancellable))
    g_atomic_int_set (&self->is_unwanted, TRUE);

  return g_atomic_int_get (&self->is_unwanted) != 0;
}

/* Not g_cancellable_disconnect(), which waits for handlers: one of them may be what ends the call. */
void
_cf_process_call_unwatch (CfProcessCall *self)
{
  gulong id = __atomic_exchange_n (&self->cancelled_id, 0, __ATOMIC_ACQ_REL);

  if (id != 0)
    g_signal_handler_disconnect (cf_future_get_cancellable (self->future), id);
}

/* The name of the future, of the function, or where the function is. */
char *
_cf_process_call_describe (CfProcessCall *self)
{
  char *name = NULL;

  g_object_get (self->future, "name", &name, NULL);
  if (name != NULL)
    return name;
  if (self->named != NULL)
    return g_strdup (self->named);

  return _cf_function_describe_place (self->place);
}

/* The replies of a chunk come in the order of its calls. */
gboolean
_cf_process_call_is_last_reply (CfProcessCall     *self,
                                const CfWireFrame *frame)
{
  return self->chunk == NULL || (frame->flags & CF_WIRE_FLAG_CHUNK) == 0 || frame->index + 1 >= self->chunk->n;
}

static GError *
error_from_frame (const CfWireFrame *frame)
{
  GError *error = g_error_new_literal (CF_EXECUTOR_ERROR, 0, _cf_wire_frame_get_message (frame));

  if (*frame->strings[0] != '\0')
    error->domain = g_quark_from_string (frame->strings[0]);
  error->code = frame->code;

  return error;
}

static void
take_chunk_reply (CfProcessCall *self,
                  CfWireFrame   *frame,
                  GError        *error)
{
  gboolean is_last = _cf_process_call_is_last_reply (self, frame);

  _cf_chunk_take_outcome (self->chunk, frame->index, error == NULL ? g_steal_pointer (&frame->payload) : NULL, error);
  if (is_last)
    cf_future_set_result (self->future, NULL, NULL);
}

/* Settles the future with what the worker said.  Its payload is taken. */
void
_cf_process_call_take_reply (CfProcessCall *self,
                             CfWireFrame   *frame)
{
  g_autoptr (GError) error = NULL;

  if (frame->kind == CF_WIRE_ERROR)
    error = error_from_frame (frame);
  else if (frame->payload == NULL)
    g_set_error (&error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_PROTOCOL, "The worker sent a result that is no GVariant in normal form");

  if (self->chunk != NULL && (frame->flags & CF_WIRE_FLAG_CHUNK) != 0)
    {
      take_chunk_reply (self, frame, g_steal_pointer (&error));
    }
  else if (error != NULL)
    {
      cf_future_set_exception (self->future, error, NULL);
    }
  else
    {
      g_auto (GValue) value = G_VALUE_INIT;

      g_value_init (&value, G_TYPE_VARIANT);
      g_value_take_variant (&value, g_steal_pointer (&frame->payload));
      cf_future_set_result (self->future, &value, NULL);
    }
}

/* Its arguments are released first. */
void
_cf_process_call_fail (CfProcessCall *self,
                       const GError  *error)
{
  g_clear_pointer (&self->unsent, g_variant_unref);
  cf_future_set_exception (self->future, error, NULL);
}
