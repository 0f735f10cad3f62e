// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* What sleeping-task.js, random-sleeps.js and wait-first.js run in workers. */

import GLib from 'gi://GLib';

export function returnAfterOneSecond(message) {
    GLib.usleep(1000000);

    return message;
}

export function returnAfterRandomTime(number) {
    GLib.usleep(GLib.random_int_range(1, 6) * 200000);

    return `Return of ${number}`;
}
