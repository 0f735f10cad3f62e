/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Variables of the thread that cost no function call; there are few enough for what a loaded library may have. */
#define CF_THREAD_LOCAL __thread __attribute__ ((tls_model ("initial-exec")))

/* What a thread sleeps on: bits that others set.  Who sets a bit touches the parker no more afterwards, so that it may
 * lie on the stack of the sleeper, who leaves only when he knows that nobody will come. */
typedef struct
{
  guint bits; /* (atomic) */
} CfParker;

enum
{
  CF_PARKER_DONE = 1 << 0, /* what it waited for */
  CF_PARKER_TOLD = 1 << 1, /* something else that it should know */
};

#define CF_PARKER_INIT \
  {                    \
    0                  \
  }

guint _cf_parker_get (CfParker *self);
void  _cf_parker_set (CfParker *self,
                      guint     bit);
void  _cf_parker_clear (CfParker *self,
                        guint     bit);
guint _cf_parker_park (CfParker *self,
                       gint64    deadline);
void  _cf_parker_relax (guint *n_rounds);

typedef gboolean (*CfSpinCheck) (gpointer data);

gboolean _cf_spin (CfSpinCheck check,
                   gpointer    data);
gboolean _cf_spin_for (CfSpinCheck check,
                       gpointer    data,
                       guint       spin_us);

/* (thread): the last spin found what it was for, and nothing was submitted since. */
extern CF_THREAD_LOCAL gboolean _cf_spin_follows;

gint64 _cf_deadline_from_timeout (gint64 timeout_us);

/* A lock that is held for moments only, and so is worth a short look before a sleep.  Its end is a plain store, which costs
 * half of what the pair would otherwise: who is just going to sleep may be overlooked, and so looks again by himself soon.
 * Nobody may take it for a fence. */
typedef struct
{
  guint word;         /* (atomic): 0 is free, 1 is held */
  guint has_sleepers; /* (atomic): 1 if there may be some */
} CfLock;

void _cf_lock_slow (CfLock *self);
void _cf_unlock_slow (CfLock *self);

static inline void
_cf_lock (CfLock *self)
{
  guint free = 0;

  if (G_UNLIKELY (!__atomic_compare_exchange_n (&self->word, &free, 1, FALSE, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))
    _cf_lock_slow (self);
}

static inline void
_cf_unlock (CfLock *self)
{
  if (G_UNLIKELY (__atomic_load_n (&self->has_sleepers, __ATOMIC_RELAXED) != 0))
    _cf_unlock_slow (self);
  else
    __atomic_store_n (&self->word, 0, __ATOMIC_RELEASE);
}

/* What different threads write lies in different lines of the cache. */
#define CF_CACHE_LINE 64
#define CF_OWN_LINE __attribute__ ((aligned (CF_CACHE_LINE)))

G_END_DECLS
