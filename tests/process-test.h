/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "cf-test.h"

G_BEGIN_DECLS

/* A gate between processes: two named pipes in a directory of its own. */
typedef struct
{
  char *dir;
  char *started; /* a call writes its pid here */
  char *opened;  /* and reads one byte here before it goes on */
  int   started_fd;
  int   opened_fd;
} ProcessGate;

void      process_gate_init (ProcessGate *gate);
void      process_gate_clear (ProcessGate *gate);
GVariant *process_gate_args (ProcessGate *gate);
/* Waits until one more call has come to the gate, and returns its pid. */
int  process_gate_await (ProcessGate *gate);
void process_gate_open (ProcessGate *gate,
                        guint        n_calls);

/* CfFuncs for workers */
GVariant *call_increment (GVariant *args, GCancellable *cancellable, GError **error); /* "x": one more */
GVariant *call_echo (GVariant *args, GCancellable *cancellable, GError **error);      /* anything: the same */
GVariant *call_pid (GVariant *args, GCancellable *cancellable, GError **error);       /* "i" */
GVariant *call_fail (GVariant *args, GCancellable *cancellable, GError **error);      /* made-up-domain -77 "sorry" */
GVariant *call_null (GVariant *args, GCancellable *cancellable, GError **error);      /* NULL */
GVariant *call_die (GVariant *args, GCancellable *cancellable, GError **error);       /* "i": of that signal; exits with 255 - n when negative */
GVariant *call_gate (GVariant *args, GCancellable *cancellable, GError **error);      /* process_gate_args(): waits there, then its pid */
GVariant *call_die_once (GVariant *args, GCancellable *cancellable, GError **error);  /* "s": dies unless that file exists, which it makes */
GVariant *call_hang (GVariant *args, GCancellable *cancellable, GError **error);      /* for ever */

CfExecutor *process_pool_new (guint       max_workers,
                              const char *first_property,
                              ...);
CfFuture   *submit (CfExecutor *executor,
                    CfFunc      func,
                    GVariant   *args);
void        assert_increments (CfExecutor *executor,
                               guint       n);
void        assert_future_fails (CfFuture   *future,
                                 GQuark      domain,
                                 int         code,
                                 const char *words);
guint64     get_uint64 (CfExecutor *executor,
                        const char *property);
guint       get_uint (CfExecutor *executor,
                      const char *property);
/* Shuts down, drops the reference, and sees that it was the last one. */
void process_pool_end (CfExecutor *executor);

/* What this process has: for comparing before and after. */
guint count_descriptors (void);
guint count_children (void);
/* Gone, or a zombie that its parent is to reap. */
gboolean process_has_ended (int pid);

G_END_DECLS
