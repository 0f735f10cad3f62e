/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-worker.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cf-error.h"
#include "cf-function-private.h"
#include "cf-wire-private.h"
#include "cf-worker-channel-private.h"
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
struct _CfWorker
{
  GObject parent_instance;

  CfWorkerChannel *channel;     /* (const) (owned) */
  int              stderr_fd;   /* the real one, until the worker is prepared; or -1 */
  pid_t            pid;         /* (const): a child that a call forks is no worker */
  GHashTable      *functions;   /* (owned) (element-type utf8 CfFunc): by name, and by place */
  GCancellable    *cancellable; /* (owned): lent to one call after the other */
  CfWireWriter     writer;

  CfWorkerHandler handler;
  gpointer        handler_data;
  GDestroyNotify  handler_destroy;

  CfWorkerHandler initializer;
  gpointer        initializer_data;
  GDestroyNotify  initializer_destroy;
};

G_DEFINE_FINAL_TYPE (CfWorker, cf_worker, G_TYPE_OBJECT)

static void
cf_worker_finalize (GObject *object)
{
  CfWorker *self = CF_WORKER (object);

  g_clear_pointer (&self->channel, _cf_worker_channel_free);
  g_clear_pointer (&self->functions, g_hash_table_unref);
  g_clear_object (&self->cancellable);
  _cf_wire_writer_clear (&self->writer);
  if (self->stderr_fd >= 0)
    close (self->stderr_fd);
  if (self->handler_destroy != NULL)
    self->handler_destroy (self->handler_data);
  if (self->initializer_destroy != NULL)
    self->initializer_destroy (self->initializer_data);

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
  self->stderr_fd = -1;
  self->pid = getpid ();
  self->functions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  _cf_wire_writer_init (&self->writer);
}

/* One cancellable serves all calls that leave it as it was. */
static GCancellable *
lend_cancellable (CfWorker *self)
{
  if (self->cancellable != NULL && (G_OBJECT (self->cancellable)->ref_count > 1 || g_cancellable_is_cancelled (self->cancellable)))
    g_clear_object (&self->cancellable);
  if (self->cancellable == NULL)
    self->cancellable = g_cancellable_new ();

  return self->cancellable;
}

static CfFunc
find_function (CfWorker          *self,
               const CfWireFrame *frame,
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
  if (func != NULL || (is_named && self->handler != NULL))
    return func;

  if (is_named)
    func = (CfFunc) _cf_function_find_named (key, error);
  else
    func = (CfFunc) _cf_function_find (frame->strings[0], frame->strings[1], frame->strings[2], error);
  if (func != NULL)
    g_hash_table_insert (self->functions, g_steal_pointer (&key), (gpointer) func);

  return func;
}

static gboolean
try_append_error (CfWorker     *self,
                  CfWireFrame  *reply,
                  const GError *error,
                  GError      **failure)
{
  gboolean success;

  reply->kind = CF_WIRE_ERROR;
  reply->code = error->code;
  reply->n_strings = 2;
  reply->strings[0] = error->domain != 0 ? g_quark_to_string (error->domain) : "";
  _cf_wire_frame_set_message (reply, error->message != NULL ? error->message : "");
  success = _cf_wire_writer_append (&self->writer, reply, failure);
  g_clear_pointer (&reply->payload, g_variant_unref);
  reply->code = 0;

  return success;
}

/* Every call gets its reply: when its error cannot travel, then one that says so. */
static void
append_error (CfWorker     *self,
              CfWireFrame  *reply,
              const GError *error)
{
  g_autoptr (GError) failure = NULL;

  if (try_append_error (self, reply, error, &failure))
    return;

  g_prefix_error (&failure, "The error cannot be sent back: ");
  try_append_error (self, reply, failure, NULL);
}

static gboolean
try_append_result (CfWorker    *self,
                   CfWireFrame *reply,
                   GVariant    *result,
                   GError     **failure)
{
  gboolean success;

  reply->kind = CF_WIRE_RESULT;
  reply->n_strings = 0;
  reply->payload = result;
  success = _cf_wire_writer_append (&self->writer, reply, failure);
  reply->payload = NULL;

  return success;
}

/* What a function gave, both taken over: a result that can travel is one only when there is no error. */
static void
append_outcome (CfWorker    *self,
                CfWireFrame *reply,
                GVariant    *result,
                GError      *error)
{
  g_autoptr (GVariant) owned = result != NULL ? g_variant_take_ref (result) : NULL;
  g_autoptr (GError) failure = error;

  if (failure == NULL && owned == NULL)
    g_set_error (&failure, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NO_RESULT, "The function gave neither a result nor an error");
  if (failure == NULL && !try_append_result (self, reply, owned, &failure))
    g_prefix_error (&failure, "The result cannot be sent back: ");
  if (failure != NULL)
    append_error (self, reply, failure);
}

