/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The queue of a thread pool, beside a GQueue to which the same is done. */

#include <string.h>

#include "cfutures/cf-thread-queue-private.h"

#define N_FUTURES 400
#define N_STEPS 20000
#define FIRST_TO_WRAP 150u

typedef struct
{
  CfThreadQueue queue;
  CfThreadQueue arrivals;
  GQueue        model;
  GQueue        arrived;
  GQueue        taken; /* and not put back */
  GQueue        unused;
} Fixture;

static void
set_up (Fixture           *fixture,
        gconstpointer data G_GNUC_UNUSED)
{
  memset (fixture, 0, sizeof *fixture);
  _cf_thread_queue_init (&fixture->queue);
  _cf_thread_queue_init (&fixture->arrivals);
  /* The numbers begin anew in each test. */
  fixture->queue.number = fixture->arrivals.number = -FIRST_TO_WRAP;
  for (guint i = 0; i < N_FUTURES; i++)
    g_queue_push_tail (&fixture->unused, cf_future_new ());
}

static void
assert_next (CfFuture *future,
             gpointer  link)
{
  GList **next = link;

  g_assert_nonnull (*next);
  g_assert_true (future == (*next)->data);
  *next = (*next)->next;
}

static void
assert_same (CfThreadQueue *queue,
             GQueue        *model)
{
  GList *next = model->head;

  g_assert_cmpuint (_cf_thread_queue_look_at_length (queue), ==, model->length);
  _cf_thread_queue_foreach (queue, assert_next, &next);
  g_assert_null (next);
}

static void
assert_knows (Fixture *fixture)
{
  for (GList *link = fixture->model.head; link != NULL; link = link->next)
    g_assert_true (_cf_thread_queue_has (&fixture->queue, link->data));
  for (GList *link = fixture->taken.head; link != NULL; link = link->next)
    g_assert_false (_cf_thread_queue_has (&fixture->queue, link->data));
}

static CfFuture *
pick (Fixture *fixture)
{
  CfFuture *future = g_queue_pop_head (&fixture->unused);

  return future != NULL ? future : g_queue_pop_head (&fixture->taken);
}

static void
append (Fixture *fixture)
{
  CfFuture *future = pick (fixture);

  if (future == NULL)
    return;
  _cf_thread_queue_append (&fixture->arrivals, future);
  g_queue_push_tail (&fixture->arrived, future);
}

static void
remove_youngest (Fixture *fixture)
{
  CfFuture *future = g_queue_pop_tail (&fixture->arrived);

  if (future == NULL)
    return;
  g_assert_true (_cf_thread_queue_is_youngest (&fixture->arrivals, future));
  if (fixture->arrived.length > 0)
    g_assert_false (_cf_thread_queue_is_youngest (&fixture->arrivals, g_queue_peek_tail (&fixture->arrived)));
  _cf_thread_queue_remove_youngest (&fixture->arrivals);
  g_queue_push_tail (&fixture->unused, future);
}

static void
splice (Fixture *fixture)
{
  _cf_thread_queue_splice (&fixture->queue, &fixture->arrivals);
  while (fixture->arrived.length > 0)
    g_queue_push_tail (&fixture->model, g_queue_pop_head (&fixture->arrived));
}

static void
pop (Fixture *fixture)
{
  CfFuture *future = _cf_thread_queue_pop (&fixture->queue);

  g_assert_true (future == g_queue_pop_head (&fixture->model));
  if (future != NULL)
    g_queue_push_tail (&fixture->taken, future);
}

static void
put_back (Fixture *fixture)
{
  CfFuture *future = g_queue_pop_nth (&fixture->taken, fixture->taken.length > 1 ? fixture->taken.length - 2 : 0);

  if (future == NULL)
    return;
  _cf_thread_queue_put_back (&fixture->queue, future);
  g_queue_push_head (&fixture->model, future);
}

static void
remove_nth (Fixture *fixture,
            guint    n)
{
  CfFuture *future = g_queue_pop_nth (&fixture->model, n);

  _cf_thread_queue_remove (&fixture->queue, future);
  g_queue_push_tail (&fixture->unused, future);
}

