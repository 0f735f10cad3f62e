/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "cf-delivery-private.h"
#include "cf-future-private.h"
#include "cf-parker-private.h"

/* How futures come into being and end.
 *
 * The last g_object_unref() is dear, as is g_object_new(): what both of them do is mostly about things that few futures
 * have.  A plain CfFuture to which nobody attached anything ends here instead, and a few of those are kept in the thread
 * that ended them, to be used again.
 */

#define FREE_LIST_MAX 2048

#define N_LEAVING_MAX 32

static CF_THREAD_LOCAL CfFuture *leaving[N_LEAVING_MAX]; /* empty, with the last reference, but in the queue of their context */
static CF_THREAD_LOCAL guint     n_leaving;              /* in leaving */

static CF_THREAD_LOCAL CfFuture *free_list;  /* linked by their private words */
static CF_THREAD_LOCAL guint     n_free;     /* in free_list */
static CF_THREAD_LOCAL gboolean  is_watched; /* the thread's end empties the list */
static CF_THREAD_LOCAL gboolean  is_shut;    /* the thread is ending */

static void end_thread (gpointer data);

static GPrivate thread_end = G_PRIVATE_INIT (end_thread);

static void
watch_thread (void)
{
  if (is_watched)
    return;
  is_watched = TRUE;
  g_private_set (&thread_end, &thread_end);
}

static gboolean
is_set_in_environment (const char *name)
{
  const char *value = g_getenv (name);

  return value != NULL && *value != '\0';
}

/* Who looks for errors in the use of memory or objects wants every one to be a fresh one, made by GObject. */
static gboolean
may_recycle (void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return FALSE;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  return FALSE;
#endif
#endif
  return !is_set_in_environment ("G_SLICE") && !is_set_in_environment ("GOBJECT_DEBUG");
}

static gboolean is_recycling; /* (const) once the first future was made */

/* A fresh object is always the same: the first one is made by GObject, others are copies of it, in memory that GObject
 * can free, but without the reference to the class that it would drop then: see cf_future_finalize(). */

static CfFuture pattern; /* (const) once the first future was made */

static void
make_pattern (void)
{
  g_autoptr (CfFuture) first = g_object_new (CF_TYPE_FUTURE, NULL);

  memcpy (&pattern, first, sizeof pattern);
  memset (_cf_future_fields (&pattern), 0, sizeof (CfFutureFields));
  _cf_future_fields (&pattern)->state = CF_FLAG_COPIED;
}

static void
free_memory (CfFuture *self)
{
  if ((_cf_future_load (self) & CF_FLAG_COPIED) != 0)
    g_slice_free (CfFuture, self);
  else
    g_type_free_instance ((GTypeInstance *) self);
}

/* Beside the reference count, GObject notes whether a handler was ever connected to an object.  Where is found out on two
 * objects, of which one has a handler; where that shows nothing, every object is taken as one that may have handlers. */

#define NOTES_OFFSET (G_STRUCT_OFFSET (GObject, ref_count) + sizeof (guint))

static guint handler_note; /* (const) once the class is made: the bits, or 0 */

static guint
get_notes (gpointer object)
{
  return __atomic_load_n ((guint *) ((char *) object + NOTES_OFFSET), __ATOMIC_ACQUIRE);
}

static guint
find_note (const char *signal)
{
  g_autoptr (CfFuture) with = g_object_new (CF_TYPE_FUTURE, NULL);
  g_autoptr (CfFuture) without = g_object_new (CF_TYPE_FUTURE, NULL);
  guint before = get_notes (with);

  g_signal_connect (with, signal, G_CALLBACK (g_object_unref), NULL);

  return before == get_notes (without) ? get_notes (with) & ~before : 0;
}

/* Once, when the first future is made. */
static void
learn (void)
{
  static gsize is_done;

  if (G_STRUCT_OFFSET (GObject, qdata) - NOTES_OFFSET != sizeof (guint) || !g_once_init_enter (&is_done))
    return;
  handler_note = find_note ("done") & find_note ("notify::state");
  make_pattern ();
  is_recycling = may_recycle ();
  g_once_init_leave (&is_done, TRUE);
}

