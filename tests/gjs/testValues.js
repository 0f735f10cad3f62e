// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* Values travel to workers and back, and arrive as they were. */

import Cf from 'gi://Cf';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

import {equal, fails, matches, ok, place, run, same, test, withPool} from './tap.js';

const VALUES = {
    'numbers': [0, 1, -1, 1.5, 2 ** 31, -(2 ** 53), 2 ** 53 - 1, 1e300, 5e-324, 0.1 + 0.2, 2 ** 53 + 2, -(2 ** 60), Number.MAX_VALUE],
    'numbers that JSON has not': [-0, NaN, Infinity, -Infinity, {deep: [-0]}],
    'big integers': [0n, -(2n ** 200n)],
    'booleans and nothing': [true, false, null, undefined, [undefined], {a: undefined}],
    'strings': ['', 'é𝄞', 'a\0b', '\ud800', '\udc00\ud800', '\u2028', '"\\', 'x'.repeat(100000)],
    'arrays': [[], [1, 'two', [3, [4]]], [[], [[]]], new Array(3), [1, , 3]],
    'objects': [{}, {a: {b: {c: [{}]}}}, {'': 1, 'a b': 2, '1': 3, '$': 4}, {'$': ['undefined']}, {toJSON: 1}],
    'an object with __proto__': [JSON.parse('{"__proto__": {"x": 1}, "y": [null]}'), {a: NaN, b: JSON.parse('{"__proto__": 5}')}],
    'bytes': [new Uint8Array(), new Uint8Array([0, 1, 255]), new Uint8Array(100000).fill(7), {deep: [new Uint8Array([9])]}],
    'part of a buffer': [new Uint8Array([1, 2, 3, 4]).subarray(1, 3)],
    'other views': [new Float64Array([1.5, -0, NaN]), new Int16Array([-1, 300]), new BigInt64Array([-5n])],
    'variants': [new GLib.Variant('(sida{sv})', ['x', 1, 2.5, {v: new GLib.Variant('ay', [1, 2])}]), {deep: [GLib.Variant.new_maybe(new GLib.VariantType('s'), null)]}],
    'what looks like an encoded value': [new GLib.Variant('ay', [0x1f, 0x6a, 0x73, 0x62, 9, 0, 0, 0, 1]), '\u001fjsp1', new GLib.Variant('s', '\u001fjsp1')],
    'dates, maps and sets': [new Date(0), new Date(NaN), new Map([[{k: 1}, new Set([1, -0])], ['x', undefined]]), new Set()],
};

const pool = new Cf.ProcessPoolExecutor({max_workers: 1});

for (const [name, values] of Object.entries(VALUES)) {
    test(`${name} come back as they were`, async () => {
        const results = await Promise.all(values.map(value => pool.submit(place('echo'), value)));

        equal(results, values);
    });
}

test('arguments arrive as they were', async () => {
    equal(await pool.submit(place('describe'), -0, undefined, 1n, null, 'x'),
        ['number -0', 'undefined undefined', 'bigint 1', 'object null', 'string x']);
    equal(await pool.submit(place('describe')), []);
});

test('a function that gives nothing gives undefined', async () => {
    same(await pool.submit(place('nothing')), undefined);
});

test('bytes may be written to, by each who gets them', async () => {
    const future = pool.submit(place('echo'), new Uint8Array([1, 2, 3]));
    const bytes = await future;

    bytes[0] = 9;
    equal(await future, new Uint8Array([1, 2, 3]));
    equal(bytes, new Uint8Array([9, 2, 3]));
});

test('GLib.Bytes come back', async () => {
    const bytes = await pool.submit(place('echo'), new GLib.Bytes([1, 2]));

    ok(bytes instanceof GLib.Bytes, 'its class');
    equal(bytes.toArray(), new Uint8Array([1, 2]));
});

const circle = {};
circle.deep = [circle];
let deep = [];
for (let i = 0; i < 100000; i++)
    deep = [deep];

for (const [name, value, where] of [
    ['a function', () => 1, 'args[0] is a function'],
    ['a symbol', {a: [Symbol('x')]}, 'args[0].a[0] is a symbol'],
    ['a GObject', {'b c': new Gio.Cancellable()}, 'args[0]["b c"] is an instance'],
    ['an object of a class', new (class Page {})(), 'args[0] is an instance of Page'],
    ['a circle', circle, 'args'],
    ['what is nested too deeply', deep, 'args'],
]) {
    test(`${name} fails its future, and the error says where it is`, async () => {
        const future = pool.submit(place('echo'), value);
        const error = await fails(future);

        matches(error, Cf.ExecutorError, 'NOT_SERIALIZABLE');
        ok(error.message.startsWith(where), error.message);
        same(future.get_state(), Cf.FutureState.FINISHED);
    });
}

