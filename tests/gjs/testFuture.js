// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* Cf.Future: states, outcomes, await, the signal. */

import Cf from 'gi://Cf';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';

import {collected, equal, fails, matches, ok, run, same, test} from './tap.js';

const {PENDING, RUNNING, FINISHED, CANCELLED} = Cf.FutureState;

function makeFinished(value) {
    const future = new Cf.Future();

    future.set_running_or_notify_cancel();
    future.set_result(value);

    return future;
}

/* Lets the main loop go round once. */
function turn() {
    return new Promise(resolve => GLib.idle_add(GLib.PRIORITY_LOW, () => {
        resolve();

        return GLib.SOURCE_REMOVE;
    }));
}

test('its states', () => {
    const future = new Cf.Future();

    same(future.get_state(), PENDING);
    same(future.state, PENDING);
    ok(!future.is_done() && !future.is_running(), 'it is pending');
    ok(future.set_running_or_notify_cancel(), 'it may run');
    same(future.get_state(), RUNNING);
    ok(future.is_running() && !future.cancel(), 'a running one is not cancelled');
    future.set_result(null);
    same(future.get_state(), FINISHED);
    ok(future.is_done() && !future.cancel() && !future.terminate(), 'it is done');
});

test('name is for people', () => {
    same(new Cf.Future({name: 'the thumbnail'}).name, 'the thumbnail');
    same(new Cf.Future().name, null);
});

test('results of every kind', async () => {
    const object = new Gio.Cancellable();

    for (const value of [1, -0, 1.5, 2 ** 40, 'é', true, null, undefined, {a: [1n]}, [1, 2], new Uint8Array([1])]) {
        const future = makeFinished(value);

        equal(future.get_result(), value);
        equal(await future, value);
    }
    same(await makeFinished(object), object);
    same((await makeFinished(new GLib.Variant('i', 5))).unpack(), 5);
});

test('a result that it cannot keep is refused', async () => {
    const future = new Cf.Future();

    for (const value of [() => 1, [Symbol('x')], Promise.resolve(1)])
        matches(await fails(() => future.set_result(value)), Cf.ExecutorError, 'NOT_SERIALIZABLE');
    ok(await fails(() => future.set_result(future)) instanceof TypeError, 'itself');
    future.set_result(1);
    same(await future, 1);
});

test('a result that is no variant is not one', async () => {
    matches(await fails(() => makeFinished('text').dup_variant(0)), Cf.ExecutorError, 'NOT_SUPPORTED');
    same(makeFinished(undefined).dup_variant(0), null);
    same(makeFinished(new GLib.Variant('i', 5)).dup_variant(0).unpack(), 5);
});

test('the first outcome stands', async () => {
    const future = makeFinished(1);

    matches(await fails(() => future.set_result(2)), Cf.ExecutorError, 'INVALID_STATE');
    matches(await fails(() => future.set_exception(new Error('x'))), Cf.ExecutorError, 'INVALID_STATE');
    same(await future, 1);
});

test('exceptions of both kinds', async () => {
    const future = new Cf.Future();
    const other = new Cf.Future();

    future.set_exception(new TypeError('no'));
    other.set_exception(new GLib.Error(Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND, 'nothing'));
    ok(future.get_exception() instanceof TypeError, 'get_exception()');
    ok(await fails(future) instanceof TypeError, 'await');
    matches(await fails(() => other.get_result()), Gio.IOErrorEnum, 'NOT_FOUND');
    same(await other.catch(error => error.message), 'nothing');
});

test('messages of others may look like those of JavaScript', async () => {
    for (const message of ['a \u001e b', '\u001e', '\u001e{}', '\u001enull', '\u001e{"kind":"value"}']) {
        const future = new Cf.Future();

        future.set_exception(new GLib.Error(Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND, message));
        for (const error of [await fails(future), future.get_exception(), await fails(() => future.get_result())]) {
            matches(error, Gio.IOErrorEnum, 'NOT_FOUND');
            same(error.message, message);
        }
    }
});

test('a cancelled one', async () => {
    const future = new Cf.Future();
    const promise = fails(future);

    ok(future.cancel() && future.cancel(), 'it is cancelled');
    same(future.get_state(), CANCELLED);
    matches(await promise, Gio.IOErrorEnum, 'CANCELLED');
    matches(await fails(() => future.get_exception()), Gio.IOErrorEnum, 'CANCELLED');
    ok(!future.set_running_or_notify_cancel(), 'it does not run');
});

test('blocking waits with a time-out', async () => {
    const future = new Cf.Future();

    ok(!future.wait(0), 'wait()');
    matches(await fails(() => future.get_result(0)), Gio.IOErrorEnum, 'TIMED_OUT');
    matches(await fails(() => future.get_exception(1000)), Gio.IOErrorEnum, 'TIMED_OUT');
});

test('many await one, before and after it is done', async () => {
    const future = new Cf.Future();
    const promises = [future.then(x => x + 1), future.then(), (async () => await future)()];

    future.set_result(1);
    equal(await Promise.all([...promises, future]), [2, 1, 1, 1]);
    same(await Promise.race([future]), 1);
});

test('then(), catch() and finally() are those of promises', async () => {
    const future = new Cf.Future();
    let n = 0;

    future.set_exception(new Error('x'));
    same(await future.finally(() => n++).catch(error => error.message), 'x');
    same(await future.then(() => 'good', () => 'bad'), 'bad');
    same(await makeFinished(1).finally(() => n++), 1);
    same(n, 2);
});

