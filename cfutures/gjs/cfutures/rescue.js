// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* exported add, ask, remove */

/*
 * Waits that may be in vain, since GJS may have lost their callbacks (see collector.js). So they are checked now and
 * then.
 *
 * In one function, which makes it faster: see values.js.
 */
var {add, ask, remove} = (({GLib}, Collector) => {
    const {Math, Promise, Set} = globalThis;

    /* Milliseconds. While a collection is stuck, for some seconds, a rescuer that is due is lost; the next one then helps. */
    const INTERVALS = [500, 1300, 3100, 6700, 13000, 29000, 61000];
    const BATCH = 2000;

    /* Objects with a method check(). */
    const waits = new Set();
    let round = waits.values();

    function nextWait() {
        const {value} = round.next();

        if (value !== undefined)
            return value;
        round = waits.values();

        return round.next().value;
    }

    /* A handler may throw, which does not end the rescuer. */
    function checkNext() {
        try {
            nextWait()?.check();
        } catch (error) {
            logError(error);
        }
    }

    /* Some of them each time, and all of them in turn. */
    function rescue() {
        for (let n = Math.min(waits.size, BATCH); n > 0; n--)
            checkNext();
    }

    /* When each rescuer came last, in microseconds. They look after each other, since they may be lost too. */
    const rescuers = INTERVALS.map(() => 0);

    function startRescuer(i) {
        GLib.timeout_add(GLib.PRIORITY_DEFAULT, INTERVALS[i], () => {
            rescue();
            if (waits.size > 0) {
                rescuers[i] = GLib.get_monotonic_time();
                startRescuers();

                return GLib.SOURCE_CONTINUE;
            }
            rescuers[i] = 0;

            return GLib.SOURCE_REMOVE;
        });
    }

    function startRescuers() {
        const now = GLib.get_monotonic_time();

        INTERVALS.forEach((interval, i) => {
            /* It is not there, or long overdue. */
            if (now - rescuers[i] > 3000 * interval) {
                rescuers[i] = now;
                startRescuer(i);
            }
        });
    }

    /**
     * @param {object} wait - its check() is called now and then, until it is removed
     */
    function add(wait) {
        if (!Collector.IS_NEEDED)
            return;
        waits.add(wait);
        startRescuers();
    }

    /**
     * @param {object} wait - what was added
     */
    function remove(wait) {
        waits.delete(wait);
    }

    /**
     * Waits for an operation of C that calls back. It is begun again when nothing has been heard of it for a while, less
     * and less often; the first answer ends it.
     *
     * @param {Function} begin - gets the callback
     * @param {Function} finish - gets the asynchronous result, and gives that of the promise
     * @returns {Promise} what that gave
     */
    function ask(begin, finish) {
        return new Promise((resolve, reject) => {
            let pause = 1000 * INTERVALS[0];
            let time = GLib.get_monotonic_time() + pause;
            let isOpen = true;
            const answer = (source, result) => {
                if (!isOpen)
                    return;
                isOpen = false;
                remove(wait);
                Collector.note();
                try {
                    resolve(finish(result));
                } catch (error) {
                    reject(error);
                }
            };
            const wait = {
                check() {
                    if (GLib.get_monotonic_time() < time)
                        return;
                    time += pause *= 2;
                    begin(answer);
                },
            };

            add(wait);
            begin(answer);
        });
    }

    return {add, ask, remove};
})(imports.gi, imports.cfutures.collector);
