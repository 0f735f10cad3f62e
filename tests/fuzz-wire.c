/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "cfutures/cf-wire-private.h"

int LLVMFuzzerTestOneInput (const guint8 *bytes,
                            gsize         size);

static void
look_at (CfWireFrame *frame)
{
  for (guint i = 0; i < frame->n_strings; i++)
    g_assert_cmpuint (strlen (frame->strings[i]), <=, CF_WIRE_MAX_TEXT);
  if (frame->payload != NULL)
    g_free (g_variant_print (frame->payload, TRUE));
  _cf_wire_frame_clear (frame);
}

/* The first byte decides how the stream is cut; the rest is the stream. */
int
LLVMFuzzerTestOneInput (const guint8 *bytes,
                        gsize         size)
{
  CfWireReader reader;
  CfWireFrame  frame;
  gboolean     got_frame, alive = TRUE;
  gsize        step = size > 0 ? 1 + (gsize) bytes[0] * 17 : 1;

  _cf_wire_reader_init (&reader);
  for (gsize done = 1; done < size && alive;)
    {
      guint8 *place;
      gsize   n = MIN (MIN (_cf_wire_reader_prepare (&reader, &place), size - done), step);

      memcpy (place, bytes + done, n);
      _cf_wire_reader_commit (&reader, n);
      done += n;
      while ((alive = _cf_wire_reader_next (&reader, &frame, &got_frame, NULL)) && got_frame)
        look_at (&frame);
    }
  _cf_wire_reader_clear (&reader);

  return 0;
}
