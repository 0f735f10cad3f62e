/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-wire-format-private.h"

#include <string.h>
#include <sys/mman.h>

/* Nothing that comes in is believed before it was checked: a worker may be broken or worse. */

#define BUFFER_SIZE (64 * 1024)
#define HUGE_SIZE ((gsize) 4 << 20)

/* How many strings a kind has beside the type of its payload. */
static gboolean
n_strings_fits (const CfWireHeader *header)
{
  guint n = header->n_strings - 1;

  switch (header->kind)
    {
    case CF_WIRE_HELLO:
      return n == 1;
    case CF_WIRE_INIT:
      return n == 0 || n == ((header->flags & CF_WIRE_FLAG_NAMED) ? 1 : 3);
    case CF_WIRE_CALL:
      return n == ((header->flags & CF_WIRE_FLAG_NAMED) ? 1 : 3);
    case CF_WIRE_ERROR:
      return n == 2;
    case CF_WIRE_RESULT:
    case CF_WIRE_BYE:
    default:
      return n == 0;
    }
}

/* Points frame->strings into @text, and gives the type of the payload. */
static gboolean
decode_text (const CfWireHeader *header,
             const guint8       *text,
             CfWireFrame        *frame,
             const char        **type,
             GError            **error)
{
  const char *next = (const char *) text, *end = next + header->text_size;

  if (!n_strings_fits (header))
    return _cf_wire_refuse (error, "wrong number of strings for its kind", header->n_strings);

  frame->n_strings = header->n_strings - 1;
  for (guint i = 0; i < header->n_strings; i++)
    {
      const char *zero = memchr (next, '\0', (gsize) (end - next));

      if (zero == NULL)
        return _cf_wire_refuse (error, "a string without end", i);
      if (i == 0)
        *type = next;
      else
        frame->strings[i - 1] = next;
      next = zero + 1;
    }

  if (next != end)
    return _cf_wire_refuse (error, "more text than strings", (guint64) (end - next));
  if (!_cf_wire_is_zero (text + header->text_size, CF_WIRE_PADDED (header->text_size) - header->text_size))
    return _cf_wire_refuse (error, "padding that is not zero", header->text_size);
  if (**type == '\0' && header->data_size != 0)
    return _cf_wire_refuse (error, "data without a type", header->data_size);

  return TRUE;
}

static void
take_payload (CfWireFrame *frame,
              const char  *type,
              GBytes      *bytes)
{
  gsize    element_size;
  gboolean is_plain;

  if (*type == '\0')
    return;

  frame->bad_payload = TRUE;
  if (!g_variant_type_string_is_valid (type) || !g_variant_type_is_definite (G_VARIANT_TYPE (type)))
    return;

  element_size = _cf_wire_plain_element_size (type);
  is_plain = element_size > 0 && g_bytes_get_size (bytes) % element_size == 0;
  frame->payload = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (type), bytes, is_plain));
  if (is_plain || g_variant_is_normal_form (frame->payload))
    frame->bad_payload = FALSE;
  else
    g_clear_pointer (&frame->payload, g_variant_unref);
}

void
_cf_wire_reader_init (CfWireReader *self)
{
  memset (self, 0, sizeof *self);
}

static void
data_free (guint8 *data,
           gsize   size)
{
  if (size >= HUGE_SIZE)
    munmap (data, size);
  else
    g_free (data);
}

/* Large payloads lie in huge pages: touching them first costs more than copying. */
static guint8 *
data_try_new (gsize size)
{
  gpointer data;

  if (size < HUGE_SIZE)
    return g_try_malloc (size);

  data = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED)
    return NULL;
#ifdef MADV_HUGEPAGE
  madvise (data, size, MADV_HUGEPAGE);
#endif

  return data;
}

typedef struct
{
  gpointer data;
  gsize    size;
} Mapping;

static void
mapping_free (gpointer user_data)
{
  Mapping *mapping = user_data;

  munmap (mapping->data, mapping->size);
  g_free (mapping);
}

static GBytes *
data_to_bytes (guint8 *data,
               gsize   size,
               gsize   used)
{
  Mapping *mapping;

  if (size < HUGE_SIZE)
    return g_bytes_new_take (data, used);

  mapping = g_new (Mapping, 1);
  mapping->data = data;
  mapping->size = size;

  return g_bytes_new_with_free_func (data, used, mapping_free, mapping);
}

void
_cf_wire_reader_clear (CfWireReader *self)
{
  g_clear_pointer (&self->buffer, g_free);
  if (self->data != NULL)
    data_free (self->data, self->data_size);
  memset (self, 0, sizeof *self);
}

