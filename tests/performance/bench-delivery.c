/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Completions that a main loop is told of, beside one GSource for each. */

#include "bench.h"

static void
count_done (CfFuture *future G_GNUC_UNUSED,
            gpointer         n_left)
{
  --*(guint *) n_left;
}

static gpointer
settle_thread (gpointer data)
{
  CfFuture **futures = data;

  for (guint i = 0; futures[i] != NULL; i++)
    cf_future_set_result (futures[i], NULL, NULL);

  return NULL;
}

/* From the first completion until the last handler was called. */
static double
signals (guint n)
{
  g_autofree CfFuture **futures = g_new0 (CfFuture *, n + 1);
  guint                 n_left = n;
  GThread              *thread;
  gint64                start;
  double                seconds;

  for (guint i = 0; i < n; i++)
    {
      futures[i] = cf_future_new ();
      g_signal_connect (futures[i], "done", G_CALLBACK (count_done), &n_left);
    }
  start = g_get_monotonic_time ();
  thread = g_thread_new ("settle", settle_thread, futures);
  while (n_left > 0)
    g_main_context_iteration (NULL, TRUE);
  seconds = bench_since (start);
  g_thread_join (thread);
  for (guint i = 0; i < n; i++)
    cf_future_unref (futures[i]);

  return seconds;
}

static gboolean
count_source (gpointer n_left)
{
  --*(guint *) n_left;

  return G_SOURCE_REMOVE;
}

typedef struct
{
  guint  n;
  guint *n_left;
} Sources;

static gpointer
attach_thread (gpointer data)
{
  Sources *self = data;

  for (guint i = 0; i < self->n; i++)
    {
      GSource *source = g_idle_source_new ();

      g_source_set_priority (source, G_PRIORITY_DEFAULT);
      g_source_set_callback (source, count_source, self->n_left, NULL);
      g_source_attach (source, NULL);
      g_source_unref (source);
    }

  return NULL;
}

static double
sources (guint n)
{
  guint    n_left = n;
  Sources  all = { n, &n_left };
  gint64   start = g_get_monotonic_time ();
  GThread *thread = g_thread_new ("attach", attach_thread, &all);
  double   seconds;

  while (n_left > 0)
    g_main_context_iteration (NULL, TRUE);
  seconds = bench_since (start);
  g_thread_join (thread);

  return seconds;
}

int
main (void)
{
  const Bench bench = { "a completion told to a main loop", signals, sources, 200000, 0 };

  bench_compare (&bench, "a GSource each");

  return 0;
}
