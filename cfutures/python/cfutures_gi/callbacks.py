# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Done-callbacks.

What Python settles, it calls back itself. What C settles tells the dispatcher, a thread that does nothing else, as
callbacks must not hold up the one who settled.
"""

import atexit
import logging
import os
import queue
import threading

from gi._gi import pygobject_new_full

from cfutures_gi import clib, waiting

LOGGER = logging.getLogger('concurrent.futures')

_arrivals = queue.SimpleQueue()
_lock = threading.Lock()
_thread = None


def drain(future):
    """Wake who waits, then call what is to be called, in the order of adding. Each is taken by one thread only."""
    try:
        _drain(future)
    except KeyboardInterrupt:
        # Ctrl-C is for whoever has the callbacks called. First the others are.
        drain(future)
        raise


def _drain(future):
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
    while True:
        # No call is between these, so neither another thread nor Ctrl-C.
        taken = added[:1]
        del added[:1]
        if not taken:
            return
        try:
            taken[0](future)
        except Exception:
            LOGGER.exception('exception calling callback for %r', future)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
                raise
            LOGGER.critical('exception calling callback for %r', future, exc_info=True)


def watch(future, state):
    """Call back once C has settled the future, or now if it has."""
    if clib.is_done(hash(future)):
        drain(future)
        return
    if '_watched' in state:
        return
    state['_watched'] = True
    clib.add_notify(hash(future), _notify, None, None)


def unwatch(state):
    """Whoever settles the future calls back himself."""
    if '_watched' in state:
        state['_watched'] = False


@clib.NOTIFY
def _notify(address, _data):
    # Nothing here keeps a future that is not done: who lets go of it does not want its callbacks.
    future = pygobject_new_full(address, False)
    if future.__dict__.get('_watched'):
        _arrivals.put(future)


def start():
    """What is watched needs the dispatcher. Raises RuntimeError where there can be no more threads."""
    global _thread

    with _lock:
        if _thread is None or not _thread.is_alive():
            thread = threading.Thread(target=_dispatch, name='cf-callbacks', daemon=True)
            thread.start()
            _thread = thread


def _after_fork():
    """A forked process has no such thread; what it was about to call is called in the other one."""
    global _arrivals, _lock, _thread

    _arrivals, _lock, _thread = queue.SimpleQueue(), threading.Lock(), None


os.register_at_fork(after_in_child=_after_fork)


def _dispatch():
    while True:
        arrived = _arrivals.get()
        if arrived is None:
            return
        if isinstance(arrived, threading.Event):
            arrived.set()
        else:
            drain(arrived)
        del arrived


def _end():
    """What is due is called before the interpreter goes. A thread that lets go of a future then would go on without the
    lock of the interpreter, as PyGObject does not take it any more."""
    thread = _thread
    if thread is not None and thread.is_alive():
        _arrivals.put(None)
        thread.join()


atexit.register(_end)


def flush():
    """Wait until the callbacks of all that is done by now were called."""
    thread = _thread
    if thread is None or not thread.is_alive() or thread is threading.current_thread():
        return
    event = threading.Event()
    _arrivals.put(event)
    event.wait()
