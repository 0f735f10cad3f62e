# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Steps of a future that are taken for every task.

A call through PyGObject lets go of the interpreter's lock, which under load costs far more than the step itself. These
keep it: they take moments, and do not wait. The hash of a GObject is its address.
"""

import ctypes

_lib = ctypes.PyDLL('libcfutures-1.0.so.0')

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


def _function(name, result, *arguments):
    function = getattr(_lib, name)
    function.argtypes = arguments
    function.restype = result

    return function


is_cancelled = _function('cf_future_is_cancelled', ctypes.c_int, ctypes.c_void_p)
is_running = _function('cf_future_is_running', ctypes.c_int, ctypes.c_void_p)
is_done = _function('cf_future_is_done', ctypes.c_int, ctypes.c_void_p)
start = _function('cf_future_set_running_or_notify_cancel', ctypes.c_int, ctypes.c_void_p)
finish = _function('cf_future_set_result', ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
add_notify = _function('cf_future_add_done_callback', None,
                       ctypes.c_void_p, NOTIFY, ctypes.c_void_p, ctypes.c_void_p)
