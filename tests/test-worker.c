/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-test.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cf-test-line.h"

/* A worker that serves in a thread, and the other end of its line. */
typedef struct
{
  CfWorker *worker;
  GThread  *thread;
  GError   *error; /* after the join */
  Line      line;
} Fixture;

static gpointer
serve_thread (gpointer user_data)
{
  Fixture *fixture = user_data;

  return GINT_TO_POINTER (cf_worker_run (fixture->worker, &fixture->error));
}

static GVariant *
handle (const char               *function,
        GVariant *args            G_GNUC_UNUSED,
        GCancellable *cancellable G_GNUC_UNUSED,
        gpointer user_data        G_GNUC_UNUSED,
        GError                  **error)
{
  if (g_str_equal (function, "unknown"))
    {
      g_set_error (error, g_quark_from_string ("made-up-domain"), -77, "not\xff utf-8");
      return NULL;
    }

  return g_variant_new_string (function);
}

static GVariant *
wait_for_cancel (GVariant *args G_GNUC_UNUSED,
                 GCancellable  *cancellable,
                 GError       **error)
{
  GPollFD fd;

  g_cancellable_make_pollfd (cancellable, &fd);
  g_poll (&fd, 1, -1);
  g_cancellable_release_fd (cancellable);
  g_cancellable_set_error_if_cancelled (cancellable, error);

  return NULL;
}

static GVariant *
give_handle (GVariant *args            G_GNUC_UNUSED,
             GCancellable *cancellable G_GNUC_UNUSED,
             GError **error            G_GNUC_UNUSED)
{
  return g_variant_new_handle (1);
}

/* Takes the calls that nobody registered, one by one, and answers by their names. */
static gpointer
take_thread (gpointer user_data)
{
  Fixture         *fixture = user_data;
  CfWorker        *worker = fixture->worker;
  g_autofree char *function = NULL;
  g_autoptr (GVariant) args = NULL;

  while (cf_worker_take_call (worker, &function, &args, &fixture->error))
    {
      g_autoptr (GError) failure = NULL;
      g_autofree char *name = g_steal_pointer (&function);
      g_autoptr (GVariant) own_args = g_steal_pointer (&args);

      g_assert_true (G_IS_CANCELLABLE (cf_worker_get_cancellable (worker)));
      if (g_str_equal (name, "nothing"))
        cf_worker_return_result (worker, NULL, &fixture->error);
      else if (g_str_equal (name, "a handle"))
        cf_worker_return_result (worker, g_variant_new_handle (1), &fixture->error);
      else if (g_str_equal (name, "fork") && fork () == 0)
        cf_worker_return_result (worker, g_variant_new_string ("from the child"), NULL);
      else if (g_str_equal (name, "until cancelled") && wait_for_cancel (own_args, cf_worker_get_cancellable (worker), &failure) == NULL)
        cf_worker_return_error (worker, failure, &fixture->error);
      else if (own_args != NULL)
        cf_worker_return_result (worker, own_args, &fixture->error);
      else
        cf_worker_return_result (worker, g_variant_new_string (name), &fixture->error);
      g_assert_null (cf_worker_get_cancellable (worker));
    }
  g_assert_null (function);
  g_assert_null (args);

  return GINT_TO_POINTER (fixture->error == NULL);
}

/* Says by its failure whether it got a name. */
static GVariant *
prepare (const char               *function,
         GVariant *args            G_GNUC_UNUSED,
         GCancellable *cancellable G_GNUC_UNUSED,
         gpointer user_data        G_GNUC_UNUSED,
         GError                  **error)
{
  g_set_error_literal (error, G_IO_ERROR, *function != '\0' ? G_IO_ERROR_EXISTS : G_IO_ERROR_NOT_FOUND, "");

  return NULL;
}

typedef struct
{
  gboolean        with_handler;
  CfWorkerHandler initializer;
  GThreadFunc     serve;
  gboolean        fails_to_start;
} Kind;

static const Kind plain = { .serve = serve_thread };
static const Kind handling = { .serve = serve_thread, .with_handler = TRUE };
static const Kind preparing = { .serve = serve_thread, .initializer = prepare };
static const Kind taking = { .serve = take_thread };
static const Kind failing = { .serve = take_thread, .fails_to_start = TRUE };

