/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "cfutures/cf-error.h"
#include "cfutures/cf-page-private.h"
#include "cfutures/cf-wire-private.h"

static GByteArray *
drain_writer (CfWireWriter *writer,
              gsize         at_once)
{
  GByteArray *bytes = g_byte_array_new ();

  while (writer->n_bytes > 0)
    {
      GOutputVector vectors[3];
      guint         n_vectors = _cf_wire_writer_peek (writer, vectors, G_N_ELEMENTS (vectors));
      gsize         n = MIN (at_once, vectors[0].size);

      g_assert_cmpuint (n_vectors, >, 0);
      g_byte_array_append (bytes, vectors[0].buffer, (guint) n);
      _cf_wire_writer_advance (writer, n, NULL);
    }

  return bytes;
}

static GByteArray *
encode (const CfWireFrame *frame)
{
  CfWireWriter writer;
  GByteArray  *bytes;
  g_autoptr (GError) error = NULL;

  _cf_wire_writer_init (&writer);
  _cf_wire_writer_append (&writer, frame, &error);
  g_assert_no_error (error);
  bytes = drain_writer (&writer, G_MAXSIZE);
  _cf_wire_writer_clear (&writer);

  return bytes;
}

/* Gives bytes to a reader as a socket would: in pieces. */
static void
feed (CfWireReader *reader,
      const guint8 *bytes,
      gsize         size)
{
  while (size > 0)
    {
      guint8 *place;
      gsize   n = MIN (_cf_wire_reader_prepare (reader, &place), size);

      g_assert_cmpuint (n, >, 0);
      memcpy (place, bytes, n);
      _cf_wire_reader_commit (reader, n);
      bytes += n;
      size -= n;
      if (reader->data != NULL)
        continue;
      if (size > 0)
        break;
    }
  g_assert_cmpuint (size, ==, 0);
}

/* Feeds in steps and looks for a frame after each one. */
static guint
feed_slowly (CfWireReader *reader,
             const guint8 *bytes,
             gsize         size,
             gsize         step,
             CfWireFrame  *frame,
             GError      **error)
{
  gboolean got_frame = FALSE;

  while (size > 0)
    {
      guint8 *place;
      gsize   n = MIN (MIN (_cf_wire_reader_prepare (reader, &place), size), step);

      memcpy (place, bytes, n);
      _cf_wire_reader_commit (reader, n);
      bytes += n;
      size -= n;
      if (!_cf_wire_reader_next (reader, frame, &got_frame, error))
        return 0;
      g_assert_false (got_frame && size > 0);
    }

  return got_frame ? 1 : 0;
}

static CfWireFrame
call_frame (GVariant *payload)
{
  return (CfWireFrame){
    .kind = CF_WIRE_CALL,
    .task = G_GUINT64_CONSTANT (0x1234567890abcdef),
    .index = 7,
    .code = -5,
    .n_strings = 3,
    .strings = { "/lib/libmath.so", "00ff", "12ab" },
    .payload = payload,
  };
}

static GVariant *
bytes_variant (gsize size)
{
  guint8 *data = g_malloc (MAX (size, 1));

  for (gsize i = 0; i < size; i++)
    data[i] = (guint8) (i * 31 + i / 251);

  return g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, data, size, TRUE, g_free, data);
}

static void
assert_round_trip (GVariant *payload,
                   gsize     step)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (payload);
  CfWireFrame sent = call_frame (owned), got;
  g_autoptr (GByteArray) bytes = encode (&sent);
  g_autoptr (GError) error = NULL;
  CfWireReader reader;

  _cf_wire_reader_init (&reader);
  g_assert_cmpuint (bytes->len % 8, ==, 0);
  g_assert_cmpuint (feed_slowly (&reader, bytes->data, bytes->len, step, &got, &error), ==, 1);
  g_assert_no_error (error);
  g_assert_false (_cf_wire_reader_is_amid_frame (&reader));

  g_assert_cmpuint (got.kind, ==, sent.kind);
  g_assert_cmpuint (got.task, ==, sent.task);
  g_assert_cmpuint (got.index, ==, sent.index);
  g_assert_cmpint (got.code, ==, sent.code);
  g_assert_cmpstr (got.strings[0], ==, sent.strings[0]);
  g_assert_cmpstr (got.strings[2], ==, sent.strings[2]);
  g_assert_false (got.bad_payload);
  g_assert_cmpstr (g_variant_get_type_string (got.payload), ==, g_variant_get_type_string (owned));
  g_assert_cmpmem (g_variant_get_data (got.payload), g_variant_get_size (got.payload),
                   g_variant_get_data (owned), g_variant_get_size (owned));

  _cf_wire_frame_clear (&got);
  _cf_wire_reader_clear (&reader);
}

