// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

Cf.Future[] make_futures (uint n) {
    Cf.Future[] futures = {};
    for (uint i = 0; i < n; i++)
        futures += new Cf.Future ();
    return futures;
}

void test_all () throws Error {
    var futures = make_futures (3);
    GenericArray<Cf.Future> done, not_done;
    futures[0].set_result (0);
    futures[2].set_exception (new IOError.BUSY (""));
    assert (!Cf.wait (futures, Cf.ReturnWhen.ALL_COMPLETED, 0, out done, out not_done));
    assert (done.length == 2 && done[0] == futures[0] && done[1] == futures[2]);
    assert (not_done.length == 1 && not_done[0] == futures[1]);
    futures[1].set_result (1);
    assert (Cf.wait (futures));
}

void test_first_completed () throws Error {
    var futures = make_futures (3);
    GenericArray<Cf.Future> done, not_done;
    assert (!Cf.wait (futures, Cf.ReturnWhen.FIRST_COMPLETED, 0));
    futures[1].set_result (1);
    assert (Cf.wait (futures, Cf.ReturnWhen.FIRST_COMPLETED, -1, out done, out not_done));
    assert (done.length == 1 && done[0] == futures[1] && not_done.length == 2);
}

void test_first_exception () throws Error {
    var futures = make_futures (3);
    GenericArray<Cf.Future> done;
    futures[1].set_result (1);
    assert (!Cf.wait (futures, Cf.ReturnWhen.FIRST_EXCEPTION, 0));
    futures[2].set_exception (new IOError.BUSY (""));
    assert (Cf.wait (futures, Cf.ReturnWhen.FIRST_EXCEPTION, -1, out done));
    assert (done.length == 2);
}

void test_cancelled_is_no_exception () throws Error {
    var executor = new Cf.ThreadPoolExecutor (1);
    var gate = new Gate ();
    var running = executor.submit_task ((out result, cancellable) => { gate.pass (); result = true; return true; });
    var queued = executor.submit (never_run);
    queued.cancel ();
    assert (!Cf.wait ({ running, queued }, Cf.ReturnWhen.FIRST_EXCEPTION, 0));
    gate.open ();
    assert (Cf.wait ({ running, queued }, Cf.ReturnWhen.FIRST_EXCEPTION));
}

void test_nothing () throws Error {
    assert (Cf.wait ({}, Cf.ReturnWhen.ALL_COMPLETED));
    assert (Cf.wait ({}, Cf.ReturnWhen.FIRST_COMPLETED));
    assert (Cf.wait ({}, Cf.ReturnWhen.FIRST_EXCEPTION));
}

void test_each_once () throws Error {
    var futures = make_futures (2);
    GenericArray<Cf.Future> done, not_done;
    futures[1].set_result (1);
    Cf.wait ({ futures[1], futures[0], futures[1], futures[0] }, Cf.ReturnWhen.ALL_COMPLETED, 0, out done, out not_done);
    assert (done.length == 1 && not_done.length == 1);
}

void test_lists_hold () throws Error {
    GenericArray<Cf.Future> done;
    {
        var future = new Cf.Future ();
        future.set_result (5);
        Cf.wait ({ future }, Cf.ReturnWhen.ALL_COMPLETED, -1, out done);
    }
    assert (done[0].get_result ().get_int () == 5);
    Object last = done[0];
    done = null;
    assert_finalized ((owned) last);
}

void test_blocks () throws Error {
    var executor = new Cf.ThreadPoolExecutor (2);
    Cf.Future[] futures = {};
    for (int i = 0; i < 20; i++)
        futures += executor.submit (double_it, new Variant.int64 (i));
    assert (Cf.wait (futures));
    foreach (var future in futures)
        assert (future.is_done ());
}

async int count_done (Cf.Future[] futures) throws Error {
    GenericArray<Cf.Future> done, not_done;
    assert (yield Cf.wait_async (futures, Cf.ReturnWhen.FIRST_COMPLETED, -1, null, out done, out not_done));
    assert (done.length + not_done.length == futures.length);
    return done.length;
}

void test_async () throws Error {
    var futures = make_futures (3);
    AsyncResult? outcome = null;
    count_done.begin (futures, (source, result) => { outcome = result; });
    futures[2].set_result (1);
    run_until (() => outcome != null);
    assert (count_done.end (outcome) == 1);
}

async bool wait_a_moment (Cf.Future[] futures, Cancellable? cancellable, int64 timeout_us) throws Error {
    return yield Cf.wait_async (futures, Cf.ReturnWhen.ALL_COMPLETED, timeout_us, cancellable);
}

void test_async_time_out () throws Error {
    AsyncResult? outcome = null;
    wait_a_moment.begin (make_futures (1), null, 1000, (source, result) => { outcome = result; });
    run_until (() => outcome != null);
    assert (!wait_a_moment.end (outcome));
}

void test_async_cancelled () throws Error {
    AsyncResult? outcome = null;
    var cancellable = new Cancellable ();
    wait_a_moment.begin (make_futures (1), cancellable, -1, (source, result) => { outcome = result; });
    cancellable.cancel ();
    run_until (() => outcome != null);
    assert_throws (new IOError.CANCELLED (""), () => { wait_a_moment.end (outcome); });
}

int main (string[] args) {
    Test.init (ref args);
    add_test ("/wait/all", test_all);
    add_test ("/wait/first-completed", test_first_completed);
    add_test ("/wait/first-exception", test_first_exception);
    add_test ("/wait/cancelled-is-no-exception", test_cancelled_is_no_exception);
    add_test ("/wait/nothing", test_nothing);
    add_test ("/wait/each-once", test_each_once);
    add_test ("/wait/lists-hold", test_lists_hold);
    add_test ("/wait/blocks", test_blocks);
    add_test ("/wait/async", test_async);
    add_test ("/wait/async-time-out", test_async_time_out);
    add_test ("/wait/async-cancelled", test_async_cancelled);
    return Test.run ();
}
