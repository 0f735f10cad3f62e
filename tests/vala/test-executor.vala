// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What holds for every executor, and an executor of one's own.

delegate Cf.Executor MakeExecutor ();

delegate void ExecutorTest (Cf.Executor executor) throws Error;

void test_submit (Cf.Executor executor) throws Error {
    Cf.Future[] futures = {};
    for (int64 i = 0; i < 50; i++)
        futures += executor.submit (double_it, new Variant.int64 (i));
    for (int64 i = 0; i < 50; i++)
        assert (futures[i].dup_variant ().get_int64 () == 2 * i);
}

void test_error (Cf.Executor executor) throws Error {
    var future = executor.submit (fail_with_two);
    assert (assert_throws (new IOError.NOT_FOUND (""), () => { future.dup_variant (); }) == "no such luck");
    assert_throws (new Cf.ExecutorError.NO_RESULT (""), () => { executor.submit (give_nothing).dup_variant (); });
}

void test_submit_named (Cf.Executor executor) throws Error {
    var future = executor.submit_named ("double_it", new Variant.int64 (6));
    assert (future.dup_variant ().get_int64 () == 12);
}

void test_submit_named_unknown (Cf.Executor executor) throws Error {
    assert_throws (new Cf.ExecutorError.NOT_FOUND (""), () => {
        executor.submit_named ("no_such_function").dup_variant ();
    });
}

void test_schedule (Cf.Executor executor) throws Error {
    var future = new Cf.Future.for_func (double_it, new Variant.int64 (3));
    assert (executor.schedule (future));
    assert_throws (new Cf.ExecutorError.INVALID_STATE (""), () => { executor.schedule (future); });
    assert (future.dup_variant ().get_int64 () == 6);
}

void test_states (Cf.Executor executor) throws Error {
    var gate = new PipeGate ();
    var future = executor.submit (pass_pipe_gate, gate.args (6));
    gate.await_one ();
    assert (future.is_running () && !future.is_done () && !future.cancel ());
    gate.open ();
    assert (future.dup_variant ().get_int64 () == 6);
    assert (future.is_done () && !future.is_running ());
}

void test_cancel_queued (Cf.Executor executor) throws Error {
    var gate = new PipeGate ();
    var running = executor.submit (pass_pipe_gate, gate.args (6));
    var queued = new Cf.Future.for_func (never_run);
    gate.await_one ();
    executor.submit (pass_pipe_gate, gate.args (7));
    gate.await_one ();
    executor.schedule (queued);
    assert (queued.cancel () && queued.is_done ());
    assert (Cf.wait ({ queued }, Cf.ReturnWhen.ALL_COMPLETED, 0));
    gate.open (2);
    assert (running.dup_variant ().get_int64 () == 6);
}

void test_done_signal (Cf.Executor executor) throws Error {
    int n_done = 0;
    var future = executor.submit (double_it, new Variant.int64 (1));
    future.done.connect (() => { n_done++; });
    run_until (() => n_done > 0);
    assert (n_done == 1 && future.is_done ());
}

void test_map (Cf.Executor executor) throws Error {
    int64 n = 0;
    foreach (var result in executor.map (double_it, numbers (100)))
        assert (result.get_int64 () == 2 * n++);
    assert (n == 100);
}

void test_map_chunks (Cf.Executor executor) throws Error {
    int64 n = 0;
    foreach (var result in executor.map (double_it, numbers (100), -1, 7, 20))
        assert (result.get_int64 () == 2 * n++);
    assert (n == 100);
}

void test_map_named (Cf.Executor executor) throws Error {
    int64 n = 0;
    foreach (var result in executor.map_named ("double_it", numbers (10)))
        assert (result.get_int64 () == 2 * n++);
    assert (n == 10);
}

void test_map_error (Cf.Executor executor) throws Error {
    var results = executor.map (fail_with_two, numbers (4));
    assert (results.next ().get_int64 () == 0 && results.next ().get_int64 () == 1);
    assert_throws (new IOError.NOT_FOUND (""), () => { results.next (); });
    assert (results.next ().get_int64 () == 3);
    assert (results.next () == null);
}

