// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* Cf.wait(): some or all of many. */

import Cf from 'gi://Cf';
import Gio from 'gi://Gio';

import {equal, fails, matches, ok, place, run, same, test, withPool} from './tap.js';

const {ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION} = Cf;

function make(n) {
    return Array.from({length: n}, () => new Cf.Future());
}

test('nothing to wait for', async () => {
    for (const mode of [undefined, ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION])
        equal(await Cf.wait([], {return_when: mode}), {done: [], not_done: []});
});

test('all of them, each once, in the order given', async () => {
    const [a, b, c] = make(3);
    const promise = Cf.wait([a, b, c, a]);

    c.set_result(3);
    a.set_result(1);
    b.cancel();
    const {done, not_done: notDone} = await promise;
    ok(done.length === 3 && done[0] === a && done[1] === b && done[2] === c, 'all are done');
    same(notDone.length, 0);
});

test('the first that is done', async () => {
    const [a, b, c] = make(3);
    const promise = Cf.wait(new Set([a, b, c]), {return_when: FIRST_COMPLETED});

    b.set_result(1);
    const {done, not_done: notDone} = await promise;
    ok(done.length === 1 && done[0] === b && notDone[0] === a && notDone[1] === c, 'b is done');
    same((await Cf.wait([a, b], {return_when: FIRST_COMPLETED})).done[0], b);
});

test('the first that fails; a cancelled one has not', async () => {
    const [a, b, c, d] = make(4);
    const promise = Cf.wait([a, b, c, d], {return_when: FIRST_EXCEPTION});

    a.set_result(1);
    b.cancel();
    c.set_exception(new Error('x'));
    same((await promise).not_done[0], d);
    same((await Cf.wait([c, d], {return_when: FIRST_EXCEPTION})).not_done[0], d);
    d.set_result(1);
    same((await Cf.wait([a, d], {return_when: FIRST_EXCEPTION})).done.length, 2);
});

test('a time-out gives both lists', async () => {
    const [a, b] = make(2);

    a.set_result(1);
    for (const timeout of [0, 2000]) {
        const {done, not_done: notDone} = await Cf.wait([a, b], {timeout});

        ok(done.length === 1 && done[0] === a && notDone.length === 1 && notDone[0] === b, 'both lists');
    }
});

test('a cancellable ends the waiting', async () => {
    const futures = make(2);
    const cancellable = new Gio.Cancellable();
    const promise = fails(Cf.wait(futures, {cancellable}));

    cancellable.cancel();
    matches(await promise, Gio.IOErrorEnum, 'CANCELLED');
    matches(await fails(Cf.wait(futures, {cancellable})), Gio.IOErrorEnum, 'CANCELLED');
    same(futures[0].get_state(), Cf.FutureState.PENDING);
});

test('what is no future cannot be waited for', async () => {
    for (const wrong of [5, null, new Cf.Future(), [5], [null], [new Cf.Future(), 'x']]) {
        ok(await fails(() => Cf.wait(wrong)) instanceof TypeError, `wait: ${wrong}`);
        ok(await fails(() => Cf.as_completed(wrong)) instanceof TypeError, `as_completed: ${wrong}`);
    }
});

const WAITS = {
    wait_async: (future, options) => future.wait_async(options),
    wait: (future, options) => Cf.wait([future], options),
    as_completed: (future, options) => Cf.as_completed([future], options).next(),
};

for (const [name, begin] of Object.entries(WAITS)) {
    test(`${name}() without options, or with limits that are none`, async () => {
        for (const options of [null, undefined, ...[null, -1, Infinity, 2 ** 70].map(timeout => ({timeout, cancellable: null}))]) {
            const [future] = make(1);
            const promise = begin(future, options);

            await new Promise(resolve => setTimeout(resolve, 1));
            future.set_result(1);
            await promise;
        }
    });

    test(`${name}() checks its limits`, async () => {
        for (const options of [{timeout: NaN}, {timeout: '5'}, {timeout: 5n}, {cancellable: 5}, {timeout: 0, cancellable: {}}])
            ok(await fails(() => begin(make(1)[0], options)) instanceof TypeError, Object.values(options).map(String).join());
    });
}

test('so does a wait that blocks', async () => {
    for (const timeout of [NaN, '5', 5n]) {
        ok(await fails(() => make(1)[0].get_result(timeout)) instanceof TypeError, `get_result: ${timeout}`);
        ok(await fails(() => make(1)[0].get_exception(timeout)) instanceof TypeError, `get_exception: ${timeout}`);
    }
    await withPool({}, async pool => {
        for (const timeout of [null, Infinity])
            same(pool.submit(place('later'), 1).get_result(timeout), 1);
    });
});

test('when to return is one of three', async () => {
    for (const mode of ['FIRST_COMPLETED', 77])
        ok(await fails(() => Cf.wait(make(1), {return_when: mode})) instanceof RangeError, `return_when: ${mode}`);
    equal(await Cf.wait([], {return_when: null}), {done: [], not_done: []});
});

test('calls of a pool, 2000 of them', () => withPool({}, async pool => {
    const futures = Array.from({length: 2000}, (_, i) => pool.submit(place('add'), i));
    const {done} = await Cf.wait(futures);

    equal(done.map(future => future.get_result(0)), futures.map((_, i) => i));
}));

run();
