// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* A pool in which one call crashes, one hangs and one ends its process, while 1000 others are computed. */

import Cf from 'gi://Cf';
import GLib from 'gi://GLib';

const MODULE = GLib.Uri.resolve_relative(import.meta.url, 'lib/crashes.js', GLib.UriFlags.NONE);
const N_CALLS = 1000;

const pool = new Cf.ProcessPoolExecutor({max_workers: 2, task_timeout: 500000});
const bad = {};
const futures = [];

function submitBad(name, label) {
    bad[name] = pool.submit({function: `${MODULE}#${name}`, name: label});
}

for (let i = 0; i < N_CALLS; i++) {
    if (i === 100)
        submitBad('crash', 'the crash');
    if (i === 200)
        submitBad('hang', 'the hang');
    if (i === 300)
        submitBad('exit', 'the exit');
    futures.push(pool.submit(`${MODULE}#square`, i));
}

async function main() {
    const squares = await Promise.all(futures);

    print(`${squares.filter((square, i) => square === i * i).length} of ${N_CALLS} others finished`);
    for (const [name, future] of Object.entries(bad)) {
        try {
            await future;
            print(`${name}: no failure?`);
        } catch (error) {
            print(`${name}: ${error.message}`);
        }
    }

    const last = await pool.submit(`${MODULE}#square`, 12);

    print(`${pool.n_deaths} workers died, and the pool is alive: 12 * 12 = ${last}`);
    await pool.shutdown();
}

const loop = new GLib.MainLoop(null, false);
main().catch(logError).finally(() => loop.quit());
loop.run();
