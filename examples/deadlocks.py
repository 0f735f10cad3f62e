# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Two programs that hang for ever elsewhere: here one is told why it cannot go on, and the other ends well."""

import time

import gi

gi.require_version('Cf', '1.0')

from gi.repository.Cf import DeadlockError, ThreadPoolExecutor  # noqa: E402

SECONDS = 0.2


def wait_on_b():
    time.sleep(SECONDS)
    print(b.result())
    return 5


def wait_on_a():
    time.sleep(SECONDS)
    print(a.result())
    return 6


executor = ThreadPoolExecutor(max_workers=2)
a = executor.submit(wait_on_b)
b = executor.submit(wait_on_a)

for future in a, b:
    try:
        print(future.result())
    except DeadlockError as error:
        print(error.message)


def wait_on_future():
    f = executor.submit(pow, 5, 2)
    # There is only one thread, and it is here: it does the work itself.
    print(f.result())


executor = ThreadPoolExecutor(max_workers=1)
executor.submit(wait_on_future).result()
