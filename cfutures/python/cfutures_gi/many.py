# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Waiting for some or all of many futures."""

import collections
import concurrent.futures
import functools
import threading
import time
import weakref

from gi._gi import pygobject_new_full
from gi.module import get_introspection_module
from gi.repository import GLib

from cfutures_gi import clib, errors, interop, waiting

_Cf = get_introspection_module('Cf')

DoneAndNotDoneFutures = collections.namedtuple('DoneAndNotDoneFutures', 'done not_done')

_RETURN_WHEN = {concurrent.futures.ALL_COMPLETED: _Cf.ReturnWhen.ALL_COMPLETED,
                concurrent.futures.FIRST_COMPLETED: _Cf.ReturnWhen.FIRST_COMPLETED,
                concurrent.futures.FIRST_EXCEPTION: _Cf.ReturnWhen.FIRST_EXCEPTION}


# What follows futures of the standard library, of which nobody takes callbacks back: one for each.
_adopted = weakref.WeakKeyDictionary()


def _adopt(future):
    """A future of the standard library, as one of ours."""
    if isinstance(future, _Cf.Future):
        return future
    known = _adopted.get(future)
    # One that is done may still be about to call back.
    if known is not None and (known.done() or not future.done()):
        return known
    adopted = _Cf.Future.new()
    future.add_done_callback(functools.partial(_follow, adopted))
    _adopted[future] = adopted

    return adopted


def _follow(adopted, future):
    if future.cancelled():
        adopted.cancel()
        adopted.set_running_or_notify_cancel()
    elif future.exception() is not None:
        adopted.set_exception(future.exception())
    else:
        adopted.set_result(None)


def _adopt_all(fs):
    """Ours, with what they stand for."""
    return {_adopt(future): future for future in fs}


def wait(fs, timeout=None, return_when=concurrent.futures.ALL_COMPLETED):
    """Wait for futures; return a named tuple of the sets of those that are done and those that are not.

    Blocks until return_when is met, for timeout seconds at most. In a worker of a thread pool, raises DeadlockError where
    that could never be.
    """
    when = _RETURN_WHEN.get(return_when, return_when)
    if not isinstance(when, _Cf.ReturnWhen):
        raise ValueError(f'Invalid return condition: {return_when!r}')
    futures = _adopt_all(set(fs))
    targets = list(futures)
    outcome = [False, [], targets]

    def look(us):
        outcome[:] = _Cf.wait(targets, when, us)
        return outcome[0]

    try:
        waiting.in_slices(look, timeout)
    except GLib.Error as error:
        raise errors.from_gerror(error) from None

    return DoneAndNotDoneFutures({futures[f] for f in outcome[1]}, {futures[f] for f in outcome[2]})


def as_completed(fs, timeout=None):
    """Iterate over futures as they complete.

    The iterator blocks, and raises TimeoutError timeout seconds after this call. In a worker of a thread pool, it raises
    DeadlockError where none of those that are left could ever complete.
    """
    end = waiting.end_of(timeout)
    futures = _adopt_all(set(fs))

    return _iterate(futures, len(futures), end)


def _iterate(futures, total, end):
    while futures:
        if end is not None and time.monotonic() >= end:
            done = [f for f in futures if interop.is_listed(f)]
            while done:
                yield futures.pop(done.pop(0))
            if futures:
                raise concurrent.futures.TimeoutError(f'{len(futures)} (of {total}) futures unfinished')
            return
        yield from _iterate_slice(futures, end)


def _iterate_slice(futures, end):
    """What completes until the time, or a pause for Ctrl-C, comes."""
    left = None if end is None else max(0, end - time.monotonic())
    is_main = threading.get_ident() == threading.main_thread().ident
    if is_main:
        left = waiting.SLICE if left is None else min(left, waiting.SLICE)
    arrivals = _Cf.as_completed(list(futures), waiting.to_us(left))
    take = _take_quietly if is_main else _take_next
    while futures:
        arrived = [take(arrivals)]
        if arrived[0] is None:
            return
        # Nothing here holds what was yielded.
        yield futures.pop(arrived.pop())


def _take_quietly(arrivals):
    address = clib.iter_next(hash(arrivals))

    return pygobject_new_full(address, True) if address else None


def _take_next(arrivals):
    try:
        return arrivals.next()
    except GLib.Error as error:
        if error.matches(GLib.quark_from_string('g-io-error-quark'), 24):
            return None
        raise errors.from_gerror(error) from None
