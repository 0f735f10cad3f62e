# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Tasks of different length, each shown as soon as it is done."""

from random import randint
from time import sleep

import gi

gi.require_version('Cf', '1.0')

from gi.repository.Cf import ThreadPoolExecutor, as_completed  # noqa: E402

UNIT = 0.1


def return_after_some_secs(num):
    sleep(randint(1, 5) * UNIT)
    return "Return of {}".format(num)


pool = ThreadPoolExecutor(5)
futures = []
for x in range(5):
    futures.append(pool.submit(return_after_some_secs, x))

for x in as_completed(futures):
    print(x.result())
