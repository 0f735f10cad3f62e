# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The end of the interpreter, and Ctrl-C."""

import subprocess
import sys
import textwrap

from cf_test import LONG, TestCase, main, run_script

INTERRUPTED = '''
    import os, signal, threading, time
    def interrupt():
        time.sleep(0.3)
        print('sent', time.monotonic(), flush=True)
        os.kill(os.getpid(), signal.SIGINT)
    gate = threading.Event()
    executor = Cf.ThreadPoolExecutor(1)
    threading.Thread(target=interrupt, daemon=True).start()
    future = Cf.Future() if {bare} else executor.submit(gate.wait)
    try:
        {wait}
    except KeyboardInterrupt:
        print('came', time.monotonic(), flush=True)
    gate.set()
'''


class ExitTest(TestCase):
    def check(self, text, expected, *args):
        outcome = run_script(text, *args)
        self.assertEqual((outcome.stdout, outcome.returncode), (expected, 0), outcome.stderr)

    def test_queued_work_of_threads_is_done(self):
        self.check('''
            executor = Cf.ThreadPoolExecutor(1)
            for i in range(3):
                executor.submit(print, i, flush=True)
            ''', '0\n1\n2\n')

    def test_dropped_thread_pool(self):
        self.check('Cf.ThreadPoolExecutor(1).submit(print, 5, flush=True)', '5\n')

    def test_queued_work_of_processes_is_done(self):
        self.check('''
            executor = Cf.ProcessPoolExecutor(1)
            for i in range(3):
                executor.submit(pow, i, 2).add_done_callback(lambda f: print(f.result(), flush=True))
            ''', '0\n1\n4\n')

    def test_dropped_process_pool(self):
        self.check('Cf.ProcessPoolExecutor(1).submit(pow, 3, 2).add_done_callback(lambda f: print(f.result(), flush=True))',
                   '9\n')

    def test_after_shutdown_without_wait(self):
        self.check('''
            import threading
            gate = threading.Event()
            executor = Cf.ThreadPoolExecutor(1)
            executor.submit(gate.wait)
            executor.submit(print, 'done', flush=True)
            executor.shutdown(wait=False)
            gate.set()
            ''', 'done\n')

    def test_submit_at_exit(self):
        self.check('''
            import atexit
            @atexit.register
            def late():
                try:
                    Cf.ThreadPoolExecutor(1).submit(int)
                except RuntimeError as error:
                    print(error)
            ''', 'cannot schedule new futures after interpreter shutdown\n')

    def test_idle_pools(self):
        self.check('''
            threads = Cf.ThreadPoolExecutor(2)
            threads.submit(int).result()
            processes = Cf.ProcessPoolExecutor(2)
            processes.submit(int).result()
            print('end')
            ''', 'end\n')

    def test_main_without_a_guard(self):
        """As with the standard library: the worker must not start workers while it reads the program."""
        import os
        import tempfile
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'unguarded.py')
            with open(path, 'w') as file:
                file.write(textwrap.dedent('''
                    import gi
                    gi.require_version('Cf', '1.0')
                    from gi.repository import Cf
                    executor = Cf.ProcessPoolExecutor(1)
                    print(type(executor.submit(int).exception()).__name__, flush=True)
                    '''))
            outcome = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=LONG)
        self.assertIn('BrokenProcessPool', outcome.stdout)
        self.assertIn('bootstrapping phase', outcome.stderr)


class InterruptTest(TestCase):
    def check(self, wait, bare=False):
        outcome = run_script(textwrap.dedent(INTERRUPTED).format(bare=bare, wait=wait))
        times = dict(line.split() for line in outcome.stdout.splitlines())
        self.assertEqual(set(times), {'sent', 'came'}, outcome.stderr)
        self.assertLess(float(times['came']) - float(times['sent']), 0.2)

    def test_result(self):
        self.check('future.result()')

    def test_bare_result(self):
        self.check('future.result()', bare=True)

    def test_wait(self):
        self.check('Cf.wait([future])')

    def test_as_completed(self):
        self.check('list(Cf.as_completed([future]))')

    def test_shutdown(self):
        self.check('executor.shutdown()')

    def test_process(self):
        self.check('Cf.ProcessPoolExecutor(1).submit(time.sleep, 1).result()')


if __name__ == '__main__':
    main()
