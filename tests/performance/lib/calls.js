// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* What bench-gjs.js runs, here and in workers. */

export function echo(value) {
    return value;
}

export function compute(rounds) {
    let sum = 0;

    for (let i = 1; i <= rounds; i++)
        sum += Math.sqrt(i) / i;

    return sum;
}
