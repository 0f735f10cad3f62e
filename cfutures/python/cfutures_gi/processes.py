# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""What a pool of processes tells its workers, and how calls and results travel: pickled, as 'ay'."""

import base64
import contextlib
import importlib.util
import multiprocessing.spawn
import os
import pickle
import subprocess
import sys
import tempfile

# At the end of a pickle, where unpickling does not look: what tells a result of ours from any bytes.
MARK = b'\x00cfutures-pickle'

def dump(value):
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL) + MARK


def is_ours(data):
    return data is not None and data[-len(MARK):] == MARK


def get_name(function):
    """What a call is called in messages."""
    name = getattr(function, '__qualname__', None) or type(function).__qualname__

    return name.replace('\0', '').encode('utf-8', 'replace') or b'function'


def _get_preparation():
    """What a new interpreter needs to know of this one, save its secrets."""
    data = multiprocessing.spawn.get_preparation_data('cfutures-worker')
    data.pop('authkey', None)
    data.pop('name', None)

    return base64.b64encode(pickle.dumps(data)).decode()


class Startup:
    """The initializer of a pool, where workers find it: in memory, which they open by its name in /proc."""

    def __init__(self, initializer, initargs):
        self.path = ''
        self._file = None
        if initializer is None:
            return
        data = pickle.dumps((initializer, initargs), pickle.HIGHEST_PROTOCOL)
        try:
            self._file = os.fdopen(os.memfd_create('cfutures-initializer'), 'wb')
            self.path = f'/proc/{os.getpid()}/fd/{self._file.fileno()}'
        except (AttributeError, OSError):
            self._file = tempfile.NamedTemporaryFile(prefix='cfutures-')
            self.path = self._file.name
        self._file.write(data)
        self._file.flush()

    def close(self):
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None


def get_worker_argv(startup):
    worker = importlib.util.find_spec('cfutures_worker').origin

    return [sys.executable or 'python3', *subprocess._args_from_interpreter_flags(), worker,
            _get_preparation(), startup.path]


def call_chunk(function, chunk):
    """Call once for each item, and tell how each call went."""
    return [_call_item(function, args) for args in chunk]


def _call_item(function, args):
    from cfutures_gi import errors

    try:
        return True, pickle.dumps(function(*args), pickle.HIGHEST_PROTOCOL)
    except BaseException as error:
        return False, errors.seal_safely(error).message
