// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* Cf.ProcessPoolExecutor: what it runs, and how it ends. */

import Cf from 'gi://Cf';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

import {Gate, equal, fails, matches, ok, place, run, same, test, withPool} from './tap.js';

test('functions run in other processes', () => withPool({}, async pool => {
    const own = Number(GLib.file_read_link('/proc/self'));
    const pid = await pool.submit(place('pid'));

    ok(pid > 1 && pid !== own, `${pid} is another process`);
    same(await pool.submit(place('add'), 1, 2, 3), 6);
    ok(pool.n_workers >= 1 && pool.n_workers <= 2, 'it has workers');
}));

test('async functions run to their end', () => withPool({}, async pool => {
    same(await pool.submit(place('later'), 'x'), 'x');
    equal(new TextDecoder().decode(await pool.submit(place('readFile'), GLib.filename_from_uri(place('x').split('#')[0])[0])).slice(0, 2), '//');
}));

test('a module keeps its state in each worker', () => withPool({max_workers: 1}, async pool => {
    equal(await Promise.all([1, 2, 3].map(() => pool.submit(place('count')))), [1, 2, 3]);
}));

test('properties and defaults', async () => {
    const pool = new Cf.ProcessPoolExecutor();
    const other = Cf.ProcessPoolExecutor.new(3);

    same(pool.max_workers, GLib.get_num_processors());
    same(other.max_workers, 3);
    same(other.worker_death_policy, Cf.WorkerDeathPolicy.REPLACE);
    same(await other.submit(place('add'), 1), 1);
    await Promise.all([pool.shutdown(), other.shutdown()]);
});

test('what is no object makes no pool', async () => {
    for (const settings of [2, null, 'two'])
        ok(await fails(() => new Cf.ProcessPoolExecutor(settings)) instanceof TypeError, JSON.stringify(settings));
});

test('subclasses', async () => {
    const {default: GObject} = await import('gi://GObject');
    const Pool = GObject.registerClass(class Pool extends Cf.ProcessPoolExecutor {
        double(x) {
            return this.submit(place('add'), x, x);
        }
    });
    const pool = new Pool({max_workers: 1});

    same(await pool.double(4), 8);
    await pool.shutdown();
});

test('the initializer runs in each worker', () => withPool({initializer: place('prepare'), initargs: [{deep: [-0, new Uint8Array([1])]}]}, async pool => {
    equal(await pool.submit(place('getPrepared')), {deep: [-0, new Uint8Array([1])]});
}));

test('the arguments of the initializer may be long', async () => {
    const arg = '\u20ac\u{1f600}'.repeat(50000);

    await withPool({max_workers: 1, initializer: place('prepare'), initargs: [arg]}, async pool => {
        same(await pool.submit(place('getPrepared')), arg);
    });
});

test('arguments of the initializer that cannot travel make no pool', async () => {
    const error = await fails(() => new Cf.ProcessPoolExecutor({initializer: place('prepare'), initargs: [{deep: () => 1}]}));

    matches(error, Cf.ExecutorError, 'NOT_SERIALIZABLE');
    ok(error.message.startsWith('initargs[0].deep is a function'), error.message);
});

test('an initializer that fails breaks the pool', () => withPool({initializer: place('prepare'), initargs: ['fail']}, async pool => {
    const error = await fails(pool.submit(place('getPrepared')));

    matches(error, Cf.ExecutorError, 'BROKEN');
    ok(error.message.includes('not prepared'), error.message);
}));

test('what is not there', () => withPool({}, async pool => {
    for (const [name, text] of [['nobody', 'nobody'], ['answer', 'answer']]) {
        const error = await fails(pool.submit(place(name)));

        matches(error, Cf.ExecutorError, 'NOT_FOUND');
        ok(error.message.includes(text), error.message);
    }
    for (const uri of ['file:///nowhere/at/all.js#x', 'data:text/javascript,5#x', 'http://localhost/x.js#x'])
        matches(await fails(pool.submit(uri)), Cf.ExecutorError, 'NOT_FOUND');
}));

