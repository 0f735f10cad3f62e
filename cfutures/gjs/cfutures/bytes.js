// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* exported Blob, makeVariant, split */

/*
 * The bytes of encoded values (see values.js), and GVariants of them.
 *
 * In one function, which makes it faster: see values.js.
 */
var {Blob, makeVariant, split} = (({Gio, GLib}) => {
    const {DataView, Error, TextDecoder, TextEncoder, Uint8Array} = globalThis;

    const BYTES_TYPE = new GLib.VariantType('ay');
    /* '\u001fjsb' */
    const MARK = 0x62736a1f;
    const HEADER = 8;

    /* Whether GJS leaks what the constructors of GLib.Variant make, as 1.74 does: whether a mapped file stays mapped. */
    let leaks = null;

    function countMaps(path) {
        const [, maps] = GLib.file_get_contents('/proc/self/maps');

        return new TextDecoder().decode(maps).split(path).length;
    }

    function mapFile(path) {
        return GLib.MappedFile.new(path, false).get_bytes();
    }

    function staysMapped(path, use) {
        const before = countMaps(path);

        use(mapFile(path));
        imports.system.gc();

        return countMaps(path) > before;
    }

    /* A false alarm would be worse than a leak: so see first that a file without a variant does not stay. */
    function findLeak() {
        const file = Gio.File.parse_name(__file__).get_path();

        try {
            return !staysMapped(file, () => {}) && staysMapped(file, bytes => GLib.Variant.new_from_bytes(BYTES_TYPE, bytes, true));
        } catch {
            return false;
        }
    }

    /* Gives back the reference that a floating variant leaves behind. */
    function own(variant) {
        leaks ??= findLeak();
        if (leaks)
            variant.unref();

        return variant;
    }

    /**
     * @param {GLib.VariantType} type - its type
     * @param {Uint8Array} bytes - how GLib writes it
     * @param {boolean} isTrusted - whether it need not be checked
     * @returns {GLib.Variant} it
     */
    function makeVariant(type, bytes, isTrusted = false) {
        return own(GLib.Variant.new_from_bytes(type, new GLib.Bytes(bytes), isTrusted));
    }

    /** The bytes of an encoded value, one after the other. */
    class Blob {
        constructor() {
            this.length = 0;
            this._parts = [];
        }

        /**
         * @param {Uint8Array} bytes - more bytes
         * @returns {Array} their place and length
         */
        add(bytes) {
            const at = this.length;

            this._parts.push([at, bytes]);
            this.length = at + bytes.length;

            return [at, bytes.length];
        }

        get isEmpty() {
            return this._parts.length === 0;
        }

        /* All in one. */
        _join(text) {
            const head = new TextEncoder().encode(text);
            const start = HEADER + head.length;
            const all = new Uint8Array(start + this.length);
            const header = new DataView(all.buffer);

            header.setUint32(0, MARK, true);
            header.setUint32(4, head.length, true);
            all.set(head, HEADER);
            for (const [at, bytes] of this._parts)
                all.set(bytes, start + at);

            return all;
        }

        /**
         * @param {string} text - the text that tells their places
         * @returns {GLib.Variant} all in one
         */
        toVariant(text) {
            return makeVariant(BYTES_TYPE, this._join(text), true);
        }
    }

    /**
     * @param {Uint8Array} bytes - what Blob.toVariant() made, or what is none
     * @returns {Array} the text, or null, and the bytes
     */
    function split(bytes) {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

        if (bytes.length < HEADER || view.getUint32(0, true) !== MARK)
            return [null, null];

        const start = HEADER + view.getUint32(4, true);

        return [new TextDecoder().decode(bytes.subarray(HEADER, start)), bytes.subarray(start)];
    }

    return {Blob, makeVariant, split};
})(imports.gi);
