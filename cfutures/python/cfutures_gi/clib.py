# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Steps of a future that are taken for every task.

A call through PyGObject lets go of the interpreter's lock, which under load costs far more than the step itself. These
keep it: they take moments, and do not wait. The hash of a GObject is its address.
"""

import ctypes
import functools

_lib = ctypes.PyDLL('libcfutures-1.0.so.0')
_waiting_lib = ctypes.CDLL('libcfutures-1.0.so.0')

NOTIFY = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)

# Fundamental types, as gtype.h numbers them.
_BOOLEAN = 5 << 2
_INT64 = 10 << 2
_DOUBLE = 15 << 2
_STRING = 16 << 2


class _Data(ctypes.Union):
    _fields_ = [('int64', ctypes.c_int64), ('double', ctypes.c_double), ('text', ctypes.c_char_p)]


class Value(ctypes.Structure):
    """A GValue that can be filled again and again."""

    _anonymous_ = ['data']
    _fields_ = [('type', ctypes.c_size_t), ('data', _Data), ('rest', ctypes.c_int64)]

    def fill(self, result):
        """Put in what C code is to see of a result: itself if C has such a type, else None for no value."""
        kind = type(result)
        if kind is int and -(1 << 63) <= result < 1 << 63:
            self.int64 = result
            self.type = _INT64
        elif kind is bool:
            self.int64 = result
            self.type = _BOOLEAN
        elif kind is float:
            self.double = result
            self.type = _DOUBLE
        elif kind is str and '\0' not in result and result.isascii():
            self.text = result.encode()
            self.type = _STRING
        else:
            return None

        return ctypes.addressof(self)

    def give(self, result, address):
        """Put the same into an unset GValue of C code."""
        if self.fill(result) is not None:
            _value_init(address, self.type)
            _value_copy(ctypes.addressof(self), address)


def _declare(function, result, arguments):
    function.argtypes = arguments
    function.restype = result

    return function


def _function(name, result, *arguments):
    return _declare(getattr(_lib, name), result, arguments)


def _waiting_function(name, result, *arguments):
    """One that lets go of the lock of the interpreter."""
    return _declare(getattr(_waiting_lib, name), result, arguments)


is_cancelled = _function('cf_future_is_cancelled', ctypes.c_int, ctypes.c_void_p)
is_running = _function('cf_future_is_running', ctypes.c_int, ctypes.c_void_p)
is_done = _function('cf_future_is_done', ctypes.c_int, ctypes.c_void_p)
start = _function('cf_future_set_running_or_notify_cancel', ctypes.c_int, ctypes.c_void_p)
# By hand, of what may lie in the queue of an executor in C.
finish_any = _waiting_function('cf_future_set_result', ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
_iter_next = _waiting_function('cf_future_iter_next', ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
wait = _waiting_function('cf_future_wait', ctypes.c_int, ctypes.c_void_p, ctypes.c_int64)
# What an exception comes out of returns anything at all: these return nothing, and write down how they went.
TASK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
                        ctypes.POINTER(ctypes.c_int))
RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
set_task = _function('cf_foreign_set_task', None, TASK)
new_for_task = _function('cf_foreign_new_for_task', ctypes.c_void_p, ctypes.c_void_p, RELEASE)
add_notify = _function('cf_future_add_done_callback', None,
                       ctypes.c_void_p, NOTIFY, ctypes.c_void_p, ctypes.c_void_p)

# Thread pools, for the graph of those who wait. Its lock is held for moments, and never while somebody waits for ours.

RUN = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int))
DESCRIBE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p))
set_describe = _function('cf_foreign_set_describe', None, DESCRIBE)
STAY = ctypes.CFUNCTYPE(None)
set_stay = _function('cf_foreign_set_stay', None, STAY)
_pool_new = _function('cf_foreign_pool_new', ctypes.c_void_p, ctypes.c_uint, RUN)
_pool_free = _function('cf_foreign_pool_free', None, ctypes.c_void_p)
make_future = _function('cf_foreign_pool_make_future', ctypes.c_void_p, ctypes.c_void_p)
add_future = _function('cf_foreign_pool_add_future', None, ctypes.c_void_p, ctypes.c_void_p)
await_end = _waiting_function('cf_foreign_pool_await_end', ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
forget_waits = _function('cf_foreign_forget_waits', None)
begin_worker = _function('cf_foreign_worker_begin', None, ctypes.c_void_p)
end_worker = _function('cf_foreign_worker_end', None)
begin_preparing = _function('cf_foreign_worker_prepare', None, ctypes.c_void_p)
end_preparing = _function('cf_foreign_worker_be_prepared', None)
start_task = _function('cf_foreign_worker_start', ctypes.c_int, ctypes.c_void_p)
begin_callbacks = _function('cf_foreign_worker_call_back', ctypes.c_int, ctypes.c_void_p)
stop_task = _function('cf_foreign_worker_stop', None)
finish_task = _function('cf_foreign_worker_finish', ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
is_in_worker = _function('cf_foreign_is_in_worker', ctypes.c_int)


class Pool:
    """What C knows of a thread pool."""

    __slots__ = ('address',)

    def __init__(self, max_workers, run):
        self.address = _pool_new(min(max_workers, (1 << 32) - 1), run)

    def __del__(self, free=_pool_free):
        free(self.address)


_ring = _function('cf_bell_ring', None, ctypes.c_void_p)
_await_bell = _waiting_function('cf_bell_wait', ctypes.c_int, ctypes.c_void_p, ctypes.c_int64)
ring_and_wait = _waiting_function('cf_bell_ring_and_wait', ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


class Bell:
    """What a thread sleeps on. Rung while nobody sleeps, it ends the next sleep."""

    __slots__ = ('_bits', 'address', 'ring', 'sleep')

    def __init__(self):
        self._bits = (ctypes.c_uint * 2)()  # a CfBell
        self.address = ctypes.addressof(self._bits)
        self.ring = functools.partial(_ring, self.address)
        self.sleep = functools.partial(_await_bell, self.address, -1)

    def wait(self, us=-1):
        """False: nobody rang within the time."""
        return _await_bell(self.address, us) != 0


def iter_next(address):
    """The address of the next future; 0 for the end. An exception for the time-out could meet one for Ctrl-C."""
    return _iter_next(address, None) or 0


_PR_SET_NAME = 15


def name_thread(name):
    """The name that the system shows, of which it cuts what is too long."""
    prctl = getattr(_lib, 'prctl', None)
    if prctl is not None:
        prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode('utf-8', 'replace')[:15]), 0, 0, 0)


_gobject = ctypes.PyDLL('libgobject-2.0.so.0')
_value_init = _declare(_gobject.g_value_init, ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t])
_value_copy = _declare(_gobject.g_value_copy, None, [ctypes.c_void_p, ctypes.c_void_p])

# Calls of processes: pickles in a GVariant 'ay'.

_glib = ctypes.PyDLL('libglib-2.0.so.0')
_VARIANT = 21 << 2


def _glib_function(name, result, *arguments):
    return _declare(getattr(_glib, name), result, arguments)


copy_text = _glib_function('g_strdup', ctypes.c_void_p, ctypes.c_char_p)

_bytes_new = _glib_function('g_bytes_new', ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)
_bytes_unref = _glib_function('g_bytes_unref', None, ctypes.c_void_p)
_variant_new = _glib_function('g_variant_new_from_bytes', ctypes.c_void_p,
                              ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int)
_variant_get_type = _glib_function('g_variant_get_type_string', ctypes.c_char_p, ctypes.c_void_p)
_variant_get_size = _glib_function('g_variant_get_size', ctypes.c_size_t, ctypes.c_void_p)
_variant_get_data = _glib_function('g_variant_get_data', ctypes.c_void_p, ctypes.c_void_p)
_get_result = _function('cf_future_get_result', ctypes.POINTER(Value), ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)
set_error = _glib_function('g_set_error_literal', None,
                           ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_char_p)
_submit_named = _waiting_function('cf_executor_submit_named', ctypes.c_void_p,
                                  ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p)

HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
                           ctypes.POINTER(ctypes.c_void_p))
set_handler = _function('cf_foreign_set_handler', None, ctypes.c_void_p, HANDLER)


def to_variant(data):
    """The address of a floating 'ay' with a copy of some bytes."""
    held = _bytes_new(data, len(data))
    variant = _variant_new(b'ay', held, 1)
    _bytes_unref(held)

    return variant


def peek_variant(variant):
    """The bytes of an 'ay', where they lie."""
    size = _variant_get_size(variant)
    if not size:
        return memoryview(b'')

    return memoryview((ctypes.c_ubyte * size).from_address(_variant_get_data(variant))).cast('B')


def peek_result(address):
    """The bytes that are the result of a done future, where they lie; None if it has another result, or none."""
    value = _get_result(address, 0, None)
    if not value or value.contents.type != _VARIANT:
        return None
    variant = value.contents.int64

    return peek_variant(variant) if _variant_get_type(variant) == b'ay' else None


def submit_named(address, name, variant):
    """The address of a new future; 0 if the executor refused it."""
    return _submit_named(address, name, variant, None) or 0
