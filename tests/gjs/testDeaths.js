// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* Workers that die, for real. */

import Cf from 'gi://Cf';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import System from 'system';

import {Gate, collected, countFiles, equal, fails, matches, ok, place, run, same, test, withPool} from './tap.js';

for (const [name, args, text] of [
    ['die', ['ABRT'], 'signal 6'],
    ['die', ['KILL'], 'signal 9'],
    ['exit', [0], 'status 0'],
    ['exit', [3], 'status 3'],
    ['exitLater', [3], 'status 3'],
    ['exitFull', [3], 'status 3'],
]) {
    test(`${name} (${args}) fails that call only`, () => withPool({}, async pool => {
        const others = [];

        for (let i = 0; i < 50; i++)
            others.push(pool.submit(place('add'), i));
        const dying = pool.submit(place(name), ...args);
        for (let i = 50; i < 100; i++)
            others.push(pool.submit(place('add'), i));

        const error = await fails(dying);

        matches(error, Cf.ExecutorError, 'WORKER_DIED');
        ok(error.message.includes(`#${name}`), `${error.message} names the function`);
        ok(error.message.includes(text), `${error.message} names the ${text}`);
        equal(await Promise.all(others), Array.from({length: 100}, (_, i) => i));
        same(pool.n_deaths, 1);
    }));
}

test('a time-out ends the call, and the worker is replaced', () => withPool({max_workers: 1, task_timeout: 100000}, async pool => {
    const gate = new Gate();
    const future = pool.submit(place('gate'), gate.port);

    matches(await fails(future), Gio.IOErrorEnum, 'TIMED_OUT');
    same(await pool.submit(place('add'), 1, 1), 2);
    same(pool.n_deaths, 0);
    same(pool.n_restarts, 1);
}));

test('max_retries starts a call again', () => withPool({max_workers: 1, max_retries: 2}, async pool => {
    matches(await fails(pool.submit(place('exit'), 1)), Cf.ExecutorError, 'WORKER_DIED');
    same(pool.n_deaths, 3);
}));

test('max_tasks_per_child replaces workers', () => withPool({max_workers: 1, max_tasks_per_child: 2}, async pool => {
    equal(await Promise.all([1, 2, 3, 4, 5].map(() => pool.submit(place('count')))), [1, 2, 1, 2, 1]);
    same(pool.n_deaths, 0);
}));

test('idle_timeout ends workers that have nothing to do', () => withPool({max_workers: 1, idle_timeout: 1000}, async pool => {
    const first = await pool.submit(place('pid'));

    await collected(() => pool.n_workers === 0);
    ok(await pool.submit(place('pid')) !== first, 'another worker');
    same(pool.n_deaths, 0);
}));

test('what cannot start: spawn failed', async () => {
    const pool = new Cf.ProcessPoolExecutor({max_workers: 1, worker_argv: ['/nowhere/worker']});

    matches(await fails(pool.submit(place('add'), 1)), Cf.ExecutorError, 'SPAWN_FAILED');
    matches(await fails(() => pool.submit(place('add'), 1)), Cf.ExecutorError, 'BROKEN');
    await pool.shutdown();
});

/* Whether the other end of a connection is gone. */
function hasEnded(connection) {
    return new Promise((resolve, reject) => {
        connection.get_input_stream().read_bytes_async(1, GLib.PRIORITY_DEFAULT, null, (stream, result) => {
            try {
                resolve(stream.read_bytes_finish(result).get_size() === 0);
            } catch (error) {
                reject(error);
            }
        });
    });
}

test('a worker ends when its parent dies, in the middle of a call too', async () => {
    const gate = new Gate();
    const script = GLib.filename_from_uri(GLib.Uri.resolve_relative(import.meta.url, 'lib/parent.js', GLib.UriFlags.NONE))[0];
    const parent = Gio.Subprocess.new(['gjs', '-m', script, `${gate.port}`], Gio.SubprocessFlags.NONE);

    const connection = await gate.entered();
    parent.force_exit();
    ok(await hasEnded(connection), 'it has ended');
    parent.wait(null);
});

/* Gives the process of a worker that has ended since. */
async function useAndEnd() {
    const pool = new Cf.ProcessPoolExecutor({max_workers: 2});
    const pid = await pool.submit(place('pid'));

    await fails(pool.submit(place('exit'), 1));
    await pool.shutdown();

    return pid;
}

test('nothing left over: files and processes', async () => {
    /* What stays from the first time on. */
    await useAndEnd();
    System.gc();
    const before = countFiles();
    const pid = await useAndEnd();

    await collected(() => countFiles() <= before);
    ok(!GLib.file_test(`/proc/${pid}`, GLib.FileTest.EXISTS), 'the process is gone');
});

test('BREAK breaks the pool', () => withPool({max_workers: 1, worker_death_policy: Cf.WorkerDeathPolicy.BREAK}, async pool => {
    const dying = pool.submit(place('exit'), 1);
    const pending = pool.submit(place('add'), 1);

    matches(await fails(dying), Cf.ExecutorError, 'BROKEN');
    matches(await fails(pending), Cf.ExecutorError, 'BROKEN');
}));

test('kill_workers() and terminate_workers() cancel everything', async () => {
    for (const method of ['kill_workers', 'terminate_workers']) {
        const pool = new Cf.ProcessPoolExecutor({max_workers: 1});
        const gate = new Gate();
        const running = pool.submit(place('gate'), gate.port);
        const pending = pool.submit(place('add'), 1);

        await gate.entered();
        pool[method]();
        matches(await fails(running), Gio.IOErrorEnum, 'CANCELLED');
        matches(await fails(pending), Gio.IOErrorEnum, 'CANCELLED');
        await pool.shutdown();
    }
});

test('a map goes on after the chunk that died', () => withPool({max_workers: 1}, async pool => {
    const results = pool.map(place('dieAtTwo'), [1, 2, 3, 4, 5], {chunksize: 1});
    const seen = [];

    for (let i = 0; i < 5; i++) {
        try {
            seen.push((await results.next()).value);
        } catch (error) {
            matches(error, Cf.ExecutorError, 'WORKER_DIED');
            seen.push('died');
        }
    }
    equal(seen, [1, 'died', 3, 4, 5]);
    ok((await results.next()).done, 'the end');
}));

test('all of a chunk that died fails, item by item', () => withPool({max_workers: 1}, async pool => {
    const results = pool.map(place('dieAtTwo'), [1, 2, 3, 4], {chunksize: 3});

    for (let i = 0; i < 3; i++)
        matches(await fails(results.next()), Cf.ExecutorError, 'WORKER_DIED');
    same((await results.next()).value, 4);
}));

run();
