# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The process pool."""

import asyncio
import gc
import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
import traceback
import unittest.mock
import weakref

import process_functions as functions
from cf_test import Cf, FULL, GLib, LONG, TestCase, main, run_script


def square(x):
    return x * x


def wait_for_file(path):
    """Until somebody wrote there."""
    while not os.path.exists(path) or not os.path.getsize(path):
        os.sched_yield()
    with open(path) as file:
        return int(file.read())


SPAWN = multiprocessing.get_context('spawn')


class PoolTest(TestCase):
    def setUp(self):
        self.executor = Cf.ProcessPoolExecutor(2)
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, 'file')

    def tearDown(self):
        self.executor.shutdown(cancel_futures=True)
        self.folder.cleanup()

    def test_calls(self):
        self.assertEqual(self.executor.submit(pow, 2, exp=5).result(), 32)
        self.assertNotEqual(self.executor.submit(os.getpid).result(), os.getpid())

    def test_functions_of_main(self):
        self.assertEqual(self.executor.submit(square, 5).result(), 25)

    def test_map(self):
        self.assertEqual(list(self.executor.map(square, range(30))), [i * i for i in range(30)])
        self.assertEqual(list(self.executor.map(square, range(30), chunksize=7)), [i * i for i in range(30)])
        self.assertEqual(list(self.executor.map(pow, range(9), [2] * 9, chunksize=2, buffersize=3)),
                         [i * i for i in range(9)])
        self.assertRaisesRegex(ValueError, 'chunksize must be >= 1', self.executor.map, square, [], chunksize=0)

    def test_map_goes_on(self):
        for chunksize in (1, 2):
            results = self.executor.map(divmod, [4, 4, 4], [1, 0, 2], chunksize=chunksize)
            self.assertEqual(next(results), (4, 0))
            self.assertRaises(ZeroDivisionError, next, results)
            self.assertEqual(list(results), [(2, 0)])

    def test_map_with_a_death(self):
        results = self.executor.map(functions.make, [int, functions.die, int, int], chunksize=2)
        for _ in range(2):
            self.assertRaises(Cf.WorkerDiedError, next, results)
        self.assertEqual(list(results), [0, 0])

    def test_remote_traceback(self):
        error = self.executor.submit(functions.fail, 'text').exception()
        self.assertIsInstance(error, functions.Simple)
        self.assertEqual(error.args, ('text',))
        self.assertIn('in fail', str(error.__cause__))
        self.assertIn('raise Simple(text)', ''.join(traceback.format_exception(error)))

    def test_same_exception_twice(self):
        future = self.executor.submit(functions.fail, 'text')
        self.assertIs(future.exception(), future.exception())
        with self.assertRaises(functions.Simple) as caught:
            future.result()
        self.assertIs(caught.exception, future.exception())

    def test_asking_for_an_exception_does_not_raise_it(self):
        """Its traceback would keep whoever asks, with the futures."""
        futures = [self.executor.submit(functions.fail, 'text'), self.executor.submit(functions.fail_oddly)]
        for future in futures:
            self.assertIsNone(future.exception().__traceback__)
            self.assertIn('raised', repr(future))
            self.assertIsNone(future.exception().__traceback__)
        self.executor.shutdown()
        gone = [weakref.ref(future) for future in futures]
        gc.disable()
        try:
            del future, futures
            self.assertEqual([reference() for reference in gone], [None] * 2)
        finally:
            gc.enable()

    def test_one_outcome_for_all_threads(self):
        for function in functions.make, functions.fail:
            future = self.executor.submit(function, functions.Simple)
            Cf.wait([future])
            load, barrier = pickle.loads, threading.Barrier(2)

            def load_together(data):
                barrier.wait(LONG)
                return load(data)

            with unittest.mock.patch('pickle.loads', load_together), Cf.ThreadPoolExecutor(2) as executor:
                asked = [executor.submit(lambda: future.exception() or future.result()) for _ in range(2)]
                self.assertIs(asked[0].result(), asked[1].result())

    def test_what_cannot_be_pickled(self):
        for function, argument, kind in ((lambda: 1, None, (pickle.PicklingError, AttributeError)),
                                         (abs, functions.FailsToPickle(), ValueError)):
            self.assertIsInstance(self.executor.submit(function, argument).exception(), kind)
        self.assertIsInstance(self.executor.submit(abs, functions.FailsToUnpickle()).exception(), functions.Simple)
        self.assertIsInstance(self.executor.submit(functions.make, functions.FailsToPickle).exception(), ValueError)
        self.assertIsInstance(self.executor.submit(functions.make, functions.FailsToUnpickle).exception(), functions.Simple)
        self.assertEqual(self.executor.submit(abs, -1).result(), 1)
        self.assertEqual(self.executor.props.n_deaths, 0)

    def test_exceptions_that_cannot_travel(self):
        error = self.executor.submit(functions.fail_oddly).exception()
        self.assertIsInstance(error, TypeError)
        self.assertIn('fail_oddly', str(error.__cause__))
        error = self.executor.submit(functions.fail_unpicklably).exception()
        self.assertIsInstance(error, Exception)
        self.assertIn('fail_unpicklably', str(error.__cause__))

    def test_ctrl_c_while_an_exception_is_loaded(self):
        """It is no outcome: who asks again gets that."""
        functions.n_interrupts = 0
        future = self.executor.submit(functions.raise_new, functions.ErrorThatInterrupts)
        self.assertRaises(KeyboardInterrupt, future.exception, LONG)
        self.assertEqual(repr(future.exception()), "ValueError('loaded')")
        self.assertRaisesRegex(ValueError, 'loaded', future.result)

    def test_exceptions_with_odd_texts(self):
        for text in ('nul\0', 'half\udc80', '\n\x1f', ''):
            with self.subTest(text=text):
                error = self.executor.submit(functions.fail, text).exception()
                self.assertIsInstance(error, functions.Simple)
                self.assertEqual(error.args, (text,))

    def test_large_exceptions(self):
        text = 'x' * (8 << 20)
        for results in (self.executor.map(functions.fail, [text]), self.executor.map(functions.fail, [text], chunksize=2)):
            with self.assertRaises(functions.Simple) as caught:
                next(results)
            self.assertEqual(caught.exception.args, (text,))
            self.assertIn('in fail', str(caught.exception.__cause__))

    def test_exceptions_that_cannot_be_formatted(self):
        error = self.executor.submit(functions.raise_groups, 5000).exception()
        self.assertIsInstance(error, RecursionError)
        self.assertIn('raise_groups', str(error.__cause__))

    def test_exception_that_is_none_once_it_arrives(self):
        future = self.executor.submit(functions.raise_new, functions.NoException)
        error = future.exception()
        self.assertIsInstance(error, AttributeError)
        self.assertIn('NoException', str(error.__cause__))
        self.assertIs(future.exception(), error)

    def test_system_exit_is_an_exception_of_the_task(self):
        error = self.executor.submit(functions.leave, 4).exception()
        self.assertIsInstance(error, SystemExit)
        self.assertEqual(error.code, 4)
        self.assertEqual(self.executor.props.n_deaths, 0)

    def test_death(self):
        for function in (functions.die, functions.kill_self):
            future = self.executor.submit(function)
            error = future.exception()
            self.assertIsInstance(error, Cf.WorkerDiedError)
            self.assertIsInstance(error, Cf.BrokenProcessPool)
            self.assertIn(function.__name__, str(error))
        self.assertEqual(self.executor.submit(abs, -2).result(), 2)
        self.assertEqual(self.executor.props.n_deaths, 2)

    def test_break_policy(self):
        with Cf.ProcessPoolExecutor(1, worker_death_policy=Cf.WorkerDeathPolicy.BREAK) as executor:
            futures = [executor.submit(functions.die), executor.submit(abs, 1)]
            for future in futures:
                self.assertIsInstance(future.exception(), Cf.BrokenProcessPool)
            self.assertRaises(Cf.BrokenProcessPool, executor.submit, abs, 1)

    def test_retries(self):
        with Cf.ProcessPoolExecutor(1, max_retries=1) as executor:
            self.assertEqual(executor.submit(functions.die_once, self.path).result(), 'second')

    def test_task_timeout(self):
        self.executor.props.task_timeout = 200000
        future = self.executor.submit(functions.block, self.path)
        self.assertRaises(Cf.TimeoutError, future.result)
        self.assertTrue(future.done())
        self.assertEqual(self.executor.submit(abs, -2).result(), 2)
        self.assertEqual(self.executor.props.n_deaths, 0)

    def test_terminate(self):
        future = self.executor.submit(functions.block, self.path)
        wait_for_file(self.path)
        self.assertTrue(future.running())
        self.assertTrue(future.terminate())
        self.assertTrue(future.cancelled())
        self.assertRaises(Cf.CancelledError, future.result)
        self.assertEqual(self.executor.submit(abs, -2).result(), 2)

    def test_terminate_workers(self):
        for end in ('terminate_workers', 'kill_workers'):
            executor = Cf.ProcessPoolExecutor(1)
            os.path.exists(self.path) and os.unlink(self.path)
            futures = [executor.submit(functions.block, self.path), executor.submit(int)]
            pid = wait_for_file(self.path)
            getattr(executor, end)()
            for future in futures:
                self.assertRaises(Cf.CancelledError, future.result)
            executor.shutdown()
            self.assertRaises(ProcessLookupError, os.kill, pid, 0)
            self.assertRaises(RuntimeError, executor.submit, int)

    def test_stdio(self):
        self.executor.submit(functions.close_stdio).result()
        for _ in range(10):
            self.assertEqual(self.executor.submit(abs, -1).result(), 1)

    def test_fork_in_a_task(self):
        self.assertTrue(self.executor.submit(functions.fork).result())
        self.assertEqual(self.executor.submit(abs, -1).result(), 1)

    def test_nested(self):
        self.assertEqual(self.executor.submit(functions.nest, 3).result(), 3)

    def test_place_among_processes(self):
        self.assertIsNone(functions.PLACE_AT_IMPORT[-1])
        pid, *places = self.executor.submit(functions.get_places).result()
        parent = (multiprocessing.current_process().name, os.getpid(), True)
        self.assertEqual(places, [(f'CfProcess-{pid}', False, parent)] * 2)
        self.assertRegex(self.executor.submit(functions.get_name_of_child).result(), r'^SpawnProcess-\d+:\d+$')

    def test_place_of_a_pool_in_a_worker(self):
        pid, place, at_import = self.executor.submit(functions.get_places_below).result()
        self.assertEqual(place, at_import)
        self.assertRegex(place[-1][0], r'^CfProcess-\d+$')
        self.assertEqual(place, (f'CfProcess-{pid}', False, (place[-1][0], int(place[-1][0].split('-')[1]), True)))

    def test_large(self):
        data = bytes(32 << 20)
        self.assertEqual(self.executor.submit(len, data).result(), len(data))
        self.assertEqual(self.executor.submit(bytes, 32 << 20).result(), data)

    def test_very_large(self):
        size = (256 if FULL else 129) << 20
        self.assertEqual(self.executor.submit(len, bytes(size)).result(), size)
        self.assertEqual(len(self.executor.submit(bytes, size).result()), size)

    def test_pools_in_pools(self):
        """Of the other kind, each with work of its own."""
        self.assertEqual(self.executor.submit(functions.square_in_threads, 20).result(), [i * i for i in range(20)])
        with Cf.ThreadPoolExecutor(3) as threads:
            def square(i):
                return self.executor.submit(pow, i, 2).result()

            self.assertEqual(list(threads.map(square, range(20))), [i * i for i in range(20)])

    def test_initializer(self):
        with Cf.ProcessPoolExecutor(1, initializer=functions.set_state, initargs=('ready',)) as executor:
            self.assertEqual(executor.submit(functions.get_state).result(), 'ready')

    def test_bad_initializer(self):
        with Cf.ProcessPoolExecutor(1, initializer=functions.bad_initializer) as executor:
            error = executor.submit(int).exception()
            self.assertIsInstance(error, Cf.BrokenProcessPool)
            self.assertIn('no start', str(error))
            self.assertRaises(Cf.BrokenProcessPool, executor.submit, int)

    def test_initargs_that_only_new_processes_get(self):
        queue, lock = SPAWN.Queue(), SPAWN.Lock()
        here, there = SPAWN.Pipe()
        with Cf.ProcessPoolExecutor(2, initializer=functions.greet, initargs=(queue, lock, there),
                                    max_tasks_per_child=1) as executor:
            # Whichever worker comes, the first ones and those that replace them.
            pids = {executor.submit(os.getpid).result() for _ in range(4)}
        self.assertEqual(len(pids), 4)
        self.assertLessEqual(pids, {queue.get(timeout=LONG) for _ in range(4)})
        self.assertEqual([here.recv() for _ in range(4)], ['hello'] * 4)
        for end in queue, here, there:
            end.close()

    def test_queues_are_no_arguments(self):
        queue = SPAWN.Queue()
        with Cf.ProcessPoolExecutor(1) as executor:
            self.assertRaisesRegex(RuntimeError, 'through inheritance', executor.submit(id, queue).result)
        queue.close()

    def test_bad_initializer_logs(self):
        log = SPAWN.Queue()
        with Cf.ProcessPoolExecutor(1, initializer=functions.fail_to_start, initargs=(log,)) as executor:
            self.assertRaises(Cf.BrokenProcessPool, executor.submit(int).result)
        self.assertIn('no start with a log', log.get(timeout=LONG).getMessage())
        log.close()

    def test_secrets(self):
        with Cf.ProcessPoolExecutor(1) as executor:
            key = executor.submit(functions.get_authkey).result()
            arguments = executor.submit(functions.get_arguments).result()
        self.assertEqual(key, bytes(multiprocessing.current_process().authkey))
        self.assertNotIn(key, arguments)

    def test_shutdown_without_another_thread(self):
        executor = Cf.ProcessPoolExecutor(1)
        future = executor.submit(square, 3)
        with unittest.mock.patch('threading.Thread.start', side_effect=RuntimeError("can't start new thread")):
            executor.shutdown()
        self.assertEqual(future.result(0), 9)
        self.assertEqual(executor.get_property('n-workers'), 0)

    def test_program_that_others_may_not_look_into(self):
        """As one is that has changed its user; where the tests run as root, workers must not be mightier than that."""
        outcome = run_script('''
            import ctypes
            PR_SET_DUMPABLE, PR_CAPBSET_DROP, CAP_SYS_PTRACE = 4, 24, 19
            libc = ctypes.CDLL(None)
            libc.prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE, 0, 0, 0)
            libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
            with Cf.ProcessPoolExecutor(1) as executor:
                print(executor.submit(pow, 3, 2).result())
            ''')
        self.assertEqual((outcome.stdout, outcome.returncode), ('9\n', 0), outcome.stderr)

    def test_what_cannot_be_read_breaks_a_strict_pool(self):
        for function, args in ((id, (functions.FailsToUnpickle(),)), (functions.FailsToUnpickle, ()),
                               (functions.fail_oddly, ())):
            with self.subTest(function=function):
                executor = Cf.ProcessPoolExecutor(1, worker_death_policy=Cf.WorkerDeathPolicy.BREAK)
                self.assertIsInstance(executor.submit(function, *args).exception(), Cf.BrokenProcessPool)
                self.assertRaises(Cf.BrokenProcessPool, executor.submit, int)
                executor.shutdown()

    def test_exceptions_of_signals(self):
        """One that is raised between two calls fails a call at most, and the worker lives."""
        with Cf.ProcessPoolExecutor(1) as executor:
            pid = executor.submit(os.getpid).result()
            for us in [1, 20, 50, 100, 200, 400] * 5:
                executor.submit(functions.set_alarm, us).exception()
                executor.submit(os.getppid).exception()
            executor.submit(functions.set_alarm, 0).exception()
            self.assertEqual(executor.submit(os.getpid).result(), pid)

    def test_what_only_the_program_cannot_read(self):
        """A result that cannot travel fails its own future, in a strict pool too."""
        with Cf.ProcessPoolExecutor(1, worker_death_policy=Cf.WorkerDeathPolicy.BREAK) as executor:
            failure = executor.submit(functions.FailsToUnpickleElsewhere).exception()
            self.assertIsInstance(failure, Cf.BrokenProcessPool)
            self.assertIsInstance(failure.__cause__, ValueError)
            self.assertEqual(executor.submit(abs, -1).result(), 1)

    def test_what_cannot_be_pickled_does_not_break_a_strict_pool(self):
        with Cf.ProcessPoolExecutor(1, worker_death_policy=Cf.WorkerDeathPolicy.BREAK) as executor:
            self.assertIsInstance(executor.submit(id, functions.FailsToPickle()).exception(), ValueError)
            self.assertIsInstance(executor.submit(functions.FailsToPickle).exception(), ValueError)
            self.assertEqual(executor.submit(abs, -1).result(), 1)

    def test_max_tasks_per_child(self):
        with Cf.ProcessPoolExecutor(1, max_tasks_per_child=2) as executor:
            pids = [executor.submit(os.getpid).result() for _ in range(6)]
        self.assertEqual(len(set(pids)), 3)

    def test_arguments(self):
        import multiprocessing
        self.assertRaisesRegex(ValueError, 'max_workers must be greater than 0', Cf.ProcessPoolExecutor, 0)
        self.assertRaisesRegex(TypeError, 'initializer must be a callable', Cf.ProcessPoolExecutor, initializer=1)
        self.assertRaisesRegex(TypeError, 'max_tasks_per_child must be an integer',
                               Cf.ProcessPoolExecutor, max_tasks_per_child='x')
        self.assertRaisesRegex(ValueError, 'max_tasks_per_child must be >= 1', Cf.ProcessPoolExecutor, max_tasks_per_child=0)
        self.assertRaisesRegex(ValueError, 'fork', Cf.ProcessPoolExecutor, max_tasks_per_child=1,
                               mp_context=multiprocessing.get_context('fork'))
        self.assertEqual(Cf.ProcessPoolExecutor().props.max_workers, os.cpu_count())

    def test_callbacks(self):
        called = threading.Event()
        results = []
        future = self.executor.submit(square, 4)
        future.add_done_callback(lambda f: (results.append(f.result()), called.set()))
        del future
        self.assertTrue(called.wait(LONG))
        self.assertEqual(results, [16])

    def test_callbacks_are_over_after_shutdown(self):
        results = []
        with Cf.ProcessPoolExecutor(2) as executor:
            for i in range(50):
                executor.submit(square, i).add_done_callback(lambda f: results.append(f.result()))
        self.assertEqual(sorted(results), [i * i for i in range(50)])

    def test_callbacks_that_submit(self):
        called = threading.Event()
        results = []

        def again(future):
            results.append(future.result())
            if len(results) < 10:
                self.executor.submit(square, len(results)).add_done_callback(again)
            else:
                called.set()

        self.executor.submit(square, 0).add_done_callback(again)
        self.assertTrue(called.wait(LONG))
        self.assertEqual(results, [i * i for i in range(10)])

    def test_done_signal(self):
        results = []
        self.executor.submit(square, 6).connect('done', lambda f: results.append(f.result()))
        self.iterate_until(lambda: results)
        self.assertEqual(results, [36])

    def test_wait_and_as_completed(self):
        futures = [self.executor.submit(square, i) for i in range(10)]
        self.assertEqual(Cf.wait(futures).done, set(futures))
        self.assertEqual({f.result() for f in Cf.as_completed(futures)}, {i * i for i in range(10)})
        bad = self.executor.submit(functions.fail, 'x')
        blocked = self.executor.submit(functions.block, self.path)
        self.assertEqual(Cf.wait([bad, blocked], return_when=Cf.FIRST_EXCEPTION), ({bad}, {blocked}))
        blocked.terminate()

    def test_await(self):
        async def run():
            loop = asyncio.get_running_loop()
            return await asyncio.gather(self.executor.submit(square, 2), loop.run_in_executor(self.executor, square, 3))

        self.assertEqual(asyncio.run(run()), [4, 9])

    def test_cancel(self):
        with Cf.ProcessPoolExecutor(1) as executor:
            running = executor.submit(functions.block, self.path)
            wait_for_file(self.path)
            queued = executor.submit(int)
            called = []
            queued.add_done_callback(called.append)
            self.assertTrue(queued.cancel())
            self.assertEqual(called, [queued])
            running.terminate()

    def test_shutdown(self):
        self.executor.submit(int).result()
        self.executor.shutdown()
        self.assertEqual(self.executor.props.n_workers, 0)
        self.assertRaisesRegex(RuntimeError, 'cannot schedule new futures after shutdown', self.executor.submit, int)
        self.assertRaisesRegex(RuntimeError, 'after shutdown', self.executor.submit, lambda: 1)

    def test_dropped_pool_does_its_work(self):
        executor = Cf.ProcessPoolExecutor(1)
        futures = [executor.submit(square, i) for i in range(5)]
        del executor
        gc.collect()
        self.assertEqual([future.result() for future in futures], [0, 1, 4, 9, 16])

    def test_results_are_let_go(self):
        future = self.executor.submit(functions.make, functions.Simple)
        gone = weakref.ref(future.result())
        self.assertIsNotNone(gone())
        # The pool lets the future go a moment after that is done.
        self.executor.shutdown()
        del future
        gc.collect()
        self.assertIsNone(gone())

    def test_signals(self):
        pid = self.executor.submit(os.getpid).result()
        os.kill(pid, signal.SIGINT)
        self.assertEqual(self.executor.submit(abs, -1).result(), 1)
        self.assertEqual(self.executor.props.n_deaths, 0)

    def test_task_of_this_process(self):
        future = Cf.Executor.submit_task(self.executor, lambda cancellable: (True, 1))
        with self.assertRaises(Exception) as caught:
            future.result()
        self.assertTrue(caught.exception.matches(Cf.executor_error_quark(), Cf.ExecutorError.NOT_SERIALIZABLE))

    def test_functions_that_are_only_named(self):
        for args in None, GLib.Variant('x', 4), GLib.Variant('ay', b'bytes'):
            with self.assertRaisesRegex(GLib.Error, 'no function that is only named: os:getpid') as caught:
                self.executor.submit_named('os:getpid', args).result()
            self.assertTrue(caught.exception.matches(Cf.executor_error_quark(), Cf.ExecutorError.NOT_SUPPORTED))
        self.assertEqual(self.executor.props.n_deaths, 0)

    def test_workers_of_another_language(self):
        module = os.path.join(os.environ['G_TEST_BUILDDIR'], 'cf-test-module.so')
        for argv in None, [os.environ['CFUTURES_WORKER']]:
            with Cf.ProcessPoolExecutor(1, worker_argv=argv) as executor:
                future = executor.submit_named(f'{module}:test_module_triple', GLib.Variant('x', 14))
                self.assertEqual(future.result().unpack(), 42)
                self.assertRaisesRegex(TypeError, 'use submit_named', executor.submit, pow, 2, 5)
                self.assertRaisesRegex(TypeError, 'use submit_named', executor.map, square, [1, 2], chunksize=2)
        with self.assertRaisesRegex(TypeError, 'an initializer needs the workers of Python'):
            Cf.ProcessPoolExecutor(1, worker_argv=None, initializer=functions.set_state)


if __name__ == '__main__':
    main()
