/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "cf-worker-process-private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cf-error.h"
#include "cf-worker-outbox-private.h"
#include "cf-worker-spawn-private.h"
#include "cf-worker-status-private.h"
#include "cf-worker-words-private.h"

/* The end of a child shows in two ways, in any order: its socket reaches the end, and its status arrives.  Only the
 * status ends it.  A child that closed its socket and lives on gets a moment, then it is killed.
 */

#define READS_AT_ONCE 16
#define TERM_GRACE_US G_USEC_PER_SEC
#define BYE_GRACE_US (5 * G_USEC_PER_SEC)
#define EOF_GRACE_US (G_USEC_PER_SEC / 10)

/* All of it belongs to the thread that started the child, save the outbox, which others may cut. */
struct _CfWorkerProcess
{
  GSubprocess                 *subprocess; /* (owned) */
  int                          pid;
  const CfWorkerProcessEvents *events;
  gpointer                     user_data;

  int            fd;
  int            control_fd;
  CfPage        *page;
  GSource       *source; /* (owned) (nullable): of fd */
  gpointer       source_tag;
  GIOCondition   condition; /* what source waits for */
  GSource       *timer;     /* (owned): to end it harder */
  CfWorkerEnd    next_end;
  CfWireReader   reader;
  CfWorkerOutbox outbox;
  guint64        received;
  gboolean       at_end;  /* the socket gives nothing more */
  gboolean       is_dead; /* what comes now is what it left */

  CfWorkerWords words; /* its standard error while it starts */

  gboolean ending;       /* SIGTERM or SIGKILL was sent: its group goes with it */
  gboolean lost_line;    /* it was killed because it had closed its socket */
  char    *broken_rules; /* (owned) (nullable): it was killed because of what it sent */
};

static void
clear_fd (int *fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}

static void
send_signal (CfWorkerProcess *self,
             int              number)
{
  /* Not reaped yet, so the number is still its own. */
  if (self->pid <= 1 || g_subprocess_get_identifier (self->subprocess) == NULL)
    return;

  if (getpgid (self->pid) == self->pid)
    kill (-self->pid, number);
  g_subprocess_send_signal (self->subprocess, number);
}

static void
stop_timer (CfWorkerProcess *self)
{
  if (self->timer != NULL)
    g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
}

