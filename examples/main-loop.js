// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* The signal comes in the main loop, which ticks all the while. */

import Cf from 'gi://Cf';
import GLib from 'gi://GLib';

const PLACE = GLib.Uri.resolve_relative(import.meta.url, 'lib/sleeps.js#returnAfterOneSecond', GLib.UriFlags.NONE);

const loop = new GLib.MainLoop(null, false);
const pool = new Cf.ProcessPoolExecutor({max_workers: 2});
let [ticks, left] = [0, 2];

for (const message of ['hello', 'world']) {
    pool.submit(PLACE, message).connect('done', future => {
        print(`${future.get_result(0)}, after ${ticks} ticks`);
        if (--left === 0)
            pool.shutdown().then(() => loop.quit());
    });
}

GLib.timeout_add(GLib.PRIORITY_DEFAULT, 50, () => {
    ticks++;

    return GLib.SOURCE_CONTINUE;
});
loop.run();
