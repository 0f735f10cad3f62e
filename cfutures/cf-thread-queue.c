/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-thread-queue-private.h"

#include <string.h>

/* The places of a queue.
 *
 *   few        first               ...               last
 *   [ taken ]  [ taken │ queued ]  [ queued, empty ] [ queued │ free ]
 *                      ▲ head                                 ▲ n_used
 *
 * What is removed leaves an empty place behind, and a block of nothing but those is released.  Whether a future was taken
 * is told by its number: its place may be gone.
 */

#define BLOCK_SIZE 60

struct _CfThreadBlock
{
  CfThreadBlock *next;    /* (owned) (nullable) */
  CfThreadBlock *prev;    /* (nullable) */
  guint          n_used;  /* places, from the beginning */
  guint          n_empty; /* of them, those that nothing is in, save what was taken at the head */
  guint          number;  /* of what came into the first place */
  CfFuture      *places[BLOCK_SIZE];
};

static CfThreadBlock *
block_new (void)
{
  CfThreadBlock *block = g_slice_new (CfThreadBlock);

  block->next = block->prev = NULL;
  block->n_used = block->n_empty = 0;

  return block;
}

static void
block_free (CfThreadBlock *block)
{
  g_slice_free (CfThreadBlock, block);
}

static void
set_length (CfThreadQueue *self,
            guint          length)
{
  __atomic_store_n (&self->length, length, __ATOMIC_RELAXED);
}

/* Without a lock: for who looks again. */
guint
_cf_thread_queue_look_at_length (CfThreadQueue *self)
{
  return __atomic_load_n (&self->length, __ATOMIC_ACQUIRE);
}

static void
begin_with_few (CfThreadQueue *self)
{
  self->head = self->head_end = self->few;
  self->n_put_back = 0;
}

void
_cf_thread_queue_init (CfThreadQueue *self)
{
  begin_with_few (self);
}

static gboolean
is_at_few (CfThreadQueue *self)
{
  return self->head_end >= self->few && self->head_end <= self->few + CF_THREAD_QUEUE_FEW;
}

static void
begin_at (CfThreadQueue *self,
          guint          place)
{
  self->head = &self->first->places[place];
  self->head_end = &self->first->places[self->first->n_used];
}

static void
drop_first (CfThreadQueue *self)
{
  CfThreadBlock *old = self->first;

  self->first = old->next;
  self->first->prev = NULL;
  block_free (old);
}

/* All but the memory of one block, of a queue that holds nothing. */
static void
forget_places (CfThreadQueue *self)
{
  begin_with_few (self);
  if (self->first == NULL)
    return;

  while (self->first != self->last)
    drop_first (self);
  self->first->n_used = self->first->n_empty = 0;
}

/* The memory of a queue that holds nothing. */
void
_cf_thread_queue_clear (CfThreadQueue *self)
{
  forget_places (self);
  g_clear_pointer (&self->first, block_free);
  self->last = NULL;
}

/* @block: NULL if it is one of the few. */
static void
put (CfFuture     **place,
     CfThreadBlock *block,
     CfFuture     **places,
     CfFuture      *future)
{
  CfFutureFields *fields = _cf_future_fields (future);

  *place = future;
  fields->block = block;
  fields->place = (guint) (place - places);
}

static void
put_in_block (CfFuture     **place,
              CfThreadBlock *block,
              CfFuture      *future)
{
  put (place, block, block->places, future);
}

static void
put_in_few (CfFuture     **place,
            CfThreadQueue *self,
            CfFuture      *future)
{
  put (place, NULL, self->few, future);
}

/* Of one that may have left the queue, and then the word is another's. */
static guint
get_number (CfFuture *future)
{
  return __atomic_load_n (&_cf_future_fields (future)->number, __ATOMIC_RELAXED);
}

static void
append_block (CfThreadQueue *self)
{
  CfThreadBlock *block = block_new ();

  block->prev = self->last;
  if (self->last != NULL)
    self->last->next = block;
  else
    self->first = block;
  self->last = block;
}

