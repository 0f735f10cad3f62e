// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/*
 * Which of these numbers are prime? Elsewhere, threads look at them. JavaScript has but one, and a pool of threads says
 * so; processes it is, then, and all results at once.
 */

import Cf from 'gi://Cf';
import GLib from 'gi://GLib';

import {isPrime} from './lib/primes.js';

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
    try {
        new Cf.ThreadPoolExecutor().map(isPrime, PRIMES);
    } catch (error) {
        printerr(error.message);
    }

    const pool = new Cf.ProcessPoolExecutor();
    const answers = await pool.map(PLACE, PRIMES);

    PRIMES.forEach((number, i) => print(`${number} is prime: ${answers[i] ? 'True' : 'False'}`));
    await pool.shutdown();
}

const loop = new GLib.MainLoop(null, false);
main().catch(logError).finally(() => loop.quit());
loop.run();