static void
set_up (Fixture      *fixture,
        gconstpointer data)
{
  const Kind *kind = data;
  g_autoptr (GError) error = NULL;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  line_init (&fixture->line, fds[0]);
  fixture->worker = cf_worker_new_for_fd (fds[1], &error);
  g_assert_no_error (error);
  cf_worker_add_function (fixture->worker, "double", func_double);
  cf_worker_add_function (fixture->worker, "null", func_null);
  cf_worker_add_function (fixture->worker, "fail", func_fail);
  cf_worker_add_function (fixture->worker, "wait", wait_for_cancel);
  cf_worker_add_function (fixture->worker, "handle", give_handle);
  if (kind->with_handler)
    cf_worker_set_handler (fixture->worker, handle, NULL, NULL);
  if (kind->initializer != NULL)
    cf_worker_set_initializer (fixture->worker, kind->initializer, NULL, NULL);
  if (kind->fails_to_start)
    cf_worker_fail_start (fixture->worker, &(GError){ G_IO_ERROR, G_IO_ERROR_BUSY, (char *) "not today" });
  fixture->thread = g_thread_new ("worker", kind->serve, fixture);
}

static gboolean
join (Fixture *fixture)
{
  return GPOINTER_TO_INT (g_thread_join (g_steal_pointer (&fixture->thread)));
}

static void
tear_down (Fixture           *fixture,
           gconstpointer data G_GNUC_UNUSED)
{
  line_close (&fixture->line);
  if (fixture->thread != NULL)
    g_assert_true (join (fixture));
  g_clear_error (&fixture->error);
  line_clear (&fixture->line);
  g_assert_finalize_object (fixture->worker);
}

static void
test_calls (Fixture           *fixture,
            gconstpointer data G_GNUC_UNUSED)
{
  const char *domain = g_quark_to_string (CF_EXECUTOR_ERROR);
  CfWireFrame frame;

  g_test_summary ("Each call gets one reply, in order, whatever the function does.");

  expect_hello (&fixture->line);
  send_call (&fixture->line, 1, "double", g_variant_new_int64 (21));
  send_call (&fixture->line, 2, "fail", NULL);
  send_call (&fixture->line, 3, "null", NULL);
  send_call (&fixture->line, 4, "no such function", NULL);
  send_call (&fixture->line, 5, "handle", NULL);

  expect (&fixture->line, CF_WIRE_RESULT, 1, &frame);
  g_assert_cmpint (g_variant_get_int64 (frame.payload), ==, 42);
  _cf_wire_frame_clear (&frame);
  expect_error (&fixture->line, 2, g_quark_to_string (G_IO_ERROR), G_IO_ERROR_NOT_FOUND);
  expect_error (&fixture->line, 3, domain, CF_EXECUTOR_ERROR_NO_RESULT);
  expect_error (&fixture->line, 4, domain, CF_EXECUTOR_ERROR_NOT_FOUND);
  expect_error (&fixture->line, 5, domain, CF_EXECUTOR_ERROR_NOT_SERIALIZABLE);

  send_frame (&fixture->line, &(CfWireFrame){ .kind = CF_WIRE_BYE });
  g_assert_true (join (fixture));
  g_assert_no_error (fixture->error);
}

static void
test_handler (Fixture           *fixture,
              gconstpointer data G_GNUC_UNUSED)
{
  CfWireFrame frame;

  g_test_summary ("The handler gets what is not registered; an error keeps what it says, UTF-8 or not.");

  expect_hello (&fixture->line);
  send_call (&fixture->line, 1, "anything", NULL);
  expect (&fixture->line, CF_WIRE_RESULT, 1, &frame);
  g_assert_cmpstr (g_variant_get_string (frame.payload, NULL), ==, "anything");
  _cf_wire_frame_clear (&frame);

  send_call (&fixture->line, 2, "unknown", NULL);
  expect (&fixture->line, CF_WIRE_ERROR, 2, &frame);
  g_assert_cmpstr (frame.strings[0], ==, "made-up-domain");
  g_assert_cmpstr (frame.strings[1], ==, "not\xff utf-8");
  g_assert_cmpint (frame.code, ==, -77);
  _cf_wire_frame_clear (&frame);
}

/* Sends the numbers as one message, and expects an answer to each. */
static void
check_chunk (Fixture    *fixture,
             const char *function,
             gint64      factor)
{
  g_autoptr (GVariant) items = g_variant_ref_sink (g_variant_new_parsed ("[@x 1, 2, 3]"));
  CfWireFrame call = {
    .kind = CF_WIRE_CALL,
    .flags = CF_WIRE_FLAG_NAMED | CF_WIRE_FLAG_CHUNK,
    .task = 9,
    .n_strings = 1,
    .strings = { function },
    .payload = items,
  };

  expect_hello (&fixture->line);
  send_frame (&fixture->line, &call);
  for (guint i = 0; i < 3; i++)
    {
      CfWireFrame frame;

      expect (&fixture->line, CF_WIRE_RESULT, 9, &frame);
      g_assert_cmpuint (frame.index, ==, i);
      g_assert_cmpint (g_variant_get_int64 (frame.payload), ==, factor * (i + 1));
      _cf_wire_frame_clear (&frame);
    }
}