static void
append_to_blocks (CfThreadQueue *self,
                  CfFuture      *future)
{
  CfThreadBlock *block;

  if (self->last == NULL || self->last->n_used == BLOCK_SIZE)
    append_block (self);
  block = self->last;
  if (block->n_used == 0)
    block->number = get_number (future);
  put_in_block (&block->places[block->n_used++], block, future);
  if (block == self->first && !is_at_few (self))
    self->head_end++;
}

/* To one that nothing was taken out of but the youngest. */
void
_cf_thread_queue_append (CfThreadQueue *self,
                         CfFuture      *future)
{
  __atomic_store_n (&_cf_future_fields (future)->number, self->number + self->length, __ATOMIC_RELAXED);
  if (self->length < CF_THREAD_QUEUE_FEW && self->head_end == self->few + self->length)
    put_in_few (self->head_end++, self, future);
  else
    append_to_blocks (self, future);
  set_length (self, self->length + 1);
}

static void
prepend_block (CfThreadQueue *self)
{
  CfThreadBlock *block = block_new ();

  /* Filled from the end: it is read from there on. */
  block->n_used = block->n_empty = BLOCK_SIZE;
  memset (block->places, 0, sizeof block->places);
  block->next = self->first;
  if (self->first != NULL)
    self->first->prev = block;
  else
    self->last = block;
  self->first = block;
  begin_at (self, BLOCK_SIZE);
}

static void
prepend_to_first (CfThreadQueue *self,
                  CfFuture      *future)
{
  self->head--;
  if (future == NULL)
    return;
  if (*self->head == NULL)
    self->first->n_empty--;
  put_in_block (self->head, self->first, future);
}

/* There is nothing in front of the few. */
static void
move_few_to_block (CfThreadQueue *self)
{
  CfFuture **few_end = self->head_end;

  prepend_block (self);
  while (few_end > self->few)
    prepend_to_first (self, *--few_end);
}

/* One that was taken is the first again. */
void
_cf_thread_queue_put_back (CfThreadQueue *self,
                           CfFuture      *future)
{
  if (is_at_few (self) && self->head > self->few)
    {
      put_in_few (--self->head, self, future);
    }
  else
    {
      if (is_at_few (self))
        move_few_to_block (self);
      else if (self->head == self->first->places)
        prepend_block (self);
      prepend_to_first (self, future);
    }
  self->n_put_back++;
  set_length (self, self->length + 1);
}

static void
unlink_block (CfThreadQueue *self,
              CfThreadBlock *block)
{
  block->prev->next = block->next;
  if (block->next != NULL)
    block->next->prev = block->prev;
  else
    self->last = block->prev;
  block_free (block);
}

static guint
count_in_blocks (CfThreadQueue *self)
{
  return self->length - (guint) (self->head_end - self->head);
}

/* Few are moved one by one: else each would have a block to itself. */
static void
move_places (CfThreadQueue *self,
             CfFuture     **place,
             guint          n)
{
  for (guint i = 0; i < n; i++)
    append_to_blocks (self, place[i]);
}

static void
move_blocks (CfThreadQueue *self,
             CfThreadQueue *more)
{
  self->last->next = more->first;
  more->first->prev = self->last;
  self->last = more->last;
  more->first = more->last = NULL;
}

static void
add_to_others (CfThreadQueue *self,
               CfThreadQueue *more)
{
  guint n_in_blocks = count_in_blocks (more);

  move_places (self, more->head, more->length - n_in_blocks);
  if (n_in_blocks == 0)
    return;
  if (more->first == more->last && self->last->n_used + n_in_blocks <= BLOCK_SIZE)
    move_places (self, more->first->places, n_in_blocks);
  else
    move_blocks (self, more);
}

/* The blocks change hands, so that no memory is made for queues that are short. */
static void
begin_with (CfThreadQueue *self,
            CfThreadQueue *more)
{
  CfThreadBlock *first, *last;

  forget_places (self);
  self->number = more->number;
  for (CfFuture **place = more->head; place < more->head_end; place++)
    put_in_few (self->head_end++, self, *place);
  if (count_in_blocks (more) == 0)
    return;

  first = self->first;
  last = self->last;
  self->first = more->first;
  self->last = more->last;
  more->first = first;
  more->last = last;
}

