# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Work in threads for a program with a main loop, which nothing here blocks."""

from time import sleep

import gi

gi.require_version('Cf', '1.0')

from gi.repository import GLib  # noqa: E402
from gi.repository.Cf import ThreadPoolExecutor  # noqa: E402


def square(n):
    sleep(0.1)
    return f'{n} * {n} = {n * n}'


loop = GLib.MainLoop()
pool = ThreadPoolExecutor(1)
left = 3


def on_done(future):
    """Runs in the main loop; the future is done, so nothing waits here."""
    global left
    print(future.result())
    left -= 1
    if left == 0:
        loop.quit()


for n in 1, 2, 3:
    # The handler keeps the future until it was called.
    pool.submit(square, n).connect('done', on_done)
print('the main loop runs')
loop.run()
pool.shutdown()
print('the pool is shut down')
