// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* exported MapResults, NamedResults */

/*
 * A map over items, in chunks that travel as one call each.
 *
 * In one function, which makes it faster: see values.js.
 */
var {MapResults, NamedResults} = (({Gio, GLib}, {Blob}, Collector, Errors, Rescue, Values, Waiting) => {
    const {Math, Number, Promise, RangeError, Symbol, TypeError} = globalThis;

    function checkSize(name, value, min) {
        if (!Number.isInteger(value) || value < min)
            throw new RangeError(`${name} is ${value}, and must be an integer of at least ${min}`);
    }

    function iterate(items) {
        if (typeof items?.[Symbol.iterator] !== 'function')
            throw new TypeError('The items of a map are an array or something else that can be iterated');

        return items[Symbol.iterator]();
    }

    function reviveOutcome(outcome) {
        return 'error' in outcome ? {error: Errors.fromDescription(outcome.error)} : outcome;
    }

    /* Some items, and the call that computes their results. */
    class Chunk {
        constructor(items, first, submit) {
            this.length = items.length;
            this._outcomes = items.map(() => null);
            this._sent = [];
            this.future = null;
            const written = [];
            const blob = new Blob();
            items.forEach((item, i) => this._write(written, blob, item, i, first + i));
            if (written.length > 0)
                this.future = submit(Values.toVariant(Values.encodeChunk(written, blob)));
        }

        _write(written, blob, item, i, index) {
            try {
                written.push(Values.write(item, `items[${index}]`, blob));
                this._sent.push(i);
            } catch (error) {
                this._outcomes[i] = {error: Errors.executorError('NOT_SERIALIZABLE', error.message)};
            }
        }

        /* Takes what the call gave: results and errors, or one error for all. */
        settle() {
            if (this.future === null)
                return;
            try {
                const outcomes = Waiting.outcome(this.future).map(reviveOutcome);

                this._sent.forEach((i, k) => (this._outcomes[i] = outcomes[k]));
            } catch (error) {
                this._sent.forEach(i => (this._outcomes[i] = {error}));
            }
            this.future = null;
        }

        take() {
            return this._outcomes[this._outcomes.length - this.length--];
        }
    }

    /** Results in the order of the items; what the map() of a process pool gives. */
    class MapResults {
        /**
         * @param {Iterable} items - one for each call
         * @param {object} options - `chunksize`, `buffersize`, `timeout`, `cancellable`
         * @param {Function} submit - submits an encoded chunk
         */
        constructor(items, options, submit) {
            const {chunksize = 1, buffersize = 0} = options ?? {};
            const {timeout, cancellable} = Waiting.limitsOf(options);

            checkSize('chunksize', chunksize, 1);
            checkSize('buffersize', buffersize, 0);
            this._items = iterate(items);
            this._chunksize = chunksize;
            this._buffersize = buffersize;
            this._deadline = timeout < 0 ? -1 : GLib.get_monotonic_time() + timeout;
            this._cancellable = cancellable;
            this._submit = submit;
            this._chunks = [];
            this._count = 0;
            this._waiting = 0;
            this._hasMore = true;
            this._last = null;
            this._isStepping = false;
            this._fill(true);
        }

        _read() {
            const items = [];

            while (items.length < this._chunksize) {
                const {value, done} = this._items.next();

                if (done) {
                    this._hasMore = false;
                    break;
                }
                items.push(value);
            }

            return items;
        }

        /* The first refusal is the caller's; a later one has its turn among the results. */
        _fill(isFirst = false) {
            while (this._hasMore && (this._buffersize === 0 || this._waiting < this._buffersize)) {
                const items = this._read();

                if (items.length === 0)
                    break;
                try {
                    this._chunks.push(new Chunk(items, this._count, this._submit));
                } catch (error) {
                    if (isFirst && this._count === 0)
                        throw error;
                    this._hasMore = false;
                    this._refusal = error;
                    break;
                }
                this._count += items.length;
                this._waiting += items.length;
            }
        }

        _end() {
            this.close();

            return {value: undefined, done: true};
        }

        /* An error that the iterable throws when it is closed does not replace the one that ends the results. */
        _fail(error) {
            try {
                this.close();
            } catch {
                // The first one is told.
            }
            throw error;
        }

        async _settle(chunk) {
            const timeout = this._deadline < 0 ? -1 : Math.max(0, this._deadline - GLib.get_monotonic_time());
            const {not_done: notDone} = await Waiting.wait([chunk.future], {timeout, cancellable: this._cancellable});

            if (notDone.length > 0)
                throw Errors.timedOut(this._waiting, this._count);
            chunk.settle();
        }

        /* The next result; a promise of it when that has to be waited for. */
        _step() {
            this._fill();
            const chunk = this._chunks[0];

            if (chunk === undefined)
                return this._refusal === undefined ? this._end() : this._fail(this._refusal);

            if (chunk.future?.is_done()) {
                chunk.settle();
                Collector.note();
            }

            return chunk.future === null ? this._take(chunk) : this._stepLater(chunk);
        }

        async _stepLater(chunk) {
            try {
                await this._settle(chunk);
            } catch (error) {
                return this._fail(error);
            }

            /* Closed meanwhile. */
            if (this._chunks[0] !== chunk)
                return {value: undefined, done: true};

            return this._take(chunk);
        }

        _take(chunk) {
            const outcome = chunk.take();

            this._waiting--;
            if (chunk.length === 0)
                this._chunks.shift();
            if ('error' in outcome)
                throw outcome.error;

            return {value: outcome.value, done: false};
        }

        /* As _step(), when nobody else is at it. */
        _stepNow() {
            this._isStepping = true;
            try {
                const step = this._step();

                return step instanceof Promise ? this._queue(step) : step;
            } finally {
                this._isStepping = false;
            }
        }

        /* What is there already takes no more than one promise. */
        _promiseNow() {
            try {
                return Promise.resolve(this._stepNow());
            } catch (error) {
                return this._queue(Promise.reject(error));
            }
        }

        /* Those that come after it wait for it. */
        _queue(step) {
            const end = () => {
                if (this._last === last)
                    this._last = null;
            };
            const last = step.then(end, end);

            this._last = last;

            return step;
        }

        /** @returns {Promise} the next result; a call that failed gives its error, and the next one comes after it */
        next() {
            if (this._last !== null)
                return this._queue(this._last.then(() => this._step()));

            /* The iterable may ask for a result while it is asked for an item. */
            return this._isStepping ? Promise.resolve().then(() => this.next()) : this._promiseNow();
        }

        /** Cancels what has not started, and ends the results. */
        close() {
            const hadMore = this._hasMore;

            this._hasMore = false;
            for (const {future} of this._chunks)
                future?.cancel();
            this._chunks = [];
            this._refusal = undefined;
            /* Last, as it may throw. */
            if (hadMore)
                this._items.return?.();
        }

        /**
         * What leaving a loop does: see close().
         *
         * @returns {Promise} the end
         */
        return() {
            return Promise.resolve(this._end());
        }

        [Symbol.asyncIterator]() {
            return this;
        }

        async _collect() {
            const results = [];

            try {
                for (;;) {
                    /* Others may ask for results, too. */
                    while (this._last !== null || this._isStepping)
                        await this._last;
                    const step = this._stepNow();
                    const {value, done} = step instanceof Promise ? await step : step;

                    if (done)
                        return results;
                    results.push(value);
                }
            } catch (error) {
                return this._fail(error);
            }
        }

        then(onFulfilled, onRejected) {
            this._promise ??= this._collect();

            return this._promise.then(onFulfilled, onRejected);
        }

        catch(onRejected) {
            return this.then(undefined, onRejected);
        }

        finally(onFinally) {
            return this.then().finally(onFinally);
        }
    }

    function isCancelled(error) {
        return error instanceof GLib.Error && error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
    }

    /** The results of a map of C: one is asked for at a time, in the order of the asking. */
    class NamedResults {
        /**
         * @param {Function} next - begins to wait for the next one: gets a cancellable and a callback
         * @param {Function} finish - gets the asynchronous result, and gives the next one
         */
        constructor(next, finish) {
            this._next = next;
            this._finish = finish;
            this._extra = [];
            this._answer = null;
            this._last = Promise.resolve();
        }

        _open(result) {
            try {
                return {value: this._finish(result)};
            } catch (error) {
                return {error};
            }
        }

        static _take({value, error}) {
            if (error !== undefined)
                throw error;

            return value;
        }

        /* Results come in their order, whichever request they answer; one for whom nobody waits is the next caller's. */
        _give(outcome) {
            const answer = this._answer;

            this._answer = null;
            if (answer === null)
                this._extra.push(outcome);
            else
                answer(null, outcome);
        }

        /* Cancels the previous request before it makes a new one, which may be too late for the result not to come. */
        async _ask(cancellable) {
            let current = null;
            const begin = answer => {
                const mine = new Gio.Cancellable();

                current?.cancel();
                current = mine;
                this._answer = answer;
                this._next(mine, (source, result) => {
                    const outcome = this._open(result);

                    if (!isCancelled(outcome.error) || (this._answer === answer && mine === current))
                        this._give(outcome);
                });
            };
            const stop = Waiting.onCancelled(cancellable, () => current.cancel());

            try {
                return await Rescue.ask(begin, NamedResults._take);
            } finally {
                this._answer = null;
                stop();
                current.cancel();
            }
        }

        /**
         * @param {Gio.Cancellable} cancellable - ends the waiting; or null
         * @returns {Promise} the next result
         */
        next(cancellable) {
            const step = this._last.then(() => {
                return this._extra.length > 0 ? NamedResults._take(this._extra.shift()) : this._ask(cancellable);
            });

            this._last = step.catch(() => {});

            return step;
        }
    }

    return {MapResults, NamedResults};
})(
    imports.gi, imports.cfutures.bytes, imports.cfutures.collector, imports.cfutures.errors, imports.cfutures.rescue,
    imports.cfutures.values, imports.cfutures.waiting,
);