/* One call: of a function, or of the handler where there is none of that name. */
static void
call_and_append (CfWorker          *self,
                 const CfWireFrame *frame,
                 CfFunc             func,
                 GVariant          *args,
                 CfWireFrame       *reply)
{
  GError   *failure = NULL;
  GVariant *result;

  if (func != NULL)
    result = func (args, self->cancellable, &failure);
  else
    result = self->handler (frame->strings[0], args, self->cancellable, self->handler_data, &failure);

  if (getpid () != self->pid)
    _exit (0);

  append_outcome (self, reply, result, failure);
}

/* Each call of a chunk gets a cancellable that the one before has left alone. */
static void
lend_to_next (CfWorker *self)
{
  _cf_worker_channel_set_cancellable (self->channel, NULL);
  _cf_worker_channel_set_cancellable (self->channel, lend_cancellable (self));
}

static void
call_chunk (CfWorker          *self,
            const CfWireFrame *frame,
            CfFunc             func,
            CfWireFrame       *reply)
{
  gsize n = g_variant_n_children (frame->payload);

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) args = g_variant_get_child_value (frame->payload, i);

      if (i > 0)
        lend_to_next (self);
      reply->index = (guint32) i;
      call_and_append (self, frame, func, args, reply);
    }
}

static gboolean
check_call (CfWireFrame *frame,
            GError     **error)
{
  if (frame->bad_payload)
    g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_NOT_SERIALIZABLE,
                 "The arguments did not arrive as a GVariant in normal form (nested too deeply?)");
  else if ((frame->flags & CF_WIRE_FLAG_CHUNK) != 0 &&
           (frame->payload == NULL || !g_variant_is_container (frame->payload) || g_variant_n_children (frame->payload) == 0))
    g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_PROTOCOL, "A chunk of calls without calls");
  else
    return TRUE;

  return FALSE;
}

static gboolean
serve_call (CfWorker    *self,
            CfWireFrame *frame,
            GError     **error)
{
  CfWireFrame reply = { .task = frame->task, .flags = frame->flags & CF_WIRE_FLAG_CHUNK };
  g_autoptr (GError) failure = NULL;
  CfFunc func = NULL;

  if (!_cf_worker_channel_begin_call (self->channel, frame->index, frame->task, lend_cancellable (self)))
    return TRUE;

  if (check_call (frame, &failure))
    func = find_function (self, frame, &failure);

  if (failure != NULL)
    {
      /* Of a chunk, none can run: the reply has no index then. */
      reply.flags = 0;
      append_error (self, &reply, failure);
    }
  else if ((frame->flags & CF_WIRE_FLAG_CHUNK) != 0)
    {
      call_chunk (self, frame, func, &reply);
    }
  else
    {
      call_and_append (self, frame, func, frame->payload, &reply);
    }

  _cf_worker_channel_end_call (self->channel);

  /* The arguments go first, then the future is done. */
  _cf_wire_frame_clear (frame);

  return _cf_worker_channel_send (self->channel, &self->writer, error);
}

/* From here on, what the program says on standard error is its own business. */
static void
restore_stderr (CfWorker *self)
{
  if (self->stderr_fd < 0)
    return;

  while (dup2 (self->stderr_fd, STDERR_FILENO) < 0 && (errno == EINTR || errno == EBUSY))
    ;
  close (self->stderr_fd);
  self->stderr_fd = -1;
}

static GVariant *
initialize (CfWorker          *self,
            const CfWireFrame *frame,
            GError           **error)
{
  g_autoptr (GVariant) own = NULL;
  CfFunc func;

  if (self->initializer != NULL)
    {
      GVariant *result = self->initializer (frame->n_strings > 0 ? frame->strings[0] : NULL, frame->payload,
                                            lend_cancellable (self), self->initializer_data, error);

      own = result != NULL ? g_variant_take_ref (result) : NULL;
      if (own == NULL)
        return NULL;
    }
  if (frame->n_strings == 0)
    return g_variant_new_tuple (NULL, 0);

  func = find_function (self, frame, error);
  if (func != NULL)
    return func (frame->payload, lend_cancellable (self), error);
  if (self->handler != NULL && (frame->flags & CF_WIRE_FLAG_NAMED) != 0)
    return self->handler (frame->strings[0], frame->payload, lend_cancellable (self), self->handler_data, error);

  return NULL;
}

static gboolean
serve_init (CfWorker    *self,
            CfWireFrame *frame,
            GError     **error)
{
  CfWireFrame reply = { .task = 0 };
  GError     *failure = NULL;
  GVariant   *result = NULL;

  if (frame->bad_payload)
    check_call (frame, &failure);
  else
    result = initialize (self, frame, &failure);

  append_outcome (self, &reply, result, failure);
  restore_stderr (self);

  return _cf_worker_channel_send (self->channel, &self->writer, error) &&
         _cf_worker_channel_flush (self->channel, error);
}

