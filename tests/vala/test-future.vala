// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

Cf.Future number_task (int n) {
    return new Cf.Future.for_task ((out result, cancellable) => { result = n; return true; });
}

void test_new_is_pending () throws Error {
    var future = new Cf.Future ();
    assert (future.get_state () == Cf.FutureState.PENDING && future.state == Cf.FutureState.PENDING);
    assert (!future.is_done () && !future.is_running () && !future.is_cancelled ());
}

void test_result () throws Error {
    var future = number_task (5);
    assert (future.run ());
    assert (future.is_done () && future.state == Cf.FutureState.FINISHED);
    assert (future.get_result ().get_int () == 5);
    assert ((int) future.get_result (0) == 5);
}

void test_closure () throws Error {
    var words = new GenericArray<string> ();
    var future = new Cf.Future.for_task ((out result, cancellable) => {
        words.add ("inside");
        result = words;
        return true;
    });
    future.run ();
    assert (words.length == 1 && words[0] == "inside");
    assert (future.get_result ().get_boxed () == (void*) words);
}

void test_func () throws Error {
    var future = new Cf.Future.for_func (double_it, new Variant.int64 (4));
    future.run ();
    assert (future.dup_variant ().get_int64 () == 8);
}

void test_no_value () throws Error {
    var future = new Cf.Future.for_task ((out result, cancellable) => { result = {}; return true; });
    future.run ();
    assert (future.get_result () == null);
    assert (future.dup_variant () == null);
}

void test_no_variant () throws Error {
    var future = number_task (5);
    future.run ();
    assert_throws (new Cf.ExecutorError.NOT_SUPPORTED (""), () => { future.dup_variant (); });
}

void test_error () throws Error {
    var future = new Cf.Future.for_task ((out result, cancellable) => { throw new IOError.NOT_FOUND ("no such luck"); });
    Error? exception;
    future.run ();
    assert (assert_throws (new IOError.NOT_FOUND (""), () => { future.get_result (); }) == "no such luck");
    assert (future.get_exception (-1, out exception));
    assert (exception is IOError.NOT_FOUND);
}

void test_exception_of_success () throws Error {
    var future = number_task (5);
    Error? exception;
    future.run ();
    assert (future.get_exception (0, out exception));
    assert_no_error (exception);
}

void test_no_result () throws Error {
    var task = new Cf.Future.for_task ((out result, cancellable) => { result = 5; return false; });
    var func = new Cf.Future.for_func (give_nothing);
    task.run ();
    func.run ();
    assert_throws (new Cf.ExecutorError.NO_RESULT (""), () => { task.get_result (); });
    assert_throws (new Cf.ExecutorError.NO_RESULT (""), () => { func.dup_variant (); });
}

void test_time_out () throws Error {
    var future = new Cf.Future ();
    assert_throws (new IOError.TIMED_OUT (""), () => { future.get_result (0); });
    assert_throws (new IOError.TIMED_OUT (""), () => { future.get_exception (1000); });
    assert (!future.wait (0));
    assert (!future.is_done ());
}

void test_cancel () throws Error {
    var future = number_task (5);
    assert (future.cancel () && future.cancel ());
    assert (future.is_cancelled () && future.is_done () && future.wait ());
    assert (!future.run ());
    assert_throws (new IOError.CANCELLED (""), () => { future.get_result (); });
    assert_throws (new IOError.CANCELLED (""), () => { future.get_exception (); });
}

void test_cancel_in_two_steps () throws Error {
    var future = new Cf.Future ();
    future.cancel ();
    assert (!Cf.wait ({ future }, Cf.ReturnWhen.ALL_COMPLETED, 0));
    assert (!future.set_running_or_notify_cancel ());
    assert (Cf.wait ({ future }, Cf.ReturnWhen.ALL_COMPLETED, 0));
}

void test_cancel_too_late () throws Error {
    var future = new Cf.Future ();
    assert (future.set_running_or_notify_cancel () && future.is_running ());
    assert (!future.cancel ());
    future.set_result (5);
    assert (!future.cancel ());
    assert (future.get_result ().get_int () == 5);
}

