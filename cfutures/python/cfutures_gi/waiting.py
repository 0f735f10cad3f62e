# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Waiting: so that Ctrl-C is heard, and that workers of thread pools never wait in vain.

What a worker waits for without a time limit is the business of C, which knows of all pools who waits for whom. It runs
what the worker's own pool queues.
"""

import functools
import threading
import time

from gi._gi import pygobject_new_full
from gi.module import get_introspection_module
from gi.repository import GLib

from cfutures_gi import clib, errors

_Cf = get_introspection_module('Cf')
_get_exception = _Cf.Future.get_exception

SLICE = 0.1
SLICE_US = 100000
FOREVER = 1 << 62

# Stands for the function of a future that carries a call.
OWN_CALL = object()


class _Local(threading.local):
    worker = None

    def __init__(self):
        self.bell = clib.Bell()


local = _Local()


def to_us(seconds):
    """What C calls a timeout; 0 for what is no number, which is neither less nor more than another."""
    return -1 if seconds is None else int(max(0, min(seconds * 1e6, FOREVER)))


def end_of(timeout):
    """The time at which so many seconds are over, None for never; of what is no number they are over."""
    if timeout is None:
        return None
    end = time.monotonic() + timeout

    return end if end == end else 0


def in_slices(look, timeout):
    """Call look (microseconds) until it returns something true or the time ran out; in the main thread with pauses."""
    if threading.get_ident() != threading.main_thread().ident:
        return look(to_us(timeout))

    end = end_of(timeout)
    while True:
        left = SLICE if end is None else min(SLICE, end - time.monotonic())
        found = look(to_us(left))
        if found or (end is not None and time.monotonic() >= end):
            return found


def await_one(future, timeout):
    """Wait for a future. False: the time ran out."""
    if timeout is None and clib.is_in_worker():
        return _await_in_worker(future)
    state = future.__dict__
    if '_item' in state:
        return _await_settling(future, state, end_of(timeout))

    return in_slices(functools.partial(clib.wait, hash(future)), timeout)


def _await_in_worker(future):
    if clib.wait(hash(future), -1):
        return True
    # Once more, for the error.
    try:
        _get_exception(future, -1)
    except GLib.Error as error:
        if not future.done():
            raise errors.from_gerror(error) from None

    return True


def _await_settling(future, state, end):
    """Wait for a future that Python is going to settle, which rings; now and then it is C that does so after all."""
    bell = local.bell
    waiters = state.setdefault('_waiters', [])
    waiters.append(bell)
    try:
        while '_value' not in state and '_error' not in state and not clib.is_done(hash(future)):
            us = SLICE_US if end is None else min(SLICE_US, int((end - time.monotonic()) * 1e6))
            if us < 0:
                return False
            bell.wait(us)
    finally:
        # Who tells may have the list in his hands.
        if bell in waiters:
            waiters.remove(bell)

    return True


def tell(waiters):
    """Wake those who wait in that way. Who gives up takes his own out of the list."""
    for bell in tuple(waiters):
        bell.ring()


@clib.DESCRIBE
def _describe(address, place):
    try:
        _describe_call(pygobject_new_full(address, False).__dict__, place)
    except Exception:
        # As where the stack has no more room: C has a word for it, too.
        pass


def _describe_call(state, place):
    """What a future that has no name is called in messages."""
    function = state.get('_function')
    for queued in (state.get('_item') or ())[1:2]:
        function = queued
    if function is None or function is OWN_CALL:
        return
    name = getattr(function, '__qualname__', None) or repr(function)
    place[0] = clib.copy_text(name.encode('utf-8', 'replace'))


clib.set_describe(_describe)
