// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* What main-loop.js, sleeping-task*.js, random-sleeps.js and wait-first.js run in workers. */

import GLib from 'gi://GLib';

export function returnWithinFiveSeconds(message) {
    GLib.usleep(4500000);

    return message;
}

export function returnAfterFiveSeconds(message) {
    GLib.usleep(5500000);

    return message;
}

export function square(n) {
    GLib.usleep(100000);

    return `${n} * ${n} = ${n * n}`;
}

export function returnAfterRandomTime(number) {
    GLib.usleep(GLib.random_int_range(1, 6) * 200000);

    return `Return of ${number}`;
}
