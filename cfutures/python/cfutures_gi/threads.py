# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The queue and the workers of a thread pool that runs Python.

An item of the queue is a list [future, function, args, kwargs, pool], which whoever takes the future empties; the
function is waiting.OWN_CALL where the future carries a call of its own, as C code submits it.
"""

import concurrent.futures.thread
import collections
import contextlib
import functools
import itertools
import os
import threading
import weakref

from gi._gi import pygobject_new_full
from gi.module import get_introspection_module

from cfutures_gi import callbacks, clib, waiting

_Cf = get_introspection_module('Cf')
_counter = itertools.count()
_pools = weakref.WeakSet()
_exit_lock = threading.Lock()
_is_exiting = False

BROKEN = 'A thread initializer failed, the thread pool is not usable anymore'


def _at_exit():
    global _is_exiting

    with _exit_lock:
        _is_exiting = True
    for pool in list(_pools):
        pool.end()
        pool.join()


threading._register_atexit(_at_exit)


def _after_fork():
    global _exit_lock

    _exit_lock = threading.Lock()
    clib.forget_waits()
    for pool in list(_pools):
        pool.begin_anew()


os.register_at_fork(after_in_child=_after_fork)


class Worker:
    """A thread of a pool."""

    __slots__ = ('pool', 'is_counted', 'value', 'bell')

    def __init__(self, pool):
        self.pool = pool
        self.is_counted = False  # (lock of the pool)
        self.value = clib.Value()
        self.bell = clib.Bell()

    def rest(self, told):
        """Ring those who are to be told of something, and sleep until somebody rings."""
        # Who gives up takes his own out of the list.
        bells = tuple(told)
        if len(bells) == 1:
            clib.ring_and_wait(bells[0].address, self.bell.address)
        else:
            for bell in bells:
                bell.ring()
            self.bell.sleep()


class Pool:
    """What a thread pool is without its object: it lives for as long as there is work."""

    def __init__(self, executor, max_workers, prefix, initializer, initargs):
        self.executor = weakref.ref(executor, self._executor_gone)
        self.max_workers = max_workers
        self.prefix = prefix or f'ThreadPoolExecutor-{next(_counter)}'
        self.initializer = initializer
        self.initargs = initargs
        self.known = clib.Pool(max_workers, _run_queued)
        self.make_future = functools.partial(clib.make_future, self.known.address)
        self.is_shutdown = False  # (lock)
        self.broken = None  # (lock): the exception of an initializer
        self.inherited = []  # what a forked process got with the pool
        self._begin()
        _pools.add(self)

    def _begin(self):
        self.queue = collections.deque()
        self.idle = []  # (lock): workers that rest
        self.lock = threading.RLock()
        self.threads = set()  # (lock)
        self.enders = []  # (lock): bells for the end of the last thread
        self.n_started = 0  # (lock): for names
        self.is_full = False  # (lock): all threads were started

    def begin_anew(self):
        """In a forked process, which has none of the threads. What is queued runs in the other one, and is not let go:
        destructors are its business, too."""
        self.inherited.append((self.queue, self.threads, self.idle))
        self._begin()

    def _executor_gone(self, _reference):
        self.end()

    def runs_inline(self):
        executor = self.executor()

        return executor is None or executor.get_property('inline-waits')

    # The queue

    def put(self, item):
        with self.lock:
            if self.broken is not None:
                raise concurrent.futures.thread.BrokenThreadPool(BROKEN) from self.broken
            # First, as that ends the pools, too.
            if _is_exiting:
                raise RuntimeError('cannot schedule new futures after interpreter shutdown')
            if self.is_shutdown:
                raise RuntimeError('cannot schedule new futures after shutdown')
            self.queue.append(item)
            self._call_worker()

    def _wake_one(self):
        """False: nobody rests."""
        # No call is between these and the ring, so no Ctrl-C, and no handler of a signal that does the same.
        woken = self.idle[-1:]
        del self.idle[-1:]
        for worker in woken:
            worker.bell.ring()

        return woken != []

    def _call_worker(self):
        if not (self.idle and self._wake_one()) and not self.is_full:
            self._start_thread()

    def dismiss(self, worker):
        """Let a worker rest. False: there is something to do, or never will be."""
        with self.lock:
            if not worker.is_counted:
                self._count(worker, threading.current_thread())
            if self.queue or self.is_shutdown or self.broken is not None:
                return False
            self.idle.append(worker)

        return True

    def takes_no_more(self):
        with self.lock:
            return self.is_shutdown or self.broken is not None

    def recall(self, worker):
        """A worker that was to rest does not, after all."""
        with self.lock:
            if worker in self.idle:
                self.idle.remove(worker)
                return
            if self.queue:
                self._call_worker()
        # It was rung.
        worker.bell.sleep()

    def _wake_all(self):
        while self._wake_one():
            pass

    def count_pending(self):
        queued = self.queue.copy()

        return len(queued) - queued.count([])

    def count_running(self):
        with self.lock:
            return len(self.threads) - len(self.idle)

    # Workers

    def _start_thread(self):
        worker = Worker(self)
        thread = threading.Thread(target=_work, args=(worker,), name=f'{self.prefix}_{self.n_started}')
        try:
            thread.start()
        except RuntimeError:
            # The work stays queued for those who are there.
            if not self.threads:
                raise
        finally:
            # Also where Ctrl-C ended the call that started it. One that has not begun by then counts itself.
            if thread.ident is not None:
                self._count(worker, thread)

    def _count(self, worker, thread):
        worker.is_counted = True
        self.n_started += 1
        self.is_full = self.n_started >= self.max_workers
        # Last, as Ctrl-C may come with a call.
        self.threads.add(thread)

    def run(self, worker, item):
        """Run what lies in an item out of its turn. False: somebody else does."""
        # No call is between these two, so no other thread either.
        taken = item[:]
        item[:] = ()
        if not taken:
            return False
        run(worker, taken, False)

        return True

    def prepare(self):
        """False: the initializer failed."""
        if self.initializer is None:
            return True
        try:
            self._initialize()
        except BaseException as error:
            callbacks.LOGGER.critical('Exception in initializer:', exc_info=True)
            self._break(error)
            return False

        return True

    def _initialize(self):
        """As a task that waits for those behind it, where it does; but it may not run them."""
        stand_in = _Cf.Future.new()
        stand_in.set_property('name', 'initializer')
        clib.begin_preparing(hash(stand_in))
        try:
            self.initializer(*self.initargs)
        finally:
            clib.end_preparing()

    def hold_up(self):
        """A worker waits in its initializer: it may be for what is queued here, so that another one has to come."""
        with self.lock:
            if self.queue:
                self._call_worker()

    def _break(self, error):
        with self.lock:
            self.broken = error
        for future in self._take_all():
            broken = concurrent.futures.thread.BrokenThreadPool(BROKEN)
            broken.__cause__ = error
            with contextlib.suppress(concurrent.futures.InvalidStateError):
                future.set_exception(broken)
            _leave_to_c(future)
        with self.lock:
            self._wake_all()

    def _take_all(self):
        """The futures of all that is queued, which no worker sees any more."""
        futures = []
        with contextlib.suppress(IndexError):
            while True:
                item = self.queue.popleft()
                futures += item[:1]
                item.clear()

        return futures

    # The end

    def end(self):
        with self.lock:
            self.is_shutdown = True
            self._wake_all()

    def cancel_all(self):
        """The last ones first, as workers take the first ones."""
        futures = [future for item in reversed(self.queue.copy()) for future in item[:1]]
        # First nobody runs them any more; then they call back. Where Ctrl-C comes in between, a worker has them call back.
        for future in futures:
            _Cf.Future.cancel(future)
        for future in futures:
            future.cancel()

    def join(self):
        """Wait for the workers, unless this is one."""
        worker = getattr(waiting.local, 'worker', None)
        if worker is not None and worker.pool is self:
            return
        if clib.is_in_worker() and not self._await_end():
            return
        while True:
            with self.lock:
                thread = next(iter(self.threads), None)
            if thread is None:
                return
            thread.join()

    def _await_end(self):
        """In the middle of a task of another pool: who waits for that one here would wait for ever.

        False: so would this one.
        """
        bell = clib.Bell()
        with self.lock:
            if not self.threads:
                return True
            self.enders.append(bell)
        if clib.await_end(self.known.address, bell.address):
            return True
        with self.lock, contextlib.suppress(ValueError):
            self.enders.remove(bell)

        return False

    def worker_ends(self, worker):
        with self.lock:
            self.threads.discard(threading.current_thread())
            if worker in self.idle:
                self.idle.remove(worker)
            if not self.threads:
                waiting.tell(self.enders)


def _work(worker):
    pool = worker.pool
    waiting.local.worker = worker
    clib.begin_worker(pool.known.address)
    try:
        clib.name_thread(threading.current_thread().name)
        if pool.prepare():
            _serve(worker, pool)
    except BaseException:
        callbacks.LOGGER.critical('Exception in worker', exc_info=True)
    finally:
        clib.end_worker()
        pool.worker_ends(worker)


@clib.RUN
def _run_queued(address, ran):
    """For a worker that waits for what its own pool queues."""
    if not _has_room():
        return
    worker = waiting.local.worker
    item = pygobject_new_full(address, False).__dict__.get('_item')
    if item and worker.pool.runs_inline() and worker.pool.run(worker, item):
        ran[0] = 1


@clib.STAY
def _stay():
    waiting.local.worker.pool.hold_up()


clib.set_stay(_stay)


def _has_room():
    """Whether Python's stack has what it takes to run something and to say how that went."""
    try:
        return _descend(20)
    except RecursionError:
        return False


