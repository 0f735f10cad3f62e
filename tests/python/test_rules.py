# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The rules of newer versions of concurrent.futures, for threads and processes alike."""

import gc
import itertools
import os
import sys
import tempfile
import threading
import weakref

import process_functions as functions
from cf_test import Cf, LONG, TestCase, main


class Rules:
    """What holds for both kinds of executors; self.executor has two workers."""

    def setUp(self):
        self.executor = self.make(2)

    def tearDown(self):
        self.executor.shutdown()

    def note(self, thing):
        """What says whether something was let go; the thread that settled a future may do so a moment later."""
        let_go = threading.Event()
        self.reference = weakref.ref(thing, lambda _: let_go.set())

        return let_go

    # submit()

    def test_names_of_arguments(self):
        self.assertEqual(self.executor.submit(functions.capture, 1, self=2, fn=3).result(LONG),
                         ((1,), {'self': 2, 'fn': 3}))
        self.assertRaises(TypeError, self.executor.submit)
        self.assertRaises(TypeError, lambda: self.executor.submit(fn=functions.capture))

    def test_number_of_workers(self):
        for n in 0, -1:
            self.assertRaisesRegex(ValueError, 'max_workers must be greater than 0', self.make, n)
        self.assertRaises(TypeError, self.make, '2')
        with self.make(1.5) as executor:
            self.assertEqual(executor.props.max_workers, 2)
            self.assertEqual(executor.submit(pow, 2, 3).result(LONG), 8)

    def test_initializer_is_callable(self):
        self.assertRaisesRegex(TypeError, 'initializer must be a callable', self.make, 1, initializer=1)

    def test_falsy_exceptions(self):
        for kind in functions.Empty, functions.False_:
            future = self.executor.submit(functions.raise_new, kind)
            self.assertIsInstance(future.exception(LONG), kind)
            self.assertRaises(kind, future.result, LONG)
            self.assertRaises(kind, next, self.executor.map(functions.raise_new, [kind]))
            self.assertEqual(Cf.wait([future, Cf.Future()], return_when=Cf.FIRST_EXCEPTION).done, {future})

    def test_falsy_results(self):
        for value in None, 0, '', [], False, float('nan'):
            self.assertEqual(repr(self.executor.submit(functions.same, value).result(LONG)), repr(value))

    def test_no_stale_reference_to_the_function(self):
        """A future that nobody holds, and a worker that rests, keep nothing."""
        owner = functions.Owner()
        let_go = self.note(owner)
        self.executor.submit(owner.work)
        del owner
        self.assertTrue(let_go.wait(LONG))

    # map()

    def test_buffersize_arguments(self):
        for value in 'x', 2.5:
            self.assertRaisesRegex(TypeError, 'buffersize must be an integer or None',
                                   self.executor.map, str, [], buffersize=value)
        for value in 0, -1:
            self.assertRaisesRegex(ValueError, 'buffersize must be None or > 0',
                                   self.executor.map, str, [], buffersize=value)

    def test_buffersize(self):
        for n in 1, 2, 4, 8:
            self.assertEqual(list(self.executor.map(str, range(4), buffersize=n)), ['0', '1', '2', '3'])
            self.assertEqual(list(self.executor.map(pow, range(4), range(4), buffersize=n)), [1, 1, 4, 27])

    def test_buffersize_with_endless_iterators(self):
        results = self.executor.map(pow, itertools.count(), itertools.repeat(2), buffersize=2)
        self.assertEqual([next(results) for _ in range(4)], [0, 1, 4, 9])

    def test_buffersize_with_chunks_of_an_endless_iterator(self):
        results = self.executor.map(abs, itertools.count(), chunksize=3, buffersize=4)
        self.assertEqual([next(results) for _ in range(10)], list(range(10)))
        results.close()

    def test_nothing_to_map(self):
        for n in None, 2:
            self.assertEqual(list(self.executor.map(str, [], buffersize=n)), [])
            self.assertEqual(list(self.executor.map(str, buffersize=n)), [])

    def test_only_as_much_as_the_buffer_is_taken(self):
        taken = []
        results = self.executor.map(abs, (taken.append(i) or i for i in itertools.count()), buffersize=3)
        self.assertEqual(taken, [0, 1, 2])
        next(results)
        self.assertEqual(taken, [0, 1, 2, 3])

    def test_submitted_without_iteration(self):
        results = self.executor.map(abs, range(-5, 0))
        self.executor.shutdown()
        self.assertEqual(list(results), [5, 4, 3, 2, 1])

    def test_dropped_executor_computes_the_results(self):
        executor = self.make(2)
        results = executor.map(abs, range(-5, 0))
        del executor
        self.assertEqual(list(results), [5, 4, 3, 2, 1])

    def test_dropped_executor_while_the_buffer_is_refilled(self):
        executor = self.make(2)
        results = executor.map(abs, range(-5, 0), buffersize=2)
        del executor
        gc.collect()
        self.assertRaisesRegex(RuntimeError, 'cannot schedule new futures after shutdown', list, results)

    def test_goes_on_after_an_exception(self):
        for sizes in {}, {'buffersize': 1}, {'chunksize': 2}, {'chunksize': 2, 'buffersize': 3}:
            results = self.executor.map(divmod, [4, 4, 4, 4], [2, 0, 1, 4], **sizes)
            self.assertEqual(next(results), (2, 0))
            self.assertRaises(ZeroDivisionError, next, results)
            self.assertEqual(list(results), [(4, 0), (1, 0)])

    def test_stop_iteration_does_not_end_the_results(self):
        for chunksize in 1, 2:
            results = self.executor.map(next, [iter([1]), iter([]), iter([3])], chunksize=chunksize)
            self.assertEqual(next(results), 1)
            with self.assertRaisesRegex(RuntimeError, 'StopIteration') as caught:
                next(results)
            self.assertIsInstance(caught.exception.__cause__, StopIteration)
            self.assertEqual(list(results), [3])

    def test_iterator_that_fails(self):
        def items():
            yield 1
            raise KeyError('items')

        self.assertRaises(KeyError, self.executor.map, abs, items())
        results = self.executor.map(abs, items(), buffersize=1)
        self.assertRaises(KeyError, next, results)
        self.assertRaises(StopIteration, next, results)

    def test_no_reference_to_what_was_yielded(self):
        for sizes in {}, {'buffersize': 3}, {'chunksize': 4}:
            for result in self.executor.map(functions.make_owner, range(10), **sizes):
                let_go = self.note(result)
                del result
                self.assertTrue(let_go.wait(LONG))

    # wait() and as_completed()

    def test_any_iterable_of_the_same_future(self):
        future = self.executor.submit(abs, -1)
        self.assertEqual(list(Cf.as_completed(itertools.repeat(future, 3), LONG)), [future])
        self.assertEqual(Cf.wait(iter([future, future])), ({future}, set()))

    def test_no_reference_to_what_completed(self):
        futures = [self.executor.submit(functions.make_owner, i) for i in range(8)]
        for future in Cf.as_completed(futures, LONG):
            futures.remove(future)
            let_go = self.note(future)
            del future
            self.assertTrue(let_go.wait(LONG))

    def test_all_done_at_once(self):
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            futures = {self.executor.submit(abs, i) for i in range(100)}
            self.assertEqual(Cf.wait(futures).done, futures)
        finally:
            sys.setswitchinterval(interval)

    # shutdown()

    def test_refuses_after_shutdown(self):
        self.executor.shutdown()
        self.executor.shutdown(wait=False, cancel_futures=True)
        for call in (self.executor.submit, abs, -1), (self.executor.map, abs, [1]), (self.executor.map, abs, [1], [2]):
            self.assertRaisesRegex(RuntimeError, 'cannot schedule new futures after shutdown', *call)

    def test_cancelled_just_before(self):
        self.executor.submit(int).result(LONG)
        self.executor.submit(int).cancel()
        self.executor.shutdown()

    def test_every_future_is_done_after_it(self):
        futures = [self.executor.submit(abs, i) for i in range(200)]
        self.executor.shutdown(cancel_futures=True)
        self.assertTrue(all(future.done() for future in futures))
        self.assertTrue(all(future.exception() is None for future in futures if not future.cancelled()))

    def test_exception_leaves_the_with_block(self):
        with self.assertRaises(KeyError), self.make(1) as executor:
            future = executor.submit(abs, -3)
            raise KeyError('block')
        self.assertEqual(future.result(0), 3)


