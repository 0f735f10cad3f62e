/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Tasks that wait for others, in every way there is. */

#pragma once

#include "cf-test-executors.h"

G_BEGIN_DECLS

typedef enum
{
  WAIT_GET_RESULT,
  WAIT_GET_EXCEPTION,
  WAIT_WAIT,
  WAIT_CF_WAIT,
  WAIT_AS_COMPLETED,
  N_WAITS
} WaitKind;

/* A fixture of tests that are run for each kind of wait, which is their data. */
typedef struct
{
  Gate     gate;
  WaitKind kind;
} WaitFixture;

/* A task that comes to a gate and then waits for a future. */
typedef struct
{
  const char *name;
  CfFuture   *future; /* (owned): of this task */
  CfFuture   *target; /* what it waits for; not a reference */
  WaitKind    kind;
  gint64      timeout;
  Gate       *gate;      /* (nullable): it comes here before it waits */
  gint        thread_id; /* (atomic) */
  gboolean    met;       /* the task, then the main thread: the target was done */
  GError     *error;     /* the same: what the wait failed with */
} Waiter;

/* @gate may be NULL; the timeout is -1. */
void waiter_init (Waiter     *waiter,
                  const char *name,
                  WaitKind    kind,
                  Gate       *gate);
void waiter_clear (Waiter *waiter);
/* Waits for its task, which never fails. */
void     waiter_await (Waiter *waiter);
gboolean waiter_was_told (Waiter *waiter);
/* The wait, or the get_result() after a wait() that cannot tell, failed with DEADLOCK, and the text has these names. */
void waiter_assert_told (Waiter     *waiter,
                         const char *name,
                         const char *other_name);
/* The target was done, and the wait said so. */
void waiter_assert_met (Waiter *waiter);
/* Whether the task sleeps: it is in its wait, unless the machine plays tricks; only to make that likely. */
void waiter_await_asleep (Waiter *waiter);

void wait_fixture_set_up (WaitFixture  *fixture,
                          gconstpointer kind);
void wait_fixture_tear_down (WaitFixture  *fixture,
                             gconstpointer kind);

/* One wait as a task makes it; TRUE when the target was done. */
gboolean wait_for (CfFuture *target,
                   WaitKind  kind,
                   gint64    timeout,
                   GError  **error);
gboolean task_wait (GValue *result, GCancellable *cancellable, gpointer user_data, GError **error);

G_END_DECLS
