/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-wire-format-private.h"

#include <string.h>

#include "cf-error.h"

/* Small frames share a segment; a large payload is one of its own and is not copied, unless it must not be held.  Where it
 * was taken out, zeros are left, as its size was told already. */

#define SEGMENT_MAX (256 * 1024)
#define ZEROS_MAX (64 * 1024)

static guint8 zeros[ZEROS_MAX];

typedef struct
{
  GByteArray   *bytes;   /* (nullable) (owned): small things, one after the other */
  GVariant     *payload; /* (nullable) (owned): a large one, written from where it lies */
  gconstpointer data;    /* (nullable): its bytes; zeros in place of them */
  gsize         size;
  guint64       task; /* of the payload */
} Segment;

static void
segment_free (gpointer data)
{
  Segment *segment = data;

  g_clear_pointer (&segment->bytes, g_byte_array_unref);
  g_clear_pointer (&segment->payload, g_variant_unref);
  g_free (segment);
}

static Segment *
push_segment (CfWireWriter *self,
              GByteArray   *bytes)
{
  Segment *segment = g_new0 (Segment, 1);

  segment->bytes = bytes;
  g_queue_push_tail (&self->segments, segment);

  return segment;
}

static GByteArray *
get_room (CfWireWriter *self)
{
  Segment *tail = g_queue_peek_tail (&self->segments);

  if (tail == NULL || tail->bytes == NULL || tail->bytes->len > SEGMENT_MAX)
    tail = push_segment (self, g_byte_array_sized_new (4096));

  return tail->bytes;
}

static gsize
text_size_of (const CfWireFrame *frame,
              const char        *type)
{
  gsize size = strlen (type) + 1;

  for (guint i = 0; i < frame->n_strings; i++)
    size += strlen (frame->strings[i]) + 1;

  return size;
}

static void
append_padding (GByteArray *bytes)
{
  g_byte_array_append (bytes, zeros, (guint) (CF_WIRE_PADDED ((gsize) bytes->len) - bytes->len));
}

static void
append_head (GByteArray        *bytes,
             const CfWireFrame *frame,
             const char        *type,
             gsize              text_size,
             gsize              data_size)
{
  guint8       place[CF_WIRE_HEADER_SIZE];
  CfWireHeader header = {
    .kind = frame->kind,
    .flags = (guint8) frame->flags,
    .task = frame->task,
    .index = frame->index,
    .code = frame->code,
    .n_strings = frame->n_strings + 1,
    .text_size = (guint32) text_size,
    .data_size = (guint32) data_size,
  };

  _cf_wire_header_encode (&header, place);
  g_byte_array_append (bytes, place, sizeof place);
  g_byte_array_append (bytes, (const guint8 *) type, (guint) strlen (type) + 1);
  for (guint i = 0; i < frame->n_strings; i++)
    g_byte_array_append (bytes, (const guint8 *) frame->strings[i], (guint) strlen (frame->strings[i]) + 1);
  append_padding (bytes);
}

static void
append_inline (GByteArray *bytes,
               GVariant   *payload,
               gsize       size)
{
  guint start = bytes->len;

  g_byte_array_set_size (bytes, start + (guint) size);
  g_variant_store (payload, bytes->data + start);
  append_padding (bytes);
}

static void
append_large (CfWireWriter *self,
              guint64       task,
              GVariant     *payload,
              gsize         size)
{
  Segment *segment = push_segment (self, NULL);

  segment->task = task;
  segment->payload = g_variant_ref (payload);
  segment->data = g_variant_get_data (payload);
  segment->size = size;

  if (CF_WIRE_PADDED (size) != size)
    {
      GByteArray *bytes = g_byte_array_sized_new (4096);

      /* The padding alone would shift what follows in this segment, so it gets one of its own. */
      g_byte_array_append (bytes, zeros, (guint) (CF_WIRE_PADDED (size) - size));
      push_segment (self, bytes);
      push_segment (self, g_byte_array_sized_new (4096));
    }
}

/* A plain array of whole elements is always in normal form: there is no need to look. */
static GVariant *
get_plain (GVariant *payload)
{
  gsize element_size = _cf_wire_plain_element_size (g_variant_get_type_string (payload));

  if (element_size > 0 && g_variant_get_size (payload) % element_size == 0)
    return g_variant_ref (payload);

  return g_variant_get_normal_form (payload);
}

static gsize
segment_size (const Segment *segment)
{
  return segment->bytes != NULL ? segment->bytes->len : segment->size;
}

static gconstpointer
segment_data (const Segment *segment)
{
  return segment->bytes != NULL ? segment->bytes->data : segment->data;
}

void
_cf_wire_writer_init (CfWireWriter *self)
{
  g_queue_init (&self->segments);
  self->head_offset = 0;
  self->n_bytes = 0;
}

void
_cf_wire_writer_clear (CfWireWriter *self)
{
  g_queue_clear_full (&self->segments, segment_free);
  self->head_offset = 0;
  self->n_bytes = 0;
}

