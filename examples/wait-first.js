// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* Waits for the first of some calls. */

import Cf from 'gi://Cf';
import GLib from 'gi://GLib';

const PLACE = GLib.Uri.resolve_relative(import.meta.url, 'lib/sleeps.js#returnAfterRandomTime', GLib.UriFlags.NONE);
const STATES = ['pending', 'running', 'finished returned str', 'cancelled'];

function show(futures) {
    return futures.map(future => `<Future state=${STATES[future.get_state()]}>`).join(', ');
}

async function main() {
    const pool = new Cf.ProcessPoolExecutor({max_workers: 5});
    const futures = [0, 1, 2, 3, 4].map(i => pool.submit(PLACE, i));
    const {done, not_done: notDone} = await Cf.wait(futures, {return_when: Cf.FIRST_COMPLETED});

    print(`DoneAndNotDoneFutures(done={${show(done)}}, not_done={${show(notDone)}})`);
    await pool.shutdown();
}

const loop = new GLib.MainLoop(null, false);
main().catch(logError).finally(() => loop.quit());
loop.run();
