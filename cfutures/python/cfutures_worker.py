# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The worker program of Cf.ProcessPoolExecutor in Python."""

import multiprocessing.process
import multiprocessing.util
import os
import pickle
import sys
import traceback

import gi

gi.require_version('Cf', '1.0')

from gi.module import get_introspection_module  # noqa: E402
from gi.repository import GLib  # noqa: E402

from cfutures_gi import clib, startup  # noqa: E402

Cf = get_introspection_module('Cf')

_STRICT_MARK = b'\x00cfutures-strict'
_CALL_MARK = b'\x00cfutures-pickle'
_mark = _CALL_MARK
_DOMAIN = GLib.quark_from_string('cfutures-python-error')

_load = pickle.loads


def _check(_data):
    """The program reads results when it is asked for them."""


def _load_strictly(data):
    """What cannot be read ends the worker, and so breaks the pool, as in the standard library."""
    try:
        return pickle.loads(data)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def _become_strict():
    global _check, _load, _mark

    _check, _load, _mark = _load_strictly, _load_strictly, _STRICT_MARK


def _call(data):
    """Run one call; the bytes of its outcome, and whether it succeeded."""
    try:
        function, arguments, keywords = _load(data)
        outcome = pickle.dumps(function(*arguments, **keywords), pickle.HIGHEST_PROTOCOL) + _mark
    except BaseException as error:
        from cfutures_gi import errors
        message = errors.seal_safely(error).message
        _check(errors.get_sealed(message))
        return message.encode(), False
    _check(outcome)

    return outcome, True


def _refuse(name, error):
    text = b'The workers of Python run what submit() sends them, and no function that is only named: ' + name
    clib.set_error(error, Cf.executor_error_quark(), Cf.ExecutorError.NOT_SUPPORTED, text)


@clib.HANDLER
def _handle(name, variant, _cancellable, error, result):
    data = clib.peek_variant(variant) if variant else b''
    if data[-len(_CALL_MARK):] != _CALL_MARK:
        _refuse(name, error)
        return
    outcome, succeeded = _call(data)
    if succeeded:
        result[0] = clib.to_variant(outcome)
    else:
        clib.set_error(error, _DOMAIN, 1, outcome)


def _prepare(path):
    process = multiprocessing.process.current_process()
    process._inheriting = True
    try:
        startup.prepare_worker(path)
    finally:
        del process._inheriting


def _initialize(path):
    try:
        _prepare(path)
        return GLib.Variant('()', ())
    except BaseException as error:
        import logging

        logging.getLogger('concurrent.futures').critical('Exception in initializer:', exc_info=True)
        text = ''.join(traceback.format_exception_only(type(error), error)).strip()
    # What was put into queues goes out first: the pool ends this process once it knows.
    multiprocessing.util._exit_function()
    raise GLib.Error(text, 'cfutures-python-error', 0)


def main():
    worker = Cf.Worker.new()
    # To be read now: the preparation replaces sys.argv.
    path, strict = sys.argv[1:3]
    worker.set_initializer(lambda *_: _initialize(path))
    if strict:
        _become_strict()
    # Not through PyGObject: that costs more than a small call.
    clib.set_handler(hash(worker), _handle)
    worker.run()


if __name__ == '__main__':
    main()
