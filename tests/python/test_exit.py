# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The end of the interpreter, and Ctrl-C."""

import subprocess
import sys
import textwrap

from cf_test import LONG, TestCase, main, run_script

# A thread sends the signal once the main thread has been found waiting again and again.
INTERRUPTED = '''
    import os, signal, sys, threading, time
    main = threading.main_thread().ident
    armed = threading.Event()
    def is_waiting():
        name = sys._current_frames()[main].f_code.co_filename
        return 'cfutures_gi' in name or name.endswith('threading.py')
    def interrupt():
        armed.wait()
        n = 0
        while n < 20:
            time.sleep(0.005)
            n = n + 1 if is_waiting() else 0
        os.kill(os.getpid(), signal.SIGINT)
    gate = threading.Event()
    executor = Cf.ThreadPoolExecutor(1)
    processes = Cf.ProcessPoolExecutor(1)
    threading.Thread(target=interrupt, daemon=True).start()
    future = {future}
    results = executor.map(abs, [1])
    try:
        armed.set()
        {wait}
    except KeyboardInterrupt:
        print('came', flush=True)
    gate.set()
    processes.kill_workers()
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

    def test_map_that_is_not_over(self):
        outcome = run_script('''
            executor = Cf.ThreadPoolExecutor(1)
            results = executor.map(abs, range(5))
            next(results)
            ''')
        self.assertEqual((outcome.stderr, outcome.returncode), ('', 0))

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

    def test_much_queued_work_of_both(self):
        self.check('''
            done = []
            threads, processes = Cf.ThreadPoolExecutor(3), Cf.ProcessPoolExecutor(2)
            for i in range(500):
                threads.submit(abs, i).add_done_callback(done.append)
                processes.submit(abs, i).add_done_callback(done.append)
            import atexit
            atexit.register(lambda: print(len(done)))
            ''', '1000\n')

    def test_processes_of_a_program_from_stdin(self):
        outcome = subprocess.run([sys.executable], capture_output=True, text=True, timeout=LONG, input=textwrap.dedent('''
            import gi
            gi.require_version('Cf', '1.0')
            from gi.repository import Cf
            with Cf.ProcessPoolExecutor(1) as executor:
                print(executor.submit(abs, -1).result())
            '''))
        self.assertEqual((outcome.stdout, outcome.returncode), ('1\n', 0), outcome.stderr)

    def test_shutdown_in_a_destructor(self):
        """That the interpreter calls at its very end."""
        for pool in 'ThreadPoolExecutor', 'ProcessPoolExecutor':
            outcome = run_script('''
                import sys
                class Owner:
                    def __init__(self):
                        self.executor = getattr(Cf, sys.argv[1])(1)
                    def __del__(self):
                        self.executor.shutdown()
                        print('gone')
                owner = Owner()
                owner.owner = owner
                owner.executor.submit(abs, -1)
                ''', pool)
            self.assertEqual((outcome.stdout, outcome.stderr, outcome.returncode), ('gone\n', '', 0))

    def test_callbacks_are_over(self):
        """No thread is left that lets go of futures while the interpreter ends."""
        outcome = subprocess.run([sys.executable, '-c', textwrap.dedent('''
            import atexit, threading
            atexit.register(lambda: print([thread.name for thread in threading.enumerate()]))
            import gi
            gi.require_version('Cf', '1.0')
            from gi.repository import Cf
            future = Cf.Future.new_for_task(lambda cancellable: (True, 7))
            future.add_done_callback(lambda f: (threading.main_thread().join(), print(f.result())))
            future.run()
            ''')], capture_output=True, text=True, timeout=LONG)
        self.assertEqual((outcome.stdout, outcome.returncode), ("7\n['MainThread']\n", 0), outcome.stderr)

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

    def test_task_that_submits_at_exit(self):
        self.check('''
            threads = Cf.ThreadPoolExecutor(2)
            def late():
                try:
                    while True:
                        threads.submit(int).result()
                except RuntimeError as error:
                    print(error)
            threads.submit(late)
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
    """Ctrl-C ends every wait of the main thread; one that goes on is ended by the time limit of the program."""

    def check(self, wait, future='executor.submit(gate.wait)'):
        outcome = run_script(textwrap.dedent(INTERRUPTED).format(future=future, wait=wait))
        self.assertEqual((outcome.stdout, outcome.returncode), ('came\n', 0), outcome.stderr)

    def test_result(self):
        self.check('future.result()')

    def test_result_with_a_time_limit(self):
        self.check('future.result(1000)')

    def test_exception(self):
        self.check('future.exception()')

    def test_bare_result(self):
        self.check('future.result()', 'Cf.Future()')

    def test_wait(self):
        for arguments in '', ', 1000', ', return_when=Cf.FIRST_COMPLETED':
            self.check(f'Cf.wait([future]{arguments})')

    def test_as_completed(self):
        for arguments in '', ', 1000':
            self.check(f'list(Cf.as_completed([future]{arguments}))')

    def test_map(self):
        self.check('next(results)')

    def test_shutdown(self):
        self.check('executor.shutdown()')

    def test_with(self):
        self.check('with executor: pass')

    def test_process(self):
        self.check('future.result()', 'processes.submit(time.sleep, 1000)')

    def test_shutdown_of_processes(self):
        self.check('processes.shutdown()', 'processes.submit(time.sleep, 1000)')


if __name__ == '__main__':
    main()
