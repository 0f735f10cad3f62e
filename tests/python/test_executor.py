# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Executors of other making: subclasses in Python, those of C, and the plain interface without the override."""

import concurrent.futures
import threading
import weakref

import gi.module

from cf_test import Cf, GLib, LONG, TestCase, main

Plain = gi.module.get_introspection_module('Cf')


class Things(list):
    """A list with weak references."""


class InlineExecutor(Cf.Executor):
    """Runs each call where it is submitted."""

    def __init__(self):
        # No more than what the standard library needs.
        self.ended = None

    def do_schedule(self, future):
        future.run()
        return True

    def do_shutdown(self, wait, cancel_futures):
        self.ended = wait, cancel_futures


class RefusingExecutor(Cf.Executor):
    def do_schedule(self, future):
        raise GLib.Error('I am full', 'some-domain', 3)

    def do_shutdown(self, wait, cancel_futures):
        pass


class MuteExecutor(Cf.Executor):
    def do_schedule(self, future):
        return False

    def do_shutdown(self, wait, cancel_futures):
        pass


class StandardExecutor(Cf.Executor):
    """Made as for the standard library: that has no __init__() to be called, and its futures are not ours."""

    def __init__(self):
        self.futures = []

    def submit(self, function, /, *args):
        self.futures.append(concurrent.futures.Future())
        if function is not None:
            with concurrent.futures.ThreadPoolExecutor(1) as executor:
                self.futures[-1] = executor.submit(function, *args)

        return self.futures[-1]


class SubclassTest(TestCase):
    def test_calls(self):
        with InlineExecutor() as executor:
            self.assertEqual(executor.submit(pow, 2, 3).result(), 8)
            thing = object()
            self.assertIs(executor.submit(lambda: thing).result(), thing)
            self.assertEqual(list(executor.map(abs, [-1, -2])), [1, 2])
        self.assertEqual(executor.ended, (True, False))
        self.assertRaisesRegex(RuntimeError, 'cannot schedule new futures after shutdown', executor.submit, int)

    def test_exceptions(self):
        error = KeyError('x')

        def fail():
            raise error

        with InlineExecutor() as executor:
            future = executor.submit(fail)
            self.assertIs(future.exception(), error)
            with self.assertRaises(KeyError):
                future.result()

    def test_made_for_the_standard_library(self):
        with StandardExecutor() as executor:
            self.assertEqual(executor.submit(abs, -1).result(), 1)
            self.assertEqual(list(executor.map(abs, [-1, -2])), [1, 2])
            results = executor.map(divmod, [4, 4], [0, 2], timeout=LONG)
            self.assertRaises(ZeroDivisionError, next, results)
            self.assertEqual(list(results), [(2, 0)])
        self.assertTrue(executor.is_shutdown())

    def test_map_of_futures_of_the_standard_library(self):
        executor = StandardExecutor()
        results = executor.map(None, [1, 2, 3], timeout=0)
        executor.futures[-3].cancel()
        self.assertRaises(Cf.CancelledError, next, results)
        self.assertRaises(Cf.TimeoutError, next, results)
        self.assertEqual([future.cancelled() for future in executor.futures], [True] * 3)
        self.assertEqual(list(results), [])

    def test_callbacks(self):
        called = threading.Event()
        with InlineExecutor() as executor:
            executor.submit(int).add_done_callback(lambda f: called.set())
            self.assertTrue(called.wait(LONG))

    def test_refusal(self):
        with self.assertRaisesRegex(GLib.Error, 'I am full'):
            RefusingExecutor().submit(int)

    def test_refusal_without_reason(self):
        """What a subclass throws that C cannot hear of, or that it gives nothing back, is no future that hangs."""
        with self.assertRaisesRegex(GLib.Error, 'MuteExecutor.*no reason'):
            MuteExecutor().submit(int)

    def test_pool_of_c(self):
        """One that C made runs calls of Python, too."""
        executor = Cf.ThreadPoolExecutor.new(2)
        self.assertEqual(executor.submit(pow, 2, 4).result(), 16)
        self.assertIsInstance(executor.submit(divmod, 1, 0).exception(), ZeroDivisionError)
        self.assertEqual(list(executor.map(abs, range(-5, 0))), [5, 4, 3, 2, 1])
        executor.shutdown()

    def test_c_sees_results_of_its_pool(self):
        executor = Cf.ThreadPoolExecutor.new(1)
        for result in 1 << 40, 2.5, True, 'text':
            self.assertEqual(Plain.Future.get_result(executor.submit(lambda: result), -1), result)
        self.assertIsNone(Plain.Future.get_result(executor.submit(dict), -1))
        executor.shutdown()

    def test_pool_of_c_lets_go(self):
        gate = threading.Event()
        executor = Cf.ThreadPoolExecutor.new(1)
        running = executor.submit(gate.wait)
        ran, cancelled, refused = Things([1]), Things([2]), Things([3])
        references = [weakref.ref(thing) for thing in (ran, cancelled, refused)]
        queued = executor.submit(len, ran)
        dropped = executor.submit(len, cancelled)
        self.assertTrue(dropped.cancel())
        executor.shutdown(wait=False)
        self.assertRaises(RuntimeError, executor.submit, len, refused)
        del ran, cancelled, refused
        self.assertIsNotNone(references[0]())
        self.assertIsNone(references[1]())
        self.assertIsNone(references[2]())
        gate.set()
        self.assertEqual((queued.result(), running.result()), (1, True))
        self.assertIsNone(references[0]())

    def test_subclass_of_the_thread_pool(self):
        class Counting(Cf.ThreadPoolExecutor):
            count = 0

            def submit(self, fn, /, *args, **kwargs):
                self.count += 1
                return super().submit(fn, *args, **kwargs)

        with Counting(1) as executor:
            self.assertEqual(executor.submit(abs, -1).result(), 1)
            self.assertEqual(list(executor.map(abs, [1, 2])), [1, 2])
        self.assertEqual(executor.count, 3)


