// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Work in threads for a program with a main loop, which nothing here blocks.

Variant? square (Variant? args, Cancellable cancellable) throws Error {
    var n = args.get_int32 ();
    Thread.usleep (100 * 1000);
    return @"$n * $n = $(n * n)";
}

// Runs in the main loop; the future is done, so nothing waits here.
void print_result (Cf.Future future) {
    try {
        print ("%s\n", future.dup_variant (0).get_string ());
    } catch (Error e) {
        print ("%s\n", e.message);
    }
}

async void shut_down (Cf.Executor pool, MainLoop loop) {
    try {
        yield pool.shutdown_async ();
        print ("the pool is shut down\n");
    } catch (Error e) {
        print ("%s\n", e.message);
    }
    loop.quit ();
}

void main () {
    var loop = new MainLoop ();
    var pool = new Cf.ThreadPoolExecutor (1);
    var n_left = 3;

    try {
        for (int n = 1; n <= 3; n++) {
            // The handler keeps the future until it was called.
            pool.submit (square, n).done.connect ((future) => {
                print_result (future);
                if (--n_left == 0)
                    shut_down.begin (pool, loop);
            });
        }
    } catch (Error e) {
        error (e.message);
    }
    print ("the main loop runs\n");
    loop.run ();
}
