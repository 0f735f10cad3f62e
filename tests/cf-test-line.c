/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-test-line.h"

#include <sys/socket.h>
#include <unistd.h>

void
line_init (Line *line,
           int   fd)
{
  line->fd = fd;
  _cf_wire_reader_init (&line->reader);
}

void
line_close (Line *line)
{
  if (line->fd >= 0)
    close (line->fd);
  line->fd = -1;
}

void
line_clear (Line *line)
{
  line_close (line);
  _cf_wire_reader_clear (&line->reader);
}

void
send_bytes (Line         *line,
            gconstpointer bytes,
            gsize         size)
{
  g_assert_cmpint (send (line->fd, bytes, size, MSG_NOSIGNAL), ==, (gssize) size);
}

void
send_frame (Line        *line,
            CfWireFrame *frame)
{
  CfWireWriter writer;

  _cf_wire_writer_init (&writer);
  g_assert_true (_cf_wire_writer_append (&writer, frame, NULL));
  while (writer.n_bytes > 0)
    {
      GOutputVector vector;

      _cf_wire_writer_peek (&writer, &vector, 1);
      send_bytes (line, vector.buffer, vector.size);
      _cf_wire_writer_advance (&writer, vector.size, NULL);
    }
  _cf_wire_writer_clear (&writer);
}

void
send_call (Line       *line,
           guint64     task,
           const char *name,
           GVariant   *args)
{
  g_autoptr (GVariant) owned = args != NULL ? g_variant_ref_sink (args) : NULL;
  CfWireFrame frame = {
    .kind = CF_WIRE_CALL,
    .flags = CF_WIRE_FLAG_NAMED,
    .task = task,
    .n_strings = 1,
    .strings = { name },
    .payload = owned,
  };

  send_frame (line, &frame);
}

void
expect (Line        *line,
        CfWireKind   kind,
        guint64      task,
        CfWireFrame *frame)
{
  gboolean got_frame;

  for (;;)
    {
      guint8 *place;
      gsize   size;
      ssize_t n;

      g_assert_true (_cf_wire_reader_next (&line->reader, frame, &got_frame, NULL));
      if (got_frame)
        break;
      size = _cf_wire_reader_prepare (&line->reader, &place);
      n = recv (line->fd, place, size, 0);
      g_assert_cmpint (n, >, 0);
      _cf_wire_reader_commit (&line->reader, (gsize) n);
    }

  g_assert_cmpint (frame->kind, ==, kind);
  g_assert_cmpuint (frame->task, ==, task);
}

void
expect_hello (Line *line)
{
  CfWireFrame frame;

  expect (line, CF_WIRE_HELLO, 0, &frame);
  g_assert_cmpint (frame.code, ==, CF_WIRE_VERSION);
  _cf_wire_frame_clear (&frame);
}

void
expect_error (Line       *line,
              guint64     task,
              const char *domain,
              int         code)
{
  CfWireFrame frame;

  expect (line, CF_WIRE_ERROR, task, &frame);
  g_assert_cmpstr (frame.strings[0], ==, domain);
  g_assert_cmpint (frame.code, ==, code);
  _cf_wire_frame_clear (&frame);
}

void
expect_string (Line       *line,
               guint64     task,
               const char *string)
{
  CfWireFrame frame;

  expect (line, CF_WIRE_RESULT, task, &frame);
  g_assert_cmpstr (g_variant_get_string (frame.payload, NULL), ==, string);
  _cf_wire_frame_clear (&frame);
}