static void
test_chunk (Fixture           *fixture,
            gconstpointer data G_GNUC_UNUSED)
{
  g_test_summary ("A chunk is one message with many calls, and many replies.");

  check_chunk (fixture, "double", 2);
}

static void
test_take_chunk (Fixture           *fixture,
                 gconstpointer data G_GNUC_UNUSED)
{
  g_test_summary ("The calls of a chunk are taken one by one.");

  check_chunk (fixture, "anything", 1);
}

static void
test_lost_parent (Fixture           *fixture,
                  gconstpointer data G_GNUC_UNUSED)
{
  g_test_summary ("When the other side goes, the running call is cancelled and the worker returns.");

  expect_hello (&fixture->line);
  send_call (&fixture->line, 1, "wait", NULL);
  line_close (&fixture->line);
  g_assert_true (join (fixture));
  g_assert_no_error (fixture->error);
}

static void
test_deaf_parent (Fixture           *fixture,
                  gconstpointer data G_GNUC_UNUSED)
{
  struct pollfd fd = { .fd = fixture->line.fd, .events = POLLIN };

  g_test_summary ("That the other side went without reading everything is no error.");

  g_assert_cmpint (poll (&fd, 1, -1), ==, 1);
  line_close (&fixture->line);
  g_assert_true (join (fixture));
  g_assert_no_error (fixture->error);
}

static void
test_take (Fixture           *fixture,
           gconstpointer data G_GNUC_UNUSED)
{
  CfWireFrame frame;

  g_test_summary ("Calls that nobody registered can be taken one by one; functions of C are run in between.");

  expect_hello (&fixture->line);
  send_call (&fixture->line, 1, "one", NULL);
  send_call (&fixture->line, 2, "double", g_variant_new_int64 (21));
  send_call (&fixture->line, 3, "three", g_variant_new_string ("its argument"));
  send_call (&fixture->line, 4, "nothing", NULL);
  send_call (&fixture->line, 5, "a handle", NULL);

  expect_string (&fixture->line, 1, "one");
  expect (&fixture->line, CF_WIRE_RESULT, 2, &frame);
  g_assert_cmpint (g_variant_get_int64 (frame.payload), ==, 42);
  _cf_wire_frame_clear (&frame);
  expect_string (&fixture->line, 3, "its argument");
  expect_error (&fixture->line, 4, g_quark_to_string (CF_EXECUTOR_ERROR), CF_EXECUTOR_ERROR_NO_RESULT);
  expect_error (&fixture->line, 5, g_quark_to_string (CF_EXECUTOR_ERROR), CF_EXECUTOR_ERROR_NOT_SERIALIZABLE);

  send_frame (&fixture->line, &(CfWireFrame){ .kind = CF_WIRE_BYE });
  g_assert_true (join (fixture));
  g_assert_no_error (fixture->error);
}

static void
test_take_forked (Fixture           *fixture,
                  gconstpointer data G_GNUC_UNUSED)
{
  g_test_summary ("A child that a call forked does not answer for it.");

  expect_hello (&fixture->line);
  send_call (&fixture->line, 1, "fork", NULL);
  expect_string (&fixture->line, 1, "fork");
}

static void
test_take_lost_parent (Fixture           *fixture,
                       gconstpointer data G_GNUC_UNUSED)
{
  g_test_summary ("When the other side goes, the call that was taken is cancelled, and no other one comes.");

  expect_hello (&fixture->line);
  send_call (&fixture->line, 1, "until cancelled", NULL);
  line_close (&fixture->line);
  g_assert_true (join (fixture));
  g_assert_no_error (fixture->error);
}

static void
test_start (Fixture           *fixture,
            gconstpointer data G_GNUC_UNUSED)
{
  CfWireFrame frame;

  g_test_summary ("A parent that asks for nothing in particular gets the unit tuple; one that names a function gets that.");

  expect_hello (&fixture->line);
  send_frame (&fixture->line, &(CfWireFrame){ .kind = CF_WIRE_INIT });
  expect (&fixture->line, CF_WIRE_RESULT, 0, &frame);
  g_assert_cmpstr (g_variant_get_type_string (frame.payload), ==, "()");
  _cf_wire_frame_clear (&frame);
  send_frame (&fixture->line, &(CfWireFrame){ .kind = CF_WIRE_INIT, .flags = CF_WIRE_FLAG_NAMED, .n_strings = 1, .strings = { "prepare" } });
  expect_string (&fixture->line, 0, "prepare");
}

