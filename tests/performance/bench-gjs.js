// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/*
 * Calls of JavaScript functions in other processes: how long one takes there and back, how many there are in a second,
 * what starting costs, and what is won. Beside it, the same with the worker_threads of node, if that is there, whose
 * workers are threads with no process around them.
 */

import Cf from 'gi://Cf';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

import {compute, echo} from './lib/calls.js';

const MODULE = GLib.Uri.resolve_relative(import.meta.url, 'lib/calls.js', GLib.UriFlags.NONE);
const [N_TRIPS, N_CALLS, N_ITEMS, N_JOBS, ROUNDS] = [1000, 10000, 50000, 16, 4e6];
const BYTES = new Uint8Array(1 << 20).fill(65);

/* The middle of several times, in microseconds each. */
async function measure(fn, n, repeat = 3) {
    const times = [];

    for (let i = 0; i < repeat; i++) {
        const begin = GLib.get_monotonic_time();

        await fn();
        times.push((GLib.get_monotonic_time() - begin) / n);
    }

    return times.sort((a, b) => a - b)[Math.floor(repeat / 2)];
}

function make(n) {
    return Array.from({length: n}, (_, i) => i);
}

async function trips(pool, value, n) {
    for (let i = 0; i < n; i++)
        await pool.submit(`${MODULE}#echo`, value);
}

async function start() {
    const pool = new Cf.ProcessPoolExecutor({max_workers: 1});

    await pool.submit(`${MODULE}#echo`, 1);
    await pool.shutdown();
}

async function measureCfutures() {
    const pool = new Cf.ProcessPoolExecutor({max_workers: 2});

    await Promise.all(make(4).map(i => pool.submit(`${MODULE}#compute`, 1e6 + i)));
    const result = {
        'start to first result': await measure(start, 1),
        'round trip': await measure(() => trips(pool, 1, N_TRIPS), N_TRIPS),
        'round trip, 1 MiB': await measure(() => trips(pool, BYTES, 20), 20),
        'call, many at once': await measure(() => Promise.all(make(N_CALLS).map(i => pool.submit(`${MODULE}#echo`, i))), N_CALLS),
        'item of a map, chunks of 500': await measure(() => pool.map(`${MODULE}#echo`, make(N_ITEMS), {chunksize: 500}), N_ITEMS),
        'work': await measure(() => pool.map(`${MODULE}#compute`, make(N_JOBS).map(() => ROUNDS)), N_JOBS),
    };

    await pool.shutdown();

    return result;
}

async function measureHere() {
    return {
        'call, many at once': await measure(() => make(N_CALLS).map(echo), N_CALLS),
        'work': await measure(() => make(N_JOBS).map(() => compute(ROUNDS)), N_JOBS),
    };
}

function measureNode() {
    if (GLib.find_program_in_path('node') === null)
        return {};

    const [path] = GLib.filename_from_uri(GLib.Uri.resolve_relative(import.meta.url, 'bench-node.cjs', GLib.UriFlags.NONE));
    const counts = JSON.stringify({N_TRIPS, N_CALLS, N_ITEMS, N_JOBS, ROUNDS});
    const process = Gio.Subprocess.new(['node', path, counts], Gio.SubprocessFlags.STDOUT_PIPE);
    const [, output] = process.communicate_utf8(null, null);

    return JSON.parse(output);
}

function format(value) {
    return (value === undefined ? '-' : value.toPrecision(3)).padStart(12);
}

function ratio(value, other) {
    return (other === undefined ? '-' : `${(value / other).toFixed(2)} x`).padStart(12);
}

async function main() {
    const here = await measureHere();
    const node = measureNode();
    const cfutures = await measureCfutures();

    print(`microseconds each${'here'.padStart(25)}${'node'.padStart(12)}${'cfutures'.padStart(12)}${'to here'.padStart(12)}${'to node'.padStart(12)}`);
    for (const [name, value] of Object.entries(cfutures))
        print(`${name.padEnd(30)}${format(here[name])}${format(node[name])}${format(value)}${ratio(value, here[name])}${ratio(value, node[name])}`);
}

const loop = new GLib.MainLoop(null, false);
main().catch(logError).finally(() => loop.quit());
loop.run();
