// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* Many awaits. With CF_TEST_FULL=1, a million of them. */

import Cf from 'gi://Cf';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';

import {collected, equal, fails, matches, memory, ok, place, run, same, test, withPool} from './tap.js';

const IS_FULL = GLib.getenv('CF_TEST_FULL') !== null;

function settled(value) {
    const future = new Cf.Future();

    future.set_running_or_notify_cancel();
    const promise = future.then();
    future.set_result(value);

    return promise;
}

async function awaitMany(n, make) {
    let before = 0;

    for (let i = 0; i < n; i++) {
        same(await make(i), i);
        if (i === Math.floor(n / 4))
            before = memory();
    }
    const growth = memory() - before;
    ok(growth < 30000, `the memory grew by ${growth} KiB in ${n * 3 / 4} awaits`);
}

test('many awaits, one after the other, neither hang nor leak', () => awaitMany(IS_FULL ? 1000000 : 20000, settled));

test('nor do those of a pool', () => withPool({max_workers: 1}, pool => {
    return awaitMany(IS_FULL ? 1000000 : 4000, i => pool.submit(place('echo'), i));
}));

test('nor do many at once, and functions that leave garbage', () => withPool({}, async pool => {
    for (let round = 0; round < (IS_FULL ? 50 : 2); round++) {
        const futures = Array.from({length: 200}, () => pool.submit(place('allocate'), 10000));

        equal(await Promise.all(futures), futures.map(() => 10000));
    }
}));

test('a program that has garbage of its own loses nothing', async () => {
    for (let i = 0; i < (IS_FULL ? 2000 : 40); i++) {
        const garbage = Array.from({length: 5000}, (_, k) => ({k, list: [k]}));

        same((await Promise.all([settled(i), settled(garbage.length)]))[0], i);
    }
});

/* How often garbage is collected meanwhile; a moment later, as those that seem to take long come less often. */
async function countCollections(fn) {
    const {system} = imports;
    const {gc} = system;
    let n = 0;

    system.gc = () => {
        n++;
        Promise.resolve().then(() => gc());
    };
    try {
        await fn();
    } finally {
        system.gc = gc;
    }

    return n;
}

test('a few large values are as much garbage as many small ones', () => withPool({}, async pool => {
    if (imports.system.version >= 18200)
        return;
    for (const value of ['x'.repeat(1 << 20), new Uint8Array(1 << 20)]) {
        const calls = await countCollections(() => Promise.all([1, 2, 3, 4, 5].map(() => pool.submit(place('echo'), value))));
        const items = await countCollections(() => pool.map(place('echo'), [value, value, value, value, value]));

        ok(calls > 0 && items > 0, `${calls} collections in 5 calls, and ${items} in a map`);
    }
    ok(await countCollections(() => Promise.all([1, 2, 3, 4, 5].map(() => settled('x'.repeat(1 << 20))))) > 0, 'settled by hand');
}));

test('what has no end does not keep the program', async () => {
    const never = new Cf.Future();

    matches(await fails(never.wait_async({timeout: 0})), Gio.IOErrorEnum, 'TIMED_OUT');
});

/* What each of these leaves behind is a future that nobody holds any more. */
const GIVE_UP = {
    'by its time': future => fails(future.wait_async({timeout: 0})),
    'by its cancellable': future => {
        const cancellable = new Gio.Cancellable();
        const promise = fails(future.wait_async({cancellable}));

        cancellable.cancel();

        return promise;
    },
    'one after the other': future => Promise.all([0, 1000].map(timeout => fails(future.wait_async({timeout})))),
    'with others': future => Cf.wait([future, new Cf.Future()], {timeout: 0}),
    'once one is done': async future => {
        const other = new Cf.Future();
        const promise = Cf.wait([future, other], {return_when: Cf.FIRST_COMPLETED});

        other.cancel();
        await promise;
    },
    'by leaving the loop': async future => {
        const other = new Cf.Future();

        other.cancel();
        for await (const {future: first} of Cf.as_completed([future, other])) {
            same(first, other);
            break;
        }
    },
    'by disconnecting': future => {
        const ids = [
            future.connect('done', () => {}), future.connect_after('done', () => {}), future.connect('notify::state', () => {}),
        ];

        ids.forEach(id => future.disconnect(id));
    },
};

for (const [how, giveUp] of Object.entries(GIVE_UP)) {
    test(`a future whose wait was given up ${how} can go`, async () => {
        const bindings = [];
        const target = new Cf.Future();

        for (let i = 0; i < 3; i++) {
            const future = new Cf.Future();

            /* It tells whether its source is still there. */
            bindings.push(future.bind_property('name', target, 'name', GObject.BindingFlags.DEFAULT));
            await giveUp(future);
        }
        await collected(() => bindings.some(binding => binding.dup_source() === null));
    });
}

test('who still waits for a future hears of it when others have given up', async () => {
    const future = new Cf.Future();
    const early = fails(future.wait_async({timeout: 0}));
    const late = future.wait_async({timeout: 60000000});
    const last = future.then();

    matches(await early, Gio.IOErrorEnum, 'TIMED_OUT');
    await new Promise(resolve => setTimeout(resolve, 1));
    future.set_result(5);
    same(await late, 5);
    same(await last, 5);
});

run();
