# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The thread pool."""

import gc
import os
import queue
import re
import sys
import threading
import time
import unittest.mock
import weakref

from cf_test import Cf, GLib, LONG, TestCase, main


class Thing:
    def method(self):
        return self


class SubmitTest(TestCase):
    def test_calls(self):
        with Cf.ThreadPoolExecutor(2) as executor:
            self.assertEqual(executor.submit(pow, 2, 10).result(), 1024)
            self.assertEqual(executor.submit(dict, a=1, self=2, fn=3).result(), {'a': 1, 'self': 2, 'fn': 3})

    def test_exception_and_traceback(self):
        error = ValueError('x')

        def fail():
            raise error

        with Cf.ThreadPoolExecutor(1) as executor:
            future = executor.submit(fail)
            self.assertIs(future.exception(), error)
        names = []
        trace = error.__traceback__
        while trace:
            names.append(trace.tb_frame.f_code.co_name)
            trace = trace.tb_next
        self.assertIn('fail', names)

    def test_system_exit_is_an_exception_of_the_task(self):
        def leave():
            raise SystemExit(3)

        with Cf.ThreadPoolExecutor(1) as executor:
            self.assertIsInstance(executor.submit(leave).exception(), SystemExit)
            self.assertEqual(executor.submit(int).result(), 0)

    def test_exception_whose_text_cannot_be_had(self):
        class Leaves(Exception):
            def __str__(self):
                raise SystemExit(3)

        class Odd(Exception):
            def __str__(self):
                return OddText('text')

        class OddText(str):
            def __bool__(self):
                raise SystemExit(4)

        def fail(error):
            raise error

        with Cf.ThreadPoolExecutor(1) as executor:
            for error, text in ((Leaves(), 'Leaves: <exception str() failed>'), (Odd(), 'Odd: text')):
                future = executor.submit(fail, error)
                self.assertIs(future.exception(LONG), error)
                self.assertRaisesRegex(GLib.Error, re.escape(text), future.get_result, 0)
            self.assertEqual(executor.submit(int).result(LONG), 0)

    def test_what_cannot_be_called(self):
        with Cf.ThreadPoolExecutor(1) as executor:
            for function in (None, 5):
                self.assertRaisesRegex(TypeError, 'object is not callable', executor.submit(function).result)

    def test_in_order(self):
        seen = []
        with Cf.ThreadPoolExecutor(1) as executor:
            for i in range(200):
                executor.submit(seen.append, i)
        self.assertEqual(seen, list(range(200)))

    def test_workers_start_on_demand_and_are_used_again(self):
        with Cf.ThreadPoolExecutor(4) as executor:
            self.assertEqual(executor.props.n_workers, 0)
            for _ in range(20):
                executor.submit(int).result()
                self.assertEqual(executor.props.n_workers, 1)
            gate = threading.Event()
            futures = [executor.submit(gate.wait) for _ in range(6)]
            self.assertEqual(executor.props.n_workers, 4)
            gate.set()
            Cf.wait(futures)
        self.assertEqual(executor.props.n_workers, 0)

    def test_ctrl_c_while_a_worker_starts(self):
        start = threading.Thread.start

        def interrupt(thread):
            raise KeyboardInterrupt

        def start_and_interrupt(thread):
            start(thread)
            raise KeyboardInterrupt

        for interrupted in interrupt, start_and_interrupt:
            executor = Cf.ThreadPoolExecutor(1)
            with unittest.mock.patch.object(threading.Thread, 'start', interrupted):
                self.assertRaises(KeyboardInterrupt, executor.submit, abs, -1)
            self.assertEqual(executor.submit(abs, -2).result(LONG), 2)
            self.assertEqual((executor.props.n_pending, executor.props.n_workers), (0, 1))
            executor.shutdown()
            self.assertEqual(executor.props.n_workers, 0)

    def test_ctrl_c_before_a_worker_has_begun(self):
        """Who called it does not know whether it will; it is counted when it has nothing to do."""
        start = threading.Thread.start
        gate = threading.Event()

        def start_late(thread):
            start(threading.Thread(target=lambda: gate.wait() and start(thread)))
            raise KeyboardInterrupt

        executor = Cf.ThreadPoolExecutor(1)
        with unittest.mock.patch.object(threading.Thread, 'start', start_late):
            self.assertRaises(KeyboardInterrupt, executor.submit, abs, -1)
        gate.set()
        while not executor._pool.idle:
            time.sleep(0)
        self.assertEqual((executor.props.n_workers, executor.props.n_running), (1, 0))
        self.assertEqual(executor.submit(abs, -2).result(LONG), 2)
        self.assertEqual(executor.props.n_workers, 1)
        executor.shutdown()
        self.assertEqual(executor.props.n_workers, 0)

    def test_a_worker_that_comes_late_stays(self):
        """It may not rest because of work that another one takes before it gets there."""
        answers = [False] * 4

        with Cf.ThreadPoolExecutor(1) as executor:
            dismiss = executor._pool.dismiss
            executor._pool.dismiss = lambda worker: answers.pop() if answers else dismiss(worker)
            self.assertEqual(executor.submit(pow, 2, 3).result(LONG), 8)
            self.assertEqual(executor.submit(pow, 2, 4).result(LONG), 16)
            self.assertEqual((answers, executor.props.n_workers), ([], 1))

    def test_callbacks_that_come_while_the_worker_goes_to_rest(self):
        called = []
        with Cf.ThreadPoolExecutor(2) as executor:
            for _ in range(2000):
                future = executor.submit(int)
                future.add_done_callback(called.append)
                executor.submit(int).result(LONG)
                future.result(LONG)
        self.assertEqual(len(called), 2000)
        self.assertEqual(len(set(called)), 2000)

    def test_callback_that_waits_for_a_task(self):
        results = queue.SimpleQueue()

        def wait_for_another(_future):
            results.put(executor.submit(int).result(LONG))

        # One worker calls back, the other one has to run the task, whatever was counted as resting before.
        with Cf.ThreadPoolExecutor(2) as executor:
            for _ in range(500):
                executor.submit(int).add_done_callback(wait_for_another)
                self.assertEqual(results.get(timeout=LONG), 0)

    def test_waiters_that_give_up(self):
        def wait_in_bits(future):
            while True:
                try:
                    return future.result(1e-6)
                except Cf.TimeoutError:
                    pass

        with Cf.ThreadPoolExecutor(2) as executor:
            futures = [executor.submit(int) for _ in range(1000)]
            waiters = [threading.Thread(target=lambda: [wait_in_bits(future) for future in futures]) for _ in range(3)]
            for waiter in waiters:
                waiter.start()
            for _ in range(1000):
                self.assertEqual(executor.submit(int).result(LONG), 0)
            for waiter in waiters:
                waiter.join(LONG)
                self.assertFalse(waiter.is_alive())

    def test_cancel_wakes_who_waits(self):
        gate, waits = threading.Event(), threading.Event()
        errors = []

        def wait_for(future):
            waits.set()
            try:
                future.result(LONG)
            except BaseException as error:
                errors.append(error)

        with Cf.ThreadPoolExecutor(1) as executor:
            executor.submit(gate.wait)
            future = executor.submit(int)
            waiter = threading.Thread(target=wait_for, args=(future,))
            waiter.start()
            self.assertTrue(waits.wait(LONG))
            self.assertTrue(future.cancel())
            waiter.join(LONG)
            gate.set()
        self.assertIsInstance(errors.pop(), Cf.CancelledError)

    def test_counts(self):
        gate, started = threading.Event(), threading.Event()
        with Cf.ThreadPoolExecutor(1) as executor:
            executor.submit(lambda: started.set() or gate.wait())
            queued = [executor.submit(int) for _ in range(3)]
            self.assertTrue(started.wait(LONG))
            self.assertEqual((executor.props.n_pending, executor.props.n_running), (3, 1))
            self.assertRaises(TypeError, executor.set_property, 'n-pending', 7)
            queued[1].cancel()
            self.assertEqual(executor.get_property('n-pending'), 2)
            gate.set()

    def test_names(self):
        with Cf.ThreadPoolExecutor(1, thread_name_prefix='worker') as executor:
            self.assertEqual(executor.submit(lambda: threading.current_thread().name).result(), 'worker_0')
            with open(executor.submit(lambda: f'/proc/self/task/{threading.get_native_id()}/comm').result()) as comm:
                self.assertEqual(comm.read(), 'worker_0\n')
        with Cf.ThreadPoolExecutor(1) as executor:
            self.assertRegex(executor.submit(lambda: threading.current_thread().name).result(),
                             r'ThreadPoolExecutor-\d+_0')

    def test_arguments(self):
        self.assertRaisesRegex(ValueError, 'max_workers must be greater than 0', Cf.ThreadPoolExecutor, 0)
        self.assertRaisesRegex(TypeError, 'initializer must be a callable', Cf.ThreadPoolExecutor, 1, initializer=3)
        with Cf.ThreadPoolExecutor(1) as executor:
            self.assertRaises(TypeError, executor.submit)
            self.assertRaises(TypeError, executor.submit, fn=int)
        with Cf.ThreadPoolExecutor() as executor:
            self.assertEqual(executor.props.max_workers, 5 * os.cpu_count())

    def test_arguments_are_let_go(self):
        thing = Thing()
        gone = weakref.ref(thing)
        with Cf.ThreadPoolExecutor(1) as executor:
            future = executor.submit(lambda argument: None, thing)
            del thing
            future.result()
            gc.collect()
            self.assertIsNone(gone())

    def test_results_are_let_go(self):
        with Cf.ThreadPoolExecutor(1) as executor:
            for thing in executor.map(lambda _i: Thing(), range(5)):
                gone = weakref.ref(thing)
                del thing
                gc.collect()
                self.assertIsNone(gone())


