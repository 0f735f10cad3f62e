// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// A task that sleeps: is it done right after it was submitted, and some time later?

Variant? return_within_5_secs (Variant? message, Cancellable cancellable) throws Error {
    Thread.usleep (4500 * 1000);
    return message;
}

string done (Cf.Future future) {
    return future.is_done () ? "True" : "False";
}

void main () {
    var pool = new Cf.ThreadPoolExecutor (3);
    try {
        var future = pool.submit (return_within_5_secs, "hello");
        stdout.printf ("submit 직후:  %s\n", done (future));

        Thread.usleep (5 * 1000 * 1000);

        stdout.printf ("5초 지난 후:  %s\n", done (future));
        stdout.printf ("결과:  %s\n", future.dup_variant ().get_string ());
    } catch (Error e) {
        error (e.message);
    }
    pool.shutdown ();
}
