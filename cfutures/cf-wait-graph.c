/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-wait-graph-private.h"

#include "cf-error.h"
#include "cf-wait-judge-private.h"

/* Who waits for whom, among the worker threads that sleep without a time limit.
 *
 * Whether a wait can end is found from what is known to go on: a future that is done or runs in a thread that does not
 * wait, or that nobody queues (it is settled from outside, and that is always assumed to come), or whose pool still has
 * a worker.  What is left when nothing more follows can never end.  That is looked at whenever a wait begins, when a
 * future that somebody waits for is queued, and when one that somebody wants to fail does not; as nothing was hopeless
 * before, what is hopeless then hangs together with the one who came last, and he is told.
 */

CF_THREAD_LOCAL CfWaitThread *_cf_wait_thread;

static GMutex graph_lock;

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

/* Goes from a wait to what it waits for, to whoever holds that up, until it comes round. */
static GPtrArray *
trace_locked (CfWaitRecord *start)
{
  GPtrArray    *circle = g_ptr_array_new_with_free_func ((GDestroyNotify) cf_future_unref);
  CfWaitRecord *record = start;

  add_to_circle (circle, start->thread->top->future);
  for (gint n = 0; record != NULL && n <= _cf_wait_n_records; n++)
    {
      CfFuture      *target = record->ending == NULL ? _cf_wait_find_hopeless_locked (record) : NULL;
      CfFutureOwner *owner = target != NULL ? _cf_future_peek_owner (target) : record->ending;

      if (target != NULL)
        add_to_circle (circle, target);
      record = owner != NULL ? _cf_wait_find_stuck_locked (owner, start) : target != NULL ? _cf_wait_find_running_locked (target)
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

/* One whose wait may end all the same: who hangs on it is not hopeless before it has named all its targets. */
static CfWaitRecord *
find_part_locked (void)
{
  for (CfWaitRecord *record = _cf_wait_records; record != NULL; record = record->next)
    if (record->is_part && is_to_be_told (record))
      return record;

  return NULL;
}

/* Nobody else is hopeless any more: a circle in which all wait for the end of a pool.  The one who closed it. */
static CfWaitRecord *
find_ending_locked (void)
{
  for (CfWaitRecord *record = _cf_wait_records; record != NULL; record = record->next)
    if (!record->can_end)
      return record;

  return NULL;
}

/* The one who came last, or who waits for what came last; else anybody whom it concerns, and best one who can be told why. */
static CfWaitRecord *
choose_locked (CfWaitRecord *last,
               CfFuture     *future)
{
  CfWaitRecord *any = find_part_locked ();

  if (any != NULL)
    return any;
  if (last != NULL && is_to_be_told (last))
    return last;

  for (CfWaitRecord *record = _cf_wait_records; record != NULL; record = record->next)
    {
      if (!is_to_be_told (record))
        continue;
      if (future != NULL && waits_for (record, future))
        return record;
      any = record;
    }

  return any != NULL ? any : find_ending_locked ();
}

/* Whoever waits for a failure is woken when what he hopes for succeeds; here he is seen before he comes back to look for
 * something else to hope for, also if it was too early to wake him. */
static CfWaitRecord *
find_disappointed_locked (void)
{
  __atomic_thread_fence (__ATOMIC_SEQ_CST);
  for (CfWaitRecord *record = _cf_wait_records; record != NULL; record = record->next)
    if (record->hope != NULL && *record->hope != NULL && !_cf_wait_goes_on_locked (record) && !_cf_wait_may_fail_locked (*record->hope))
      return record;

  return NULL;
}

static void
tell_hopeless_locked (CfWaitRecord *last,
                      CfFuture     *future)
{
  CfWaitRecord *record;

  do
    {
      _cf_wait_judge_locked ();
      record = choose_locked (last, future);
      if (record != NULL)
        tell_locked (record);
      else
        last = record = find_disappointed_locked ();
    }
  while (record != NULL);
}

/* What became hopeless before somebody comes is not to be laid to him. */
static void
tell_disappointed_locked (void)
{
  CfWaitRecord *record = find_disappointed_locked ();

  if (record != NULL)
    tell_hopeless_locked (record, NULL);
}

/* By which the thread is found and named. */
CfFuture *
_cf_wait_frame_ensure_future (CfWaitFrame *frame)
{
  if (frame->future != NULL)
    return frame->future;

  frame->future = frame->stand_in = cf_future_new ();
  _cf_future_set_name (frame->stand_in, "the end of a task");

  return frame->future;
}

/* A binding is told of the first reference beside its own, and may take a lock of its language then: so that one, of all
 * that others may note under the lock, is taken before. */
static void
hold (CfWaitRecord *record)
{
  for (CfWaitFrame *frame = record->thread->top; frame != NULL; frame = frame->outer)
    _cf_future_ref (_cf_wait_frame_ensure_future (frame));
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
  /* Others have to come in its place before it counts as one that waits. */
  if (record->thread->is_preparing)
    record->thread->pool->stay (record->thread->pool);
  hold (record);
  g_mutex_lock (&graph_lock);
  tell_disappointed_locked ();
  record->prev = NULL;
  record->next = _cf_wait_records;
  if (_cf_wait_records != NULL)
    _cf_wait_records->prev = record;
  _cf_wait_records = record;
  g_atomic_int_inc (&_cf_wait_n_records);
  if (!_cf_wait_is_sure_to_end_locked (record))
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
    _cf_wait_records = record->next;
  if (record->next != NULL)
    record->next->prev = record->prev;
  g_atomic_int_add (&_cf_wait_n_records, -1);
  circle = g_steal_pointer (&record->circle);
  g_mutex_unlock (&graph_lock);
  release (record);

  if (circle == NULL)
    return TRUE;
  text = describe_circle (circle);
  g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_DEADLOCK, "This wait can never end: %s", text);

  return FALSE;
}

/* For who waits for the end of a pool and cannot get an error.  FALSE: it must not wait any longer. */
gboolean
_cf_wait_graph_leave_ending (CfWaitRecord *record)
{
  g_autoptr (GError) error = NULL;

  if (_cf_wait_graph_leave (record, &error))
    return TRUE;
  g_warning ("A shutdown of another pool does not wait for its end: %s", error->message);

  return FALSE;
}

/* In a forked process: those who waited, or held the lock, are threads of the other one. */
void
_cf_wait_graph_forget (void)
{
  g_mutex_init (&graph_lock);
  _cf_wait_records = NULL;
  g_atomic_int_set (&_cf_wait_n_records, 0);
}

/* @future was put into the queue of a pool.  Whoever waits for it may have waited for somebody outside until now. */
void
_cf_wait_graph_scheduled (CfFuture *future)
{
  if (g_atomic_int_get (&_cf_wait_n_records) == 0 || _cf_waiters_is_empty (&_cf_future_fields (future)->waiters))
    return;

  g_mutex_lock (&graph_lock);
  tell_disappointed_locked ();
  if (!_cf_wait_is_sure_to_complete_locked (future))
    tell_hopeless_locked (NULL, future);
  g_mutex_unlock (&graph_lock);
}