static gboolean
may_have_handlers (CfFuture *self)
{
  return handler_note == 0 || (get_notes (self) & handler_note) != 0;
}

static GMainContext *
dup_context (void)
{
  GMainContext *context = g_main_context_get_thread_default ();

  return context != NULL ? g_main_context_ref (context) : NULL;
}

/* A plain pending future. */
CfFuture *
_cf_future_alloc (void)
{
  CfFuture *self = free_list;

  if (self != NULL)
    {
      guint origin = _cf_future_load (self) & CF_FLAG_COPIED;

      free_list = _cf_future_fields (self)->next;
      n_free--;
      memset (_cf_future_fields (self), 0, sizeof (CfFutureFields));
      _cf_future_fields (self)->state = origin;
      __atomic_store_n (&G_OBJECT (self)->ref_count, 1, __ATOMIC_RELAXED);
    }
  else
    {
      learn ();
      if (!is_recycling)
        return g_object_new (CF_TYPE_FUTURE, NULL);
      self = g_slice_dup (CfFuture, &pattern);
    }
  _cf_future_fields (self)->context = dup_context ();
  _cf_spin_follows = FALSE;

  return self;
}

void
_cf_future_init_fields (CfFuture *self)
{
  _cf_future_fields (self)->context = dup_context ();
}

static void
drop_callbacks (CfFutureFields *fields)
{
  CfWaiter *waiter = _cf_waiters_close (&fields->waiters, NULL);

  while (waiter != NULL)
    {
      CfWaiter *next = waiter->next;

      waiter->tell (waiter, NULL);
      waiter = next;
    }
}

/* Numbers do not. */
static gboolean
holds_something (const GValue *result)
{
  return G_VALUE_TYPE (result) > G_TYPE_DOUBLE;
}

/* Releases all that a future has, which nobody holds any more. */
void
_cf_future_reset (CfFuture *self)
{
  CfFutureFields *fields = _cf_future_fields (self);
  guint           state = _cf_future_load (self);
  GMainContext   *context = g_steal_pointer (&fields->context);

  if ((state & CF_CALL_MASK) != 0)
    _cf_future_release_call (self, state);
  else if (_cf_phase_is_done (state) && (state & CF_FLAG_BY_HAND) == 0 && holds_something (&fields->result))
    g_value_unset (&fields->result);

  if (!_cf_waiters_is_empty (&fields->waiters))
    drop_callbacks (fields);
  if (_cf_future_peek_extra (self) != NULL)
    _cf_future_free_extra (self);
  if (context != NULL)
    g_main_context_unref (context);
}

static void
recycle (CfFuture *self)
{
  if (n_free >= FREE_LIST_MAX || is_shut || !is_recycling || (handler_note != 0 && may_have_handlers (self)))
    {
      free_memory (self);
      return;
    }

  watch_thread ();
  __atomic_store_n (&G_OBJECT (self)->ref_count, 0, __ATOMIC_RELAXED);
  _cf_future_fields (self)->next = free_list;
  free_list = self;
  n_free++;
}

