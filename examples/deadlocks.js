// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/*
 * Two programs that hang for ever elsewhere. Here of two functions that wait for each other, which block nobody, one
 * gives up in time, and the other hears of it; and a worker that needs another one starts it.
 */

import Cf from 'gi://Cf';
import GLib from 'gi://GLib';

const PLACE = GLib.Uri.resolve_relative(import.meta.url, 'lib/powers.js#waitOnFuture', GLib.UriFlags.NONE);
const LIMIT = 200000;

/* The future of an async function that runs in this main loop. */
function start(name, fn) {
    const future = new Cf.Future({name});

    future.set_running_or_notify_cancel();
    fn().then(value => future.set_result(value), error => future.set_exception(error));

    return future;
}

async function waitOnB() {
    print(await b.wait_async({timeout: LIMIT}));

    return 5;
}

async function waitOnA() {
    await null; // Now there is a.
    print(await a.wait_async({timeout: 2 * LIMIT}));

    return 6;
}

let a = null;
let b = null;

async function waitForEachOther() {
    b = start('waitOnA', waitOnA);
    a = start('waitOnB', waitOnB);
    for (const future of [a, b]) {
        try {
            print(await future);
        } catch (error) {
            print(`${future.name} failed: ${error.message}`);
        }
    }
}

/* The pool has one worker, and that is busy with the function that waits: for a pool of its own. */
async function waitInPoolOfOne() {
    const pool = new Cf.ProcessPoolExecutor({max_workers: 1});

    print(await pool.submit(PLACE, 5, 2));
    await pool.shutdown();
}

async function main() {
    await waitForEachOther();
    await waitInPoolOfOne();
}

const loop = new GLib.MainLoop(null, false);
main().catch(logError).finally(() => loop.quit());
loop.run();