static void
test_payloads_are_byte_exact (void)
{
  static const gsize sizes[] = { 0, 1, 7, 8, 9, 4095, 16383, 16384, 16385, 65535, 65536, 65537, 262144, 4194304, 4194311, 20000003 };

  g_test_summary ("A payload of any size arrives as it was, however the bytes are cut.");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      assert_round_trip (bytes_variant (sizes[i]), G_MAXSIZE);
      assert_round_trip (bytes_variant (sizes[i]), 4096);
      if (sizes[i] < 70000)
        assert_round_trip (bytes_variant (sizes[i]), 1);
    }

  assert_round_trip (g_variant_new_tuple (NULL, 0), 1);
  assert_round_trip (g_variant_new_parsed ("(1, 'two', [3.0], {'four': <5>}, @ms nothing)"), 1);
  assert_round_trip (g_variant_new_string (""), 3);
}

static void
test_no_payload (void)
{
  CfWireFrame frame = call_frame (NULL), got;
  g_autoptr (GByteArray) bytes = encode (&frame);
  CfWireReader reader;

  g_test_summary ("No payload is not an empty one.");

  _cf_wire_reader_init (&reader);
  g_assert_cmpuint (feed_slowly (&reader, bytes->data, bytes->len, 3, &got, NULL), ==, 1);
  g_assert_null (got.payload);
  g_assert_false (got.bad_payload);
  _cf_wire_reader_clear (&reader);
}

static void
append_call (CfWireWriter *writer,
             guint         i)
{
  g_autoptr (GVariant) payload = g_variant_ref_sink (i % 50 == 49 ? bytes_variant (20000 + i) : g_variant_new_uint32 (i));
  CfWireFrame frame = call_frame (payload);
  g_autoptr (GError) error = NULL;

  frame.task = i;
  _cf_wire_writer_append (writer, &frame, &error);
  g_assert_no_error (error);
}

static guint
take_calls (CfWireReader *reader,
            guint         next)
{
  CfWireFrame frame;
  gboolean    got_frame;
  g_autoptr (GError) error = NULL;

  while (_cf_wire_reader_next (reader, &frame, &got_frame, &error) && got_frame)
    {
      g_assert_cmpuint (frame.task, ==, next);
      if (next % 50 == 49)
        g_assert_cmpuint (g_variant_get_size (frame.payload), ==, 20000 + next);
      else
        g_assert_cmpuint (g_variant_get_uint32 (frame.payload), ==, next);
      _cf_wire_frame_clear (&frame);
      next++;
    }
  g_assert_no_error (error);

  return next;
}

static void
test_many_in_a_stream (void)
{
  CfWireWriter writer;
  CfWireReader reader;
  g_autoptr (GByteArray) bytes = NULL;
  guint next = 0;

  g_test_summary ("Small and large frames follow each other in one stream.");

  _cf_wire_writer_init (&writer);
  _cf_wire_reader_init (&reader);
  for (guint i = 0; i < 2000; i++)
    append_call (&writer, i);
  bytes = drain_writer (&writer, 1013);

  for (gsize done = 0; done < bytes->len;)
    {
      guint8 *place;
      gsize   n = MIN (_cf_wire_reader_prepare (&reader, &place), bytes->len - done);

      n = MIN (n, 1 + done % 7001);
      memcpy (place, bytes->data + done, n);
      _cf_wire_reader_commit (&reader, n);
      done += n;
      next = take_calls (&reader, next);
    }

  g_assert_cmpuint (next, ==, 2000);
  g_assert_false (_cf_wire_reader_is_amid_frame (&reader));
  _cf_wire_reader_clear (&reader);
  _cf_wire_writer_clear (&writer);
}

