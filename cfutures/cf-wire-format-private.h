/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-wire-private.h"

G_BEGIN_DECLS

/* A frame, all numbers little-endian, every part padded with zeros to 8 bytes:
 *
 *    0  "CfWr"      magic           16  index      u32
 *    4  version     u16             20  code       i32
 *    6  kind        u8              24  n_strings  u32   the type of the payload ("" for none), then what the kind needs
 *    7  flags       u8              28  text_size  u32   bytes of all strings, each with its zero at the end
 *    8  task        u64             32  data_size  u32
 *                                   36  reserved   u32   0
 *   40  text, then data: the payload as GVariant serialises it, in the machine's byte order
 *
 * Reader and writer keep the start of each payload at a multiple of 8, as GVariant wants it.
 */

#define CF_WIRE_INLINE_MAX ((gsize) 16 * 1024)
#define CF_WIRE_PADDED(size) (((size) + 7) & ~(gsize) 7)

typedef struct
{
  CfWireKind kind;
  guint8     flags;
  guint64    task;
  guint32    index;
  gint32     code;
  guint32    n_strings;
  guint32    text_size;
  guint32    data_size;
} CfWireHeader;

void     _cf_wire_header_encode (const CfWireHeader *header,
                                 guint8             *place);
gboolean _cf_wire_header_decode (const guint8 *place,
                                 CfWireHeader *header,
                                 GError      **error);
gboolean _cf_wire_refuse (GError    **error,
                          const char *what,
                          guint64     value);
gboolean _cf_wire_is_zero (const guint8 *bytes,
                           gsize         size);
gsize    _cf_wire_plain_element_size (const char *type);

G_END_DECLS