/* Of one that is pending, or was: whether nothing came after it. */
gboolean
_cf_thread_queue_is_youngest (CfThreadQueue *self,
                              CfFuture      *future)
{
  return self->length > 0 && get_number (future) == self->number + self->length - 1;
}

/* From one that nothing else was taken out of. */
void
_cf_thread_queue_remove_youngest (CfThreadQueue *self)
{
  if (count_in_blocks (self) == 0)
    self->head_end--;
  else if (--self->last->n_used == 0 && self->last != self->first)
    unlink_block (self, self->last);
  set_length (self, self->length - 1);
}

/* Moves all of @more, which nothing was taken out of but the youngest, to the end. */
void
_cf_thread_queue_splice (CfThreadQueue *self,
                         CfThreadQueue *more)
{
  if (more->length == 0)
    return;

  if (self->length == 0)
    begin_with (self, more);
  else
    add_to_others (self, more);
  set_length (self, self->length + more->length);

  forget_places (more);
  more->number += more->length;
  /* At no moment it looks as if they were nowhere. */
  __atomic_store_n (&more->length, 0, __ATOMIC_RELEASE);
}

static void
go_to_next_places (CfThreadQueue *self)
{
  if (!is_at_few (self))
    drop_first (self);
  begin_at (self, 0);
  /* What was removed meanwhile may have taken its places along. */
  if (self->n_put_back == 0)
    self->number = self->first->number;
}

/* The oldest one; NULL if there is none. */
CfFuture *
_cf_thread_queue_pop (CfThreadQueue *self)
{
  CfFuture *future = NULL;

  if (self->length == 0)
    return NULL;

  while (future == NULL)
    {
      while (self->head == self->head_end)
        go_to_next_places (self);
      future = *self->head++;
      if (G_UNLIKELY (self->n_put_back > 0))
        self->n_put_back--;
      else
        self->number++;
    }
  set_length (self, self->length - 1);

  return future;
}

static gboolean
was_put_back (CfThreadQueue *self,
              CfFuture      *future)
{
  CfFuture     **place = self->head, **end = self->head_end;
  CfThreadBlock *block = is_at_few (self) ? self->first : self->first->next;

  for (guint i = 0; i < self->n_put_back; i++)
    {
      if (place == end)
        {
          place = block->places;
          end = &block->places[block->n_used];
          block = block->next;
        }
      if (*place++ == future)
        return TRUE;
    }

  return FALSE;
}

/* Of one that is pending, or was: whether it is there, and was not taken. */
gboolean
_cf_thread_queue_has (CfThreadQueue *self,
                      CfFuture      *future)
{
  return (gint) (get_number (future) - self->number) >= 0 || (self->n_put_back > 0 && was_put_back (self, future));
}

static void
forget_block (CfThreadQueue *self,
              CfThreadBlock *block)
{
  if (block == self->last)
    block->n_used = block->n_empty = 0;
  else if (block != self->first)
    unlink_block (self, block);
}

/* Of what is in it. */
void
_cf_thread_queue_remove (CfThreadQueue *self,
                         CfFuture      *future)
{
  CfFutureFields *fields = _cf_future_fields (future);
  CfThreadBlock  *block = fields->block;
  CfFuture      **places = block != NULL ? block->places : self->few;

  places[fields->place] = NULL;
  set_length (self, self->length - 1);
  if (block != NULL)
    block->n_empty++;

  if (self->length == 0)
    forget_places (self);
  else if (block != NULL && block->n_empty == block->n_used && self->n_put_back == 0)
    forget_block (self, block);
}

static void
visit (CfFuture        **place,
       CfFuture        **end,
       CfThreadQueueFunc func,
       gpointer          data)
{
  for (; place < end; place++)
    if (*place != NULL)
      func (*place, data);
}

void
_cf_thread_queue_foreach (CfThreadQueue    *self,
                          CfThreadQueueFunc func,
                          gpointer          data)
{
  CfThreadBlock *block = is_at_few (self) || self->first == NULL ? self->first : self->first->next;

  visit (self->head, self->head_end, func, data);
  for (; block != NULL; block = block->next)
    visit (block->places, &block->places[block->n_used], func, data);
}
