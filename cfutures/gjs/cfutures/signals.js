// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* exported connect, disconnect */

/*
 * Handlers of futures.
 *
 * In one function, which makes it faster: see values.js.
 */
var {connect, disconnect} = (({GLib, GObject}, Collector, Rescue) => {
    const {Map} = globalThis;

    /* When no signal waits to be delivered: many at a time are, in part, with the lowest priority that others use. */
    const AFTER_ALL = GLib.PRIORITY_LOW + 100;
    /* Milliseconds. */
    const LATE = 1000;

    /* Future -> its Hold, while a handler is still to be called: GJS would disconnect the handlers of one that nobody holds. */
    const held = new Map();

    /* Calls a handler of "done" whose call was lost; not at the first look, when it may be on its way. */
    class Reminder {
        constructor(future, id, tell) {
            this._future = future;
            this._id = id;
            this._tell = tell;
            this._isDue = false;
        }

        check() {
            if (!GObject.signal_handler_is_connected(this._future, this._id))
                forget(this._future, this._id, this);
            else if (this._isDue)
                this._tell(this._future);
            else
                this._isDue = this._future.is_done();
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

        return [id, reminder];
    }

    /* Holds a future until it is done, or until none of its handlers is left. */
    class Hold {
        constructor(future, connectInC) {
            this._future = future;
            this._reminders = new Map();
            [this._id, this._own] = connectDone(future, connectInC, () => {
                held.delete(future);
                Collector.note();
            });
            held.set(future, this);
            if (future.is_done())
                this._endLater();
        }

        /* The signal may have been emitted before. If it is still to come, the thread that settled the future may be late. */
        _endLater() {
            GLib.timeout_add(AFTER_ALL, LATE, () => {
                if (held.get(this._future) === this)
                    held.delete(this._future);

                return GLib.SOURCE_REMOVE;
            });
        }

        add(id, reminder) {
            this._reminders.set(id, reminder);
        }

        remove(id) {
            Rescue.remove(this._reminders.get(id));
            if (!this._reminders.delete(id) || this._reminders.size > 0)
                return;
            held.delete(this._future);
            Rescue.remove(this._own);
            if (GObject.signal_handler_is_connected(this._future, this._id))
                GObject.signal_handler_disconnect(this._future, this._id);
        }
    }

    function forget(future, id, reminder) {
        Rescue.remove(reminder);
        held.get(future)?.remove(id);
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
        const [id, reminder] = signal === 'done'
            ? connectDone(future, connectInC, callback)
            : [connectInC.call(future, signal, callback), null];

        (held.get(future) ?? new Hold(future, connectInC)).add(id, reminder);

        return id;
    }

    /**
     * Disconnects a handler; with the last one, the future is let go.
     *
     * @param {Cf.Future} future - a future
     * @param {number} id - the number of the handler
     */
    function disconnect(future, id) {
        GObject.signal_handler_disconnect(future, id);
        held.get(future)?.remove(id);
    }

    return {connect, disconnect};
})(imports.gi, imports.cfutures.collector, imports.cfutures.rescue);
