// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* exported NotSerializable, decode, decodeCall, encode, encodeChunk, isEncoded, read, toVariant, write */

/*
 * JavaScript values as text, exactly, in both directions.
 *
 * The text is JSON, whose writer and reader are fast, and which has a word for every string, lone surrogates and
 * zeros too. It follows a mark that no text of another language begins with, and a letter that tells the form:
 *
 *   p  plain: JSON says it all
 *   t  tagged: what JSON cannot say is {"$": [tag, …]}
 *   c  a chunk of a map: an array of [form, value] in the place of one value
 *   m  what the chunk gave: the same, where form e is the description of an error
 *
 * It travels as a GVariant of type s. Bytes are in it too, and not beside it: GJS 1.74 leaks every GVariant, with all
 * that is in it, that comes from one of the constructors of GLib.Variant.
 */

const {Gio, GLib} = imports.gi;

const ENCODED = '\u001fjs';
const STRING_TYPE = new GLib.VariantType('s');

const MARK = '$';
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

const VIEWS = Object.fromEntries([
    Uint8Array, Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
    Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView,
].map(view => [view.name, view]));

/** What a value is refused with; the caller makes a GLib.Error of it. */
var NotSerializable = class NotSerializable extends Error {
    constructor(path, what) {
        super(`${path} is ${what}, which cannot be sent to another process`);
        this.name = 'NotSerializable';
    }
};

function isOrdinary(object) {
    const prototype = Object.getPrototypeOf(object);

    return prototype === Object.prototype || prototype === null;
}

function isPlainNumber(number) {
    return Number.isFinite(number) && !Object.is(number, -0);
}

/* Not for...of: it is twice as fast. */
function isPlainArray(array) {
    for (let i = 0; i < array.length; i++) {
        if (!isPlain(array[i]))
            return false;
    }

    return array.toJSON === undefined;
}

function isPlainObject(object) {
    if (!isOrdinary(object) || MARK in object || object.toJSON !== undefined)
        return false;
    for (const key of Object.keys(object)) {
        if (!isPlain(object[key]))
            return false;
    }

    return true;
}

/**
 * Whether JSON says it all about a value.
 *
 * @param {*} value - any value
 * @returns {boolean} whether it can be written as it is
 */
function isPlain(value) {
    switch (typeof value) {
    case 'string':
    case 'boolean':
        return true;
    case 'number':
        return isPlainNumber(value);
    case 'object':
        if (value === null)
            return true;

        return Array.isArray(value) ? isPlainArray(value) : isPlainObject(value);
    default:
        return false;
    }
}

function nameOf(value) {
    const name = value.constructor?.name;

    return name ? `an instance of ${name}` : 'an object with a prototype of its own';
}

function mark(...content) {
    return {[MARK]: content};
}

/* Replaces what JSON cannot say. */
class Tagger {
    constructor() {
        this._parents = [];
    }

    tag(value, path) {
        switch (typeof value) {
        case 'undefined':
            return mark('undefined');
        case 'bigint':
            return mark('bigint', `${value}`);
        case 'number':
            return isPlainNumber(value) ? value : mark('number', Object.is(value, -0) ? '-0' : `${value}`);
        case 'object':
            return value === null ? null : this._tagObject(value, path);
        case 'function':
        case 'symbol':
            throw new NotSerializable(path, `a ${typeof value}`);
        default:
            return value;
        }
    }

    _tagObject(value, path) {
        if (this._parents.includes(value))
            throw new NotSerializable(path, 'inside itself');

        this._parents.push(value);
        const tagged = this._tagContent(value, path);
        this._parents.pop();

        return tagged;
    }

    _tagContent(value, path) {
        if (Array.isArray(value))
            return this._tagArray(value, path);
        if (isOrdinary(value))
            return this._tagOrdinary(value, path);
        if (ArrayBuffer.isView(value))
            return this._tagView(value, path);
        if (value instanceof ArrayBuffer)
            return mark('buffer', GLib.base64_encode(new Uint8Array(value)));
        if (value instanceof GLib.Variant)
            return mark('variant', value.get_type_string(), value.print(true));
        if (value instanceof GLib.Bytes)
            return mark('bytes', GLib.base64_encode(value.toArray()));

        return this._tagCollection(value, path);
    }

    _tagCollection(value, path) {
        if (value instanceof Date)
            return mark('date', this.tag(value.getTime(), path));
        if (value instanceof Map)
            return mark('map', [...value].map(([k, v], i) => [this.tag(k, `${path}.key(${i})`), this.tag(v, `${path}.get(${i})`)]));
        if (value instanceof Set)
            return mark('set', [...value].map((v, i) => this.tag(v, `${path}.get(${i})`)));
        if (value instanceof RegExp)
            return mark('regexp', value.source, value.flags);

        throw new NotSerializable(path, nameOf(value));
    }