test('a result that cannot travel fails its own future', async () => {
    const error = await fails(pool.submit(place('getFunction')));

    matches(error, Cf.ExecutorError, 'NOT_SERIALIZABLE');
    ok(error.message.startsWith('The result.deep[0] is a function'), error.message);
    same(await pool.submit(place('add'), 1, 2), 3);
});

test('an error arrives with its class, name, message, stack, cause and properties', async () => {
    const error = await fails(pool.submit(place('throwError'), 'a\0b\ud800 é'));

    ok(error instanceof TypeError, 'its class');
    same(error.name, 'TypeError');
    same(error.message, 'a\0b\ud800 é');
    ok(error.stack.includes('throwError@') && error.stack.includes('lib/functions.js'), error.stack);
    ok(error.cause instanceof RangeError && error.cause.message === 'the cause', 'its cause');
    equal(error.detail, {n: [1, -0]});
});

test('an error of an async function arrives with its name', async () => {
    const error = await fails(pool.submit(place('throwLater'), 'late'));

    ok(error instanceof Error, 'its class');
    same(error.name, 'CustomError');
    same(error.message, 'late');
    same(String(error), 'CustomError: late');
});

test('a GLib.Error arrives with its domain, code, message and stack', async () => {
    let error = await fails(pool.submit(place('throwIOError')));

    matches(error, Gio.IOErrorEnum, 'NOT_FOUND');
    ok(error.message.includes('/nowhere/at/all') && !error.message.includes('stack'), error.message);
    ok(error.stack.includes('throwIOError@'), error.stack);

    error = await fails(pool.submit(place('throwGError'), 'made-up-domain', -77, 'what?'));
    same(GLib.quark_to_string(error.domain), 'made-up-domain');
    same(error.code, -77);
    same(error.message, 'what?');
});

test('what is no error is thrown as it is', async () => {
    same(await fails(pool.submit(place('throwValue'), 5)), 5);
    same(await fails(pool.submit(place('throwValue'), undefined)), undefined);
    equal(await fails(pool.submit(place('throwValue'), {a: [1n]})), {a: [1n]});
});

test('errors in errors arrive, in a circle too', async () => {
    const error = await fails(pool.submit(place('throwStrange'), 'circle'));
    const [one, two, itself, inner] = error.errors;

    ok(error instanceof AggregateError && error.message === 'several', String(error));
    ok(one instanceof RangeError && one.message === 'one', String(one));
    matches(two, Gio.IOErrorEnum, 'NOT_FOUND');
    same(itself, 'AggregateError: several');
    same(error.cause, 'AggregateError: several');
    equal(inner.errors, ['AggregateError: several', 3]);
});

for (const name of ['nothing', 'plainCircle', 'function', 'getter', 'proxy', 'huge']) {
    test(`whatever is thrown fails its call, and the worker lives on: ${name}`, async () => {
        const deaths = pool.n_deaths;

        await fails(pool.submit(place('throwStrange'), name));
        same(await pool.submit(place('add'), 1, 2), 3);
        same(pool.n_deaths, deaths);
    });
}

test('64 MiB there and back', async () => {
    const bytes = new Uint8Array(64 << 20).fill(7);

    bytes[bytes.length - 1] = 255;
    const result = await pool.submit(place('echo'), bytes);
    same(result.length, bytes.length);
    same(result[0], 7);
    same(result[bytes.length - 1], 255);
});

test('what is in there twice arrives as two', async () => {
    const twin = {a: 1};
    const [first, second] = await pool.submit(place('echo'), [twin, twin]);

    equal([first, second], [twin, twin]);
    ok(first !== second, 'two objects');
});

test('a huge message is cut, and arrives', async () => {
    const error = await fails(pool.submit(place('throwError'), 'é'.repeat(3000000)));

    ok(error instanceof TypeError && error.message.length > 50000, 'its class');
    same(await pool.submit(place('add'), 1, 2), 3);
});

test('get_result() and get_exception() speak JavaScript', async () => {
    const future = pool.submit(place('echo'), {a: -0});
    const failing = pool.submit(place('throwError'), 'no');

    equal(future.get_result(), {a: -0});
    same(future.get_exception(), null);
    ok(failing.get_exception() instanceof TypeError, 'the exception');
    ok(await fails(() => failing.get_result()) instanceof TypeError, 'what is thrown');
});

test('the pool ends', () => withPool({}, () => pool.shutdown()));

run();
