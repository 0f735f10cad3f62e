# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The worker program of Cf.ProcessPoolExecutor in Python."""

import base64
import multiprocessing.process
import multiprocessing.spawn
import pickle
import sys
import traceback

import gi

gi.require_version('Cf', '1.0')

from gi.module import get_introspection_module  # noqa: E402
from gi.repository import GLib  # noqa: E402

Cf = get_introspection_module('Cf')

_AY = GLib.VariantType('ay')
_MARK = b'\x00cfutures-pickle'


def _pack(value):
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL) + _MARK

    return GLib.Variant.new_from_bytes(_AY, GLib.Bytes.new(data), True)


def _seal(error):
    from cfutures_gi import errors

    return errors.seal_safely(error)


def _handle(_name, args, _cancellable, *_data):
    """Run one call."""
    try:
        function, arguments, keywords = pickle.loads(args.get_data_as_bytes().get_data())
        args = None
        return _pack(function(*arguments, **keywords))
    except BaseException as error:
        failure = _seal(error)
    raise failure


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
    worker.set_handler(_handle)
    worker.run()


if __name__ == '__main__':
    main()
