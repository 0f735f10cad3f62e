# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The same in a process: five seconds later the task, which had to wait for its worker to start, still sleeps."""

from time import sleep

import gi

gi.require_version('Cf', '1.0')

from gi.repository.Cf import ProcessPoolExecutor  # noqa: E402


def return_after_5_secs(message):
    sleep(5.5)
    return message


# A worker imports this file, too: there, nothing of this is to happen.
if __name__ == '__main__':
    pool = ProcessPoolExecutor(3)
    future = pool.submit(return_after_5_secs, ("hello"))
    print('submit 직후: ', future.done())

    sleep(5)

    print('5초 지난 후: ', future.done())
    print('결과: ', future.result())