/* On a busy machine its status may come later than the end of its grace. */
static gboolean
has_ended (CfWorkerProcess *self)
{
  siginfo_t info = { 0 };

  return self->pid > 1 && (waitid (P_PID, (id_t) self->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0);
}

static gboolean
timer_cb (gpointer user_data)
{
  CfWorkerProcess *self = user_data;

  stop_timer (self);
  if (!self->ending && self->at_end)
    self->lost_line = !has_ended (self);
  _cf_worker_process_end (self, self->next_end);

  return G_SOURCE_REMOVE;
}

static void
end_later (CfWorkerProcess *self,
           gint64           delay_us,
           CfWorkerEnd      end)
{
  stop_timer (self);
  self->next_end = end;
  self->timer = g_timeout_source_new ((guint) (delay_us / 1000));
  g_source_set_callback (self->timer, timer_cb, self, NULL);
  g_source_attach (self->timer, g_main_context_get_thread_default ());
}

static void
break_rules (CfWorkerProcess *self,
             const char      *message)
{
  if (self->broken_rules == NULL)
    self->broken_rules = g_strdup (message);
  self->at_end = TRUE;
  _cf_worker_process_end (self, CF_WORKER_END_KILL);
}

static void
take_frames (CfWorkerProcess *self)
{
  g_autoptr (GError) error = NULL;
  CfWireFrame frame;
  gboolean    got_frame;

  while (self->broken_rules == NULL && error == NULL && _cf_wire_reader_next (&self->reader, &frame, &got_frame, &error) && got_frame)
    {
      self->events->frame (self, &frame, self->user_data, &error);
      _cf_wire_frame_clear (&frame);
    }

  if (error != NULL)
    break_rules (self, error->message);
}

static void
drop_line (CfWorkerProcess *self)
{
  self->at_end = TRUE;
  if (self->source != NULL)
    g_source_destroy (self->source);
  g_clear_pointer (&self->source, g_source_unref);
}

/* Arguments are released before their future is done, also those that nobody will read any more. */
static void
drop_unsent (CfWorkerProcess *self)
{
  _cf_worker_outbox_drop (&self->outbox);
}

/* Reads what is there; FALSE when there is nothing more for now. */
static gboolean
read_once (CfWorkerProcess *self)
{
  guint8 *place;
  gsize   size = _cf_wire_reader_prepare (&self->reader, &place);
  ssize_t n = recv (self->fd, place, size, 0);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return errno == EINTR;
  if (n <= 0)
    {
      drop_line (self);
      return FALSE;
    }

  self->received += (gsize) n;
  _cf_wire_reader_commit (&self->reader, (gsize) n);
  take_frames (self);

  return !self->at_end && (gsize) n == size;
}

static void
read_rest_from_page (CfWorkerProcess *self)
{
  g_autofree guint8 *rest = g_malloc (CF_PAGE_RING_SIZE);
  gsize              size = _cf_page_read_rest (self->page, self->received, rest);

  for (gsize done = 0; done < size && self->broken_rules == NULL;)
    {
      guint8 *place;
      gsize   n = MIN (_cf_wire_reader_prepare (&self->reader, &place), size - done);

      memcpy (place, rest + done, n);
      _cf_wire_reader_commit (&self->reader, n);
      done += n;
      take_frames (self);
    }
}

static gboolean
line_cb (gpointer user_data)
{
  CfWorkerProcess *self = user_data;
  GIOCondition     condition = g_source_query_unix_fd (self->source, self->source_tag);

  if ((condition & G_IO_OUT) != 0)
    _cf_worker_process_flush (self);

  for (guint i = 0; i < READS_AT_ONCE && !self->at_end && read_once (self); i++)
    ;

  if (self->at_end)
    {
      drop_line (self);
      if (!self->ending && self->timer == NULL)
        end_later (self, EOF_GRACE_US, CF_WORKER_END_KILL);
    }

  return G_SOURCE_CONTINUE;
}

static char *
describe_end (CfWorkerProcess *self)
{
  if (self->broken_rules != NULL)
    return g_strdup_printf ("broke the protocol: %s", self->broken_rules);
  /* It may have ended otherwise just before it was killed. */
  if (self->lost_line && _cf_worker_status_is_killed (self->subprocess))
    return g_strdup ("closed its socket");

  return _cf_worker_status_describe (self->subprocess);
}

/* Reads all that a dead child has left in the socket. */
static void
drain_line (CfWorkerProcess *self)
{
  guint64 before;

  do
    {
      before = self->received;
      read_once (self);
    }
  while (!self->at_end && self->received > before);
}

static void
exited_cb (GObject      *subprocess,
           GAsyncResult *result,
           gpointer      user_data)
{
  CfWorkerProcess *self = user_data;
  g_autofree char *how = NULL;

  g_subprocess_wait_finish (G_SUBPROCESS (subprocess), result, NULL);
  self->is_dead = TRUE;

  /* A child of its own may hold the other end open, so the end of file may never come. */
  drain_line (self);
  drop_line (self);
  if (self->broken_rules == NULL)
    read_rest_from_page (self);
  _cf_worker_words_end (&self->words);
  stop_timer (self);
  drop_unsent (self);
  if (self->ending && self->pid > 1)
    kill (-self->pid, SIGKILL);

  how = describe_end (self);
  self->events->dead (self, how, self->user_data);
}

static gboolean
dispatch_line (GSource *source G_GNUC_UNUSED,
               GSourceFunc     callback,
               gpointer        user_data)
{
  return callback (user_data);
}

static GSourceFuncs line_funcs = { NULL, NULL, dispatch_line, NULL, NULL, NULL };

static void
watch (CfWorkerProcess *self)
{
  GMainContext *context = g_main_context_get_thread_default ();

  self->condition = G_IO_IN;
  self->source = g_source_new (&line_funcs, sizeof (GSource));
  self->source_tag = g_source_add_unix_fd (self->source, self->fd, self->condition);
  /* It does not, but GLib takes the descriptor out of what is polled and in again otherwise, and wakes itself up for both. */
  g_source_set_can_recurse (self->source, TRUE);
  g_source_set_callback (self->source, line_cb, self, NULL);
  g_source_attach (self->source, context);

  g_subprocess_wait_async (self->subprocess, NULL, exited_cb, self);
}

/* Starts a child; its events come in the thread-default main context. */
CfWorkerProcess *
_cf_worker_process_start (const char *const           *argv,
                          guint                        depth,
                          const CfWorkerProcessEvents *events,
                          gpointer                     user_data,
                          GError                     **error)
{
  CfWorkerLine     line;
  GSubprocess     *subprocess = _cf_worker_spawn (argv, depth, &line, error);
  CfWorkerProcess *self;

  if (subprocess == NULL)
    return NULL;

  self = g_new0 (CfWorkerProcess, 1);
  self->subprocess = subprocess;
  self->pid = g_subprocess_get_identifier (subprocess) != NULL ? atoi (g_subprocess_get_identifier (subprocess)) : 0;
  self->events = events;
  self->user_data = user_data;
  self->fd = line.fd;
  self->control_fd = line.control_fd;
  self->page = line.page;
  _cf_worker_words_init (&self->words, line.stderr_fd);
  _cf_wire_reader_init (&self->reader);
  _cf_worker_outbox_init (&self->outbox);
  watch (self);

  return self;
}

/* Frees what is left of a dead child. */
void
_cf_worker_process_free (CfWorkerProcess *self)
{
  stop_timer (self);
  drop_line (self);
  clear_fd (&self->fd);
  clear_fd (&self->control_fd);
  _cf_page_unmap (self->page);
  _cf_wire_reader_clear (&self->reader);
  _cf_worker_outbox_clear (&self->outbox);
  _cf_worker_words_clear (&self->words);
  g_free (self->broken_rules);
  g_object_unref (self->subprocess);
  g_free (self);
}

int
_cf_worker_process_get_pid (CfWorkerProcess *self)
{
  return self->pid;
}

gboolean
_cf_worker_process_is_dead (CfWorkerProcess *self)
{
  return self->is_dead;
}

CfPage *
_cf_worker_process_get_page (CfWorkerProcess *self)
{
  return self->page;
}

/* Somebody took it away: for a dead child that was not ended here.  On a busy machine its status may come so late that it
 * looks like one that only closed its socket. */
gboolean
_cf_worker_process_was_killed (CfWorkerProcess *self)
{
  return (!self->ending || self->lost_line) && _cf_worker_status_is_killed (self->subprocess);
}

/* The last lines of its standard error, as UTF-8; empty when there were none. */
char *
_cf_worker_process_dup_last_words (CfWorkerProcess *self)
{
  return _cf_worker_words_dup (&self->words);
}

gsize
_cf_worker_process_get_n_unsent (CfWorkerProcess *self)
{
  return _cf_worker_outbox_get_n_bytes (&self->outbox);
}

/* Puts a frame behind what is to be sent; call flush() when all are there. */
gboolean
_cf_worker_process_append (CfWorkerProcess   *self,
                           const CfWireFrame *frame,
                           GError           **error)
{
  return _cf_worker_outbox_append (&self->outbox, frame, error);
}

/* From any thread: the arguments of a call that was taken back, as far as they were not sent.  NULL: they were, or copied. */
GVariant *
_cf_worker_process_take_unsent (CfWorkerProcess *self,
                                guint64          task)
{
  return _cf_worker_outbox_take (&self->outbox, task);
}

/* From any thread: the arguments of a call, which are not sent any further, for the caller to release; the child must be
 * ended then.  NULL: nothing of them waits here. */
GVariant *
_cf_worker_process_cut (CfWorkerProcess *self,
                        guint64          task)
{
  return _cf_worker_outbox_cut (&self->outbox, task);
}

static void
wait_for_room (CfWorkerProcess *self,
               gboolean         wait)
{
  GIOCondition condition = wait ? G_IO_IN | G_IO_OUT : G_IO_IN;

  if (self->source == NULL || self->condition == condition)
    return;

  self->condition = condition;
  g_source_modify_unix_fd (self->source, self->source_tag, condition);
}

/* Sends as much as the socket takes; the rest follows when there is room. */
void
_cf_worker_process_flush (CfWorkerProcess *self)
{
  while (_cf_worker_outbox_get_n_bytes (&self->outbox) > 0 && !self->at_end && _cf_worker_outbox_send (&self->outbox, self->fd))
    ;

  wait_for_room (self, _cf_worker_outbox_get_n_bytes (&self->outbox) > 0 && !self->at_end);
}

/* Cancels the cancellable of a call that runs there, or is about to. */
void
_cf_worker_process_cancel_call (CfWorkerProcess *self,
                                guint64          task)
{
  _cf_page_cancel (self->page, task);
  while (send (self->control_fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EINTR)
    ;
}

/* Asks the child to end, and makes it when it does not. */
void
_cf_worker_process_end (CfWorkerProcess *self,
                        CfWorkerEnd      end)
{
  switch (end)
    {
    case CF_WORKER_END_BYE:
      _cf_worker_process_append (self, &(CfWireFrame){ .kind = CF_WIRE_BYE }, NULL);
      _cf_worker_process_flush (self);
      end_later (self, BYE_GRACE_US, CF_WORKER_END_KILL);
      break;
    case CF_WORKER_END_TERMINATE:
      self->ending = TRUE;
      drop_unsent (self);
      send_signal (self, SIGTERM);
      end_later (self, TERM_GRACE_US, CF_WORKER_END_KILL);
      break;
    case CF_WORKER_END_KILL:
    default:
      self->ending = TRUE;
      drop_unsent (self);
      stop_timer (self);
      send_signal (self, SIGKILL);
      break;
    }
}
