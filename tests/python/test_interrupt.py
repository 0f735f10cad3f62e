# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Ctrl-C wherever the interpreter looks for it: after a call, at the start of a function, and in a loop."""

import dis
import sys
import threading
import unittest.mock

from cf_test import Cf, LONG, TestCase, main

MODULES = ('Cf.py', 'threads.py', 'future.py', 'callbacks.py', 'waiting.py')
LOOKS = ('CALL', 'RESUME', 'JUMP_BACKWARD', 'POP_JUMP_BACKWARD')


class CtrlC(KeyboardInterrupt):
    pass


def press_ctrl_c():
    raise CtrlC


class Interrupter:
    """Calls a handler in the n-th such place of the modules."""

    def __init__(self, n, handler):
        self.n_left = n
        self.handler = handler
        self.last = {}

    def trace(self, frame, event, _argument):
        code = frame.f_code
        # What C calls hears of no exception.
        if not code.co_filename.endswith(MODULES) or code.co_name == '_notify':
            return None
        frame.f_trace_opcodes = True
        if event == 'opcode':
            before = self.last.get(frame, '')
            self.last[frame] = dis.opname[code.co_code[frame.f_lasti]]
            if before.startswith(LOOKS):
                self.pass_one()

        return self.trace

    def pass_one(self):
        self.n_left -= 1
        if self.n_left == 0:
            self.handler()

    def call(self, function):
        outer = sys.gettrace()
        sys.settrace(self.trace)
        try:
            function()
        except CtrlC:
            pass
        finally:
            sys.settrace(outer)
            self.last.clear()


class InterruptTest(TestCase):
    def sweep(self, attempt, handler=press_ctrl_c):
        """Interrupt what attempt (call) calls with call, once in each place."""
        n = 0
        was_interrupted = True
        while was_interrupted:
            n += 1
            interrupter = Interrupter(n, handler)
            with self.subTest(n=n):
                attempt(interrupter.call)
            # Not so once there is no such place.
            was_interrupted = interrupter.n_left <= 0
        self.assertGreater(n, 5)

    def check_idle(self, executor):
        """Nothing is left behind."""
        self.assertEqual(executor.submit(abs, -3).result(LONG), 3)
        self.assertEqual(executor.props.n_pending, 0)

    def test_submit(self):
        def attempt(call):
            ran = []
            call(lambda: executor.submit(ran.append, 1))
            self.check_idle(executor)
            self.assertLessEqual(len(ran), 1)

        with Cf.ThreadPoolExecutor(1) as executor:
            executor.submit(int).result(LONG)
            self.sweep(attempt)

    def test_first_submit(self):
        def attempt(call):
            with Cf.ThreadPoolExecutor(1) as executor:
                call(lambda: executor.submit(int))
                self.check_idle(executor)
            self.assertEqual(executor.props.n_workers, 0)

        self.sweep(attempt)

    def hold(self, executor):
        """Let the worker stand at a gate."""
        gate, started = threading.Event(), threading.Event()
        future = executor.submit(lambda: (started.set(), gate.wait(LONG)))
        self.addCleanup(gate.set)
        self.assertTrue(started.wait(LONG))

        return gate, future

    def test_cancel(self):
        def attempt(call):
            gate, _first = self.hold(executor)
            called = []
            future = executor.submit(int)
            future.add_done_callback(called.append)
            call(future.cancel)
            self.assertTrue(future.cancel())
            gate.set()
            self.check_idle(executor)
            self.assertEqual(called, [future])
            self.assertEqual(Cf.wait([future], LONG).done, {future})

        with Cf.ThreadPoolExecutor(1) as executor:
            self.sweep(attempt)

    def test_shutdown(self):
        """What was to be cancelled is cancelled, or runs: nobody waits for it in vain."""
        def attempt(call):
            executor = Cf.ThreadPoolExecutor(1)
            gate, first = self.hold(executor)
            called = []
            futures = [executor.submit(abs, -i) for i in range(3)]
            for future in futures:
                future.add_done_callback(called.append)
            # Where C calls, it is only printed.
            with unittest.mock.patch.object(sys, 'excepthook'):
                call(lambda: executor.shutdown(wait=False, cancel_futures=True))
            gate.set()
            executor.shutdown()
            self.assertEqual(Cf.wait(futures, LONG).done, set(futures))
            self.assertTrue(first.result(0))
            self.assertEqual((executor.props.n_pending, executor.props.n_workers), (0, 0))
            self.assertEqual(len(called), len(set(called)))

        self.sweep(attempt)

    def test_shutdown_at_rest(self):
        """No worker is left asleep."""
        def attempt(call):
            executor = Cf.ThreadPoolExecutor(2)
            self.check_idle(executor)
            with unittest.mock.patch.object(sys, 'excepthook'):
                call(lambda: executor.shutdown(wait=False))
            executor.shutdown()
            self.assertEqual(executor.props.n_workers, 0)

        self.sweep(attempt)

    def test_settling(self):
        """Done it is, or still to be settled."""
        error = ValueError('x')
        for settle, get in ((lambda future: future.set_result('value'), lambda future: future.result(0) == 'value'),
                            (lambda future: future.set_exception(error), lambda future: future.exception(0) is error)):
            def attempt(call, settle=settle, get=get):
                future = Cf.Future()
                call(lambda: settle(future))
                if not future.done():
                    settle(future)
                self.assertTrue(get(future))
                self.assertRaises(Cf.InvalidStateError, settle, future)

            self.sweep(attempt)

    def test_handler_that_asks(self):
        """The handler of a signal asks for what this very thread settles."""
        futures = []

        def ask():
            if futures[-1].done():
                seen.append(futures[-1].result(0))

        def attempt(call):
            futures.append(Cf.Future())
            call(lambda: futures[-1].set_result('value'))
            self.assertEqual(futures[-1].result(0), 'value')

        seen = []
        self.sweep(attempt, ask)
        self.assertEqual(set(seen), {'value'})

    def test_callbacks(self):
        """They are called, unless it comes before the first."""
        def attempt(call):
            called = []
            future = Cf.Future()
            for _ in range(3):
                future.add_done_callback(called.append)
            call(lambda: future.set_result(1))
            if future.done():
                self.assertIn(len(called), (0, 3))

        self.sweep(attempt)


if __name__ == '__main__':
    main()
