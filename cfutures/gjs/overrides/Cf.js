// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* exported _init */

/*
 * In one function, which makes it faster: see values.js.
 */
var {_init} = (({Gio, GLib, GObject}, {
    errors: Errors, mapping, rescue: Rescue, signals: Signals, typelibs: Typelibs, values: Values, waiting: Waiting,
}) => {
    const {Error, JSON, Object, Promise, Set, Symbol, TypeError} = globalThis;

    const WHY_NOT = 'would run a JavaScript function in another thread, and GJS has only one: it would crash. ' +
        'To use other processors, export the function from a module, make a Cf.ProcessPoolExecutor, ' +
        "and submit its place to that: pool.submit('file:///…/module.js#name', ...args)";

    /* One argument of a program may not be longer than 128 KiB; a character has up to four bytes. */
    const PIECES = /.{1,30000}/gsu;

    /* Replaces what GJS cannot do, as it runs JavaScript in one thread only. */
    function refuse(className, owner, ...names) {
        for (const name of names) {
            owner[name] = function () {
                throw new Error(`Cf.${className}.${name}() ${WHY_NOT}`);
            };
        }
    }

    /* The program that runs GJS. */
    function findInterpreter() {
        let self = '';

        try {
            self = GLib.file_read_link('/proc/self/exe');
        } catch {
            // No /proc here.
        }

        return /^gjs(-console)?$/.test(GLib.path_get_basename(self)) ? self : GLib.find_program_in_path('gjs') ?? 'gjs';
    }

    function findFolder() {
        /* Not the name that an Error tells: GJS mistakes the bytes of that for letters. */
        const file = Gio.File.parse_name(Errors.__file__);

        return file.get_parent().get_parent().get_path();
    }

    /* What could not be encoded is an error of the library. */
    function encode(value, path) {
        try {
            return Values.encode(value, path);
        } catch (error) {
            throw error instanceof Values.NotSerializable ? Errors.executorError('NOT_SERIALIZABLE', error.message) : error;
        }
    }

    function makeArgv(initializer, initargs) {
        const folder = findFolder();
        const program = [findInterpreter(), '-I', folder, '-m', GLib.build_filenamev([folder, 'cfutures-worker.js'])];
        const settings = {typelibs: Typelibs.getFolders()};

        if (initializer !== undefined) {
            settings.initializer = checkName(initializer);
            settings.initargs = Values.toVariant(encode(initargs, 'initargs')).print(true);
        }

        return [...program, ...JSON.stringify(settings).match(PIECES)];
    }

    /* A module's URI, a hash, and what it exports. */
    function checkName(name) {
        if (typeof name === 'function')
            throw new TypeError('A function cannot travel to another process: export it from a module, and give its place, as in \'file:///…/module.js#name\'');
        if (typeof name !== 'string' || !/^[a-z][a-z0-9+.-]*:.*#[^#]+$/is.test(name))
            throw new TypeError(`${typeof name === 'string' ? `'${name}'` : typeof name} is not the place of a function, as in 'file:///…/module.js#name'`);

        return name;
    }

    function failedFuture(Cf, name, error) {
        const future = new Cf.Future({name});

        future.set_running_or_notify_cancel();
        future._set_exception(error);

        return future;
    }

    function overrideFuture(Cf) {
        const proto = Cf.Future.prototype;
        const {connect, connect_after, get_exception, get_result, set_exception, set_result, wait_async, wait_finish} = proto;

        Object.assign(proto, {
            _get_exception: get_exception,
            _get_result: get_result,
            _set_exception: set_exception,
            _wait_async: wait_async,

            connect(signal, callback) {
                return Signals.connect(this, connect, signal, callback);
            },

            connect_after(signal, callback) {
                return Signals.connect(this, connect_after, signal, callback);
            },

            disconnect(id) {
                Signals.disconnect(this, id);
            },

            get_result(timeout = -1) {
                try {
                    return Values.decode(get_result.call(this, Waiting.toTimeout(timeout)));
                } catch (error) {
                    throw Errors.revive(error);
                }
            },

            get_exception(timeout = -1) {
                const [, exception] = get_exception.call(this, Waiting.toTimeout(timeout));

                return exception === null ? null : Errors.revive(exception);
            },

            wait_async(options = null, callback = undefined) {
                if (callback !== undefined)
                    return wait_async.call(this, options, callback);

                return Waiting.promiseOf(this, options instanceof Gio.Cancellable ? {cancellable: options} : options);
            },

            wait_finish(result) {
                try {
                    return Values.decode(wait_finish.call(this, result));
                } catch (error) {
                    throw Errors.revive(error);
                }
            },

            set_result(value) {
                /* As with promises: who awaits it would never come to an end. */
                if (value === this)
                    throw new TypeError('A future cannot be its own result');

                return set_result.call(this, toResult(value));
            },

            set_exception(error) {
                return set_exception.call(this, error instanceof GLib.Error ? error : Errors.toGError(error));
            },

            add_done_callback(callback) {
                Waiting.watch(this, future => {
                    try {
                        callback(future);
                    } catch (error) {
                        logError(error, 'In a done-callback');
                    }
                });
            },

            then(onFulfilled, onRejected) {
                return Waiting.promiseOf(this).then(onFulfilled, onRejected);
            },

            catch(onRejected) {
                return this.then(undefined, onRejected);
            },

            finally(onFinally) {
                return this.then().finally(onFinally);
            },
        });

        refuse('Future', Cf.Future, 'new_for_func', 'new_for_task');
    }

    function toGValue(variant) {
        const value = new GObject.Value();

        value.init(GObject.TYPE_VARIANT);
        value.set_variant(variant);

        return value;
    }

    /* What C can hold is passed as it is. */
    function toResult(value) {
        if (value === undefined)
            return new GObject.Value();

        if (typeof value === 'boolean' || value instanceof GObject.Object || value instanceof GObject.Value)
            return value;
        if (value instanceof GLib.Variant && !Values.isEncoded(value))
            return toGValue(value);

        const encoded = encode(value, 'The result');

        return encoded.blob.isEmpty ? encoded.text : toGValue(Values.toVariant(encoded));
    }

    /* A class without one throws when it is asked for it. */
    function shutsDownInJS(executor) {
        try {
            return !`${executor.vfunc_shutdown}`.includes('/* wrapper for native');
        } catch {
            return false;
        }
    }

    /* C waits in another thread, where vfunc_shutdown() of JavaScript must not run: it is called here instead. */
    function shutdownAsync(executor, cancelFutures, cancellable) {
        if (shutsDownInJS(executor)) {
            executor.shutdown(true, cancelFutures);

            return Promise.resolve();
        }

        return Rescue.ask(
            callback => executor._shutdown_async(cancelFutures, cancellable, callback),
            result => void executor.shutdown_finish(result));
    }

    function overrideExecutor(Cf) {
        const proto = Cf.Executor.prototype;
        const {shutdown, shutdown_async} = proto;

        Object.assign(proto, {
            _shutdown_async: shutdown_async,

            shutdown(options = {}, cancelFutures = false) {
                if (typeof options !== 'object')
                    return shutdown.call(this, options, cancelFutures);

                const {wait = true, cancel_futures = false, cancellable = null} = options ?? {};

                if (wait)
                    return shutdownAsync(this, cancel_futures, cancellable);
                shutdown.call(this, false, cancel_futures);

                return Promise.resolve();
            },

            shutdown_async(options = false, cancellable = null, callback = undefined) {
                if (callback !== undefined)
                    return shutdown_async.call(this, options, cancellable, callback);

                const cancelFutures = typeof options === 'object' ? options?.cancel_futures ?? false : options;

                return shutdownAsync(this, cancelFutures, cancellable);
            },
        });

        refuse('Executor', proto, 'submit', 'submit_task', 'map');
        refuse('ThreadPoolExecutor', Cf.ThreadPoolExecutor.prototype, 'submit', 'map', 'set_initializer');
    }

    /* The results of C functions, by map_named(). */
    function overrideResultIter(Cf) {
        const proto = Cf.ResultIter.prototype;
        const {next_async} = proto;

        Object.assign(proto, {
            next_async(cancellable = null, callback = undefined) {
                if (callback !== undefined)
                    return next_async.call(this, cancellable, callback);

                this._results ??= new mapping.NamedResults(next_async.bind(this), result => this.next_finish(result));

                return this._results.next(cancellable);
            },

            async *[Symbol.asyncIterator]() {
                for (;;) {
                    const result = await this.next_async();

                    if (result === null)
                        return;
                    yield result;
                }
            },
        });
    }

    function overrideProcessPool(Cf) {
        const proto = Cf.ProcessPoolExecutor.prototype;
        const {_init} = proto;

        Object.assign(proto, {
            _init(settings = {}) {
                if (typeof settings !== 'object' || settings === null)
                    throw new TypeError(`new Cf.ProcessPoolExecutor() takes an object, as in {max_workers: 2}, and no ${typeof settings}`);

                const {initializer, initargs = [], ...properties} = settings;

                if (properties.worker_argv === undefined && properties.workerArgv === undefined)
                    properties.worker_argv = makeArgv(initializer, initargs);
                else if (initializer !== undefined)
                    throw new TypeError('An initializer needs the worker that comes with the library');

                return _init.call(this, properties);
            },

            submit(call, ...args) {
                const {function: name, cancellable = null, name: label = null} = typeof call === 'object' && call !== null ? call : {function: call};

                Waiting.checkCancellable(cancellable);
                if (label !== null && typeof label !== 'string')
                    throw new TypeError(`name is of type ${typeof label}, and must be a string`);

                return this._submit(checkName(name), () => Values.encode(args, 'args'), cancellable, label);
            },

            _submit(name, encode, cancellable, label) {
                let args;

                try {
                    args = Values.toVariant(encode());
                } catch (error) {
                    return failedFuture(Cf, label ?? name, Errors.executorError('NOT_SERIALIZABLE', error.message));
                }

                const future = this.submit_named(name, args);

                if (label !== null)
                    future.name = label;
                if (cancellable !== null)
                    Waiting.terminateWith(future, cancellable);

                return future;
            },

            map(name, items, options = {}) {
                checkName(name);

                return new mapping.MapResults(items, options, chunk => this.submit_named(name, chunk));
            },
        });

        Cf.ProcessPoolExecutor.new = function (maxWorkers = 0) {
            return new this({max_workers: maxWorkers});
        };
    }

    function overrideFunctions(Cf) {
        Cf.wait = Waiting.wait;
        Cf.as_completed = (futures, options) => new Waiting.AsCompleted(futures, options);
        Cf.get_current_cancellable = () => null;
        for (const name of ['ALL_COMPLETED', 'FIRST_COMPLETED', 'FIRST_EXCEPTION'])
            Cf[name] = Cf.ReturnWhen[name];
    }

    function _init() {
        overrideFuture(this);
        overrideExecutor(this);
        overrideResultIter(this);
        overrideProcessPool(this);
        overrideFunctions(this);
    }

    return {_init};
})(imports.gi, imports.cfutures);