test('what is no place of a function is refused at once', () => withPool({}, async pool => {
    for (const bad of [() => 1, undefined, 5, 'x', './x.js', 'file:///x.js', './x.js#y', 'file:///x.js#']) {
        let error = null;

        try {
            pool.submit(bad);
        } catch (e) {
            error = e;
        }
        ok(error instanceof TypeError && error.message.includes('file:///'), `${bad}: ${error}`);
    }
    ok(await fails(() => pool.map(() => 1, [1])) instanceof TypeError, 'map() too');
}));

test('cancel() takes what has not begun', () => withPool({max_workers: 1}, async pool => {
    const gate = new Gate();
    const running = pool.submit(place('gate'), gate.port, 'a');
    const pending = pool.submit(place('add'), 1);

    await gate.entered();
    ok(pending.cancel(), 'it is cancelled');
    ok(!running.cancel(), 'the running one is not');
    matches(await fails(pending), Gio.IOErrorEnum, 'CANCELLED');
    gate.open();
    same(await running, 'a');
}));

test('terminate() ends a running call, and the worker is replaced', () => withPool({max_workers: 1}, async pool => {
    const gate = new Gate();
    const running = pool.submit(place('gate'), gate.port, 'a');

    await gate.entered();
    ok(running.terminate(), 'it is ended');
    matches(await fails(running), Gio.IOErrorEnum, 'CANCELLED');
    same(await pool.submit(place('add'), 1, 1), 2);
    same(pool.n_deaths, 0);
}));

test('what is no cancellable or no name is refused before the call is submitted', () => withPool({max_workers: 1}, async pool => {
    for (const wrong of [{cancellable: {}}, {name: 5}, {name: {}}])
        ok(await fails(() => pool.submit({function: place('add'), ...wrong}, 1)) instanceof TypeError, JSON.stringify(wrong));
    same(pool.n_pending + pool.n_running + pool.n_workers, 0);
}));

test('a cancellable ends its call', () => withPool({max_workers: 1}, async pool => {
    const gate = new Gate();
    const cancellable = new Gio.Cancellable();
    const running = pool.submit({function: place('gate'), cancellable, name: 'the gate'}, gate.port);
    const pending = pool.submit({function: place('add'), cancellable}, 1);

    same(running.name, 'the gate');
    await gate.entered();
    cancellable.cancel();
    matches(await fails(running), Gio.IOErrorEnum, 'CANCELLED');
    matches(await fails(pending), Gio.IOErrorEnum, 'CANCELLED');
    matches(await fails(pool.submit({function: place('add'), cancellable}, 1)), Gio.IOErrorEnum, 'CANCELLED');
    same(await pool.submit(place('add'), 1, 1), 2);
}));

test('a function can ask whether it is still wanted', () => withPool({max_workers: 1}, async pool => {
    same(await pool.submit(place('isWanted')), true);
    same(Cf.get_current_cancellable(), null);
}));

test('shutdown() lets go on what is there, and takes no more', async () => {
    const pool = new Cf.ProcessPoolExecutor({max_workers: 1});
    const futures = [1, 2, 3].map(i => pool.submit(place('add'), i));

    await pool.shutdown();
    same(pool.n_workers, 0);
    equal(futures.map(future => future.get_result(0)), [1, 2, 3]);
    ok(pool.is_shutdown(), 'it is shut down');
    matches(await fails(() => pool.submit(place('add'), 1)), Cf.ExecutorError, 'SHUTDOWN');
    matches(await fails(() => pool.map(place('add'), [1])), Cf.ExecutorError, 'SHUTDOWN');
    await pool.shutdown();
});

test('shutdown() with cancel_futures', async () => {
    const pool = new Cf.ProcessPoolExecutor({max_workers: 1});
    const gate = new Gate();
    const running = pool.submit(place('gate'), gate.port, 'a');
    const pending = pool.submit(place('add'), 1);

    await gate.entered();
    const end = pool.shutdown({cancel_futures: true});
    ok(pending.is_cancelled(), 'at once');
    gate.open();
    await end;
    same(running.get_result(0), 'a');
});