def _descend(n):
    return n == 0 or _descend(n - 1)


def _serve(worker, pool):
    items = pool.queue
    while True:
        if items:
            try:
                item = items.popleft()
            except IndexError:
                continue
            told = run(worker, item, True)
            if told is not None:
                worker.rest(told)
        elif pool.dismiss(worker):
            worker.bell.sleep()
        elif pool.takes_no_more() and not items:
            return


def run(worker, item, may_rest):
    """Run an item. A list: the worker has to rest, and to ring these bells before."""
    try:
        future, function, args, kwargs, pool = item
    except ValueError:
        return None
    item.clear()
    state = future.__dict__
    state['_item'] = ()
    if function is waiting.OWN_CALL:
        _Cf.Future.run(future)
        _leave_to_c(future)
        return None
    address = hash(future)
    if not clib.start_task(address):
        _leave_to_c(future)
        return None

    state['_function'] = function
    try:
        result = function(*args, **kwargs)
    except BaseException as error:
        clib.stop_task()
        del state['_function']
        # The traceback of the error has this frame.
        function = args = kwargs = state = item = None
        if not future._fail(error):
            _leave_to_c(future)
        future = None
        return None
    del state['_function']
    function = args = kwargs = None

    return _finish(worker, future, address, state, result, may_rest and not pool.queue and pool)


def _finish(worker, future, address, state, result, resting_place):
    """Settle the future. The worker is counted among those of a pool that rest before the future is done, so that who
    sees it done finds the worker idle."""
    rests = resting_place and '_callbacks' not in state and resting_place.dismiss(worker)
    if state.setdefault('_by', worker) is worker:
        if '_watched' in state:
            callbacks.unwatch(state)
        if clib.finish_task(address, None if result is None else worker.value.fill(result)):
            state['_value'] = result
        else:
            del state['_by']
            _leave_to_c(future)
    else:
        clib.stop_task()
    if not rests:
        if '_callbacks' in state or '_waiters' in state:
            callbacks.drain(future)
        return None
    told = state.pop('_waiters', ())
    if '_callbacks' not in state:
        return told
    # Somebody added callbacks meanwhile.
    waiting.tell(told)
    resting_place.recall(worker)
    callbacks.drain(future)

    return None


def _leave_to_c(future):
    """Somebody settled it otherwise."""
    future.__dict__.pop('_item', None)
    callbacks.drain(future)
