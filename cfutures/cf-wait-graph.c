/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-wait-graph-private.h"

#include "cf-error.h"

/* Who waits for whom, among the worker threads that sleep without a time limit.
 *
 * Whether a wait can end is found from what is known to go on: a future that is done or runs in a thread that does not
 * wait, or that nobody queues (it is settled from outside, and that is always assumed to come), or whose pool still has
 * a worker.  What is left when nothing more follows can never end.  That is looked at whenever a wait begins, and when
 * a future that somebody waits for is queued; as nothing was hopeless before, what is hopeless then hangs together with
 * the one who came last, and he is told.
 */

CF_THREAD_LOCAL CfWaitThread *_cf_wait_thread;

static GMutex        graph_lock;
static CfWaitRecord *records;   /* (mutex graph_lock) */
static gint          n_records; /* (atomic) */

static gboolean
runs (CfWaitRecord *record,
      CfFuture     *future)
{
  for (CfWaitFrame *frame = record->thread->top; frame != NULL; frame = frame->outer)
    if (frame->future == future)
      return TRUE;

  return FALSE;
}

static CfWaitRecord *
find_running_locked (CfFuture *future)
{
  for (CfWaitRecord *record = records; record != NULL; record = record->next)
    if (runs (record, future))
      return record;

  return NULL;
}

/* A worker of @pool that is stuck; the one that is given, if it is one.  NULL if none is. */
static CfWaitRecord *
find_stuck_locked (CfFutureOwner *pool,
                   CfWaitRecord  *preferred)
{
  CfWaitRecord *found = NULL;

  for (CfWaitRecord *record = records; record != NULL; record = record->next)
    if (record->thread->pool == pool && !record->can_end && (found == NULL || record == preferred))
      found = record;

  return found;
}

/* The records of a pool prove that it is still there. */
static gboolean
is_stuck_locked (CfFutureOwner *pool)
{
  CfWaitRecord *any = find_stuck_locked (pool, NULL);
  guint         n_stuck = 0;

  if (any == NULL || any->thread->pool->get_max_workers == NULL)
    return FALSE;
  for (CfWaitRecord *record = records; record != NULL; record = record->next)
    if (record->thread->pool == pool && !record->can_end)
      n_stuck++;

  return n_stuck >= pool->get_max_workers (pool);
}

static gboolean
can_complete_locked (CfFuture *future)
{
  CfFutureOwner *owner;
  CfWaitRecord  *runner;

  if (_cf_phase_is_done (_cf_future_load (future)))
    return TRUE;
  owner = _cf_future_peek_owner (future);
  if (owner != NULL)
    return !is_stuck_locked (owner);
  runner = find_running_locked (future);

  return runner == NULL || runner->can_end;
}

/* What the wait cannot do without and does not get; NULL if there is no such thing. */
static CfFuture *
find_hopeless_locked (CfWaitRecord *record)
{
  CfFuture *hopeless = NULL;

  for (gsize i = 0; i < record->n_targets; i++)
    {
      CfFuture *target = record->targets[i];
      gboolean  can_complete = can_complete_locked (target);

      if (!can_complete && record->mode == CF_WAIT_ALL)
        return target;
      if (!can_complete && hopeless == NULL)
        hopeless = target;
      if (can_complete && (record->mode == CF_WAIT_ANY || !_cf_phase_is_done (_cf_future_load (target))) && record->mode != CF_WAIT_ALL)
        return NULL;
    }

  return hopeless;
}

static gboolean
can_end_locked (CfWaitRecord *record)
{
  if (record->circle != NULL)
    return TRUE;
  if (record->ending != NULL)
    return find_stuck_locked (record->ending, NULL) == NULL;

  return find_hopeless_locked (record) == NULL;
}

/* Sets can_end of all. */
static void
judge_locked (void)
{
  gboolean changed = TRUE;

  for (CfWaitRecord *record = records; record != NULL; record = record->next)
    record->can_end = FALSE;

  while (changed)
    {
      changed = FALSE;
      for (CfWaitRecord *record = records; record != NULL; record = record->next)
        if (!record->can_end && can_end_locked (record))
          record->can_end = changed = TRUE;
    }
}

static void
add_to_circle (GPtrArray *circle,
               CfFuture  *future)
{
  if (!g_ptr_array_find (circle, future, NULL))
    g_ptr_array_add (circle, g_object_ref (future));
}

