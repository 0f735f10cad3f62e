// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* What deadlocks.js runs in workers: a function that waits for another worker. */

import Cf from 'gi://Cf';

const POW = `${import.meta.url}#pow`;

export function pow(base, exponent) {
    return base ** exponent;
}

export async function waitOnFuture(base, exponent) {
    const pool = new Cf.ProcessPoolExecutor({max_workers: 1});
    const power = await pool.submit(POW, base, exponent);

    await pool.shutdown();

    return power;
}
