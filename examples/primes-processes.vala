// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Which of these numbers are prime?  Each is looked at in a process of its own.

const uint64[] PRIMES = {
    112272535095293,
    112582705942171,
    112272535095293,
    115280095190773,
    115797848077099,
    1099726899285419
};

Variant? is_prime (Variant? args, Cancellable cancellable) throws Error {
    var n = args.get_uint64 ();
    var root = (uint64) Math.floor (Math.sqrt ((double) n));

    if (n % 2 == 0)
        return n == 2;
    for (uint64 i = 3; i <= root; i += 2) {
        if (n % i == 0)
            return false;
    }
    return n > 1;
}

void print_primes (Cf.Executor executor) throws Error {
    var items = new VariantBuilder (new VariantType ("at"));
    foreach (var number in PRIMES)
        items.add ("t", number);

    var n = 0;
    foreach (var prime in executor.map (is_prime, items.end ()))
        print ("%s is prime: %s\n", PRIMES[n++].to_string (), prime.get_boolean () ? "True" : "False");
}

void main (string[] args) {
    Cf.process_pool_init (args);

    var executor = new Cf.ProcessPoolExecutor ();
    try {
        print_primes (executor);
    } catch (Error e) {
        error (e.message);
    }
    executor.shutdown ();
}
