# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""What wait() and as_completed() of the standard library look at in a future."""

import contextlib
import functools
import threading

from gi.module import get_introspection_module

_Cf = get_introspection_module('Cf')
_STATES = {_Cf.FutureState.PENDING: 'PENDING', _Cf.FutureState.RUNNING: 'RUNNING', _Cf.FutureState.FINISHED: 'FINISHED'}


def is_listed(future):
    """Whether wait() and as_completed() see it as done."""
    return _Cf.wait([future], _Cf.ReturnWhen.ALL_COMPLETED, 0)[0]


def name_state(future):
    """What the standard library calls it."""
    return _STATES.get(future.get_state()) or ('CANCELLED_AND_NOTIFIED' if is_listed(future) else 'CANCELLED')


class _Waiters:
    """Takes waiters in, of which those that have counted the future as done are not told of it."""

    def __init__(self, future):
        self._future = future

    def append(self, waiter):
        if not self._future.__dict__.pop('_was_done', False):
            self._future.add_done_callback(functools.partial(_tell, waiter))

    def remove(self, waiter):
        added = self._future.__dict__.get('_callbacks', [])
        for callback in tuple(added):
            if _is_for(callback, waiter):
                # Who drains them may have it in his hands.
                with contextlib.suppress(ValueError):
                    added.remove(callback)


def _is_for(callback, waiter):
    return isinstance(callback, functools.partial) and callback.func is _tell and callback.args[0] is waiter


def _tell(waiter, future):
    if future.cancelled():
        waiter.add_cancelled(future)
    elif future.exception() is not None:
        waiter.add_exception(future)
    else:
        waiter.add_result(future)


class Interop:
    """The private attributes of a future of the standard library, as far as others look at them."""

    __slots__ = ()

    _condition = threading.Condition()

    @property
    def _state(self):
        state = name_state(self)
        self.__dict__['_was_done'] = state in ('FINISHED', 'CANCELLED_AND_NOTIFIED')

        return state

    @property
    def _waiters(self):
        return _Waiters(self)
