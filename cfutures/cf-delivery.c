/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-delivery-private.h"

#include "cf-future-list-private.h"
#include "cf-parker-private.h"

/* Futures whose news their main context is to hear: a queue for each context, and one source for all of it.
 *
 * The entries are weak: a future that nobody holds unlinks itself, under the lock under which the context takes its
 * reference.  Where others are told of that (a binding, which then waits for its interpreter), it is taken after the lock,
 * and who drops the last one meanwhile hands it to the context.  One that is dropped while a handler waits for news is
 * kept by its entry instead.
 *
 * A queue has several lanes, so that threads that settle futures do not wait for each other; the news of one thread stays
 * in order.
 */

/* How many are told before other sources of the context have their turn. */
#define BATCH 256

/* How often is looked whether the thread that dropped the last reference is through: for a tenth of a second or so. */
#define UNREF_ROUNDS 1500

#define N_LANES 8
#define LANE_SHIFT 12
#define LANE_MASK ((guint) (N_LANES - 1) << LANE_SHIFT)
#define CACHE_LINE 64

/* One for the lanes of that number in all queues: so a future knows its lock even when its context is going. */
typedef struct
{
  CfLock lock;
  char   gap[CACHE_LINE - sizeof (CfLock)];
} LaneLock;

static LaneLock lane_locks[N_LANES];

typedef struct
{
  CfFutureList list;     /* (lock) */
  gboolean     is_armed; /* (lock) (atomic): the source is ready, or going to be */
  char         gap[CACHE_LINE - sizeof (CfFutureList) - sizeof (gboolean)];
} Lane;

typedef struct
{
  Lane     lanes[N_LANES];
  guint    first_lane; /* (context): where the next batch begins */
  GSource *source;     /* (const): which the context owns */
} Queue;

typedef struct
{
  GSource       source;
  GMainContext *context; /* (const): not a reference */
  Queue        *queue;   /* (const) (owned), but for that of the global default context */
} QueueSource;

/* The global default context lasts as long as the program. */
static Queue default_queue;

static GMutex      queues_lock;
static GHashTable *queues; /* (mutex queues_lock) (element-type GMainContext Queue): NULL when it is empty */

static gboolean dispatch (GSource    *source,
                          GSourceFunc callback,
                          gpointer    user_data);
static void     finalize (GSource *source);

static GSourceFuncs funcs = { NULL, NULL, dispatch, finalize, NULL, NULL };

/* The context ends.  It is freed before its sources are: by then another one may have its address. */
static void
forget_context (gpointer source)
{
  QueueSource *self = source;

  if (self->queue == &default_queue)
    return;

  g_mutex_lock (&queues_lock);
  g_hash_table_remove (queues, self->context);
  if (g_hash_table_size (queues) == 0)
    g_clear_pointer (&queues, g_hash_table_unref);
  g_mutex_unlock (&queues_lock);
}

static GSource *
source_new (Queue        *queue,
            GMainContext *context)
{
  GSource *source = g_source_new (&funcs, sizeof (QueueSource));

  __atomic_store_n (&((QueueSource *) source)->queue, queue, __ATOMIC_RELEASE);
  ((QueueSource *) source)->context = context;
  /* There is no callback; its data are what is released when the source is destroyed. */
  g_source_set_callback (source, NULL, source, forget_context);
  g_source_set_static_name (source, "cfutures");
  g_source_set_can_recurse (source, TRUE);
  g_source_attach (source, context);
  g_source_unref (source);

  return source;
}

static Queue *
get_default_queue (void)
{
  static gsize is_ready;

  if (g_once_init_enter (&is_ready))
    {
      default_queue.source = source_new (&default_queue, NULL);
      g_once_init_leave (&is_ready, TRUE);
    }

  return &default_queue;
}

static Queue *
queue_new_locked (GMainContext *context)
{
  Queue *queue = g_new0 (Queue, 1);

  queue->source = source_new (queue, context);
  if (queues == NULL)
    queues = g_hash_table_new (NULL, NULL);
  g_hash_table_insert (queues, context, queue);

  return queue;
}

/* The queue of the context of a future, which holds the context and so the queue. */
static Queue *
get_queue (GMainContext *context)
{
  Queue *queue;

  if (context == NULL)
    return get_default_queue ();

  g_mutex_lock (&queues_lock);
  queue = queues != NULL ? g_hash_table_lookup (queues, context) : NULL;
  if (queue == NULL)
    queue = queue_new_locked (context);
  g_mutex_unlock (&queues_lock);

  return queue;
}

static guint
get_own_lane (void)
{
  static guint                 n_threads; /* (atomic) */
  static CF_THREAD_LOCAL guint number;

  if (number == 0)
    number = __atomic_add_fetch (&n_threads, 1, __ATOMIC_RELAXED) | N_LANES;

  return number % N_LANES;
}

static guint
get_lane_number (guint state)
{
  return (state & LANE_MASK) >> LANE_SHIFT;
}

/* Of a future that is linked, which holds its context. */
static Lane *
get_lane_locked (CfFuture *self)
{
  return &get_queue (_cf_future_fields (self)->context)->lanes[get_lane_number (_cf_future_load (self))];
}

