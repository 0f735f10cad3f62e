// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* map(): results in the order of the items. */

import Cf from 'gi://Cf';
import Gio from 'gi://Gio';

import {Gate, equal, fails, matches, ok, place, run, same, test, withPool} from './tap.js';

const NUMBERS = Array.from({length: 100}, (_, i) => i + 10);
const CUBES = NUMBERS.map(number => number ** 3);

async function take(results) {
    const seen = [];

    for (let ended = false; !ended;) {
        try {
            const {value, done} = await results.next();

            ended = done;
            if (!done)
                seen.push(value);
        } catch (error) {
            seen.push(error);
        }
    }

    return seen;
}

for (const options of [{}, {chunksize: 7}, {chunksize: 1000}, {buffersize: 1}, {chunksize: 3, buffersize: 4}]) {
    test(`await map (${JSON.stringify(options)})`, () => withPool({}, async pool => {
        equal(await pool.map(place('cubeButThree'), NUMBERS, options), CUBES);
    }));
}

test('for await over map', () => withPool({}, async pool => {
    const seen = [];

    for await (const cube of pool.map(place('cubeButThree'), NUMBERS, {chunksize: 9}))
        seen.push(cube);
    equal(seen, CUBES);
}));

for (const chunksize of [1, 4]) {
    test(`many may be asked for at a time (chunksize ${chunksize})`, () => withPool({}, async pool => {
        const results = pool.map(place('cubeButThree'), NUMBERS, {chunksize, buffersize: 9});
        const seen = [];

        while (seen.length < NUMBERS.length)
            seen.push(...await Promise.all(NUMBERS.slice(0, 10).map(() => results.next())));
        equal(seen.map(({value}) => value), CUBES);
        ok((await results.next()).done, 'the end');
    }));
}

test('the iterable may ask for results', () => withPool({max_workers: 1}, async pool => {
    const asked = [];
    let results = null;
    function* generate() {
        for (let i = 0; i < 6; i++) {
            if (i > 2)
                asked.push(results.next());
            yield i;
        }
    }

    results = pool.map(place('echo'), generate(), {buffersize: 2});
    const seen = await take(results);
    const others = (await Promise.all(asked)).filter(({done}) => !done).map(({value}) => value);
    equal([...seen, ...others].sort(), [0, 1, 2, 3, 4, 5]);
    same((await asked[0]).value, 3, 'the next one after that for which the item was read');
}));

test('an iterable that throws has its error thrown, and takes no result away', () => withPool({max_workers: 1}, async pool => {
    function* generate() {
        yield* [1, 2];
        throw new RangeError('no more');
    }
    const results = pool.map(place('echo'), generate(), {buffersize: 2});

    same((await results.next()).value, 1);
    const error = await fails(results.next());
    ok(error instanceof RangeError && error.message === 'no more', String(error));
    same((await results.next()).value, 2);
    ok((await results.next()).done, 'the end');
}));

test('an iterable that throws when it is closed does not keep the rest from being cancelled', () => withPool({max_workers: 1}, async pool => {
    const gate = new Gate();
    function* generate() {
        try {
            for (;;)
                yield gate.port;
        } finally {
            throw new RangeError('in the end');
        }
    }
    const results = pool.map(place('gate'), generate(), {buffersize: 4});
    const other = pool.map(place('gate'), generate(), {buffersize: 4, timeout: 0});

    await gate.entered();
    ok(await fails(() => results.close()) instanceof RangeError, 'its error');
    matches(await fails(other.next()), Gio.IOErrorEnum, 'TIMED_OUT');
    same(pool.n_pending, 0);
    gate.open();
}));

test('await and next() share the results', () => withPool({max_workers: 1}, async pool => {
    const results = pool.map(place('echo'), [1, 2, 3, 4, 5]);
    const [first, rest, last] = await Promise.all([results.next(), results, results.next()]);
    const single = last.done ? [] : [last.value];

    same(first.value, 1);
    equal([...rest, ...single].sort(), [2, 3, 4, 5]);
}));

test('the iterable may await the results', () => withPool({max_workers: 1}, async pool => {
    let [results, rest] = [null, null];
    function* generate() {
        yield 1;
        rest = results.then();
        yield* [2, 3];
    }

    results = pool.map(place('echo'), generate(), {buffersize: 1});
    same((await results.next()).value, 1);
    const {value} = await results.next();
    equal([value, ...await rest], [2, 3]);
}));

test('nothing to map', () => withPool({}, async pool => {
    equal(await pool.map(place('cubeButThree'), []), []);
    same(pool.n_workers, 0);
}));

test('items of any kind, from any iterable', () => withPool({}, async pool => {
    const items = [undefined, -0, new Uint8Array([1]), {a: [1n]}, [1, 2]];

    equal(await pool.map(place('echo'), items, {chunksize: 3}), items);
    equal(await pool.map(place('echo'), new Map([[1, 2]])), [[1, 2]]);
}));

test('with a buffersize, items are taken as results are', () => withPool({max_workers: 1}, async pool => {
    let taken = 0;
    function* generate() {
        for (;;)
            yield taken++;
    }
    const results = pool.map(place('echo'), generate(), {chunksize: 2, buffersize: 4});

    same(taken, 4);
    for (let i = 0; i < 10; i++)
        same((await results.next()).value, i);
    ok(taken <= 14, `${taken} items taken for 10 results`);
    results.close();
    ok((await results.next()).done, 'it is closed');
}));