class CancelTest(TestCase):
    def test_leaves_the_queue_at_once(self):
        gate = threading.Event()
        thing = Thing()
        gone = weakref.ref(thing)
        calls = []
        with Cf.ThreadPoolExecutor(1) as executor:
            executor.submit(gate.wait)
            future = executor.submit(thing.method)
            future.add_done_callback(calls.append)
            del thing
            self.assertTrue(future.cancel())
            self.assertEqual(calls, [future])
            self.assertIsNone(gone())
            self.assertEqual(Cf.wait([future], timeout=0).done, {future})
            gate.set()

    def test_running_ones_are_not(self):
        gate, started = threading.Event(), threading.Event()
        with Cf.ThreadPoolExecutor(1) as executor:
            future = executor.submit(lambda: started.set() or gate.wait(LONG))
            started.wait(LONG)
            self.assertFalse(future.cancel())
            gate.set()

    def test_terminate_asks_the_function(self):
        started = threading.Event()
        gate = threading.Event()

        def work():
            started.set()
            gate.wait(LONG)
            return own[0].get_cancellable().is_cancelled()

        with Cf.ThreadPoolExecutor(1) as executor:
            own = []
            own.append(executor.submit(work))
            started.wait(LONG)
            self.assertTrue(own[0].terminate())
            gate.set()
            self.assertTrue(own[0].result())
            self.assertFalse(own[0].terminate())