static void
test_every_truncation (void)
{
  g_autoptr (GVariant) payload = g_variant_ref_sink (g_variant_new_parsed ("('text', <7>)"));
  CfWireFrame frame = call_frame (payload), got;
  g_autoptr (GByteArray) bytes = encode (&frame);

  g_test_summary ("A frame that was cut anywhere is no frame yet.");

  for (gsize size = 0; size < bytes->len; size++)
    {
      CfWireReader reader;
      gboolean     got_frame;

      _cf_wire_reader_init (&reader);
      feed (&reader, bytes->data, size);
      g_assert_true (_cf_wire_reader_next (&reader, &got, &got_frame, NULL));
      g_assert_false (got_frame);
      g_assert_cmpint (_cf_wire_reader_is_amid_frame (&reader), ==, size > 0);
      _cf_wire_reader_clear (&reader);
    }
}

/* Reads one frame that may be nonsense; it must be refused, wait for more, or be a frame. */
static void
read_anything (const guint8 *data,
               gsize         size)
{
  CfWireReader reader;
  CfWireFrame  frame;
  gboolean     got_frame;
  g_autoptr (GError) error = NULL;

  _cf_wire_reader_init (&reader);
  feed (&reader, data, MIN (size, 60000));
  if (_cf_wire_reader_next (&reader, &frame, &got_frame, &error))
    g_assert_no_error (error);
  else
    g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_PROTOCOL);
  _cf_wire_frame_clear (&frame);
  _cf_wire_reader_clear (&reader);
}

static void
test_every_byte_wrong (void)
{
  g_autoptr (GVariant) payload = g_variant_ref_sink (g_variant_new_parsed ("('text', <7>)"));
  CfWireFrame frame = call_frame (payload);
  g_autoptr (GByteArray) bytes = encode (&frame);

  g_test_summary ("Every byte of a frame may have every value.");

  for (gsize i = 0; i < bytes->len; i++)
    {
      guint8 right = bytes->data[i];

      for (guint value = 0; value < 256; value++)
        {
          bytes->data[i] = (guint8) value;
          read_anything (bytes->data, bytes->len);
        }
      bytes->data[i] = right;
    }
}

static void
test_every_length_field (void)
{
  static const guint   fields[] = { 24, 28, 32, 36 };
  static const guint32 values[] = { 0, 1, 2, 5, 6, 7, 8, 40, 0x7fffff00, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff };
  CfWireFrame          frame = call_frame (NULL);
  g_autoptr (GByteArray) bytes = encode (&frame);

  g_test_summary ("No length is believed before it is checked.");

  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    for (guint j = 0; j < G_N_ELEMENTS (values); j++)
      {
        g_autofree guint8 *copy = g_memdup2 (bytes->data, bytes->len);
        guint32            value = GUINT32_TO_LE (values[j]);

        memcpy (copy + fields[i], &value, 4);
        read_anything (copy, bytes->len);
      }
}

static void
test_version (void)
{
  CfWireFrame frame = { .kind = CF_WIRE_BYE };
  g_autoptr (GByteArray) bytes = encode (&frame);
  g_autoptr (GError) error = NULL;
  CfWireReader reader;
  gboolean     got_frame;

  g_test_summary ("Another version of the protocol is refused by name.");

  bytes->data[4]++;
  _cf_wire_reader_init (&reader);
  feed (&reader, bytes->data, bytes->len);
  g_assert_false (_cf_wire_reader_next (&reader, &frame, &got_frame, &error));
  g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_PROTOCOL);
  g_assert_nonnull (strstr (error->message, "version"));
  _cf_wire_reader_clear (&reader);
}

static void
test_what_cannot_travel (void)
{
  static const char *const texts[] = { "@h 1", "[<@h 1>]", "('x', <<@ah [1]>>)" };

  g_test_summary ("A file descriptor handle is refused, wherever it is.");

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) payload = g_variant_parse (NULL, texts[i], NULL, NULL, &error);
      CfWireFrame  frame = call_frame (payload);
      CfWireWriter writer;

      g_assert_no_error (error);
      _cf_wire_writer_init (&writer);
      g_assert_false (_cf_wire_writer_append (&writer, &frame, &error));
      g_assert_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SERIALIZABLE);
      g_assert_cmpuint (writer.n_bytes, ==, 0);
      _cf_wire_writer_clear (&writer);
    }
}