test('shutdown() without waiting, and the blocking one of C', async () => {
    const pool = new Cf.ProcessPoolExecutor({max_workers: 1});
    const future = pool.submit(place('add'), 1);

    await pool.shutdown({wait: false});
    same(await future, 1);
    pool.shutdown(true, false);
    same(pool.n_workers, 0);
});

test('a pool that is dropped runs what it has', async () => {
    const future = (() => new Cf.ProcessPoolExecutor({max_workers: 1}).submit(place('later'), 5))();

    imports.system.gc();
    same(await future, 5);
});

test('counts of what is there', async () => {
    const pool = new Cf.ProcessPoolExecutor({max_workers: 1});
    const gate = new Gate();

    equal([pool.n_pending, pool.n_running, pool.n_workers], [0, 0, 0]);
    const futures = [1, 2, 3].map(i => pool.submit(place('gate'), gate.port, i));
    await gate.entered();
    same(pool.n_workers, 1);
    ok(pool.n_running >= 1, 'one runs');
    same(pool.n_running + pool.n_pending, 3);
    for (let i = 0; i < 3; i++) {
        gate.open();
        if (i < 2)
            await gate.entered();
    }
    equal(await Promise.all(futures), [1, 2, 3]);
    await pool.shutdown();
    equal([pool.n_pending, pool.n_running, pool.n_workers], [0, 0, 0]);
});

test('a pool in a worker, nested', () => withPool({max_workers: 1}, async pool => {
    equal(await pool.submit(place('nested'), place('add'), [1, 2]), 3);
}));

test('workers of another language: worker_argv', async () => {
    const pool = new Cf.ProcessPoolExecutor({max_workers: 1, worker_argv: [GLib.getenv('CFUTURES_WORKER')]});
    const module = GLib.build_filenamev([GLib.getenv('G_TEST_BUILDDIR'), 'cf-test-module.so']);

    same((await pool.submit_named(`${module}:test_module_triple`, GLib.Variant.new_int64(14))).unpack(), 42);
    await pool.shutdown();
});

test('GVariants, as another language would send them', () => withPool({max_workers: 1}, async pool => {
    const result = await pool.submit_named(place('echo'), new GLib.Variant('(si)', ['a', 1]));

    same(result.print(true), "('a', 1)");
}));

/* As GIRepository 3.0 has it. */
class Repository {
    static dup_default() {
        return new Repository();
    }

    get_search_path() {
        return ['/nowhere/typelibs'];
    }
}

test('workers find the typelibs that the program finds, whichever GIRepository there is', async () => {
    const {GIRepository} = imports.gi;
    const {Repository: own} = GIRepository;

    await withPool({max_workers: 1}, async pool => {
        equal((await pool.submit(place('getTypelibFolders'))).slice(0, 1), imports.cfutures.typelibs.getFolders().slice(0, 1));
    });
    GIRepository.Repository = Repository;
    const pool = new Cf.ProcessPoolExecutor({max_workers: 1});
    GIRepository.Repository = own;
    same((await pool.submit(place('getTypelibFolders')))[0], '/nowhere/typelibs');
    await pool.shutdown();
});

test('the library may lie in a folder with any name', async () => {
    const source = Gio.File.parse_name(imports.cfutures.errors.__file__).get_parent().get_parent();
    const folder = GLib.dir_make_tmp('cf-é #%41-XXXXXX');
    const link = Gio.File.new_for_path(folder).get_child('gjs');
    const script = GLib.filename_from_uri(GLib.Uri.resolve_relative(import.meta.url, 'lib/once.js', GLib.UriFlags.NONE))[0];
    const launcher = new Gio.SubprocessLauncher();

    link.make_symbolic_link(source.get_path(), null);
    launcher.setenv('GJS_PATH', link.get_path(), true);
    ok(launcher.spawnv(['gjs', '-m', script]).wait_check(null), 'a worker has run there');
    link.delete(null);
    GLib.rmdir(folder);
});

run();
