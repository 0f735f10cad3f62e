# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Futures that are settled by hand."""

import concurrent.futures
import gc
import inspect
import pickle
import signal
import threading
import traceback
import weakref

from cf_test import Cf, GLib, LONG, TestCase, main, run_script


class Thing:
    pass


class StateTest(TestCase):
    def test_begins_pending(self):
        future = Cf.Future()
        self.assertFalse(future.done() or future.running() or future.cancelled())

    def test_runs_and_finishes(self):
        future = Cf.Future()
        self.assertTrue(future.set_running_or_notify_cancel())
        self.assertTrue(future.running())
        thing = Thing()
        future.set_result(thing)
        self.assertTrue(future.done())
        self.assertFalse(future.running())
        self.assertIs(future.result(), thing)
        self.assertIsNone(future.exception())

    def test_fails_with_the_very_exception(self):
        future = Cf.Future()
        error = KeyError('no')
        future.set_exception(error)
        self.assertIs(future.exception(), error)
        with self.assertRaises(KeyError) as caught:
            future.result()
        self.assertIs(caught.exception, error)

    def test_cancel(self):
        future = Cf.Future()
        self.assertTrue(future.cancel())
        self.assertTrue(future.cancel())
        self.assertTrue(future.cancelled() and future.done())
        self.assertFalse(future.set_running_or_notify_cancel())
        self.assertRaises(Cf.CancelledError, future.result)
        self.assertRaises(Cf.CancelledError, future.exception)

    def test_cancel_of_a_running_one(self):
        future = Cf.Future()
        future.set_running_or_notify_cancel()
        self.assertFalse(future.cancel())

    def test_second_outcome(self):
        future = Cf.Future()
        future.set_result(1)
        with self.assertRaisesRegex(Cf.InvalidStateError, r'FINISHED: <Future at 0x[0-9a-f]+ state=finished returned int>'):
            future.set_result(2)
        self.assertRaises(Cf.InvalidStateError, future.set_exception, ValueError())
        self.assertEqual(future.result(), 1)

    def test_outcome_of_a_cancelled_one(self):
        future = Cf.Future()
        future.cancel()
        self.assertRaisesRegex(Cf.InvalidStateError, '^CANCELLED: <Future', future.set_result, 1)
        future.set_running_or_notify_cancel()
        self.assertRaisesRegex(Cf.InvalidStateError, '^CANCELLED_AND_NOTIFIED: <Future', future.set_exception, ValueError())

    def test_running_twice(self):
        for state, begin in (('RUNNING', Cf.Future.set_running_or_notify_cancel),
                             ('CANCELLED_AND_NOTIFIED', Cf.Future.cancel),
                             ('FINISHED', lambda future: future.set_result(None) or True)):
            future = Cf.Future()
            self.assertTrue(begin(future))
            if future.cancelled():
                self.assertFalse(future.set_running_or_notify_cancel())
            with self.assertLogs('concurrent.futures', 'CRITICAL') as logged, self.assertRaises(RuntimeError):
                future.set_running_or_notify_cancel()
            self.assertRegex(logged.output[0], rf'Future \d+ in unexpected state: {state}$')

    def test_time_out(self):
        future = Cf.Future()
        self.assertRaises(Cf.TimeoutError, future.result, 0)
        self.assertRaises(Cf.TimeoutError, future.exception, timeout=0.001)

    def test_terminate(self):
        future = Cf.Future()
        self.assertTrue(future.terminate())
        self.assertTrue(future.cancelled())
        self.assertFalse(future.terminate())

    def test_time_that_is_no_number(self):
        nan = float('nan')
        future = Cf.Future()
        self.assertRaises(Cf.TimeoutError, future.result, nan)
        self.assertEqual(Cf.wait([future], nan).not_done, {future})
        self.assertRaises(Cf.TimeoutError, next, Cf.as_completed([future], nan))
        with Cf.ThreadPoolExecutor(1) as executor:
            self.assertIsInstance(executor.submit(future.result, nan).exception(), Cf.TimeoutError)

    def test_repr(self):
        future = Cf.Future()
        self.assertRegex(repr(future), '<Future at 0x[0-9a-f]+ state=pending>')
        future.set_running_or_notify_cancel()
        self.assertRegex(repr(future), '<Future at 0x[0-9a-f]+ state=running>')
        future.set_exception(OSError())
        self.assertRegex(repr(future), '<Future at 0x[0-9a-f]+ state=finished raised OSError>')
        future = Cf.Future()
        future.cancel()
        self.assertRegex(repr(future), '<Future at 0x[0-9a-f]+ state=cancelled>')

    def test_is_one_of_the_standard_library(self):
        self.assertIsInstance(Cf.Future(), concurrent.futures.Future)
        self.assertIsInstance(Cf.Future.new(), Cf.Future)

    def test_signature(self):
        self.assertEqual(str(inspect.signature(Cf.Future)), '(**properties)')
        self.assertEqual(Cf.Future(name='x').props.name, 'x')
        self.assertRaises(TypeError, Cf.Future, 1)

    def test_exception_class(self):
        """It stays what it is until it is raised, as in the standard library."""
        class NeedsArgument(Exception):
            def __init__(self, argument):
                super().__init__(argument)

        for kind, raised in (ValueError, ValueError), (NeedsArgument, TypeError):
            future = Cf.Future()
            future.set_exception(kind)
            self.assertIs(future.exception(), kind)
            self.assertRegex(repr(future), 'raised type>$')
            self.assertRaises(raised, future.result)
            with self.assertRaises(GLib.Error) as caught:
                future.get_result(0)
            self.assertEqual(caught.exception.message, kind.__name__)

    def test_no_exception(self):
        future = Cf.Future()
        future.set_exception(None)
        self.assertIsNone(future.exception(0))
        self.assertIsNone(future.result(0))
        self.assertRaises(Cf.InvalidStateError, future.set_exception, None)

    def test_waits_for_another_thread(self):
        future = Cf.Future()
        got = []
        thread = threading.Thread(target=lambda: got.append(future.result(LONG)))
        thread.start()
        future.set_result(5)
        thread.join()
        self.assertEqual(got, [5])


