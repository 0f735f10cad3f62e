# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Worker programs that break the protocol: their calls fail and say so, whatever the mistake."""

import os
import sys

from gi.module import get_introspection_module

from cf_test import Cf, GLib, LONG, TestCase, main

WORKER = os.path.join(os.path.dirname(__file__), 'bad_worker.py')


class ProtocolTest(TestCase):
    def call(self, what):
        """The future of a call to a worker that does this with it; C's own pool, not that of Python."""
        pool = get_introspection_module('Cf').ProcessPoolExecutor(max_workers=1, worker_argv=[sys.executable, WORKER, what])
        self.addCleanup(pool.shutdown)

        return pool.submit_named('f', None)

    def check_mistake(self, what, code, text):
        future = self.call(what)
        with self.assertRaises(GLib.Error) as raised:
            get_introspection_module('Cf').Future.dup_variant(future, LONG * 1000000)
        self.assertTrue(raised.exception.matches(Cf.executor_error_quark(), code), raised.exception.message)
        self.assertIn('broke the protocol', raised.exception.message)
        self.assertIn(text, raised.exception.message)

    def test_right(self):
        result = get_introspection_module('Cf').Future.dup_variant(self.call('do_right'), LONG * 1000000)
        self.assertEqual(result.get_int64(), 7)

    def test_number_that_was_not_given(self):
        self.check_mistake('answer_another', Cf.ExecutorError.WORKER_DIED, 'kind 4')

    def test_no_number(self):
        self.check_mistake('answer_none', Cf.ExecutorError.WORKER_DIED, 'kind 4')

    def test_second_hello(self):
        self.check_mistake('say_hello_again', Cf.ExecutorError.WORKER_DIED, 'kind 1')

    def test_call(self):
        self.check_mistake('call_the_parent', Cf.ExecutorError.WORKER_DIED, 'kind 3')

    def test_answer_before_it_is_ready(self):
        self.check_mistake('answer_before_it_is_ready', Cf.ExecutorError.BROKEN, 'call 77')


if __name__ == '__main__':
    main()
