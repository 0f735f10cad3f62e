# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The worker program of Cf.ProcessPoolExecutor in Python."""

import base64
import ctypes
import multiprocessing.process
import multiprocessing.spawn
import pickle
import sys
import traceback

import gi

gi.require_version('Cf', '1.0')

from gi.module import get_introspection_module  # noqa: E402
from gi.repository import GLib  # noqa: E402

from cfutures_gi import clib  # noqa: E402

Cf = get_introspection_module('Cf')

_MARK = b'\x00cfutures-pickle'
_DOMAIN = GLib.quark_from_string('cfutures-python-error')

HANDLER = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
                           ctypes.c_void_p)


def _call(variant):
    """Run one call; the bytes of its outcome, and whether it succeeded."""
    try:
        function, arguments, keywords = pickle.loads(clib.peek_variant(variant))
        return pickle.dumps(function(*arguments, **keywords), pickle.HIGHEST_PROTOCOL) + _MARK, True
    except BaseException as error:
        from cfutures_gi import errors
        return errors.seal_safely(error).message.encode(), False


@HANDLER
def _handle(_name, variant, _cancellable, _data, error):
    outcome, succeeded = _call(variant)
    if succeeded:
        return clib.to_variant(outcome)
    clib.set_error(error, _DOMAIN, 1, outcome)

    return None


def _prepare(preparation, path):
    """Become like the parent: its path, its __main__; then run the initializer of the pool."""
    process = multiprocessing.process.current_process()
    process._inheriting = True
    try:
        multiprocessing.spawn.prepare(pickle.loads(base64.b64decode(preparation)))
    finally:
        del process._inheriting
    if path:
        with open(path, 'rb') as file:
            initializer, initargs = pickle.load(file)
        initializer(*initargs)


def _initialize(_name, _args, _cancellable, *_data):
    try:
        _prepare(*sys.argv_of_worker)
        return GLib.Variant('()', ())
    except BaseException as error:
        text = ''.join(traceback.format_exception_only(type(error), error)).strip()
        traceback.print_exc()
    raise GLib.Error(text, 'cfutures-python-error', 0)


def main():
    worker = Cf.Worker.new()
    # spawn.prepare() replaces sys.argv.
    sys.argv_of_worker = sys.argv[1:3]
    worker.set_initializer(_initialize)
    # Not through PyGObject: that costs more than a small call.
    clib.set_handler(hash(worker), _handle, None, None)
    worker.run()


if __name__ == '__main__':
    main()
