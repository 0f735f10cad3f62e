/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "cf-page-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cf-error-private.h"

/* The other side may write anything here at any time: nothing that is read is used as a size or an address unchecked. */
struct _CfPage
{
  guint64 committed;              /* (atomic): how far the worker's stream of replies goes, what lies in the ring included */
  guint64 cancelled;              /* (atomic): the call whose cancellable is to be cancelled */
  guint64 slots[CF_PAGE_N_SLOTS]; /* (atomic): task and SlotState */
  guint8  ring[CF_PAGE_RING_SIZE];
};

typedef enum
{
  SLOT_OFFERED = 1,
  SLOT_STARTED = 2,
  SLOT_TAKEN_BACK = 3,
} SlotState;

static guint64
slot_word (guint64   task,
           SlotState state)
{
  return task << 2 | state;
}

static gboolean
claim (CfPage   *page,
       guint     slot,
       guint64   task,
       SlotState state)
{
  guint64 expected = slot_word (task, SLOT_OFFERED);

  return slot < CF_PAGE_N_SLOTS &&
         __atomic_compare_exchange_n (&page->slots[slot], &expected, slot_word (task, state),
                                      FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* Where files may not be that large, the kernel sends a signal besides, which would end the program. */
static gboolean
set_size (int fd)
{
  sigset_t signals, before;
  gboolean success;
  int      code;

  sigemptyset (&signals);
  sigaddset (&signals, SIGXFSZ);
  pthread_sigmask (SIG_BLOCK, &signals, &before);
  success = ftruncate (fd, sizeof (CfPage)) == 0;
  code = errno;
  if (!success)
    sigtimedwait (&signals, NULL, &(struct timespec){ 0 });
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  errno = code;

  return success;
}

static int
open_file_in (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "cfutures-worker-XXXXXX", NULL);
  int              fd = g_mkstemp_full (path, O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);

  if (fd >= 0)
    g_unlink (path);

  return fd;
}

static int
open_file (void)
{
  int fd = open_file_in ("/dev/shm");

  return fd >= 0 ? fd : open_file_in (g_get_tmp_dir ());
}

/* Memory stays as large as it is.  A file can be cut, but has room on its disk: no access fails for want of that. */
static gboolean
keep_size (int      fd,
           gboolean is_file)
{
  if (!is_file)
    return fcntl (fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;

  errno = posix_fallocate (fd, 0, sizeof (CfPage));

  return errno == 0;
}

/* Makes a page, and a descriptor of it for the worker; its size is sealed, so that no one can pull it away.  Programs that
 * are kept from memory without a name, as hardened services are, get a file that has lost its name. */
int
_cf_page_create (CfPage **page,
                 GError **error)
{
  int      fd = memfd_create ("cfutures-worker", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  gboolean is_file = fd < 0;

  if (is_file)
    fd = open_file ();
  if (fd >= 0 && set_size (fd) && keep_size (fd, is_file))
    *page = _cf_page_map (fd);
  else
    *page = NULL;

  if (*page == NULL)
    {
      _cf_error_set_from_errno (error, "No memory to share with a worker");
      if (fd >= 0)
        close (fd);
      return -1;
    }

  return fd;
}

CfPage *
_cf_page_map (int fd)
{
  void *page = mmap (NULL, sizeof (CfPage), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

  return page != MAP_FAILED ? page : NULL;
}

void
_cf_page_unmap (CfPage *page)
{
  munmap (page, sizeof *page);
}

void
_cf_page_offer (CfPage *page,
                guint   slot,
                guint64 task)
{
  __atomic_store_n (&page->slots[slot], slot_word (task, SLOT_OFFERED), __ATOMIC_RELEASE);
}

/* TRUE: the worker has not started this call and never will. */
gboolean
_cf_page_take_back (CfPage *page,
                    guint   slot,
                    guint64 task)
{
  return claim (page, slot, task, SLOT_TAKEN_BACK);
}

gboolean
_cf_page_is_started (CfPage *page,
                     guint   slot,
                     guint64 task)
{
  return __atomic_load_n (&page->slots[slot], __ATOMIC_ACQUIRE) == slot_word (task, SLOT_STARTED);
}

void
_cf_page_cancel (CfPage *page,
                 guint64 task)
{
  __atomic_store_n (&page->cancelled, task, __ATOMIC_RELEASE);
}

/* What a dead worker had ready behind the @received bytes of its stream; @place has room for a whole ring. */
gsize
_cf_page_read_rest (CfPage *page,
                    guint64 received,
                    guint8 *place)
{
  guint64 committed = __atomic_load_n (&page->committed, __ATOMIC_ACQUIRE);

  if (committed <= received || committed - received > CF_PAGE_RING_SIZE)
    return 0;

  for (guint64 i = received; i < committed; i++)
    place[i - received] = page->ring[i % CF_PAGE_RING_SIZE];

  return (gsize) (committed - received);
}

/* TRUE: this call may be started; the parent cannot take it back any more. */
gboolean
_cf_page_start (CfPage *page,
                guint   slot,
                guint64 task)
{
  return claim (page, slot, task, SLOT_STARTED);
}

guint64
_cf_page_get_cancelled (CfPage *page)
{
  return __atomic_load_n (&page->cancelled, __ATOMIC_ACQUIRE);
}

/* Puts replies at @offset of the stream into the ring; they must fit behind what has not been written yet. */
void
_cf_page_put (CfPage              *page,
              guint64              offset,
              const GOutputVector *vectors,
              guint                n_vectors)
{
  for (guint i = 0; i < n_vectors; i++)
    {
      const guint8 *bytes = vectors[i].buffer;
      gsize         left = vectors[i].size;

      while (left > 0)
        {
          gsize at = (gsize) (offset % CF_PAGE_RING_SIZE), n = MIN (left, CF_PAGE_RING_SIZE - at);

          memcpy (page->ring + at, bytes, n);
          bytes += n;
          left -= n;
          offset += n;
        }
    }

  __atomic_store_n (&page->committed, offset, __ATOMIC_RELEASE);
}

/* Where the stream between @from and @to lies in the ring: one or two pieces. */
void
_cf_page_peek (CfPage        *page,
               guint64        from,
               guint64        to,
               GOutputVector *vectors,
               guint         *n_vectors)
{
  gsize at = (gsize) (from % CF_PAGE_RING_SIZE), size = (gsize) (to - from), n = MIN (size, CF_PAGE_RING_SIZE - at);

  vectors[0] = (GOutputVector){ page->ring + at, n };
  vectors[1] = (GOutputVector){ page->ring, size - n };
  *n_vectors = size > n ? 2 : 1;
}
