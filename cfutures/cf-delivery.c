/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-delivery-private.h"

#include "cf-parker-private.h"

/* Futures whose news their main context is to hear: a queue for each context, and one source for all of it.
 *
 * The entries are weak: a future that nobody holds unlinks itself, under the lock under which the context takes its
 * reference.  One that is dropped while a handler waits for news is kept by its entry instead.
 */

/* How many are told before other sources of the context have their turn. */
#define BATCH 256

typedef struct
{
  GMutex    lock;
  CfFuture *head;     /* (mutex lock) */
  CfFuture *tail;     /* (mutex lock) */
  guint     length;   /* (mutex lock) */
  gboolean  is_armed; /* (mutex lock): the source is ready, or going to be */
  GSource  *source;   /* (const): which the context owns */
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

static GSource *
source_new (Queue        *queue,
            GMainContext *context)
{
  GSource *source = g_source_new (&funcs, sizeof (QueueSource));

  ((QueueSource *) source)->queue = queue;
  ((QueueSource *) source)->context = context;
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

  g_mutex_init (&queue->lock);
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

static void
append_locked (Queue    *queue,
               CfFuture *self)
{
  CfFutureFields *fields = _cf_future_fields (self);

  fields->next = NULL;
  fields->prev = queue->tail;
  if (queue->tail != NULL)
    _cf_future_fields (queue->tail)->next = self;
  else
    queue->head = self;
  queue->tail = self;
  queue->length++;
}

static void
unlink_locked (Queue    *queue,
               CfFuture *self)
{
  CfFutureFields *fields = _cf_future_fields (self);

  if (fields->prev != NULL)
    _cf_future_fields (fields->prev)->next = fields->next;
  else
    queue->head = fields->next;
  if (fields->next != NULL)
    _cf_future_fields (fields->next)->prev = fields->prev;
  else
    queue->tail = fields->prev;
  queue->length--;
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

/* There is news of @self, which the caller holds. */
void
_cf_delivery_add (CfFuture *self)
{
  Queue   *queue = get_queue (_cf_future_fields (self)->context);
  gboolean must_arm = FALSE;

  _cf_lock (&queue->lock);
  if ((set_flags (self, CF_FLAG_LINKED) & CF_FLAG_LINKED) == 0)
    {
      append_locked (queue, self);
      must_arm = !queue->is_armed;
      queue->is_armed = TRUE;
    }
  g_mutex_unlock (&queue->lock);

  if (must_arm)
    g_source_set_ready_time (queue->source, 0);
}

/* @self is about to end. */
void
_cf_delivery_remove (CfFuture *self)
{
  Queue *queue;

  if ((_cf_future_load (self) & CF_FLAG_LINKED) == 0)
    return;

  queue = get_queue (_cf_future_fields (self)->context);
  _cf_lock (&queue->lock);
  if ((clear_flags (self, CF_FLAG_LINKED) & CF_FLAG_LINKED) != 0)
    unlink_locked (queue, self);
  g_mutex_unlock (&queue->lock);
}

/* @self is being dropped, and has a handler that is to be called: its entry keeps it.  It no longer keeps the context,
 * so that a context that nobody iterates can end, and the future with it.  FALSE: it was told meanwhile. */
gboolean
_cf_delivery_keep (CfFuture *self)
{
  CfFutureFields *fields = _cf_future_fields (self);
  GMainContext   *context = fields->context;
  Queue          *queue = get_queue (context);
  gboolean        is_kept;

  _cf_lock (&queue->lock);
  is_kept = (_cf_future_load (self) & (CF_FLAG_LINKED | CF_FLAG_KEPT)) == CF_FLAG_LINKED;
  if (is_kept)
    {
      set_flags (self, CF_FLAG_KEPT);
      g_object_ref (self);
      fields->context = NULL;
    }
  g_mutex_unlock (&queue->lock);

  if (is_kept && context != NULL)
    g_main_context_unref (context);

  return is_kept;
}

/* The first one, with a reference, and its state when it was taken out. */
static CfFuture *
pop (Queue        *queue,
     guint        *state,
     GMainContext **context)
{
  CfFuture *self;

  _cf_lock (&queue->lock);
  self = queue->head;
  if (self != NULL)
    {
      unlink_locked (queue, self);
      *state = clear_flags (self, CF_FLAG_LINKED | CF_FLAG_KEPT);
      if ((*state & CF_FLAG_KEPT) == 0)
        g_object_ref (self);
      if (_cf_phase_is_done (*state))
        *context = g_steal_pointer (&_cf_future_fields (self)->context);
    }
  g_mutex_unlock (&queue->lock);

  return self;
}

static gboolean
tell_next (Queue *queue)
{
  guint         state = 0;
  GMainContext *context = NULL;
  CfFuture     *self = pop (queue, &state, &context);

  if (self == NULL)
    return FALSE;

  _cf_future_emit (self, state);
  cf_future_unref (self);
  if (context != NULL)
    g_main_context_unref (context);

  return TRUE;
}

static guint
begin_batch (Queue *queue)
{
  guint n;

  _cf_lock (&queue->lock);
  n = MIN (queue->length, BATCH);
  g_mutex_unlock (&queue->lock);

  return n;
}

/* Does nothing but look again when there is more. */
static void
end_batch (Queue *queue)
{
  _cf_lock (&queue->lock);
  if (queue->head == NULL)
    {
      queue->is_armed = FALSE;
      g_source_set_ready_time (queue->source, -1);
    }
  g_mutex_unlock (&queue->lock);
}

static gboolean
dispatch (GSource             *source,
          GSourceFunc callback G_GNUC_UNUSED,
          gpointer user_data   G_GNUC_UNUSED)
{
  Queue *queue = ((QueueSource *) source)->queue;

  for (guint n = begin_batch (queue); n > 0 && tell_next (queue); n--)
    ;
  end_batch (queue);

  return G_SOURCE_CONTINUE;
}

/* The context ends: what its queue kept is dropped untold. */
static void
finalize (GSource *source)
{
  QueueSource  *self = (QueueSource *) source;
  GMainContext *context = NULL;
  guint         state;
  CfFuture     *future;

  if (self->queue == &default_queue)
    return;

  g_mutex_lock (&queues_lock);
  g_hash_table_remove (queues, self->context);
  if (g_hash_table_size (queues) == 0)
    g_clear_pointer (&queues, g_hash_table_unref);
  g_mutex_unlock (&queues_lock);

  while ((future = pop (self->queue, &state, &context)) != NULL)
    g_object_unref (future);
  g_mutex_clear (&self->queue->lock);
  g_free (self->queue);
}
