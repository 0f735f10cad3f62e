/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "cf-future.h"
#include "cf-waiter-private.h"

G_BEGIN_DECLS

/* Where a scheduled future waits for its turn.  The functions are called without any lock, save get_max_workers(). */
typedef struct _CfFutureOwner CfFutureOwner;

/* What a worker takes from a future in order to run it. */
typedef struct
{
  guint          kind;
  gpointer       func;
  gpointer       data;       /* (owned) (nullable) */
  CfFutureOwner *owner;      /* (nullable) */
  gboolean       is_linking; /* who has the claim links the future in the queue of its context */
} CfFutureClaim;

struct _CfFutureOwner
{
  /* Takes @future, which is being cancelled, out.  FALSE: it has been started, it can not be cancelled. */
  gboolean (*take_back) (CfFutureOwner *self,
                         CfFuture      *future);
  /* Ends @future, which was started, in whatever it is.  FALSE: it was done.  May be NULL where who runs it has its call. */
  gboolean (*abandon) (CfFutureOwner *self,
                       CfFuture      *future);
  /* Claims @future, which it queues, for the calling worker to run.  FALSE: it must not, or somebody else has it. */
  gboolean (*claim) (CfFutureOwner *self,
                     CfFuture      *future,
                     CfFutureClaim *claim);
  /* May stand in place of claim(): runs @future in the calling worker.  FALSE: it must not, or somebody else has it. */
  gboolean (*run_inline) (CfFutureOwner *self,
                          CfFuture      *future);
  /* Whether its workers run what they wait for. */
  gboolean (*runs_inline) (CfFutureOwner *self);
  /* How many of its workers have to be stuck for it to be.  May be NULL: it never is. */
  guint (*get_max_workers) (CfFutureOwner *self);
  /* The calling worker, who seemed to be on its way to its next task, is not. */
  void (*stay) (CfFutureOwner *self);
  /* Drops what the future held of it.  May be NULL: it stays for as long as it has the future. */
  void (*release) (CfFutureOwner *self);
};

/* What hangs on few futures only. */
typedef struct
{
  GError        *error;       /* set before the future is done */
  GValue         by_hand;     /* the result, if that was set by hand while a thread ran the future */
  GCancellable  *cancellable; /* (atomic) (owned) (nullable): once it was asked for */
  GDestroyNotify destroy;     /* (call): of the data of a task */
  char          *name;        /* (names lock) (owned) (nullable) */
  char          *function;    /* (const) (owned) (nullable): the name of a named function */
} CfFutureExtra;

/* What a future is to do.  When the call is over, the result takes the same words.  The function is in the one that most
 * kinds of values leave empty, so that the word holds either the function or nothing. */
typedef struct
{
  gpointer       data;  /* the arguments (owned) (nullable), or the data of a task */
  CfFutureOwner *owner; /* (nullable): valid while it has the future */
  gpointer       func;
} CfFutureCall;

/* The life of a future.  What is in brackets lasts for moments and looks like what it comes from:
 *
 *                  ┌─────────────────────────────────┐
 *                  │                                 ▼
 *   PENDING ──▶ RUNNING ──▶ [SETTLING] ─────────────▶ FINISHED
 *    │  │ ▲      ▲   └────▶ [RUNNING_CANCELLING] ──▶ CANCELLED
 *    │  │ │      └─ [RUNNING_ASKING]                      ▲
 *    │  │ └─ [ASKING]                                     │
 *    │  │      └───────────▶ [CANCELLING] ────────────────┘
 *    │  └──────────────────▶ [PENDING_SETTLING] ───▶ FINISHED
 *
 * Each arrow is an atomic change of `state`.  Whoever enters a phase in brackets owns the call and the result until he
 * leaves it.  From the start of the run, the words of the result belong to the thread that runs the future, which goes to
 * FINISHED in one step; an outcome that is set by hand before that has another place.
 */
typedef enum
{
  CF_PHASE_PENDING,
  CF_PHASE_ASKING,     /* the owner is asked whether it can be cancelled, or it for its cancellable or its call */
  CF_PHASE_CANCELLING, /* the call is being released */
  CF_PHASE_PENDING_SETTLING,
  CF_PHASE_RUNNING,
  CF_PHASE_RUNNING_ASKING, /* it is asked for its cancellable or its call */
  CF_PHASE_SETTLING,
  CF_PHASE_RUNNING_CANCELLING,
  CF_PHASE_FINISHED,
  CF_PHASE_CANCELLED,
} CfPhase;

