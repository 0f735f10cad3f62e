// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* Calls that take some time each: their results as they come. */

import Cf from 'gi://Cf';
import GLib from 'gi://GLib';

const PLACE = GLib.Uri.resolve_relative(import.meta.url, 'lib/sleeps.js#returnAfterRandomTime', GLib.UriFlags.NONE);

async function main() {
    const pool = new Cf.ProcessPoolExecutor({max_workers: 5});
    const futures = [0, 1, 2, 3, 4].map(i => pool.submit(PLACE, i));

    for await (const {future} of Cf.as_completed(futures))
        print(await future);
    await pool.shutdown();
}

const loop = new GLib.MainLoop(null, false);
main().catch(logError).finally(() => loop.quit());
loop.run();
