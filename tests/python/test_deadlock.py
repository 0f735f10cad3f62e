# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Waiting inside workers: they help, and what can never end fails."""

import concurrent.futures
import itertools
import queue
import threading

from cf_test import Cf, GLib, LONG, TestCase, main


class Waiter:
    """Waits for a call when it goes, and passes on how that went."""

    def __init__(self, executor, outcomes):
        self.executor = executor
        self.outcomes = outcomes

    def __del__(self):
        future = self.executor.submit(pow, 5, 2)
        try:
            self.outcomes.put(future.result())
        except Cf.DeadlockError as error:
            future.cancel()
            self.outcomes.put(error)


def wait_in_destructor(executor):
    """How a wait goes when the worker lets go of a result."""
    outcomes = queue.SimpleQueue()
    gate = threading.Event()
    # Nobody holds the future.
    executor.submit(lambda: gate.wait() and Waiter(executor, outcomes))
    gate.set()

    return outcomes.get(timeout=LONG)


class InlineTest(TestCase):
    def test_pool_of_one(self):
        with Cf.ThreadPoolExecutor(1) as executor:
            self.assertEqual(executor.submit(lambda: executor.submit(pow, 5, 2).result()).result(LONG), 25)

    def test_deep(self):
        with Cf.ThreadPoolExecutor(1) as executor:
            def sum_to(n):
                return n + executor.submit(sum_to, n - 1).result() if n else 0

            self.assertEqual(executor.submit(sum_to, 60).result(LONG), 60 * 61 // 2)

    def test_exception(self):
        with Cf.ThreadPoolExecutor(1) as executor:
            future = executor.submit(lambda: executor.submit(divmod, 1, 0).result())
            self.assertIsInstance(future.exception(LONG), ZeroDivisionError)

    def test_wait_map_and_as_completed(self):
        with Cf.ThreadPoolExecutor(1) as executor:
            def many():
                futures = [executor.submit(abs, -i) for i in range(5)]
                first = Cf.wait(futures, return_when=Cf.FIRST_COMPLETED)
                everything = Cf.wait(futures)
                more = [executor.submit(abs, -i) for i in range(5)]
                return (len(first.done), len(everything.done), sorted(f.result() for f in Cf.as_completed(more)),
                        list(executor.map(abs, range(5))))

            self.assertEqual(executor.submit(many).result(LONG), (1, 5, [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]))

    def test_only_what_is_waited_for(self):
        order = []
        with Cf.ThreadPoolExecutor(1) as executor:
            def outer():
                executor.submit(order.append, 'other')
                executor.submit(order.append, 'wanted').result()

            executor.submit(outer).result(LONG)
        self.assertEqual(order, ['wanted', 'other'])

    def test_in_a_callback(self):
        waited = queue.SimpleQueue()
        gate = threading.Event()
        with Cf.ThreadPoolExecutor(1) as executor:
            future = executor.submit(gate.wait)
            future.add_done_callback(lambda _: waited.put(executor.submit(pow, 5, 2).result()))
            gate.set()
            self.assertEqual(waited.get(timeout=LONG), 25)

    def test_in_a_destructor(self):
        with Cf.ThreadPoolExecutor(1) as executor:
            self.assertEqual(wait_in_destructor(executor), 25)

    def test_waited_for_before_it_is_scheduled(self):
        started = threading.Event()
        future = Cf.Future.new_for_task(lambda cancellable: (True, 8))
        with Cf.ThreadPoolExecutor(1) as executor:
            waiter = executor.submit(lambda: started.set() or future.result())
            started.wait(LONG)
            Cf.Executor.schedule(executor, future)
            self.assertEqual(waiter.result(LONG), 8)


class DeadlockTest(TestCase):
    def test_in_a_destructor(self):
        with Cf.ThreadPoolExecutor(1) as executor:
            executor.set_property('inline-waits', False)
            self.assertRegex(str(wait_in_destructor(executor)), 'the end of a task')

    def test_circle_of_two(self):
        gate = threading.Event()
        with Cf.ThreadPoolExecutor(2) as executor:
            def wait_on_b():
                gate.wait()
                return b.result()

            def wait_on_a():
                gate.wait()
                return a.result()

            a = executor.submit(wait_on_b)
            b = executor.submit(wait_on_a)
            gate.set()
            errors = [a.exception(LONG), b.exception(LONG)]
        self.assertTrue(any(isinstance(error, Cf.DeadlockError) for error in errors))
        error = next(error for error in errors if isinstance(error, Cf.DeadlockError))
        self.assertTrue(error.matches(Cf.executor_error_quark(), Cf.ExecutorError.DEADLOCK))
        self.assertIsInstance(error, GLib.Error)
        self.assertIn('wait_on_a', error.message)
        self.assertIn('wait_on_b', error.message)

    def test_itself(self):
        gate = threading.Event()
        with Cf.ThreadPoolExecutor(2) as executor:
            own = []
            own.append(executor.submit(lambda: gate.wait() and own[0].result()))
            gate.set()
            self.assertIsInstance(own[0].exception(LONG), Cf.DeadlockError)

    def test_own_pool_without_inline_waits(self):
        with Cf.ThreadPoolExecutor(1, inline_waits=False) as executor:
            future = executor.submit(lambda: executor.submit(int).result())
            self.assertIsInstance(future.exception(LONG), Cf.DeadlockError)

    def test_in_a_callback(self):
        waited = queue.SimpleQueue()
        gate = threading.Event()
        with Cf.ThreadPoolExecutor(1, inline_waits=False) as executor:
            def wait(_future):
                try:
                    executor.submit(pow, 5, 2).result()
                except Cf.DeadlockError as error:
                    waited.put(error)

            future = executor.submit(gate.wait)
            future.add_done_callback(wait)
            gate.set()
            self.assertIsInstance(waited.get(timeout=LONG), Cf.DeadlockError)

    def test_across_two_pools(self):
        gate = threading.Event()
        with Cf.ThreadPoolExecutor(1) as one, Cf.ThreadPoolExecutor(1) as two:
            futures = {}
            futures[1] = one.submit(lambda: gate.wait() and futures[2].result())
            futures[2] = two.submit(lambda: gate.wait() and futures[1].result())
            gate.set()
            errors = [future.exception(LONG) for future in futures.values()]
        self.assertTrue(any(isinstance(error, Cf.DeadlockError) for error in errors))

    def check_shutdown(self, one, two):
        """A task shuts another pool down, where one waits for that task."""
        gate = threading.Event()
        with one, two:
            closer = one.submit(lambda: gate.wait() and two.shutdown())
            waiter = two.submit(lambda: gate.wait() and closer.result())
            behind = two.submit(int)
            gate.set()
            self.assertIsInstance(waiter.exception(LONG), Cf.DeadlockError)
            self.assertIsNone(closer.result(LONG))
            self.assertEqual((behind.result(LONG), two.props.n_workers), (0, 0))

    def test_shutdown_of_another_pool(self):
        self.check_shutdown(Cf.ThreadPoolExecutor(1), Cf.ThreadPoolExecutor(1))

    def test_shutdown_in_a_pool_of_c(self):
        self.check_shutdown(Cf.ThreadPoolExecutor.new(1), Cf.ThreadPoolExecutor(1))

    def test_shutdown_of_a_pool_of_c(self):
        self.check_shutdown(Cf.ThreadPoolExecutor(1), Cf.ThreadPoolExecutor.new(1))

    def check_shutdown_of_each_other(self, one, two):
        """Nobody could be told but those who wait for the end of a pool: one of them warns and goes on."""
        gate = threading.Event()
        GLib.test_expect_message('Cf', GLib.LogLevelFlags.LEVEL_WARNING, '*waits for*which waits for*')
        with one, two:
            closers = [one.submit(lambda: gate.wait() and two.shutdown()),
                       two.submit(lambda: gate.wait() and one.shutdown())]
            gate.set()
            self.assertEqual([closer.result(LONG) for closer in closers], [None, None])
        self.assertEqual((one.props.n_workers, two.props.n_workers), (0, 0))
        GLib.test_assert_expected_messages_internal('Cf', __file__, 0, 'check_shutdown_of_each_other')

    def test_shutdown_of_each_other(self):
        self.check_shutdown_of_each_other(Cf.ThreadPoolExecutor(1), Cf.ThreadPoolExecutor(1))

    def test_shutdown_of_each_other_with_c(self):
        self.check_shutdown_of_each_other(Cf.ThreadPoolExecutor(1), Cf.ThreadPoolExecutor.new(1))

    def test_shutdown_without_a_circle(self):
        """Two tasks wait for the end of a pool whose tasks wait for what comes from outside."""
        outside = Cf.Future()
        started = threading.Semaphore(0)
        with Cf.ThreadPoolExecutor(2) as one, Cf.ThreadPoolExecutor(2) as two:
            waiters = [two.submit(lambda: started.release() or outside.result()) for _ in range(2)]
            closers = [one.submit(lambda: started.release() or two.shutdown()) for _ in range(2)]
            for _ in range(4):
                started.acquire()
            outside.set_result(4)
            self.assertEqual([waiter.result(LONG) for waiter in waiters], [4, 4])
            self.assertEqual([closer.result(LONG) for closer in closers], [None, None])

    def test_found_after_a_schedule(self):
        """Two wait for what nobody queues, and then it is queued where only they could run it."""
        started = threading.Semaphore(0)
        first = Cf.Future.new_for_task(lambda cancellable: (True, 1))
        with Cf.ThreadPoolExecutor(1, inline_waits=False) as executor:
            waiter = executor.submit(lambda: started.release() or first.result())
            started.acquire()
            Cf.Executor.schedule(executor, first)
            self.assertIsInstance(waiter.exception(LONG), Cf.DeadlockError)
            self.assertEqual(first.result(LONG), 1)

    def _submit_before_initializers(self, n_workers, n_that_wait):
        """A call that the first initializers wait for."""
        known = threading.Event()
        turns = itertools.count()

        def initialize():
            known.wait(LONG)
            if next(turns) < n_that_wait:
                future.result()

        executor = Cf.ThreadPoolExecutor(n_workers, initializer=initialize)
        self.addCleanup(executor.shutdown)
        future = executor.submit(pow, 5, 2)
        known.set()

        return future

    def test_initializers_that_wait_for_work_behind_them(self):
        for n_workers in (1, 4):
            with self.assertLogs('concurrent.futures', 'CRITICAL'):
                error = self._submit_before_initializers(n_workers, n_workers).exception(LONG)
            self.assertIsInstance(error, concurrent.futures.BrokenExecutor)
            self.assertIsInstance(error.__cause__, Cf.DeadlockError)
            self.assertIn('“initializer” waits for', str(error.__cause__))

    def test_another_worker_comes_for_an_initializer_that_waits(self):
        for n_that_wait in (1, 3):
            self.assertEqual(self._submit_before_initializers(4, n_that_wait).result(LONG), 25)

    def test_no_false_alarm(self):
        """Settled from outside, by another pool, or with a time limit: that all may come."""
        outside = Cf.Future()
        started = threading.Event()
        with Cf.ThreadPoolExecutor(1) as executor, Cf.ThreadPoolExecutor(1) as other:
            waiting = executor.submit(lambda: started.set() or outside.result())
            started.wait(LONG)
            self.assertEqual(other.submit(lambda: Cf.wait([waiting], timeout=0.05).not_done).result(LONG), {waiting})
            second = other.submit(waiting.result)
            outside.set_result(4)
            self.assertEqual(second.result(LONG), 4)

    def test_time_limit_only_times_out(self):
        with Cf.ThreadPoolExecutor(1) as executor:
            future = executor.submit(lambda: executor.submit(int).result(timeout=0.01))
            self.assertIsInstance(future.exception(LONG), Cf.TimeoutError)

    def test_many_rounds(self):
        with Cf.ThreadPoolExecutor(4) as executor:
            for _ in range(100):
                futures = [executor.submit(lambda: executor.submit(abs, -1).result()) for _ in range(8)]
                self.assertEqual(sum(future.result(LONG) for future in futures), 8)


if __name__ == '__main__':
    main()
