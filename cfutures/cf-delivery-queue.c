/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-delivery-queue-private.h"

/* The side of the main contexts: a queue for each, one source for all of it, and how it tells of what it finds there. */

/* How many are told before other sources of the context have their turn. */
#define BATCH 256

/* How often is looked whether the thread that dropped the last reference is through: for a tenth of a second or so. */
#define UNREF_ROUNDS 1500

typedef struct
{
  GSource          source;
  CfDeliveryQueue *queue; /* (const) (owned), but for that of the global default context */
} QueueSource;

CF_OWN_LINE CfLaneLock      _cf_lane_locks[CF_N_LANES];
CF_OWN_LINE CfDeliveryQueue _cf_delivery_default_queue;

static GMutex      queues_lock;
static GHashTable *queues; /* (mutex queues_lock) (element-type GMainContext CfDeliveryQueue): NULL when it is empty */

static gboolean prepare (GSource *source,
                         int     *timeout);
static gboolean check (GSource *source);
static gboolean dispatch (GSource    *source,
                          GSourceFunc callback,
                          gpointer    user_data);
static gboolean dispatch_fallback (GSource    *source,
                                   GSourceFunc callback,
                                   gpointer    user_data);
static void     finalize (GSource *source);

static GSourceFuncs funcs = { prepare, check, dispatch, finalize, NULL, NULL };
static GSourceFuncs fallback_funcs = { NULL, NULL, dispatch_fallback, NULL, NULL, NULL };

/* The context ends.  It is freed before its sources are: by then another one may have its address. */
static void
forget_context (gpointer source)
{
  QueueSource *self = source;

  if (self->queue == &_cf_delivery_default_queue)
    return;

  g_mutex_lock (&queues_lock);
  g_hash_table_remove (queues, self->queue->context);
  if (g_hash_table_size (queues) == 0)
    g_clear_pointer (&queues, g_hash_table_unref);
  g_mutex_unlock (&queues_lock);
}

static void
attach_source (CfDeliveryQueue *queue)
{
  GSource *source = g_source_new (&funcs, sizeof (QueueSource));

  __atomic_store_n (&((QueueSource *) source)->queue, queue, __ATOMIC_RELEASE);
  /* There is no callback; its data are what is released when the source is destroyed. */
  g_source_set_callback (source, NULL, source, forget_context);
  g_source_set_static_name (source, "cfutures");
  g_source_set_can_recurse (source, TRUE);
  g_source_attach (source, queue->context);
  g_source_unref (source);
}

static CfDeliveryQueue *
get_default_queue (void)
{
  static gsize is_ready;

  if (g_once_init_enter (&is_ready))
    {
      attach_source (&_cf_delivery_default_queue);
      g_once_init_leave (&is_ready, TRUE);
    }

  return &_cf_delivery_default_queue;
}

static CfDeliveryQueue *
queue_new_locked (GMainContext *context)
{
  CfDeliveryQueue *queue = g_new0 (CfDeliveryQueue, 1);

  queue->context = context;
  attach_source (queue);
  if (queues == NULL)
    queues = g_hash_table_new (NULL, NULL);
  g_hash_table_insert (queues, context, queue);

  return queue;
}

/* The queue of the context of a future, which holds the context and so the queue. */
CfDeliveryQueue *
_cf_delivery_get_queue (GMainContext *context)
{
  CfDeliveryQueue *queue;

  if (context == NULL)
    return get_default_queue ();

  g_mutex_lock (&queues_lock);
  queue = queues != NULL ? g_hash_table_lookup (queues, context) : NULL;
  if (queue == NULL)
    queue = queue_new_locked (context);
  g_mutex_unlock (&queues_lock);

  return queue;
}

/* What the thread is dropping just now (nullable): with the context that it lets go, its entry may go. */
static CF_THREAD_LOCAL CfFuture *being_dropped;

void
_cf_delivery_let_context_go (CfFuture     *self,
                             GMainContext *context)
{
  CfFuture *outer = being_dropped;

  being_dropped = self;
  g_main_context_unref (context);
  being_dropped = outer;
}

