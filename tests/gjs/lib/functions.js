// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* What the tests run in workers. */

import Cf from 'gi://Cf';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import System from 'system';

let prepared = 'nothing';
let n = 0;

export const answer = 42;

export function prepare(value) {
    if (value === 'fail')
        throw new RangeError('not prepared');
    prepared = value;
}

export function getPrepared() {
    return prepared;
}

export function count() {
    return ++n;
}

export function add(...numbers) {
    return numbers.reduce((sum, number) => sum + number, 0);
}

export function echo(value) {
    return value;
}

export function describe(...args) {
    return args.map(arg => `${typeof arg} ${Object.is(arg, -0) ? '-0' : arg}`);
}

export function getTypelibFolders() {
    return imports.cfutures.typelibs.getFolders();
}

export function nothing() {
    // Gives nothing.
}

export function getFunction() {
    return {deep: [() => 1]};
}

export function pid() {
    return Number(GLib.file_read_link('/proc/self'));
}

export async function later(value) {
    await new Promise(resolve => setTimeout(resolve, 1));

    return value;
}

export async function nested(place, args) {
    const pool = new Cf.ProcessPoolExecutor({max_workers: 1});
    const result = await pool.submit(place, ...args);

    await pool.shutdown();

    return result;
}

export async function readFile(path) {
    const file = Gio.File.new_for_path(path);

    return new Promise((resolve, reject) => {
        file.load_contents_async(null, (source, result) => {
            try {
                resolve(file.load_contents_finish(result)[1]);
            } catch (error) {
                reject(error);
            }
        });
    });
}

export function gate(port, value) {
    const connection = new Gio.SocketClient().connect_to_host(`127.0.0.1:${port}`, 0, null);

    connection.get_input_stream().read_bytes(1, null);

    return value;
}

export function isWanted() {
    return !Cf.get_current_cancellable().is_cancelled();
}

export function throwError(message) {
    throw Object.assign(new TypeError(message, {cause: new RangeError('the cause')}), {detail: {n: [1, -0]}});
}

export async function throwLater(message) {
    await null;
    const error = new Error(message);

    error.name = 'CustomError';
    throw error;
}

export function throwGError(domain, code, message) {
    throw new GLib.Error(GLib.quark_from_string(domain), code, message);
}

export function throwIOError() {
    Gio.File.new_for_path('/nowhere/at/all').load_contents(null);
}

export function throwValue(value) {
    throw value;
}

export function cubeButThree(number) {
    if (number === 3)
        throw new RangeError('three');

    return number ** 3;
}

export function dieAtTwo(number) {
    if (number === 2)
        die('KILL');

    return number;
}

export function die(signal) {
    new Gio.Subprocess({argv: ['kill', `-${signal}`, `${pid()}`]}).init(null);
    for (;;)
        GLib.usleep(1000000);
}

export function exit(status) {
    System.exit(status);
}

/* The end of such a process takes its time. */
export function exitFull(status) {
    globalThis.heap = Array.from({length: 2000000}, (_, i) => ({i, list: [i]}));
    System.exit(status);
}

export async function exitLater(status) {
    await null;
    System.exit(status);
}

export function allocate(length) {
    let garbage = [];

    for (let i = 0; i < length; i++)
        garbage.push({i, list: [i]});
    garbage = null;

    return length;
}

function makeCircle() {
    const error = new AggregateError([new RangeError('one'), new Gio.IOErrorEnum({code: 1, message: 'two'})], 'several');

    error.errors.push(error, new AggregateError([error, 3], 'inner'));
    error.cause = error;

    return error;
}

const STRANGE = {
    nothing: () => null,
    circle: makeCircle,
    plainCircle: () => {
        const circle = {};

        return Object.assign(circle, {circle});
    },
    function: () => makeCircle,
    getter: () => Object.defineProperty(new Error('x'), 'message', {
        get() {
            throw new Error('in the getter');
        },
    }),
    proxy: () => new Proxy({}, {
        get() {
            throw new Error('in the proxy');
        },
    }),
    huge: () => Object.assign(new AggregateError(Array.from({length: 200}, () => new Error('\u2028'.repeat(90000))), 'huge')),
};

export function throwStrange(name) {
    throw STRANGE[name]();
}

export function throwStrangeBut(name) {
    if (name !== 'fine')
        throwStrange(name);

    return name;
}
