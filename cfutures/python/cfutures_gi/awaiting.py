# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Waiting in a coroutine: like asyncio.wrap_future(), with one future of the loop that says no more than "done"."""

import functools


def wait(future):
    """What awaits a future. Raises what the call raised, and asyncio.CancelledError if it is cancelled."""
    # An import of its own, as most programs that use futures do not use asyncio.
    import asyncio

    if not future.done():
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        future.add_done_callback(functools.partial(_call_loop, loop, waiter))
        try:
            yield from waiter
        except asyncio.CancelledError:
            future.cancel()
            raise
    if future.cancelled():
        raise asyncio.CancelledError()

    return future.result()


def _call_loop(loop, waiter, _future):
    """From the thread that settles the future; the loop may be gone by then."""
    try:
        loop.call_soon_threadsafe(_wake, waiter)
    except RuntimeError:
        if not loop.is_closed():
            raise


def _wake(waiter):
    if not waiter.done():
        waiter.set_result(None)
