/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "cf-future-private.h"
#include "cf-parker-private.h"

G_BEGIN_DECLS

/* What a worker thread is at: a task, or what others want to be called or let go after one.  They nest when a wait runs what
 * it waits for. */
typedef struct _CfWaitFrame CfWaitFrame;

struct _CfWaitFrame
{
  CfFuture    *future;   /* (thread) (nullable): not a reference; not NULL while it waits, nor changed then */
  CfFuture    *stand_in; /* (thread) (owned) (nullable): that one, where there was none */
  CfWaitFrame *outer;    /* (const) (nullable) */
};

/* A worker thread of a thread pool. */
typedef struct
{
  CfFutureOwner *pool;         /* (const) */
  CfWaitFrame   *top;          /* (thread) (nullable); (graph lock) while it waits */
  guint          depth;        /* (thread) */
  gboolean       is_preparing; /* (thread): it may not run tasks yet */
  gboolean       is_returning; /* (atomic): nothing but the library's own steps keeps it from its next task */
} CfWaitThread;

/* The one that is running this, or NULL. */
extern CF_THREAD_LOCAL CfWaitThread *_cf_wait_thread;

static inline void
_cf_wait_frame_push (CfWaitFrame *self,
                     CfFuture    *future)
{
  CfWaitThread *thread = _cf_wait_thread;

  if (thread == NULL)
    return;
  self->future = future;
  self->stand_in = NULL;
  self->outer = thread->top;
  thread->top = self;
  thread->depth++;
}

static inline void
_cf_wait_frame_pop (CfWaitFrame *self)
{
  CfWaitThread *thread = _cf_wait_thread;

  if (thread == NULL)
    return;
  thread->top = self->outer;
  thread->depth--;
}

/* The task is over.  To be called before others see that, as they may then have more work for this thread. */
static inline void
_cf_wait_thread_return (void)
{
  CfWaitThread *thread = _cf_wait_thread;

  if (thread != NULL && thread->top == NULL)
    __atomic_store_n (&thread->is_returning, TRUE, __ATOMIC_RELAXED);
}

/* What runs from here to _cf_wait_thread_go_on() is code of others, which may take long, and wait as a task might.  @future
 * (nullable): whose end it is about, if that can be held. */
static inline void
_cf_wait_thread_stay (CfWaitFrame *frame,
                      CfFuture    *future)
{
  CfWaitThread *thread = _cf_wait_thread;

  if (thread == NULL)
    return;
  _cf_wait_frame_push (frame, future);
  if (!thread->is_returning)
    return;
  __atomic_store_n (&thread->is_returning, FALSE, __ATOMIC_RELAXED);
  /* A submitter queues its work and then looks at is_returning; here it is the other way round. */
  __atomic_thread_fence (__ATOMIC_SEQ_CST);
  thread->pool->stay (thread->pool);
}

static inline void
_cf_wait_thread_go_on (CfWaitFrame *frame)
{
  if (_cf_wait_thread == NULL)
    return;
  _cf_wait_frame_pop (frame);
  g_clear_pointer (&frame->stand_in, cf_future_unref);
}

typedef enum
{
  CF_WAIT_ALL,
  CF_WAIT_ANY,
  CF_WAIT_EXCEPTION,
} CfWaitMode;

/* A worker thread that is about to sleep without a time limit. */
typedef struct _CfWaitRecord CfWaitRecord;

/* Looks for what is waited for, where each of the targets only might give it; called under the graph lock.  @runner gets the
 * task that works on it, or NULL, and is only compared with others.  FALSE: it is there. */
typedef gboolean (*CfWaitLook) (CfWaitRecord *record,
                                CfFuture    **runner);

struct _CfWaitRecord
{
  CfWaitThread  *thread;    /* (const) */
  CfWaitMode     mode;      /* (const) */
  CfFuture     **targets;   /* (const) */
  gsize          n_targets; /* (const) */
  gboolean       is_part;   /* (const): it waits for others, too, and names them when these are hopeless */
  CfFutureOwner *ending;    /* (const) (nullable): it waits for the end of that pool, and cannot get an error */
  CfParker      *parker;    /* (const): gets CF_PARKER_TOLD */
  CfWaitLook     look;      /* (const) (nullable) */
  CfFuture     **hope;      /* (atomic) (nullable): gets one target that may be enough; if it turns out not to be, look again */

  CfWaitRecord *next;    /* (graph lock) */
  CfWaitRecord *prev;    /* (graph lock) */
  gboolean      can_end; /* (graph lock): as far as is known yet */
  GPtrArray    *circle;  /* (graph lock) (owned) (nullable) (element-type CfFuture): set when it was told */
};

G_END_DECLS
