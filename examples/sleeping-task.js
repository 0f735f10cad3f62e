// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* A call that takes its time, in another process, while this one goes on. */

import Cf from 'gi://Cf';
import GLib from 'gi://GLib';

const PLACE = GLib.Uri.resolve_relative(import.meta.url, 'lib/sleeps.js#returnWithinFiveSeconds', GLib.UriFlags.NONE);

function show(truth) {
    return truth ? 'True' : 'False';
}

async function main() {
    const pool = new Cf.ProcessPoolExecutor({max_workers: 3});
    const future = pool.submit(PLACE, 'hello');

    print('submit 직후: ', show(future.is_done()));

    await new Promise(resolve => setTimeout(resolve, 5000));

    print('5초 지난 후: ', show(future.is_done()));
    print('결과: ', await future);
    await pool.shutdown();
}

const loop = new GLib.MainLoop(null, false);
main().catch(logError).finally(() => loop.quit());
loop.run();
