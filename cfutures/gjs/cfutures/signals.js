// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* exported connect */

/*
 * Handlers of futures.
 *
 * In one function, which makes it faster: see values.js.
 */
var {connect} = (({GObject}, Collector, Rescue) => {
    const {Set} = globalThis;

    /* Futures with a handler that is still to be called: GJS would disconnect the handlers of one that nobody holds. */
    const held = new Set();

    /* Calls a handler of "done" whose call was lost; not at the first look, when it may be on its way. */
    class Reminder {
        constructor(future, id, tell) {
            this._future = future;
            this._id = id;
            this._tell = tell;
            this._isDue = false;
        }

        check() {
            if (!this._future.is_done())
                return;
            if (this._isDue && GObject.signal_handler_is_connected(this._future, this._id))
                this._tell(this._future);
            else if (this._isDue)
                Rescue.remove(this);
            this._isDue = true;
        }
    }

    /* It comes once, as it does in C. */
    function connectDone(future, connectInC, callback) {
        let isTold = false;
        const tell = it => {
            if (isTold)
                return;
            isTold = true;
            Rescue.remove(reminder);
            callback(it);
        };
        const id = connectInC.call(future, 'done', tell);
        const reminder = new Reminder(future, id, tell);

        Rescue.add(reminder);

        return id;
    }

    function hold(future, connectInC) {
        if (held.has(future))
            return;
        held.add(future);
        connectDone(future, connectInC, () => {
            held.delete(future);
            Collector.note();
        });
    }

    /**
     * Connects a handler, and holds the future until it is done.
     *
     * @param {Cf.Future} future - a future
     * @param {Function} connectInC - connect() or connect_after() of GObject
     * @param {string} signal - which signal
     * @param {Function} callback - the handler
     * @returns {number} its number
     */
    function connect(future, connectInC, signal, callback) {
        const id = signal === 'done'
            ? connectDone(future, connectInC, callback)
            : connectInC.call(future, signal, callback);

        hold(future, connectInC);

        return id;
    }

    return {connect};
})(imports.gi, imports.cfutures.collector, imports.cfutures.rescue);
