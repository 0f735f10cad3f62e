/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-delivery-private.h"
#include "cf-error.h"
#include "cf-function-private.h"
#include "cf-future-private.h"
#include "cf-wait-graph-private.h"

/* The call that a future carries: made with it, run once, released before the future is done. */

static CfFuture *
new_with_call (guint    kind,
               gpointer func,
               gpointer data)
{
  CfFuture       *self = _cf_future_alloc ();
  CfFutureFields *fields = _cf_future_fields (self);

  fields->state |= kind;
  fields->call.func = func;
  fields->call.data = data;

  return self;
}

static gpointer
sink (GVariant *args)
{
  return args != NULL ? g_variant_ref_sink (args) : NULL;
}

/**
 * cf_future_new_for_func:
 * @func: (scope forever): a function
 * @args: (nullable): its arguments; a floating reference is taken over
 *
 * Makes a pending future that carries a call.
 *
 * It is for [method@Executor.schedule] or [method@Future.run].
 *
 * Returns: (transfer full): the future
 *
 * Since: 1.0
 */
CfFuture *
cf_future_new_for_func (CfFunc    func,
                        GVariant *args)
{
  g_return_val_if_fail (func != NULL, NULL);

  return new_with_call (CF_CALL_FUNC, (gpointer) func, sink (args));
}

/**
 * cf_future_new_for_task:
 * @func: (scope notified) (closure user_data) (destroy destroy): a function
 * @user_data: its data
 * @destroy: for @user_data; called before the future is done, in the thread
 *   that ran @func or that settled the future otherwise
 *
 * Makes a pending future that carries a call.
 *
 * It is for [method@Executor.schedule] or [method@Future.run].
 *
 * Returns: (transfer full): the future
 *
 * Since: 1.0
 */
CfFuture *
cf_future_new_for_task (CfTaskFunc     func,
                        gpointer       user_data,
                        GDestroyNotify destroy)
{
  CfFuture *self;

  g_return_val_if_fail (func != NULL, NULL);

  self = new_with_call (CF_CALL_TASK, (gpointer) func, user_data);
  if (destroy != NULL)
    _cf_future_ensure_extra (self)->destroy = destroy;

  return self;
}

/* The call of a function that another process knows by that name. */
CfFuture *
_cf_future_new_for_named (const char *function,
                          GVariant   *args)
{
  CfFuture *self = new_with_call (CF_CALL_NAMED, NULL, sink (args));

  _cf_future_ensure_extra (self)->function = g_strdup (function);

  return self;
}

static void
release_data (CfFuture *self,
              guint     kind,
              gpointer  data)
{
  CfFutureExtra *extra = _cf_future_peek_extra (self);
  GDestroyNotify destroy = extra != NULL ? g_steal_pointer (&extra->destroy) : NULL;

  if (kind == CF_CALL_TASK && destroy != NULL)
    destroy (data);
  else if (kind != CF_CALL_TASK && data != NULL)
    g_variant_unref (data);
}

/* Releases the call of a future that is in the state @state, if it still has one.  For who owns the phase. */
void
_cf_future_release_call (CfFuture *self,
                         guint     state)
{
  CfFutureFields *fields = _cf_future_fields (self);
  CfFutureCall    call;

  if ((state & CF_CALL_MASK) == 0)
    return;

  call = fields->call;
  __atomic_store_n (&fields->call.data, NULL, __ATOMIC_RELAXED);
  release_data (self, state & CF_CALL_MASK, call.data);
  if ((state & CF_FLAG_QUEUED) != 0 && call.owner != NULL && call.owner->release != NULL)
    call.owner->release (call.owner);
}

/* What a future has to say about itself to another process; for the executor that has it, and keeps it from being settled
 * meanwhile.  The name lives with the future, @args (nullable) are a full reference. */
void
_cf_future_get_call (CfFuture    *self,
                     CfFunc      *func,
                     const char **named,
                     GVariant   **args)
{
  CfFutureFields *fields = _cf_future_fields (self);
  guint           kind = _cf_future_load (self) & CF_CALL_MASK;

  *func = kind == CF_CALL_FUNC ? (CfFunc) fields->call.func : NULL;
  *named = kind == CF_CALL_NAMED ? _cf_future_peek_extra (self)->function : NULL;
  if (args != NULL)
    *args = kind != CF_CALL_TASK && fields->call.data != NULL ? g_variant_ref (fields->call.data) : NULL;
}

/* The data of a future that is to run that task; NULL when it is another one. */
gpointer
_cf_future_get_task_data (CfFuture  *self,
                          CfTaskFunc func)
{
  CfFutureFields *fields = _cf_future_fields (self);
  gboolean        is_that = (_cf_future_load (self) & CF_CALL_MASK) == CF_CALL_TASK && fields->call.func == (gpointer) func;

  return is_that ? fields->call.data : NULL;
}