class CallbackTest(TestCase):
    def test_order_and_argument(self):
        future = Cf.Future()
        calls = []
        for i in range(3):
            future.add_done_callback(lambda f, i=i: calls.append((i, f)))
        future.set_result(None)
        future.add_done_callback(lambda f: calls.append((3, f)))
        self.assertEqual(calls, [(i, future) for i in range(4)])

    def test_at_cancel(self):
        future = Cf.Future()
        calls = []
        future.add_done_callback(calls.append)
        future.cancel()
        future.cancel()
        self.assertEqual(calls, [future])

    def test_exceptions_are_logged(self):
        future = Cf.Future()
        calls = []

        def bad(_future):
            raise ValueError('bad callback')

        future.add_done_callback(bad)
        future.add_done_callback(calls.append)
        with self.assertLogs('concurrent.futures', 'ERROR') as logs:
            future.set_result(1)
        self.assertIn('exception calling callback for <Future', logs.output[0])
        self.assertIn('bad callback', logs.output[0])
        self.assertEqual(calls, [future])

        with self.assertLogs('concurrent.futures', 'ERROR'):
            future.add_done_callback(bad)

    def test_ctrl_c_in_a_callback(self):
        """It is heard; the other callbacks are called before."""
        for settle in (lambda f: f.cancel(), lambda f: f.set_result(1), lambda f: f.set_exception(ValueError())):
            future = Cf.Future()
            calls = []
            future.add_done_callback(lambda _: signal.raise_signal(signal.SIGINT))
            future.add_done_callback(calls.append)
            self.assertRaises(KeyboardInterrupt, settle, future)
            self.assertEqual(calls, [future])
            self.assertTrue(future.done())

    def test_settled_by_c(self):
        """What C settles calls back too, in a thread of its own."""
        future = Cf.Future.new_for_task(lambda cancellable: (True, 7))
        called = threading.Event()
        future.add_done_callback(lambda f: called.set())
        self.assertTrue(future.run())
        self.assertTrue(called.wait(LONG))
        self.assertEqual(future.result(), 7)


    def test_without_another_thread(self):
        """A callback that could not be added is not called, and those that are added later are."""
        done = run_script("""
            import threading, unittest.mock

            future = Cf.Future.new_for_task(lambda cancellable: (True, 7))
            with unittest.mock.patch.object(threading.Thread, 'start', side_effect=RuntimeError("can't start new thread")):
                for _ in range(2):
                    try:
                        future.add_done_callback(lambda _: print('not added'))
                    except RuntimeError as error:
                        print(error)
            future.add_done_callback(lambda _: print('added'))
            future.run()
        """)
        self.assertEqual((done.stdout.splitlines(), done.stderr), (["can't start new thread"] * 2 + ['added'], ''))


