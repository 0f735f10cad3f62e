// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* What crash-tour.js runs in workers. */

import GLib from 'gi://GLib';
import System from 'system';

export function square(n) {
    return n * n;
}

/* As a bug in some library would end the process: with an abort. */
export function crash() {
    GLib.spawn_command_line_sync('sh -c "kill -ABRT $PPID"');
}

export function hang() {
    for (;;)
        GLib.usleep(1000000);
}

export function exit() {
    System.exit(0);
}
