// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* Work in processes for a program with a main loop, which nothing here blocks. */

import Cf from 'gi://Cf';
import GLib from 'gi://GLib';

const PLACE = GLib.Uri.resolve_relative(import.meta.url, 'lib/sleeps.js#square', GLib.UriFlags.NONE);

const loop = new GLib.MainLoop(null, false);
const pool = new Cf.ProcessPoolExecutor({max_workers: 1});
let left = 3;

async function shutDown() {
    await pool.shutdown();
    print('the pool is shut down');
    loop.quit();
}

for (const n of [1, 2, 3]) {
    /* The handler runs in the main loop, and keeps the future until it was called. */
    pool.submit(PLACE, n).connect('done', future => {
        print(future.get_result(0));
        if (--left === 0)
            shutDown().catch(logError);
    });
}
print('the main loop runs');
loop.run();