    _tagArray(array, path) {
        const tagged = [];

        for (let i = 0; i < array.length; i++)
            tagged.push(i in array ? this.tag(array[i], `${path}[${i}]`) : mark('hole'));

        return tagged;
    }

    _tagOrdinary(object, path) {
        const entries = Object.entries(object).map(([key, value]) => {
            return [key, this.tag(value, IDENTIFIER.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`)];
        });

        if (MARK in object || 'toJSON' in object)
            return mark('object', entries);

        return Object.fromEntries(entries);
    }

    _tagView(view, path) {
        const name = view[Symbol.toStringTag];

        if (!(name in VIEWS))
            throw new NotSerializable(path, nameOf(view));

        return mark('view', GLib.base64_encode(new Uint8Array(view.buffer, view.byteOffset, view.byteLength)), name);
    }
}

function restoreView(text, name) {
    const bytes = GLib.base64_decode(text);

    return name === 'Uint8Array' ? bytes : new VIEWS[name](bytes.buffer);
}

const RESTORERS = {
    undefined: () => undefined,
    number: Number,
    bigint: BigInt,
    buffer: text => GLib.base64_decode(text).buffer,
    view: restoreView,
    variant: (type, text) => GLib.Variant.parse(new GLib.VariantType(type), text, null, null),
    bytes: text => new GLib.Bytes(GLib.base64_decode(text)),
    date: time => new Date(restore(time)),
    map: entries => new Map(restore(entries)),
    set: items => new Set(restore(items)),
    regexp: (source, flags) => new RegExp(source, flags),
    object: entries => Object.fromEntries(restore(entries)),
};

function restoreArray(array) {
    array.forEach((item, i) => {
        if (item?.[MARK]?.[0] === 'hole')
            delete array[i];
        else
            array[i] = restore(item);
    });

    return array;
}

/* The opposite of tagging; it may change what it gets. */
function restore(value) {
    if (typeof value !== 'object' || value === null)
        return value;
    if (Array.isArray(value))
        return restoreArray(value);
    if (MARK in value)
        return RESTORERS[value[MARK][0]](...value[MARK].slice(1));

    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, restore(item)]));
}

/**
 * @param {*} value - a value
 * @param {string} path - what to call it in an error
 * @returns {Array} its form and its JSON
 */
function write(value, path) {
    try {
        if (isPlain(value))
            return ['p', JSON.stringify(value)];

        return ['t', JSON.stringify(new Tagger().tag(value, path))];
    } catch (error) {
        if (error instanceof InternalError || error instanceof RangeError)
            throw new NotSerializable(path, 'nested too deeply or too long, or contains itself');
        throw error;
    }
}

/**
 * @param {string} form - the form
 * @param {*} value - what JSON gave
 * @returns {*} the value
 */
function read(form, value) {
    return form === 'p' ? value : restore(value);
}

/**
 * @param {*} value - a value
 * @param {string} path - what to call it in an error
 * @returns {string} the text that says it
 */
function encode(value, path = 'The value') {
    const [form, json] = write(value, path);

    return ENCODED + form + json;
}

/**
 * @param {Array} written - what write() gave for each, or form e and the description of an error
 * @param {string} form - c or m
 * @returns {string} the text of the chunk
 */
function encodeChunk(written, form = 'c') {
    return `${ENCODED}${form}[${written.map(([f, json]) => `["${f}",${json}]`).join(',')}]`;
}

/**
 * @param {string} text - an encoded value
 * @returns {GLib.Variant} it, ready to travel, and not floating: see above
 */
function toVariant(text) {
    return Gio.dbus_gvalue_to_gvariant(text, STRING_TYPE);
}

/**
 * @param {*} value - anything
 * @returns {string|null} the text, if it is an encoded value
 */
function textOf(value) {
    if (value instanceof GLib.Variant && value.get_type_string() === 's')
        value = value.get_string()[0];

    return typeof value === 'string' && value.startsWith(ENCODED) ? value.slice(ENCODED.length) : null;
}

/**
 * @param {*} value - anything
 * @returns {boolean} whether it is an encoded value
 */
function isEncoded(value) {
    return textOf(value) !== null;
}

/**
 * @param {*} value - an encoded value, or what is not one
 * @returns {*} the value; of a chunk, an array of objects with `value` or `error`
 */
function decode(value) {
    const text = textOf(value);

    if (text === null)
        return value ?? undefined;

    const content = JSON.parse(text.slice(1));

    return text[0] === 'm' ? content.map(readOutcome) : read(text[0], content);
}

function readOutcome([form, value]) {
    return form === 'e' ? {error: value} : {value: read(form, value)};
}

/**
 * @param {GLib.Variant} variant - what a worker got
 * @returns {object|null} `args` of one call, or the `items` of a chunk; null when it is from another language
 */
function decodeCall(variant) {
    const text = textOf(variant);

    if (text === null)
        return null;

    const content = JSON.parse(text.slice(1));

    return text[0] === 'c' ? {items: content.map(entry => read(...entry))} : {args: read(text[0], content)};
}
