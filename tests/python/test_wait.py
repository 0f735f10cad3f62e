# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Waiting for many."""

import concurrent.futures
import gc
import threading
import weakref

from cf_test import Cf, LONG, TestCase, main


class WaitTest(TestCase):
    def setUp(self):
        self.gate = threading.Event()
        self.executor = Cf.ThreadPoolExecutor(4)

    def tearDown(self):
        self.gate.set()
        self.executor.shutdown()

    def test_all(self):
        futures = [self.executor.submit(abs, i) for i in range(10)]
        outcome = Cf.wait(futures)
        self.assertEqual((outcome.done, outcome.not_done), (set(futures), set()))
        self.assertEqual(repr(outcome)[:27], 'DoneAndNotDoneFutures(done=')

    def test_time_out(self):
        futures = [self.executor.submit(self.gate.wait), self.executor.submit(int)]
        futures[1].result()
        outcome = Cf.wait(futures, timeout=0.01)
        self.assertEqual(outcome, ({futures[1]}, {futures[0]}))

    def test_first_completed(self):
        futures = [self.executor.submit(self.gate.wait), self.executor.submit(int)]
        for first in ('FIRST_COMPLETED', Cf.FIRST_COMPLETED, Cf.ReturnWhen.FIRST_COMPLETED):
            self.assertEqual(Cf.wait(futures, return_when=first), ({futures[1]}, {futures[0]}))

    def test_first_exception(self):
        futures = [self.executor.submit(self.gate.wait), self.executor.submit(divmod, 1, 0)]
        done, not_done = Cf.wait(futures, return_when=Cf.FIRST_EXCEPTION)
        self.assertEqual((done, not_done), ({futures[1]}, {futures[0]}))

    def test_nothing(self):
        for when in (Cf.ALL_COMPLETED, Cf.FIRST_COMPLETED, Cf.FIRST_EXCEPTION):
            self.assertEqual(Cf.wait([], return_when=when), (set(), set()))

    def test_bad_condition(self):
        self.assertRaisesRegex(ValueError, "Invalid return condition: 'x'", Cf.wait, [Cf.Future()], return_when='x')

    def test_cancelled_ones(self):
        bare = Cf.Future()
        bare.cancel()
        self.assertEqual(Cf.wait([bare], timeout=0).not_done, {bare})
        bare.set_running_or_notify_cancel()
        self.assertEqual(Cf.wait([bare]).done, {bare})

    def test_with_one_of_the_standard_library_that_calls_back(self):
        """It is done before all of its callbacks were called."""
        future, called = concurrent.futures.Future(), threading.Event()
        future.add_done_callback(lambda _: called.set() or self.gate.wait())
        self.assertEqual(Cf.wait([future], 0).not_done, {future})
        thread = threading.Thread(target=future.set_result, args=(1,))
        thread.start()
        called.wait()
        self.assertEqual(Cf.wait([future], 0).done, {future})
        self.assertEqual(list(Cf.as_completed([future], 0)), [future])
        self.gate.set()
        thread.join()

    def test_with_those_of_the_standard_library(self):
        with concurrent.futures.ThreadPoolExecutor(1) as other:
            futures = [other.submit(abs, -1), self.executor.submit(abs, -2), other.submit(divmod, 1, 0)]
            self.assertEqual(Cf.wait(futures).done, set(futures))
            self.assertEqual(set(Cf.as_completed(futures)), set(futures))
            self.assertEqual(concurrent.futures.wait(futures).done, set(futures))
            self.assertEqual(set(concurrent.futures.as_completed(futures)), set(futures))
            late = self.executor.submit(self.gate.wait)
            self.assertEqual(concurrent.futures.wait([late, futures[0]], return_when='FIRST_COMPLETED').not_done, {late})
            self.gate.set()
            self.assertEqual(concurrent.futures.wait([late]).done, {late})

    def test_time_outs_leave_no_waiters(self):
        ours, other = Cf.Future(), concurrent.futures.Future()
        for module in Cf, concurrent.futures:
            def look():
                for _ in range(100):
                    self.assertEqual(module.wait([ours, other], 0).not_done, {ours, other})
                    self.assertRaises(Cf.TimeoutError, list, module.as_completed([ours, other], 0))
                gc.collect()
                return len(gc.get_objects())

            look()
            n_objects = look()
            self.assertLess(look(), n_objects + 100)
        for future in ours, other:
            future.set_result(1)
        for module in Cf, concurrent.futures:
            self.assertEqual(module.wait([ours, other]).done, {ours, other})
            self.assertEqual(set(module.as_completed([ours, other])), {ours, other})


class AsCompletedTest(TestCase):
    def test_all(self):
        with Cf.ThreadPoolExecutor(2) as executor:
            futures = [executor.submit(abs, i) for i in range(50)]
            self.assertEqual(sorted(f.result() for f in Cf.as_completed(futures)), list(range(50)))

    def test_order(self):
        gates = [threading.Event() for _ in range(3)]
        with Cf.ThreadPoolExecutor(3) as executor:
            futures = [executor.submit(gate.wait) for gate in gates]
            order = []
            completed = Cf.as_completed(futures)
            for i in (1, 2, 0):
                gates[i].set()
                order.append(futures.index(next(completed)))
            self.assertEqual(order, [1, 2, 0])
            self.assertRaises(StopIteration, next, completed)

    def test_twice_the_same(self):
        with Cf.ThreadPoolExecutor(1) as executor:
            future = executor.submit(int)
            self.assertEqual(list(Cf.as_completed([future, future])), [future])

    def test_time_out(self):
        futures = [Cf.Future() for _ in range(5)]
        for future in futures[:3]:
            future.set_result(None)
        seen = set()
        with self.assertRaises(Cf.TimeoutError) as caught:
            for future in Cf.as_completed(futures, timeout=0.01):
                seen.add(future)
        self.assertEqual(str(caught.exception), '2 (of 5) futures unfinished')
        self.assertEqual(seen, set(futures[:3]))

    def test_no_time_at_all(self):
        done = Cf.Future()
        done.set_result(1)
        self.assertEqual(list(Cf.as_completed([done], timeout=0)), [done])

    def test_yielded_ones_are_let_go(self):
        futures = [Cf.Future() for _ in range(4)]
        for future in futures:
            future.set_result(None)
        del future
        for future in Cf.as_completed(futures):
            futures.remove(future)
            gone = weakref.ref(future)
            del future
            gc.collect()
            self.assertIsNone(gone())

    def test_in_another_thread(self):
        futures = [Cf.Future() for _ in range(20)]
        seen = []
        thread = threading.Thread(target=lambda: seen.extend(Cf.as_completed(futures, timeout=LONG)))
        thread.start()
        for future in futures:
            future.set_result(None)
        thread.join()
        self.assertEqual(set(seen), set(futures))


if __name__ == '__main__':
    main()
