/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The parent's end of a worker's line. */

#pragma once

#include <cfutures/cfutures.h>

#include "cfutures/cf-wire-private.h"

G_BEGIN_DECLS

typedef struct
{
  int          fd; /* (owned), or -1 */
  CfWireReader reader;
} Line;

/* Takes @fd over. */
void line_init (Line *line,
                int   fd);
void line_close (Line *line);
void line_clear (Line *line);

void send_bytes (Line         *line,
                 gconstpointer bytes,
                 gsize         size);
void send_frame (Line        *line,
                 CfWireFrame *frame);
/* Of a function by its name; a floating reference to @args (nullable) is taken over. */
void send_call (Line       *line,
                guint64     task,
                const char *name,
                GVariant   *args);

/* What comes next; for the first, @frame has to be cleared. */
void expect (Line        *line,
             CfWireKind   kind,
             guint64      task,
             CfWireFrame *frame);
void expect_hello (Line *line);
void expect_error (Line       *line,
                   guint64     task,
                   const char *domain,
                   int         code);
void expect_string (Line       *line,
                    guint64     task,
                    const char *string);

G_END_DECLS
