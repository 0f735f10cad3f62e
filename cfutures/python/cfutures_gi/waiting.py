# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Waiting: so that Ctrl-C is heard, and that workers of thread pools never wait in vain.

A worker that is going to sleep without a time limit enters the graph of those who do. Whether a wait can end follows
from what is known to go on: futures that are done, that run in a thread that does not wait, that nobody queues, or whose
pool still has a worker. What is left over can never end, and the one who came last, or whom the news concerns, is told.
"""

import _thread
import functools
import threading
import time

from gi.module import get_introspection_module

from cfutures_gi import clib
from cfutures_gi.errors import DeadlockError

_Cf = get_introspection_module('Cf')
_wait = _Cf.Future.wait

SLICE = 0.1
SLICE_US = 100000
FOREVER = 1 << 62
DEPTH_MAX = 128

class _Local(threading.local):
    worker = None

    def __init__(self):
        self.bell = clib.Bell()


local = _Local()


def get_worker():
    """The worker of a thread pool that this thread is, if it is one that runs something."""
    worker = local.worker

    return worker if worker is not None and worker.stack else None


def to_us(seconds):
    """What C calls a timeout."""
    return -1 if seconds is None else max(0, min(int(seconds * 1e6), FOREVER))


def in_slices(look, timeout):
    """Call look (microseconds) until it returns something true or the time ran out; in the main thread with pauses."""
    if threading.get_ident() != threading.main_thread().ident:
        return look(to_us(timeout))

    end = None if timeout is None else time.monotonic() + timeout
    while True:
        left = SLICE if end is None else min(SLICE, end - time.monotonic())
        found = look(to_us(left))
        if found or (end is not None and time.monotonic() >= end):
            return found


def await_one(future, timeout):
    """Wait for a future. False: the time ran out."""
    worker = get_worker() if timeout is None else None
    if worker is not None:
        return await_in_worker(worker, [future], False, functools.partial(clib.wait, hash(future)))
    state = future.__dict__
    if '_item' in state:
        return _await_settling(future, state, None if timeout is None else time.monotonic() + timeout)

    return in_slices(functools.partial(clib.wait, hash(future)), timeout)


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


def run_one(worker, futures):
    """Run one of those that the worker's own pool queues."""
    if len(worker.stack) > DEPTH_MAX or not worker.pool.runs_inline():
        return False
    for future in futures:
        item = future.__dict__.get('_item')
        if item and item[-1] is worker.pool and worker.pool.run(worker, item):
            return True

    return False


def await_in_worker(worker, targets, is_any, look):
    """Wait for all, or any, of the targets; look (microseconds) tells whether that is over."""
    wait = None
    try:
        while not look(0):
            if run_one(worker, targets):
                continue
            if wait is None:
                wait = _Wait(worker, targets, is_any)
                _enter(wait)
            if wait.circle is not None:
                raise DeadlockError(_describe_circle(wait.circle))
            if look(to_us(SLICE)):
                break
    finally:
        if wait is not None:
            _leave(wait)

    return True


class _Wait:
    __slots__ = ('worker', 'targets', 'is_any', 'circle', 'can_end')

    def __init__(self, worker, targets, is_any):
        self.worker = worker
        self.targets = targets
        self.is_any = is_any
        self.circle = None
        self.can_end = False


_lock = threading.Lock()
_waits = []


def _find_runner(future):
    for wait in _waits:
        if any(running is future for running, _function in wait.worker.stack):
            return wait

    return None


def _get_queue(future):
    item = future.__dict__.get('_item')

    return item[-1] if item else None


def _list_stuck(pool):
    return [wait for wait in _waits if wait.worker.pool is pool and not wait.can_end]


def _can_complete(future):
    if future.done():
        return True
    pool = _get_queue(future)
    if pool is not None:
        return len(_list_stuck(pool)) < pool.max_workers
    runner = _find_runner(future)

    return runner is None or runner.can_end


def _find_hopeless(wait):
    hopeless = [target for target in wait.targets if not _can_complete(target)]
    if wait.is_any and any(target not in hopeless and not target.done() for target in wait.targets):
        return None

    return hopeless[0] if hopeless else None


def _judge():
    for wait in _waits:
        wait.can_end = False
    changed = True
    while changed:
        changed = False
        for wait in _waits:
            if not wait.can_end and (wait.circle is not None or _find_hopeless(wait) is None):
                wait.can_end = changed = True


def _tell(last, news):
    """Tell those whose waits can never end: the last one first, or those that wait for what there is news of."""
    while True:
        _judge()
        stuck = [wait for wait in _waits if not wait.can_end]
        if not stuck:
            return
        told = next((wait for wait in stuck if wait is last), None) or \
            next((wait for wait in stuck if news in wait.targets), stuck[-1])
        told.circle = _trace(told)


def _trace(start):
    """Go from a wait to what it waits for, to who holds that up, until it comes round. Pairs of future and function."""
    circle = [start.worker.stack[-1]]
    wait = start
    for _ in range(len(_waits) + 1):
        target = _find_hopeless(wait)
        if target is None:
            break
        pool = _get_queue(target)
        stuck = _list_stuck(pool) if pool is not None else [_find_runner(target)]
        _add(circle, (target, None if pool is None else target.__dict__['_item'][1]))
        wait = start if start in stuck else stuck[0]
        if wait is None:
            break
        for pair in wait.worker.stack:
            _add(circle, pair)
        if wait is start:
            break

    return circle


def _add(circle, pair):
    for i, (future, function) in enumerate(circle):
        if future is pair[0]:
            circle[i] = (future, function or pair[1])
            return
    circle.append(pair)


def _describe(future, function):
    name = future.get_property('name')
    if name is None and function is not None:
        name = getattr(function, '__qualname__', None) or repr(function)

    return f'“{name}”' if name is not None else f'“future {id(future):#x}”'


def _describe_circle(circle):
    names = [_describe(*pair) for pair in circle]
    if len(names) == 1:
        names *= 2
    else:
        names.append(names[0])

    return 'This wait can never end: ' + ', which waits for '.join(names).replace(', which', '', 1)


def _enter(wait):
    with _lock:
        _waits.append(wait)
        _tell(wait, None)


def _leave(wait):
    with _lock:
        _waits.remove(wait)


def scheduled(future):
    """A future that somebody may wait for came into the queue of a pool."""
    if _waits:
        with _lock:
            _tell(None, future)
