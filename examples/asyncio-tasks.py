# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Futures of threads and of processes in asyncio, beside what it does itself."""

import asyncio
import math

import gi

gi.require_version('Cf', '1.0')

from gi.repository import Cf  # noqa: E402


def count_divisors(n):
    return sum(1 for i in range(1, n + 1) if n % i == 0)


async def tick(ticks):
    while True:
        ticks.append(len(ticks))
        await asyncio.sleep(0.01)


async def main():
    ticks = []
    ticker = asyncio.create_task(tick(ticks))

    with Cf.ThreadPoolExecutor(2) as threads, Cf.ProcessPoolExecutor(2) as processes:
        print('a thread says', await threads.submit(math.factorial, 10))

        loop = asyncio.get_running_loop()
        numbers = [360360, 720720, 1000000]
        counts = await asyncio.gather(*[loop.run_in_executor(processes, count_divisors, n) for n in numbers])
        for n, count in zip(numbers, counts):
            print(f'{n} has {count} divisors')

        try:
            await threads.submit(divmod, 1, 0)
        except ZeroDivisionError as error:
            print('an exception comes through:', error)

    ticker.cancel()
    print('meanwhile the loop went on:', len(ticks) > 1)


if __name__ == '__main__':
    asyncio.run(main())
