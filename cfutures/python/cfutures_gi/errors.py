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


class DeadlockError(GLib.Error):
    """A wait that can never end."""

    def __init__(self, message):
        super().__init__(message, _DOMAIN, int(_Cf.ExecutorError.DEADLOCK))

    def __reduce__(self):
        return type(self), (self.message,)


class WorkerDiedError(concurrent.futures.process.BrokenProcessPool):
    """The worker process of this call died; the pool goes on."""


def describe(error):
    """The text of an exception, as the last line of a traceback has it."""
    try:
        text = str(error)
    except Exception:
        text = '<exception str() failed>'
    text = f'{type(error).__name__}: {text}' if text else type(error).__name__

    return text.replace('\0', '\\0').encode('utf-8', 'replace').decode()


def to_gerror(error):
    """What C code sees in place of an exception."""
    if isinstance(error, GLib.Error):
        return error

    return GLib.Error(describe(error), DOMAIN, 0)


def seal(error, trace, limit=1 << 20):
    """A GError that carries an exception to another process."""
    text = f'{describe(error)}\n\n{trace}'.encode('utf-8', 'replace').decode()[:limit // 4]
    data = base64.b64encode(pickle.dumps((error, trace))).decode()
    message = f'{text}{_SEAL}{data}'
    if len(message.encode()) > limit:
        raise ValueError('the exception is too large')

    return GLib.Error(message, DOMAIN, 1)


def get_sealed(message):
    """The pickle of what seal() put into a message."""
    return base64.b64decode(message.rpartition(_SEAL)[2])


def _unseal(message):
    try:
        error, trace = pickle.loads(get_sealed(message))
    except BaseException as failure:
        error, trace = failure, message.partition(_SEAL)[0]
    error.__cause__ = concurrent.futures.process._RemoteTraceback(f'\n"""\n{trace}"""')

    return error


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
    """As seal(), whatever the exception is: one that cannot be pickled says why."""
    trace = ''.join(traceback.format_exception(type(error), error, error.__traceback__))
    try:
        return seal(error, trace)
    except BaseException as failure:
        failure.__traceback__ = None
        try:
            return seal(failure, trace)
        except BaseException:
            return seal(RuntimeError(describe(error)), trace[:1 << 16])


def load_item(entry):
    """The result of one call of a chunk."""
    succeeded, data = entry
    if succeeded:
        return pickle.loads(data)
    raise _unseal(data)
