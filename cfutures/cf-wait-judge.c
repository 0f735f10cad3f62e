/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-wait-judge-private.h"

/* Which of the waits of worker threads can end. */

CfWaitRecord *_cf_wait_records;
gint          _cf_wait_n_records;

static gboolean
runs (CfWaitRecord *record,
      CfFuture     *future)
{
  for (CfWaitFrame *frame = record->thread->top; frame != NULL; frame = frame->outer)
    if (frame->future == future)
      return TRUE;

  return FALSE;
}

CfWaitRecord *
_cf_wait_find_running_locked (CfFuture *future)
{
  for (CfWaitRecord *record = _cf_wait_records; record != NULL; record = record->next)
    if (runs (record, future))
      return record;

  return NULL;
}

/* A worker of @pool that is stuck; the one that is given, if it is one.  NULL if none is. */
CfWaitRecord *
_cf_wait_find_stuck_locked (CfFutureOwner *pool,
                            CfWaitRecord  *preferred)
{
  CfWaitRecord *found = NULL;

  for (CfWaitRecord *record = _cf_wait_records; record != NULL; record = record->next)
    if (record->thread->pool == pool && !record->can_end && (found == NULL || record == preferred))
      found = record;

  return found;
}

/* The records of a pool prove that it is still there. */
static gboolean
is_stuck_locked (CfFutureOwner *pool)
{
  CfWaitRecord *any = _cf_wait_find_stuck_locked (pool, NULL);
  guint         n_stuck = 0;

  if (any == NULL || any->thread->pool->get_max_workers == NULL)
    return FALSE;
  for (CfWaitRecord *record = _cf_wait_records; record != NULL; record = record->next)
    if (record->thread->pool == pool && !record->can_end)
      n_stuck++;

  return n_stuck >= pool->get_max_workers (pool);
}

static gboolean
is_done (CfFuture *future)
{
  return _cf_phase_is_done (_cf_future_load (future));
}

static gboolean
can_complete_locked (CfFuture *future)
{
  CfFutureOwner *owner;
  CfWaitRecord  *runner;

  if (is_done (future))
    return TRUE;
  owner = _cf_future_peek_owner (future);
  if (owner != NULL)
    return !is_stuck_locked (owner);
  runner = _cf_wait_find_running_locked (future);

  return runner == NULL || runner->can_end;
}

gboolean
_cf_wait_may_fail_locked (CfFuture *target)
{
  return is_done (target) ? _cf_future_has_failed (target) : can_complete_locked (target);
}

/* The hope stays the same while it may fail.  Another one is picked at random: in whatever order the targets are done, few
 * are picked in vain. */
static CfFuture *
choose_hope_locked (CfWaitRecord *record)
{
  static guint32 seed; /* (graph lock) */
  CfFuture      *hope = *record->hope;
  guint          n = 0;

  if (hope != NULL && _cf_wait_may_fail_locked (hope))
    return hope;

  hope = NULL;
  for (gsize i = 0; i < record->n_targets; i++)
    if (_cf_wait_may_fail_locked (record->targets[i]))
      {
        seed = seed * 1664525 + 1013904223;
        n++;
        hope = (seed >> 8) % n == 0 ? record->targets[i] : hope;
      }

  return hope;
}

/* Whether one of the targets alone may be enough. */
static gboolean
has_hope_locked (CfWaitRecord *record)
{
  CfFuture *hope = NULL;

  if (record->mode == CF_WAIT_EXCEPTION)
    {
      hope = choose_hope_locked (record);
      __atomic_store_n (record->hope, hope, __ATOMIC_SEQ_CST);
    }
  for (gsize i = 0; i < record->n_targets && hope == NULL && record->mode == CF_WAIT_ANY; i++)
    if (can_complete_locked (record->targets[i]))
      hope = record->targets[i];

  return hope != NULL;
}

static CfFuture *
find_hopeless_target_locked (CfWaitRecord *record)
{
  if (has_hope_locked (record))
    return NULL;

  for (gsize i = 0; i < record->n_targets; i++)
    if (!can_complete_locked (record->targets[i]))
      return record->targets[i];

  return NULL;
}

/* What the wait cannot do without and does not get; NULL if there is no such thing. */
CfFuture *
_cf_wait_find_hopeless_locked (CfWaitRecord *record)
{
  CfFuture     *future = NULL;
  CfWaitRecord *runner;

  if (record->look != NULL && !record->look (record, &future))
    return NULL;
  if (future == NULL)
    return find_hopeless_target_locked (record);
  runner = _cf_wait_find_running_locked (future);

  return runner != NULL && !runner->can_end ? future : NULL;
}

