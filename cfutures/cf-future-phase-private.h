/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-future-private.h"
#include "cf-parker-private.h"

G_BEGIN_DECLS

/* The atomic steps of which all changes of state are made; cf-future-private.h has the drawing. */

static inline guint
_cf_phase_of (guint state)
{
  return state & CF_PHASE_MASK;
}

static inline gboolean
_cf_future_swap_state (CfFuture *self,
                       guint    *from,
                       guint     to)
{
  return __atomic_compare_exchange_n (&_cf_future_fields (self)->state, from, to, FALSE, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);
}

/* For who owns the phase: others may still set flags meanwhile.  Returns the state as it was. */
static inline guint
_cf_future_set_phase (CfFuture *self,
                      guint     phase,
                      guint     set,
                      guint     clear)
{
  guint state = _cf_future_load (self);

  while (!_cf_future_swap_state (self, &state, (state & ~(CF_PHASE_MASK | clear)) | phase | set))
    ;

  return state;
}

static inline gboolean
_cf_phase_is_calm (guint state)
{
  return _cf_phase_of (state) != CF_PHASE_ASKING && _cf_phase_of (state) != CF_PHASE_RUNNING_ASKING;
}

static inline guint
_cf_future_await_calm (CfFuture *self)
{
  guint state, n_rounds = 0;

  while (!_cf_phase_is_calm (state = _cf_future_load (self)))
    _cf_parker_relax (&n_rounds);

  return state;
}

/* The state once nobody is in the middle of a step that lasts for moments. */
static inline guint
_cf_future_load_calm (CfFuture *self)
{
  guint state = _cf_future_load (self);

  return G_LIKELY (_cf_phase_is_calm (state)) ? state : _cf_future_await_calm (self);
}

/* The state once nobody is in the middle of a step from which it may come back to @phase: others may last longer. */
static inline guint
_cf_future_load_calm_for (CfFuture *self,
                          guint     phase)
{
  guint step = phase == CF_PHASE_PENDING ? CF_PHASE_ASKING : CF_PHASE_RUNNING_ASKING;
  guint state, n_rounds = 0;

  while (G_UNLIKELY (_cf_phase_of (state = _cf_future_load (self)) == step))
    _cf_parker_relax (&n_rounds);

  return state;
}

/* Changes PENDING or RUNNING for another phase.  FALSE: it is in another one, or may be in the middle of a step there. */
static inline gboolean
_cf_future_change_phase (CfFuture *self,
                         guint     from,
                         guint     to,
                         guint    *before)
{
  guint state = _cf_future_load_calm_for (self, from);

  while (_cf_phase_of (state) == from)
    {
      if (_cf_future_swap_state (self, &state, (state & ~CF_PHASE_MASK) | to))
        {
          *before = state;
          return TRUE;
        }
      state = _cf_future_load_calm_for (self, from);
    }

  *before = state;

  return FALSE;
}

G_END_DECLS
