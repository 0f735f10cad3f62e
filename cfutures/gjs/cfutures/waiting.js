// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* exported AsCompleted, checkCancellable, limitsOf, onCancelled, outcome, promiseOf, terminateWith, toTimeout, wait, watch */

/*
 * Waiting for futures in the main loop. Everything is built on watch(): one wait in C for each future, however many
 * wait for it here.
 *
 * In one function, which makes it faster: see values.js.
 */
var {
    AsCompleted, checkCancellable, limitsOf, onCancelled, outcome, promiseOf, terminateWith, toTimeout, wait, watch,
} = ((gi, Collector, Errors, Rescue, Values) => {
    const {Map, Math, Number, Promise, RangeError, Set, Symbol, TypeError} = globalThis;
    const {Gio, GLib} = gi;

    const NOTHING = () => {};
    const NO_LIMITS = {timeout: -1, cancellable: null};

    /* Future -> its Watch. They hold the futures, as C does while it waits. */
    const watched = new Map();

    /** One wait of C, and all functions that wait for it, each with the cancellable of who may give up, or null. */
    class Watch {
        constructor(future, cancellable) {
            this._future = future;
            this.functions = new Map();
            watched.set(future, this);
            Rescue.add(this);
            this._begin(cancellable);
        }

        _begin(cancellable) {
            this._cancellable = cancellable;
            this._future._wait_async(cancellable, () => {
                this.check();
                Collector.note();
            });
        }

        check() {
            if (watched.get(this._future) !== this)
                return;
            if (this._future.is_done())
                this._end();
            else if (this._cancellable?.is_cancelled())
                this._goOn();
        }

        /* The one whose cancellable it was has given up: it is the next one's wait, if there is one. */
        _goOn() {
            const [next] = this.functions.values();

            if (next === undefined)
                this._end();
            else
                this._begin(next);
        }

        _end() {
            watched.delete(this._future);
            Rescue.remove(this);
            for (const fn of this.functions.keys())
                fn(this._future);
        }
    }

    /**
     * Calls a function in the main loop once a future is done, and never before this has returned.
     *
     * @param {Cf.Future} future - a future
     * @param {Function} fn - what to call
     * @param {Gio.Cancellable} cancellable - or null; who ends the watch cancels it, so that C lets the future go
     * @returns {Function} ends the watch
     */
    function watch(future, fn, cancellable = null) {
        const {functions} = watched.get(future) ?? new Watch(future, cancellable);

        functions.set(fn, cancellable);

        return () => functions.delete(fn);
    }

    /**
     * The result of a future that is done, or its error.
     *
     * @param {Cf.Future} future - a future
     * @returns {*} the result
     */
    function outcome(future) {
        try {
            return Values.decode(future._get_result(0));
        } catch (error) {
            throw Errors.revive(error);
        }
    }

    /**
     * @param {number} timeout - in microseconds; or null
     * @returns {number} it as C takes it: -1 when it has no end
     */
    function toTimeout(timeout) {
        if (typeof (timeout ?? -1) !== 'number' || Number.isNaN(timeout))
            throw new TypeError(`timeout is ${String(timeout)}, and must be a number of microseconds`);

        return (timeout ?? -1) >= 0 && timeout <= Number.MAX_SAFE_INTEGER ? timeout : -1;
    }

    /**
     * @param {Gio.Cancellable} cancellable - or null
     * @returns {Gio.Cancellable} it
     */
    function checkCancellable(cancellable) {
        if (cancellable && !(cancellable instanceof Gio.Cancellable))
            throw new TypeError(`cancellable is of type ${typeof cancellable}, and must be a Gio.Cancellable`);

        return cancellable ?? null;
    }

    /**
     * @param {object} options - `timeout` and `cancellable`, which end a wait early; or null
     * @returns {object} both, after a check
     */
    function limitsOf(options) {
        return {timeout: toTimeout(options?.timeout), cancellable: checkCancellable(options?.cancellable)};
    }

    /** Calls a function when a time has passed. */
    class Deadline {
        /**
         * @param {number} microseconds - from now; negative: never
         * @param {Function} fn - what to call
         */
        constructor(microseconds, fn) {
            this._fn = fn;
            this._isOpen = microseconds >= 0;
            if (!this._isOpen)
                return;
            this._time = GLib.get_monotonic_time() + microseconds;
            this._source = GLib.timeout_add(GLib.PRIORITY_DEFAULT, Math.min(Math.ceil(microseconds / 1000), 0xffffffff), () => {
                this._source = 0;
                this._pass();

                return GLib.SOURCE_REMOVE;
            });
            Rescue.add(this);
        }

        _end() {
            const wasOpen = this._isOpen;

            this._isOpen = false;
            Rescue.remove(this);

            return wasOpen;
        }

        _pass() {
            if (this._end())
                this._fn();
        }

        check() {
            if (GLib.get_monotonic_time() >= this._time)
                this._pass();
        }

        stop() {
            /* One whose callback was lost is gone. */
            if (this._end() && this._source)
                GLib.MainContext.default().find_source_by_id(this._source)?.destroy();
        }
    }

    /**
     * Calls a function in the main loop when a cancellable is cancelled, in whatever thread that is. Signals of a
     * cancellable would come in that thread, and JavaScript must not run there.
     *
     * @param {Gio.Cancellable} cancellable - or null
     * @param {Function} fn - what to call
     * @returns {Function} ends that
     */
    function onCancelled(cancellable, fn) {
        if (!cancellable)
            return NOTHING;

        const never = new gi.Cf.Future();
        const wait = {check: () => cancellable.is_cancelled() && end(fn)};
        let isOpen = true;
        const end = last => {
            if (!isOpen)
                return;
            isOpen = false;
            Rescue.remove(wait);
            never.cancel();
            last();
        };

        Rescue.add(wait);
        never._wait_async(cancellable, () => end(fn));

        return () => end(NOTHING);
    }

    /**
     * Terminates a future when a cancellable is cancelled.
     *
     * @param {Cf.Future} future - a future
     * @param {Gio.Cancellable} cancellable - what ends it
     */
    function terminateWith(future, cancellable) {
        watch(future, onCancelled(cancellable, () => future.terminate()));
    }

    function cancelled() {
        return Errors.ioError(Gio.IOErrorEnum.CANCELLED, 'Operation was cancelled');
    }

    function mayEndEarly({timeout, cancellable}) {
        return timeout >= 0 || cancellable !== null;
    }

    /* Calls one of the two functions when a wait ends early; returns a function that stops that. */
    function onEarlyEnd(limits, onTimeout, onCancel) {
        if (!mayEndEarly(limits))
            return NOTHING;

        const deadline = new Deadline(limits.timeout, onTimeout);
        const stop = onCancelled(limits.cancellable, onCancel);

        return () => {
            deadline.stop();
            stop();
        };
    }

    /**
     * @param {Cf.Future} future - a future
     * @param {object} options - `timeout` in microseconds, `cancellable`: they end the waiting, not the work
     * @returns {Promise} its outcome
     */
    function promiseOf(future, options = null) {
        return new Promise((resolve, reject) => {
            const limits = options === null ? NO_LIMITS : limitsOf(options);

            if (limits.cancellable?.is_cancelled())
                throw cancelled();
            if (future.is_done()) {
                resolve(outcome(future));
                return;
            }

            let unwatch = null;
            const quit = mayEndEarly(limits) ? new Gio.Cancellable() : null;
            const end = error => {
                unwatch();
                quit.cancel();
                reject(error);
            };
            const tearDown = onEarlyEnd(limits,
                () => end(Errors.ioError(Gio.IOErrorEnum.TIMED_OUT, 'The future is not done yet')),
                () => end(cancelled()));
            unwatch = watch(future, () => {
                tearDown();
                try {
                    if (limits.cancellable?.is_cancelled())
                        throw cancelled();
                    resolve(outcome(future));
                } catch (error) {
                    reject(error);
                }
            }, quit);
        });
    }

    function hasFailed(future) {
        return !future.is_cancelled() && future._get_exception(0)[1] !== null;
    }

    function isEnough(returnWhen, done, notDone) {
        const {ReturnWhen} = gi.Cf;

        if (notDone.length === 0)
            return true;
        if (returnWhen === ReturnWhen.FIRST_COMPLETED)
            return done.length > 0;

        return returnWhen === ReturnWhen.FIRST_EXCEPTION && done.some(hasFailed);
    }

    /* Whether this completion, after which `left` are still to come, ends the wait: no look at all the others. */
    function isTheOne(returnWhen, future, left) {
        const {ReturnWhen} = gi.Cf;

        return left === 0 || returnWhen === ReturnWhen.FIRST_COMPLETED ||
            (returnWhen === ReturnWhen.FIRST_EXCEPTION && hasFailed(future));
    }

    /* Each future once, in the order given. */
    function listOf(iterable) {
        if (typeof iterable?.[Symbol.iterator] !== 'function')
            throw new TypeError('The futures to wait for are an array or something else that can be iterated');

        const futures = [...new Set(iterable)];
        const other = futures.findIndex(future => typeof future?.is_done !== 'function');

        if (other >= 0)
            throw new TypeError(`Only futures can be waited for, and this is none: ${typeof futures[other]}`);

        return futures;
    }

    /* Asks each only once, as it may be done a moment later. */
    function sort(futures) {
        const lists = {done: [], not_done: []};

        for (const future of futures)
            lists[future.is_done() ? 'done' : 'not_done'].push(future);

        return lists;
    }

    function checkReturnWhen(returnWhen) {
        const {ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION} = gi.Cf.ReturnWhen;

        if (![ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION].includes(returnWhen ?? ALL_COMPLETED))
            throw new RangeError(`return_when is ${String(returnWhen)}, and must be one of Cf.ReturnWhen`);

        return returnWhen ?? ALL_COMPLETED;
    }

    /**
     * Waits for some or all of many futures.
     *
     * @param {Iterable} iterable - futures
     * @param {object} options - `timeout`, `return_when`, `cancellable`
     * @returns {Promise} `done` and `not_done`, in the order given
     */
    function wait(iterable, options = null) {
        const futures = listOf(iterable);
        const limits = limitsOf(options);
        const returnWhen = checkReturnWhen(options?.return_when);
        const now = sort(futures);

        if (isEnough(returnWhen, now.done, now.not_done))
            return Promise.resolve(now);

        return new Promise((resolve, reject) => {
            const unwatch = [];
            const isForAll = returnWhen === gi.Cf.ReturnWhen.ALL_COMPLETED && !mayEndEarly(limits);
            const quit = isForAll ? null : new Gio.Cancellable();
            const end = (fn, value) => {
                tearDown();
                unwatch.forEach(stop => stop());
                quit?.cancel();
                fn(value);
            };
            const tearDown = onEarlyEnd(limits,
                () => end(resolve, sort(futures)),
                () => end(reject, cancelled()));
            let left = now.not_done.length;
            for (const future of now.not_done) {
                unwatch.push(watch(future, () => {
                    if (isTheOne(returnWhen, future, --left))
                        end(resolve, sort(futures));
                }, quit));
            }
        });
    }

    /** Futures in the order in which they are done; what Cf.as_completed() gives. */
    class AsCompleted {
        constructor(iterable, options = null) {
            const futures = listOf(iterable);
            const limits = limitsOf(options);
            const {done, not_done: notDone} = sort(futures);

            this._count = futures.length;
            this._ready = done;
            this._error = null;
            this._asking = [];
            this._unwatch = new Map();
            this._quit = new Gio.Cancellable();
            this._tearDown = () => {};
            for (const future of notDone)
                this._unwatch.set(future, watch(future, () => this._add(future), this._quit));
            if (this._unwatch.size > 0) {
                this._tearDown = onEarlyEnd(limits,
                    () => this._fail(Errors.timedOut(this._unwatch.size, this._count)),
                    () => this._fail(cancelled()));
            }
        }

        _add(future) {
            this._unwatch.delete(future);
            this._ready.push(future);
            if (this._unwatch.size === 0)
                this._tearDown();
            this._serve();
        }

        _fail(error) {
            this._error = error;
            this._stop();
            this._serve();
        }

        _stop() {
            this._tearDown();
            for (const unwatch of this._unwatch.values())
                unwatch();
            this._unwatch.clear();
            this._quit.cancel();
        }

        _canAnswer() {
            return this._ready.length > 0 || this._error !== null || this._unwatch.size === 0;
        }

        _serve() {
            while (this._asking.length > 0 && this._canAnswer()) {
                const [resolve, reject] = this._asking.shift();

                this._answer(resolve, reject);
            }
        }

        _answer(resolve, reject) {
            if (this._ready.length > 0) {
                resolve({value: {future: this._ready.shift()}, done: false});
            } else if (this._error !== null) {
                reject(this._error);
                this._error = null;
            } else {
                resolve({value: undefined, done: true});
            }
        }

        /** @returns {Promise} the next future, as `{value: {future}, done}` */
        next() {
            return new Promise((resolve, reject) => {
                this._asking.push([resolve, reject]);
                this._serve();
            });
        }

        /**
         * Ends the waiting.
         *
         * @returns {Promise} the end
         */
        return() {
            this._stop();
            this._ready = [];
            this._error = null;
            this._serve();

            return Promise.resolve({value: undefined, done: true});
        }

        [Symbol.asyncIterator]() {
            return this;
        }
    }

    return {
        AsCompleted, checkCancellable, limitsOf, onCancelled, outcome, promiseOf, terminateWith, toTimeout, wait, watch,
    };
})(
    imports.gi, imports.cfutures.collector, imports.cfutures.errors, imports.cfutures.rescue, imports.cfutures.values,
);
