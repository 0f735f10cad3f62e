// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* Which of these numbers are prime? Each is looked at in a process of its own. */

import Cf from 'gi://Cf';
import GLib from 'gi://GLib';

const PLACE = GLib.Uri.resolve_relative(import.meta.url, 'lib/primes.js#isPrime', GLib.UriFlags.NONE);
const PRIMES = [
    112272535095293,
    112582705942171,
    112272535095293,
    115280095190773,
    115797848077099,
    1099726899285419,
];

async function main() {
    const pool = new Cf.ProcessPoolExecutor();
    let i = 0;

    for await (const prime of pool.map(PLACE, PRIMES))
        print(`${PRIMES[i++]} is prime: ${prime ? 'True' : 'False'}`);
    await pool.shutdown();
}

const loop = new GLib.MainLoop(null, false);
main().catch(logError).finally(() => loop.quit());
loop.run();
