// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

Cf.Future[] make_futures (uint n) {
    Cf.Future[] futures = {};
    for (uint i = 0; i < n; i++)
        futures += new Cf.Future ();
    return futures;
}

void test_order () throws Error {
    var futures = make_futures (4);
    futures[2].set_result (2);
    var completed = Cf.as_completed (futures);
    assert (completed.next () == futures[2]);
    futures[3].set_result (3);
    futures[0].cancel ();
    futures[0].set_running_or_notify_cancel ();
    futures[1].set_exception (new IOError.BUSY (""));
    assert (completed.next () == futures[3]);
    assert (completed.next () == futures[0]);
    assert (completed.next () == futures[1]);
    assert (completed.next () == null && completed.next () == null);
}

void test_foreach () throws Error {
    var executor = new Cf.ThreadPoolExecutor (2);
    Cf.Future[] futures = {};
    int64 sum = 0;
    for (int i = 0; i < 20; i++)
        futures += executor.submit (double_it, new Variant.int64 (i));
    foreach (var future in Cf.as_completed (futures))
        sum += future.dup_variant (0).get_int64 ();
    assert (sum == 380);
}

void test_while () throws Error {
    var futures = make_futures (3);
    var completed = Cf.as_completed (futures);
    Cf.Future? future;
    int n = 0;
    foreach (var one in futures)
        one.set_result (n);
    while ((future = completed.next ()) != null)
        assert (future == futures[n++]);
    assert (n == 3);
}

void test_each_once () throws Error {
    var futures = make_futures (2);
    int n = 0;
    futures[0].set_result (0);
    futures[1].set_result (1);
    foreach (var future in Cf.as_completed ({ futures[0], futures[1], futures[0] }))
        n += future.is_done () ? 1 : 10;
    assert (n == 2);
}

void test_nothing () throws Error {
    assert (Cf.as_completed ({}).next () == null);
}

void test_time_out () throws Error {
    var futures = make_futures (5);
    futures[0].set_result (0);
    futures[1].set_result (1);
    futures[4].set_result (4);
    var completed = Cf.as_completed (futures, 0);
    for (int i = 0; i < 3; i++)
        assert (completed.next ().is_done ());
    var message = assert_throws (new IOError.TIMED_OUT (""), () => { completed.next (); });
    assert (message == "2 (of 5) futures unfinished");
    assert (completed.next () == null);
}

void test_time_out_in_foreach () throws Error {
    var futures = make_futures (2);
    int n = 0;
    futures[0].set_result (0);
    assert_throws (new IOError.TIMED_OUT (""), () => {
        foreach (var future in Cf.as_completed (futures, 1000))
            n += future.is_done () ? 1 : 10;
    });
    assert (n == 1);
}

void test_drops_what_it_gave () throws Error {
    var futures = make_futures (2);
    futures[0].set_result (0);
    var completed = Cf.as_completed (futures);
    Object first = completed.next ();
    futures[0] = null;
    assert_finalized ((owned) first);
}

async int count_all (Cf.FutureIter completed) throws Error {
    int n = 0;
    while ((yield completed.next_async ()) != null)
        n++;
    return n;
}

void test_async () throws Error {
    var executor = new Cf.ThreadPoolExecutor (2);
    Cf.Future[] futures = {};
    AsyncResult? outcome = null;
    for (int i = 0; i < 20; i++)
        futures += executor.submit (double_it, new Variant.int64 (i));
    count_all.begin (Cf.as_completed (futures), (source, result) => { outcome = result; });
    run_until (() => outcome != null);
    assert (count_all.end (outcome) == 20);
}

void test_async_time_out () throws Error {
    AsyncResult? outcome = null;
    count_all.begin (Cf.as_completed (make_futures (1), 1000), (source, result) => { outcome = result; });
    run_until (() => outcome != null);
    assert_throws (new IOError.TIMED_OUT (""), () => { count_all.end (outcome); });
}

int main (string[] args) {
    Test.init (ref args);
    add_test ("/future-iter/order", test_order);
    add_test ("/future-iter/foreach", test_foreach);
    add_test ("/future-iter/while", test_while);
    add_test ("/future-iter/each-once", test_each_once);
    add_test ("/future-iter/nothing", test_nothing);
    add_test ("/future-iter/time-out", test_time_out);
    add_test ("/future-iter/time-out-in-foreach", test_time_out_in_foreach);
    add_test ("/future-iter/drops-what-it-gave", test_drops_what_it_gave);
    add_test ("/future-iter/async", test_async);
    add_test ("/future-iter/async-time-out", test_async_time_out);
    return Test.run ();
}
