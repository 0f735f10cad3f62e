/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "cf-worker-channel-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cf-error-private.h"
#include "cf-worker-replies-private.h"

/* The main thread reads calls and writes replies.  Beside it a watcher sleeps in poll() until
 *
 *   - the parent is gone, in the middle of a call too: then the process ends at once;
 *   - the parent asks to cancel the running call;
 *   - replies have lain in the ring for a millisecond because the next call takes long: then it writes them.
 */

#define FLUSH_DELAY_NS (1000 * 1000)
#define LOOK_FOR_PARENT_MS 200

struct _CfWorkerChannel
{
  int      fd;         /* (const) */
  int      control_fd; /* (const): a byte: look for a cancelled call; its end: the parent is gone; or -1 */
  int      wake_fd;    /* (const): the watcher is to stop */
  int      timer_fd;   /* (const) */
  int      parent_fd;  /* (const): tells of the parent's end, or -1 */
  gboolean exit_with_parent;
  pid_t    parent_pid; /* (const) */
  CfPage  *page;       /* (const) (nullable) */
  GThread *watcher;    /* (const) */

  CfWireReader reader; /* (main) */

  GMutex          lock;
  CfWorkerReplies replies;     /* (mutex lock) */
  gboolean        timer_runs;  /* (mutex lock) */
  gboolean        stopping;    /* (mutex lock) */
  gboolean        parent_lost; /* (mutex lock) */
  guint64         task;        /* (mutex lock): the call that runs, or 0 */
  GCancellable   *cancellable; /* (mutex lock) (owned) (nullable): its cancellable */
};

static void
drain (int fd)
{
  guint64 count;

  if (read (fd, &count, sizeof count) < 0)
    return; /* somebody else was faster */
}

static void
check_cancelled (CfWorkerChannel *self)
{
  g_autoptr (GCancellable) cancellable = NULL;

  g_mutex_lock (&self->lock);
  if (self->cancellable != NULL && self->page != NULL && _cf_page_get_cancelled (self->page) == self->task)
    cancellable = g_object_ref (self->cancellable);
  g_mutex_unlock (&self->lock);

  if (cancellable != NULL)
    g_cancellable_cancel (cancellable);
}

/* Returns FALSE when there is nothing left to watch. */
static gboolean
lose_parent (CfWorkerChannel *self)
{
  g_autoptr (GCancellable) cancellable = NULL;

  if (self->exit_with_parent)
    _exit (0);

  /* A call that begins only now hears of it then. */
  g_mutex_lock (&self->lock);
  self->parent_lost = TRUE;
  if (self->cancellable != NULL)
    cancellable = g_object_ref (self->cancellable);
  g_mutex_unlock (&self->lock);

  if (cancellable != NULL)
    g_cancellable_cancel (cancellable);

  return FALSE;
}

/* FALSE: the parent is gone. */
static gboolean
read_control (CfWorkerChannel *self)
{
  char    bytes[64];
  ssize_t n = recv (self->control_fd, bytes, sizeof bytes, MSG_DONTWAIT);

  if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
    return FALSE;
  check_cancelled (self);

  return TRUE;
}

static gboolean
flush_in_time (CfWorkerChannel *self,
               gboolean         time_is_up)
{
  gboolean stopping;

  g_mutex_lock (&self->lock);
  stopping = self->stopping;
  if (time_is_up)
    {
      drain (self->timer_fd);
      self->timer_runs = FALSE;
      _cf_worker_replies_flush_locked (&self->replies, NULL);
    }
  g_mutex_unlock (&self->lock);

  return !stopping;
}

static gboolean
is_stopping (CfWorkerChannel *self)
{
  gboolean stopping;

  g_mutex_lock (&self->lock);
  stopping = self->stopping;
  g_mutex_unlock (&self->lock);

  return stopping;
}

/* A call has closed what is watched here: that is for the parent to notice, who ends the process.  Only if he cannot any
 * more, it ends itself. */
