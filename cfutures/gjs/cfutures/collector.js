// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* exported Canary, IS_NEEDED, note, noteSize, noteWork */

/*
 * GJS before 1.82 does not run callbacks that arrive while an incremental garbage collection is under way: they are
 * lost. A collection that is asked for is not incremental. So ask in time, and none begins by itself.
 *
 * In one function, which makes it faster: see values.js.
 */
var {Canary, IS_NEEDED, note, noteSize, noteWork} = (({GLib, Gio}, System) => {
    const {Math} = globalThis;

    const IS_NEEDED = System.version < 18200;

    /* Microseconds for each completion. */
    const MAX_COST = 10;
    const MIN_INTERVAL = 1000;
    const MAX_INTERVAL = 4000;

    /* Microseconds of work between two collections, at least. */
    const MIN_WORK = 1000;

    /* Characters and bytes that came or went between two collections, at least; and for each microsecond that one took. */
    const MIN_SIZE = 4 << 20;
    const SIZE_RATE = 64;

    let count = 0;
    let interval = MIN_INTERVAL;
    let work = 0;
    let workInterval = MIN_WORK;
    let size = 0;
    let sizeInterval = MIN_SIZE;

    /* Garbage makes every new wrapper slower, so often is fast; but a large heap is collected less often. */
    function collect() {
        const begin = GLib.get_monotonic_time();

        System.gc();
        const cost = GLib.get_monotonic_time() - begin;

        interval = Math.min(Math.max(cost / MAX_COST, MIN_INTERVAL), MAX_INTERVAL);
        workInterval = Math.max(cost, MIN_WORK);
        sizeInterval = Math.max(cost * SIZE_RATE, MIN_SIZE);
        [count, work, size] = [0, 0, 0];
    }

    /** A callback has come; collects when it is time. */
    function note() {
        count++;
        if (IS_NEEDED && count >= interval)
            collect();
    }

    /**
     * A function has run, which may have left garbage.
     *
     * @param {number} microseconds - how long it took
     */
    function noteWork(microseconds) {
        work += microseconds;
        if (IS_NEEDED && work >= workInterval)
            collect();
        else
            note();
    }

    /**
     * A value comes or goes, and leaves copies of itself as garbage: a few large ones begin a collection, too.
     *
     * @param {number} length - in characters or bytes
     */
    function noteSize(length) {
        size += length;
        if (IS_NEEDED && size >= sizeInterval)
            collect();
    }

    /** Finds out whether callbacks are lost now, and ends the collection that is to blame. */
    class Canary {
        constructor() {
            this._action = new Gio.SimpleAction({name: 'canary'});
            this._isAlive = false;
            this._action.connect('notify::enabled', () => (this._isAlive = true));
        }

        /** To be called before C is to call back. */
        check() {
            if (!IS_NEEDED)
                return;
            this._isAlive = false;
            this._action.notify('enabled');
            if (!this._isAlive)
                collect();
        }
    }

    return {Canary, IS_NEEDED, note, noteSize, noteWork};
})(imports.gi, imports.system);
