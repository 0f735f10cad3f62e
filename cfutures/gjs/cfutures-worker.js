// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/*
 * The worker program of the process pools of JavaScript programs. It runs what modules export, by
 * 'file:///…/module.js#name'.
 *
 * The old way of imports, since it does not wait: calls are served while this module is being evaluated, and not in a
 * job of a promise, in which no other promise could go on.
 *
 * It takes one call after the other, and is never called back: that could be in vain (see collector.js).
 */

const {GLib} = imports.gi;
const System = imports.system;
const Typelibs = imports.cfutures.typelibs;

const settings = JSON.parse(ARGV.join('') || '{}');
for (const folder of [...settings.typelibs ?? []].reverse())
    Typelibs.prependFolder(folder);

const {Cf} = imports.gi;
const {Blob} = imports.cfutures.bytes;
const Collector = imports.cfutures.collector;
const Errors = imports.cfutures.errors;
const Values = imports.cfutures.values;

const worker = Cf.Worker.new();

/* Never let go: the process ends before its socket does, however long GJS takes over its heap, so that its status is told. */
worker.ref();

const canary = new Collector.Canary();
const context = GLib.MainContext.default();
const modules = new Map();

Cf.get_current_cancellable = () => worker.get_cancellable();

const exit = System.exit;
let isSettling = false;
let exitStatus = null;

/* In a job of a promise, GJS would only end the job, and the promise would never be settled: so that is left to settle(). */
System.exit = (status = 0) => {
    if (!isSettling)
        exit(status);
    exitStatus = status;
    throw new Error(`System.exit (${status}) was called`);
};

/**
 * Lets the main loop run until a promise is settled.
 *
 * @param {*} value - a promise, or what is not one
 * @returns {*} its result
 */
function settle(value) {
    if (typeof value?.then !== 'function')
        return value;

    let outcome = null;

    Promise.resolve(value).then(result => (outcome = {result}), error => (outcome = {error}));
    isSettling = true;
    while (outcome === null) {
        canary.check();
        context.iteration(true);
        if (exitStatus !== null)
            exit(exitStatus);
    }
    isSettling = false;
    if ('error' in outcome)
        throw outcome.error;

    return outcome.result;
}

function notFound(message) {
    return Errors.executorError('NOT_FOUND', message);
}

/* What GJS imports by URI; by any other, GJS 1.74 aborts. */
const SCHEMES = ['file', 'resource', 'gi'];

function load(uri) {
    if (!SCHEMES.includes(GLib.uri_parse_scheme(uri)?.toLowerCase()))
        throw notFound(`The module ${uri} cannot be imported: its URI should begin with file:, resource: or gi:`);
    try {
        return settle(import(uri));
    } catch (error) {
        throw error?.name === 'ImportError' ? notFound(error.message) : error;
    }
}

/**
 * @param {string} place - a URI, a hash and a name
 * @returns {Function} what the module exports by that name
 */
function find(place) {
    const hash = place.lastIndexOf('#');
    const [uri, name] = [place.slice(0, hash), place.slice(hash + 1)];

    if (hash < 0)
        throw notFound(`'${place}' is not the place of a function, as in 'file:///…/module.js#name'`);
    if (!modules.has(uri))
        modules.set(uri, load(uri));

    const found = modules.get(uri)[name];

    if (typeof found !== 'function')
        throw notFound(`The module ${uri} exports no function '${name}'`);

    return found;
}

/* What could not be encoded is an error of the library. */
function encodeResult(write) {
    try {
        return write();
    } catch (error) {
        if (error instanceof Values.NotSerializable)
            throw Errors.executorError('NOT_SERIALIZABLE', error.message);
        throw error;
    }
}

function runItem(fn, item, blob) {
    try {
        const result = settle(fn(item));

        return encodeResult(() => Values.write(result, 'The result', blob));
    } catch (error) {
        return ['e', Errors.encode(error)];
    }
}

function runChunk(fn, items) {
    const blob = new Blob();

    return Values.encodeChunk(items.map(item => runItem(fn, item, blob)), blob, 'm');
}

function runCall(fn, {args, items}) {
    if (items !== undefined)
        return runChunk(fn, items);

    const result = settle(fn(...args));

    return encodeResult(() => Values.encode(result, 'The result'));
}

/* From another language, a function gets one GVariant and gives one. */
function runForeign(fn, args) {
    const result = settle(args === null ? fn() : fn(args));

    return result instanceof GLib.Variant
        ? result
        : encodeResult(() => Values.toVariant(Values.encode(result, 'The result')));
}

function run(place, args) {
    const fn = find(place);
    const call = Values.decodeCall(args);

    return call === null ? runForeign(fn, args) : Values.toVariant(runCall(fn, call));
}

/* Another language, and the one who reads why a pool is broken, want nothing but the message. */
function attempt(place, args, isForPeople = args !== null && !Values.isEncoded(args)) {
    const begin = GLib.get_monotonic_time();

    try {
        return {result: run(place, args)};
    } catch (error) {
        return {failure: Errors.toGError(error, isForPeople)};
    } finally {
        Collector.noteWork(GLib.get_monotonic_time() - begin);
    }
}

function initialize() {
    const {failure} = attempt(settings.initializer, GLib.Variant.parse(null, settings.initargs, null, null), true);

    if (failure !== undefined)
        worker.fail_start(failure);
}

function serveAll() {
    for (;;) {
        const [isThere, place, args] = worker.take_call();

        if (!isThere)
            return;
        const {result, failure} = attempt(place, args);

        if (failure === undefined)
            worker.return_result(result);
        else
            worker.return_error(failure);
    }
}

if (settings.initializer !== undefined)
    initialize();
serveAll();
System.exit(0);