/* It is told already, or has what it waits for, and is on its way. */
gboolean
_cf_wait_goes_on_locked (CfWaitRecord *record)
{
  return record->circle != NULL || (record->parker != NULL && (_cf_parker_get (record->parker) & CF_PARKER_DONE) != 0);
}

static gboolean
can_end_locked (CfWaitRecord *record)
{
  if (_cf_wait_goes_on_locked (record))
    return TRUE;
  if (record->ending != NULL)
    return _cf_wait_find_stuck_locked (record->ending, NULL) == NULL;

  return _cf_wait_find_hopeless_locked (record) == NULL;
}

/* Sets can_end of all. */
void
_cf_wait_judge_locked (void)
{
  gboolean changed = TRUE;

  for (CfWaitRecord *record = _cf_wait_records; record != NULL; record = record->next)
    record->can_end = FALSE;

  while (changed)
    {
      changed = FALSE;
      for (CfWaitRecord *record = _cf_wait_records; record != NULL; record = record->next)
        if (!record->can_end && can_end_locked (record))
          record->can_end = changed = TRUE;
    }
}

/* A short proof that a wait can end is looked for first, as to judge all takes long when somebody waits for many.  It ends at
 * tasks that do not wait, and not at the wait itself: so what could end without this wait still can. */

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

  for (CfWaitRecord *record = _cf_wait_records; record != NULL; record = record->next)
    n_waiting += record->thread->pool == pool ? 1 : 0;
  if (n_waiting == 0 || pool->get_max_workers == NULL || n_waiting < pool->get_max_workers (pool))
    return TRUE;

  for (CfWaitRecord *record = _cf_wait_records; record != NULL; record = record->next)
    if (record->thread->pool == pool && will_end_locked (record, proof))
      return TRUE;

  return FALSE;
}

static gboolean
will_be_through_locked (CfFuture *running,
                        Proof    *proof)
{
  CfWaitRecord *runner = _cf_wait_find_running_locked (running);

  return runner == NULL || will_end_locked (runner, proof);
}

static gboolean
will_complete_locked (CfFuture *future,
                      Proof    *proof)
{
  CfFutureOwner *owner = _cf_future_peek_owner (future);

  return owner != NULL ? will_go_on_locked (owner, proof) : will_be_through_locked (future, proof);
}

static gboolean
will_get_enough_locked (CfWaitRecord *record,
                        Proof        *proof)
{
  gboolean needs_all = record->mode == CF_WAIT_ALL;

  for (gsize i = 0; i < record->n_targets; i++)
    {
      gboolean will_come;

      if (proof->n_looks == 0)
        return FALSE;
      proof->n_looks--;
      will_come = is_done (record->targets[i]) || will_complete_locked (record->targets[i], proof);
      if (will_come != needs_all)
        return will_come;
    }

  return needs_all;
}

static gboolean
will_get_item_locked (CfWaitRecord *record,
                      Proof        *proof)
{
  CfFuture *future = NULL;

  if (!record->look (record, &future))
    return TRUE;

  return future != NULL ? will_be_through_locked (future, proof) : will_get_enough_locked (record, proof);
}

/* FALSE: that is not known.  Whoever hopes for a failure has to choose a hope first. */
static gboolean
will_end_locked (CfWaitRecord *record,
                 Proof        *proof)
{
  gboolean will_end;

  if (_cf_wait_goes_on_locked (record))
    return TRUE;
  if (record->ending != NULL || record->mode == CF_WAIT_EXCEPTION || proof->depth == 0)
    return FALSE;

  proof->depth--;
  will_end = record->look != NULL ? will_get_item_locked (record, proof) : will_get_enough_locked (record, proof);
  proof->depth++;

  return will_end;
}

/* Whether a proof was found that it ends. */
gboolean
_cf_wait_is_sure_to_end_locked (CfWaitRecord *record)
{
  Proof proof = { record->n_targets + PROOF_LOOKS, PROOF_DEPTH };

  return will_end_locked (record, &proof);
}

/* The same for a future, which it is that may end. */
gboolean
_cf_wait_is_sure_to_complete_locked (CfFuture *future)
{
  Proof proof = { PROOF_LOOKS, PROOF_DEPTH };

  return will_complete_locked (future, &proof);
}
