// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Waits for the first of five tasks that sleep for a random time.

string describe (GenericArray<Cf.Future> futures) {
    string[] texts = {};
    foreach (var future in futures) {
        unowned var state = ((EnumClass) typeof (Cf.FutureState).class_ref ()).get_value (future.state);
        var returned = future.state == Cf.FutureState.FINISHED ? " returned str" : "";
        texts += "<Future at %p state=%s%s>".printf (future, state.value_nick, returned);
    }
    return string.joinv (", ", texts);
}

void wait_for_first (Cf.Executor pool) throws Error {
    GenericArray<Cf.Future> done, not_done;
    Cf.Future[] futures = {};
    for (int i = 0; i < 5; i++) {
        var n = i;
        futures += pool.submit_task ((out result, cancellable) => {
            Thread.usleep (Random.int_range (1, 6) * 200 * 1000);
            result = @"Return of $n";
            return true;
        });
    }

    Cf.wait (futures, Cf.ReturnWhen.FIRST_COMPLETED, -1, out done, out not_done);
    print ("DoneAndNotDoneFutures(done={%s}, not_done={%s})\n", describe (done), describe (not_done));
}

void main () {
    var pool = new Cf.ThreadPoolExecutor (5);
    try {
        wait_for_first (pool);
    } catch (Error e) {
        error (e.message);
    }
    pool.shutdown ();
}