enum
{
  CF_PHASE_MASK = 0xf,

  CF_CALL_FUNC = 1 << 4,
  CF_CALL_TASK = 2 << 4,
  CF_CALL_NAMED = 3 << 4,
  CF_CALL_MASK = 3 << 4,

  CF_FLAG_SCHEDULED = 1 << 6, /* an executor has it, or had it */
  CF_FLAG_QUEUED = 1 << 10,   /* it has an owner, who alone starts it */
  CF_FLAG_PLACED = 1 << 18,   /* it has an owner, which is not asked: only waits look at it */
  CF_FLAG_NOTIFIED = 1 << 7,  /* a cancel is seen by everybody */
  CF_FLAG_LINKED = 1 << 8,    /* (delivery lock): in the queue of its context */
  CF_FLAG_KEPT = 1 << 9,      /* (delivery lock): and that holds a reference */
  CF_FLAG_TELLING = 1 << 11,  /* its context tells of it, and has a reference or is about to take one */
  CF_FLAG_HANDED = 1 << 15,   /* meanwhile it was given the last reference of others, too */
  CF_FLAG_LENT = 1 << 17,     /* a thread runs it, or did, and lends it a cancellable if it has none */
  CF_FLAG_BY_HAND = 1 << 19,  /* its result is in the extra */
  CF_FLAG_COPIED = 1 << 16,   /* (const): it was made without GObject, and does not hold its class */
};

/* The private words of a future. */
typedef struct
{
  guint     state;   /* (atomic): a phase and flags */
  guint     stamp;   /* (stamps lock): of the last list that it was seen in */
  CfWaiters waiters; /* (atomic) */
  union
  {
    CfFutureCall call;
    GValue       result; /* but for CF_FLAG_BY_HAND */
  };
  union /* (lock of the queue that it is in): of its context, or before that of an executor */
  {
    struct
    {
      CfFuture *next;
      CfFuture *prev;
    };
    struct
    {
      gpointer block; /* (nullable) */
      guint    place;
      guint    number;
    };
  };
  GMainContext  *context; /* (delivery) (owned) (nullable): NULL is the global default, or that it is not needed any more */
  CfFutureExtra *extra;   /* (atomic) (owned) (nullable) */
} CfFutureFields;

G_STATIC_ASSERT (sizeof (CfFutureFields) == sizeof (((CfFuture *) NULL)->reserved));

static inline CfFutureFields *
_cf_future_fields (CfFuture *self)
{
  return (CfFutureFields *) self->reserved;
}

static inline CfFutureExtra *
_cf_future_peek_extra (CfFuture *self)
{
  return __atomic_load_n (&_cf_future_fields (self)->extra, __ATOMIC_ACQUIRE);
}

static inline guint
_cf_future_load (CfFuture *self)
{
  return __atomic_load_n (&_cf_future_fields (self)->state, __ATOMIC_ACQUIRE);
}

/* The same for who did something atomic before, which others look at in the other order. */
static inline guint
_cf_future_load_in_order (CfFuture *self)
{
  return __atomic_load_n (&_cf_future_fields (self)->state, __ATOMIC_SEQ_CST);
}

static inline gboolean
_cf_phase_is_done (guint state)
{
  return (state & CF_PHASE_MASK) >= CF_PHASE_FINISHED;
}

/* The type, without a function call. */
extern GType _cf_future_type;

static inline gboolean
_cf_is_future (gconstpointer instance)
{
  return instance != NULL && (G_TYPE_FROM_INSTANCE (instance) == _cf_future_type || CF_IS_FUTURE ((gpointer) instance));
}

/* Nothing hangs on the future that GObject would have to tell of a reference: no toggle reference, no weak one. */
static inline gboolean
_cf_future_is_plain (CfFuture *self)
{
  return G_TYPE_FROM_INSTANCE (self) == _cf_future_type && g_atomic_pointer_get (&((GObject *) self)->qdata) == NULL;
}

static inline CfFuture *
_cf_future_ref (CfFuture *self)
{
  if (G_LIKELY (_cf_future_is_plain (self)))
    g_atomic_int_inc (&((GObject *) self)->ref_count);
  else
    g_object_ref (self);

  return self;
}

/* cf-future-memory: fresh ones, and the end */
CfFuture *_cf_future_alloc (void);
void      _cf_future_init_fields (CfFuture *self);
void      _cf_future_reset (CfFuture *self);
gboolean  _cf_future_unref_quickly (CfFuture *self);

