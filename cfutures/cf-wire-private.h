/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What a program and its workers say to each other, as bytes.  No I/O here; doc/workers.md draws the layout. */

#define CF_WIRE_VERSION 1
#define CF_WIRE_HEADER_SIZE 40
#define CF_WIRE_MAX_FRAME ((gsize) G_MAXINT32)
#define CF_WIRE_MAX_TEXT ((gsize) 4 << 20)
#define CF_WIRE_MAX_MESSAGE ((gsize) 1 << 20)
#define CF_WIRE_MAX_STRINGS 4

typedef enum
{
  CF_WIRE_HELLO = 1, /* worker: I am here */
  CF_WIRE_INIT,      /* parent: prepare yourself, with or without a function */
  CF_WIRE_CALL,      /* parent: run this */
  CF_WIRE_RESULT,    /* worker: it gave this */
  CF_WIRE_ERROR,     /* worker: it failed */
  CF_WIRE_BYE,       /* parent: no more calls will come */
} CfWireKind;

typedef enum
{
  CF_WIRE_FLAG_NAMED = 1 << 0, /* CALL, INIT: strings[0] is a name, not an object file */
  CF_WIRE_FLAG_CHUNK = 1 << 1, /* CALL: each child of the payload is one call; RESULT, ERROR: index tells which */
  CF_WIRE_FLAG_PAGE = 1 << 2,  /* HELLO: the worker uses the shared page */
  CF_WIRE_FLAG_ALL = (1 << 3) - 1,
} CfWireFlags;

/* A frame; when it was read, strings last until the next call on the reader, and payload is owned. */
typedef struct
{
  CfWireKind  kind;
  CfWireFlags flags;
  guint64     task;
  guint32     index;
  gint32      code;
  guint       n_strings;
  const char *strings[CF_WIRE_MAX_STRINGS];
  GVariant   *payload;     /* (nullable) */
  gboolean    is_copied;   /* when it was appended, nothing holds the payload any more */
  gboolean    bad_payload; /* there was one, and it is not a GVariant in normal form */
} CfWireFrame;

/* Frames on their way out, in as few pieces as can be. */
typedef struct
{
  GQueue segments;
  gsize  head_offset; /* what of the first segment is gone already */
  gsize  n_bytes;     /* what is left */
} CfWireWriter;

/* Bytes on their way in. */
typedef struct
{
  guint8 *buffer;
  gsize   capacity;
  gsize   start;
  gsize   end;
  guint8 *data; /* (nullable): the payload of a large frame, read in place */
  gsize   data_size;
  gsize   data_got;
} CfWireReader;

void        _cf_wire_frame_clear (CfWireFrame *frame);
void        _cf_wire_frame_set_message (CfWireFrame *frame,
                                        const char  *message);
const char *_cf_wire_frame_get_message (const CfWireFrame *frame);

gboolean _cf_wire_check_payload (GVariant *payload,
                                 GError  **error);

void      _cf_wire_writer_init (CfWireWriter *self);
void      _cf_wire_writer_clear (CfWireWriter *self);
gboolean  _cf_wire_writer_append (CfWireWriter      *self,
                                  const CfWireFrame *frame,
                                  GError           **error);
guint     _cf_wire_writer_peek (CfWireWriter  *self,
                                GOutputVector *vectors,
                                guint          n_vectors);
void      _cf_wire_writer_advance (CfWireWriter *self,
                                   gsize         n_bytes,
                                   CfWireWriter *sent);
GVariant *_cf_wire_writer_steal_payload (CfWireWriter *self,
                                         guint64       task);
GVariant *_cf_wire_writer_pop_payload (CfWireWriter *self,
                                       guint64      *task);
void      _cf_wire_writer_move (CfWireWriter *self,
                                CfWireWriter *target);
GVariant *_cf_wire_prepare_large (GVariant *payload);

void     _cf_wire_reader_init (CfWireReader *self);
void     _cf_wire_reader_clear (CfWireReader *self);
gsize    _cf_wire_reader_prepare (CfWireReader *self,
                                  guint8      **place);
void     _cf_wire_reader_commit (CfWireReader *self,
                                 gsize         n_bytes);
gboolean _cf_wire_reader_next (CfWireReader *self,
                               CfWireFrame  *frame,
                               gboolean     *got_frame,
                               GError      **error);
gboolean _cf_wire_reader_is_amid_frame (CfWireReader *self);

G_END_DECLS
