# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Futures in asyncio."""

import asyncio
import threading

from cf_test import Cf, LONG, TestCase, main


class AsyncioTest(TestCase):
    def setUp(self):
        self.executor = Cf.ThreadPoolExecutor(2)

    def tearDown(self):
        self.executor.shutdown()

    async def wait_for(self, future):
        return await future

    def run_async(self, function):
        return asyncio.run(asyncio.wait_for(function(), LONG))

    def test_await(self):
        async def work():
            return await self.executor.submit(pow, 2, 3), await self.executor.submit(str, 5)

        self.assertEqual(self.run_async(work), (8, '5'))

    def test_await_of_a_done_one(self):
        async def work():
            future = Cf.Future()
            future.set_result('done')
            return await future

        self.assertEqual(self.run_async(work), 'done')

    def test_exception(self):
        error = ValueError('x')

        def fail():
            raise error

        async def work():
            with self.assertRaises(ValueError) as caught:
                await self.executor.submit(fail)
            return caught.exception

        self.assertIs(self.run_async(work), error)

    def test_run_in_executor(self):
        async def work():
            loop = asyncio.get_running_loop()
            return await asyncio.gather(*[loop.run_in_executor(self.executor, abs, -i) for i in range(100)])

        self.assertEqual(self.run_async(work), list(range(100)))

    def test_default_executor(self):
        async def work():
            loop = asyncio.get_running_loop()
            loop.set_default_executor(Cf.ThreadPoolExecutor(1))
            return await asyncio.to_thread(abs, -4)

        self.assertEqual(self.run_async(work), 4)

    def test_wrap_future(self):
        async def work():
            future = Cf.Future()
            wrapped = asyncio.wrap_future(future)
            threading.Thread(target=future.set_result, args=(9,)).start()
            return await wrapped

        self.assertEqual(self.run_async(work), 9)

    def test_settled_by_c(self):
        async def work():
            future = Cf.Future.new_for_task(lambda cancellable: (True, 6))
            threading.Thread(target=future.run).start()
            return await future

        self.assertEqual(self.run_async(work), 6)

    def test_cancelling_the_await_cancels_what_is_queued(self):
        gate = threading.Event()

        async def work():
            running = [self.executor.submit(gate.wait) for _ in range(2)]
            queued = self.executor.submit(int)
            task = asyncio.ensure_future(asyncio.wrap_future(queued))
            await asyncio.sleep(0)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
            # The cancel is handed on by the loop.
            await asyncio.sleep(0)
            gate.set()
            await asyncio.gather(*running)
            return queued.cancelled()

        self.assertTrue(self.run_async(work))

    def test_cancelling_the_coroutine_cancels_what_is_queued(self):
        gate = threading.Event()

        async def work():
            running = [self.executor.submit(gate.wait) for _ in range(2)]
            queued = self.executor.submit(int)
            tasks = [asyncio.ensure_future(self.wait_for(future)) for future in [*running, queued]]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            gate.set()
            return [type(o) for o in outcomes], queued.cancelled(), [future.result(LONG) for future in running]

        self.assertEqual(self.run_async(work), ([asyncio.CancelledError] * 3, True, [True, True]))

    def test_await_of_a_cancelled_one(self):
        async def work():
            early, late = Cf.Future(), Cf.Future()
            early.cancel()
            task = asyncio.ensure_future(self.wait_for(late))
            await asyncio.sleep(0)
            late.cancel()
            return [type(o) for o in await asyncio.gather(self.wait_for(early), task, return_exceptions=True)]

        self.assertEqual(self.run_async(work), [asyncio.CancelledError] * 2)

    def test_done_after_the_loop_is_closed(self):
        future = Cf.Future()

        loop = asyncio.new_event_loop()
        coroutine = self.wait_for(future)
        task = loop.create_task(coroutine)
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        with self.assertNoLogs('concurrent.futures'):
            future.set_result(1)
        self.assertFalse(task.done())
        task._log_destroy_pending = False
        coroutine.close()

    def test_submitted_from_a_thread(self):
        async def answer():
            return 5

        async def work():
            loop = asyncio.get_running_loop()
            return await self.executor.submit(lambda: asyncio.run_coroutine_threadsafe(answer(), loop).result(LONG))

        self.assertEqual(self.run_async(work), 5)


if __name__ == '__main__':
    main()
