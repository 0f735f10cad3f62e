# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""What a new worker process is told: how to become like its parent, and its initializer.

It lies in memory, which workers open by its name in /proc, not in their arguments, which everybody may read; where the kernel
does not let them, in a temporary file. As where multiprocessing starts a process, queues, locks and pipes may be among the
arguments of the initializer: their descriptors come over a socket, to every worker anew.
"""

import contextlib
import ctypes
import os
import pickle
import socket
import struct
import threading
from multiprocessing import context, process, reduction, resource_tracker, spawn

_PR_GET_DUMPABLE = 3

_received = []


class Descriptor:
    """One that workers get from their parent, as multiprocessing pickles it."""

    def __init__(self, number):
        self._number = number

    def detach(self):
        """The descriptor, which is the caller's."""
        return os.dup(_received[self._number])


class _Child:
    """What multiprocessing takes for the process that is being started."""

    DupFd = Descriptor

    def __init__(self):
        self.descriptors = []

    def duplicate_for_child(self, descriptor):
        self.descriptors.append(os.dup(descriptor))

        return len(self.descriptors) - 1

    def dump(self, value):
        outer = context.get_spawning_popen()
        context.set_spawning_popen(self)
        try:
            return bytes(reduction.ForkingPickler.dumps(value, pickle.HIGHEST_PROTOCOL))
        finally:
            context.set_spawning_popen(outer)

    def close(self):
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors = []


def _get_tracker():
    """What workers get too, so that what this process shares stays until it ends, not the first worker."""
    descriptor = resource_tracker._resource_tracker._fd

    return [] if descriptor is None else [descriptor]


def _get_preparation():
    data = spawn.get_preparation_data('cfutures-worker')
    # It would be the name of every worker.
    data.pop('name', None)
    # That of a program from stdin is no file: as with -c, only its own functions are not found.
    if not os.path.exists(data.get('init_main_from_path', '/')):
        del data['init_main_from_path']

    return data


def _get_parent():
    return process.current_process().name, os.getpid()


def _is_open_to_workers(path):
    """The kernel keeps other processes out of one that has changed its user, as a daemon does that gives up its rights."""
    return ctypes.CDLL(None).prctl(_PR_GET_DUMPABLE) == 1 and os.path.exists(path)


def _open_memory():
    try:
        file = os.fdopen(os.memfd_create('cfutures-startup'), 'wb')
        path = f'/proc/{os.getpid()}/fd/{file.fileno()}'
        if _is_open_to_workers(path):
            return file, path
        file.close()
    except (AttributeError, OSError):
        pass
    import tempfile

    file = tempfile.NamedTemporaryFile(prefix='cfutures-')

    return file, file.name


class Startup:
    """The side of the parent, which has it for as long as workers may start."""

    def __init__(self, initializer, initargs):
        self._child = _Child()
        self._listener = None
        self._file, self.path = _open_memory()
        try:
            self._write(initializer, initargs)
        except BaseException:
            self.close()
            raise

    def _write(self, initializer, initargs):
        call = self._child.dump((initializer, initargs))
        address = self._listen() if self._child.descriptors or _get_tracker() else None
        head = _get_parent(), _get_preparation(), address, len(self._child.descriptors)
        self._file.write(self._child.dump(head) + call)
        self._file.flush()

    def _listen(self):
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # The kernel finds a name that is free.
        self._listener.bind('')
        self._listener.listen()
        threading.Thread(target=_hand_out, args=(self._listener, self._child), name='cf-startup', daemon=True).start()

        return self._listener.getsockname()

    def close(self):
        """No worker starts any more."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            self._file.close()
        self._file = None
        if self._listener is None:
            self._child.close()
        else:
            # Its thread closes both.
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener = None


def _is_mine(connection):
    _pid, uid, _gid = struct.unpack('3i', connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))

    return uid == os.getuid()


def _hand_out(listener, child):
    with listener:
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                break
            with connection, contextlib.suppress(OSError):
                if _is_mine(connection):
                    socket.send_fds(connection, [b'.'], child.descriptors + _get_tracker())
    child.close()


def _receive(address, n_descriptors):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(address)
        _received[:] = socket.recv_fds(connection, 1, n_descriptors + 1, socket.MSG_CMSG_CLOEXEC)[1]
    if len(_received) > n_descriptors:
        resource_tracker._resource_tracker._fd = _received.pop()


def _open_sentinel(pid):
    """What can be read once the parent ends; where there is no such thing, what never can, as workers end with it."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return os.pipe()[0]


def _become_child(parent_name, parent_pid):
    """Be to multiprocessing what a process is that it started itself. Its numbers are taken by those: this has its pid."""
    this, pid = process.current_process(), os.getpid()
    this.name = f'CfProcess-{pid}'
    this._identity = (pid,)
    this._parent_pid = parent_pid
    process._parent_process = process._ParentProcess(parent_name, parent_pid, _open_sentinel(parent_pid))


def prepare_worker(path):
    """The side of the worker: its path, its __main__; then run the initializer of the pool."""
    with open(path, 'rb') as file:
        parent, preparation, address, n_descriptors = pickle.load(file)
        _become_child(*parent)
        if address is not None:
            _receive(address, n_descriptors)
        spawn.prepare(preparation)
        initializer, initargs = pickle.load(file)
    if initializer is not None:
        initializer(*initargs)
