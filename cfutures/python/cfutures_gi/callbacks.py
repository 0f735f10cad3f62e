# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Done-callbacks.

What Python settles, it calls back itself. What C settles tells the dispatcher, a thread that does nothing else, as
callbacks must not hold up the one who settled.
"""

import itertools
import logging
import os
import queue
import threading

from cfutures_gi import clib, waiting

LOGGER = logging.getLogger('concurrent.futures')

_watched = {}  # futures with callbacks that are not done, by number
_numbers = itertools.count(1)
_arrivals = queue.SimpleQueue()
_lock = threading.Lock()
_thread = None


def drain(future):
    """Wake who waits, then call what is to be called, in the order of adding. Each is taken by one thread only."""
    state = future.__dict__
    if '_waiters' in state:
        waiting.tell(state.pop('_waiters', ()))
    added = state.get('_callbacks')
    if not added:
        return
    # In a worker they may wait as the task might.
    is_in_worker = clib.begin_callbacks(hash(future))
    try:
        _call_all(added, future)
    finally:
        if is_in_worker:
            clib.stop_task()


def _call_all(added, future):
    while added:
        try:
            callback = added.pop(0)
        except IndexError:
            return
        try:
            callback(future)
        except Exception:
            LOGGER.exception('exception calling callback for %r', future)
        except BaseException:
            LOGGER.critical('exception calling callback for %r', future, exc_info=True)


def watch(future, state):
    """Call back once C has settled the future, or now if it has."""
    if clib.is_done(hash(future)):
        drain(future)
        return
    if '_number' in state:
        return
    number = state.setdefault('_number', next(_numbers))
    _watched[number] = future
    clib.add_notify(hash(future), _notify, number, None)
    _start()


def unwatch(state):
    """Whoever settles the future calls back himself."""
    number = state.get('_number')
    if number is not None:
        _watched.pop(number, None)


@clib.NOTIFY
def _notify(_future, number):
    future = _watched.pop(number, None)
    if future is not None:
        _arrivals.put(future)


def _start():
    global _thread

    with _lock:
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_dispatch, name='cf-callbacks', daemon=True)
            _thread.start()


def _after_fork():
    """A forked process has no such thread; what it was about to call is called in the other one."""
    global _arrivals, _lock, _thread

    _arrivals, _lock, _thread = queue.SimpleQueue(), threading.Lock(), None


os.register_at_fork(after_in_child=_after_fork)


def _dispatch():
    while True:
        arrived = _arrivals.get()
        if isinstance(arrived, threading.Event):
            arrived.set()
        else:
            drain(arrived)
        del arrived


def flush():
    """Wait until the callbacks of all that is done by now were called."""
    thread = _thread
    if thread is None or not thread.is_alive() or thread is threading.current_thread():
        return
    event = threading.Event()
    _arrivals.put(event)
    event.wait()