/* The tasks of @record that wait for @future, or for which it is the innermost: outermost first. */
static void
add_frames (GPtrArray   *circle,
            CfWaitFrame *frame,
            CfFuture    *from)
{
  if (frame == NULL)
    return;
  if (frame->future != from)
    add_frames (circle, frame->outer, from);
  add_to_circle (circle, frame->future);
}

/* A short proof that a wait can end, where there is one: to judge all takes long when somebody waits for many.  It ends at
 * those who do not wait, so that nothing in it rests on the wait itself, and what could end before still can. */

#define PROOF_LOOKS 16
#define PROOF_DEPTH 8

/* What may still be spent on it. */
typedef struct
{
  gsize n_looks;
  guint depth;
} Proof;

static gboolean will_end_locked (CfWaitRecord *record,
                                 Proof        *proof);

static gboolean
will_go_on_locked (CfFutureOwner *pool,
                   Proof         *proof)
{
  guint n_waiting = 0;

  for (CfWaitRecord *record = records; record != NULL; record = record->next)
    n_waiting += record->thread->pool == pool ? 1 : 0;
  if (n_waiting == 0 || pool->get_max_workers == NULL || n_waiting < pool->get_max_workers (pool))
    return TRUE;

  for (CfWaitRecord *record = records; record != NULL; record = record->next)
    if (record->thread->pool == pool && will_end_locked (record, proof))
      return TRUE;

  return FALSE;
}

static gboolean
will_complete_locked (CfFuture *future,
                      Proof    *proof)
{
  CfFutureOwner *owner = _cf_future_peek_owner (future);
  CfWaitRecord  *runner;

  if (owner != NULL)
    return will_go_on_locked (owner, proof);
  runner = find_running_locked (future);

  return runner == NULL || will_end_locked (runner, proof);
}

static gboolean
will_get_enough_locked (CfWaitRecord *record,
                        Proof        *proof)
{
  gboolean needs_all = record->mode == CF_WAIT_ALL;

  for (gsize i = 0; i < record->n_targets; i++)
    {
      gboolean is_done = _cf_phase_is_done (_cf_future_load (record->targets[i]));
      gboolean is_good;

      if (proof->n_looks == 0)
        return FALSE;
      proof->n_looks--;
      is_good = is_done ? record->mode != CF_WAIT_EXCEPTION : will_complete_locked (record->targets[i], proof);
      if (is_good != needs_all)
        return is_good;
    }

  return needs_all;
}

/* FALSE: that is not known. */
static gboolean
will_end_locked (CfWaitRecord *record,
                 Proof        *proof)
{
  gboolean will_end;

  if (record->circle != NULL || record->ending != NULL || proof->depth == 0)
    return record->circle != NULL;

  proof->depth--;
  will_end = will_get_enough_locked (record, proof);
  proof->depth++;

  return will_end;
}

/* Goes from a wait to what it waits for, to whoever holds that up, until it comes round. */
static GPtrArray *
trace_locked (CfWaitRecord *start)
{
  GPtrArray    *circle = g_ptr_array_new_with_free_func ((GDestroyNotify) cf_future_unref);
  CfWaitRecord *record = start;

  add_to_circle (circle, start->thread->top->future);
  for (gint n = 0; record != NULL && n <= n_records; n++)
    {
      CfFuture      *target = record->ending == NULL ? find_hopeless_locked (record) : NULL;
      CfFutureOwner *owner = target != NULL ? _cf_future_peek_owner (target) : record->ending;

      if (target != NULL)
        add_to_circle (circle, target);
      record = owner != NULL ? find_stuck_locked (owner, start) : target != NULL ? find_running_locked (target)
                                                                                 : NULL;
      if (record == start)
        break;
      if (record != NULL && record->thread->top != NULL)
        add_frames (circle, record->thread->top, target);
    }

  return circle;
}

static void
tell_locked (CfWaitRecord *record)
{
  record->circle = trace_locked (record);
  _cf_parker_set (record->parker, CF_PARKER_TOLD);
}

static gboolean
waits_for (CfWaitRecord *record,
           CfFuture     *future)
{
  for (gsize i = 0; i < record->n_targets; i++)
    if (record->targets[i] == future)
      return TRUE;

  return FALSE;
}

static gboolean
is_to_be_told (CfWaitRecord *record)
{
  return !record->can_end && record->ending == NULL;
}

