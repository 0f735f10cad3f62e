/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-async-private.h"

struct _CfAsync
{
  gatomicrefcount ref_count;
  GTask          *task;     /* (const) (owned) */
  CfAsyncTimeOut  time_out; /* (const) (nullable) */

  GMutex         lock;
  gboolean       is_over;   /* (mutex lock) */
  GSource       *timer;     /* (mutex lock) (owned) (nullable) */
  GSource       *cancelled; /* (mutex lock) (owned) (nullable): since the cancellable was cancelled */
  gulong         handler;   /* (mutex lock): of the cancellable, or 0 */
  CfAsyncGiveUp  give_up;   /* (mutex lock) (nullable) */
  gpointer       data;      /* (mutex lock) */
  GDestroyNotify destroy;   /* (mutex lock) (nullable) */
};

/* Takes the task over.  Whether its cancellable was cancelled in time is decided here, not in the finish function: what
 * was handed out must not get lost. */
CfAsync *
_cf_async_new (GTask *task)
{
  CfAsync *self = g_new0 (CfAsync, 1);

  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->lock);
  self->task = task;
  g_task_set_check_cancellable (task, FALSE);

  return self;
}

CfAsync *
_cf_async_ref (CfAsync *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
_cf_async_unref (CfAsync *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_mutex_clear (&self->lock);
  g_object_unref (self->task);
  g_free (self);
}

GTask *
_cf_async_get_task (CfAsync *self)
{
  return self->task;
}

void
_cf_async_set_time_out (CfAsync       *self,
                        CfAsyncTimeOut time_out)
{
  self->time_out = time_out;
}

static void
drop_source (GSource *source)
{
  if (source == NULL)
    return;
  g_source_destroy (source);
  g_source_unref (source);
}

/* Not g_cancellable_disconnect(), which waits for handlers that run: this may be one of them.  What a handler needs is
 * its closure's. */
static void
drop_handler (CfAsync *self,
              gulong   handler)
{
  if (handler != 0)
    g_signal_handler_disconnect (g_task_get_cancellable (self->task), handler);
}

/* TRUE for the one who is to return something from the task. */
static gboolean
end (CfAsync *self,
     gboolean gives_up)
{
  GSource       *timer, *cancelled;
  CfAsyncGiveUp  give_up;
  gpointer       data;
  GDestroyNotify destroy;
  gulong         handler;
  gboolean       is_first;

  g_mutex_lock (&self->lock);
  is_first = !self->is_over;
  self->is_over = TRUE;
  timer = g_steal_pointer (&self->timer);
  cancelled = g_steal_pointer (&self->cancelled);
  handler = self->handler;
  self->handler = 0;
  give_up = g_steal_pointer (&self->give_up);
  destroy = g_steal_pointer (&self->destroy);
  data = g_steal_pointer (&self->data);
  g_mutex_unlock (&self->lock);

  if (is_first && gives_up && give_up != NULL)
    give_up (data);
  drop_source (timer);
  drop_source (cancelled);
  drop_handler (self, handler);
  if (destroy != NULL)
    destroy (data);

  return is_first;
}

gboolean
_cf_async_end (CfAsync *self)
{
  return end (self, FALSE);
}

gboolean
_cf_async_is_over (CfAsync *self)
{
  gboolean is_over;

  g_mutex_lock (&self->lock);
  is_over = self->is_over;
  g_mutex_unlock (&self->lock);

  return is_over;
}

static gboolean
timer_cb (gpointer user_data)
{
  CfAsync *self = _cf_async_ref (user_data);

  if (end (self, TRUE))
    self->time_out (self->task);
  _cf_async_unref (self);

  return G_SOURCE_REMOVE;
}

static gboolean
cancelled_cb (gpointer user_data)
{
  CfAsync *self = _cf_async_ref (user_data);

  if (end (self, TRUE))
    g_task_return_new_error (self->task, G_IO_ERROR, G_IO_ERROR_CANCELLED, "The wait was cancelled");
  _cf_async_unref (self);

  return G_SOURCE_REMOVE;
}

static GSource *
attach (CfAsync    *self,
        GSource    *source,
        GSourceFunc func)
{
  g_source_set_callback (source, func, _cf_async_ref (self), (GDestroyNotify) _cf_async_unref);
  g_source_set_static_name (source, "cfutures wait");
  g_source_attach (source, g_task_get_context (self->task));

  return source;
}

static GSource *
timer_new (CfAsync *self,
           gint64   deadline)
{
  GSource *source = g_timeout_source_new (0);

  g_source_set_ready_time (source, deadline);

  return attach (self, source, timer_cb);
}

static GSource *
cancelled_new (CfAsync *self)
{
  GSource *source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);

  return attach (self, source, cancelled_cb);
}

/* In the thread that cancels, while it does: the task ends in its own context, after that. */
static void
on_cancelled (GCancellable *cancellable G_GNUC_UNUSED,
              gpointer                  user_data)
{
  CfAsync *self = user_data;
  GSource *source = cancelled_new (self);

  g_mutex_lock (&self->lock);
  if (!self->is_over && self->cancelled == NULL)
    self->cancelled = g_steal_pointer (&source);
  g_mutex_unlock (&self->lock);

  drop_source (source);
}

/* GCancellableSource would do, but in GLib 2.74 it leaks when it is dropped while it is cancelled. */
static gulong
connect_cancelled (CfAsync *self)
{
  GCancellable *cancellable = g_task_get_cancellable (self->task);

  if (cancellable == NULL)
    return 0;

  return g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled), _cf_async_ref (self), (GDestroyNotify) _cf_async_unref);
}

/* From here on the task also ends at @deadline (monotonic; -1 is never) and by its cancellable.  Takes @data over, which is
 * destroyed when the task has ended, however it did. */
void
_cf_async_watch (CfAsync       *self,
                 gint64         deadline,
                 CfAsyncGiveUp  give_up,
                 gpointer       data,
                 GDestroyNotify destroy)
{
  GSource *timer = deadline >= 0 ? timer_new (self, deadline) : NULL;
  gulong   handler = connect_cancelled (self);
  gboolean is_over;

  g_mutex_lock (&self->lock);
  is_over = self->is_over;
  if (!is_over)
    {
      self->timer = timer;
      self->handler = handler;
      self->give_up = give_up;
      self->data = data;
      self->destroy = destroy;
    }
  g_mutex_unlock (&self->lock);

  if (is_over)
    {
      /* It may have been a source that did not know yet what to give up. */
      if (give_up != NULL)
        give_up (data);
      drop_source (timer);
      drop_handler (self, handler);
      if (destroy != NULL)
        destroy (data);
    }
}
