# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Waits of C, as code in C that runs in a thread of Python makes them: the interpreter's lock is not held meanwhile."""

import ctypes

from cf_test import Cf
from gi._gi import pygobject_new_full

_lib = ctypes.CDLL('libcfutures-1.0.so.0')
_glib = ctypes.CDLL('libglib-2.0.so.0')


class _Error(ctypes.Structure):
    _fields_ = [('domain', ctypes.c_uint32), ('code', ctypes.c_int), ('message', ctypes.c_char_p)]


_Place = ctypes.POINTER(_Error)
_glib.g_error_free.argtypes = [_Place]


class WaitFailed(Exception):
    """A wait failed in C. Its code is that of an ExecutorError."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def _declare(function, result, *arguments):
    function.restype = result
    function.argtypes = [*arguments, ctypes.POINTER(_Place)]

    def call(*values):
        place = _Place()
        found = function(*values, ctypes.byref(place))
        if place:
            failure = WaitFailed(place.contents.code, place.contents.message.decode())
            _glib.g_error_free(place)
            raise failure
        return found

    return call


_get_result = _declare(_lib.cf_future_get_result, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
_wait = _declare(_lib.cf_wait, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int64,
                 ctypes.c_void_p, ctypes.c_void_p)
_next = _declare(_lib.cf_future_iter_next, ctypes.c_void_p, ctypes.c_void_p)
_lib.cf_as_completed.restype = ctypes.c_void_p
_lib.cf_as_completed.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64]
TASK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
_submit_task = _declare(_lib.cf_executor_submit_task, ctypes.c_void_p, ctypes.c_void_p, TASK, ctypes.c_void_p,
                        ctypes.c_void_p)


def _address_all(futures):
    return (ctypes.c_void_p * len(futures))(*[hash(future) for future in futures])


def get_result(future, timeout_us=-1):
    """cf_future_get_result(), and then what the future has in Python."""
    _get_result(hash(future), timeout_us)

    return future.result(0)


def wait(futures, return_when=Cf.ReturnWhen.ALL_COMPLETED):
    """cf_wait()"""
    return _wait(_address_all(futures), len(futures), int(return_when), -1, None, None) != 0


def as_completed(futures):
    """cf_as_completed(), all of it: a list."""
    arrivals = pygobject_new_full(_lib.cf_as_completed(_address_all(futures), len(futures), -1), True)
    found = iter(lambda: _next(hash(arrivals)), None)

    return [pygobject_new_full(address, True) for address in found]


def submit(executor, function):
    """cf_executor_submit_task() of a C function that calls one of Python; the lock is taken for that, and given back."""
    failures = []

    def run(_value, _cancellable, _data, _error):
        try:
            function()
        except BaseException as failure:
            failures.append(failure)
        return 1

    task = TASK(run)
    future = pygobject_new_full(_submit_task(hash(executor), task, None, None), True)
    future.task = task
    future.failures = failures

    return future
