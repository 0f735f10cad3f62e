// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

Cf.Executor pool;

// How many calls count_call() was; only calls of this process count.
int n_calls;

Variant? count_call (Variant? args, Cancellable cancellable) throws Error {
    AtomicInt.inc (ref n_calls);
    return args;
}

void test_order () throws Error {
    int64 n = 0;
    foreach (var result in pool.map (double_it, numbers (1000)))
        assert (result.get_int64 () == 2 * n++);
    assert (n == 1000);
}

void test_nothing () throws Error {
    assert (pool.map (double_it, numbers (0)).next () == null);
}

void test_kinds_of_items () throws Error {
    var results = pool.map (count_call, new Variant.strv ({ "a", "b" }));
    assert (results.next ().get_string () == "a");
    assert (results.next ().get_string () == "b");
    assert (results.next () == null);
}

void test_error_goes_on () throws Error {
    var results = pool.map (fail_with_two, numbers (4));
    int64[] got = {};
    assert_throws (new IOError.NOT_FOUND (""), () => {
        foreach (var result in results)
            got += result.get_int64 ();
    });
    foreach (var result in results)
        got += result.get_int64 ();
    assert (got.length == 3 && got[0] == 0 && got[1] == 1 && got[2] == 3);
}

void test_time_out () throws Error {
    var gate = new PipeGate ();
    var builder = new VariantBuilder (new VariantType ("a(ssx)"));
    for (int64 i = 0; i < 3; i++)
        builder.add_value (gate.args (i));
    var results = pool.map (pass_pipe_gate, builder.end (), 1000);
    assert_throws (new IOError.TIMED_OUT (""), () => { results.next (); });
    assert (results.next () == null);
    gate.open (3);
}

void test_buffersize () throws Error {
    AtomicInt.set (ref n_calls, 0);
    var executor = new InlineExecutor ();
    var results = executor.map (count_call, numbers (100), -1, 1, 3);
    for (int i = 0; i < 10; i++) {
        assert (results.next ().get_int64 () == i);
        assert (AtomicInt.get (ref n_calls) <= i + 4);
    }
}

void test_close () throws Error {
    var executor = new Cf.ThreadPoolExecutor (1);
    var gate = new Gate ();
    var running = executor.submit_task ((out result, cancellable) => { gate.pass (); result = true; return true; });
    var results = executor.map (never_run, numbers (10));
    results.close ();
    assert (results.next () == null);
    gate.open ();
    executor.shutdown ();
    assert (running.is_done ());
}

void test_dropped () throws Error {
    AtomicInt.set (ref n_calls, 0);
    var executor = new Cf.ThreadPoolExecutor (1);
    executor.map (count_call, numbers (10));
    executor.shutdown ();
    assert (AtomicInt.get (ref n_calls) == 10);
}

void test_shut_down_in_the_middle () throws Error {
    var executor = new InlineExecutor ();
    var results = executor.map (double_it, numbers (10), -1, 1, 1);
    assert (results.next ().get_int64 () == 0);
    executor.shutdown ();
    assert_throws (new Cf.ExecutorError.SHUTDOWN (""), () => {
        while (results.next () != null);
    });
    assert (results.next () == null);
}

async int64 sum_all (Cf.ResultIter results) throws Error {
    Variant? result;
    int64 sum = 0;
    while ((result = yield results.next_async ()) != null)
        sum += result.get_int64 ();
    return sum;
}

void test_async () throws Error {
    AsyncResult? outcome = null;
    sum_all.begin (pool.map (double_it, numbers (50)), (source, result) => { outcome = result; });
    run_until (() => outcome != null);
    assert (sum_all.end (outcome) == 2450);
}

void test_async_error () throws Error {
    AsyncResult? outcome = null;
    sum_all.begin (pool.map (fail_with_two, numbers (50)), (source, result) => { outcome = result; });
    run_until (() => outcome != null);
    assert_throws (new IOError.NOT_FOUND (""), () => { sum_all.end (outcome); });
}

delegate Cf.Executor MakeExecutor ();

void add_map_tests (string name, MakeExecutor make) {
    add_map_test (@"/result-iter/$name/order", make, test_order);
    add_map_test (@"/result-iter/$name/nothing", make, test_nothing);
    add_map_test (@"/result-iter/$name/kinds-of-items", make, test_kinds_of_items);
    add_map_test (@"/result-iter/$name/error-goes-on", make, test_error_goes_on);
    add_map_test (@"/result-iter/$name/time-out", make, test_time_out);
    add_map_test (@"/result-iter/$name/async", make, test_async);
    add_map_test (@"/result-iter/$name/async-error", make, test_async_error);
}

void add_map_test (string path, MakeExecutor make, Throwing test) {
    add_test (path, () => {
        pool = make ();
        test ();
        assert_finalized ((owned) pool);
    });
}

int main (string[] args) {
    Cf.process_pool_init (args);
    Test.init (ref args);
    add_map_tests ("thread-pool", () => new Cf.ThreadPoolExecutor (2));
    add_map_tests ("process-pool", () => new Cf.ProcessPoolExecutor (2));
    add_test ("/result-iter/buffersize", test_buffersize);
    add_test ("/result-iter/close", test_close);
    add_test ("/result-iter/dropped", test_dropped);
    add_test ("/result-iter/shut-down-in-the-middle", test_shut_down_in_the_middle);
    return Test.run ();
}
