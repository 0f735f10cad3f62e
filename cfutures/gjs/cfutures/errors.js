// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* exported encode, executorError, fromDescription, ioError, revive, timedOut, toGError */

/*
 * Errors on their way through a GError, which has only a domain, a code and a message.
 *
 * What else there is to know follows in the message, as JSON after a record separator. So the message begins with
 * what people read.
 *
 * In one function, which makes it faster: see values.js.
 */
var {encode, executorError, fromDescription, ioError, revive, timedOut, toGError} = (({GLib, Gio}, {Blob}, Values) => {
    const {
        AggregateError, Error, EvalError, InternalError, JSON, Object, RangeError, ReferenceError, String,
        SyntaxError, TypeError, URIError,
    } = globalThis;

    const DOMAIN = GLib.quark_from_string('cfutures-js-error-quark');
    const SEPARATOR = '\u001e';
    /* In characters, of up to three bytes each; C takes a mebibyte in all. */
    const [MAX_TEXT, MAX_ALL] = [100000, 240000];
    const [MAX_DEPTH, MAX_ERRORS] = [8, 100];
    const TYPES = [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, InternalError, AggregateError];

    function cut(text) {
        return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
    }

    /* What can travel of what an error carries. */
    function write(value) {
        try {
            const blob = new Blob();
            const written = Values.write(value, 'thrown', blob);

            return blob.isEmpty && written[1].length < MAX_TEXT ? written : null;
        } catch {
            return null;
        }
    }

    function read([form, json]) {
        return Values.read(form, JSON.parse(json), null);
    }

    /* The properties that a program gave an error, as far as they can travel. */
    function describeExtras(error) {
        const extras = {};

        for (const key of Object.keys(error)) {
            if (['name', 'message', 'stack', 'fileName', 'lineNumber', 'columnNumber', 'cause', 'errors'].includes(key))
                continue;
            const written = write(error[key]);
            if (written !== null)
                extras[key] = written;
        }

        return extras;
    }

    function describeGError(thrown) {
        return {
            kind: 'gerror',
            domain: GLib.quark_to_string(thrown.domain),
            code: thrown.code,
            message: cut(thrown.message),
            stack: cut(`${thrown.stack ?? ''}`),
        };
    }

    function describeError(thrown, parents) {
        const inside = [...parents, thrown];
        const description = {
            kind: 'error',
            type: TYPES.find(type => thrown instanceof type)?.name ?? 'Error',
            name: cut(`${thrown.name}`),
            message: cut(`${thrown.message}`),
            stack: cut(`${thrown.stack ?? ''}`),
            extras: describeExtras(thrown),
        };

        if (thrown.cause !== undefined)
            description.cause = describe(thrown.cause, inside);
        if (thrown instanceof AggregateError)
            description.errors = thrown.errors.slice(0, MAX_ERRORS).map(error => describe(error, inside));

        return description;
    }

    /**
     * All about what was thrown, as an object for JSON.
     *
     * @param {*} thrown - what was thrown
     * @param {Array} parents - the errors that it is a part of
     * @returns {object} the description
     */
    function describe(thrown, parents = []) {
        if (parents.length > MAX_DEPTH || parents.includes(thrown))
            return {kind: 'value', value: write(summary(thrown))};
        if (thrown instanceof GLib.Error)
            return describeGError(thrown);
        if (thrown instanceof Error)
            return describeError(thrown, parents);

        return {kind: 'value', value: write(thrown) ?? write(String(thrown))};
    }

    function readable(text) {
        return text.replaceAll('\0', '').replaceAll(SEPARATOR, ' ').replace(/[\ud800-\udfff]/g,
            (half, i, whole) => isHalf(whole, i) ? '\ufffd' : half);
    }

    function isHalf(text, i) {
        return text.codePointAt(i) <= 0xffff && !(text.codePointAt(i - 1) > 0xffff);
    }

    function summary(thrown) {
        try {
            return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : `Thrown: ${String(thrown)}`;
        } catch {
            return 'Thrown';
        }
    }

    /**
     * All about what was thrown, as JSON. What is too strange, or too much for one message, arrives as its summary.
     *
     * @param {*} thrown - what was thrown
     * @param {string} text - the summary
     * @returns {string} the description
     */
    function encode(thrown, text = readable(cut(summary(thrown)))) {
        try {
            const json = JSON.stringify(describe(thrown));

            if (json.length < MAX_ALL)
                return json;
        } catch {
            // The summary has to do.
        }

        return JSON.stringify(describe(new Error(text)));
    }

    /**
     * @param {*} thrown - what was thrown
     * @param {boolean} isForPeople - whether nothing but the message is to be in it
     * @returns {GLib.Error} an error that C can carry
     */
    function toGError(thrown, isForPeople = false) {
        const isGError = thrown instanceof GLib.Error;
        const text = readable(cut(isGError ? thrown.message : summary(thrown)));
        const tail = isForPeople ? '' : `${SEPARATOR}${encode(thrown, text)}`;

        return new GLib.Error(isGError ? thrown.domain : DOMAIN, isGError ? thrown.code : 0, text + tail);
    }

    function define(object, properties) {
        for (const [key, value] of Object.entries(properties)) {
            if (value !== undefined)
                Object.defineProperty(object, key, {value, writable: true, configurable: true, enumerable: false});
        }

        return object;
    }

    function reviveGError(description) {
        const error = new GLib.Error(GLib.quark_from_string(description.domain), description.code, description.message);

        return define(error, {stack: description.stack});
    }

    function reviveError(description) {
        const Type = TYPES.find(type => type.name === description.type) ?? Error;
        const {message, name, stack} = description;
        const error = Type === AggregateError
            ? new AggregateError((description.errors ?? []).map(fromDescription), message)
            : new Type(message);

        define(error, {
            stack,
            name: error.name === name ? undefined : name,
            cause: description.cause ? fromDescription(description.cause) : undefined,
        });
        for (const [key, written] of Object.entries(description.extras))
            error[key] = read(written);

        return error;
    }

    /**
     * @param {object} description - what describe() gave
     * @returns {*} what was thrown
     */
    function fromDescription(description) {
        switch (description.kind) {
        case 'gerror':
            return reviveGError(description);
        case 'value':
            return read(description.value);
        default:
            return reviveError(description);
        }
    }

    /**
     * The opposite of toGError().
     *
     * @param {*} error - an error from C
     * @returns {*} what was thrown; any other error as it is
     */
    function revive(error) {
        const at = error instanceof GLib.Error ? error.message.indexOf(SEPARATOR) : -1;

        if (at < 0)
            return error;
        try {
            return fromDescription(JSON.parse(error.message.slice(at + 1)));
        } catch {
            // The message of another may have a separator in it, too.
            return error;
        }
    }

    /**
     * @param {number} code - a Gio.IOErrorEnum
     * @param {string} message - what to say
     * @returns {GLib.Error} the error
     */
    function ioError(code, message) {
        return new GLib.Error(Gio.IOErrorEnum, code, message);
    }

    /**
     * @param {number} n - how many are not done
     * @param {number} of - of how many
     * @returns {GLib.Error} the error of a wait that took too long
     */
    function timedOut(n, of) {
        return ioError(Gio.IOErrorEnum.TIMED_OUT, `${n} (of ${of}) futures unfinished`);
    }

    /**
     * @param {string} name - of the code, as in Cf.ExecutorError
     * @param {string} message - what to say
     * @returns {GLib.Error} the error
     */
    function executorError(name, message) {
        const {ExecutorError} = imports.gi.Cf;

        return new GLib.Error(ExecutorError, ExecutorError[name], message);
    }

    return {encode, executorError, fromDescription, ioError, revive, timedOut, toGError};
})(imports.gi, imports.cfutures.bytes, imports.cfutures.values);
