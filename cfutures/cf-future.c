/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-future-private.h"

#include "cf-delivery-private.h"
#include "cf-enum-types.h"
#include "cf-function-private.h"
#include "cf-parker-private.h"

/**
 * CfFuture:
 *
 * The outcome of work that an executor has taken on.
 *
 * A future is made by [method@Executor.submit] and its variants, and settles
 * exactly once: it is finished, with a result or an error, or cancelled. All
 * methods may be called from any thread.
 *
 * To learn of the outcome, wait for it with [method@Future.get_result] or
 * [method@Future.dup_variant]:
 *
 * ```c
 * g_autoptr (CfFuture) future = cf_executor_submit (executor, is_prime, g_variant_new_uint64 (n), &error);
 * g_autoptr (GVariant) answer = future != NULL ? cf_future_dup_variant (future, -1, &error) : NULL;
 * ```
 *
 * A thread that runs a main loop should not wait: there, connect to
 * [signal@Future::done], which comes in the main context in which the future
 * was made, or use [method@Future.wait_async].
 *
 * In C, drop a reference with `cf_future_unref()`, as `g_autoptr (CfFuture)`
 * does: that is much cheaper than [method@GObject.Object.unref].
 *
 * Since: 1.0
 */

/* The parts: -memory, -settle (the states), -call, -extra (what few have), -wait.  This file is what GObject sees. */

G_DEFINE_TYPE (CfFuture, cf_future, G_TYPE_OBJECT)