class ShutdownTest(TestCase):
    def test_refuses(self):
        executor = Cf.ThreadPoolExecutor(1)
        executor.shutdown()
        self.assertRaisesRegex(RuntimeError, 'cannot schedule new futures after shutdown', executor.submit, int)
        executor.shutdown()

    def test_work_is_done(self):
        gate = threading.Event()
        executor = Cf.ThreadPoolExecutor(1)
        futures = [executor.submit(gate.wait), executor.submit(int)]
        executor.shutdown(wait=False)
        self.assertFalse(futures[1].done())
        gate.set()
        executor.shutdown()
        self.assertEqual(futures[1].result(), 0)

    def test_cancels(self):
        gate, started = threading.Event(), threading.Event()
        executor = Cf.ThreadPoolExecutor(1)
        running = executor.submit(lambda: started.set() or gate.wait())
        started.wait(LONG)
        queued = [executor.submit(int) for _ in range(5)]
        executor.shutdown(wait=False, cancel_futures=True)
        self.assertTrue(all(future.cancelled() for future in queued))
        gate.set()
        executor.shutdown()
        self.assertTrue(running.result())

    def test_on_its_own_worker(self):
        executor = Cf.ThreadPoolExecutor(1)
        self.assertIsNone(executor.submit(executor.shutdown).result(LONG))
        executor.shutdown()

    def test_dropped(self):
        executor = Cf.ThreadPoolExecutor(2)
        futures = [executor.submit(abs, -i) for i in range(10)]
        threads = executor._threads
        gone = weakref.ref(executor)
        del executor
        gc.collect()
        self.assertIsNone(gone())
        for thread in threads:
            thread.join(LONG)
            self.assertFalse(thread.is_alive())
        self.assertEqual([future.result() for future in futures], list(range(10)))

    def test_ctrl_c_where_c_calls(self):
        """That loses it, and the pool ends all the same."""
        def interrupt(frame, _event, _argument):
            if frame.f_code.co_name == 'do_shutdown':
                raise KeyboardInterrupt

        executor = Cf.ThreadPoolExecutor(1)
        executor.submit(abs, -1).result()
        tracer = sys.gettrace()
        sys.settrace(interrupt)
        try:
            executor.shutdown(wait=False)
        finally:
            sys.settrace(tracer)
        self.assertTrue(executor._pool.takes_no_more())
        executor.shutdown()

    def test_by_c(self):
        executor = Cf.ThreadPoolExecutor(1)
        executor.submit(int).result()
        Cf.Executor.shutdown(executor, wait=True)
        self.assertTrue(executor.is_shutdown())


