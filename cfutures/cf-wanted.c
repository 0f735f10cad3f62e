/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-wanted-private.h"

#include "cf-future-private.h"
#include "cf-watch-private.h"

void
_cf_wanted_init (CfWanted    *self,
                 CfFuture   **futures,
                 gsize        n_futures,
                 CfReturnWhen return_when)
{
  self->own = _cf_watch_distinct (futures, n_futures, &self->n);
  self->futures = self->own != NULL ? self->own : futures;
  self->return_when = return_when;
  self->holds = FALSE;
}

/* For who does not block his caller, who has the references. */
void
_cf_wanted_hold (CfWanted *self)
{
  if (self->own == NULL)
    self->futures = self->own = g_memdup2 (self->futures, self->n * sizeof *self->futures);
  self->holds = TRUE;
  for (gsize i = 0; i < self->n; i++)
    _cf_future_ref (self->futures[i]);
}

void
_cf_wanted_clear (CfWanted *self)
{
  for (gsize i = 0; i < self->n && self->holds; i++)
    cf_future_unref (self->futures[i]);
  self->futures = NULL;
  g_clear_pointer (&self->own, g_free);
}

gboolean
_cf_wanted_is_enough (CfFuture    *future,
                      CfReturnWhen return_when)
{
  return return_when == CF_FIRST_COMPLETED || (return_when == CF_FIRST_EXCEPTION && _cf_future_has_failed (future));
}

gboolean
_cf_wanted_is_met (const CfWanted *self)
{
  gsize n_listed = 0;

  for (gsize i = 0; i < self->n; i++)
    if (_cf_future_is_listed (self->futures[i]))
      {
        if (_cf_wanted_is_enough (self->futures[i], self->return_when))
          return TRUE;
        n_listed++;
      }
    else if (self->return_when == CF_ALL_COMPLETED)
      {
        return FALSE;
      }

  return n_listed == self->n;
}

static GPtrArray *
list_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) cf_future_unref);
}

static gboolean
has_enough (GPtrArray   *listed,
            CfReturnWhen return_when)
{
  for (guint i = 0; i < listed->len; i++)
    if (_cf_wanted_is_enough (listed->pdata[i], return_when))
      return TRUE;

  return FALSE;
}

/* The lists show one moment: what was not done when it was looked at does not become so in between.  Returns whether they
 * meet the condition, as they may though the time ran out just before. */
static gboolean
make_lists (const CfWanted *self,
            GPtrArray     **done,
            GPtrArray     **not_done)
{
  g_autoptr (GPtrArray) listed = list_new ();
  g_autoptr (GPtrArray) unlisted = list_new ();
  gboolean met;

  for (gsize i = 0; i < self->n; i++)
    g_ptr_array_add (_cf_future_is_listed (self->futures[i]) ? listed : unlisted, _cf_future_ref (self->futures[i]));
  met = unlisted->len == 0 || has_enough (listed, self->return_when);
  if (done != NULL)
    *done = g_steal_pointer (&listed);
  if (not_done != NULL)
    *not_done = g_steal_pointer (&unlisted);

  return met;
}

/* What the wait returns: as its lists say, where there are any.  Takes @reason over. */
gboolean
_cf_wanted_finish (const CfWanted *self,
                   gboolean        met,
                   GError         *reason,
                   GPtrArray     **done,
                   GPtrArray     **not_done,
                   GError        **error)
{
  if ((done != NULL || not_done != NULL) && make_lists (self, done, not_done) && reason == NULL)
    return TRUE;
  if (reason != NULL)
    g_propagate_error (error, reason);

  return met;
}
