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
 * It travels as a GVariant of type s; with bytes, which it tells the places of, as one of type ay: a mark, the length of
 * the text, the text, the bytes. (What is in normal form by its type alone is not looked at byte by byte.)
 *
 * All of it is in one function, since GJS looks up the names of a script by name, one by one, those of globals too; what
 * a function has is found at once. That makes it several times as fast.
 */
var {
    NotSerializable, decode, decodeCall, encode, encodeChunk, isEncoded, read, toVariant, write,
} = (({Gio, GLib}, Bytes, Collector) => {
    const {
        Array, ArrayBuffer, BigInt, BigInt64Array, BigUint64Array, DataView, Date, Error, Float32Array,
        Float64Array, Int16Array, Int32Array, Int8Array, InternalError, JSON, Map, Number, Object, RangeError,
        RegExp, Set, Symbol, Uint16Array, Uint32Array, Uint8Array, Uint8ClampedArray,
    } = globalThis;

    const ENCODED = '\u001fjs';
    const STRING_TYPE = new GLib.VariantType('s');

    const MARK = '$';
    const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

    const VIEWS = Object.fromEntries([
        Uint8Array, Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
        Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView,
    ].map(view => [view.name, view]));

    /** What a value is refused with; the caller makes a GLib.Error of it. */
    class NotSerializable extends Error {
        constructor(path, what) {
            super(`${path} is ${what}, which cannot be sent to another process`);
            this.name = 'NotSerializable';
        }
    }

    function isOrdinary(object) {
        const prototype = Object.getPrototypeOf(object);

        return prototype === Object.prototype || prototype === null;
    }

    function isPlainNumber(number) {
        return Number.isFinite(number) && !Object.is(number, -0);
    }

    /* No for...of: counting is twice as fast. */
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
        constructor(blob) {
            this._blob = blob;
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
                return mark('buffer', ...this._blob.add(new Uint8Array(value)));
            if (value instanceof GLib.Variant)
                return mark('variant', value.get_type_string(), ...this._blob.add(value.get_data_as_bytes().toArray()));
            if (value instanceof GLib.Bytes)
                return mark('bytes', ...this._blob.add(value.toArray()));

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

            return mark('view', name, ...this._blob.add(new Uint8Array(view.buffer, view.byteOffset, view.byteLength)));
        }
    }

    /* What undoes it.  The bytes are copied: those of a variant are not to be written to. */
    class Restorer {
        constructor(bytes) {
            this._all = bytes;
        }

        restore(value) {
            if (typeof value !== 'object' || value === null)
                return value;
            if (Array.isArray(value))
                return this._restoreArray(value);
            if (MARK in value)
                return this[`_${value[MARK][0]}`](...value[MARK].slice(1));

            return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.restore(item)]));
        }

        _restoreArray(array) {
            array.forEach((item, i) => {
                if (item?.[MARK]?.[0] === 'hole')
                    delete array[i];
                else
                    array[i] = this.restore(item);
            });

            return array;
        }

        _cut(at, length) {
            return this._all.slice(at, at + length);
        }

        _undefined() {
            return undefined;
        }

        _number(text) {
            return Number(text);
        }

        _bigint(text) {
            return BigInt(text);
        }

        _buffer(at, length) {
            return this._cut(at, length).buffer;
        }

        _view(name, at, length) {
            const bytes = this._cut(at, length);

            return name === 'Uint8Array' ? bytes : new VIEWS[name](bytes.buffer);
        }

        _variant(type, at, length) {
            return Bytes.makeVariant(new GLib.VariantType(type), this._all.subarray(at, at + length));
        }

        _bytes(at, length) {
            return new GLib.Bytes(this._all.subarray(at, at + length));
        }

        _date(time) {
            return new Date(this.restore(time));
        }

        _map(entries) {
            return new Map(this.restore(entries));
        }

        _set(items) {
            return new Set(this.restore(items));
        }

        _regexp(source, flags) {
            return new RegExp(source, flags);
        }

        _object(entries) {
            return Object.fromEntries(this.restore(entries));
        }
    }

    /**
     * @param {*} value - a value
     * @param {string} path - what to call it in an error
     * @param {Blob} blob - where its bytes go
     * @returns {Array} its form and its JSON
     */
    function write(value, path, blob) {
        try {
            if (isPlain(value))
                return ['p', JSON.stringify(value)];

            return ['t', JSON.stringify(new Tagger(blob).tag(value, path))];
        } catch (error) {
            if (error instanceof InternalError || error instanceof RangeError)
                throw new NotSerializable(path, 'nested too deeply or too long, or contains itself');
            throw error;
        }
    }

    /**
     * @param {string} form - the form
     * @param {*} value - what JSON gave
     * @param {Uint8Array|null} bytes - what is in the blob
     * @returns {*} the value
     */
    function read(form, value, bytes) {
        return form === 'p' ? value : new Restorer(bytes).restore(value);
    }

    function noted(encoded) {
        Collector.noteSize(encoded.text.length + encoded.blob.length);

        return encoded;
    }

    /**
     * @param {*} value - a value
     * @param {string} path - what to call it in an error
     * @returns {object} the `text` that says it, and a `blob`
     */
    function encode(value, path = 'The value') {
        const blob = new Bytes.Blob();
        const [form, json] = write(value, path, blob);

        return noted({text: ENCODED + form + json, blob});
    }

    /**
     * @param {Array} written - what write() gave for each, or form e and the description of an error
     * @param {Blob} blob - where their bytes are
     * @param {string} form - c or m
     * @returns {object} the text of the chunk, and the blob
     */
    function encodeChunk(written, blob, form = 'c') {
        return noted({text: `${ENCODED}${form}[${written.map(([f, json]) => `["${f}",${json}]`).join(',')}]`, blob});
    }

    /**
     * @param {object} encoded - what encode() or encodeChunk() gave
     * @returns {GLib.Variant} it, ready to travel
     */
    function toVariant({text, blob}) {
        /* The first does not float, and does not leak. */
        return blob.isEmpty
            ? Gio.dbus_gvalue_to_gvariant(text, STRING_TYPE)
            : blob.toVariant(text);
    }

    function openVariant(variant) {
        switch (variant.get_type_string()) {
        case 's':
            return [variant.get_string()[0], null];
        case 'ay':
            return Bytes.split(variant.get_data_as_bytes().toArray());
        default:
            return [null, null];
        }
    }

    /* The text and the bytes of an encoded value; no text when it is none. */
    function open(value) {
        const [text, bytes] = value instanceof GLib.Variant ? openVariant(value) : [value, null];

        if (typeof text !== 'string' || !text.startsWith(ENCODED))
            return [null, null];
        Collector.noteSize(text.length + (bytes?.length ?? 0));

        return [text.slice(ENCODED.length), bytes];
    }

    /**
     * @param {*} value - anything
     * @returns {boolean} whether it is an encoded value
     */
    function isEncoded(value) {
        return open(value)[0] !== null;
    }

    /**
     * @param {*} value - an encoded value, or what is not one
     * @returns {*} the value; of a chunk, an array of objects with `value` or `error`
     */
    function decode(value) {
        const [text, bytes] = open(value);

        if (text === null)
            return value ?? undefined;

        const content = JSON.parse(text.slice(1));

        return text[0] === 'm' ? content.map(entry => readOutcome(entry, bytes)) : read(text[0], content, bytes);
    }

    function readOutcome([form, value], bytes) {
        return form === 'e' ? {error: value} : {value: read(form, value, bytes)};
    }

    /**
     * @param {GLib.Variant} variant - what a worker got
     * @returns {object|null} `args` of one call, or the `items` of a chunk; null when it is from another language
     */
    function decodeCall(variant) {
        const [text, bytes] = open(variant);

        if (text === null)
            return null;

        const content = JSON.parse(text.slice(1));

        return text[0] === 'c'
            ? {items: content.map(([form, value]) => read(form, value, bytes))}
            : {args: read(text[0], content, bytes)};
    }

    return {NotSerializable, decode, decodeCall, encode, encodeChunk, isEncoded, read, toVariant, write};
})(imports.gi, imports.cfutures.bytes, imports.cfutures.collector);
