/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-worker-private.h"

#include "cf-error.h"
#include "cf-function-private.h"
#include "cf-worker-environment-private.h"

/**
 * CfWorker:
 *
 * Serves the calls of a process pool in a worker program.
 *
 * A program that is named in the `worker-argv` of a
 * [class@ProcessPoolExecutor] makes a worker, tells it which functions it has,
 * and runs it.  Functions that nobody registered are looked up as
 * `module-path:symbol`, and those that were submitted as pointers are found in
 * their file.
 *
 * ```c
 * g_autoptr (CfWorker) worker = cf_worker_new (&error);
 *
 * if (worker == NULL)
 *   g_error ("%s", error->message);
 * cf_worker_add_function (worker, "is-prime", is_prime);
 *
 * return cf_worker_run (worker, &error) ? 0 : 1;
 * ```
 *
 * Calls run one after the other in the thread that calls
 * [method@Worker.run].  Standard output and standard error stay the program's
 * own.  When the parent ends, the process ends at once.
 *
 * Since: 1.0
 */

G_DEFINE_FINAL_TYPE (CfWorker, cf_worker, G_TYPE_OBJECT)

static void
hook_clear (CfWorkerHook *hook)
{
  if (hook->destroy != NULL)
    hook->destroy (hook->user_data);
}

static void
cf_worker_finalize (GObject *object)
{
  CfWorker *self = CF_WORKER (object);

  _cf_worker_calls_clear (&self->calls);
  g_clear_pointer (&self->functions, g_hash_table_unref);
  g_clear_error (&self->start_error);
  hook_clear (&self->handler);
  hook_clear (&self->initializer);

  G_OBJECT_CLASS (cf_worker_parent_class)->finalize (object);
}

static void
cf_worker_class_init (CfWorkerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = cf_worker_finalize;
}

