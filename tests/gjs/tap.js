// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* The little that the tests share: they say TAP, one line for each test, and end with an exit status. */

import Cf from 'gi://Cf';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import System from 'system';

const tests = [];

/**
 * @param {string} name - what is so
 * @param {Function} fn - throws unless it is; may be async
 */
export function test(name, fn) {
    tests.push([name, fn]);
}

async function runAll() {
    let failed = 0;

    print(`1..${tests.length}`);
    for (const [i, [name, fn]] of tests.entries()) {
        try {
            await fn();
            print(`ok ${i + 1} ${name}`);
        } catch (error) {
            failed++;
            print(`not ok ${i + 1} ${name}`);
            print(`# ${error?.name ?? error}: ${error?.message}\n${error?.stack}`.replaceAll('\n', '\n# '));
        }
    }

    return failed > 0 ? 1 : 0;
}

/**
 * Runs the tests, one after the other, and ends the program. Where the caller has a main loop, it gets the exit status.
 *
 * @param {Function} end - ends that main loop
 */
export function run(end = null) {
    const loop = new GLib.MainLoop(null, false);
    let status = 1;

    runAll().then(result => {
        status = result;
        end?.(status);
        loop.quit();
    });
    if (end !== null)
        return;
    loop.run();
    System.exit(status);
}

function show(value) {
    return typeof value === 'object' && value !== null && !(value instanceof Error) ? JSON.stringify(value) : String(value);
}

/**
 * @param {*} value - what there is
 * @param {*} expected - what there should be, the very same value
 * @param {string} what - what it is
 */
export function same(value, expected, what = 'value') {
    if (!Object.is(value, expected))
        throw new Error(`${what}: ${show(value)} instead of ${show(expected)}`);
}

/**
 * @param {*} value - what should hold
 * @param {string} what - what it is
 */
export function ok(value, what) {
    if (!value)
        throw new Error(`not so: ${what}`);
}

function keysOf(value) {
    return [...Object.keys(value), value.length ?? value.size ?? ''].join();
}

/**
 * @param {*} value - what there is
 * @param {*} expected - what should be like it, all the way down
 * @param {string} path - what it is
 */
export function equal(value, expected, path = 'value') {
    if (typeof expected !== 'object' || expected === null) {
        same(value, expected, path);
        return;
    }
    same(Object.prototype.toString.call(value), Object.prototype.toString.call(expected), `${path}, its kind`);
    if (expected instanceof GLib.Variant) {
        ok(value.equal(expected), `${path} is ${expected.print(true)}`);
        return;
    }
    if (expected instanceof Date)
        same(value.getTime(), expected.getTime(), path);
    if (expected instanceof Map || expected instanceof Set)
        equal([...value], [...expected], path);
    same(keysOf(value), keysOf(expected), `${path}, its keys`);
    for (const key of Object.keys(expected))
        equal(value[key], expected[key], `${path}.${key}`);
}

/**
 * @param {Function|Promise} attempt - what should fail: a promise, or a function that throws or gives one
 * @returns {*} what was thrown
 */
export async function fails(attempt) {
    let result;

    try {
        result = await (typeof attempt === 'function' ? attempt() : attempt);
    } catch (error) {
        return error;
    }
    throw new Error(`no failure, but ${show(result)}`);
}

/**
 * @param {*} error - what was thrown
 * @param {object} domain - its error domain
 * @param {string} code - the name of its code
 */
export function matches(error, domain, code) {
    ok(error instanceof GLib.Error && error.matches(domain, domain[code]), `${error} (${error?.message}) is ${code}`);
}

/**
 * @param {string} name - what tests/gjs/lib/functions.js exports
 * @returns {string} its place
 */
export function place(name) {
    return GLib.Uri.resolve_relative(import.meta.url, `lib/functions.js#${name}`, GLib.UriFlags.NONE);
}

/**
 * @param {object} properties - of a process pool
 * @param {Function} fn - gets the pool, which is shut down after it
 */
export async function withPool(properties, fn) {
    const pool = new Cf.ProcessPoolExecutor({max_workers: 2, ...properties});

    try {
        await fn(pool);
    } finally {
        await pool.shutdown({cancel_futures: true});
    }
}

/** Where calls wait until they may go on: the function `gate` gets its port. */
export class Gate {
    constructor() {
        this._listener = new Gio.SocketListener();
        this.port = this._listener.add_any_inet_port(null);
        this._waiting = [];
    }

    /**
     * Waits until one more call has begun and waits.
     *
     * @returns {Promise} the connection to it
     */
    async entered() {
        const connection = await new Promise((resolve, reject) => {
            this._listener.accept_async(null, (listener, result) => {
                try {
                    resolve(listener.accept_finish(result)[0]);
                } catch (error) {
                    reject(error);
                }
            });
        });

        this._waiting.push(connection);

        return connection;
    }

    /** Lets the one that waits longest go on. */
    open() {
        this._waiting.shift().close(null);
    }
}

/**
 * @returns {number} how many files this process has open
 */
export function countFiles() {
    const list = Gio.File.new_for_path('/proc/self/fd').enumerate_children('standard::name', Gio.FileQueryInfoFlags.NONE, null);
    let n = 0;

    while (list.next_file(null) !== null)
        n++;
    list.close(null);

    return n;
}

/**
 * Waits until something is so, while garbage is collected and the main loop runs.
 *
 * @param {Function} isSo - tells it
 */
export async function collected(isSo) {
    while (!isSo()) {
        System.gc();
        await new Promise(resolve => setTimeout(resolve, 1));
    }
}

/**
 * @returns {number} the kibibytes of memory that are in use, without garbage
 */
export function memory() {
    System.gc();
    const [, status] = GLib.file_get_contents('/proc/self/status');

    return Number(/VmRSS:\s*(\d+)/.exec(new TextDecoder().decode(status))[1]);
}
