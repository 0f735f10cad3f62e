# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Executors and futures, as Python's concurrent.futures has them."""

import collections
import concurrent.futures
import concurrent.futures.process
import concurrent.futures.thread
import functools
import itertools
import math
import os
import sys
import threading
import types
import weakref

from gi._gi import pygobject_new_full
from gi.module import get_introspection_module
from gi.overrides import override
from gi.repository import GLib, GObject

from cfutures_gi import callbacks, calls, clib, errors, future, mapping, processes, startup, threads, waiting
from cfutures_gi.errors import DeadlockError, WorkerDiedError
from cfutures_gi.many import DoneAndNotDoneFutures, as_completed, wait

Cf = get_introspection_module('Cf')
_CfFuture = Cf.Future
_CfExecutor = Cf.Executor

ALL_COMPLETED = concurrent.futures.ALL_COMPLETED
FIRST_COMPLETED = concurrent.futures.FIRST_COMPLETED
FIRST_EXCEPTION = concurrent.futures.FIRST_EXCEPTION

CancelledError = concurrent.futures.CancelledError
TimeoutError = concurrent.futures.TimeoutError
InvalidStateError = concurrent.futures.InvalidStateError
BrokenExecutor = concurrent.futures.BrokenExecutor
BrokenThreadPool = concurrent.futures.thread.BrokenThreadPool
BrokenProcessPool = concurrent.futures.process.BrokenProcessPool

# PyGObject registers no types for classes of gi.overrides, and no virtual functions for those of gi.repository.
_NEW_TYPES = 'cfutures_gi'


@override
class Future(future.FutureMethods, Cf.Future, concurrent.futures.Future):
    """The outcome of a call."""

    def __init__(self, **properties):
        """A pending one, to be settled by hand."""
        _CfFuture.__init__(self, **properties)


def _get_max_workers(max_workers, for_each_processor):
    if max_workers is None:
        return for_each_processor * (os.cpu_count() or 1)
    max_workers = math.ceil(max_workers)
    if max_workers <= 0:
        raise ValueError('max_workers must be greater than 0')

    return max_workers


def _check_callable(initializer):
    if initializer is not None and not callable(initializer):
        raise TypeError('initializer must be a callable')


def _check_buffersize(buffersize):
    if buffersize is not None and not isinstance(buffersize, int):
        raise TypeError('buffersize must be an integer or None')
    if buffersize is not None and buffersize < 1:
        raise ValueError('buffersize must be None or > 0')


def _translate_submit_error(error):
    if error.matches(Cf.executor_error_quark(), Cf.ExecutorError.SHUTDOWN):
        return RuntimeError('cannot schedule new futures after shutdown')

    return errors.from_gerror(error)


def _make_submit(executor, fn):
    """What submits the items of a map, without keeping the executor."""
    weak = weakref.ref(executor)

    def submit(args):
        executor = weak()
        if executor is None:
            raise RuntimeError('cannot schedule new futures after shutdown')
        return executor.submit(fn, *args)

    return submit


def _construct(executor):
    """As in the standard library, a subclass need not call __init__() of Executor."""
    if not _CfExecutor.__hash__(executor):
        _CfExecutor.__init__(executor)