static gboolean
wait_for_end (CfWorkerChannel *self)
{
  while (!is_stopping (self))
    {
      poll (NULL, 0, LOOK_FOR_PARENT_MS);
      if (self->exit_with_parent && getppid () != self->parent_pid)
        _exit (0);
    }

  return FALSE;
}

/* A worker of a pool does not look at the socket here: when a call closes it, poll() would hold it open. */
static gboolean
watch_once (CfWorkerChannel *self)
{
  struct pollfd fds[] = {
    { .fd = self->exit_with_parent ? -1 : self->fd, .events = POLLRDHUP },
    { .fd = self->parent_fd, .events = POLLIN },
    { .fd = self->control_fd, .events = POLLIN },
    { .fd = self->timer_fd, .events = POLLIN },
    { .fd = self->wake_fd, .events = POLLIN },
  };

  if (poll (fds, G_N_ELEMENTS (fds), -1) < 0)
    return errno == EINTR;
  if (!flush_in_time (self, fds[3].revents != 0))
    return FALSE;
  for (guint i = 0; i < 3; i++)
    if ((fds[i].revents & POLLNVAL) != 0)
      return wait_for_end (self);
  if (fds[0].revents != 0 || fds[1].revents != 0 || (fds[2].revents != 0 && !read_control (self)))
    return lose_parent (self);

  return TRUE;
}

static gpointer
watch_thread (gpointer user_data)
{
  sigset_t all;

  /* Signals are for the thread that runs the calls. */
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, NULL);

  while (watch_once (user_data))
    ;

  return NULL;
}

static int
open_parent (void)
{
#ifdef SYS_pidfd_open
  return (int) syscall (SYS_pidfd_open, getppid (), 0);
#else
  return -1;
#endif
}

/* Without them, replies would lie in the ring for as long as a call takes, and nobody could stop the watcher. */
static gboolean
open_own (CfWorkerChannel *self,
          GError         **error)
{
  self->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  self->timer_fd = self->wake_fd >= 0 ? timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK) : -1;

  return self->timer_fd >= 0 || _cf_error_set_from_errno (error, "No descriptors to watch the parent with");
}

/* Takes over the descriptors; @page_fd and @control_fd may be -1. */
CfWorkerChannel *
_cf_worker_channel_new (int      fd,
                        int      page_fd,
                        int      control_fd,
                        gboolean exit_with_parent,
                        GError **error)
{
  CfWorkerChannel *self = g_new0 (CfWorkerChannel, 1);

  self->fd = fd;
  self->control_fd = control_fd;
  self->parent_fd = exit_with_parent ? open_parent () : -1;
  self->exit_with_parent = exit_with_parent;
  self->parent_pid = getppid ();
  if (page_fd >= 0)
    {
      self->page = _cf_page_map (page_fd);
      close (page_fd);
    }
  self->replies = (CfWorkerReplies){ .fd = fd, .page = self->page };
  _cf_wire_reader_init (&self->reader);
  g_mutex_init (&self->lock);

  if (open_own (self, error))
    self->watcher = g_thread_try_new ("cf-worker-watch", watch_thread, self, error);
  if (self->watcher == NULL)
    g_clear_pointer (&self, _cf_worker_channel_free);

  return self;
}