void test_settle_by_hand () throws Error {
    var good = new Cf.Future ();
    var bad = new Cf.Future ();
    var empty = new Cf.Future ();
    assert (good.set_result ("words"));
    assert (bad.set_exception (new IOError.BUSY ("busy")));
    assert (empty.set_result ());
    assert (good.get_result ().get_string () == "words");
    assert_throws (new IOError.BUSY (""), () => { bad.get_result (); });
    assert (empty.get_result () == null);
}

void test_settle_twice () throws Error {
    var future = new Cf.Future ();
    future.set_result (1);
    assert_throws (new Cf.ExecutorError.INVALID_STATE (""), () => { future.set_result (2); });
    assert_throws (new Cf.ExecutorError.INVALID_STATE (""), () => { future.set_exception (new IOError.BUSY ("")); });
    assert (future.get_result ().get_int () == 1);
}

void test_name () throws Error {
    var future = number_task (1);
    future.name = "one";
    assert (future.name == "one");
}

void test_cancellable () throws Error {
    Cancellable? given = null;
    var future = new Cf.Future.for_task ((out result, cancellable) => {
        given = cancellable;
        result = true;
        return true;
    });
    unowned var asked = future.get_cancellable ();
    future.run ();
    assert (given == asked);
}

void test_callbacks () throws Error {
    var future = new Cf.Future ();
    var order = new StringBuilder ();
    future.add_done_callback ((it) => { assert (it == future && it.is_done ()); order.append ("a"); });
    future.add_done_callback (() => { order.append ("b"); });
    assert (order.str == "");
    future.set_result (1);
    assert (order.str == "ab");
    future.add_done_callback (() => { order.append ("c"); });
    assert (order.str == "abc");
}

void test_release () throws Error {
    var witness = new Object ();
    WeakRef reference = WeakRef (witness);
    var future = make_holder ((owned) witness);
    bool gone = false;
    assert (reference.get () != null);
    future.add_done_callback (() => { gone = reference.get () == null; });
    future.run ();
    assert (gone);
}

Cf.Future make_holder (owned Object witness) {
    return new Cf.Future.for_task ((out result, cancellable) => { result = witness.ref_count > 0; return true; });
}

void test_release_of_cancelled () throws Error {
    var witness = new Object ();
    WeakRef reference = WeakRef (witness);
    var future = make_holder ((owned) witness);
    future.cancel ();
    assert (reference.get () == null);
}

void test_done_signal () throws Error {
    var executor = new Cf.ThreadPoolExecutor (1);
    var future = executor.submit_task ((out result, cancellable) => { result = 5; return true; });
    unowned var main_thread = Thread.self<void*> ();
    int n_done = 0;
    assert (future.wait ());
    future.done.connect ((it) => {
        assert (it == future && Thread.self<void*> () == main_thread);
        n_done++;
    });
    assert (n_done == 0);
    run_until (() => n_done > 0);
    assert (n_done == 1);
    executor.shutdown ();
}

void test_notify_state () throws Error {
    var future = new Cf.Future ();
    Cf.FutureState[] states = {};
    future.notify["state"].connect (() => { states += future.state; });
    future.set_result (5);
    run_until (() => states.length > 0);
    assert (states.length == 1 && states[0] == Cf.FutureState.FINISHED);
}

void test_dropped_with_handler () throws Error {
    int n_done = 0;
    var future = number_task (5);
    future.done.connect (() => { n_done++; });
    future.run ();
    WeakRef reference = WeakRef (future);
    future = null;
    run_until (() => n_done > 0);
    assert (reference.get () == null);
}

void test_nobody_holds () throws Error {
    var executor = new Cf.ThreadPoolExecutor (1);
    var gate = new Gate ();
    var future = executor.submit_task ((out result, cancellable) => { gate.pass (); result = 5; return true; });
    WeakRef reference = WeakRef (future);
    future = null;
    gate.open ();
    executor.shutdown ();
    assert (reference.get () == null);
}

