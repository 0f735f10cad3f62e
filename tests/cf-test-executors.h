/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Executors for tests, and the table of those that keep the same contract. */

#pragma once

#include "cf-test.h"

G_BEGIN_DECLS

/* Runs the work in schedule(): in the thread that submits. */
#define TEST_TYPE_INLINE_EXECUTOR (test_inline_executor_get_type ())
G_DECLARE_FINAL_TYPE (TestInlineExecutor, test_inline_executor, TEST, INLINE_EXECUTOR, CfExecutor)

/* Starts a thread for each task. */
#define TEST_TYPE_THREADED_EXECUTOR (test_threaded_executor_get_type ())
G_DECLARE_FINAL_TYPE (TestThreadedExecutor, test_threaded_executor, TEST, THREADED_EXECUTOR, CfExecutor)

/* Runs nothing until it is told to, and writes down what it is asked for. */
#define TEST_TYPE_HELD_EXECUTOR (test_held_executor_get_type ())
G_DECLARE_FINAL_TYPE (TestHeldExecutor, test_held_executor, TEST, HELD_EXECUTOR, CfExecutor)

/* What the vfuncs of a held executor were called with; outlives the executor. */
typedef struct
{
  guint    n_scheduled;
  guint    n_shutdown;
  gboolean wait;                /* of the first shutdown */
  gboolean cancel_futures;      /* of the first shutdown */
  gboolean last_wait;           /* of the last shutdown */
  gboolean last_cancel_futures; /* of the last shutdown */
  gboolean refuse;              /* schedule() fails with G_IO_ERROR_BUSY "no room" */
  gboolean refuse_mutely;       /* schedule() fails without an error */
  gboolean answer;              /* schedule() runs nothing, and says that there is no value */
  Gate    *gate;                /* (nullable): schedule() waits there */
  Gate    *end_gate;            /* (nullable): schedule() waits there when it has answered */
} HeldLog;

CfExecutor *held_executor_new (HeldLog *log);
/* Runs all that is scheduled, what is scheduled meanwhile too; returns how many. */
guint held_executor_run_all (CfExecutor *executor);

typedef enum
{
  TEST_LATER = 1 << 0,      /* submit returns before the work is done */
  TEST_QUEUE = 1 << 1,      /* has max-workers workers and a queue before them */
  TEST_IN_PROCESS = 1 << 2, /* runs CfTaskFuncs */
  TEST_POOL = 1 << 3,       /* one of the library's own */
} TestNeeds;

typedef struct
{
  const char *name;
  guint       max_workers;
  TestNeeds   has;
  guint       spin_us;
  CfExecutor *(*make) (guint max_workers,
                       guint spin_us);
} TestRow;

typedef struct
{
  const TestRow *row;
  CfExecutor    *executor;
} Executors;

/* Adds @test once for each executor that has all of @needs. */
void add_executor_tests (const char *name,
                         TestNeeds   needs,
                         void (*test) (Executors    *fixture,
                                       gconstpointer data));

/* A pool that parks at once, and one that does whatever is the default. */
CfExecutor *pool_new (guint max_workers);
CfExecutor *pool_new_parking (guint max_workers);
CfExecutor *pool_new_without_inline_waits (guint max_workers);
/* Waits for its work, and drops the last reference. */
void pool_end (CfExecutor *executor);

/* Properties of any number type. */
guint64 get_count (gpointer    object,
                   const char *property);
void    set_count (gpointer    object,
                   const char *property,
                   guint64     value);
/* Waits until the property has that value; the watchdog aborts the test. */
void await_count (gpointer    object,
                  const char *property,
                  guint64     value);

/* Drops a reference that is the last one, or will be as soon as another thread lets go of its own. */
void await_finalized (gpointer object);

/* Submits, and asserts that it was taken. */
CfFuture *submit (CfExecutor *executor,
                  CfFunc      func,
                  GVariant   *args);
CfFuture *submit_task (CfExecutor *executor,
                       CfTaskFunc  func,
                       gpointer    user_data);
/* With a name, made before it is scheduled. */
CfFuture *task_new (const char *name,
                    CfTaskFunc  func,
                    gpointer    user_data);
void      schedule (CfExecutor *executor,
                    CfFuture   *future);
/* The number that the future gives, waiting for it. */
gint64 await_int64 (CfFuture *future);
int    await_int (CfFuture *future);
void   await_error (CfFuture *future,
                    GQuark    domain,
                    int       code);
/* It failed, with that, without waiting. */
void assert_failed (CfFuture *future,
                    GQuark    domain,
                    int       code);
void assert_contains (const char *text,
                      const char *part);

/* A gate that also a process can come to; the variant is the argument of func_pipe_gate(), which gives
 * the int64 that it is given. */
typedef struct
{
  char *folder;
  int   came;
  int   go;
} PipeGate;

void      pipe_gate_init (PipeGate *gate);
void      pipe_gate_clear (PipeGate *gate);
void      pipe_gate_open (PipeGate *gate);
void      pipe_gate_await (PipeGate *gate,
                           guint     n_more);
GVariant *pipe_gate_args (PipeGate *gate,
                          gint64    value);
GVariant *func_pipe_gate (GVariant *args, GCancellable *cancellable, GError **error);
GVariant *func_echo (GVariant *args, GCancellable *cancellable, GError **error);

/* Threads of this process; the watchdog aborts the test. */
guint n_threads (void);
void  await_n_threads (guint n_threads);
guint n_descriptors (void);
/* Lets the threads that GThreadPool keeps for later go, and starts the one that it always has. */
void drop_idle_threads (void);
/* The same when there is no pool at work; waits until only the threads that stay are there, and counts them.
 * The first call must come before any pool is used. */
guint settle_threads (void);
/* The id of this thread, and a wait until that thread sleeps: a gate for "it blocks". */
int  thread_id (void);
void await_asleep (int thread_id);

/* It is, or the future fails with, BROKEN, and the message has that. */
void assert_broken (GError     *error,
                    const char *message);
void await_broken (CfFuture   *future,
                   const char *message);

G_END_DECLS
