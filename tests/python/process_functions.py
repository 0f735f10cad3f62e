# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Functions that the tests of the process pool run in workers."""

import multiprocessing
import os
import signal
import sys
import weakref

state = None


def get_place():
    """Where multiprocessing sees this process."""
    process, parent = multiprocessing.current_process(), multiprocessing.parent_process()

    return process.name, process.daemon, parent and (parent.name, parent.pid, parent.is_alive())


PLACE_AT_IMPORT = get_place()


def get_places():
    return os.getpid(), get_place(), PLACE_AT_IMPORT


def get_name_of_child():
    return multiprocessing.get_context('spawn').Process().name


def get_places_below():
    from gi.repository import Cf

    with Cf.ProcessPoolExecutor(1) as executor:
        return executor.submit(get_places).result()


class Custom(Exception):
    def __init__(self, code, *, more):
        super().__init__(code)
        self.more = more


class Simple(Exception):
    pass


class Empty(Exception):
    def __len__(self):
        return 0


class NoException(Exception):
    def __reduce__(self):
        return int, ()


def raise_groups(depth):
    error = ValueError('innermost')
    for _ in range(depth):
        error = ExceptionGroup('', [error])
    raise error


class False_(Exception):
    def __bool__(self):
        return False


class Owner:
    """Something that weak references may be made to."""

    def work(self):
        pass


_noted = None


def note_owner(owner):
    global _noted
    _noted = weakref.ref(owner)

    return _noted() is owner


def owner_is_gone():
    return _noted() is None


def make_owner(_):
    return Owner()


def raise_new(kind):
    raise kind()


def same(value):
    return value


def capture(*args, **kwargs):
    return args, kwargs


class FailsToPickle:
    def __reduce__(self):
        raise ValueError('not to be pickled')


class FailsToUnpickle:
    def __reduce__(self):
        return fail, ('not to be unpickled',)


def _interrupt(*_):
    raise InterruptedError('an alarm')


def set_alarm(us):
    """A signal whose handler raises, wherever the process is by then."""
    signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, us / 1e6)


def check_process(pid):
    if os.getpid() != pid:
        raise ValueError('another process')


class FailsToUnpickleElsewhere:
    def __reduce__(self):
        return check_process, (os.getpid(),)


n_interrupts = 0


def _interrupt_once():
    global n_interrupts

    n_interrupts += 1
    if n_interrupts == 1:
        raise KeyboardInterrupt

    return ValueError('loaded')


class ErrorThatInterrupts(Exception):
    """As where Ctrl-C comes while it is loaded."""

    def __reduce__(self):
        return _interrupt_once, ()


class ErrorThatFailsToPickle(Exception):
    def __init__(self):
        super().__init__(FailsToPickle())


def fail(text):
    raise Simple(text)


def fail_oddly():
    raise Custom(5, more='x')


def fail_unpicklably():
    raise ErrorThatFailsToPickle()


def make(kind):
    return kind()


def leave(code):
    sys.exit(code)


def die():
    os._exit(3)


def square_in_threads(n):
    from gi.repository import Cf

    with Cf.ThreadPoolExecutor(2) as executor:
        return list(executor.map(pow, range(n), [2] * n))


def die_after(gate):
    """Opening a pipe with a name waits for the other side."""
    open(gate).close()
    os._exit(3)


def die_with(_data):
    os._exit(3)


def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)


def close_stdio():
    sys.stdout.close()
    sys.stderr.close()
    for fd in range(3):
        os.close(fd)


def fork():
    return os.fork() != 0


def set_state(value):
    global state

    state = value


def get_state():
    return state


def bad_initializer():
    raise ValueError('no start')


def die_once(path):
    """Die unless the file is there."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return 'second'
    os._exit(1)


def block(path):
    """Say that it runs, and read what nobody writes."""
    with open(path, 'w') as file:
        file.write(str(os.getpid()))
    end, _other = os.pipe()
    os.read(end, 1)


def nest(n):
    from gi.repository import Cf

    with Cf.ProcessPoolExecutor(1) as executor:
        return executor.submit(abs, -n).result()


def greet(queue, lock, pipe):
    """An initializer that was given what only a new process may get."""
    with lock:
        queue.put(os.getpid())
        pipe.send('hello')


def fail_to_start(log):
    import logging
    from logging.handlers import QueueHandler

    logging.getLogger('concurrent.futures').addHandler(QueueHandler(log))
    raise ValueError('no start with a log')


def get_authkey():
    import multiprocessing

    return bytes(multiprocessing.current_process().authkey)


def get_arguments():
    with open('/proc/self/cmdline', 'rb') as file:
        return file.read()