/* Does beforehand what takes long with a large payload: to bring it into normal form, and into one piece. */
GVariant *
_cf_wire_prepare_large (GVariant *payload)
{
  GVariant *prepared;

  if (g_variant_get_size (payload) <= CF_WIRE_INLINE_MAX || !_cf_wire_check_payload (payload, NULL))
    return g_variant_ref (payload);

  prepared = get_plain (payload);
  g_variant_get_data (prepared);

  return prepared;
}

/* Appends a frame; on failure nothing was appended. */
gboolean
_cf_wire_writer_append (CfWireWriter      *self,
                        const CfWireFrame *frame,
                        GError           **error)
{
  g_autoptr (GVariant) payload = NULL;
  const char *type = "";
  gsize       text_size, data_size = 0;
  GByteArray *bytes;

  if (frame->payload != NULL)
    {
      if (!_cf_wire_check_payload (frame->payload, error))
        return FALSE;
      type = g_variant_get_type_string (frame->payload);
      payload = get_plain (frame->payload);
      /* What was not in normal form may have become larger. */
      if (payload != frame->payload && !_cf_wire_check_payload (payload, error))
        return FALSE;
      data_size = g_variant_get_size (payload);
    }

  text_size = text_size_of (frame, type);
  if (text_size > CF_WIRE_MAX_TEXT)
    {
      g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SERIALIZABLE,
                   "%" G_GSIZE_FORMAT " bytes of text are too much for one frame", text_size);
      return FALSE;
    }

  bytes = get_room (self);
  append_head (bytes, frame, type, text_size, data_size);
  if (data_size > CF_WIRE_INLINE_MAX && !frame->is_copied)
    append_large (self, frame->task, payload, data_size);
  else if (payload != NULL)
    append_inline (bytes, payload, data_size);
  self->n_bytes += CF_WIRE_HEADER_SIZE + CF_WIRE_PADDED (text_size) + CF_WIRE_PADDED (data_size);

  return TRUE;
}

/* One vector, or as many as there are zeros for. */
static guint
peek_segment (const Segment *segment,
              gsize          offset,
              GOutputVector *vectors,
              guint          n_vectors)
{
  const guint8 *data = segment_data (segment);
  gsize         size = segment_size (segment);
  guint         n = 0;

  while (offset < size && n < n_vectors)
    {
      vectors[n] = (GOutputVector){ data != NULL ? data + offset : zeros, data != NULL ? size - offset : MIN (size - offset, ZEROS_MAX) };
      offset += vectors[n++].size;
    }

  return n;
}

/* Fills @vectors with what is to be written next, and returns how many it used. */
guint
_cf_wire_writer_peek (CfWireWriter  *self,
                      GOutputVector *vectors,
                      guint          n_vectors)
{
  gsize offset = self->head_offset;
  guint n = 0;

  for (GList *link = self->segments.head; link != NULL && n < n_vectors; link = link->next)
    {
      n += peek_segment (link->data, offset, vectors + n, n_vectors - n);
      offset = 0;
    }

  return n;
}

/* What was sent goes to @sent, or is freed if that is NULL. */
void
_cf_wire_writer_advance (CfWireWriter *self,
                         gsize         n_bytes,
                         CfWireWriter *sent)
{
  g_return_if_fail (n_bytes <= self->n_bytes);

  self->n_bytes -= n_bytes;
  self->head_offset += n_bytes;

  while (self->segments.head != NULL)
    {
      Segment *head = self->segments.head->data;

      if (self->head_offset < segment_size (head))
        return;
      self->head_offset -= segment_size (head);
      if (self->segments.length == 1 && head->bytes != NULL && head->bytes->len <= SEGMENT_MAX)
        {
          g_byte_array_set_size (head->bytes, 0);
          return;
        }
      g_queue_pop_head (&self->segments);
      if (sent != NULL)
        g_queue_push_tail (&sent->segments, head);
      else
        segment_free (head);
    }
}

/* Takes a large payload out of what is to be sent; zeros go in its place, which nobody must take for it.  NULL: it is not
 * there. */
GVariant *
_cf_wire_writer_steal_payload (CfWireWriter *self,
                               guint64       task)
{
  for (GList *link = self->segments.head; link != NULL; link = link->next)
    {
      Segment *segment = link->data;

      if (segment->payload != NULL && segment->task == task)
        {
          segment->data = NULL;
          return g_steal_pointer (&segment->payload);
        }
    }

  return NULL;
}

/* Takes the next large payload, and frees what was before it.  NULL: there is none, and nothing left; @task is 0 then. */
GVariant *
_cf_wire_writer_pop_payload (CfWireWriter *self,
                             guint64      *task)
{
  GVariant *payload = NULL;

  *task = 0;
  while (payload == NULL && self->segments.head != NULL)
    {
      Segment *segment = g_queue_pop_head (&self->segments);

      payload = g_steal_pointer (&segment->payload);
      if (payload != NULL)
        *task = segment->task;
      segment_free (segment);
    }

  return payload;
}

/* Moves all of it to @target, which is not to be written any more. */
void
_cf_wire_writer_move (CfWireWriter *self,
                      CfWireWriter *target)
{
  while (self->segments.head != NULL)
    g_queue_push_tail (&target->segments, g_queue_pop_head (&self->segments));
  _cf_wire_writer_clear (self);
}