for (const chunksize of [1, 3]) {
    test(`a call that fails has its turn (chunksize ${chunksize})`, () => withPool({}, async pool => {
        const seen = await take(pool.map(place('cubeButThree'), [1, 2, 3, () => 4, 5], {chunksize}));

        equal([seen[0], seen[1], seen[4]], [1, 8, 125]);
        ok(seen[2] instanceof RangeError && seen[2].message === 'three', 'its error');
        ok(seen[2].stack.includes('cubeButThree@'), seen[2].stack);
        matches(seen[3], Cf.ExecutorError, 'NOT_SERIALIZABLE');
        ok(seen[3].message.startsWith('items[3] is a function'), seen[3].message);
        same(seen.length, 5);
    }));
}

test('await fails with the first error, and cancels the rest', () => withPool({max_workers: 1}, async pool => {
    const error = await fails(pool.map(place('cubeButThree'), [1, 3, ...NUMBERS]));

    ok(error instanceof RangeError, String(error));
    same(await pool.submit(place('add'), 1), 1);
    same(pool.n_pending, 0);
}));

test('leaving the loop cancels the rest', () => withPool({max_workers: 1}, async pool => {
    for await (const cube of pool.map(place('cubeButThree'), [1, ...NUMBERS])) {
        same(cube, 1);
        break;
    }
    same(await pool.submit(place('add'), 1), 1);
    same(pool.n_pending, 0);
}));

test('a time-out comes once, then the end', () => withPool({max_workers: 1}, async pool => {
    const gate = new Gate();
    const results = pool.map(place('gate'), [gate.port, gate.port], {timeout: 300000});

    await gate.entered();
    const seen = await take(results);
    same(seen.length, 1);
    matches(seen[0], Gio.IOErrorEnum, 'TIMED_OUT');
    gate.open();
}));

test('a cancellable ends it', () => withPool({max_workers: 1}, async pool => {
    const gate = new Gate();
    const cancellable = new Gio.Cancellable();
    const promise = fails(pool.map(place('gate'), [gate.port, gate.port], {cancellable}));

    await gate.entered();
    cancellable.cancel();
    matches(await promise, Gio.IOErrorEnum, 'CANCELLED');
    gate.open();
}));

test('the strangest error of a chunk is an error of its own item only', () => withPool({max_workers: 1}, async pool => {
    for (const name of ['getter', 'proxy', 'huge', 'circle', 'function']) {
        const seen = await take(pool.map(place('throwStrangeBut'), ['fine', name, 'fine'], {chunksize: 3}));

        same(seen.length, 3, name);
        same(seen[0], 'fine', name);
        same(seen[2], 'fine', name);
    }
}));

test('what a module throws while it is loaded is thrown at each turn, whatever it is', () => withPool({max_workers: 1}, async pool => {
    for (const [thrown, isIt] of [
        ["Object.assign(new RangeError('bad'), {kind: 'parse'})", error => error instanceof RangeError && error.kind === 'parse'],
        ["{kind: 'gerror'}", error => error.kind === 'gerror'],
        ['undefined', error => error === undefined],
    ]) {
        const [file, stream] = Gio.File.new_tmp('cf-test-XXXXXX.js');

        stream.output_stream.write_all(`throw ${thrown};`, null);
        stream.close(null);
        for (const results of [pool.map(`${file.get_uri()}#x`, [1, 2]), pool.map(`${file.get_uri()}#x`, [1, 2], {chunksize: 2})]) {
            for (let i = 0; i < 2; i++)
                ok(isIt(await fails(results.next())), thrown);
            ok((await results.next()).done, 'the end');
        }
        file.delete(null);
    }
}));

test('a shutdown in the middle gives an error once, then the end', () => withPool({max_workers: 1}, async pool => {
    const results = pool.map(place('echo'), [1, 2, 3, 4], {buffersize: 2});

    same((await results.next()).value, 1);
    await pool.shutdown();
    const seen = await take(results);
    same(seen[0], 2);
    matches(seen.at(-1), Cf.ExecutorError, 'SHUTDOWN');
    same(seen.filter(value => value instanceof Error || value.message).length, 1);
}));

test('items are checked', () => withPool({}, async pool => {
    for (const items of [5, null, undefined, {}])
        ok(await fails(() => pool.map(place('echo'), items)) instanceof TypeError, JSON.stringify(items));
}));

test('limits are checked, and may be none', () => withPool({}, async pool => {
    for (const options of [{timeout: NaN}, {timeout: '5'}, {cancellable: 5}])
        ok(await fails(() => pool.map(place('echo'), [1], options)) instanceof TypeError, JSON.stringify(options));
    for (const options of [null, {timeout: null, cancellable: null}, {timeout: Infinity}])
        equal(await pool.map(place('later'), [1], options), [1]);
}));

test('sizes are checked', () => withPool({}, async pool => {
    for (const options of [{chunksize: 0}, {chunksize: 1.5}, {buffersize: -1}])
        ok(await fails(() => pool.map(place('echo'), [1], options)) instanceof RangeError, JSON.stringify(options));
}));

run();