/* The one who came last, or who waits for what came last; else anybody whom it concerns. */
static CfWaitRecord *
choose_locked (CfWaitRecord *last,
               CfFuture     *future)
{
  CfWaitRecord *any = NULL;

  if (last != NULL && is_to_be_told (last))
    return last;

  for (CfWaitRecord *record = records; record != NULL; record = record->next)
    {
      if (!is_to_be_told (record))
        continue;
      if (future != NULL && waits_for (record, future))
        return record;
      any = record;
    }

  return any;
}

static void
tell_hopeless_locked (CfWaitRecord *last,
                      CfFuture     *future)
{
  CfWaitRecord *record;

  do
    {
      judge_locked ();
      record = choose_locked (last, future);
      if (record != NULL)
        tell_locked (record);
    }
  while (record != NULL);
}

/* A binding is told of the first reference beside its own, and may take a lock of its language then: so that one, of all
 * that others may note under the lock, is taken before. */
static void
hold (CfWaitRecord *record)
{
  for (CfWaitFrame *frame = record->thread->top; frame != NULL; frame = frame->outer)
    _cf_future_ref (frame->future);
  for (gsize i = 0; i < record->n_targets; i++)
    _cf_future_ref (record->targets[i]);
}

static void
release (CfWaitRecord *record)
{
  for (gsize i = 0; i < record->n_targets; i++)
    cf_future_unref (record->targets[i]);
  for (CfWaitFrame *frame = record->thread->top; frame != NULL; frame = frame->outer)
    cf_future_unref (frame->future);
}

/* The thread is going to sleep; whether it is told is for _cf_wait_graph_leave() to say. */
void
_cf_wait_graph_enter (CfWaitRecord *record)
{
  Proof proof = { record->n_targets + PROOF_LOOKS, PROOF_DEPTH };

  /* Others have to come in its place before it counts as one that waits. */
  if (record->thread->is_preparing)
    record->thread->pool->stay (record->thread->pool);
  hold (record);
  g_mutex_lock (&graph_lock);
  record->prev = NULL;
  record->next = records;
  if (records != NULL)
    records->prev = record;
  records = record;
  g_atomic_int_inc (&n_records);
  if (!will_end_locked (record, &proof))
    tell_hopeless_locked (record, NULL);
  g_mutex_unlock (&graph_lock);
}

static char *
describe_circle (GPtrArray *circle)
{
  GString         *text = g_string_new (NULL);
  g_autofree char *first = _cf_future_describe (circle->pdata[0]);

  for (guint i = 0; i < circle->len; i++)
    {
      g_autofree char *name = _cf_future_describe (circle->pdata[i]);

      g_string_append_printf (text, i == 0 ? "“%s”" : " waits for “%s”, which", name);
    }
  g_string_append_printf (text, " waits for “%s”", first);

  return g_string_free (text, FALSE);
}

/* FALSE: it was told that its wait can never end. */
gboolean
_cf_wait_graph_leave (CfWaitRecord *record,
                      GError      **error)
{
  g_autoptr (GPtrArray) circle = NULL;
  g_autofree char *text = NULL;

  g_mutex_lock (&graph_lock);
  if (record->prev != NULL)
    record->prev->next = record->next;
  else
    records = record->next;
  if (record->next != NULL)
    record->next->prev = record->prev;
  g_atomic_int_add (&n_records, -1);
  circle = g_steal_pointer (&record->circle);
  g_mutex_unlock (&graph_lock);
  release (record);

  if (circle == NULL)
    return TRUE;
  text = describe_circle (circle);
  g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK, "This wait can never end: %s", text);

  return FALSE;
}

/* In a forked process: those who waited, or held the lock, are threads of the other one. */
void
_cf_wait_graph_forget (void)
{
  g_mutex_init (&graph_lock);
  records = NULL;
  g_atomic_int_set (&n_records, 0);
}

/* @future was put into the queue of a pool.  Whoever waits for it may have waited for somebody outside until now. */
void
_cf_wait_graph_scheduled (CfFuture *future)
{
  Proof proof = { PROOF_LOOKS, PROOF_DEPTH };

  if (g_atomic_int_get (&n_records) == 0 || _cf_waiters_is_empty (&_cf_future_fields (future)->waiters))
    return;

  g_mutex_lock (&graph_lock);
  if (!will_complete_locked (future, &proof))
    tell_hopeless_locked (NULL, future);
  g_mutex_unlock (&graph_lock);
}
