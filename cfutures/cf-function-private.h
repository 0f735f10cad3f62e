/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The type of CfFunc, so that this layer needs to know no executor. */
typedef GVariant *(*CfFunctionPointer) (GVariant     *args,
                                        GCancellable *cancellable,
                                        GError      **error);

/* The file of this program for as long as it runs, whatever becomes of its name. */
#define CF_FUNCTION_PROGRAM "/proc/self/exe"

/* Where a function lies, in words that another process understands. */
typedef struct
{
  char    *object;     /* (owned): the file, as an absolute path */
  char    *id;         /* (owned): the build id of the file, in hex; without one, its inode and time */
  char    *offset;     /* (owned): from the start of the object, in hex */
  char    *symbol;     /* (owned) (nullable): for people */
  gboolean is_program; /* it lies in the program itself, not in a library */
} CfFunctionPlace;

const CfFunctionPlace *_cf_function_locate (CfFunctionPointer function,
                                            GError          **error);
CfFunctionPointer      _cf_function_find (const char *object,
                                          const char *id,
                                          const char *offset,
                                          GError    **error);
CfFunctionPointer      _cf_function_find_named (const char *name,
                                                GError    **error);
char                  *_cf_function_describe_place (const CfFunctionPlace *place);
char                  *_cf_function_dup_program_path (void);
char                  *_cf_function_describe (CfFunctionPointer function);
char                  *_cf_function_dup_symbol (gpointer address);

G_END_DECLS
