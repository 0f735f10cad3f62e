/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-wire-format-private.h"

#include <string.h>

#include "cf-error.h"

#define MAGIC "CfWr"

static void
put_u32 (guint8 *place,
         guint32 value)
{
  value = GUINT32_TO_LE (value);
  memcpy (place, &value, sizeof value);
}

static guint32
get_u32 (const guint8 *place)
{
  guint32 value;

  memcpy (&value, place, sizeof value);

  return GUINT32_FROM_LE (value);
}

void
_cf_wire_header_encode (const CfWireHeader *header,
                        guint8             *place)
{
  memcpy (place, MAGIC, 4);
  place[4] = CF_WIRE_VERSION & 0xff;
  place[5] = CF_WIRE_VERSION >> 8;
  place[6] = (guint8) header->kind;
  place[7] = header->flags;
  put_u32 (place + 8, (guint32) header->task);
  put_u32 (place + 12, (guint32) (header->task >> 32));
  put_u32 (place + 16, header->index);
  put_u32 (place + 20, (guint32) header->code);
  put_u32 (place + 24, header->n_strings);
  put_u32 (place + 28, header->text_size);
  put_u32 (place + 32, header->data_size);
  put_u32 (place + 36, 0);
}

gboolean
_cf_wire_refuse (GError    **error,
                 const char *what,
                 guint64     value)
{
  g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_PROTOCOL,
               "Not a frame of this protocol: %s (%" G_GUINT64_FORMAT ")", what, value);

  return FALSE;
}

/* Every field is checked on its own and against the others before anything is believed. */
gboolean
_cf_wire_header_decode (const guint8 *place,
                        CfWireHeader *header,
                        GError      **error)
{
  guint version = place[4] | (guint) place[5] << 8;

  if (memcmp (place, MAGIC, 4) != 0)
    return _cf_wire_refuse (error, "wrong magic number", get_u32 (place));
  if (version != CF_WIRE_VERSION)
    return _cf_wire_refuse (error, "wrong protocol version", version);
  if (place[6] < CF_WIRE_HELLO || place[6] > CF_WIRE_BYE)
    return _cf_wire_refuse (error, "unknown kind", place[6]);
  if ((place[7] & ~CF_WIRE_FLAG_ALL) != 0)
    return _cf_wire_refuse (error, "unknown flags", place[7]);

  header->kind = place[6];
  header->flags = place[7];
  header->task = get_u32 (place + 8) | (guint64) get_u32 (place + 12) << 32;
  header->index = get_u32 (place + 16);
  header->code = (gint32) get_u32 (place + 20);
  header->n_strings = get_u32 (place + 24);
  header->text_size = get_u32 (place + 28);
  header->data_size = get_u32 (place + 32);

  if (header->n_strings < 1 || header->n_strings > CF_WIRE_MAX_STRINGS + 1)
    return _cf_wire_refuse (error, "wrong number of strings", header->n_strings);
  if (header->text_size < header->n_strings || header->text_size > CF_WIRE_MAX_TEXT)
    return _cf_wire_refuse (error, "wrong size of text", header->text_size);
  if (CF_WIRE_HEADER_SIZE + CF_WIRE_PADDED (header->text_size) + CF_WIRE_PADDED ((gsize) header->data_size) > CF_WIRE_MAX_FRAME)
    return _cf_wire_refuse (error, "frame too large", header->data_size);
  if (get_u32 (place + 36) != 0)
    return _cf_wire_refuse (error, "reserved field in use", get_u32 (place + 36));

  return TRUE;
}

gboolean
_cf_wire_is_zero (const guint8 *bytes,
                  gsize         size)
{
  for (gsize i = 0; i < size; i++)
    if (bytes[i] != 0)
      return FALSE;

  return TRUE;
}

/* The size of the elements, if this is an array in which any bytes are right: GLib would look at each of them. */
gsize
_cf_wire_plain_element_size (const char *type)
{
  if (type[0] != 'a' || type[1] == '\0' || type[2] != '\0')
    return 0;

  switch (type[1])
    {
    case 'y':
      return 1;
    case 'n':
    case 'q':
      return 2;
    case 'i':
    case 'u':
      return 4;
    case 'x':
    case 't':
    case 'd':
      return 8;
    default:
      return 0;
    }
}

static gboolean
has_handle (GVariant *value)
{
  const char *type = g_variant_get_type_string (value);

  if (strchr (type, 'h') != NULL)
    return TRUE;
  if (strchr (type, 'v') == NULL)
    return FALSE;

  for (gsize i = 0, n = g_variant_n_children (value); i < n; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      if (has_handle (child))
        return TRUE;
    }

  return FALSE;
}

void
_cf_wire_frame_clear (CfWireFrame *frame)
{
  g_clear_pointer (&frame->payload, g_variant_unref);
}

/* The message of an error; one that is too long for a string travels as the payload. */
void
_cf_wire_frame_set_message (CfWireFrame *frame,
                            const char  *message)
{
  gboolean is_long = strlen (message) > CF_WIRE_MAX_MESSAGE;

  frame->strings[1] = is_long ? "" : message;
  frame->payload = is_long ? g_variant_ref_sink (g_variant_new_bytestring (message)) : NULL;
}

const char *
_cf_wire_frame_get_message (const CfWireFrame *frame)
{
  if (frame->payload != NULL && g_variant_is_of_type (frame->payload, G_VARIANT_TYPE_BYTESTRING))
    return g_variant_get_bytestring (frame->payload);

  return frame->strings[1];
}

/* Tells whether @payload can travel at all. */
gboolean
_cf_wire_check_payload (GVariant *payload,
                        GError  **error)
{
  gsize size = g_variant_get_size (payload);

  if (size > CF_WIRE_MAX_FRAME - CF_WIRE_HEADER_SIZE - CF_WIRE_MAX_TEXT)
    {
      g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SERIALIZABLE,
                   "A value of %" G_GSIZE_FORMAT " bytes is too large for another process", size);
      return FALSE;
    }
  if (has_handle (payload))
    {
      g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SERIALIZABLE,
                   "A value of type “%s” holds a file descriptor handle, which cannot travel to another process",
                   g_variant_get_type_string (payload));
      return FALSE;
    }

  return TRUE;
}