/* cf-future-extra */
CfFutureExtra *_cf_future_ensure_extra (CfFuture *self);
void           _cf_future_free_extra (CfFuture *self);
char          *_cf_future_dup_name (CfFuture *self);
gpointer       _cf_future_peek_function (CfFuture *self);
void           _cf_future_set_name (CfFuture   *self,
                                    const char *name);

/* cf-future-schedule */
typedef enum
{
  CF_ASKING_NOT, /* it will not change what it has */
  CF_ASKING_PENDING,
  CF_ASKING_RUNNING,
  CF_ASKING_LENT, /* it is running, and has what a thread lent it */
} CfAsking;

void           _cf_future_queue_fresh (CfFuture      *self,
                                       CfFutureOwner *owner);
void           _cf_future_refuse_fresh (CfFuture *self);
gboolean       _cf_future_try_schedule (CfFuture *self);
void           _cf_future_unschedule (CfFuture *self);
gboolean       _cf_future_begin_queueing (CfFuture      *self,
                                          CfFutureOwner *owner);
void           _cf_future_end_queueing (CfFuture *self,
                                        guint     flag);
gboolean       _cf_future_withdraw (CfFuture *self);
gboolean       _cf_future_claim (CfFuture      *self,
                                 CfFutureClaim *claim,
                                 gboolean       is_owner);
gboolean       _cf_future_claim_running (CfFuture *self,
                                         gboolean  is_owner);
CfAsking       _cf_future_begin_asking (CfFuture *self);
void           _cf_future_end_asking (CfFuture *self,
                                      CfAsking  asking);
CfFutureOwner *_cf_future_peek_owner (CfFuture *self);

/* cf-future-settle */
gboolean _cf_future_settle_running (CfFuture *self,
                                    GValue   *result,
                                    GError   *error);
gboolean _cf_future_settle_by_hand (CfFuture *self,
                                    GValue   *result,
                                    GError   *error);
gboolean _cf_future_fail_pending (CfFuture     *self,
                                  const GError *reason);
gboolean _cf_future_leave_queue (CfFuture *self,
                                 guint     state);
void     _cf_future_settle_cancelled (CfFuture *self,
                                      guint     state,
                                      guint     flags);

/* cf-future-cancel */
void     _cf_future_notify_if_cancelled (CfFuture *self);
gboolean _cf_future_cancel_pending (CfFuture *self,
                                    gboolean  by_force);
gboolean _cf_future_terminate_running (CfFuture *self);

/* cf-future-cancellable */
GCancellable *_cf_future_lend_cancellable (CfFuture *self,
                                           gboolean *is_lent);
void          _cf_future_keep_lent_cancellable (CfFuture     *self,
                                                GCancellable *cancellable);
GCancellable *_cf_cancellable_borrow (void);
gboolean      _cf_cancellable_is_as_new (GCancellable *cancellable);
void          _cf_cancellable_give_back (GCancellable *cancellable);

/* cf-future-call */
CfFuture *_cf_future_new_for_named (const char *function,
                                    GVariant   *args);
void      _cf_future_run_taken (CfFuture            *self,
                                const CfFutureClaim *claim);
void      _cf_future_run_claimed (CfFuture            *self,
                                  const CfFutureClaim *claim);
void      _cf_future_release_call (CfFuture *self,
                                   guint     state);
void      _cf_future_get_call (CfFuture    *self,
                               CfFunc      *func,
                               const char **named,
                               GVariant   **args);
gpointer  _cf_future_get_task_data (CfFuture  *self,
                                    CfTaskFunc func);

/* cf-future-wait */
gboolean _cf_future_add_waiter (CfFuture *self,
                                CfWaiter *waiter);
gboolean _cf_future_remove_waiter (CfFuture *self,
                                   CfWaiter *waiter);
gboolean _cf_future_is_listed (CfFuture *self);
gboolean _cf_future_await_listed (CfFuture *self,
                                  gint64    deadline);
gboolean _cf_future_has_failed (CfFuture *self);
gboolean _cf_future_check (CfFuture *self,
                           GError  **error);
gboolean _cf_future_run_inline (CfFuture *self);
gboolean _cf_future_may_run_inline (CfFutureOwner *owner);

/* cf-future */
typedef void (*CfFutureDescribe) (CfFuture *self,
                                  char    **name);

char    *_cf_future_describe (CfFuture *self);
void     _cf_future_set_describe (CfFutureDescribe describe);
void     _cf_future_emit (CfFuture *self,
                          guint     state);
gboolean _cf_future_waits_for_news (CfFuture *self);

G_END_DECLS
