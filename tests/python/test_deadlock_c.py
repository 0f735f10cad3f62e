# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Waits of C code in workers of Python: they help, too, and what can never end fails, whoever waits in which pool."""

import random
import threading

import c_waits
from cf_test import Cf, LONG, TestCase, main

DEADLOCK = int(Cf.ExecutorError.DEADLOCK)


class InlineTest(TestCase):
    def test_pool_of_one(self):
        with Cf.ThreadPoolExecutor(1) as executor:
            future = executor.submit(lambda: c_waits.get_result(executor.submit(pow, 5, 2)))
            self.assertEqual(future.result(LONG), 25)

    def test_many_at_once(self):
        with Cf.ThreadPoolExecutor(1) as executor:
            def many():
                futures = [executor.submit(abs, -i) for i in range(5)]
                found = [c_waits.wait(futures, Cf.ReturnWhen.FIRST_COMPLETED), sum(f.done() for f in futures),
                         c_waits.wait(futures), sum(f.done() for f in futures)]
                more = [executor.submit(abs, -i) for i in range(5)]
                return found, sorted(f.result() for f in c_waits.as_completed(more))

            self.assertEqual(executor.submit(many).result(LONG), ([True, 1, True, 5], [0, 1, 2, 3, 4]))

    def test_only_what_is_waited_for(self):
        order = []
        with Cf.ThreadPoolExecutor(1) as executor:
            def outer():
                executor.submit(order.append, 'other')
                c_waits.get_result(executor.submit(order.append, 'wanted'))

            executor.submit(outer).result(LONG)
        self.assertEqual(order, ['wanted', 'other'])

    def test_exception(self):
        with Cf.ThreadPoolExecutor(1) as executor:
            def outer():
                inner = executor.submit(divmod, 1, 0)
                self.assertRaises(c_waits.WaitFailed, c_waits.get_result, inner)
                return inner.exception()

            self.assertIsInstance(executor.submit(outer).result(LONG), ZeroDivisionError)

    def test_deep(self):
        """C and Python take turns."""
        with Cf.ThreadPoolExecutor(1) as executor:
            def sum_to(n):
                if not n:
                    return 0
                future = executor.submit(sum_to, n - 1)
                return n + (c_waits.get_result(future) if n % 2 else future.result())

            self.assertEqual(executor.submit(sum_to, 60).result(LONG), 60 * 61 // 2)

    def test_too_deep(self):
        """There is an end to it, which is told and not a crash."""
        with Cf.ThreadPoolExecutor(1) as executor:
            def descend(n):
                try:
                    return c_waits.get_result(executor.submit(descend, n + 1))
                except c_waits.WaitFailed as failure:
                    return n if failure.code == DEADLOCK else failure

            self.assertEqual(executor.submit(descend, 1).result(LONG), 129)

    def test_no_room_on_the_stack(self):
        """Python's own limit comes first: wherever it is met, the wait ends, and so does every task."""
        with Cf.ThreadPoolExecutor(1) as executor:
            def descend(n, padding, then):
                if then:
                    return descend(n, padding, then - 1)
                # What nobody had room for runs on its own, and goes on from there.
                if n > 150:
                    return n
                futures.append(executor.submit(descend, n + 1, padding, padding))
                return futures[-1].result()

            for padding in range(8, 40):
                futures = []
                failure = executor.submit(descend, 1, padding, padding).exception(LONG)
                self.assertIsNotNone(failure, padding)
                for future in futures:
                    future.exception(LONG)

    def test_end_of_the_stack(self):
        """The limit is met at every single frame of a wait, whatever kind of wait that is."""
        def descend(n, padding, then):
            if then:
                return descend(n, padding, then - 1)
            if n > 150:
                return n
            futures.append(executor.submit(descend, n + 1, padding, padding))
            return wait(futures[-1])

        for wait in (Cf.Future.result, c_waits.get_result, lambda future: Cf.wait([future]),
                     lambda future: list(Cf.as_completed([future]))):
            for first in range(28):
                futures = []
                with Cf.ThreadPoolExecutor(1) as executor:
                    executor.submit(descend, 1, 18, first).exception(LONG)
                    for future in futures:
                        future.exception(LONG)

    def test_function_of_c(self):
        """What C submits and waits for."""
        ran = []
        with Cf.ThreadPoolExecutor(1) as executor:
            def outer():
                inner = c_waits.submit(executor, lambda: c_waits.get_result(executor.submit(ran.append, 1)))
                c_waits.get_result(inner)
                ran.extend(inner.failures)

            future = c_waits.submit(executor, outer)
            future.result(LONG)
            self.assertEqual((ran, future.failures), ([1], []))

    def test_waited_for_before_it_is_scheduled(self):
        started = threading.Event()
        future = Cf.Future.new_for_task(lambda cancellable: (True, 8))
        with Cf.ThreadPoolExecutor(1) as executor:
            waiter = executor.submit(lambda: started.set() or c_waits.get_result(future))
            started.wait(LONG)
            Cf.Executor.schedule(executor, future)
            self.assertEqual(waiter.result(LONG), 8)

    def test_counts(self):
        with Cf.ThreadPoolExecutor(1) as executor:
            def outer():
                futures = [executor.submit(int) for _ in range(3)]
                before = executor.props.n_pending
                c_waits.get_result(futures[1])
                return before, executor.props.n_pending, executor.props.n_running

            self.assertEqual(executor.submit(outer).result(LONG), (3, 2, 1))
        self.assertEqual(executor.props.n_pending, 0)


class DeadlockTest(TestCase):
    def setUp(self):
        self.gate = threading.Event()
        self.failures = []

    def wait_in_c(self, futures, key):
        self.gate.wait(LONG)
        try:
            c_waits.get_result(futures[key])
        except c_waits.WaitFailed as failure:
            self.failures.append(failure)

    def wait_in_python(self, futures, key):
        self.gate.wait(LONG)
        try:
            futures[key].result()
        except Cf.DeadlockError as failure:
            self.failures.append(failure)

    def check_circle(self, futures, *names):
        self.gate.set()
        for future in futures.values():
            future.result(LONG)
        self.assertTrue(self.failures)
        for failure in self.failures:
            self.assertEqual(failure.code, DEADLOCK)
            for name in names:
                self.assertIn(f'“{name}”', str(failure))

    def test_own_pool_without_inline_waits(self):
        futures = {}
        with Cf.ThreadPoolExecutor(1, inline_waits=False) as executor:
            def never():
                pass

            def outer():
                futures[2] = executor.submit(never)
                self.wait_in_c(futures, 2)

            futures[1] = executor.submit(outer)
            self.gate.set()
            futures[1].result(LONG)
            self.check_circle(futures, outer.__qualname__, never.__qualname__)

    def test_circle_of_c_and_python(self):
        futures = {}
        with Cf.ThreadPoolExecutor(2) as executor:
            futures[1] = executor.submit(self.wait_in_c, futures, 2)
            futures[2] = executor.submit(self.wait_in_python, futures, 1)
            self.check_circle(futures, 'DeadlockTest.wait_in_c', 'DeadlockTest.wait_in_python')

    def test_itself(self):
        futures = {}
        with Cf.ThreadPoolExecutor(2) as executor:
            futures[1] = executor.submit(self.wait_in_c, futures, 1)
            self.check_circle(futures, 'DeadlockTest.wait_in_c')

    def test_function_of_c(self):
        futures = {}
        with Cf.ThreadPoolExecutor(2) as executor:
            futures[1] = c_waits.submit(executor, lambda: self.wait_in_c(futures, 2))
            futures[1].props.name = 'of C'
            futures[2] = executor.submit(self.wait_in_python, futures, 1)
            self.check_circle(futures, 'of C', 'DeadlockTest.wait_in_python')
            self.assertEqual(futures[1].failures, [])

    def check_two_pools(self, one, two, waits):
        futures = {}
        with one, two:
            futures[1] = one.submit(waits[0], futures, 2)
            futures[2] = two.submit(waits[1], futures, 1)
            self.check_circle(futures, *(f'DeadlockTest.{wait.__name__}' for wait in waits))

    def test_across_two_pools_of_python(self):
        self.check_two_pools(Cf.ThreadPoolExecutor(1), Cf.ThreadPoolExecutor(1), [self.wait_in_c, self.wait_in_python])

    def test_across_a_pool_of_c(self):
        for waits in ((self.wait_in_c, self.wait_in_c), (self.wait_in_c, self.wait_in_python),
                      (self.wait_in_python, self.wait_in_c), (self.wait_in_python, self.wait_in_python)):
            with self.subTest(waits=waits):
                self.setUp()
                self.check_two_pools(Cf.ThreadPoolExecutor(1), Cf.ThreadPoolExecutor.new(1), waits)

    def check_starvation(self, one, two):
        """The only worker of the other pool waits for the first one, which waits for what is queued behind it."""
        started = threading.Event()
        futures = {}

        def first():
            started.set()
            self.wait_in_python(futures, 2)

        def behind():
            pass

        with one, two:
            futures[1] = one.submit(first)
            started.wait(LONG)
            futures[3] = two.submit(self.wait_in_c, futures, 1)
            futures[2] = two.submit(behind)
            self.check_circle(futures, first.__qualname__, behind.__qualname__, 'DeadlockTest.wait_in_c')

    def test_starvation(self):
        self.check_starvation(Cf.ThreadPoolExecutor(1), Cf.ThreadPoolExecutor(1))

    def test_starvation_in_a_pool_of_c(self):
        self.check_starvation(Cf.ThreadPoolExecutor(1), Cf.ThreadPoolExecutor.new(1))

    def test_starvation_behind_a_pool_of_c(self):
        self.check_starvation(Cf.ThreadPoolExecutor.new(1), Cf.ThreadPoolExecutor(1))

    def test_many_at_once(self):
        """wait() and as_completed(), of C and of Python."""
        for wait in (c_waits.wait, c_waits.as_completed, Cf.wait, lambda futures: list(Cf.as_completed(futures))):
            with Cf.ThreadPoolExecutor(1, inline_waits=False) as executor:
                future = executor.submit(lambda: wait([executor.submit(int)]))
                self.assertEqual(future.exception(LONG).code, DEADLOCK)

    def test_found_after_a_schedule(self):
        started = threading.Event()
        first = Cf.Future.new_for_task(lambda cancellable: (True, 1))
        with Cf.ThreadPoolExecutor(1, inline_waits=False) as executor:
            waiter = executor.submit(lambda: started.set() or c_waits.get_result(first))
            started.wait(LONG)
            Cf.Executor.schedule(executor, first)
            self.assertEqual(waiter.exception(LONG).code, DEADLOCK)
            self.assertEqual(first.result(LONG), 1)


class NoAlarmTest(TestCase):
    def test_time_limit_only_times_out(self):
        with Cf.ThreadPoolExecutor(1) as executor:
            future = executor.submit(lambda: c_waits.get_result(executor.submit(int), 1000))
            self.assertEqual(future.exception(LONG).code, 24)

    def test_settled_from_outside(self):
        outside = Cf.Future()
        started = threading.Event()
        with Cf.ThreadPoolExecutor(1) as executor, Cf.ThreadPoolExecutor.new(1) as other:
            waiting = executor.submit(lambda: started.set() or c_waits.get_result(outside))
            started.wait(LONG)
            second = other.submit(lambda: c_waits.get_result(waiting))
            outside.set_result(4)
            self.assertEqual(second.result(LONG), 4)

    def test_initializer_and_callback(self):
        """What runs in a worker, but is no task."""
        found = []
        with Cf.ThreadPoolExecutor(2) as other:
            with Cf.ThreadPoolExecutor(1, initializer=lambda: c_waits.get_result(other.submit(int))) as executor:
                gate = threading.Event()
                future = executor.submit(gate.wait)
                future.add_done_callback(lambda future: found.append(c_waits.get_result(other.submit(pow, 2, 2))))
                gate.set()
        self.assertEqual(found, [4])

    def test_graphs_without_circles(self):
        """Each task waits for some that were made before it, in three pools, in one way or another."""
        dice = random.Random(5)
        for _ in range(20):
            futures = []
            with Cf.ThreadPoolExecutor(1) as one, Cf.ThreadPoolExecutor(2) as two, Cf.ThreadPoolExecutor.new(1) as three:
                for number in range(40):
                    targets = dice.sample(futures, min(len(futures), dice.randrange(4)))
                    wait = dice.choice([c_waits.get_result, lambda future: future.result()])
                    futures.append(dice.choice([one, two, three]).submit(
                        lambda number, targets, wait: [number, *map(wait, targets)][0], number, targets, wait))
                self.assertEqual([future.result(LONG) for future in futures], list(range(40)))


if __name__ == '__main__':
    main()