/* FALSE: it is the last reference. */
static gboolean
drop_if_not_last (CfFuture *self)
{
  guint *count = (guint *) &((GObject *) self)->ref_count;
  guint  n = __atomic_load_n (count, __ATOMIC_ACQUIRE);

  while (n > 1)
    if (__atomic_compare_exchange_n (count, &n, n - 1, TRUE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
      return TRUE;

  return FALSE;
}

/* A variant may lie in memory that somebody else releases. */
static gboolean
is_plain_data (const GValue *value)
{
  return !holds_something (value) || G_VALUE_TYPE (value) == G_TYPE_STRING;
}

/* Of a plain and done future that nobody else holds: whether no code of others is run when it ends.  With a context also
 * what is attached to that may end. */
static gboolean
ends_quickly (CfFuture *self)
{
  CfFutureFields *fields = _cf_future_fields (self);

  return _cf_future_is_plain (self) && !may_have_handlers (self) && is_plain_data (&fields->result) && fields->extra == NULL &&
         __atomic_load_n (&fields->context, __ATOMIC_RELAXED) == NULL;
}

/* Drops a reference to a done future if that runs no code of others.  FALSE: it may, and was not dropped. */
gboolean
_cf_future_unref_quickly (CfFuture *self)
{
  if (!_cf_future_is_plain (self))
    return FALSE;
  if (drop_if_not_last (self))
    return TRUE;
  if (!ends_quickly (self))
    return FALSE;
  cf_future_unref (self);

  return TRUE;
}

typedef enum
{
  LEFT, /* nobody else has a reference, nor will have one */
  KEPT, /* the context took ours over */
  HELD, /* the context had taken one of its own, or it is not plain any more */
} Leaving;

/* The queue of the context does not know it any more.  A handler may have attached something just now. */
static Leaving
leave (CfFuture *self)
{
  if (_cf_delivery_hand_over (self))
    return KEPT;

  return g_atomic_int_get (&((GObject *) self)->ref_count) == 1 && _cf_future_is_plain (self) ? LEFT : HELD;
}

/* The context may take a reference for as long as it knows the future. */
static Leaving
leave_context (CfFuture *self)
{
  guint state = _cf_future_load (self);

  if ((state & CF_FLAG_LINKED) != 0 && _cf_phase_is_done (state) && may_have_handlers (self) && _cf_future_waits_for_news (self))
    return _cf_delivery_keep (self) ? KEPT : HELD;

  _cf_delivery_remove (self);

  return leave (self);
}

/* Nobody can hear of it any more, and no context has to be let go: it may leave the queue together with others. */
static gboolean
can_leave_later (CfFuture *self)
{
  return is_recycling && !is_shut && (_cf_future_load (self) & CF_FLAG_LINKED) != 0 && !may_have_handlers (self) &&
         __atomic_load_n (&_cf_future_fields (self)->context, __ATOMIC_RELAXED) == NULL;
}

static void
leave_together (void)
{
  CfFuture *all[N_LEAVING_MAX];
  guint     n = n_leaving;

  memcpy (all, leaving, n * sizeof *all);
  n_leaving = 0;
  _cf_delivery_remove_many (all, n);
  for (guint i = 0; i < n; i++)
    switch (leave (all[i]))
      {
      case KEPT:
        break;
      case HELD:
        g_object_unref (all[i]);
        break;
      case LEFT:
      default:
        recycle (all[i]);
      }
}

static void
leave_later (CfFuture *self)
{
  watch_thread ();
  _cf_future_reset (self);
  leaving[n_leaving++] = self;
  if (n_leaving == N_LEAVING_MAX)
    leave_together ();
}

static void
end_thread (gpointer data G_GNUC_UNUSED)
{
  is_shut = TRUE;
  leave_together ();
  while (free_list != NULL)
    {
      CfFuture *self = free_list;

      free_list = _cf_future_fields (self)->next;
      free_memory (self);
    }
  n_free = 0;
}

/**
 * cf_future_unref: (skip)
 * @self: (transfer full): a future
 *
 * Drops a reference, as [method@GObject.Object.unref] does.
 *
 * It costs much less when it is the last one.
 *
 * Since: 1.0
 */
void
cf_future_unref (CfFuture *self)
{
  g_return_if_fail (_cf_is_future (self));

  if (!_cf_future_is_plain (self))
    {
      g_object_unref (self);
      return;
    }
  if (drop_if_not_last (self))
    return;
  /* Again: who had another reference may have attached something before he dropped it. */
  if (!_cf_future_is_plain (self))
    {
      g_object_unref (self);
      return;
    }
  if (can_leave_later (self))
    {
      leave_later (self);
      return;
    }

  switch (leave_context (self))
    {
    case KEPT:
      break;
    case HELD:
      g_object_unref (self);
      break;
    case LEFT:
    default:
      if (may_have_handlers (self))
        g_signal_handlers_destroy (self);
      _cf_future_reset (self);
      recycle (self);
    }
}