void test_shutdown (Cf.Executor executor) throws Error {
    var future = executor.submit (double_it, new Variant.int64 (4));
    assert (!executor.is_shutdown ());
    executor.shutdown ();
    assert (executor.is_shutdown () && future.is_done () && executor.n_workers == 0);
    assert_throws (new Cf.ExecutorError.SHUTDOWN (""), () => { executor.submit (double_it); });
    assert_throws (new Cf.ExecutorError.SHUTDOWN (""), () => { executor.schedule (new Cf.Future ()); });
    assert_throws (new Cf.ExecutorError.SHUTDOWN (""), () => { executor.map (double_it, numbers (1)).next (); });
    executor.shutdown ();
    assert (future.dup_variant ().get_int64 () == 8);
}

void test_shutdown_cancels (Cf.Executor executor) throws Error {
    var gate = new PipeGate ();
    Cf.Future[] running = {};
    for (int i = 0; i < 2; i++) {
        running += executor.submit (pass_pipe_gate, gate.args (6));
        gate.await_one ();
    }
    var queued = executor.submit (never_run);
    executor.shutdown (false, true);
    assert (queued.is_cancelled () && running[0].is_running ());
    gate.open (2);
    executor.shutdown ();
    assert (running[1].dup_variant ().get_int64 () == 6);
}

void test_shutdown_async (Cf.Executor executor) throws Error {
    AsyncResult? outcome = null;
    var future = executor.submit (double_it, new Variant.int64 (4));
    executor.shutdown_async.begin (false, null, (source, result) => { outcome = result; });
    run_until (() => outcome != null);
    assert (executor.shutdown_async.end (outcome));
    assert (executor.is_shutdown () && executor.n_workers == 0 && future.is_done ());
}

void test_dropped (Cf.Executor executor) throws Error {
}

void add_executor_tests (string name, MakeExecutor make, bool has_queue) {
    add_executor_test (name, "submit", make, test_submit);
    add_executor_test (name, "error", make, test_error);
    add_executor_test (name, "submit-named", make, test_submit_named);
    add_executor_test (name, "submit-named-unknown", make, test_submit_named_unknown);
    add_executor_test (name, "schedule", make, test_schedule);
    add_executor_test (name, "done-signal", make, test_done_signal);
    add_executor_test (name, "map", make, test_map);
    add_executor_test (name, "map-chunks", make, test_map_chunks);
    add_executor_test (name, "map-named", make, test_map_named);
    add_executor_test (name, "map-error", make, test_map_error);
    add_executor_test (name, "shutdown", make, test_shutdown);
    add_executor_test (name, "shutdown-async", make, test_shutdown_async);
    add_executor_test (name, "dropped", make, test_dropped);
    if (!has_queue)
        return;
    add_executor_test (name, "states", make, test_states);
    add_executor_test (name, "cancel-queued", make, test_cancel_queued);
    add_executor_test (name, "shutdown-cancels", make, test_shutdown_cancels);
}

// The executor is finalized after each test: nothing keeps it.
void add_executor_test (string name, string test_name, MakeExecutor make, ExecutorTest test) {
    add_test (@"/executor/$name/$test_name", () => {
        var executor = make ();
        test (executor);
        assert_finalized ((owned) executor);
    });
}

void test_overridden () throws Error {
    var executor = new InlineExecutor ();
    var task = executor.submit_task ((out result, cancellable) => { result = 5; return true; });
    assert (executor.n_scheduled == 1 && task.is_done ());
    executor.shutdown ();
    assert (executor.n_shutdowns == 1);
    assert_throws (new Cf.ExecutorError.SHUTDOWN (""), () => { executor.submit (never_run); });
    assert (executor.n_scheduled == 1);
}

class RefusingExecutor : Cf.Executor {
    public override bool schedule (Cf.Future future) throws Error {
        throw new IOError.BUSY ("not now");
    }

    public override void shutdown (bool wait, bool cancel_futures) {
    }
}

void test_refused () throws Error {
    var executor = new RefusingExecutor ();
    assert (assert_throws (new IOError.BUSY (""), () => { executor.submit (never_run); }) == "not now");
}

int main (string[] args) {
    Cf.process_pool_init (args);
    Test.init (ref args);
    add_executor_tests ("thread-pool", () => new Cf.ThreadPoolExecutor (2), true);
    add_executor_tests ("process-pool", () => new Cf.ProcessPoolExecutor (2), true);
    add_executor_tests ("inline", () => new InlineExecutor (), false);
    add_test ("/executor/subclass/overridden", test_overridden);
    add_test ("/executor/subclass/refused", test_refused);
    return Test.run ();
}