static void
test_initializer (Fixture           *fixture,
                  gconstpointer data G_GNUC_UNUSED)
{
  g_test_summary ("A worker's own initializer gets the name of the pool's one.");

  expect_hello (&fixture->line);
  send_frame (&fixture->line, &(CfWireFrame){ .kind = CF_WIRE_INIT, .flags = CF_WIRE_FLAG_NAMED, .n_strings = 1, .strings = { "prepare" } });
  expect_error (&fixture->line, 0, g_quark_to_string (G_IO_ERROR), G_IO_ERROR_EXISTS);
}

static void
test_initializer_without_name (Fixture           *fixture,
                               gconstpointer data G_GNUC_UNUSED)
{
  g_test_summary ("It gets no name when the pool's one is a function pointer.");

  expect_hello (&fixture->line);
  send_frame (&fixture->line, &(CfWireFrame){ .kind = CF_WIRE_INIT, .n_strings = 3, .strings = { "/lib/any.so", "00", "0" } });
  expect_error (&fixture->line, 0, g_quark_to_string (G_IO_ERROR), G_IO_ERROR_NOT_FOUND);
}

static void
test_failed_start (Fixture           *fixture,
                   gconstpointer data G_GNUC_UNUSED)
{
  g_test_summary ("A program that could not prepare itself tells why.");

  expect_hello (&fixture->line);
  send_frame (&fixture->line, &(CfWireFrame){ .kind = CF_WIRE_INIT });
  expect_error (&fixture->line, 0, g_quark_to_string (G_IO_ERROR), G_IO_ERROR_BUSY);
}

static void
test_nonsense (Fixture           *fixture,
               gconstpointer data G_GNUC_UNUSED)
{
  static const char nonsense[64] = "GET / HTTP/1.1";

  g_test_summary ("What is not the protocol ends the worker with an error.");

  expect_hello (&fixture->line);
  send_bytes (&fixture->line, nonsense, sizeof nonsense);
  g_assert_false (join (fixture));
  g_assert_error (fixture->error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_PROTOCOL);
}

static void
test_no_pool (void)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("A program that no pool started is no worker.");

  g_assert_null (cf_worker_new (&error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SUPPORTED);
}

static void
test_no_descriptors (gconstpointer n_left)
{
  struct rlimit before, low;
  int           fds[2], next;
  g_autoptr (CfWorker) worker = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Without the descriptors that it needs, there is no worker.");

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  next = fcntl (fds[1], F_DUPFD_CLOEXEC, 0);
  close (next);
  getrlimit (RLIMIT_NOFILE, &before);
  low = before;
  low.rlim_cur = (rlim_t) next + GPOINTER_TO_UINT (n_left);
  setrlimit (RLIMIT_NOFILE, &low);
  worker = cf_worker_new_for_fd (fds[1], &error);
  setrlimit (RLIMIT_NOFILE, &before);

  g_assert_null (worker);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  g_assert_cmpint (fcntl (fds[1], F_GETFD), ==, -1);
  g_assert_cmpint (fcntl (next, F_GETFD), ==, -1);
  close (fds[0]);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add ("/worker/calls", Fixture, &plain, set_up, test_calls, tear_down);
  g_test_add ("/worker/handler", Fixture, &handling, set_up, test_handler, tear_down);
  g_test_add ("/worker/chunk", Fixture, &plain, set_up, test_chunk, tear_down);
  g_test_add ("/worker/initializer", Fixture, &preparing, set_up, test_initializer, tear_down);
  g_test_add ("/worker/initializer/without-name", Fixture, &preparing, set_up, test_initializer_without_name, tear_down);
  g_test_add ("/worker/lost-parent", Fixture, &plain, set_up, test_lost_parent, tear_down);
  g_test_add ("/worker/deaf-parent", Fixture, &plain, set_up, test_deaf_parent, tear_down);
  g_test_add ("/worker/nonsense", Fixture, &plain, set_up, test_nonsense, tear_down);
  g_test_add ("/worker/take", Fixture, &taking, set_up, test_take, tear_down);
  g_test_add ("/worker/take/chunk", Fixture, &taking, set_up, test_take_chunk, tear_down);
  g_test_add ("/worker/take/forked", Fixture, &taking, set_up, test_take_forked, tear_down);
  g_test_add ("/worker/take/lost-parent", Fixture, &taking, set_up, test_take_lost_parent, tear_down);
  g_test_add ("/worker/take/start", Fixture, &taking, set_up, test_start, tear_down);
  g_test_add ("/worker/take/failed-start", Fixture, &failing, set_up, test_failed_start, tear_down);
  g_test_add_func ("/worker/no-pool", test_no_pool);
  g_test_add_data_func ("/worker/no-descriptors/0", GUINT_TO_POINTER (0), test_no_descriptors);
  g_test_add_data_func ("/worker/no-descriptors/1", GUINT_TO_POINTER (1), test_no_descriptors);

  return g_test_run ();
}
