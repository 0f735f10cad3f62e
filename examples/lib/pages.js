// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* What fetch-urls.js runs in workers: an async function, whose worker goes on when the page is there. */

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Soup from 'gi://Soup?version=3.0';

const session = new Soup.Session({timeout: 60});

function read(message) {
    return new Promise((resolve, reject) => {
        session.send_and_read_async(message, GLib.PRIORITY_DEFAULT, null, (source, result) => {
            try {
                resolve(session.send_and_read_finish(result));
            } catch (error) {
                reject(error);
            }
        });
    });
}

export async function loadSize(url) {
    const message = Soup.Message.new('GET', url);

    if (message === null)
        throw new GLib.Error(Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_ARGUMENT, `unknown url type: '${url}'`);

    const bytes = await read(message);

    if (message.get_status() !== Soup.Status.OK)
        throw new Error(`HTTP Error ${message.get_status()}: ${message.get_reason_phrase()}`);

    return bytes.get_size();
}
