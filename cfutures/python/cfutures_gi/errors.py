# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Exceptions, and the GErrors that C code sees in place of them."""

import base64
import concurrent.futures
import concurrent.futures.process
import pickle
import traceback

from gi.module import get_introspection_module
from gi.repository import GLib

_Cf = get_introspection_module('Cf')
_DOMAIN = GLib.quark_to_string(_Cf.executor_error_quark())

# Of errors that stand for an exception of Python.
DOMAIN = 'cfutures-python-error'

# What follows it in a message is the exception itself.
_SEAL = '\n\x1f'

# Characters of a text for people.
_LONG, _SHORT = 1 << 18, 1 << 16
# Bytes of a message; a frame has room for some more.
_MAX = 1 << 30


class DeadlockError(GLib.Error):
    """A wait that can never end."""

    def __init__(self, message):
        super().__init__(message, _DOMAIN, int(_Cf.ExecutorError.DEADLOCK))

    def __reduce__(self):
        return type(self), (self.message,)


class WorkerDiedError(concurrent.futures.process.BrokenProcessPool):
    """The worker process of this call died; the pool goes on."""


# The name of a class, whatever its metaclass calls it.
_get_name = type.__dict__['__name__'].__get__


def describe(error):
    """The text of an exception, as the last line of a traceback has it; or that of an exception's class."""
    if isinstance(error, type):
        return _clean(_get_name(error))
    try:
        text = str.__str__(str(error))
    except BaseException:
        # Whatever that was: there is a future to be settled.
        text = '<exception str() failed>'
    name = _get_name(type(error))

    return _clean(f'{name}: {text}' if text else name)


def _clean(text):
    """As a string of C can have it."""
    return text.replace('\0', '\\0').encode('utf-8', 'replace').decode()


def to_gerror(error):
    """What C code sees in place of an exception."""
    if isinstance(error, GLib.Error):
        return error

    return GLib.Error(describe(error), DOMAIN, 0)


def seal(error, trace):
    """A GError that carries an exception to another process."""
    text = _clean(f'{describe(error)}\n\n{trace}'[:_LONG])
    data = base64.b64encode(pickle.dumps((error, trace))).decode()
    message = f'{text}{_SEAL}{data}'
    if len(message) > _MAX:
        raise ValueError('the exception is too large')

    return GLib.Error(message, DOMAIN, 1)


def get_sealed(message):
    """The pickle of what seal() put into a message."""
    return base64.b64decode(message.rpartition(_SEAL)[2])


def _unseal(message):
    trace = message.partition(_SEAL)[0]
    try:
        error, trace = pickle.loads(get_sealed(message))
        error.__cause__ = _quote(trace)
    except KeyboardInterrupt:
        # It is for whoever asks, and who asks again gets the exception.
        raise
    except BaseException as failure:
        # Its traceback would keep this frame, and so itself.
        error = failure.with_traceback(failure.__traceback__.tb_next)
        error.__cause__ = _quote(trace)

    return error


def _quote(trace):
    return concurrent.futures.process._RemoteTraceback(f'\n"""\n{trace}"""')


def from_gerror(error):
    """The exception for an error of the library, or one that came with it."""
    if error.domain == DOMAIN and error.code == 1:
        return _unseal(error.message)
    if error.matches(_Cf.executor_error_quark(), _Cf.ExecutorError.WORKER_DIED):
        found = WorkerDiedError(error.message)
    elif error.matches(_Cf.executor_error_quark(), _Cf.ExecutorError.BROKEN) or \
            error.matches(_Cf.executor_error_quark(), _Cf.ExecutorError.SPAWN_FAILED):
        found = concurrent.futures.process.BrokenProcessPool(error.message)
    elif error.domain == 'g-io-error-quark' and error.code == 24:
        found = concurrent.futures.TimeoutError(error.message)
    elif error.matches(_Cf.executor_error_quark(), _Cf.ExecutorError.DEADLOCK):
        return DeadlockError(error.message)
    else:
        return error
    # Its traceback ends here, and would keep the frames of who asks.
    found.__cause__ = error.with_traceback(None)

    return found


def seal_safely(error):
    """As seal(), whatever the exception is: one that cannot be pickled, or is too large, says why."""
    trace = _format(error)
    try:
        return seal(error, trace)
    except BaseException as failure:
        trace = trace[:_SHORT]
        failure.__traceback__ = None
        try:
            return seal(failure, trace)
        except BaseException:
            return seal(RuntimeError(describe(error)[:_SHORT]), trace)


def _format(error):
    try:
        return ''.join(traceback.format_exception(type(error), error, error.__traceback__))
    except BaseException:
        # As for groups in groups, of which there are more than the stack has room for.
        return ''.join(traceback.format_tb(error.__traceback__)) + describe(error)


def load_item(entry):
    """The result of one call of a chunk."""
    succeeded, data = entry
    if succeeded:
        return pickle.loads(data)
    raise _unseal(data)