static guint
set_flags (CfFuture *self,
           guint     flags)
{
  return __atomic_fetch_or (&_cf_future_fields (self)->state, flags, __ATOMIC_ACQ_REL);
}

static guint
clear_flags (CfFuture *self,
             guint     flags)
{
  return __atomic_fetch_and (&_cf_future_fields (self)->state, ~flags, __ATOMIC_ACQ_REL);
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

/* Of a future that is linked; who drops it may be looking whether it has one. */
static GMainContext *
steal_context_locked (CfFuture *self)
{
  GMainContext *context = _cf_future_fields (self)->context;

  __atomic_store_n (&_cf_future_fields (self)->context, NULL, __ATOMIC_RELAXED);

  return context;
}

static void
set_armed_locked (Lane    *lane,
                  gboolean is_armed)
{
  __atomic_store_n (&lane->is_armed, is_armed, __ATOMIC_RELAXED);
}

/* What @state, in which the future is in no lane, has to become, for who then calls _cf_delivery_link(). */
guint
_cf_delivery_begin_link (guint state)
{
  return (state & ~LANE_MASK) | CF_FLAG_LINKED | get_own_lane () << LANE_SHIFT;
}

/* FALSE: it is in a lane, or somebody else is about to put it there. */
static gboolean
begin_link (CfFuture *self)
{
  guint *state = &_cf_future_fields (self)->state;
  guint  before = _cf_future_load (self);

  while ((before & CF_FLAG_LINKED) == 0)
    if (__atomic_compare_exchange_n (state, &before, _cf_delivery_begin_link (before), TRUE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
      return TRUE;

  return FALSE;
}

/* There is news of @self, which the caller holds. */
void
_cf_delivery_add (CfFuture *self)
{
  if (begin_link (self))
    _cf_delivery_link (self);
}

void
_cf_delivery_link (CfFuture *self)
{
  guint    number = get_own_lane ();
  Queue   *queue = get_queue (_cf_future_fields (self)->context);
  Lane    *lane = &queue->lanes[number];
  gboolean must_arm;

  _cf_lock (&lane_locks[number].lock);
  _cf_future_list_append (&lane->list, self);
  must_arm = !lane->is_armed;
  if (must_arm)
    set_armed_locked (lane, TRUE);
  /* As soon as the context can take it out it may go, and the queue with it. */
  if (must_arm && queue != &default_queue)
    g_source_set_ready_time (queue->source, 0);
  _cf_unlock (&lane_locks[number].lock);

  if (must_arm && queue == &default_queue)
    g_source_set_ready_time (queue->source, 0);
}

static void
remove_locked (CfFuture *self)
{
  guint state = _cf_future_load (self);

  if ((state & CF_FLAG_LINKED) == 0)
    return;
  _cf_future_list_remove (&get_lane_locked (self)->list, self);
  /* Nobody else has it, so that nobody else changes its flags, save the one who tells it. */
  if ((state & CF_FLAG_TELLING) != 0)
    clear_flags (self, CF_FLAG_LINKED);
  else
    __atomic_store_n (&_cf_future_fields (self)->state, state & ~(guint) CF_FLAG_LINKED, __ATOMIC_RELEASE);
}

/* @self is about to end. */
void
_cf_delivery_remove (CfFuture *self)
{
  guint   state = _cf_future_load (self);
  CfLock *lock = &lane_locks[get_lane_number (state)].lock;

  if ((state & CF_FLAG_LINKED) == 0)
    return;

  _cf_lock (lock);
  remove_locked (self);
  _cf_unlock (lock);
}

/* Those of one lane. */
static void
remove_from_lane (guint      number,
                  CfFuture **futures,
                  guint      n_futures)
{
  _cf_lock (&lane_locks[number].lock);
  for (guint i = 0; i < n_futures; i++)
    if (get_lane_number (_cf_future_load (futures[i])) == number)
      remove_locked (futures[i]);
  _cf_unlock (&lane_locks[number].lock);
}

/* The same for several, which costs little more than for one. */
void
_cf_delivery_remove_many (CfFuture **futures,
                          guint      n_futures)
{
  guint lanes = 0;

  for (guint i = 0; i < n_futures; i++)
    lanes |= 1u << get_lane_number (_cf_future_load (futures[i]));
  for (guint number = 0; number < N_LANES; number++)
    if ((lanes & 1u << number) != 0)
      remove_from_lane (number, futures, n_futures);
}

/* What the thread is dropping just now (nullable): with the context that it lets go, its entry may go. */
static CF_THREAD_LOCAL CfFuture *being_dropped;

static void
let_context_go (CfFuture     *self,
                GMainContext *context)
{
  CfFuture *outer = being_dropped;

  being_dropped = self;
  g_main_context_unref (context);
  being_dropped = outer;
}

/* @self is being dropped, and has a handler that is to be called: its entry takes the last reference over.  It no longer
 * keeps the context, so that a context that nobody iterates can end, and the future with it.  FALSE: it was told
 * meanwhile. */
gboolean
_cf_delivery_keep (CfFuture *self)
{
  CfLock       *lock = &lane_locks[get_lane_number (_cf_future_load (self))].lock;
  GMainContext *context = NULL;
  gboolean      is_kept;

  _cf_lock (lock);
  is_kept = (_cf_future_load (self) & (CF_FLAG_LINKED | CF_FLAG_KEPT)) == CF_FLAG_LINKED;
  if (is_kept)
    {
      set_flags (self, CF_FLAG_KEPT);
      context = steal_context_locked (self);
    }
  _cf_unlock (lock);

  if (context != NULL)
    let_context_go (self, context);

  return is_kept;
}

/* The last reference to @self is being dropped: the context that tells of it gets it.  FALSE: there is none. */
gboolean
_cf_delivery_hand_over (CfFuture *self)
{
  guint *state = &_cf_future_fields (self)->state;
  guint  before = _cf_future_load (self);

  while ((before & CF_FLAG_TELLING) != 0)
    if (__atomic_compare_exchange_n (state, &before, before | CF_FLAG_HANDED, TRUE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
      return TRUE;

  return FALSE;
}

static gpointer
get_notify_queue (CfFuture *self)
{
  static GQuark quark;

  if (quark == 0)
    quark = g_quark_from_static_string ("GObject-notify-queue");

  return g_object_get_qdata ((GObject *) self, quark);
}

/* Up to GLib 2.78, g_object_unref() looks for notifications in an object that dispose() has kept alive, after it has dropped
 * its reference: until then the object must not go.  Somebody may have frozen them for good, so that has an end. */
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
  gboolean is_handed = (clear_flags (self, CF_FLAG_TELLING | CF_FLAG_HANDED) & CF_FLAG_HANDED) != 0;

  if (is_handed || (state & CF_FLAG_KEPT) != 0)
    await_unref (self);
  if (is_handed)
    cf_future_unref (self);
  cf_future_unref (self);
}

/* The first one, with a reference, and its state when it was taken out. */
static CfFuture *
pop (Queue         *queue,
     guint          number,
     guint         *state,
     GMainContext **context)
{
  Lane     *lane = &queue->lanes[number];
  gboolean  must_ref = FALSE;
  CfFuture *self;

  _cf_lock (&lane_locks[number].lock);
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
        *context = steal_context_locked (self);
    }
  _cf_unlock (&lane_locks[number].lock);

  /* Others are told of it. */
  if (must_ref)
    g_object_ref (self);

  return self;
}

static gboolean
tell_next (Queue *queue,
           guint  number)
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
get_length (Lane *lane)
{
  return _cf_future_list_look_at_length (&lane->list);
}

/* What is there at the beginning, as far as the batch goes. */
static void
tell_batch (Queue *queue)
{
  guint left = BATCH, first = queue->first_lane++;

  for (guint i = 0; i < N_LANES && left > 0; i++)
    {
      guint number = (first + i) % N_LANES;
      guint n = MIN (get_length (&queue->lanes[number]), left);

      left -= n;
      while (n > 0 && tell_next (queue, number))
        n--;
    }
}

static gboolean
is_empty (Queue *queue)
{
  for (guint i = 0; i < N_LANES; i++)
    if (get_length (&queue->lanes[i]) > 0)
      return FALSE;

  return TRUE;
}

/* FALSE: there is something. */
static gboolean
disarm (Queue *queue,
        guint  number)
{
  Lane    *lane = &queue->lanes[number];
  gboolean can_rest;

  if (!__atomic_load_n (&lane->is_armed, __ATOMIC_RELAXED))
    return TRUE;

  _cf_lock (&lane_locks[number].lock);
  can_rest = lane->list.head == NULL;
  if (can_rest)
    set_armed_locked (lane, FALSE);
  _cf_unlock (&lane_locks[number].lock);

  return can_rest;
}

/* Whoever adds something to a lane that is not armed any more makes the source ready again: not before it was put to
 * rest here. */
static void
rest (Queue *queue)
{
  gboolean can_rest = TRUE;

  if (!is_empty (queue))
    return;

  g_source_set_ready_time (queue->source, -1);
  for (guint i = 0; i < N_LANES; i++)
    can_rest = disarm (queue, i) && can_rest;
  if (!can_rest)
    g_source_set_ready_time (queue->source, 0);
}

static gboolean
dispatch (GSource             *source,
          GSourceFunc callback G_GNUC_UNUSED,
          gpointer user_data   G_GNUC_UNUSED)
{
  /* It was made in another thread; GLib's lock would do, if race detectors could see it. */
  Queue *queue = __atomic_load_n (&((QueueSource *) source)->queue, __ATOMIC_ACQUIRE);

  tell_batch (queue);
  rest (queue);

  return G_SOURCE_CONTINUE;
}

/* The context ends: what its queue kept is dropped untold. */
static void
drop_lane (Queue *queue,
           guint  number)
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

  if (self->queue == &default_queue)
    return;

  for (guint i = 0; i < N_LANES; i++)
    drop_lane (self->queue, i);
  g_free (self->queue);
}