/* As G_IS_VALUE(), of a value that is either zero-filled or initialised. */
static gboolean
is_set (const GValue *value)
{
  return G_VALUE_TYPE (value) != 0;
}

static void
call_func (CfFunc        func,
           GVariant     *args,
           GCancellable *cancellable,
           GValue       *result,
           GError      **error)
{
  GVariant *variant = func (args, cancellable, error);

  if (variant == NULL)
    return;
  g_value_init (result, G_TYPE_VARIANT);
  g_value_take_variant (result, g_variant_take_ref (variant));
}

static gboolean
call_by_kind (CfFuture            *self,
              const CfFutureClaim *claim,
              GCancellable        *cancellable,
              GValue              *result,
              GError             **error)
{
  CfFunc func = (CfFunc) claim->func;

  if (claim->kind == CF_CALL_TASK)
    return ((CfTaskFunc) claim->func) (result, cancellable, claim->data, error);

  if (claim->kind == 0)
    g_set_error_literal (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT, "The future has no function that could run");
  if (claim->kind == CF_CALL_NAMED)
    func = _cf_function_find_named (_cf_future_peek_extra (self)->function, error);
  if (func != NULL)
    call_func (func, claim->data, cancellable, result, error);

  return is_set (result);
}

/* Either a result or an error is left. */
static void
check_outcome (gboolean success,
               GValue  *result,
               GError **error)
{
  if (!success && *error == NULL)
    g_set_error_literal (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT, "The function gave neither a result nor an error");
  if (*error != NULL && is_set (result))
    g_value_unset (result);
}

/* Runs a claimed future in this thread, and settles it. */
void
_cf_future_run_claimed (CfFuture            *self,
                        const CfFutureClaim *claim)
{
  CfWaitFrame   frame;
  GValue        result = G_VALUE_INIT;
  GError       *error = NULL;
  gboolean      success, is_lent;
  GCancellable *cancellable = _cf_future_lend_cancellable (self, &is_lent);

  if (claim->is_linking)
    _cf_delivery_link (self);
  _cf_wait_frame_push (&frame, self);
  success = call_by_kind (self, claim, cancellable, &result, &error);
  check_outcome (success, &result, &error);
  if (is_lent)
    _cf_future_keep_lent_cancellable (self, cancellable);
  release_data (self, claim->kind, claim->data);
  if (claim->owner != NULL && claim->owner->release != NULL)
    claim->owner->release (claim->owner);
  _cf_wait_frame_pop (&frame);

  _cf_wait_thread_return ();
  /* Somebody may have settled it by hand meanwhile. */
  if (!_cf_future_settle_running (self, &result, error))
    {
      _cf_wait_thread_stay (&frame, self);
      g_clear_error (&error);
      if (is_set (&result))
        g_value_unset (&result);
      _cf_wait_thread_go_on (&frame);
    }
  /* Not before: as long as it was running others may have found it. */
  if (is_lent)
    _cf_cancellable_give_back (cancellable);
}

/* The same with one that was taken out of a queue, and its reference. */
void
_cf_future_run_taken (CfFuture            *self,
                      const CfFutureClaim *claim)
{
  CfWaitFrame frame;

  _cf_future_run_claimed (self, claim);
  if (_cf_future_unref_quickly (self))
    return;

  _cf_wait_thread_stay (&frame, NULL);
  cf_future_unref (self);
  _cf_wait_thread_go_on (&frame);
}

/**
 * cf_future_run:
 * @self: a future
 *
 * Runs the function of the future in the calling thread, and settles it.
 *
 * This is what an executor calls for a future.  It blocks for as long as the
 * function runs; done-callbacks run in this call.  A future without a call,
 * as [ctor@Future.new] makes it, fails with
 * %CF_EXECUTOR_ERROR_NO_RESULT.
 *
 * Returns: true if the function was run, whatever its outcome; false if the
 *   future was cancelled, or was started before
 *
 * Since: 1.0
 */
gboolean
cf_future_run (CfFuture *self)
{
  CfFutureClaim claim;

  g_return_val_if_fail (_cf_is_future (self), FALSE);

  if (_cf_future_claim (self, &claim, FALSE))
    {
      _cf_future_ref (self);
      _cf_future_run_claimed (self, &claim);
      cf_future_unref (self);
      return TRUE;
    }

  /* It may be out of the queue again by now: it must not be marked as running, as nobody would run it. */
  _cf_future_notify_if_cancelled (self);

  return FALSE;
}
