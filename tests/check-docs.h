/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What the code blocks of the documentation may refer to: see check-docs.py. */

#include <cfutures/cfutures.h>

extern int                    argc;
extern char                 **argv;
extern CfExecutor            *executor;
extern CfExecutor            *pool;
extern CfProcessPoolExecutor *process_pool;
extern CfThreadPoolExecutor  *thread_pool;
extern CfFuture              *future;
extern CfFuture             **futures;
extern gsize                  n_futures;
extern gint64                 n;
extern CfFutureIter          *iter;
extern CfResultIter          *results;
extern CfWorker              *worker;
extern GCancellable          *cancellable;
extern GError                *error;
extern GFile                 *file;
extern GMainLoop             *loop;
extern GVariant              *args;
extern GVariant              *items;
extern GVariant              *numbers;
extern gpointer               user_data;

/* One line each: a block may define them itself. */
GVariant *count (GVariant *args, GCancellable *cancellable, GError **error);
GVariant *is_prime (GVariant *args, GCancellable *cancellable, GError **error);
gboolean  load (GValue *result, GCancellable *cancellable, gpointer user_data, GError **error);
void      on_done (CfFuture *future, gpointer user_data);
void      show (gconstpointer what, ...);