@override
class Executor(_CfExecutor, concurrent.futures.Executor):
    """Takes calls and returns a future for each. A subclass overrides do_schedule() and do_shutdown()."""

    def __init__(self, **properties):
        super().__init__(**properties)

    def submit(self, fn, /, *args, **kwargs):
        """Submit fn (*args, **kwargs) and return its future.

        Does not block. Raises RuntimeError after a shutdown, and BrokenExecutor if the executor is broken.
        """
        _construct(self)
        future = calls.new_future(fn, args, kwargs)
        try:
            _CfExecutor.schedule(self, future)
        except GLib.Error as error:
            raise _translate_submit_error(error) from None

        return future

    def map(self, fn, *iterables, timeout=None, chunksize=1, buffersize=None):
        """Like map (fn, *iterables), with calls that run at the same time.

        Submits all of them, or at most buffersize ahead of what was yielded. Only the iterator blocks. Where a call raised an
        exception, it raises that and then goes on. timeout seconds after this call it raises TimeoutError, once.
        """
        _check_buffersize(buffersize)

        return mapping.Results(_make_submit(self, fn), zip(*iterables), timeout, buffersize)

    def shutdown(self, wait=True, *, cancel_futures=False):
        """Take no more calls, and wait for those there are.

        Blocks until they are done and the workers have ended, unless wait is false, or this is one of the workers.
        cancel_futures cancels what has not started.
        """
        _construct(self)
        _CfExecutor.shutdown(self, wait, cancel_futures)

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_val, exc_tb):
        self.shutdown(wait=True)

        return False


class ThreadPoolExecutor(Cf.ThreadPoolExecutor, concurrent.futures.ThreadPoolExecutor):
    """An executor that runs calls in threads."""

    __module__ = _NEW_TYPES
    __gtype_name__ = 'CfPythonThreadPoolExecutor'

    def __init__(self, max_workers=None, thread_name_prefix='', initializer=None, initargs=(), **properties):
        """max_workers is 5 for each processor by default. Other properties of the class are given by their names."""
        max_workers = _get_max_workers(max_workers, 5)
        _check_callable(initializer)
        super().__init__(max_workers=max_workers, **properties)
        self._max_workers = max_workers
        self._pool = threads.Pool(self, max_workers, thread_name_prefix or self.get_property('name'),
                                  initializer, initargs)
        self.set_property('thread-name-prefix', self._pool.prefix)

    def submit(self, fn, /, *args, **kwargs):
        """Submit fn (*args, **kwargs), which a thread of the pool runs, and return its future.

        Does not block. Raises RuntimeError after a shutdown, and BrokenThreadPool if an initializer failed.
        """
        pool = self._pool
        future = pygobject_new_full(pool.make_future(), True)
        future._item = item = [future, fn, args, kwargs, pool]
        try:
            pool.put(item)
        except BaseException:
            item.clear()
            raise

        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        """Take no more calls, and wait for those there are.

        Blocks until they are done and the workers have ended, unless wait is false, or this is one of the workers.
        cancel_futures cancels what has not started.
        """
        if sys.is_finalizing():
            # All pools have ended, and PyGObject finds nothing any more.
            return
        _CfExecutor.shutdown(self, False, cancel_futures)
        # Once more what that called: where C calls, Ctrl-C is lost, and so is what it ended.
        ThreadPoolExecutor.do_shutdown(self, wait, cancel_futures)

    @property
    def _threads(self):
        return set(self._pool.threads)

    @property
    def _work_queue(self):
        return self._pool.queue

    @property
    def _broken(self):
        return self._pool.broken is not None and threads.BROKEN

    # What C calls

    def do_schedule(self, future):
        if future._item is not None:
            raise GLib.Error('The future was scheduled before', GLib.quark_to_string(Cf.executor_error_quark()),
                             int(Cf.ExecutorError.INVALID_STATE))
        future._item = item = [future, waiting.OWN_CALL, (), {}, self._pool]
        try:
            self._pool.put(item)
        except BaseException as error:
            item.clear()
            del future._item
            if not isinstance(error, RuntimeError):
                raise
            raise GLib.Error(str(error), GLib.quark_to_string(Cf.executor_error_quark()),
                             int(Cf.ExecutorError.BROKEN if isinstance(error, BrokenThreadPool)
                                 else Cf.ExecutorError.SHUTDOWN)) from None
        clib.add_future(self._pool.known.address, hash(future))

        return True

    def do_shutdown(self, wait, cancel_futures):
        pool = self.__dict__.get('_pool')
        if pool is None:
            return
        pool.end()
        if cancel_futures:
            pool.cancel_all()
        if wait:
            pool.join()

    def _count_pending(self):
        return self._pool.count_pending()

    def _count_running(self):
        return self._pool.count_running()

    def _count_workers(self):
        return len(self._pool.threads)

    n_pending = GObject.Property(_count_pending, type=GObject.TYPE_UINT, flags=GObject.ParamFlags.READABLE)
    n_running = GObject.Property(_count_running, type=GObject.TYPE_UINT, flags=GObject.ParamFlags.READABLE)
    n_workers = GObject.Property(_count_workers, type=GObject.TYPE_UINT, flags=GObject.ParamFlags.READABLE)