class ReferenceTest(TestCase):
    def test_result_goes_with_the_future(self):
        future = Cf.Future()
        thing = Thing()
        gone = weakref.ref(thing)
        future.set_result(thing)
        del thing
        self.assertIsNotNone(gone())
        del future
        gc.collect()
        self.assertIsNone(gone())

    def test_weak_reference(self):
        future = Cf.Future()
        gone = weakref.ref(future)
        future.set_result(1)
        future.result()
        del future
        self.assertIsNone(gone())

    def test_no_cycle_with_the_exception(self):
        future = Cf.Future()
        gone = weakref.ref(future)
        future.set_exception(ValueError('x'))
        gc.disable()
        try:
            try:
                future.result()
            except ValueError:
                pass
            del future
            self.assertIsNone(gone())
        finally:
            gc.enable()

    def test_no_cycle_with_an_exception_that_was_waited_for(self):
        """Nor does asking for it add to its traceback."""
        gate = threading.Event()

        def fail():
            gate.wait()
            raise ValueError('x')

        executor = Cf.ThreadPoolExecutor(1)
        future = executor.submit(fail)
        gone = weakref.ref(future)
        gc.disable()
        try:
            threading.Timer(0.05, gate.set).start()
            names = [entry.name for entry in traceback.extract_tb(future.exception(LONG).__traceback__)]
            executor.shutdown()
            del future
            self.assertIsNone(gone())
        finally:
            gc.enable()
        self.assertEqual(names, ['run', 'fail'])

    def test_cycle_is_collected(self):
        future = Cf.Future()
        thing = Thing()
        thing.future = future
        gone = weakref.ref(thing)
        future.set_result(thing)
        del future, thing
        gc.collect()
        self.assertIsNone(gone())

    def test_not_pickled(self):
        self.assertRaises(Exception, pickle.dumps, Cf.Future())


    def test_dropped_before_it_is_done(self):
        for add in (lambda f: f.add_done_callback(print), lambda f: f.add_done_callback(lambda _: f)):
            future = Cf.Future()
            add(future)
            gone = weakref.ref(future)
            del future
            gc.collect()
            self.assertIsNone(gone())


