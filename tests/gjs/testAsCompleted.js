// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* Cf.as_completed(): futures as they are done. */

import Cf from 'gi://Cf';
import Gio from 'gi://Gio';

import {Gate, collected, countFiles, equal, fails, matches, ok, place, run, same, test, withPool} from './tap.js';

function make(n) {
    return Array.from({length: n}, (_, i) => new Cf.Future({name: `${i}`}));
}

async function namesOf(iterator) {
    const names = [];

    for await (const {future} of iterator)
        names.push(future.name);

    return names;
}

test('nothing', async () => {
    equal(await namesOf(Cf.as_completed([])), []);
});

test('done ones first, then as they are done, each once', async () => {
    const futures = make(5);

    futures[3].set_result(1);
    const promise = namesOf(Cf.as_completed([...futures, futures[3], futures[0]]));
    for (const i of [4, 0, 2, 1])
        futures[i].set_result(i);
    equal(await promise, ['3', '4', '0', '2', '1']);
});

test('failed and cancelled ones come too', async () => {
    const futures = make(2);
    const promise = namesOf(Cf.as_completed(futures));

    futures[1].cancel();
    futures[0].set_exception(new Error('x'));
    equal(await promise, ['1', '0']);
});

test('next() by hand, several at a time', async () => {
    const futures = make(2);
    const iterator = Cf.as_completed(futures);
    const asked = [iterator.next(), iterator.next(), iterator.next()];

    futures[1].set_result(1);
    futures[0].set_result(0);
    const [first, second, third] = await Promise.all(asked);
    same(first.value.future, futures[1]);
    same(second.value.future, futures[0]);
    ok(third.done && (await iterator.next()).done, 'the end');
});

test('a time-out comes once, and says how many are left', async () => {
    const futures = make(5);

    futures.slice(0, 3).forEach(future => future.set_result(0));
    for (const timeout of [0, 2000]) {
        const iterator = Cf.as_completed([...futures, ...futures], {timeout});

        for (const future of futures.slice(0, 3))
            same((await iterator.next()).value.future, future);
        const error = await fails(iterator.next());
        matches(error, Gio.IOErrorEnum, 'TIMED_OUT');
        same(error.message, '2 (of 5) futures unfinished');
        ok((await iterator.next()).done, 'the end');
    }
});

test('a cancellable ends the waiting', async () => {
    const cancellable = new Gio.Cancellable();
    const promise = fails(namesOf(Cf.as_completed(make(2), {cancellable})));

    cancellable.cancel();
    matches(await promise, Gio.IOErrorEnum, 'CANCELLED');
});

test('leaving the loop leaves the futures alone', async () => {
    const futures = make(3);

    futures[0].set_result(1);
    for await (const {future} of Cf.as_completed(futures)) {
        same(future, futures[0]);
        break;
    }
    same(futures[1].get_state(), Cf.FutureState.PENDING);
    futures[1].set_result(2);
    same(await futures[1], 2);
});

/* A finished future that has an open file. */
function makeOpen() {
    const future = new Cf.Future();

    future.set_result(Gio.File.new_for_path('/dev/null').read(null));

    return future;
}

test('it drops what it gave', async () => {
    const before = countFiles();
    const futures = Array.from({length: 50}, makeOpen);

    same(countFiles(), before + 50);
    const iterator = Cf.as_completed([new Cf.Future(), ...futures.splice(0)]);

    for (let i = 0; i < 50; i++)
        await iterator.next();
    /* The last one may still be at hand somewhere. */
    await collected(() => countFiles() <= before + 1);
    iterator.return();
});

test('calls of a pool, in the order in which they end', () => withPool({}, async pool => {
    const gates = [new Gate(), new Gate()];
    const futures = gates.map((gate, i) => pool.submit(place('gate'), gate.port, i));
    const iterator = Cf.as_completed(futures);

    await Promise.all(gates.map(gate => gate.entered()));
    gates[1].open();
    same(await (await iterator.next()).value.future, 1);
    gates[0].open();
    same(await (await iterator.next()).value.future, 0);
    ok((await iterator.next()).done, 'the end');
}));

test('2000 calls', () => withPool({}, async pool => {
    const futures = new Set(Array.from({length: 2000}, (_, i) => pool.submit(place('add'), i)));
    let sum = 0;

    for await (const {future} of Cf.as_completed(futures)) {
        futures.delete(future);
        sum += future.get_result(0);
    }
    same(futures.size, 0);
    same(sum, 1999000);
}));

run();
