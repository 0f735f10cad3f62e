# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A pool in which one call crashes, one hangs and one ends its process, while 1000 others are computed."""

import os
import signal
import time

import gi

gi.require_version('Cf', '1.0')

from gi.repository.Cf import ProcessPoolExecutor  # noqa: E402

N_CALLS = 1000


def square(n):
    return n * n


def crash():
    os.kill(os.getpid(), signal.SIGSEGV)


def hang():
    while True:
        time.sleep(1)


def leave():
    os._exit(0)


def submit_all(pool):
    """Submits a square for each number, and the bad calls in between."""
    bad = {100: ('crash', crash), 200: ('hang', hang), 300: ('exit', leave)}
    others, bad_ones = [], {}
    for n in range(N_CALLS):
        if n in bad:
            name, function = bad[n]
            bad_ones[name] = pool.submit(function)
            bad_ones[name].props.name = 'the ' + name
        others.append(pool.submit(square, n))
    return others, bad_ones


def main():
    with ProcessPoolExecutor(2, task_timeout=500000) as pool:
        others, bad_ones = submit_all(pool)
        finished = sum(future.result() == n * n for n, future in enumerate(others))
        print(f'{finished} of {N_CALLS} others finished')
        for name, future in bad_ones.items():
            print(f'{name}: {future.exception()}')
        last = pool.submit(square, 12).result()
        print(f'{pool.props.n_deaths} workers died, and the pool is alive: 12 * 12 = {last}')


if __name__ == '__main__':
    main()
