// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* In an application with a main loop of its own. */

import Cf from 'gi://Cf';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import System from 'system';

import {matches, ok, place, run, same, test, withPool} from './tap.js';

const pool = new Cf.ProcessPoolExecutor({max_workers: 1});
const loop = new GLib.MainLoop(null, false);
let signalled = null;

pool.submit(place('add'), 1, 2).connect('done', future => {
    signalled = future.get_result(0);
    loop.quit();
});
loop.run();

test('the done signal, under a plain main loop', async () => {
    same(signalled, 3);
    await pool.shutdown();
});

test('await under Gio.Application, which ticks all the while', () => withPool({}, async others => {
    let [ticks, sum] = [0, 0];
    const source = GLib.timeout_add(GLib.PRIORITY_DEFAULT, 1, () => ++ticks > 0);

    for await (const {future} of Cf.as_completed([1, 2, 3].map(i => others.submit(place('later'), i))))
        sum += await future;
    GLib.source_remove(source);
    same(sum, 6);
    ok(ticks > 0, 'it ticked');
}));

test('a page that is gone is not told', async () => {
    const Page = GObject.registerClass(class Page extends GObject.Object {
        _init() {
            super._init();
            this.cancellable = new Gio.Cancellable();
            this.error = null;
        }

        async load(future) {
            try {
                this.value = await future.wait_async({cancellable: this.cancellable});
            } catch (error) {
                this.error = error;
            }
        }

        destroy() {
            this.cancellable.cancel();
            this.run_dispose();
        }
    });
    const future = new Cf.Future();
    const page = new Page();
    const loaded = page.load(future);

    page.destroy();
    future.set_result(1);
    await loaded;
    matches(page.error, Gio.IOErrorEnum, 'CANCELLED');
    same(page.value, undefined);
});

test('an error in a done-callback does not hurt the others', async () => {
    const future = new Cf.Future();
    let n = 0;

    GLib.test_expect_message('Gjs', GLib.LogLevelFlags.LEVEL_WARNING, '*on purpose*');
    future.add_done_callback(() => {
        throw new Error('on purpose');
    });
    future.add_done_callback(() => n++);
    future.set_result(null);
    await new Promise(resolve => future.add_done_callback(() => resolve()));
    same(n, 1);
});

let result = 1;
const application = new Gio.Application({application_id: 'org.example.Cfutures', flags: Gio.ApplicationFlags.NON_UNIQUE});
application.connect('activate', () => {
    application.hold();
    run(status => {
        result = status;
        application.release();
    });
});
application.run([]);
System.exit(result);