async void wait_for_task (Cf.Executor executor) throws Error {
    var future = executor.submit_task ((out result, cancellable) => { result = "late"; return true; });
    assert ((yield future.wait_async (null)).get_string () == "late");
    assert ((yield future.wait_async ()).get_string () == "late");
    var failing = executor.submit_task ((out result, cancellable) => { throw new IOError.BUSY ("busy"); });
    try {
        yield failing.wait_async ();
        assert_not_reached ();
    } catch (IOError.BUSY e) {
        assert (e.message == "busy");
    }
}

void test_wait_async () throws Error {
    var executor = new Cf.ThreadPoolExecutor (1);
    AsyncResult? outcome = null;
    wait_for_task.begin (executor, (source, result) => { outcome = result; });
    run_until (() => outcome != null);
    wait_for_task.end (outcome);
    executor.shutdown ();
}

void test_wait_async_cancelled () throws Error {
    var future = new Cf.Future ();
    var cancellable = new Cancellable ();
    AsyncResult? outcome = null;
    future.wait_async.begin (cancellable, (source, result) => { outcome = result; });
    cancellable.cancel ();
    run_until (() => outcome != null);
    assert_throws (new IOError.CANCELLED (""), () => { future.wait_async.end (outcome); });
    assert (!future.is_done ());
}

void test_terminate_in_thread () throws Error {
    var executor = new Cf.ThreadPoolExecutor (1);
    var gate = new Gate ();
    var future = executor.submit_task ((out result, cancellable) => {
        gate.pass ();
        cancellable.set_error_if_cancelled ();
        result = true;
        return true;
    });
    gate.await_came (1);
    assert (future.terminate ());
    gate.open ();
    assert_throws (new IOError.CANCELLED (""), () => { future.get_result (); });
    assert (!future.terminate ());
    executor.shutdown ();
}

class LabelledFuture : Cf.Future {
    public string label { get; set; default = "none"; }
}

void test_subclass () throws Error {
    var future = new LabelledFuture ();
    future.label = "mine";
    future.set_result (5);
    assert (future.get_result ().get_int () == 5 && future.label == "mine");
    assert_finalized ((owned) future);
}

int main (string[] args) {
    Test.init (ref args);
    add_test ("/future/new-is-pending", test_new_is_pending);
    add_test ("/future/result", test_result);
    add_test ("/future/closure", test_closure);
    add_test ("/future/func", test_func);
    add_test ("/future/no-value", test_no_value);
    add_test ("/future/no-variant", test_no_variant);
    add_test ("/future/error", test_error);
    add_test ("/future/exception-of-success", test_exception_of_success);
    add_test ("/future/no-result", test_no_result);
    add_test ("/future/time-out", test_time_out);
    add_test ("/future/cancel", test_cancel);
    add_test ("/future/cancel-in-two-steps", test_cancel_in_two_steps);
    add_test ("/future/cancel-too-late", test_cancel_too_late);
    add_test ("/future/settle-by-hand", test_settle_by_hand);
    add_test ("/future/settle-twice", test_settle_twice);
    add_test ("/future/name", test_name);
    add_test ("/future/cancellable", test_cancellable);
    add_test ("/future/callbacks", test_callbacks);
    add_test ("/future/release", test_release);
    add_test ("/future/release-of-cancelled", test_release_of_cancelled);
    add_test ("/future/done-signal", test_done_signal);
    add_test ("/future/notify-state", test_notify_state);
    add_test ("/future/dropped-with-handler", test_dropped_with_handler);
    add_test ("/future/nobody-holds", test_nobody_holds);
    add_test ("/future/wait-async", test_wait_async);
    add_test ("/future/wait-async-cancelled", test_wait_async_cancelled);
    add_test ("/future/terminate-in-thread", test_terminate_in_thread);
    add_test ("/future/subclass", test_subclass);
    return Test.run ();
}
