// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* exported CODEC_TYPE, NotSerializable, Writer, decode, decodeCall, encode, encodeChunk, isEncoded, restore */

/*
 * JavaScript values as GVariants, exactly, in both directions.
 *
 * An encoded value is a lone dictionary entry, `{sav}`, which is nothing that another language would send: a text
 * and what the text refers to. The text is JSON, whose writer and reader are fast, and which has a word for every
 * string, lone surrogates and zeros too. The letter before it tells the form:
 *
 *   p  plain: JSON says it all
 *   t  tagged: what JSON cannot say is {"$": [tag, …]}
 *   c  a chunk of a map: an array of [form, value] in the place of one value
 *   m  what the chunk gave: the same, where form e is the description of an error
 */

const {GLib} = imports.gi;

var CODEC_TYPE = '{sav}';

const VARIANT_TYPE = new GLib.VariantType('v');
const BYTES_TYPE = new GLib.VariantType('ay');
const NO_EXTRAS = GLib.Variant.new_array(VARIANT_TYPE, []);

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

function variantOfBytes(bytes) {
    return GLib.Variant.new_from_bytes(BYTES_TYPE, new GLib.Bytes(bytes), true);
}

/* A copy: the bytes of a variant are not to be written to. */
function bytesOfVariant(variant) {
    return variant.get_data_as_bytes().toArray().slice();
}

function nameOf(value) {
    const name = value.constructor?.name;

    return name ? `an instance of ${name}` : 'an object with a prototype of its own';
}