static void
cf_worker_init (CfWorker *self)
{
  _cf_worker_calls_init (&self->calls);
  self->functions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

/* NULL without an error: the call is for somebody who knows more names. */
static CfFunc
find_function (CfWorker          *self,
               const CfWireFrame *frame,
               gboolean           others_know,
               GError           **error)
{
  gboolean         is_named = (frame->flags & CF_WIRE_FLAG_NAMED) != 0;
  g_autofree char *key = NULL;
  CfFunc           func;

  if (is_named)
    key = g_strdup (frame->strings[0]);
  else
    key = g_strconcat (frame->strings[1], "+", frame->strings[2], NULL);

  func = (CfFunc) g_hash_table_lookup (self->functions, key);
  if (func != NULL || (is_named && others_know))
    return func;

  if (is_named)
    func = (CfFunc) _cf_function_find_named (key, error);
  else
    func = (CfFunc) _cf_function_find (frame->strings[0], frame->strings[1], frame->strings[2], error);
  if (func != NULL)
    g_hash_table_insert (self->functions, g_steal_pointer (&key), (gpointer) func);

  return func;
}

/* What the program itself does before the initializer of the pool. */
static void
prepare (CfWorker          *self,
         const CfWireFrame *frame,
         GError           **failure)
{
  const char *name = (frame->flags & CF_WIRE_FLAG_NAMED) != 0 && frame->n_strings > 0 ? frame->strings[0] : "";
  g_autoptr (GVariant) result = NULL;

  if (self->start_error != NULL)
    g_propagate_error (failure, g_error_copy (self->start_error));
  else if (self->initializer.func != NULL)
    {
      result = self->initializer.func (name, frame->payload, self->calls.cancellable, self->initializer.user_data, failure);
      if (result != NULL)
        g_variant_take_ref (result);
      else if (*failure == NULL)
        g_set_error (failure, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT, "The initializer gave neither a result nor an error");
    }
}

static GVariant *
do_nothing (GVariant *args            G_GNUC_UNUSED,
            GCancellable *cancellable G_GNUC_UNUSED,
            GError **error            G_GNUC_UNUSED)
{
  return g_variant_new_tuple (NULL, 0);
}

/* Finds out who runs what was received. */
static gboolean
begin (CfWorker *self,
       gboolean  others_know,
       GError  **error)
{
  const CfWireFrame *frame = &self->calls.frame;
  g_autoptr (GError) failure = NULL;

  self->func = NULL;
  if (frame->kind == CF_WIRE_INIT)
    prepare (self, frame, &failure);
  if (failure == NULL)
    self->func = frame->n_strings > 0 ? find_function (self, frame, others_know, &failure) : do_nothing;

  return failure == NULL || _cf_worker_calls_refuse (&self->calls, failure, error);
}

static gboolean
run_function (CfWorker *self,
              GError  **error)
{
  g_autoptr (GVariant) args = _cf_worker_calls_dup_args (&self->calls);
  g_autoptr (GError) failure = NULL;
  GVariant *result = self->func (args, self->calls.cancellable, &failure);

  g_clear_pointer (&args, g_variant_unref);

  return _cf_worker_calls_answer (&self->calls, result, failure, error);
}

/* Serves what functions of C can run, until there is a call for those who know more names.  FALSE without an error: there
 * will be none. */
gboolean
_cf_worker_serve (CfWorker *self,
                  gboolean  others_know,
                  GError  **error)
{
  for (;;)
    {
      while (self->calls.n_items > 0)
        {
          if (self->func == NULL)
            return TRUE;
          if (!run_function (self, error))
            return FALSE;
        }
      if (!_cf_worker_calls_receive (&self->calls, error) || !begin (self, others_know, error))
        return FALSE;
    }
}

/**
 * cf_worker_new:
 * @error: return location for an error
 *
 * Makes the worker of this process, which a process pool has started.
 *
 * The process gets a process group of its own, ignores `SIGINT`, and closes
 * descriptors that it was not meant to inherit.  Call it once, early.  In a
 * process that no pool started, it fails with
 * %CF_EXECUTOR_ERROR_NOT_SUPPORTED.
 *
 * Returns: (transfer full): the worker
 *
 * Since: 1.0
 */
CfWorker *
cf_worker_new (GError **error)
{
  int fds[CF_WORKER_N_FDS];
  g_autoptr (CfWorker) self = NULL;

  if (!_cf_worker_environment_take (fds))
    {
      g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SUPPORTED,
                   "This program was not started by a process pool, so it has no calls to serve");
      return NULL;
    }

  _cf_worker_environment_prepare_process ();
  self = g_object_new (CF_TYPE_WORKER, NULL);
  self->calls.stderr_fd = fds[CF_WORKER_FD_STDERR];
  self->calls.channel = _cf_worker_channel_new (fds[CF_WORKER_FD_SOCKET], fds[CF_WORKER_FD_PAGE], fds[CF_WORKER_FD_CONTROL], TRUE, error);

  return self->calls.channel != NULL ? g_steal_pointer (&self) : NULL;
}

/**
 * cf_worker_new_for_fd:
 * @fd: a connected stream socket
 * @error: return location for an error
 *
 * Makes a worker that serves the calls that arrive on a socket.
 *
 * The worker takes @fd over.  Unlike with [ctor@Worker.new], the process stays
 * as it is, and does not end with its parent: when the other side is gone, the
 * cancellable of the running call is cancelled and [method@Worker.run] returns.
 * It fails with %G_THREAD_ERROR_AGAIN when there can be no more threads.
 *
 * Returns: (transfer full): the worker
 *
 * Since: 1.0
 */
CfWorker *
cf_worker_new_for_fd (int      fd,
                      GError **error)
{
  g_autoptr (CfWorker) self = NULL;

  g_return_val_if_fail (fd >= 0, NULL);

  self = g_object_new (CF_TYPE_WORKER, NULL);
  self->calls.channel = _cf_worker_channel_new (fd, -1, -1, FALSE, error);

  return self->calls.channel != NULL ? g_steal_pointer (&self) : NULL;
}

/**
 * cf_worker_add_function: (skip)
 * @self: a worker
 * @name: the name of the function in [method@Executor.submit_named]
 * @func: a function
 *
 * Registers a function by name.
 *
 * Call this before [method@Worker.run], in whose thread the function then runs.
 *
 * Since: 1.0
 */