class FromCTest(TestCase):
    def test_tasks_of_c_enter_the_same_queue(self):
        order = []
        gate = threading.Event()
        with Cf.ThreadPoolExecutor(1) as executor:
            executor.submit(gate.wait)
            futures = [executor.submit(order.append, 1),
                       executor.submit_task(lambda cancellable: (order.append(2) or True, 22)),
                       executor.submit(order.append, 3)]
            gate.set()
            Cf.wait(futures)
            self.assertEqual(order, [1, 2, 3])
            self.assertEqual(futures[1].result(), 22)
            self.assertIsInstance(futures[1], Cf.Future)

    def test_failing_task(self):
        def fail(cancellable):
            raise GLib.Error('broken', 'some-domain', 7)

        with Cf.ThreadPoolExecutor(1) as executor:
            error = executor.submit_task(fail).exception()
            self.assertEqual((error.domain, error.code), ('some-domain', 7))

    def test_scheduled_twice(self):
        gate = threading.Event()
        future = Cf.Future.new_for_task(lambda cancellable: (True, 1))
        with Cf.ThreadPoolExecutor(1) as executor:
            executor.submit(gate.wait)
            self.assertTrue(Cf.Executor.schedule(executor, future))
            with self.assertRaises(GLib.Error) as caught:
                Cf.Executor.schedule(executor, future)
            self.assertTrue(caught.exception.matches(Cf.executor_error_quark(), Cf.ExecutorError.INVALID_STATE))
            gate.set()
            self.assertEqual(future.result(), 1)

    def test_refused_after_shutdown(self):
        executor = Cf.ThreadPoolExecutor(1)
        executor.shutdown()
        with self.assertRaises(GLib.Error) as caught:
            executor.submit_task(lambda cancellable: (True, 1))
        self.assertTrue(caught.exception.matches(Cf.executor_error_quark(), Cf.ExecutorError.SHUTDOWN))

    def test_shutdown_async(self):
        ended = []
        executor = Cf.ThreadPoolExecutor(1)
        future = executor.submit(abs, -1)
        executor.shutdown_async(False, None, lambda e, result: ended.append(e.shutdown_finish(result)))
        self.iterate_until(lambda: ended)
        self.assertEqual(ended, [True])
        self.assertEqual(future.result(), 1)

    def test_wait_async(self):
        got = []
        with Cf.ThreadPoolExecutor(1) as executor:
            executor.submit(abs, -3).wait_async(None, lambda f, result: got.append(f.wait_finish(result)))
            self.iterate_until(lambda: got)
        self.assertEqual(got, [3])

    def test_settled_by_c(self):
        """Whoever waits in Python hears of it."""
        future = Cf.Future()
        got = []
        thread = threading.Thread(target=lambda: got.append(future.result()))
        thread.start()
        Plain.Future.set_result(future, 'from C')
        thread.join(LONG)
        self.assertEqual(got, ['from C'])


class PlainTest(TestCase):
    """The interface as GObject introspection has it."""

    def test_task(self):
        executor = Plain.ThreadPoolExecutor.new(1)
        future = Plain.Executor.submit_task(executor, lambda cancellable: (True, 42))
        self.assertTrue(Plain.Future.wait(future, LONG * 1000000))
        self.assertEqual(Plain.Future.get_result(future, 0), 42)
        self.assertEqual(Plain.Future.get_state(future), Plain.FutureState.FINISHED)
        Plain.Executor.shutdown(executor, True, False)
        self.assertTrue(Plain.Executor.is_shutdown(executor))

    def test_no_result(self):
        future = Plain.Future.new_for_task(lambda cancellable: (False, None))
        self.assertTrue(Plain.Future.run(future))
        with self.assertRaises(GLib.Error) as caught:
            Plain.Future.get_result(future, 0)
        self.assertTrue(caught.exception.matches(Plain.executor_error_quark(), Plain.ExecutorError.NO_RESULT))

    def test_wait(self):
        futures = [Plain.Future.new_for_task(lambda cancellable: (True, 1)) for _ in range(3)]
        Plain.Future.run(futures[1])
        met, done, not_done = Plain.wait(futures, Plain.ReturnWhen.FIRST_COMPLETED, 0)
        self.assertTrue(met)
        self.assertEqual((done, not_done), ([futures[1]], [futures[0], futures[2]]))


if __name__ == '__main__':
    main()
