/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-test.h"
#include "cfutures/cf-bell-private.h"

#define N_ROUNDS 20000

static void
test_ring_first (void)
{
  CfBell bell = { CF_PARKER_INIT, 0 };

  g_test_summary ("A ring ends the next wait, and only that one.");

  cf_bell_ring (&bell);
  cf_bell_ring (&bell);
  g_assert_true (cf_bell_wait (&bell, -1));
  g_assert_false (cf_bell_wait (&bell, 0));
}

static void
test_time_out (void)
{
  CfBell bell = { CF_PARKER_INIT, 0 };
  gint64 start = g_get_monotonic_time ();

  g_test_summary ("A wait that nobody ends takes its time, and the bell is as good as before.");

  for (guint i = 0; i < 20; i++)
    g_assert_false (cf_bell_wait (&bell, 1000));
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 20 * 1000);

  cf_bell_ring (&bell);
  g_assert_true (cf_bell_wait (&bell, 1000));
}

/* So often that a wait sleeps at once. */
#define FAILED_OFTEN 31

typedef struct
{
  CfBell bells[2];
  guint  n_failed; /* (const): of each bell before each wait */
  guint  n_rounds; /* (bells) */
} Game;

static void
take_turn (Game *self,
           guint player)
{
  self->bells[player].n_failed = self->n_failed;
  g_assert_true (cf_bell_ring_and_wait (&self->bells[1 - player], &self->bells[player]));
}

static gpointer
play_thread (gpointer user_data)
{
  Game *self = user_data;

  cf_bell_wait (&self->bells[1], -1);
  for (guint i = 1; i < N_ROUNDS; i++)
    {
      self->n_rounds++;
      take_turn (self, 1);
    }
  self->n_rounds++;
  cf_bell_ring (&self->bells[0]);

  return NULL;
}

static void
test_ping_pong (gconstpointer n_failed)
{
  Game     self = { .n_failed = GPOINTER_TO_UINT (n_failed) };
  GThread *thread = g_thread_new ("player", play_thread, &self);

  g_test_summary ("Two threads that take turns see what the other one did, whether they look out for it or sleep.");

  for (guint i = 1; i <= N_ROUNDS; i++)
    {
      take_turn (&self, 0);
      g_assert_cmpuint (self.n_rounds, ==, i);
    }
  g_thread_join (thread);
}

int
main (int   argc,
      char *argv[])
{
  test_init (&argc, &argv);

  g_test_add_func ("/bell/ring-first", test_ring_first);
  g_test_add_func ("/bell/time-out", test_time_out);
  g_test_add_data_func ("/bell/ping-pong", GUINT_TO_POINTER (0), test_ping_pong);
  g_test_add_data_func ("/bell/ping-pong-asleep", GUINT_TO_POINTER (FAILED_OFTEN), test_ping_pong);

  return g_test_run ();
}