static void
remove_any (Fixture *fixture)
{
  if (fixture->model.length > 0)
    remove_nth (fixture, (guint) g_test_rand_int_range (0, (gint32) fixture->model.length));
}

static void
tear_down (Fixture           *fixture,
           gconstpointer data G_GNUC_UNUSED)
{
  CfFuture *future;

  splice (fixture);
  while (fixture->model.length > 0)
    pop (fixture);
  _cf_thread_queue_clear (&fixture->queue);
  _cf_thread_queue_clear (&fixture->arrivals);
  while ((future = pick (fixture)) != NULL)
    cf_future_unref (future);
}

static void
append_many (Fixture *fixture,
             guint    n)
{
  for (guint i = 0; i < n; i++)
    append (fixture);
}

static void
test_order (Fixture           *fixture,
            gconstpointer data G_GNUC_UNUSED)
{
  g_test_summary ("What comes first is taken first, however many come at once, to a queue of whatever length.");

  for (guint n_before = 0; n_before < 130; n_before += n_before < 4 ? 1 : 41)
    for (guint n = 0; n < 130; n += n < 4 ? 1 : 29)
      {
        append_many (fixture, n_before);
        splice (fixture);
        append_many (fixture, n);
        splice (fixture);
        assert_same (&fixture->queue, &fixture->model);
        assert_same (&fixture->arrivals, &fixture->arrived);
        while (fixture->model.length > 0)
          pop (fixture);
        pop (fixture);
      }
}

static void
test_put_back (Fixture           *fixture,
               gconstpointer data G_GNUC_UNUSED)
{
  g_test_summary ("What is put back is the first again, whatever was taken since, or came.");

  for (guint n = 0; n < 130; n += n < 4 ? 1 : 31)
    for (guint n_taken = 0; n_taken <= n; n_taken++)
      {
        append_many (fixture, n);
        splice (fixture);
        for (guint i = 0; i < n_taken; i++)
          pop (fixture);
        for (guint i = 0; i < n_taken; i++)
          put_back (fixture);
        append_many (fixture, 2);
        splice (fixture);
        assert_same (&fixture->queue, &fixture->model);
        assert_knows (fixture);
        while (fixture->model.length > 0)
          pop (fixture);
        assert_knows (fixture);
      }
}

static void
test_emptied (Fixture           *fixture,
              gconstpointer data G_GNUC_UNUSED)
{
  g_test_summary ("A queue out of whose middle all is removed, again and again, keeps its order.");

  append_many (fixture, 1);
  splice (fixture);
  for (guint i = 0; i < 300; i++)
    {
      append_many (fixture, 1 + i % 150);
      splice (fixture);
      while (fixture->model.length > 1)
        remove_nth (fixture, i % 2 == 0 ? 1 : fixture->model.length - 1);
      assert_same (&fixture->queue, &fixture->model);
    }
}

static void
test_random (Fixture           *fixture,
             gconstpointer data G_GNUC_UNUSED)
{
  static void (*const steps[]) (Fixture *) = { append, append, append, remove_youngest, splice, pop, pop, put_back, remove_any, remove_any };

  g_test_summary ("Whatever is done to it in whatever order, it holds what a GQueue does, and knows what was taken.");

  for (guint i = 0; i < N_STEPS; i++)
    {
      steps[g_test_rand_int_range (0, G_N_ELEMENTS (steps))](fixture);
      /* Now long, now short. */
      if (i % 900 == 0)
        while (fixture->arrived.length > 0)
          remove_youngest (fixture);
      if (i % 500 == 0)
        append_many (fixture, (guint) g_test_rand_int_range (0, N_FUTURES));
      if (i % 700 == 0)
        while (fixture->model.length > 0)
          remove_any (fixture);
      assert_same (&fixture->queue, &fixture->model);
      assert_same (&fixture->arrivals, &fixture->arrived);
      if (i % 16 == 0)
        assert_knows (fixture);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define ADD(path, test) g_test_add ("/thread-queue/" path, Fixture, NULL, set_up, test, tear_down)
  ADD ("order", test_order);
  ADD ("put-back", test_put_back);
  ADD ("emptied", test_emptied);
  ADD ("random", test_random);

  return g_test_run ();
}