static void
stop_watcher (CfWorkerChannel *self)
{
  guint64 one = 1;

  g_mutex_lock (&self->lock);
  self->stopping = TRUE;
  g_mutex_unlock (&self->lock);

  while (write (self->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
  g_thread_join (self->watcher);
}

void
_cf_worker_channel_free (CfWorkerChannel *self)
{
  if (self->watcher != NULL)
    stop_watcher (self);

  close (self->fd);
  if (self->wake_fd >= 0)
    close (self->wake_fd);
  if (self->control_fd >= 0)
    close (self->control_fd);
  if (self->timer_fd >= 0)
    close (self->timer_fd);
  if (self->parent_fd >= 0)
    close (self->parent_fd);
  g_clear_pointer (&self->page, _cf_page_unmap);
  _cf_wire_reader_clear (&self->reader);
  g_mutex_clear (&self->lock);
  g_free (self);
}

gboolean
_cf_worker_channel_has_page (CfWorkerChannel *self)
{
  return self->page != NULL;
}

/* Reads more bytes.  FALSE without an error: the parent has closed the line. */
static gboolean
read_more (CfWorkerChannel *self,
           GError         **error)
{
  guint8 *place;
  gsize   size = _cf_wire_reader_prepare (&self->reader, &place);
  ssize_t n;

  do
    {
      n = recv (self->fd, place, size, 0);
      if (n < 0 && errno == EAGAIN)
        poll (&(struct pollfd){ .fd = self->fd, .events = POLLIN }, 1, -1);
    }
  while (n < 0 && (errno == EINTR || errno == EAGAIN));

  /* It closed the line before it had read everything. */
  if (n < 0 && errno == ECONNRESET)
    return FALSE;
  if (n < 0)
    return _cf_error_set_from_errno (error, "Reading from the parent failed");
  _cf_wire_reader_commit (&self->reader, (gsize) n);

  return n > 0;
}

/* Waits for the next frame.  FALSE without an error: there will be none. */
gboolean
_cf_worker_channel_receive (CfWorkerChannel *self,
                            CfWireFrame     *frame,
                            GError         **error)
{
  gboolean got_frame;

  while (_cf_wire_reader_next (&self->reader, frame, &got_frame, error))
    {
      if (got_frame)
        return TRUE;
      if (!_cf_worker_channel_flush (self, error) || !read_more (self, error))
        return FALSE;
    }

  return FALSE;
}

gboolean
_cf_worker_channel_flush (CfWorkerChannel *self,
                          GError         **error)
{
  gboolean success;

  g_mutex_lock (&self->lock);
  success = _cf_worker_replies_flush_locked (&self->replies, error);
  g_mutex_unlock (&self->lock);

  return success;
}

gboolean
_cf_worker_channel_send (CfWorkerChannel *self,
                         CfWireWriter    *writer,
                         GError         **error)
{
  gboolean success;

  g_mutex_lock (&self->lock);
  success = _cf_worker_replies_send_locked (&self->replies, writer, error);
  g_mutex_unlock (&self->lock);

  return success;
}

static void
start_timer_locked (CfWorkerChannel *self)
{
  struct itimerspec delay = { .it_value.tv_nsec = FLUSH_DELAY_NS };

  if (self->timer_runs || _cf_worker_replies_are_flushed_locked (&self->replies))
    return;

  timerfd_settime (self->timer_fd, 0, &delay, NULL);
  self->timer_runs = TRUE;
}

/* Claims a call.  FALSE: the parent has taken it back, do not run it. */
gboolean
_cf_worker_channel_begin_call (CfWorkerChannel *self,
                               guint            slot,
                               guint64          task,
                               GCancellable    *cancellable)
{
  if (self->page != NULL && !_cf_page_start (self->page, slot, task))
    return FALSE;

  g_mutex_lock (&self->lock);
  self->task = task;
  start_timer_locked (self);
  g_mutex_unlock (&self->lock);
  _cf_worker_channel_set_cancellable (self, cancellable);

  return TRUE;
}

/* What is to be cancelled when the running call is; at once, if it is already. */
void
_cf_worker_channel_set_cancellable (CfWorkerChannel *self,
                                    GCancellable    *cancellable)
{
  g_autoptr (GCancellable) old = NULL;
  gboolean is_late;

  g_mutex_lock (&self->lock);
  old = self->cancellable;
  self->cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  is_late = self->parent_lost || (self->page != NULL && _cf_page_get_cancelled (self->page) == self->task);
  g_mutex_unlock (&self->lock);

  if (is_late && cancellable != NULL)
    g_cancellable_cancel (cancellable);
}

void
_cf_worker_channel_end_call (CfWorkerChannel *self)
{
  g_autoptr (GCancellable) cancellable = NULL;

  g_mutex_lock (&self->lock);
  self->task = 0;
  cancellable = g_steal_pointer (&self->cancellable);
  g_mutex_unlock (&self->lock);
}
