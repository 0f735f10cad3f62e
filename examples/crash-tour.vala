// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// A pool in which one call crashes, one hangs and one ends its process, while 1000 others are computed.

const int N_CALLS = 1000;

Variant? square (Variant? args, Cancellable cancellable) throws Error {
    var n = args.get_int64 ();
    return n * n;
}

Variant? crash (Variant? args, Cancellable cancellable) throws Error {
    Process.@raise (ProcessSignal.SEGV);
    return null;
}

Variant? hang (Variant? args, Cancellable cancellable) throws Error {
    while (true)
        Thread.usleep (1000 * 1000);
}

Variant? leave (Variant? args, Cancellable cancellable) throws Error {
    Process.exit (0);
}

Cf.Future submit (Cf.Executor executor, string name, Cf.Func func) throws Error {
    var future = new Cf.Future.for_func (func);
    future.name = name;
    executor.schedule (future);
    return future;
}

void print_failure (string name, Cf.Future future) {
    try {
        future.dup_variant ();
        print ("%s: no failure?\n", name);
    } catch (Error e) {
        print ("%s: %s\n", name, e.message);
    }
}

int count_right (Cf.Future[] futures) throws Error {
    var n = 0;
    for (int64 i = 0; i < futures.length; i++) {
        if (futures[i].dup_variant ().get_int64 () == i * i)
            n++;
    }
    return n;
}

void tour (Cf.ProcessPoolExecutor executor) throws Error {
    Cf.Future[] futures = {};
    Cf.Future? crashing = null, hanging = null, leaving = null;

    for (int64 i = 0; i < N_CALLS; i++) {
        if (i == 100)
            crashing = submit (executor, "the crash", crash);
        if (i == 200)
            hanging = submit (executor, "the hang", hang);
        if (i == 300)
            leaving = submit (executor, "the exit", leave);
        futures += executor.submit (square, i);
    }

    print ("%d of %d others finished\n", count_right (futures), N_CALLS);
    print_failure ("crash", crashing);
    print_failure ("hang", hanging);
    print_failure ("exit", leaving);

    var last = executor.submit (square, (int64) 12).dup_variant ().get_int64 ();
    print ("%s workers died, and the pool is alive: 12 * 12 = %s\n",
           executor.n_deaths.to_string (), last.to_string ());
}

void main (string[] args) {
    Cf.process_pool_init (args);

    var executor = new Cf.ProcessPoolExecutor (2);
    executor.task_timeout = 500 * 1000;
    try {
        tour (executor);
    } catch (Error e) {
        error (e.message);
    }
    executor.shutdown ();
}
