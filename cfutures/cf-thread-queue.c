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
 * What is removed leaves an empty place behind, and a block of nothing but those is released.
 */

#define BLOCK_SIZE 60

struct _CfThreadBlock
{
  CfThreadBlock *next;    /* (owned) (nullable) */
  CfThreadBlock *prev;    /* (nullable) */
  guint          n_used;  /* places, from the beginning */
  guint          n_empty; /* of them, those that nothing is in, save what was taken at the head */
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

static void
put (CfFuture     **place,
     CfThreadBlock *block,
     CfFuture      *future)
{
  CfFutureFields *fields = _cf_future_fields (future);

  *place = future;
  fields->place = place;
  fields->block = block;
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
  put (&block->places[block->n_used++], block, future);
  if (block == self->first && !is_at_few (self))
    self->head_end++;
}

/* To one that nothing was taken out of yet. */
void
_cf_thread_queue_append (CfThreadQueue *self,
                         CfFuture      *future)
{
  if (self->length < CF_THREAD_QUEUE_FEW && self->head_end == self->few + self->length)
    put (self->head_end++, NULL, future);
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
prepend_to_blocks (CfThreadQueue *self,
                   CfFuture      *future)
{
  if (self->first == NULL || is_at_few (self) || self->head == self->first->places)
    prepend_block (self);
  if (*--self->head == NULL)
    self->first->n_empty--;
  put (self->head, self->first, future);
}

void
_cf_thread_queue_prepend (CfThreadQueue *self,
                          CfFuture      *future)
{
  if (is_at_few (self) && self->head > self->few)
    {
      put (--self->head, NULL, future);
    }
  else
    {
      for (CfFuture **place = is_at_few (self) ? self->head_end : self->few; place > self->few; place--)
        if (place[-1] != NULL)
          prepend_to_blocks (self, place[-1]);
      prepend_to_blocks (self, future);
    }
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
  if (self->last->n_used == 0 && self->last != self->first)
    unlink_block (self, self->last);

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
  for (CfFuture **place = more->head; place < more->head_end; place++)
    put (self->head_end++, NULL, *place);
  if (count_in_blocks (more) == 0)
    return;

  first = self->first;
  last = self->last;
  self->first = more->first;
  self->last = more->last;
  more->first = first;
  more->last = last;
}

/* Moves all of @more, which nothing was taken out of, to the end. */
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
  /* At no moment it looks as if they were nowhere. */
  __atomic_store_n (&more->length, 0, __ATOMIC_RELEASE);
}

static void
go_to_next_places (CfThreadQueue *self)
{
  if (!is_at_few (self))
    drop_first (self);
  begin_at (self, 0);
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
    }
  set_length (self, self->length - 1);

  return future;
}

/* Of what is in it. */
void
_cf_thread_queue_remove (CfThreadQueue *self,
                         CfFuture      *future)
{
  CfFutureFields *fields = _cf_future_fields (future);
  CfThreadBlock  *block = fields->block;

  *fields->place = NULL;
  set_length (self, self->length - 1);
  if (self->length == 0)
    forget_places (self);
  else if (block == NULL || ++block->n_empty < block->n_used)
    return;
  else if (block == self->last)
    block->n_used = block->n_empty = 0;
  else if (block != self->first)
    unlink_block (self, block);
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