test('wait_async() as a promise: time-out and cancellable end the waiting, not the work', async () => {
    const future = new Cf.Future();
    const cancellable = new Gio.Cancellable();
    const promise = fails(future.wait_async({cancellable}));
    const other = fails(future.wait_async(cancellable));

    matches(await fails(future.wait_async({timeout: 1000})), Gio.IOErrorEnum, 'TIMED_OUT');
    matches(await fails(future.wait_async({timeout: 0})), Gio.IOErrorEnum, 'TIMED_OUT');
    same((await fails(future.wait_async({timeout: 0}))).message, 'The future is not done yet');
    cancellable.cancel();
    matches(await promise, Gio.IOErrorEnum, 'CANCELLED');
    matches(await other, Gio.IOErrorEnum, 'CANCELLED');
    same(future.get_state(), PENDING);
    future.set_result(3);
    same(await future.wait_async({timeout: -1}), 3);
});

test('wait_async() with a callback, as in C', async () => {
    const future = new Cf.Future();
    const promise = new Promise((resolve, reject) => {
        future.wait_async(null, (source, result) => {
            try {
                resolve(future.wait_finish(result));
            } catch (error) {
                reject(error);
            }
        });
    });

    future.set_result({a: 1});
    equal(await promise, {a: 1});
});

test('done-callbacks run in the main loop, once, in the order of adding', async () => {
    const future = new Cf.Future();
    const seen = [];

    for (const i of [1, 2, 3])
        future.add_done_callback(f => seen.push(f === future ? i : 0));
    future.set_result(null);
    equal(seen, []);
    await turn();
    future.add_done_callback(() => seen.push(4));
    await turn();
    await turn();
    equal(seen, [1, 2, 3, 4]);
});

test('the done signal comes once, also when it is connected late', async () => {
    const future = makeFinished(1);
    let n = 0;

    future.connect('done', () => n++);
    for (let i = 0; i < 3; i++)
        await turn();
    same(n, 1);
});

test('notify::state tells the latest state', async () => {
    const future = new Cf.Future();
    const seen = [];

    future.connect('notify::state', () => seen.push(future.state));
    future.set_running_or_notify_cancel();
    await turn();
    future.set_result(1);
    await turn();
    equal(seen, [RUNNING, FINISHED]);
});

test('a future with a handler is kept until it was called', async () => {
    let n = 0;

    for (let i = 0; i < 100; i++) {
        const future = new Cf.Future();

        future.connect('done', () => n++);
        future.set_result(i);
    }
    imports.system.gc();
    await turn();
    await turn();
    same(n, 100);
});

test('a handler that comes after the signal does not keep its future', async () => {
    const {collector} = imports.cfutures;
    const isNeeded = collector.IS_NEEDED;
    const bindings = [];
    const target = new Cf.Future();

    /* As with a GJS that loses nothing, where nothing looks for what was lost. */
    collector.IS_NEEDED = false;
    for (const signal of ['done', 'notify::state', 'done']) {
        const future = makeFinished(1);

        bindings.push(future.bind_property('name', target, 'name', GObject.BindingFlags.DEFAULT));
        await new Promise(resolve => future.connect('done', () => resolve()));
        future.connect(signal, () => {});
    }
    await collected(() => bindings.some(binding => binding.dup_source() === null));
    collector.IS_NEEDED = isNeeded;
});

test('subclasses', async () => {
    const Named = GObject.registerClass(class Named extends Cf.Future {
        get title() {
            return `<${this.name}>`;
        }
    });
    const future = new Named({name: 'x'});

    same(future.title, '<x>');
    future.set_result(1);
    same(await future, 1);
});

test('executors in JavaScript', async () => {
    const Inline = GObject.registerClass(class Inline extends Cf.Executor {
        vfunc_schedule(future) {
            future.run();

            return true;
        }

        vfunc_shutdown() {
            this.isOver = true;
        }
    });
    const executor = new Inline();
    const module = GLib.build_filenamev([GLib.getenv('G_TEST_BUILDDIR'), 'cf-test-module.so']);
    const future = executor.submit_named(`${module}:test_module_triple`, GLib.Variant.new_int64(14));

    same((await future).unpack(), 42);
    executor.shutdown(true, false);
    ok(executor.isOver, 'it was shut down');
    matches(await fails(() => executor.submit_named(`${module}:test_module_triple`, null)), Cf.ExecutorError, 'SHUTDOWN');
});

test('an executor in JavaScript without a shutdown can be shut down', async () => {
    const Queue = GObject.registerClass(class Queue extends Cf.Executor {
        vfunc_schedule() {
            return true;
        }
    });

    for (const options of [{}, {wait: false}, {cancel_futures: true}]) {
        const executor = new Queue();

        await executor.shutdown(options);
        await executor.shutdown_async(options);
        ok(executor.is_shutdown(), 'it is shut down');
    }
});

test('the shutdown of an executor in JavaScript runs in the main thread', async () => {
    const seen = [];
    const Recorder = GObject.registerClass(class Recorder extends Cf.ThreadPoolExecutor {
        vfunc_shutdown(wait, cancelFutures) {
            seen.push([wait, cancelFutures]);
            super.vfunc_shutdown(wait, cancelFutures);
        }
    });

    await new Recorder({max_workers: 1}).shutdown();
    await new Recorder({max_workers: 1}).shutdown_async({cancel_futures: true});
    await new Recorder({max_workers: 1}).shutdown({wait: false});
    equal(seen, [[true, false], [true, true], [false, false]]);
});

run();
