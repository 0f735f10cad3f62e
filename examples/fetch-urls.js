// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/*
 * Loads some pages at once, and tells of each when it is there.
 *
 * Without arguments, the pages are those of a server of its own, since the world is not always there.
 */

import Cf from 'gi://Cf';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Soup from 'gi://Soup?version=3.0';

const PLACE = GLib.Uri.resolve_relative(import.meta.url, 'lib/pages.js#loadSize', GLib.UriFlags.NONE);
const PAGES = {
    '/fox': 225141,
    '/cnn': 154947,
    '/wsj': 911144,
    '/bbc': 274394,
};

function answer(server, message, path) {
    if (!(path in PAGES)) {
        message.set_status(Soup.Status.NOT_FOUND, null);
        return;
    }

    message.set_status(Soup.Status.OK, null);
    message.set_response('text/html', Soup.MemoryUse.COPY, new Uint8Array(PAGES[path]).fill(0x20));
    if (path === '/bbc') {
        message.pause();
        setTimeout(() => message.unpause(), 500);
    }
}

function findRefusedPort() {
    const listener = new Gio.SocketListener();
    const port = listener.add_any_inet_port(null);

    listener.close();

    return port;
}

function startServer() {
    const server = new Soup.Server();

    server.add_handler(null, answer);
    server.listen_local(0, Soup.ServerListenOptions.IPV4_ONLY);

    return server;
}

function getUrls(server) {
    const root = server.get_uris()[0].to_string().replace(/\/$/, '');

    return [
        ...Object.keys(PAGES).map(path => root + path),
        `${root}/missing`,
        `http://127.0.0.1:${findRefusedPort()}/`,
        'http://bad_host..name/',
    ];
}

async function main() {
    const server = ARGV.length === 0 ? startServer() : null;
    const urls = server === null ? ARGV : getUrls(server);
    const pool = new Cf.ProcessPoolExecutor({max_workers: 5});
    const futureToUrl = new Map(urls.map(url => [pool.submit(PLACE, url), url]));

    for await (const {future} of Cf.as_completed(futureToUrl.keys())) {
        const url = futureToUrl.get(future);

        try {
            print(`'${url}' page is ${await future} bytes`);
        } catch (error) {
            print(`'${url}' generated an exception: ${error.message}`);
        }
    }
    server?.disconnect();
    await pool.shutdown();
}

const loop = new GLib.MainLoop(null, false);
main().catch(logError).finally(() => loop.quit());
loop.run();
