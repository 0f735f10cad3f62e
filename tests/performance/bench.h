/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <cfutures/cfutures.h>

G_BEGIN_DECLS

#define BENCH_ROUNDS 5
#define BENCH_WORKERS 2

/* Runs the same work once; returns the seconds that it took. */
typedef double (*BenchFunc) (guint n);

typedef struct
{
  const char *name;
  BenchFunc   ours;
  BenchFunc   theirs;
  guint       n;
  guint       n_theirs; /* 0: as many */
} Bench;

double bench_since (gint64 start);
/* Interleaved rounds, then how many times as fast ours is: the best and the median of either side. */
void bench_compare (const Bench *bench,
                    const char  *theirs);

/* The trivial task, and its counter. */
extern gint bench_counter;
gboolean    bench_task (GValue *result, GCancellable *cancellable, gpointer user_data, GError **error);
CfExecutor *bench_pool_new (void);
CfFuture   *bench_submit (CfExecutor *executor);

/* A GThreadPool whose items count, and tell when the last one of a batch is done. */
typedef struct
{
  GThreadPool *pool;
  GMutex       lock;
  GCond        done;
  gint         n_left; /* (atomic) */
} BenchRaw;

void bench_raw_init (BenchRaw *raw);
void bench_raw_push (BenchRaw *raw);
void bench_raw_expect (BenchRaw *raw,
                       guint     n);
void bench_raw_await (BenchRaw *raw);
void bench_raw_clear (BenchRaw *raw);

G_END_DECLS
