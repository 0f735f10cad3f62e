// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* Callbacks that never come, as GJS before 1.82 loses some: what waits for them goes on all the same, a little later. */

import Cf from 'gi://Cf';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import System from 'system';

import {collected, equal, fails, matches, ok, run, same, test} from './tap.js';

const {NamedResults} = imports.cfutures.mapping;
const TRIPLE = `${GLib.build_filenamev([GLib.getenv('G_TEST_BUILDDIR'), 'cf-test-module.so'])}:test_module_triple`;

/* A later GJS loses none, and so nothing looks for them. */
function testLoss(name, fn) {
    if (System.version < 18200)
        test(name, fn);
}

/* A future whose waits tell nobody. */
function makeDeaf() {
    const future = new Cf.Future();

    future._wait_async = () => {};

    return future;
}

testLoss('await', async () => {
    const [good, bad] = [makeDeaf(), makeDeaf()];
    const promises = [good.then(), fails(bad)];

    good.set_result(1);
    bad.set_exception(new RangeError('x'));
    same(await promises[0], 1);
    ok(await promises[1] instanceof RangeError, 'its error');
});

testLoss('Cf.wait() and Cf.as_completed()', async () => {
    const futures = [makeDeaf(), makeDeaf()];
    const iterator = Cf.as_completed(futures);
    const promise = Cf.wait(futures);

    futures[1].set_result(1);
    same((await iterator.next()).value.future, futures[1]);
    futures[0].set_result(0);
    same((await promise).done.length, 2);
});

testLoss('a time-out that is not needed any more', async () => {
    const {timeout_add: add} = GLib;
    const future = new Cf.Future();
    let promise = null;
    const lost = new Promise(resolve => {
        GLib.timeout_add = (priority, interval, fn) => add(priority, interval, interval === 2 ? () => {
            resolve();

            return GLib.SOURCE_REMOVE;
        } : fn);
        promise = future.wait_async({timeout: 2000});
        GLib.timeout_add = add;
    });
    const before = GLib.log_set_always_fatal(GLib.LogLevelFlags.LEVEL_ERROR | GLib.LogLevelFlags.LEVEL_CRITICAL);

    await lost;
    future.set_result(1);
    await promise.catch(error => matches(error, Gio.IOErrorEnum, 'TIMED_OUT'));
    GLib.log_set_always_fatal(before);
});

testLoss('one of very many', async () => {
    const others = Array.from({length: 5000}, () => new Cf.Future());
    const promises = others.map(other => other.then());
    const deaf = makeDeaf();
    const promise = deaf.then();

    deaf.set_result('found');
    same(await promise, 'found');
    others.forEach(other => other.set_result(1));
    equal(await Promise.all(promises), others.map(() => 1));
});

testLoss('the done signal, unless it was disconnected', async () => {
    const future = new Cf.Future();
    const seen = [];
    const told = new Promise(resolve => {
        const id = future.connect('done', it => resolve(seen.push(it === future)));
        const other = future.connect('done', () => seen.push('disconnected'));

        GObject.signal_handler_block(future, id);
        future.disconnect(other);
        future.set_result(1);
        while (GLib.MainContext.default().iteration(false))
            ;
        same(seen.length, 0, 'handlers called');
        GObject.signal_handler_unblock(future, id);
    });

    await told;
    equal(seen, [true]);
});

testLoss('a future whose handler was disconnected in another way can go', async () => {
    const target = new Cf.Future();
    let future = new Cf.Future();
    const binding = future.bind_property('name', target, 'name', GObject.BindingFlags.DEFAULT);

    GObject.signal_handler_disconnect(future, future.connect('done', () => {}));
    future = null;
    await collected(() => binding.dup_source() === null);
});

testLoss('a shutdown is asked for again', async () => {
    const pool = new Cf.ThreadPoolExecutor({max_workers: 1});
    const begin = pool._shutdown_async;
    let n = 0;

    pool._shutdown_async = (cancelFutures, cancellable, callback) => {
        begin.call(pool, cancelFutures, cancellable, ++n === 1 ? () => {} : callback);
    };
    await pool.shutdown();
    same(n, 2, 'attempts');
    same(pool.n_workers, 0);
});

/* Loses the answers whose numbers are in the list. */
function makeLossy(iter, lost) {
    let n = 0;

    return new NamedResults((cancellable, callback) => {
        const isLost = lost.includes(n++);

        /* What was lost is really gone. */
        System.gc();
        iter.next_async(cancellable, (source, result) => {
            if (!isLost)
                callback(source, result);
        });
    }, result => iter.next_finish(result));
}

testLoss('a result of map_named() comes with the next question', async () => {
    const pool = new Cf.ThreadPoolExecutor({max_workers: 1});
    const iter = pool.map_named(TRIPLE, new GLib.Variant('ax', [1, 2, 3]), -1, 1, 0);
    const results = makeLossy(iter, [1]);
    const seen = [];

    for (let i = 0; i < 4; i++)
        seen.push((await results.next(null))?.unpack());
    equal(seen, [3, 6, 9, undefined]);
    await pool.shutdown();
});

/* Asks once, until that was asked again, and answers both in one go, or the second only after the next question. */
async function answerTwice(isLate) {
    const answers = [];
    const results = new NamedResults((cancellable, callback) => answers.push(callback), result => result);
    const seen = [];
    const first = results.next(null);

    while (answers.length < 2)
        await new Promise(resolve => setTimeout(resolve, 1));
    answers[0](null, 1);
    if (!isLate)
        answers[1](null, 2);
    seen.push(await first);
    const [second, third] = [results.next(null), results.next(null)];

    while (answers.length < 3)
        await new Promise(resolve => setTimeout(resolve, 1));
    if (isLate)
        answers[1](null, 2);
    answers[2](null, 3);
    seen.push(await second, await third);
    equal(seen, [1, 2, 3]);
}

testLoss('a result of map_named() that comes after all is the next one', async () => {
    await answerTwice(false);
    await answerTwice(true);
});

testLoss('the cancelling of a wait', async () => {
    const cancellable = new Gio.Cancellable();
    const promise = fails(makeDeaf().wait_async({cancellable}));
    const prototype = Cf.Future.prototype;
    const begin = prototype._wait_async;

    prototype._wait_async = () => {};
    const other = fails(new Cf.Future().wait_async({cancellable}));
    prototype._wait_async = begin;
    cancellable.cancel();
    matches(await promise, Gio.IOErrorEnum, 'CANCELLED');
    matches(await other, Gio.IOErrorEnum, 'CANCELLED');
});

run();
