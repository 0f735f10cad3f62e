// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* Cf.ThreadPoolExecutor: functions of C in threads; JavaScript is refused. */

import Cf from 'gi://Cf';
import GLib from 'gi://GLib';

import {equal, fails, matches, ok, place, run, same, test} from './tap.js';

const MODULE = GLib.build_filenamev([GLib.getenv('G_TEST_BUILDDIR'), 'cf-test-module.so']);
const TRIPLE = `${MODULE}:test_module_triple`;

const pool = new Cf.ThreadPoolExecutor({max_workers: 2});

test('functions of C by name', async () => {
    same((await pool.submit_named(TRIPLE, GLib.Variant.new_int64(14))).unpack(), 42);
    same(pool.submit_named(TRIPLE, GLib.Variant.new_int64(1)).dup_variant(-1).unpack(), 3);
    matches(await fails(() => pool.submit_named('/nowhere.so:x', null)), Cf.ExecutorError, 'NOT_FOUND');
});

test('no result and no error is a failure', async () => {
    matches(await fails(pool.submit_named(`${MODULE}:test_module_silent`, null)), Cf.ExecutorError, 'NO_RESULT');
});

test('many of them', async () => {
    const futures = Array.from({length: 1000}, (_, i) => pool.submit_named(TRIPLE, GLib.Variant.new_int64(i)));
    const results = await Promise.all(futures);

    equal(results.map(variant => variant.unpack()), futures.map((_, i) => 3 * i));
});

test('the done signal comes in the main loop', async () => {
    const future = pool.submit_named(TRIPLE, GLib.Variant.new_int64(2));

    await new Promise(resolve => future.connect('done', () => resolve()));
    same(future.get_result(0).unpack(), 6);
});

test('map_named() is async iterable', async () => {
    const seen = [];

    for await (const variant of pool.map_named(TRIPLE, new GLib.Variant('ax', [1, 2, 3]), -1, 1, 0))
        seen.push(variant.unpack());
    equal(seen, [3, 6, 9]);
});

function add() {
    return 1;
}

for (const [name, attempt] of Object.entries({
    'submit() of a function': () => pool.submit(add),
    'submit() of a place': () => pool.submit(place('add'), 1),
    'submit_task()': () => pool.submit_task(add),
    'map()': () => pool.map(place('add'), [1]),
    'set_initializer()': () => pool.set_initializer(add),
    'submit_task() of a process pool': () => new Cf.ProcessPoolExecutor().submit_task(add),
    'Cf.Future.new_for_task()': () => Cf.Future.new_for_task(add),
    'Cf.Future.new_for_func()': () => Cf.Future.new_for_func(add, null),
})) {
    test(`${name} says why not, and what to do`, async () => {
        const error = await fails(attempt);

        ok(error.message.includes('thread') && error.message.includes('Cf.ProcessPoolExecutor'), error.message);
    });
}

test('nothing that takes a function for another thread is left', () => {
    same(Cf.Future.prototype.copy_result, undefined);
    same(Cf.ProcessPoolExecutor.prototype.set_initializer, undefined);
});

test('shutdown', async () => {
    await pool.shutdown();
    same(pool.n_workers, 0);
    matches(await fails(() => pool.submit_named(TRIPLE, null)), Cf.ExecutorError, 'SHUTDOWN');
    await pool.shutdown_async();
});

run();