void
cf_worker_add_function (CfWorker   *self,
                        const char *name,
                        CfFunc      func)
{
  g_return_if_fail (CF_IS_WORKER (self));
  g_return_if_fail (name != NULL);
  g_return_if_fail (func != NULL);

  g_hash_table_insert (self->functions, g_strdup (name), (gpointer) func);
}

/**
 * cf_worker_set_handler:
 * @self: a worker
 * @handler: (scope notified) (closure user_data) (destroy destroy): runs calls by name
 * @user_data: for @handler
 * @destroy: for @user_data
 *
 * Sets a function that runs the calls of names that are not registered.
 *
 * This is how a worker in another language finds its functions.  The handler is
 * called in the thread that calls [method@Worker.run].
 *
 * Since: 1.0
 */
void
cf_worker_set_handler (CfWorker       *self,
                       CfWorkerHandler handler,
                       gpointer        user_data,
                       GDestroyNotify  destroy)
{
  g_return_if_fail (CF_IS_WORKER (self));
  g_return_if_fail (handler != NULL);

  hook_clear (&self->handler);
  self->handler = (CfWorkerHook){ handler, user_data, destroy };
}

/**
 * cf_worker_set_initializer:
 * @self: a worker
 * @initializer: (scope notified) (closure user_data) (destroy destroy): prepares the worker
 * @user_data: for @initializer
 * @destroy: for @user_data
 *
 * Sets a function that prepares this worker before its first call.
 *
 * It runs before the initializer of the pool and gets its arguments, and its name
 * if it has one: that of [method@ProcessPoolExecutor.set_initializer] has none.
 * When it fails, the pool is broken.
 *
 * Since: 1.0
 */
void
cf_worker_set_initializer (CfWorker       *self,
                           CfWorkerHandler initializer,
                           gpointer        user_data,
                           GDestroyNotify  destroy)
{
  g_return_if_fail (CF_IS_WORKER (self));
  g_return_if_fail (initializer != NULL);

  hook_clear (&self->initializer);
  self->initializer = (CfWorkerHook){ initializer, user_data, destroy };
}

/**
 * cf_worker_fail_start:
 * @self: a worker
 * @failure: why
 *
 * Reports that this worker cannot be prepared, which breaks the pool.
 *
 * This is for programs that prepare themselves without
 * [method@Worker.set_initializer].  Call it before the first call is taken.
 *
 * Since: 1.0
 */
void
cf_worker_fail_start (CfWorker     *self,
                      const GError *failure)
{
  g_return_if_fail (CF_IS_WORKER (self));
  g_return_if_fail (failure != NULL);

  g_clear_error (&self->start_error);
  self->start_error = g_error_copy (failure);
}

static gboolean
run_handler (CfWorker *self,
             GError  **error)
{
  g_autoptr (GVariant) args = _cf_worker_calls_dup_args (&self->calls);
  g_autoptr (GError) failure = NULL;
  GVariant *result;

  result = self->handler.func (self->calls.frame.strings[0], args, self->calls.cancellable, self->handler.user_data, &failure);
  g_clear_pointer (&args, g_variant_unref);

  return _cf_worker_calls_answer (&self->calls, result, failure, error);
}

/**
 * cf_worker_run:
 * @self: a worker
 * @error: return location for an error
 *
 * Serves calls until the parent wants no more.
 *
 * This blocks, and runs the functions in the calling thread.  The error is
 * %CF_EXECUTOR_ERROR_PROTOCOL when the parent broke the protocol, and one of GIO
 * when the connection broke.
 *
 * Returns: true when the parent said goodbye or closed the connection
 *
 * Since: 1.0
 */
gboolean
cf_worker_run (CfWorker *self,
               GError  **error)
{
  g_autoptr (GError) failure = NULL;

  g_return_val_if_fail (CF_IS_WORKER (self), FALSE);

  while (_cf_worker_serve (self, self->handler.func != NULL, &failure) && run_handler (self, &failure))
    ;

  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));

  return FALSE;
}
