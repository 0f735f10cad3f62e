// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

Cf.Future named_task (string name, owned Cf.TaskFunc func) {
    var future = new Cf.Future.for_task ((owned) func);
    future.name = name;
    return future;
}

void test_default_size () throws Error {
    assert (new Cf.ThreadPoolExecutor ().max_workers == 5 * get_num_processors ());
    assert (new Cf.ThreadPoolExecutor (3).max_workers == 3);
}

void test_closures () throws Error {
    var executor = new Cf.ThreadPoolExecutor (2);
    Cf.Future[] futures = {};
    for (int i = 0; i < 100; i++) {
        var n = i;
        futures += executor.submit_task ((out result, cancellable) => { result = @"number $n"; return true; });
    }
    for (int i = 0; i < 100; i++)
        assert (futures[i].get_result ().get_string () == @"number $i");
}

void test_order () throws Error {
    var executor = new Cf.ThreadPoolExecutor (1);
    var order = new Array<int> ();
    for (int i = 0; i < 100; i++) {
        var n = i;
        executor.submit_task ((out result, cancellable) => { order.append_val (n); result = {}; return true; });
    }
    executor.shutdown ();
    for (int i = 0; i < 100; i++)
        assert (order.index (i) == i);
}

void test_threads_on_demand () throws Error {
    var executor = new Cf.ThreadPoolExecutor (4);
    var gate = new Gate ();
    assert (executor.n_workers == 0);
    for (uint i = 1; i <= 3; i++) {
        executor.submit_task ((out result, cancellable) => { gate.pass (); result = true; return true; });
        gate.await_came (i);
        assert (executor.n_workers == i && executor.n_running == i);
    }
    gate.open ();
    executor.shutdown ();
    assert (executor.n_workers == 0 && executor.n_running == 0 && executor.n_pending == 0);
}

void test_thread_names () throws Error {
    var executor = new Cf.ThreadPoolExecutor (1);
    executor.thread_name_prefix = "weaver";
    var future = executor.submit_task ((out result, cancellable) => {
        string name;
        FileUtils.get_contents ("/proc/thread-self/comm", out name);
        result = name.strip ();
        return true;
    });
    assert (future.get_result ().get_string ().has_prefix ("weaver_"));
}

void test_initializer () throws Error {
    var executor = new Cf.ThreadPoolExecutor (1);
    int n = 0;
    executor.set_initializer ((out result, cancellable) => { n++; result = {}; return true; });
    for (int i = 0; i < 10; i++)
        executor.submit (double_it, new Variant.int64 (i));
    executor.shutdown ();
    assert (n == 1);
}

void test_initializer_fails () throws Error {
    var executor = new Cf.ThreadPoolExecutor (1);
    executor.set_initializer ((out result, cancellable) => { throw new IOError.BUSY ("no tools"); });
    var future = executor.submit (never_run);
    assert ("no tools" in assert_throws (new Cf.ExecutorError.BROKEN (""), () => { future.dup_variant (); }));
    assert ("no tools" in assert_throws (new Cf.ExecutorError.BROKEN (""), () => { executor.submit (never_run); }));
}

// The notebook's first: the only worker waits for work that it has submitted to its own pool.
void test_inline_wait () throws Error {
    var executor = new Cf.ThreadPoolExecutor (1);
    var future = executor.submit_task ((out result, cancellable) => {
        var inner = executor.submit_task ((out power, c) => { power = 5 * 5; return true; });
        result = inner.get_result ().get_int ();
        return true;
    });
    assert (future.get_result ().get_int () == 25);
    executor.shutdown ();
}

// The notebook's second: two tasks wait for each other.
void test_circle () throws Error {
    var executor = new Cf.ThreadPoolExecutor (2);
    var gate = new Gate ();
    Cf.Future? a = null, b = null;
    a = named_task ("wait_on_b", (out result, cancellable) => {
        gate.pass ();
        result = b.get_result ().get_int ();
        return true;
    });
    b = named_task ("wait_on_a", (out result, cancellable) => {
        gate.pass ();
        result = a.get_result ().get_int ();
        return true;
    });
    executor.schedule (a);
    executor.schedule (b);
    gate.await_came (2);
    gate.open ();
    try {
        a.get_result ();
        assert_not_reached ();
    } catch (Cf.ExecutorError.DEADLOCK e) {
        assert ("wait_on_a" in e.message && "wait_on_b" in e.message);
    }
    assert_throws (new Cf.ExecutorError.DEADLOCK (""), () => { b.get_result (); });
    executor.shutdown ();
    a = b = null;
}

void test_waits_for_itself () throws Error {
    var executor = new Cf.ThreadPoolExecutor (1);
    Cf.Future? future = null;
    future = named_task ("narcissus", (out result, cancellable) => {
        result = future.get_result ().get_int ();
        return true;
    });
    executor.schedule (future);
    assert ("narcissus" in assert_throws (new Cf.ExecutorError.DEADLOCK (""), () => { future.get_result (); }));
    future = null;
}