class SignalTest(TestCase):
    def test_done_in_the_main_context(self):
        future = Cf.Future()
        told = []
        future.connect('done', lambda f, *args: told.append((f, args, threading.current_thread())), 'data')
        thread = threading.Thread(target=future.set_result, args=(3,))
        thread.start()
        thread.join()
        self.assertEqual(told, [])
        self.iterate_until(lambda: told)
        self.assertEqual(told, [(future, ('data',), threading.main_thread())])

    def test_dropped_future_keeps_its_result(self):
        results = []
        thing = Thing()

        def make():
            future = Cf.Future()
            future.connect('done', lambda f: results.append(f.result()))
            future.set_result(thing)

        make()
        gc.collect()
        self.iterate_until(lambda: results)
        self.assertIs(results[0], thing)

    def test_connected_after_it_was_done(self):
        future = Cf.Future()
        results = []
        thing = Thing()
        future.set_result(thing)
        future.connect('done', lambda f: results.append(f.result()))
        del future
        gc.collect()
        self.iterate_until(lambda: results)
        self.assertIs(results[0], thing)

    def test_nothing_is_kept_after_it_was_told(self):
        future = Cf.Future()
        gone = weakref.ref(future)
        told = []
        future.connect('done', lambda f: told.append(1))
        future.set_result(None)
        del future
        self.iterate_until(lambda: told)
        while GLib.MainContext.default().iteration(False):
            pass
        gc.collect()
        self.assertIsNone(gone())

    def test_notify_state(self):
        future = Cf.Future()
        states = []
        future.connect('notify::state', lambda f, _pspec: states.append(f.get_property('state')))
        future.set_result(None)
        self.iterate_until(lambda: states)
        self.assertEqual(states, [Cf.FutureState.FINISHED])


class CViewTest(TestCase):
    """What C code sees of a future that Python settled."""

    def test_plain_results(self):
        for result in (True, 5, -(1 << 62), 2.5, 'text'):
            future = Cf.Future()
            future.set_result(result)
            self.assertEqual(future.get_result(0), result)

    def test_results_without_a_type_in_c(self):
        for result in (1 << 80, [1], Thing(), None, 'nul\0'):
            future = Cf.Future()
            future.set_result(result)
            self.assertIsNone(future.get_result(0))
            self.assertIs(future.result(), result)

    def test_exception(self):
        future = Cf.Future()
        future.set_exception(ValueError('boom'))
        with self.assertRaisesRegex(GLib.Error, 'ValueError: boom'):
            future.get_result(0)
        future = Cf.Future()
        error = GLib.Error('gone', 'some-domain', 5)
        future.set_exception(error)
        with self.assertRaises(GLib.Error) as caught:
            future.get_result(0)
        self.assertEqual((caught.exception.domain, caught.exception.code), ('some-domain', 5))
        self.assertIs(future.exception(), error)

    def test_odd_exceptions(self):
        class Odd(Exception):
            def __str__(self):
                raise TypeError

        for error in (Odd(), ValueError('\0\udc80'), ValueError()):
            future = Cf.Future()
            future.set_exception(error)
            self.assertIs(future.exception(), error)

    def test_name(self):
        future = Cf.Future()
        future.props.name = 'nice'
        self.assertEqual(future.props.name, 'nice')


class NamesTest(TestCase):
    def test_exceptions_are_those_of_the_standard_library(self):
        import concurrent.futures.process
        import concurrent.futures.thread
        for name in ('CancelledError', 'TimeoutError', 'InvalidStateError', 'BrokenExecutor',
                     'FIRST_COMPLETED', 'FIRST_EXCEPTION', 'ALL_COMPLETED'):
            self.assertIs(getattr(Cf, name), getattr(concurrent.futures, name))
        self.assertIs(Cf.thread.BrokenThreadPool, concurrent.futures.thread.BrokenThreadPool)
        self.assertIs(Cf.process.BrokenProcessPool, concurrent.futures.process.BrokenProcessPool)
        self.assertIs(Cf.BrokenThreadPool, Cf.thread.BrokenThreadPool)
        self.assertIs(Cf.BrokenProcessPool, Cf.process.BrokenProcessPool)
        self.assertIs(Cf.thread.ThreadPoolExecutor, Cf.ThreadPoolExecutor)
        self.assertIs(Cf.process.ProcessPoolExecutor, Cf.ProcessPoolExecutor)



if __name__ == '__main__':
    main()