class ProcessPoolExecutor(Cf.ProcessPoolExecutor, concurrent.futures.ProcessPoolExecutor):
    """An executor that runs calls in worker processes."""

    __module__ = _NEW_TYPES
    __gtype_name__ = 'CfPythonProcessPoolExecutor'

    # By a forked process: the workers are those of the other one.
    _is_inherited = False

    def __init__(self, max_workers=None, mp_context=None, initializer=None, initargs=(), *,
                 max_tasks_per_child=None, **properties):
        """max_workers is 1 for each processor by default. Other properties of the class are given by their names."""
        max_workers = _get_max_workers(max_workers, 1)
        _check_callable(initializer)
        _check_max_tasks(max_tasks_per_child, mp_context)
        _forget_finished()
        self._has_own_workers = 'worker_argv' in properties
        if initializer is not None and self._has_own_workers:
            raise TypeError('an initializer needs the workers of Python')
        self._startup = startup.Startup(initializer, initargs)
        is_strict = properties.get('worker_death_policy') == Cf.WorkerDeathPolicy.BREAK
        properties.setdefault('worker_argv', processes.get_worker_argv(self._startup, is_strict))
        super().__init__(max_workers=max_workers, max_tasks_per_child=max_tasks_per_child or 0, **properties)
        self._max_workers = max_workers
        _process_pools.add(self)

    def submit(self, fn, /, *args, **kwargs):
        """Submit fn (*args, **kwargs), which a process of the pool runs, and return its future.

        Pickles them in the calling thread, and does not block otherwise. What cannot be pickled fails the future. Raises
        RuntimeError after a shutdown, and BrokenProcessPool if the pool is broken.
        """
        if _is_exiting:
            raise RuntimeError('cannot schedule new futures after interpreter shutdown')
        if self._is_inherited:
            raise RuntimeError('cannot schedule new futures in a forked process')
        if self._has_own_workers:
            raise TypeError('the workers of this pool run no functions of Python: use submit_named()')
        try:
            call = processes.dump((fn, args, kwargs))
        except Exception as error:
            return self._refuse_call(error)
        address = clib.submit_named(hash(self), processes.get_name(fn), clib.to_variant(call))
        if address:
            return pygobject_new_full(address, True)
        # Once more, for the error.
        try:
            return _CfExecutor.submit_named(self, '', None)
        except GLib.Error as error:
            raise _translate_submit_error(error) from None

    def _refuse_call(self, error):
        if self.is_shutdown():
            raise RuntimeError('cannot schedule new futures after shutdown')
        future = Future()
        future.set_running_or_notify_cancel()
        future.set_exception(error)

        return future

    def map(self, fn, *iterables, timeout=None, chunksize=1, buffersize=None):
        """Like map (fn, *iterables), with calls that run at the same time; chunksize of them travel together.

        As Executor.map() otherwise.
        """
        if chunksize < 1:
            raise ValueError('chunksize must be >= 1.')
        if chunksize == 1:
            return super().map(fn, *iterables, timeout=timeout, buffersize=buffersize)
        _check_buffersize(buffersize)

        return self._map_chunks(fn, zip(*iterables), timeout, chunksize, buffersize)

    def _map_chunks(self, fn, items, timeout, chunksize, buffersize):
        lengths = collections.deque()
        submit_one = _make_submit(self, functools.partial(processes.call_chunk, fn))

        def submit(chunk):
            lengths.append(len(chunk))
            return submit_one((chunk,))

        n_ahead = None if buffersize is None else -(-buffersize // chunksize)
        chunks = iter(lambda: tuple(itertools.islice(items, chunksize)), ())

        return mapping.ChunkResults(mapping.Results(submit, chunks, timeout, n_ahead), lengths, errors.load_item)

    def shutdown(self, wait=True, *, cancel_futures=False):
        """Take no more calls, and wait for those there are.

        Blocks until they are done and the workers have ended, unless wait is false, or this is one of the workers.
        cancel_futures cancels what has not started.
        """
        if self._is_inherited or sys.is_finalizing():
            return
        _CfExecutor.shutdown(self, False, cancel_futures)
        if not wait:
            return
        self._wait_for_end()
        callbacks.flush()
        self._startup.close()

    def _wait_for_end(self):
        if threading.current_thread() is threading.main_thread() and not _is_exiting:
            # Ctrl-C is heard in a join only.
            waiter = threading.Thread(target=_CfExecutor.shutdown, args=(self, True, False), daemon=True)
            try:
                waiter.start()
            except RuntimeError:
                pass  # there can be no more threads
            else:
                waiter.join()
                return
        _CfExecutor.shutdown(self, True, False)

    def __del__(self):
        # Dropped with work that is not done: the interpreter waits for that before it exits.
        if '_max_workers' not in self.__dict__ or self._is_inherited:
            return
        _CfExecutor.shutdown(self, False, False)
        if self.get_property('n-pending') or self.get_property('n-running'):
            _left_over.append(self)
        else:
            self._startup.close()


def _check_max_tasks(max_tasks_per_child, mp_context):
    if max_tasks_per_child is None:
        return
    if not isinstance(max_tasks_per_child, int):
        raise TypeError('max_tasks_per_child must be an integer')
    if max_tasks_per_child <= 0:
        raise ValueError('max_tasks_per_child must be >= 1')
    if mp_context is not None and mp_context.get_start_method(allow_none=False) == 'fork':
        raise ValueError('max_tasks_per_child is incompatible with the "fork" multiprocessing start method; '
                         'supply a different mp_context.')


_process_pools = weakref.WeakSet()
_left_over = []


def _forget_finished():
    """Pools that were dropped, and are through by now."""
    for pool in _left_over.copy():
        if not pool.get_property('n-workers') and not pool.get_property('n-pending'):
            _left_over.remove(pool)
            pool._startup.close()


_inherited = []


def _after_fork():
    for pool in [*_process_pools, *_left_over]:
        pool._is_inherited = True
        _inherited.append(pool)
    _process_pools.clear()
    _left_over.clear()


os.register_at_fork(after_in_child=_after_fork)

_is_exiting = False


def _at_exit():
    global _is_exiting

    _is_exiting = True
    for pool in [*_process_pools, *_left_over]:
        pool.shutdown()


threading._register_atexit(_at_exit)


for _type in ThreadPoolExecutor, ProcessPoolExecutor:
    _type.__module__ = 'gi.repository.Cf'


# The modules of the standard library

thread = types.SimpleNamespace(ThreadPoolExecutor=ThreadPoolExecutor, BrokenThreadPool=BrokenThreadPool)
process = types.SimpleNamespace(ProcessPoolExecutor=ProcessPoolExecutor, BrokenProcessPool=BrokenProcessPool,
                                _RemoteTraceback=concurrent.futures.process._RemoteTraceback)

__all__ = [
    'ALL_COMPLETED', 'BrokenExecutor', 'BrokenProcessPool', 'BrokenThreadPool', 'CancelledError', 'DeadlockError',
    'DoneAndNotDoneFutures', 'Executor', 'FIRST_COMPLETED', 'FIRST_EXCEPTION', 'Future', 'InvalidStateError',
    'ProcessPoolExecutor', 'ThreadPoolExecutor', 'TimeoutError', 'WorkerDiedError', 'as_completed', 'process', 'thread',
    'wait',
]