class InitializerTest(TestCase):
    def test_runs_in_each_worker(self):
        local = threading.local()
        with Cf.ThreadPoolExecutor(2, initializer=lambda value: setattr(local, 'value', value), initargs=(5,)) as executor:
            self.assertEqual(list(executor.map(lambda _i: local.value, range(20))), [5] * 20)

    def test_failure_breaks_the_pool(self):
        def fail():
            raise ValueError('no start')

        with self.assertLogs('concurrent.futures', 'CRITICAL'):
            executor = Cf.ThreadPoolExecutor(1, initializer=fail)
            future = executor.submit(int)
            error = future.exception(LONG)
            executor.shutdown()
        self.assertIsInstance(error, Cf.BrokenThreadPool)
        self.assertIn('A thread initializer failed', str(error))
        self.assertIsInstance(error.__cause__, ValueError)

        with self.assertLogs('concurrent.futures', 'CRITICAL'):
            executor = Cf.ThreadPoolExecutor(1, initializer=fail)
            executor.submit(int).exception(LONG)
            self.assertRaises(Cf.BrokenThreadPool, executor.submit, int)
            executor.shutdown()


class MapTest(TestCase):
    def test_results(self):
        with Cf.ThreadPoolExecutor(3) as executor:
            self.assertEqual(list(executor.map(pow, range(10), [2] * 20)), [i * i for i in range(10)])
            self.assertEqual(list(executor.map(abs, [])), [])

    def test_goes_on_after_an_exception(self):
        with Cf.ThreadPoolExecutor(3) as executor:
            results = executor.map(divmod, [1, 1, 1], [1, 0, 1])
            self.assertEqual(next(results), (1, 0))
            self.assertRaises(ZeroDivisionError, next, results)
            self.assertEqual(next(results), (1, 0))
            self.assertRaises(StopIteration, next, results)
            self.assertRaises(StopIteration, next, results)

    def test_time_out(self):
        gate = threading.Event()
        with Cf.ThreadPoolExecutor(2) as executor:
            results = executor.map(lambda wait: wait and gate.wait(), [False, True, False], timeout=0.2)
            self.assertFalse(next(results))
            self.assertRaises(Cf.TimeoutError, next, results)
            self.assertRaises(StopIteration, next, results)
            gate.set()

    def test_close_cancels(self):
        gate = threading.Event()
        ran = []
        with Cf.ThreadPoolExecutor(1) as executor:
            executor.submit(gate.wait)
            results = executor.map(ran.append, range(5))
            results.close()
            self.assertRaises(StopIteration, next, results)
            gate.set()
        self.assertEqual(ran, [])

    def test_buffersize(self):
        taken = []

        def items():
            for i in range(10):
                taken.append(i)
                yield i

        with Cf.ThreadPoolExecutor(2) as executor:
            results = executor.map(abs, items(), buffersize=3)
            self.assertEqual(taken, [0, 1, 2])
            self.assertEqual(next(results), 0)
            self.assertEqual(taken, [0, 1, 2, 3])
            self.assertEqual(list(results), list(range(1, 10)))
            for wrong in (0, -1):
                self.assertRaisesRegex(ValueError, 'buffersize must be None or > 0', executor.map, abs, [], buffersize=wrong)
            self.assertRaisesRegex(TypeError, 'buffersize must be an integer or None', executor.map, abs, [], buffersize=1.5)

    def test_shutdown_in_the_middle(self):
        executor = Cf.ThreadPoolExecutor(1)
        results = executor.map(abs, range(10), buffersize=2)
        self.assertEqual(next(results), 0)
        executor.shutdown()
        self.assertRaisesRegex(RuntimeError, 'after shutdown', list, results)
        self.assertEqual(list(results), [])


class SpeedTest(TestCase):
    def test_many_tasks(self):
        n = 20000
        with Cf.ThreadPoolExecutor(8) as executor:
            start = time.monotonic()
            futures = [executor.submit(abs, i) for i in range(n)]
            self.assertEqual(sum(future.result() for future in futures), n * (n - 1) // 2)
            self.assertLess(time.monotonic() - start, LONG)


if __name__ == '__main__':
    main()
