# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Many threads, pools and callbacks at once."""

import threading

from cf_test import Cf, GLib, LONG, TestCase, main

N_THREADS = 8
N_ROUNDS = 150


class StressTest(TestCase):
    def test_threads_pools_and_callbacks(self):
        lock = threading.Lock()
        counts = {'callbacks': 0, 'results': 0}

        def count(what):
            with lock:
                counts[what] += 1

        with Cf.ThreadPoolExecutor(3) as one, Cf.ThreadPoolExecutor(2) as two:
            def again(_future):
                two.submit(int).add_done_callback(lambda f: count('callbacks'))

            def work():
                for i in range(N_ROUNDS):
                    future = one.submit(lambda i=i: two.submit(abs, -i).result())
                    future.add_done_callback(again)
                    if future.result() == i:
                        count('results')

            threads = [threading.Thread(target=work) for _ in range(N_THREADS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(counts['results'], N_THREADS * N_ROUNDS)
        self.assertEqual(counts['callbacks'], N_THREADS * N_ROUNDS)

    def test_signals_while_futures_come_and_go(self):
        """The main context tells of futures that other threads drop."""
        told = []
        n = 1000
        is_over = threading.Event()

        def work():
            while not is_over.is_set():
                for future in [executor.submit(abs, i) for i in range(20)]:
                    future.connect('done', lambda f: None)

        with Cf.ThreadPoolExecutor(2) as executor:
            threads = [threading.Thread(target=work) for _ in range(2)]
            for thread in threads:
                thread.start()
            for i in range(n):
                executor.submit(abs, i).connect('done', lambda f: told.append(f.result()))
                if i % 7 == 0:
                    GLib.MainContext.default().iteration(False)
            self.iterate_until(lambda: len(told) == n)
            is_over.set()
            for thread in threads:
                thread.join()
        self.assertEqual(sorted(told), list(range(n)))

    def test_cancels_race_with_workers(self):
        n_done = 0
        with Cf.ThreadPoolExecutor(4) as executor:
            for _ in range(20):
                futures = [executor.submit(int) for _ in range(50)]
                cancelled = [future.cancel() for future in reversed(futures)]
                Cf.wait(futures)
                for future, was_cancelled in zip(reversed(futures), cancelled):
                    self.assertEqual(future.cancelled(), was_cancelled)
                    n_done += 1
        self.assertEqual(n_done, 1000)

    def test_hand_and_worker_race(self):
        """The first outcome stands."""
        with Cf.ThreadPoolExecutor(2) as executor:
            for _ in range(300):
                future = executor.submit(lambda: 'worker')
                try:
                    future.set_result('hand')
                    expected = 'hand'
                except Cf.InvalidStateError:
                    expected = 'worker'
                self.assertEqual(future.result(LONG), expected)


if __name__ == '__main__':
    main()