void test_circle_across_pools () throws Error {
    Cf.Executor[] pools = { new Cf.ThreadPoolExecutor (1), new Cf.ThreadPoolExecutor (1), new Cf.ThreadPoolExecutor (1) };
    var gate = new Gate ();
    var futures = new Cf.Future[3];
    for (int i = 0; i < 3; i++) {
        var next = (i + 1) % 3;
        futures[i] = named_task (@"task-$i", (out result, cancellable) => {
            gate.pass ();
            result = futures[next].get_result ().get_int ();
            return true;
        });
        pools[i].schedule (futures[i]);
    }
    gate.await_came (3);
    gate.open ();
    var message = assert_throws (new Cf.ExecutorError.DEADLOCK (""), () => { futures[0].get_result (); });
    assert ("task-0" in message && "task-1" in message && "task-2" in message);
    foreach (var pool in pools)
        pool.shutdown ();
    futures = {};
}

void test_starvation () throws Error {
    var executor = new Cf.ThreadPoolExecutor (1);
    executor.inline_waits = false;
    var future = executor.submit_task ((out result, cancellable) => {
        result = executor.submit (double_it, new Variant.int64 (1)).dup_variant ();
        return true;
    });
    assert_throws (new Cf.ExecutorError.DEADLOCK (""), () => { future.get_result (); });
    executor.shutdown ();
}

void test_circle_with_time_out () throws Error {
    var executor = new Cf.ThreadPoolExecutor (1);
    Cf.Future? future = null;
    future = named_task ("narcissus", (out result, cancellable) => {
        result = future.get_result (1000).get_int ();
        return true;
    });
    executor.schedule (future);
    assert_throws (new IOError.TIMED_OUT (""), () => { future.get_result (); });
    future = null;
}

void test_settled_from_outside () throws Error {
    var executor = new Cf.ThreadPoolExecutor (1);
    var gate = new Gate ();
    var outside = new Cf.Future ();
    var future = executor.submit_task ((out result, cancellable) => {
        gate.pass ();
        result = outside.get_result ().get_int ();
        return true;
    });
    gate.await_came (1);
    gate.open ();
    outside.set_result (7);
    assert (future.get_result ().get_int () == 7);
}

// Without inline waits, the only worker waits for what is queued behind it: nobody else can run that.
void test_inline_waits_off () throws Error {
    var executor = new Cf.ThreadPoolExecutor (1);
    executor.inline_waits = false;
    Cf.Future? inner = null;
    var gate = new Gate ();
    var outer = executor.submit_task ((out result, cancellable) => {
        gate.pass ();
        inner.get_result ();
        result = true;
        return true;
    });
    gate.await_came (1);
    inner = executor.submit_task ((out result, cancellable) => { result = 1; return true; });
    gate.open ();
    assert_throws (new Cf.ExecutorError.DEADLOCK (""), () => { outer.get_result (); });
    assert (inner.get_result ().get_int () == 1);
}

void test_shutdown_in_worker () throws Error {
    var executor = new Cf.ThreadPoolExecutor (1);
    var future = executor.submit_task ((out result, cancellable) => { executor.shutdown (); result = 5; return true; });
    assert (future.get_result ().get_int () == 5);
    executor.shutdown ();
}

void test_objects_travel () throws Error {
    var executor = new Cf.ThreadPoolExecutor (1);
    var future = executor.submit_task ((out result, cancellable) => { result = File.new_for_path ("/"); return true; });
    var file = (File) future.get_result ().get_object ();
    assert (file.get_path () == "/");
    Object last = file;
    file = null;
    future = null;
    executor.shutdown ();
    executor = null;
    assert_finalized ((owned) last);
}

int main (string[] args) {
    Test.init (ref args);
    add_test ("/thread-pool/default-size", test_default_size);
    add_test ("/thread-pool/closures", test_closures);
    add_test ("/thread-pool/order", test_order);
    add_test ("/thread-pool/threads-on-demand", test_threads_on_demand);
    add_test ("/thread-pool/thread-names", test_thread_names);
    add_test ("/thread-pool/initializer", test_initializer);
    add_test ("/thread-pool/initializer-fails", test_initializer_fails);
    add_test ("/thread-pool/inline-wait", test_inline_wait);
    add_test ("/thread-pool/inline-waits-off", test_inline_waits_off);
    add_test ("/thread-pool/deadlock/circle", test_circle);
    add_test ("/thread-pool/deadlock/circle-across-pools", test_circle_across_pools);
    add_test ("/thread-pool/deadlock/waits-for-itself", test_waits_for_itself);
    add_test ("/thread-pool/deadlock/starvation", test_starvation);
    add_test ("/thread-pool/deadlock/with-time-out", test_circle_with_time_out);
    add_test ("/thread-pool/deadlock/settled-from-outside", test_settled_from_outside);
    add_test ("/thread-pool/shutdown-in-worker", test_shutdown_in_worker);
    add_test ("/thread-pool/objects-travel", test_objects_travel);
    return Test.run ();
}