enum
{
  PROP_STATE = 1,
  PROP_NAME,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

enum
{
  DONE,
  N_SIGNALS
};

static guint  signals[N_SIGNALS];
static guint  notify_id;
static GQuark state_quark;

GType _cf_future_type;

static void
cf_future_get_property (GObject    *object,
                        guint       property_id,
                        GValue     *value,
                        GParamSpec *pspec)
{
  CfFuture *self = CF_FUTURE (object);

  switch (property_id)
    {
    case PROP_STATE:
      g_value_set_enum (value, cf_future_get_state (self));
      break;
    case PROP_NAME:
      g_value_take_string (value, _cf_future_dup_name (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
cf_future_set_property (GObject      *object,
                        guint         property_id,
                        const GValue *value,
                        GParamSpec   *pspec)
{
  switch (property_id)
    {
    case PROP_NAME:
      _cf_future_set_name (CF_FUTURE (object), g_value_get_string (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

/* How many times to look whether the context has dropped its reference. */
#define DROP_ROUNDS 128

static gboolean
has_handler (CfFuture *self)
{
  return g_signal_handler_find (self, G_SIGNAL_MATCH_UNBLOCKED, 0, 0, NULL, NULL, NULL) != 0;
}

/* Whether a handler waits to hear of the end. */
gboolean
_cf_future_waits_for_news (CfFuture *self)
{
  if (!has_handler (self))
    return FALSE;

  return g_signal_has_handler_pending (self, signals[DONE], 0, FALSE) ||
         g_signal_has_handler_pending (self, notify_id, state_quark, FALSE);
}

/* A future that is dropped while a handler waits for its end is kept until that was told. */
static void
cf_future_dispose (GObject *object)
{
  CfFuture *self = CF_FUTURE (object);
  guint     state = _cf_future_load (self);
  guint     n_rounds = 0;

  /* GObject drops a reference afterwards, and its own dispose would disconnect the handler. */
  if ((state & CF_FLAG_LINKED) != 0 && _cf_phase_is_done (state) && _cf_future_waits_for_news (self))
    {
      g_object_ref (self);
      if (_cf_delivery_keep (self))
        return;
      g_object_unref (self);
    }

  _cf_delivery_remove (self);

  if ((_cf_future_load (self) & CF_FLAG_TELLING) != 0)
    {
      g_object_ref (self);
      if (_cf_delivery_hand_over (self))
        return;
      g_object_unref (self);
    }

  /* The context has told of it, and drops its reference in a moment; what is left then is that of a handler. */
  while (g_atomic_int_get (&object->ref_count) > 1)
    {
      if (n_rounds == DROP_ROUNDS)
        return;
      _cf_parker_relax (&n_rounds);
    }

  G_OBJECT_CLASS (cf_future_parent_class)->dispose (object);
}

static void
cf_future_finalize (GObject *object)
{
  /* A copy has no reference to the class, and GObject is going to drop one. */
  if ((_cf_future_load (CF_FUTURE (object)) & CF_FLAG_COPIED) != 0)
    g_type_class_ref (CF_TYPE_FUTURE);

  _cf_future_reset (CF_FUTURE (object));

  G_OBJECT_CLASS (cf_future_parent_class)->finalize (object);
}

/* Long because of the documentation of the properties. */
static void
cf_future_class_init (CfFutureClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  _cf_future_type = G_TYPE_FROM_CLASS (klass);
  notify_id = g_signal_lookup ("notify", G_TYPE_OBJECT);
  state_quark = g_quark_from_static_string ("state");

  object_class->dispose = cf_future_dispose;
  object_class->finalize = cf_future_finalize;
  object_class->get_property = cf_future_get_property;
  object_class->set_property = cf_future_set_property;

  /**
   * CfFuture:state:
   *
   * How far the future is.
   *
   * It is notified in the main context in which the future was made, and tells
   * the latest state: a state that is over before the context comes round is
   * not told separately.
   *
   * Since: 1.0
   */
  properties[PROP_STATE] =
    g_param_spec_enum ("state", NULL, NULL, CF_TYPE_FUTURE_STATE, CF_FUTURE_STATE_PENDING,
                       G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * CfFuture:name:
   *
   * A name for messages and traces.
   *
   * As long as it is not set, it is that of the function, if that has one.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
    g_param_spec_string ("name", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);

  /**
   * CfFuture::done:
   * @self: a future
   *
   * The future is finished or cancelled.
   *
   * It is emitted once, in the main context that was thread-default where the
   * future was made, never in a worker. A handler that is connected before that
   * context next iterates is called, even if the future was done first; until
   * then the handler keeps the future alive.
   *
   * Since: 1.0
   */
  signals[DONE] =
    g_signal_new ("done", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                  0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
cf_future_init (CfFuture *self)
{
  _cf_future_init_fields (self);
}

/* In the context of the future: tells of its state when that was @state. */
void
_cf_future_emit (CfFuture *self,
                 guint     state)
{
  /* Not through the queue of GObject: whoever drops a reference elsewhere at this moment would empty it there. */
  g_signal_emit (self, notify_id, state_quark, properties[PROP_STATE]);
  if (_cf_phase_is_done (state))
    g_signal_emit (self, signals[DONE], 0);
}

/* (atomic) (nullable): knows functions of another language */
static CfFutureDescribe describe_foreign;

void
_cf_future_set_describe (CfFutureDescribe describe)
{
  g_atomic_pointer_set (&describe_foreign, describe);
}

static char *
describe_by_language (CfFuture *self)
{
  CfFutureDescribe describe = g_atomic_pointer_get (&describe_foreign);
  char            *name = NULL;

  if (describe != NULL)
    describe (self, &name);

  return name;
}

/* For messages: the name, or what or where the function is, or which one it is. */
char *
_cf_future_describe (CfFuture *self)
{
  char    *name = _cf_future_dup_name (self);
  gpointer function;

  if (name == NULL)
    name = describe_by_language (self);
  if (name != NULL)
    return name;
  function = _cf_future_peek_function (self);

  return function != NULL ? _cf_function_describe ((CfFunctionPointer) function) : g_strdup_printf ("future %p", (gpointer) self);
}

/**
 * cf_future_new:
 *
 * Makes a pending future without a call, for custom executors and tests.
 *
 * Returns: (transfer full): the future
 *
 * Since: 1.0
 */
CfFuture *
cf_future_new (void)
{
  return _cf_future_alloc ();
}

/**
 * cf_future_get_state:
 * @self: a future
 *
 * Gets how far the future is.
 *
 * Returns: the state
 *
 * Since: 1.0
 */
CfFutureState
cf_future_get_state (CfFuture *self)
{
  g_return_val_if_fail (_cf_is_future (self), CF_FUTURE_STATE_PENDING);

  switch ((CfPhase) (_cf_future_load (self) & CF_PHASE_MASK))
    {
    case CF_PHASE_RUNNING:
    case CF_PHASE_RUNNING_ASKING:
    case CF_PHASE_SETTLING:
    case CF_PHASE_RUNNING_CANCELLING:
      return CF_FUTURE_STATE_RUNNING;
    case CF_PHASE_FINISHED:
      return CF_FUTURE_STATE_FINISHED;
    case CF_PHASE_CANCELLED:
      return CF_FUTURE_STATE_CANCELLED;
    case CF_PHASE_PENDING:
    case CF_PHASE_ASKING:
    case CF_PHASE_CANCELLING:
    case CF_PHASE_PENDING_SETTLING:
    default:
      return CF_FUTURE_STATE_PENDING;
    }
}

/**
 * cf_future_is_running:
 * @self: a future
 *
 * Tells whether the function of the future runs.
 *
 * Returns: true if it does
 *
 * Since: 1.0
 */
gboolean
cf_future_is_running (CfFuture *self)
{
  g_return_val_if_fail (_cf_is_future (self), FALSE);

  return cf_future_get_state (self) == CF_FUTURE_STATE_RUNNING;
}

/**
 * cf_future_is_cancelled:
 * @self: a future
 *
 * Tells whether the future was cancelled.
 *
 * Returns: true if it was
 *
 * Since: 1.0
 */
gboolean
cf_future_is_cancelled (CfFuture *self)
{
  g_return_val_if_fail (_cf_is_future (self), FALSE);

  return (_cf_future_load (self) & CF_PHASE_MASK) == CF_PHASE_CANCELLED;
}

/**
 * cf_future_is_done:
 * @self: a future
 *
 * Tells whether the future is finished or cancelled.
 *
 * Returns: true if it is
 *
 * Since: 1.0
 */
gboolean
cf_future_is_done (CfFuture *self)
{
  g_return_val_if_fail (_cf_is_future (self), FALSE);

  return _cf_phase_is_done (_cf_future_load (self));
}
