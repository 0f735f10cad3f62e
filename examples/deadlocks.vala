// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Two programs that hang for ever elsewhere: here one is told why it cannot go on, and the other ends well.

// The pool has one worker, and that is busy with the function that waits.
void wait_in_a_pool_of_one () throws Error {
    var pool = new Cf.ThreadPoolExecutor (1);
    var future = pool.submit_task ((out result, cancellable) => {
        var inner = pool.submit_task ((out power, c) => { power = (int) Math.pow (5, 2); return true; });
        print ("%d\n", inner.get_result ().get_int ());
        result = {};
        return true;
    });
    future.get_result ();
    pool.shutdown ();
}

void print_outcome (Cf.Future future) throws Error {
    try {
        print ("%d\n", future.get_result ().get_int ());
    } catch (Cf.ExecutorError.DEADLOCK e) {
        print ("%s\n", e.message);
    }
}

void wait_for_each_other () throws Error {
    var pool = new Cf.ThreadPoolExecutor (2);
    Cf.Future? a = null, b = null;

    a = new Cf.Future.for_task ((out result, cancellable) => {
        Thread.usleep (100 * 1000);
        b.get_result (); // b never ends, for it waits for a
        result = 5;
        return true;
    });
    a.name = "wait_on_b";
    b = new Cf.Future.for_task ((out result, cancellable) => {
        Thread.usleep (100 * 1000);
        a.get_result (); // a never ends, for it waits for b
        result = 6;
        return true;
    });
    b.name = "wait_on_a";

    pool.schedule (a);
    pool.schedule (b);
    print_outcome (a);
    print_outcome (b);
    pool.shutdown ();
}

void main () {
    Intl.setlocale ();
    try {
        wait_for_each_other ();
        wait_in_a_pool_of_one ();
    } catch (Error e) {
        error (e.message);
    }
}
