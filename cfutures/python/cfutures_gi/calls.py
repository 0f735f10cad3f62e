# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Calls of executors that are not of Python, or do not say how they run calls.

One function of C stands for all of them, as PyGObject would make, and not quite release, one for each.
"""

import itertools
import weakref

from gi._gi import pygobject_new_full
from gi.repository import GLib

from cfutures_gi import clib, errors

_calls = {}  # by number, until they ran, or never will
_numbers = itertools.count(1)


def new_future(fn, args, kwargs):
    """A pending future that carries a call."""
    number = next(_numbers)
    _calls[number] = call = [None, fn, args, kwargs]
    future = pygobject_new_full(clib.new_for_task(number, _release), True)
    # With something on it, the wrapper lives as long as the object does.
    future._called = None
    future._function = fn
    call[0] = weakref.ref(future)

    return future


@clib.RELEASE
def _release(number):
    call = _calls.pop(number, None)
    if call is not None:
        _note(call[0](), None)


@clib.TASK
def _run(value, _cancellable, number, error, succeeded):
    get_future, fn, args, kwargs = _calls.pop(number)
    future = get_future()
    try:
        result = fn(*args, **kwargs)
    except BaseException as failure:
        _note(future, (False, failure))
        _set_error(error, errors.to_gerror(failure))
        # The traceback has this frame.
        future = fn = args = kwargs = None
        return
    _note(future, (True, result))
    clib.Value().give(result, value)
    succeeded[0] = 1


clib.set_task(_run)


def _note(future, outcome):
    if future is not None:
        future._called = outcome
        future.__dict__.pop('_function', None)


def _set_error(place, error):
    clib.set_error(place, GLib.quark_from_string(error.domain), error.code, error.message.encode('utf-8', 'replace'))