static void
test_not_normal_form (void)
{
  static const guint8 wrong[] = { 'n', 'o', 'e', 'n', 'd' };
  g_autoptr (GVariant) payload = g_variant_ref_sink (g_variant_new_string ("noen"));
  CfWireFrame frame = call_frame (payload), got;
  g_autoptr (GByteArray) bytes = encode (&frame);
  CfWireReader reader;

  g_test_summary ("A payload that is not in normal form is told of, and the stream goes on.");

  memcpy (bytes->data + bytes->len - 8, wrong, sizeof wrong);
  _cf_wire_reader_init (&reader);
  g_assert_cmpuint (feed_slowly (&reader, bytes->data, bytes->len, 5, &got, NULL), ==, 1);
  g_assert_true (got.bad_payload);
  g_assert_null (got.payload);
  _cf_wire_reader_clear (&reader);
}

static void
test_broken_elements (void)
{
  static const char *const types[] = { "an", "ai", "ax", "(ax)" };
  static const gsize       sizes[] = { 7, 32769 };
  static guint64           zeros[32769 / 8 + 1];

  g_test_summary ("An array that ends amid an element is put into normal form before it travels, as all else is.");

  for (guint i = 0; i < G_N_ELEMENTS (types) * G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GVariant) payload = g_variant_ref_sink (g_variant_new_from_data (G_VARIANT_TYPE (types[i / 2]), zeros, sizes[i % 2], FALSE, NULL, NULL));
      g_autoptr (GVariant) expected = g_variant_get_normal_form (payload);
      CfWireFrame sent = call_frame (payload), frame;
      g_autoptr (GByteArray) bytes = encode (&sent);
      g_autoptr (GError) error = NULL;
      CfWireReader reader;

      _cf_wire_reader_init (&reader);
      g_assert_cmpuint (feed_slowly (&reader, bytes->data, bytes->len, G_MAXSIZE, &frame, &error), ==, 1);
      g_assert_no_error (error);
      g_assert_false (frame.bad_payload);
      g_assert_cmpvariant (frame.payload, expected);
      _cf_wire_frame_clear (&frame);
      _cf_wire_reader_clear (&reader);
    }
}

static void
test_page (void)
{
  CfPage *page;
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *rest = g_malloc (CF_PAGE_RING_SIZE);
  int                fd = _cf_page_create (&page, &error);

  g_test_summary ("A call is started or taken back, never both; what was not written is found in the ring.");

  g_assert_no_error (error);
  _cf_page_offer (page, 3, 10);
  g_assert_true (_cf_page_start (page, 3, 10));
  g_assert_false (_cf_page_take_back (page, 3, 10));
  g_assert_true (_cf_page_is_started (page, 3, 10));
  _cf_page_offer (page, 3, 11);
  g_assert_true (_cf_page_take_back (page, 3, 11));
  g_assert_false (_cf_page_start (page, 3, 11));
  g_assert_false (_cf_page_start (page, 3, 10));
  g_assert_false (_cf_page_start (page, 99999, 10));

  _cf_page_put (page, CF_PAGE_RING_SIZE - 3, &(GOutputVector){ "abcdef", 6 }, 1);
  g_assert_cmpuint (_cf_page_read_rest (page, CF_PAGE_RING_SIZE - 2, rest), ==, 5);
  g_assert_cmpmem (rest, 5, "bcdef", 5);
  g_assert_cmpuint (_cf_page_read_rest (page, CF_PAGE_RING_SIZE + 3, rest), ==, 0);
  g_assert_cmpuint (_cf_page_read_rest (page, 2, rest), ==, 0);

  _cf_page_unmap (page);
  g_close (fd, NULL);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/payloads-are-byte-exact", test_payloads_are_byte_exact);
  g_test_add_func ("/wire/no-payload", test_no_payload);
  g_test_add_func ("/wire/many-in-a-stream", test_many_in_a_stream);
  g_test_add_func ("/wire/every-truncation", test_every_truncation);
  g_test_add_func ("/wire/every-byte-wrong", test_every_byte_wrong);
  g_test_add_func ("/wire/every-length-field", test_every_length_field);
  g_test_add_func ("/wire/version", test_version);
  g_test_add_func ("/wire/what-cannot-travel", test_what_cannot_travel);
  g_test_add_func ("/wire/not-normal-form", test_not_normal_form);
  g_test_add_func ("/wire/broken-elements", test_broken_elements);
  g_test_add_func ("/wire/page", test_page);

  return g_test_run ();
}
