// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// The same in a process: five seconds later the task, which had to wait for its worker to start, still sleeps.

Variant? return_after_5_secs (Variant? message, Cancellable cancellable) throws Error {
    Thread.usleep (5500 * 1000);
    return message;
}

string done (Cf.Future future) {
    return future.is_done () ? "True" : "False";
}

void main (string[] args) {
    Cf.process_pool_init (args);

    var pool = new Cf.ProcessPoolExecutor (3);
    try {
        var future = pool.submit (return_after_5_secs, "hello");
        stdout.printf ("submit 직후:  %s\n", done (future));

        Thread.usleep (5 * 1000 * 1000);

        stdout.printf ("5초 지난 후:  %s\n", done (future));
        stdout.printf ("결과:  %s\n", future.dup_variant ().get_string ());
    } catch (Error e) {
        error (e.message);
    }
    pool.shutdown ();
}