/** Writes values as JSON, and collects what it refers to. */
var Writer = class Writer {
    constructor() {
        this.extras = [];
        this._parents = [];
    }

    /**
     * @param {*} value - a value
     * @param {string} path - what to call it in an error
     * @returns {Array} its form and its JSON
     */
    write(value, path) {
        try {
            if (isPlain(value))
                return ['p', JSON.stringify(value)];

            return ['t', JSON.stringify(this._tag(value, path))];
        } catch (error) {
            if (error instanceof InternalError || error instanceof RangeError)
                throw new NotSerializable(path, 'nested too deeply or too long, or contains itself');
            throw error;
        }
    }

    /**
     * @param {string} text - the form and the JSON
     * @returns {GLib.Variant} the encoded value
     */
    finish(text) {
        const extras = this.extras.length === 0 ? NO_EXTRAS : GLib.Variant.new_array(VARIANT_TYPE, this.extras);

        return GLib.Variant.new_dict_entry(GLib.Variant.new_string(text), extras);
    }

    _mark(...content) {
        return {[MARK]: content};
    }

    _extra(variant) {
        return this.extras.push(GLib.Variant.new_variant(variant)) - 1;
    }

    _tag(value, path) {
        switch (typeof value) {
        case 'undefined':
            return this._mark('undefined');
        case 'bigint':
            return this._mark('bigint', `${value}`);
        case 'number':
            return isPlainNumber(value) ? value : this._mark('number', Object.is(value, -0) ? '-0' : `${value}`);
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
            return this._mark('buffer', this._extra(variantOfBytes(new Uint8Array(value))));
        if (value instanceof GLib.Variant)
            return this._mark('variant', this._extra(value));
        if (value instanceof GLib.Bytes)
            return this._mark('bytes', this._extra(GLib.Variant.new_from_bytes(BYTES_TYPE, value, true)));
        if (value instanceof Date)
            return this._mark('date', this._tag(value.getTime(), path));
        if (value instanceof Map)
            return this._mark('map', [...value].map(([k, v], i) => [this._tag(k, `${path}.key(${i})`), this._tag(v, `${path}.get(${i})`)]));
        if (value instanceof Set)
            return this._mark('set', [...value].map((v, i) => this._tag(v, `${path}.get(${i})`)));
        if (value instanceof RegExp)
            return this._mark('regexp', value.source, value.flags);

        throw new NotSerializable(path, nameOf(value));
    }

    _tagArray(array, path) {
        const tagged = [];

        for (let i = 0; i < array.length; i++)
            tagged.push(i in array ? this._tag(array[i], `${path}[${i}]`) : this._mark('hole'));

        return tagged;
    }

    _tagOrdinary(object, path) {
        const entries = Object.entries(object).map(([key, value]) => {
            return [key, this._tag(value, IDENTIFIER.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`)];
        });

        if (MARK in object || 'toJSON' in object)
            return this._mark('object', entries);

        return Object.fromEntries(entries);
    }

    _tagView(view, path) {
        const name = view[Symbol.toStringTag];

        if (!(name in VIEWS))
            throw new NotSerializable(path, nameOf(view));

        return this._mark('view', this._extra(variantOfBytes(new Uint8Array(view.buffer, view.byteOffset, view.byteLength))), name);
    }
};

const RESTORERS = {
    undefined: () => undefined,
    number: (extras, text) => Number(text),
    bigint: (extras, text) => BigInt(text),
    buffer: (extras, i) => bytesOfVariant(extras(i)).buffer,
    view: restoreView,
    variant: (extras, i) => extras(i),
    bytes: (extras, i) => extras(i).get_data_as_bytes(),
    date: (extras, time) => new Date(restore(time, extras)),
    map: (extras, entries) => new Map(restore(entries, extras)),
    set: (extras, items) => new Set(restore(items, extras)),
    regexp: (extras, source, flags) => new RegExp(source, flags),
    object: (extras, entries) => Object.fromEntries(restore(entries, extras)),
};

function restoreView(extras, i, name) {
    const bytes = bytesOfVariant(extras(i));

    return name === 'Uint8Array' ? bytes : new VIEWS[name](bytes.buffer);
}

function restoreArray(array, extras) {
    array.forEach((item, i) => {
        if (item?.[MARK]?.[0] === 'hole')
            delete array[i];
        else
            array[i] = restore(item, extras);
    });

    return array;
}

/**
 * Undoes the tagging of a value.
 *
 * @param {*} value - what JSON gave; it may be changed
 * @param {Function} extras - gives the variant of an index
 * @returns {*} the value
 */
function restore(value, extras) {
    if (typeof value !== 'object' || value === null)
        return value;
    if (Array.isArray(value))
        return restoreArray(value, extras);
    if (MARK in value)
        return RESTORERS[value[MARK][0]](extras, ...value[MARK].slice(1));

    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, restore(item, extras)]));
}

/* The text of an encoded value, and what gives its extras. */
function open(variant) {
    const [text] = variant.get_child_value(0).get_string();

    return [text, i => variant.get_child_value(1).get_child_value(i).get_variant()];
}

/**
 * @param {*} value - anything
 * @returns {boolean} whether it is an encoded value
 */
function isEncoded(value) {
    return value instanceof GLib.Variant && value.get_type_string() === CODEC_TYPE;
}

/**
 * @param {*} value - a value
 * @param {string} path - what to call it in an error
 * @returns {GLib.Variant} the encoded value
 */
function encode(value, path = 'The value') {
    const writer = new Writer();
    const [form, json] = writer.write(value, path);

    return writer.finish(form + json);
}

function restoreOutcome([form, value], extras) {
    switch (form) {
    case 'e':
        return {error: value};
    case 'p':
        return {value};
    default:
        return {value: restore(value, extras)};
    }
}

/**
 * @param {GLib.Variant} variant - an encoded value
 * @returns {*} the value; of a chunk, an array of objects with `value` or `error`
 */
function decode(variant) {
    const [text, extras] = open(variant);
    const value = JSON.parse(text.slice(1));

    switch (text[0]) {
    case 'p':
        return value;
    case 'm':
        return value.map(entry => restoreOutcome(entry, extras));
    default:
        return restore(value, extras);
    }
}

/**
 * The arguments of several calls in one message.
 *
 * @param {Writer} writer - what wrote them
 * @param {Array} written - what it gave for each
 * @returns {GLib.Variant} the encoded chunk
 */
function encodeChunk(writer, written) {
    return writer.finish(`c[${written.map(([form, json]) => `["${form}",${json}]`).join(',')}]`);
}

/**
 * @param {GLib.Variant} variant - an encoded value or chunk
 * @returns {object} `args` of one call, or the `items` of a chunk
 */
function decodeCall(variant) {
    const [text, extras] = open(variant);

    if (text[0] !== 'c')
        return {args: decode(variant)};

    return {items: JSON.parse(text.slice(1)).map(([form, value]) => form === 'p' ? value : restore(value, extras))};
}
