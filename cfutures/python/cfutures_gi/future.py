# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""What a future can do in Python.

Its state is that of the object in C. Results and exceptions of Python hang on the wrapper, which lives as long as the
object does.
"""

import concurrent.futures
import threading
import time

from gi.module import get_introspection_module
from gi.repository import GLib

from cfutures_gi import awaiting, callbacks, clib, errors, interop, processes, waiting

_Cf = get_introspection_module('Cf')
_CfFuture = _Cf.Future
_UNSET = object()
_STATES = {_Cf.FutureState.PENDING: 'pending', _Cf.FutureState.RUNNING: 'running',
           _Cf.FutureState.CANCELLED: 'cancelled', _Cf.FutureState.FINISHED: 'finished'}


class FutureMethods(interop.Interop):
    """The methods of concurrent.futures.Future, and some more."""

    __slots__ = ()

    # Of these, an instance has only what it needs.
    _value = _UNSET   # the result
    _error = None     # the exception
    _item = None      # where it lies in the queue of a thread pool

    # State

    def __repr__(self):
        name, address, state = self.__class__.__name__, id(self), _STATES[self.get_state()]
        if state != 'finished':
            return f'<{name} at {address:#x} state={state}>'
        error = self._get_failure()
        if error is not None:
            return f'<{name} at {address:#x} state={state} raised {error.__class__.__name__}>'

        return f'<{name} at {address:#x} state={state} returned {self._get_outcome().__class__.__name__}>'

    def cancelled(self):
        """Return True if the future was cancelled."""
        return self._value is _UNSET and self._error is None and clib.is_cancelled(hash(self)) != 0

    def running(self):
        """Return True if the future is currently executing."""
        return clib.is_running(hash(self)) != 0

    def done(self):
        """Return True if the future was cancelled or finished executing."""
        return self._value is not _UNSET or clib.is_done(hash(self)) != 0

    def cancel(self):
        """Cancel the future, unless it runs or finished; callbacks run in this call. Return whether it is cancelled."""
        if not _CfFuture.cancel(self):
            return False
        try:
            if self._item:
                self._leave_queue(self._item)
        finally:
            callbacks.drain(self)

        return True

    def _leave_queue(self, item):
        clib.start(hash(self))
        # Last, so that after Ctrl-C the next one does it all.
        self.__dict__.pop('_item', None)
        item.clear()

    def terminate(self):
        """End the call: kill its worker process, or ask the function in its thread to end. False: it was done already."""
        return not self.done() and (self.cancel() or _CfFuture.terminate(self))

    # Outcome

    def _await(self, timeout):
        return self.done() or waiting.await_one(self, timeout)

    def _load(self):
        """The result that C has, or None and an _error: to raise it would add to its traceback."""
        try:
            data = clib.peek_result(hash(self))
            if processes.is_ours(data):
                # Of threads that load it at once, one has it for all.
                return self.__dict__.setdefault('_value', processes.load(data))
            return _CfFuture.get_result(self, 0)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            failure = error
        try:
            # Not above, as what fails here would have that error as its context. Their tracebacks would keep who asks.
            if isinstance(failure, GLib.Error):
                failure = errors.from_gerror(failure.with_traceback(None))
            self.__dict__.setdefault('_error', failure)
        finally:
            self = failure = None

        return None

    def _take_called(self):
        """The same of a call that went through C, which left it."""
        succeeded, value = self._called
        if succeeded:
            self._value = value
            return value
        self._error = value

        return None

    def _take(self):
        self._let_settle()
        if self._value is not _UNSET or self._error is not None or self.is_cancelled():
            return None
        if self.__dict__.get('_called') is not None:
            return self._take_called()

        return self._load()

    def _let_settle(self):
        """Another thread may be in the middle of settling it; or this one, where the handler of a signal asks."""
        state = self.__dict__
        while self._value is _UNSET and self._error is None and '_by' in state and not self.is_cancelled():
            by = state.get('_by')
            if isinstance(by, tuple) and by[0] == threading.get_ident():
                state[by[1]] = by[2]
            else:
                time.sleep(0)

    def _get_outcome(self):
        """The result of a future that is done; raises what there is in its place."""
        try:
            value = self._take()
            if self._value is not _UNSET:
                return self._value
            if self._error is not None:
                raise self._error
            if self.is_cancelled():
                raise concurrent.futures.CancelledError()
            return value
        finally:
            self = None

    def _get_failure(self):
        """The exception of a future that is done and was not cancelled, or None."""
        self._take()

        return self._error

    def result(self, timeout=None):
        """Return the result of the call, waiting at most timeout seconds for it.

        Raises what the call raised, CancelledError, TimeoutError when the time ran out, and, in a worker of a thread
        pool, DeadlockError where the wait could never end.
        """
        try:
            if self._value is not _UNSET:
                return self._value
            if not waiting.await_one(self, timeout):
                raise concurrent.futures.TimeoutError()
            if self._value is not _UNSET:
                return self._value
            return self._get_outcome()
        finally:
            # Break a reference cycle with the exception, whose traceback has this frame.
            self = None

    def exception(self, timeout=None):
        """Return the exception that the call raised, or None, waiting at most timeout seconds.

        Raises CancelledError, TimeoutError and DeadlockError as result() does.
        """
        if self._value is not _UNSET:
            return None
        if self._error is not None:
            return self._error
        if not self._await(timeout):
            raise concurrent.futures.TimeoutError()
        if self.cancelled():
            raise concurrent.futures.CancelledError()

        return self._get_failure()

    def add_done_callback(self, fn):
        """Call fn (future) when the future is done, at once if it is.

        It runs in the thread that settles the future, or, where that is not a thread of Python, in one for callbacks. What
        it raises is logged.
        """
        state = self.__dict__
        if '_item' not in state and '_watched' not in state and not self.done():
            callbacks.start()
        state.setdefault('_callbacks', []).append(fn)
        if '_item' not in state:
            callbacks.watch(self, state)
        elif '_value' in state or '_error' in state:
            # Of a pool in Python, which calls back itself, and may just have done so.
            callbacks.drain(self)

    def __await__(self):
        """Wait in asyncio. Cancelling that cancels the future, too, unless it runs."""
        return awaiting.wait(self)

    def connect(self, detailed_signal, handler, *args):
        """Connect to a signal; a future that still has something to tell is kept until it did."""
        _keep_until_told(self, detailed_signal)

        return _CfFuture.connect(self, detailed_signal, handler, *args)

    # For executors

    def run(self):
        """Run the call of the future in this thread."""
        return _CfFuture.run(self)

    def set_running_or_notify_cancel(self):
        """Mark the future as running; False if it was cancelled."""
        was_notified = self.cancelled() and interop.is_listed(self)
        if clib.start(hash(self)):
            return True
        if not was_notified and self.cancelled():
            callbacks.drain(self)
            return False
        callbacks.LOGGER.critical('Future %s in unexpected state: %s', id(self), interop.name_state(self))
        raise RuntimeError('Future in unexpected state')

    def _refuse(self):
        raise concurrent.futures.InvalidStateError(f'{interop.name_state(self)}: {self!r}')

    def _settle(self, key, outcome, finish):
        """Finish with an outcome as finish (future, outcome) does in C. False: it is done."""
        state = self.__dict__
        by = threading.get_ident(), key, outcome
        if self.is_done():
            return False
        finished = None
        try:
            if state.setdefault('_by', by) is not by:
                return False
            callbacks.unwatch(state)
            finished = finish(self, outcome)
        finally:
            # Without a call, unless Ctrl-C came: it might come with that.
            if '_by' in state and state['_by'] is by:
                if finished is None:
                    # Maybe just after it was.
                    finished = self.is_done() and not self.is_cancelled()
                if finished:
                    state[key] = outcome
                else:
                    del state['_by']
                callbacks.drain(self)
            # Whose traceback has this frame
            self = state = by = outcome = None

        return finished

    def set_result(self, result):
        """Finish the future with a result; callbacks run in this call. Raises InvalidStateError if it is done."""
        if not self._settle('_value', result, _finish_with_result):
            self._refuse()

    def _fail(self, exception):
        """Finish with an exception. False: it is done."""
        try:
            return self._settle('_error', exception, _finish_with_exception)
        finally:
            self = exception = None

    def set_exception(self, exception):
        """Finish the future with an exception; callbacks run in this call. Raises InvalidStateError if it is done."""
        if exception is None:
            # As in the standard library: no exception, and no result.
            FutureMethods.set_result(self, None)
            return
        if not self._fail(exception):
            self._refuse()


def _finish_with_result(future, result):
    value = clib.Value()

    return clib.finish_any(hash(future), None if result is None else value.fill(result), None) != 0


def _finish_with_exception(future, exception):
    try:
        return _CfFuture.set_exception(future, errors.to_gerror(exception))
    except GLib.Error:
        return False
    finally:
        future = exception = None


_kept = set()


def _keep_until_told(future, detailed_signal):
    if detailed_signal.partition('::')[0] not in ('done', 'notify') or '_told' in future.__dict__:
        return
    future._told = False
    _CfFuture.connect_after(future, 'done', _let_go)
    if future.is_done():
        _kept.add(future)
    else:
        future.add_done_callback(_keep)


def _keep(future):
    _kept.add(future)
    if future._told:
        _kept.discard(future)


def _let_go(future):
    future._told = True
    _kept.discard(future)