/* Gives the place where the next bytes are to be put, and its size, which is never 0. */
gsize
_cf_wire_reader_prepare (CfWireReader *self,
                         guint8      **place)
{
  if (self->data != NULL && self->data_got < self->data_size)
    {
      *place = self->data + self->data_got;
      return self->data_size - self->data_got;
    }

  if (self->start == self->end)
    self->start = self->end = 0;
  if (self->start > 0 && self->end + BUFFER_SIZE / 2 > self->capacity)
    {
      memmove (self->buffer, self->buffer + self->start, self->end - self->start);
      self->end -= self->start;
      self->start = 0;
    }
  if (self->end + BUFFER_SIZE / 2 > self->capacity)
    {
      self->capacity = MAX (BUFFER_SIZE, self->capacity * 2);
      self->buffer = g_realloc (self->buffer, self->capacity);
    }
  *place = self->buffer + self->end;

  return self->capacity - self->end;
}

void
_cf_wire_reader_commit (CfWireReader *self,
                        gsize         n_bytes)
{
  if (self->data != NULL && self->data_got < self->data_size)
    self->data_got += n_bytes;
  else
    self->end += n_bytes;
}

static gboolean
start_large (CfWireReader       *self,
             const CfWireHeader *header,
             gsize               head_size,
             GError            **error)
{
  gsize have = MIN (self->end - self->start - head_size, CF_WIRE_PADDED ((gsize) header->data_size));

  self->data_size = CF_WIRE_PADDED ((gsize) header->data_size);
  self->data = data_try_new (self->data_size);
  if (self->data == NULL)
    {
      self->data_size = 0;
      return _cf_wire_refuse (error, "no memory for its data", header->data_size);
    }

  memcpy (self->data, self->buffer + self->start + head_size, have);
  self->data_got = have;

  /* The head stays in the buffer until the frame is whole; behind it comes the next frame. */
  memmove (self->buffer + self->start + head_size,
           self->buffer + self->start + head_size + have,
           self->end - self->start - head_size - have);
  self->end -= have;

  return TRUE;
}

/* The payload of a frame that is here as a whole. */
static gboolean
finish_frame (CfWireReader       *self,
              const CfWireHeader *header,
              gsize               head_size,
              const char         *type,
              CfWireFrame        *frame,
              GError            **error)
{
  gsize         padded = CF_WIRE_PADDED ((gsize) header->data_size);
  const guint8 *data = self->data != NULL ? self->data : self->buffer + self->start + head_size;
  g_autoptr (GBytes) bytes = NULL;

  if (!_cf_wire_is_zero (data + header->data_size, padded - header->data_size))
    return _cf_wire_refuse (error, "padding that is not zero", header->data_size);

  if (self->data != NULL)
    {
      bytes = data_to_bytes (g_steal_pointer (&self->data), self->data_size, header->data_size);
      self->data_size = self->data_got = 0;
      padded = 0;
    }
  else if (*type != '\0')
    {
      bytes = g_bytes_new (data, header->data_size);
    }

  take_payload (frame, type, bytes);
  self->start += head_size + padded;

  return TRUE;
}

/* Takes the next frame, if it is here as a whole.  FALSE: these bytes are not of this protocol, stop reading. */
gboolean
_cf_wire_reader_next (CfWireReader *self,
                      CfWireFrame  *frame,
                      gboolean     *got_frame,
                      GError      **error)
{
  gsize         available = self->end - self->start, head_size;
  const guint8 *place;
  CfWireHeader  header;
  const char   *type = NULL;

  *got_frame = FALSE;
  memset (frame, 0, sizeof *frame);

  if (available < CF_WIRE_HEADER_SIZE || (self->data != NULL && self->data_got < self->data_size))
    return TRUE;
  place = self->buffer + self->start;
  if (!_cf_wire_header_decode (place, &header, error))
    return FALSE;

  head_size = CF_WIRE_HEADER_SIZE + CF_WIRE_PADDED ((gsize) header.text_size);
  if (available < head_size)
    return TRUE;
  if (!decode_text (&header, place + CF_WIRE_HEADER_SIZE, frame, &type, error))
    return FALSE;

  if (self->data == NULL && header.data_size > CF_WIRE_INLINE_MAX && !start_large (self, &header, head_size, error))
    return FALSE;
  if (self->data != NULL ? self->data_got < self->data_size : available < head_size + CF_WIRE_PADDED ((gsize) header.data_size))
    return TRUE;

  frame->kind = header.kind;
  frame->flags = header.flags;
  frame->task = header.task;
  frame->index = header.index;
  frame->code = header.code;
  if (!finish_frame (self, &header, head_size, type, frame, error))
    return FALSE;
  *got_frame = TRUE;

  return TRUE;
}

/* Tells whether the bytes so far end in the middle of a frame. */
gboolean
_cf_wire_reader_is_amid_frame (CfWireReader *self)
{
  return self->data != NULL || self->start < self->end;
}