static gboolean
send_hello (CfWorker *self,
            GError  **error)
{
  CfWireFrame hello = {
    .kind = CF_WIRE_HELLO,
    .flags = _cf_worker_channel_has_page (self->channel) ? CF_WIRE_FLAG_PAGE : 0,
    .code = CF_WIRE_VERSION,
    .n_strings = 1,
    .strings = { g_get_prgname () != NULL ? g_get_prgname () : "worker" },
  };

  return _cf_wire_writer_append (&self->writer, &hello, error) &&
         _cf_worker_channel_send (self->channel, &self->writer, error) &&
         _cf_worker_channel_flush (self->channel, error);
}

static gboolean
serve (CfWorker    *self,
       CfWireFrame *frame,
       GError     **error)
{
  switch (frame->kind)
    {
    case CF_WIRE_CALL:
      return serve_call (self, frame, error);
    case CF_WIRE_INIT:
      return serve_init (self, frame, error);
    case CF_WIRE_HELLO:
    case CF_WIRE_RESULT:
    case CF_WIRE_ERROR:
    case CF_WIRE_BYE:
    default:
      g_set_error (error, CF_EXECUTOR_ERROR, CF_EXECUTOR_ERROR_PROTOCOL, "A parent does not send frames of kind %d", frame->kind);
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
 * [error@Cf.ExecutorError.NOT_SUPPORTED].
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
  self->stderr_fd = fds[CF_WORKER_FD_STDERR];
  self->channel = _cf_worker_channel_new (fds[CF_WORKER_FD_SOCKET], fds[CF_WORKER_FD_PAGE], fds[CF_WORKER_FD_CONTROL], TRUE, error);

  return self->channel != NULL ? g_steal_pointer (&self) : NULL;
}

/**
 * cf_worker_new_for_fd:
 * @fd: a connected stream socket
 * @error: return location for an error
 *
 * Makes a worker that serves the calls that arrive on a socket.
 *
 * The worker takes @fd over.  Other than with [ctor@Worker.new], the process
 * stays as it is, and does not end with its parent: when the other side is
 * gone, the cancellable of the running call is cancelled and
 * [method@Worker.run] returns.
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
  self->channel = _cf_worker_channel_new (fd, -1, -1, FALSE, error);

  return self->channel != NULL ? g_steal_pointer (&self) : NULL;
}

/**
 * cf_worker_add_function: (skip)
 * @self: a worker
 * @name: what the function is called in [method@Executor.submit_named]
 * @func: a function
 *
 * Registers a function by name.
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
 * Sets what runs the calls of names that are not registered.
 *
 * This is how a worker in another language finds its functions.
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

  if (self->handler_destroy != NULL)
    self->handler_destroy (self->handler_data);
  self->handler = handler;
  self->handler_data = user_data;
  self->handler_destroy = destroy;
}

/**
 * cf_worker_set_initializer:
 * @self: a worker
 * @initializer: (scope notified) (closure user_data) (destroy destroy): prepares the worker
 * @user_data: for @initializer
 * @destroy: for @user_data
 *
 * Sets what prepares this worker before its first call.
 *
 * It gets the name and the arguments of the pool's initializer, if that has
 * one that goes by a name, and runs before it.  When it fails, the pool is
 * broken.
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

  if (self->initializer_destroy != NULL)
    self->initializer_destroy (self->initializer_data);
  self->initializer = initializer;
  self->initializer_data = user_data;
  self->initializer_destroy = destroy;
}

/**
 * cf_worker_run:
 * @self: a worker
 * @error: return location for an error
 *
 * Serves calls until the parent wants no more.
 *
 * This blocks, and runs the functions in the calling thread.
 *
 * Returns: true when the parent said goodbye or closed the line, false when
 *   the line broke or the parent spoke another protocol
 *
 * Since: 1.0
 */
gboolean
cf_worker_run (CfWorker *self,
               GError  **error)
{
  CfWireFrame frame;
  g_autoptr (GError) failure = NULL;

  g_return_val_if_fail (CF_IS_WORKER (self), FALSE);

  if (!send_hello (self, error))
    return FALSE;

  while (_cf_worker_channel_receive (self->channel, &frame, &failure))
    {
      gboolean is_last = frame.kind == CF_WIRE_BYE;
      gboolean success = is_last || serve (self, &frame, &failure);

      _cf_wire_frame_clear (&frame);
      if (is_last || !success)
        break;
    }

  if (failure == NULL)
    return _cf_worker_channel_flush (self->channel, error);
  g_propagate_error (error, g_steal_pointer (&failure));

  return FALSE;
}
