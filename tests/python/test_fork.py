# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Processes that are forked while there are pools, as multiprocessing does: they end, and leave the pools alone."""

import textwrap

from cf_test import TestCase, main, run_script

FORK = '''
import multiprocessing, os, signal, sys, threading
def fork(function):
    """The status of a process that runs this, and then ends in the ordinary way."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    signal.alarm(20)
    print(function(), flush=True)
    sys.exit()
'''


class ForkTest(TestCase):
    def check(self, text, expected):
        outcome = run_script(FORK + textwrap.dedent(text))
        self.assertEqual((outcome.stdout, outcome.stderr, outcome.returncode), (expected, '', 0))

    def test_threads(self):
        self.check('''
            executor = Cf.ThreadPoolExecutor(1)
            executor.submit(int).result()
            print(fork(int), executor.submit(abs, -3).result())
            ''', '0\n0 3\n')

    def test_new_pool(self):
        self.check('''
            def use_another():
                with Cf.ThreadPoolExecutor(1) as another:
                    return another.submit(lambda: another.submit(abs, -2).result()).result()
            executor = Cf.ThreadPoolExecutor(1)
            executor.submit(int).result()
            print(fork(use_another))
            ''', '2\n0\n')

    def test_same_pool(self):
        """It has threads of its own there, and does not do the work of the other one once more."""
        self.check('''
            executor = Cf.ThreadPoolExecutor(1)
            gate = threading.Event()
            executor.submit(gate.wait)
            queued = executor.submit(print, 'once', flush=True)
            print(fork(lambda: (executor.submit(abs, -2).result(), queued.done())))
            gate.set()
            ''', '(2, False)\n0\nonce\n')

    def test_while_somebody_waits(self):
        self.check('''
            def wait():
                started.set()
                return outside.result()
            def use_another():
                with Cf.ThreadPoolExecutor(1, inline_waits=False) as another:
                    return type(another.submit(lambda: another.submit(int).result()).exception()).__name__
            executor = Cf.ThreadPoolExecutor(1)
            outside, started = Cf.Future(), threading.Event()
            waiting = executor.submit(wait)
            started.wait()
            print(fork(use_another))
            outside.set_result(3)
            print(waiting.result())
            ''', 'DeadlockError\n0\n3\n')

    def test_callbacks(self):
        self.check('''
            def call_back():
                called = threading.Event()
                future = Cf.Future()
                future.add_done_callback(lambda future: called.set())
                Cf.Future.cancel(future)
                with Cf.ThreadPoolExecutor.new(1) as another:
                    another.submit(int).add_done_callback(lambda future: called.set())
                return called.wait(10)
            first = Cf.Future()
            first.add_done_callback(print)
            print(fork(call_back))
            ''', 'True\n0\n')

    def test_processes(self):
        self.check('''
            executor = Cf.ProcessPoolExecutor(1)
            executor.submit(int).result()
            def use():
                try:
                    with executor:
                        executor.submit(int)
                except RuntimeError as error:
                    return error
            print(fork(use), fork(int), executor.submit(abs, -3).result())
            ''', 'cannot schedule new futures in a forked process\n0\n0 0 3\n')

    def test_dropped_processes(self):
        self.check('''
            executor = Cf.ProcessPoolExecutor(1)
            future = executor.submit(abs, -3)
            def drop():
                global executor
                del executor
            print(fork(drop), future.result(), executor.submit(abs, -4).result())
            ''', 'None\n0 3 4\n')

    def test_multiprocessing(self):
        self.check('''
            threads, processes = Cf.ThreadPoolExecutor(1), Cf.ProcessPoolExecutor(1)
            print(threads.submit(abs, -1).result(), processes.submit(abs, -2).result())
            child = multiprocessing.get_context('fork').Process(target=int)
            child.start()
            child.join(20)
            print(child.exitcode)
            child.kill()
            ''', '1 2\n0\n')


if __name__ == '__main__':
    main()
