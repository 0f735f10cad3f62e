# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A task that sleeps: is it done right after it was submitted, and some time later?"""

from time import sleep

import gi

gi.require_version('Cf', '1.0')

from gi.repository.Cf import ThreadPoolExecutor  # noqa: E402


def return_within_5_secs(message):
    sleep(4.5)
    return message


pool = ThreadPoolExecutor(3)
future = pool.submit(return_within_5_secs, ("hello"))
print('submit 직후: ', future.done())

sleep(5)

print('5초 지난 후: ', future.done())
print('결과: ', future.result())
