# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""What a pool of processes tells its workers, and how calls and results travel: pickled, as 'ay'."""

import concurrent.futures.process
import importlib.util
import pickle
import subprocess
import sys

# At the end of a pickle, where unpickling does not look: what tells a result of ours from any bytes.
MARK = b'\x00cfutures-pickle'
# The same from a pool that breaks with a worker: there, what cannot be read breaks it, as in the standard library.
STRICT_MARK = b'\x00cfutures-strict'


def dump(value):
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL) + MARK


def is_ours(data):
    return data is not None and data[-len(MARK):] in (MARK, STRICT_MARK)


def load(data):
    """The result of a call."""
    try:
        return pickle.loads(data)
    except BaseException as error:
        if data[-len(MARK):] != STRICT_MARK:
            raise
        raise concurrent.futures.process.BrokenProcessPool('A result could not be read') from error


def get_name(function):
    """What a call is called in messages."""
    name = getattr(function, '__qualname__', None) or type(function).__qualname__

    return name.replace('\0', '').encode('utf-8', 'replace') or b'function'


def get_worker_argv(startup, is_strict):
    worker = importlib.util.find_spec('cfutures_worker').origin

    return [sys.executable or 'python3', *subprocess._args_from_interpreter_flags(), worker, startup.path,
            'strict' if is_strict else '']


def call_chunk(function, chunk):
    """Call once for each item, and tell how each call went."""
    return [_call_item(function, args) for args in chunk]


def _call_item(function, args):
    from cfutures_gi import errors

    try:
        return True, pickle.dumps(function(*args), pickle.HIGHEST_PROTOCOL)
    except BaseException as error:
        return False, errors.seal_safely(error).message
