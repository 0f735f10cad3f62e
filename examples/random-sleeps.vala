// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Five tasks that sleep for a random time; their results come in the order in which they are done.

void print_as_completed (Cf.Executor pool) throws Error {
    Cf.Future[] futures = {};
    for (int i = 0; i < 5; i++) {
        var n = i;
        futures += pool.submit_task ((out result, cancellable) => {
            Thread.usleep (Random.int_range (1, 6) * 200 * 1000);
            result = @"Return of $n";
            return true;
        });
    }

    foreach (var future in Cf.as_completed (futures))
        print ("%s\n", future.get_result ().get_string ());
}

void main () {
    var pool = new Cf.ThreadPoolExecutor (5);
    try {
        print_as_completed (pool);
    } catch (Error e) {
        error (e.message);
    }
    pool.shutdown ();
}
