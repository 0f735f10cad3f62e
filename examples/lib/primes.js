// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* What primes-processes.js runs in workers. */

export function isPrime(n) {
    if (n % 2 === 0)
        return n === 2;

    const root = Math.floor(Math.sqrt(n));

    for (let i = 3; i <= root; i += 2) {
        if (n % i === 0)
            return false;
    }

    return n > 1;
}
