# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Executor.map(): results in the order of the items."""

import collections
import concurrent.futures
import itertools
import sys
import time

from gi.module import get_introspection_module

from cfutures_gi import waiting

_Cf = get_introspection_module('Cf')


def _not_the_end():
    """What stands for a StopIteration of a call, as in any generator: it would end the iteration silently."""
    return RuntimeError('generator raised StopIteration')


def _await(future, seconds):
    """False: the time ran out. submit() of a subclass may give futures of another kind."""
    if isinstance(future, _Cf.Future):
        return future._await(seconds)
    try:
        future.exception(seconds)
    except concurrent.futures.TimeoutError:
        return future.done()
    except concurrent.futures.CancelledError:
        pass

    return True


class Results:
    """The results of map. A call that failed raises at its turn, and iteration goes on after it."""

    def __init__(self, submit, items, timeout, n_ahead):
        """submit (item) gives a future; n_ahead is how many are submitted and not yielded at most, None for all."""
        self._end = waiting.end_of(timeout)
        self._submit = submit
        self._items = iter(items)
        self._futures = collections.deque()
        self.is_over = False
        self._has_begun = False
        first = self._items if n_ahead is None else itertools.islice(self._items, n_ahead)
        try:
            for item in first:
                self._futures.append(submit(item))
        except BaseException:
            self.close()
            raise
        if n_ahead is None:
            # Nothing more to submit: this does not keep the executor.
            self._items = iter(())
            self._submit = None

    def __iter__(self):
        return self

    def __next__(self):
        self._has_begun = True
        if not self._futures or self.is_over:
            self.close()
            raise StopIteration
        self._refill()
        future = self._futures.popleft()
        try:
            left = None if self._end is None else self._end - time.monotonic()
            if not _await(future, left):
                self._futures.append(future)
                self.close()
                raise concurrent.futures.TimeoutError()
            return future.result()
        except StopIteration as error:
            raise _not_the_end() from error
        finally:
            future = None

    def _refill(self):
        """Submit the next one before the oldest is yielded."""
        try:
            for item in itertools.islice(self._items, 1):
                self._futures.append(self._submit(item))
        except BaseException:
            self.close()
            raise

    def close(self):
        """Cancel what has not started, and end."""
        self.is_over = True
        self._items = iter(())
        while self._futures:
            self._futures.pop().cancel()

    def __del__(self, is_finalizing=sys.is_finalizing):
        # As a generator: one that never began has nothing to clean up. Nor is there anything left at the end of all.
        if getattr(self, '_has_begun', False) and not is_finalizing():
            self.close()


class ChunkResults:
    """The results of calls that travel in chunks."""

    def __init__(self, chunks, lengths, load):
        """load (entry) gives the result of one call, or raises what it raised."""
        self._chunks = chunks
        self._lengths = lengths
        self._load = load
        self._ready = iter(())

    def __iter__(self):
        return self

    def __next__(self):
        for entry in self._ready:
            return self._give(entry)
        try:
            self._ready = iter(next(self._chunks))
        except StopIteration:
            raise
        except BaseException as failure:
            if self._chunks.is_over:
                raise
            # Of a chunk that failed as a whole, every item did.
            n = self._lengths.popleft() if self._lengths else 1
            self._ready = itertools.repeat(failure, n)
        else:
            if self._lengths:
                self._lengths.popleft()

        return self.__next__()

    def _give(self, entry):
        if isinstance(entry, BaseException):
            raise entry

        try:
            return self._load(entry)
        except StopIteration as error:
            raise _not_the_end() from error

    def close(self):
        self._ready = iter(())
        self._chunks.close()
