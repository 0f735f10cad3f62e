# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Cf beside concurrent.futures, in one run: prints both, and how many times faster ours is.

The two take turns, and the best of some rounds counts. An argument says how many rounds (3).
"""

import asyncio
import concurrent.futures
import multiprocessing
import sys
import time

import gi

gi.require_version('Cf', '1.0')

from gi.repository import Cf  # noqa: E402

MODULES = {'stdlib': concurrent.futures, 'Cf': Cf}


def nothing():
    pass


def flood(executor, n):
    futures = [executor.submit(nothing) for _ in range(n)]
    for future in futures:
        future.result()


def ping_pong(executor, n):
    for _ in range(n):
        executor.submit(nothing).result()


def map_all(executor, n):
    for _ in executor.map(abs, range(n)):
        pass


def await_each(executor, n):
    async def main():
        loop = asyncio.get_running_loop()
        for _ in range(n):
            await loop.run_in_executor(executor, nothing)

    asyncio.run(main())


def await_futures(executor, n):
    wrap = (lambda future: future) if isinstance(executor, Cf.Executor) else asyncio.wrap_future

    async def main():
        for _ in range(n):
            await wrap(executor.submit(nothing))

    asyncio.run(main())


def await_all(executor, n):
    async def main():
        loop = asyncio.get_running_loop()
        await asyncio.gather(*[loop.run_in_executor(executor, nothing) for _ in range(n)])

    asyncio.run(main())


def as_completed_all(executor, n):
    module = Cf if isinstance(executor, Cf.Executor) else concurrent.futures
    for _ in module.as_completed([executor.submit(nothing) for _ in range(n)]):
        pass


def measure(make, work, n, rounds):
    """Tasks in a second, the best of some rounds, of each module."""
    best = dict.fromkeys(MODULES, 0.0)
    for _ in range(rounds):
        for name, module in MODULES.items():
            with make(module) as executor:
                executor.submit(nothing).result()
                start = time.perf_counter()
                work(executor, n)
                best[name] = max(best[name], n / (time.perf_counter() - start))

    return best


def report(title, best):
    print(f'{title:32} {best["stdlib"]:10.0f}/s {best["Cf"]:10.0f}/s {best["Cf"] / best["stdlib"]:6.2f}x', flush=True)


def start_pools(rounds):
    best = dict.fromkeys(MODULES, 0.0)
    for _ in range(rounds):
        for name in MODULES:
            start = time.perf_counter()
            with make_processes(MODULES[name]) as executor:
                executor.submit(nothing).result()
                best[name] = max(best[name], 1 / (time.perf_counter() - start))

    return best


def make_processes(module):
    if module is Cf:
        return Cf.ProcessPoolExecutor(2)

    # A server of an earlier round would have started already.
    from multiprocessing import forkserver
    forkserver._forkserver._stop()

    return concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context('forkserver'))


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(f'{"":32} {"stdlib":>12} {"Cf":>12}')
    for n_workers in (1, 2, 3, 4, 5, 6, 7, 8):
        report(f'threads, flood, {n_workers} workers',
               measure(lambda module: module.ThreadPoolExecutor(n_workers), flood, 20000, rounds))
    for title, work, n in (('ping-pong', ping_pong, 3000), ('map', map_all, 10000),
                           ('as_completed', as_completed_all, 5000), ('run_in_executor one by one', await_each, 2000),
                           ('await one by one', await_futures, 2000), ('await all', await_all, 3000)):
        report(f'threads, {title}', measure(lambda module: module.ThreadPoolExecutor(2), work, n, rounds))
    for title, work, n in (('flood', flood, 8000), ('round trip', ping_pong, 1000), ('await all', await_all, 2000)):
        report(f'processes, {title}', measure(make_processes, work, n, rounds))
    report('processes, start', start_pools(rounds))


if __name__ == '__main__':
    main()