class ThreadRules(Rules, TestCase):
    make = Cf.ThreadPoolExecutor

    def test_no_more_threads_than_needed(self):
        for _ in range(3):
            self.executor.submit(abs, -1).result(LONG)
        self.assertEqual(self.executor.props.n_workers, 1)

    def test_saturation(self):
        gate = threading.Semaphore(0)
        for _ in range(30):
            self.executor.submit(gate.acquire)
        self.assertEqual(self.executor.props.n_workers, 2)
        gate.release(30)

    def test_time_out_cancels_what_waits(self):
        """Of map(); that of its turn, too."""
        gate = threading.Event()
        ran = []
        with Cf.ThreadPoolExecutor(1) as executor:
            first = executor.submit(gate.wait)
            results = executor.map(ran.append, [1, 2], timeout=0)
            self.assertRaises(Cf.TimeoutError, next, results)
            gate.set()
            self.assertTrue(first.result(LONG))
        self.assertEqual(ran, [])

    def test_fork_in_a_worker(self):
        """The child has no workers to wait for."""
        def fork():
            child = os.fork()
            if child == 0:
                os._exit(7)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        self.assertEqual(self.executor.submit(fork).result(LONG), 7)


class ProcessRules(Rules, TestCase):
    make = Cf.ProcessPoolExecutor

    def test_chunksize(self):
        self.assertRaisesRegex(ValueError, 'chunksize must be >= 1', self.executor.map, abs, [1], chunksize=0)
        for n in 3, 10, 50:
            self.assertEqual(list(self.executor.map(pow, range(10), [2] * 10, chunksize=n)),
                             [i * i for i in range(10)])

    def test_tasks_per_child(self):
        """A worker that has done its share is replaced, also with work queued, and after a shutdown."""
        executor = Cf.ProcessPoolExecutor(2, max_tasks_per_child=2)
        futures = [executor.submit(os.getpid) for _ in range(8)]
        executor.shutdown()
        pids = [future.result() for future in futures]
        self.assertTrue(all(pids.count(pid) <= 2 for pid in pids), pids)

    def test_tasks_per_child_after_the_pool_was_dropped(self):
        executor = Cf.ProcessPoolExecutor(1, max_tasks_per_child=1)
        futures = [executor.submit(abs, -i) for i in range(3)]
        del executor
        self.assertEqual([future.result(LONG) for future in futures], [0, 1, 2])

    def test_ending_workers_that_never_started(self):
        for end in 'terminate_workers', 'kill_workers':
            with Cf.ProcessPoolExecutor(1) as executor:
                getattr(executor, end)()
                self.assertRaises(RuntimeError, executor.submit, int)

    def test_ending_workers_that_are_dead(self):
        for end in 'terminate_workers', 'kill_workers':
            with Cf.ProcessPoolExecutor(1, worker_death_policy=Cf.WorkerDeathPolicy.BREAK) as executor:
                self.assertIsInstance(executor.submit(functions.die).exception(LONG), Cf.BrokenProcessPool)
                getattr(executor, end)()

    def test_arguments_are_let_go_in_the_worker(self):
        self.assertTrue(self.executor.submit(functions.note_owner, functions.Owner()).result(LONG))
        with Cf.ProcessPoolExecutor(1) as executor:
            executor.submit(functions.note_owner, functions.Owner()).result(LONG)
            self.assertTrue(executor.submit(functions.owner_is_gone).result(LONG))

    def test_one_exception_for_each_future(self):
        """A shared one would gather the tracebacks of all who ask."""
        with tempfile.TemporaryDirectory() as folder, \
                Cf.ProcessPoolExecutor(1, worker_death_policy=Cf.WorkerDeathPolicy.BREAK) as executor:
            gate = os.path.join(folder, 'gate')
            os.mkfifo(gate)
            futures = [executor.submit(functions.die_after, gate), executor.submit(int), executor.submit(int)]
            open(gate, 'w').close()
            errors = [future.exception(LONG) for future in futures]
        self.assertEqual(len({id(error) for error in errors}), 3)
        self.assertTrue(all(isinstance(error, Cf.BrokenProcessPool) for error in errors), errors)

    def test_death_with_large_arguments(self):
        with Cf.ProcessPoolExecutor(2, worker_death_policy=Cf.WorkerDeathPolicy.BREAK) as executor:
            with self.assertRaises(Cf.BrokenProcessPool):
                list(executor.map(functions.die_with, ['a' * (1 << 22)] * 10))

    def test_shutdown_after_what_cannot_be_pickled(self):
        future = self.executor.submit(id, functions.FailsToPickle())
        self.executor.shutdown(wait=False)
        self.assertIsInstance(future.exception(LONG), ValueError)


if __name__ == '__main__':
    main()
