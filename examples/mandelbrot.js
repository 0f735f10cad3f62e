// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/*
 * Computes a picture of the Mandelbrot set on all processors, while the main loop keeps ticking, and writes it as PNG
 * to the file that is named, if one is.
 */

import Cf from 'gi://Cf';
import GdkPixbuf from 'gi://GdkPixbuf';
import GLib from 'gi://GLib';

const PLACE = GLib.Uri.resolve_relative(import.meta.url, 'lib/mandelbrot.js#computeBand', GLib.UriFlags.NONE);
const [WIDTH, HEIGHT, LINES] = [960, 768, 16];
const TICK_MS = 5;

/* How long the main loop let its ticks wait, at most, in milliseconds. */
class Ticker {
    constructor() {
        this._last = GLib.get_monotonic_time();
        this.largest = 0;
        this.count = 0;
        this._source = GLib.timeout_add(GLib.PRIORITY_DEFAULT, TICK_MS, () => this._tick());
    }

    _tick() {
        const now = GLib.get_monotonic_time();

        this.largest = Math.max(this.largest, (now - this._last) / 1000);
        this._last = now;
        this.count++;

        return GLib.SOURCE_CONTINUE;
    }

    stop() {
        GLib.source_remove(this._source);
    }
}

async function computePicture(pool) {
    const picture = new Uint8Array(3 * WIDTH * HEIGHT);
    const bands = [];
    let at = 0;

    for (let first = 0; first < HEIGHT; first += LINES)
        bands.push({first, count: LINES, width: WIDTH, height: HEIGHT});

    for await (const pixels of pool.map(PLACE, bands)) {
        picture.set(pixels, at);
        at += pixels.length;
    }

    return picture;
}

function save(picture, path) {
    const {RGB} = GdkPixbuf.Colorspace;
    const pixbuf = GdkPixbuf.Pixbuf.new_from_bytes(new GLib.Bytes(picture), RGB, false, 8, WIDTH, HEIGHT, 3 * WIDTH);

    pixbuf.savev(path, 'png', [], []);
}

async function main() {
    const [path] = ARGV;
    const pool = new Cf.ProcessPoolExecutor();
    const begin = GLib.get_monotonic_time();
    const ticker = new Ticker();
    const picture = await computePicture(pool);

    ticker.stop();
    await pool.shutdown();
    if (path !== undefined)
        save(picture, path);
    print(`${WIDTH} x ${HEIGHT} pixels in ${((GLib.get_monotonic_time() - begin) / 1000).toFixed(0)} ms`);
    print(`the main loop ticked ${ticker.count} times; the largest gap was ${ticker.largest.toFixed(1)} ms (of ${TICK_MS})`);
}

const loop = new GLib.MainLoop(null, false);
main().catch(logError).finally(() => loop.quit());
loop.run();