static guint
change_flags (CfFuture *self,
              guint     set,
              guint     clear)
{
  guint *state = &_cf_future_fields (self)->state;
  guint  before = _cf_future_load (self);

  while (!__atomic_compare_exchange_n (state, &before, (before & ~clear) | set, TRUE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    ;

  return before;
}

static gpointer
get_notify_queue (CfFuture *self)
{
  static GQuark known; /* (atomic) */
  GQuark        quark = __atomic_load_n (&known, __ATOMIC_RELAXED);

  if (quark == 0)
    {
      quark = g_quark_from_static_string ("GObject-notify-queue");
      __atomic_store_n (&known, quark, __ATOMIC_RELAXED);
    }

  return g_object_get_qdata ((GObject *) self, quark);
}

/* GLib 2.74's g_object_unref() looks for notifications in an object that dispose() has kept alive, after it has dropped its
 * reference: until then the object must not go.  Somebody may have frozen them for good, so that has an end. */
static void
await_unref (CfFuture *self)
{
  guint n_rounds = 0;

  while (self != being_dropped && n_rounds < UNREF_ROUNDS && get_notify_queue (self) != NULL)
    _cf_parker_relax (&n_rounds);
}

/* The context has told of @self, which was in @state when it was taken out, and drops what it has of it. */
static void
let_go (CfFuture *self,
        guint     state)
{
  gboolean is_handed = (_cf_future_clear_flags (self, CF_FLAG_TELLING | CF_FLAG_HANDED) & CF_FLAG_HANDED) != 0;

  if (is_handed || (state & CF_FLAG_KEPT) != 0)
    await_unref (self);
  if (is_handed)
    cf_future_unref (self);
  cf_future_unref (self);
}

/* The first one, with a reference, and its state when it was taken out. */
static CfFuture *
pop (CfDeliveryQueue *queue,
     guint            number,
     guint           *state,
     GMainContext   **context)
{
  CfDeliveryLane *lane = &queue->lanes[number];
  gboolean        must_ref = FALSE;
  CfFuture       *self;

  _cf_lock (&_cf_lane_locks[number].lock);
  self = lane->list.head;
  if (self != NULL)
    {
      _cf_future_list_remove (&lane->list, self);
      must_ref = (_cf_future_load (self) & CF_FLAG_KEPT) == 0 && !_cf_future_is_plain (self);
      /* First the reference: who drops the last one elsewhere looks for the flag, and then at the count. */
      if (!must_ref && (_cf_future_load (self) & CF_FLAG_KEPT) == 0)
        _cf_future_ref (self);
      *state = change_flags (self, CF_FLAG_TELLING, CF_FLAG_LINKED | CF_FLAG_KEPT);
      if (_cf_phase_is_done (*state))
        *context = _cf_future_steal_context_locked (self);
    }
  _cf_unlock (&_cf_lane_locks[number].lock);

  /* Others are told of it. */
  if (must_ref)
    g_object_ref (self);

  return self;
}

static gboolean
tell_next (CfDeliveryQueue *queue,
           guint            number)
{
  guint         state = 0;
  GMainContext *context = NULL;
  CfFuture     *self = pop (queue, number, &state, &context);

  if (self == NULL)
    return FALSE;

  _cf_future_emit (self, state);
  let_go (self, state);
  if (context != NULL)
    g_main_context_unref (context);

  return TRUE;
}

static guint
get_length (CfDeliveryLane *lane)
{
  return _cf_future_list_look_at_length (&lane->list);
}

/* What is there at the beginning, as far as the batch goes. */
static void
tell_batch (CfDeliveryQueue *queue)
{
  guint left = BATCH, first = queue->first_lane++;

  for (guint i = 0; i < CF_N_LANES && left > 0; i++)
    {
      guint number = (first + i) % CF_N_LANES;
      guint n = MIN (get_length (&queue->lanes[number]), left);

      left -= n;
      while (n > 0 && tell_next (queue, number))
        n--;
    }
}

static gboolean
is_empty (CfDeliveryQueue *queue)
{
  for (guint i = 0; i < CF_N_LANES; i++)
    if (get_length (&queue->lanes[i]) > 0)
      return FALSE;

  return TRUE;
}

/* FALSE: there is something. */
static gboolean
disarm (CfDeliveryQueue *queue,
        guint            number)
{
  CfDeliveryLane *lane = &queue->lanes[number];
  gboolean        can_rest;

  if (!__atomic_load_n (&lane->is_armed, __ATOMIC_RELAXED))
    return TRUE;

  _cf_lock (&_cf_lane_locks[number].lock);
  can_rest = lane->list.head == NULL;
  if (can_rest)
    _cf_lane_set_armed_locked (lane, FALSE);
  _cf_unlock (&_cf_lane_locks[number].lock);

  return can_rest;
}

/* Always in an exchange: whoever reads the last one then sees what was written before all those that came earlier, too. */
static void
set_due (CfDeliveryQueue *queue,
         gboolean         is_due)
{
  __atomic_exchange_n (&queue->is_due, is_due, __ATOMIC_ACQ_REL);
}

/* There is something in a lane that was not armed.  Unlike a ready time, this takes no lock of the context, and does not
 * wake it once more when it is taken back. */
void
_cf_delivery_wake (CfDeliveryQueue *queue)
{
  set_due (queue, TRUE);
  g_main_context_wakeup (queue->context);
}

/* Whoever adds something to a lane that is not armed any more makes the source due again: so it is put to rest first.  A
 * lane whose call for the source is undone by that is seen as armed, and looked at. */
static void
rest (CfDeliveryQueue *queue)
{
  gboolean can_rest = TRUE;

  queue->turn = CF_TURN_TAKE;
  if (queue->fallback != NULL)
    g_source_destroy (g_steal_pointer (&queue->fallback));
  set_due (queue, FALSE);
  for (guint i = 0; i < CF_N_LANES; i++)
    can_rest = disarm (queue, i) && can_rest;
  if (!can_rest)
    set_due (queue, TRUE);
}

/* FALSE: there is more than a batch. */
static gboolean
tell_and_rest (CfDeliveryQueue *queue)
{
  tell_batch (queue);
  if (!is_empty (queue))
    return FALSE;

  rest (queue);

  return TRUE;
}

/* It was made in another thread; GLib's lock would do, if race detectors could see it. */
static CfDeliveryQueue *
get_queue (GSource *source)
{
  return __atomic_load_n (&((QueueSource *) source)->queue, __ATOMIC_ACQUIRE);
}

/* The same with a low priority, for when no other source takes the turn that is skipped. */
static GSource *
fallback_new (CfDeliveryQueue *queue)
{
  GSource *source = g_source_new (&fallback_funcs, sizeof (QueueSource));

  ((QueueSource *) source)->queue = queue;
  g_source_set_static_name (source, "cfutures, after others");
  g_source_set_priority (source, G_PRIORITY_LOW);
  g_source_set_can_recurse (source, TRUE);
  g_source_set_ready_time (source, 0);
  g_source_attach (source, queue->context);
  g_source_unref (source);

  return source;
}

static void
skip_next_turn (CfDeliveryQueue *queue)
{
  queue->turn = CF_TURN_SKIP_NEXT;
  if (queue->fallback == NULL)
    queue->fallback = fallback_new (queue);
}

static gboolean
check (GSource *source)
{
  CfDeliveryQueue *queue = get_queue (source);

  return queue->turn != CF_TURN_SKIP && __atomic_load_n (&queue->is_due, __ATOMIC_ACQUIRE);
}

/* A round begins. */
static gboolean
prepare (GSource *source,
         int     *timeout)
{
  CfDeliveryQueue *queue = get_queue (source);

  queue->turn = queue->turn == CF_TURN_SKIP_NEXT ? CF_TURN_SKIP : CF_TURN_TAKE;
  *timeout = -1;

  return check (source);
}

static gboolean
dispatch (GSource             *source,
          GSourceFunc callback G_GNUC_UNUSED,
          gpointer user_data   G_GNUC_UNUSED)
{
  CfDeliveryQueue *queue = get_queue (source);

  if (!tell_and_rest (queue))
    skip_next_turn (queue);

  return G_SOURCE_CONTINUE;
}

static gboolean
dispatch_fallback (GSource             *source,
                   GSourceFunc callback G_GNUC_UNUSED,
                   gpointer user_data   G_GNUC_UNUSED)
{
  CfDeliveryQueue *queue = get_queue (source);

  tell_and_rest (queue);

  return queue->fallback == source;
}

/* The context ends: what its queue kept is dropped untold. */
static void
drop_lane (CfDeliveryQueue *queue,
           guint            number)
{
  GMainContext *context = NULL;
  CfFuture     *future;
  guint         state;

  while ((future = pop (queue, number, &state, &context)) != NULL)
    let_go (future, state);
}

static void
finalize (GSource *source)
{
  QueueSource *self = (QueueSource *) source;

  if (self->queue == &_cf_delivery_default_queue)
    return;

  for (guint i = 0; i < CF_N_LANES; i++)
    drop_lane (self->queue, i);
  g_free (self->queue);
}
