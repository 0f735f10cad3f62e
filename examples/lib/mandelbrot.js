// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* What mandelbrot.js runs in workers. */

const MAX_ROUNDS = 600;

function countRounds(re, im) {
    let [x, y, n] = [0, 0, 0];

    for (; x * x + y * y < 4 && n < MAX_ROUNDS; n++) {
        const next = x * x - y * y + re;

        y = 2 * x * y + im;
        x = next;
    }

    return n;
}

function paint(pixels, i, rounds) {
    const shade = rounds === MAX_ROUNDS ? 0 : Math.sqrt(rounds / MAX_ROUNDS);

    pixels[i] = 255 * Math.min(1, 3 * shade);
    pixels[i + 1] = 255 * shade;
    pixels[i + 2] = 255 * Math.min(1, 0.2 + shade) * (rounds < MAX_ROUNDS);
}

/**
 * Computes some lines of the picture.
 *
 * @param {object} band - `first` and `count` of the lines, `width` and `height` of the picture
 * @returns {Uint8Array} red, green and blue of each pixel
 */
export function computeBand({first, count, width, height}) {
    const pixels = new Uint8Array(3 * width * count);

    for (let i = 0; i < width * count; i++) {
        const [x, y] = [i % width, first + Math.floor(i / width)];

        paint(pixels, 3 * i, countRounds(3 * x / width - 2.2, 2.4 * y / height - 1.2));
    }

    return pixels;
}
