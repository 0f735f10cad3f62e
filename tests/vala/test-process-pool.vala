// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

Variant? fail_oddly (Variant? args, Cancellable cancellable) throws Error {
    throw new Error (Quark.from_string ("made-up-domain"), -77, "sorry");
}

// Dies unless that file exists, which it makes.
Variant? die_once (Variant? args, Cancellable cancellable) throws Error {
    var path = args.get_string ();
    if (FileUtils.test (path, FileTest.EXISTS))
        return new Variant.string ("alive");
    FileUtils.set_contents (path, "");
    Posix.kill (Posix.getpid (), Posix.Signal.KILL);
    return null;
}

Variant? exit_well (Variant? args, Cancellable cancellable) throws Error {
    Process.exit (0);
}

Variant? give_environment (Variant? args, Cancellable cancellable) throws Error {
    return Environment.get_variable ("CF_TEST") ?? "nothing";
}

Variant? set_environment (Variant? args, Cancellable cancellable) throws Error {
    Environment.set_variable ("CF_TEST", args.get_string (), true);
    return new Variant ("()");
}

void test_result () throws Error {
    var pool = new Cf.ProcessPoolExecutor (2);
    var pid = pool.submit (give_pid).dup_variant ().get_int32 ();
    assert (pid != Posix.getpid ());
    assert (pool.submit (double_it, new Variant.int64 (21)).dup_variant ().get_int64 () == 42);
}

void test_default_size () throws Error {
    assert (new Cf.ProcessPoolExecutor ().max_workers == get_num_processors ());
}

void test_error_as_it_is () throws Error {
    var pool = new Cf.ProcessPoolExecutor (1);
    var expected = new Error (Quark.from_string ("made-up-domain"), -77, "sorry");
    assert (assert_throws (expected, () => { pool.submit (fail_oddly).dup_variant (); }) == "sorry");
}

void test_closure_cannot_travel () throws Error {
    var pool = new Cf.ProcessPoolExecutor (1);
    var task = pool.submit_task ((out result, cancellable) => { assert_not_reached (); });
    assert_throws (new Cf.ExecutorError.NOT_SERIALIZABLE (""), () => { task.get_result (); });
}

// The worker is killed from outside while its call waits.
void test_killed_worker () throws Error {
    var pool = new Cf.ProcessPoolExecutor (2);
    var gate = new PipeGate ();
    var victim = pool.submit (pass_pipe_gate, gate.args (1));
    var pid = gate.await_one ();
    var other = pool.submit (pass_pipe_gate, gate.args (2));
    gate.await_one ();
    Posix.kill (pid, Posix.Signal.KILL);
    var message = assert_throws (new Cf.ExecutorError.WORKER_DIED (""), () => { victim.dup_variant (); });
    assert (@"$((int) pid)" in message && "signal 9" in message);
    gate.open (2);
    assert (other.dup_variant ().get_int64 () == 2);
    assert (pool.submit (double_it, new Variant.int64 (1)).dup_variant ().get_int64 () == 2);
    assert (pool.n_deaths == 1);
}

void test_only_the_running_call_fails () throws Error {
    var pool = new Cf.ProcessPoolExecutor (2);
    Cf.Future[] futures = {};
    var deaths = 0;
    for (int64 i = 0; i < 100; i++)
        futures += i % 20 == 7 ? pool.submit (die) : pool.submit (double_it, new Variant.int64 (i));
    for (int64 i = 0; i < 100; i++) {
        try {
            assert (futures[i].dup_variant ().get_int64 () == 2 * i);
        } catch (Cf.ExecutorError.WORKER_DIED e) {
            assert (i % 20 == 7);
            deaths++;
        }
    }
    assert (deaths == 5 && pool.n_deaths == 5 && pool.n_restarts >= 4);
}

void test_good_exit_is_a_death () throws Error {
    var pool = new Cf.ProcessPoolExecutor (1);
    var future = pool.submit (exit_well);
    future.name = "the exit";
    assert_throws (new Cf.ExecutorError.WORKER_DIED (""), () => { future.dup_variant (); });
}

void test_name_of_the_dead () throws Error {
    var pool = new Cf.ProcessPoolExecutor (1);
    var future = new Cf.Future.for_func (die);
    future.name = "the crash";
    pool.schedule (future);
    assert ("the crash" in assert_throws (new Cf.ExecutorError.WORKER_DIED (""), () => { future.dup_variant (); }));
}

void test_retry () throws Error {
    var pool = new Cf.ProcessPoolExecutor (1);
    var folder = DirUtils.make_tmp ("cfutures-test-XXXXXX");
    var path = Path.build_filename (folder, "been-here");
    pool.max_retries = 1;
    assert (pool.submit (die_once, path).dup_variant ().get_string () == "alive");
    assert (pool.n_deaths == 1 && pool.n_restarts == 1);
    FileUtils.unlink (path);
    DirUtils.remove (folder);
}

void test_break_policy () throws Error {
    var pool = new Cf.ProcessPoolExecutor (1);
    pool.worker_death_policy = Cf.WorkerDeathPolicy.BREAK;
    var gate = new PipeGate ();
    var running = pool.submit (pass_pipe_gate, gate.args ());
    var queued = pool.submit (never_run);
    Posix.kill (gate.await_one (), Posix.Signal.KILL);
    assert_throws (new Cf.ExecutorError.BROKEN (""), () => { running.dup_variant (); });
    assert_throws (new Cf.ExecutorError.BROKEN (""), () => { queued.dup_variant (); });
    assert_throws (new Cf.ExecutorError.BROKEN (""), () => { pool.submit (never_run).dup_variant (); });
}

void test_task_timeout () throws Error {
    var pool = new Cf.ProcessPoolExecutor (1);
    var gate = new PipeGate ();
    pool.task_timeout = 20 * 1000;
    var future = pool.submit (pass_pipe_gate, gate.args ());
    assert_throws (new IOError.TIMED_OUT (""), () => { future.dup_variant (); });
    pool.task_timeout = -1;
    assert (pool.submit (double_it, new Variant.int64 (1)).dup_variant ().get_int64 () == 2);
    assert (pool.n_deaths == 0);
}

void test_terminate () throws Error {
    var pool = new Cf.ProcessPoolExecutor (1);
    var gate = new PipeGate ();
    var future = pool.submit (pass_pipe_gate, gate.args ());
    gate.await_one ();
    assert (!future.cancel () && future.terminate ());
    assert_throws (new IOError.CANCELLED (""), () => { future.dup_variant (); });
    assert (future.is_cancelled () && !future.terminate ());
    assert (pool.submit (double_it, new Variant.int64 (1)).dup_variant ().get_int64 () == 2);
}

delegate void EndWorkers (Cf.ProcessPoolExecutor pool);

void end_workers (EndWorkers end) throws Error {
    var pool = new Cf.ProcessPoolExecutor (1);
    var gate = new PipeGate ();
    var running = pool.submit (pass_pipe_gate, gate.args ());
    var queued = pool.submit (never_run);
    gate.await_one ();
    end (pool);
    assert (running.wait () && queued.wait ());
    assert (running.is_cancelled () && queued.is_cancelled () && pool.is_shutdown ());
    pool.shutdown ();
    assert (pool.n_workers == 0);
}

void test_terminate_workers () throws Error {
    end_workers ((pool) => { pool.terminate_workers (); });
}

void test_kill_workers () throws Error {
    end_workers ((pool) => { pool.kill_workers (); });
}

void test_idle_timeout () throws Error {
    var pool = new Cf.ProcessPoolExecutor (1);
    pool.idle_timeout = 1000;
    var first = pool.submit (give_pid).dup_variant ().get_int32 ();
    while (pool.n_workers > 0)
        Thread.yield ();
    assert (pool.submit (give_pid).dup_variant ().get_int32 () != first);
    assert (pool.n_deaths == 0);
}

void test_max_tasks_per_child () throws Error {
    var pool = new Cf.ProcessPoolExecutor (1);
    pool.max_tasks_per_child = 1;
    var first = pool.submit (give_pid).dup_variant ().get_int32 ();
    assert (pool.submit (give_pid).dup_variant ().get_int32 () != first);
    assert (pool.n_deaths == 0);
}

Variant? die_at_two (Variant? args, Cancellable cancellable) throws Error {
    if (args.get_int64 () == 2)
        Posix.kill (Posix.getpid (), Posix.Signal.KILL);
    return args;
}

// The chunk that was running fails, item by item.
void test_map_death () throws Error {
    var pool = new Cf.ProcessPoolExecutor (1);
    var results = pool.map (die_at_two, numbers (6), -1, 3);
    for (int i = 0; i < 3; i++)
        assert_throws (new Cf.ExecutorError.WORKER_DIED (""), () => { results.next (); });
    for (int64 i = 3; i < 6; i++)
        assert (results.next ().get_int64 () == i);
    assert (results.next () == null);
}

Variant? echo (Variant? args, Cancellable cancellable) throws Error {
    return args;
}

void test_large_payloads () throws Error {
    var pool = new Cf.ProcessPoolExecutor (1);
    var bytes = new Variant.from_bytes (VariantType.BYTESTRING, new Bytes (new uint8[16 << 20]), true);
    assert (pool.submit (echo, bytes).dup_variant ().equal (bytes));
}

Variant? run_nested (Variant? args, Cancellable cancellable) throws Error {
    var pool = new Cf.ProcessPoolExecutor (1);
    var result = pool.submit (double_it, args).dup_variant ();
    pool.shutdown ();
    return result;
}

void test_nested () throws Error {
    var pool = new Cf.ProcessPoolExecutor (1);
    assert (pool.submit (run_nested, (int64) 4).dup_variant ().get_int64 () == 8);
}

void test_counts () throws Error {
    var pool = new Cf.ProcessPoolExecutor (1);
    var gate = new PipeGate ();
    assert (pool.n_workers == 0 && pool.n_running == 0 && pool.n_pending == 0);
    var first = pool.submit (pass_pipe_gate, gate.args (1));
    gate.await_one ();
    var second = pool.submit (double_it, (int64) 1);
    assert (pool.n_workers == 1 && pool.n_running + pool.n_pending == 2);
    gate.open ();
    assert (first.dup_variant ().get_int64 () == 1 && second.dup_variant ().get_int64 () == 2);
    pool.shutdown ();
    assert (pool.n_workers == 0 && pool.n_running == 0 && pool.n_pending == 0);
}

void test_initializer () throws Error {
    var pool = new Cf.ProcessPoolExecutor (1);
    pool.set_initializer (set_environment, "prepared");
    assert (pool.submit (give_environment).dup_variant ().get_string () == "prepared");
}

void test_initializer_fails () throws Error {
    var pool = new Cf.ProcessPoolExecutor (1);
    pool.set_initializer (fail_with_two);
    var future = pool.submit (never_run);
    var message = assert_throws (new Cf.ExecutorError.BROKEN (""), () => { future.dup_variant (); });
    assert ("no such luck" in message);
}

void test_no_worker () throws Error {
    Cf.ProcessPoolExecutor pool = (Cf.ProcessPoolExecutor) Object.@new (typeof (Cf.ProcessPoolExecutor),
        "max-workers", 1, "worker-argv", new string[] { "/nonexistent/worker", null });
    var future = pool.submit (never_run);
    assert_throws (new Cf.ExecutorError.SPAWN_FAILED (""), () => { future.dup_variant (); });
}

// A worker program of its own: this one again, which says what it was asked for.
int serve () {
    try {
        var worker = new Cf.Worker ();
        var purpose = "not prepared";
        worker.set_initializer ((function, args, cancellable) => {
            purpose = @"prepared for '$function'";
            return new Variant ("()");
        });
        worker.set_handler ((function, args, cancellable) => {
            if (function == "unknown")
                throw new Cf.ExecutorError.NOT_FOUND ("never heard of it");
            return @"$function, $purpose";
        });
        return worker.run () ? 0 : 1;
    } catch (Error e) {
        printerr ("%s\n", e.message);
        return 1;
    }
}

void test_worker_program () throws Error {
    var program = FileUtils.read_link ("/proc/self/exe");
    var pool = (Cf.ProcessPoolExecutor) Object.@new (typeof (Cf.ProcessPoolExecutor),
        "max-workers", 1, "worker-argv", new string[] { program, "--serve", null });
    assert (pool.submit_named ("greet").dup_variant ().get_string () == "greet, prepared for ''");
    assert_throws (new Cf.ExecutorError.NOT_FOUND (""), () => { pool.submit_named ("unknown").dup_variant (); });
    pool.shutdown ();
    assert (pool.n_deaths == 0);

    // A function is no name.
    pool = (Cf.ProcessPoolExecutor) Object.@new (typeof (Cf.ProcessPoolExecutor),
        "max-workers", 1, "worker-argv", new string[] { program, "--serve", null });
    pool.set_initializer (set_environment, "prepared");
    assert (pool.submit_named ("greet").dup_variant ().get_string () == "greet, prepared for ''");
}

uint count_descriptors () throws Error {
    var folder = Dir.open ("/proc/self/fd");
    uint n = 0;
    while (folder.read_name () != null)
        n++;
    return n;
}

// Gives the process of a worker that has ended since.
Posix.pid_t use_and_drop () throws Error {
    var pool = new Cf.ProcessPoolExecutor (2);
    var pid = pool.submit (give_pid).dup_variant ().get_int32 ();
    assert_throws (new Cf.ExecutorError.WORKER_DIED (""), () => { pool.submit (die).dup_variant (); });
    pool.shutdown ();
    assert_finalized ((owned) pool);
    return pid;
}

void test_nothing_left () throws Error {
    // What GLib keeps from the first time on, and pools of earlier tests that are still at it.
    use_and_drop ();
    var before = count_descriptors ();
    var pid = use_and_drop ();
    while (count_descriptors () > before)
        Thread.yield ();
    assert (Posix.kill (pid, 0) != 0);
}

async int64 wait_for_result (Cf.Executor pool) throws Error {
    var future = pool.submit (double_it, new Variant.int64 (4));
    yield future.wait_async ();
    yield pool.shutdown_async ();
    return future.dup_variant (0).get_int64 ();
}

void test_async () throws Error {
    AsyncResult? outcome = null;
    wait_for_result.begin (new Cf.ProcessPoolExecutor (1), (source, result) => { outcome = result; });
    run_until (() => outcome != null);
    assert (wait_for_result.end (outcome) == 8);
}

int main (string[] args) {
    if (args.length > 1 && args[1] == "--serve")
        return serve ();
    Cf.process_pool_init (args);
    Test.init (ref args);
    add_test ("/process-pool/result", test_result);
    add_test ("/process-pool/default-size", test_default_size);
    add_test ("/process-pool/error-as-it-is", test_error_as_it_is);
    add_test ("/process-pool/closure-cannot-travel", test_closure_cannot_travel);
    add_test ("/process-pool/killed-worker", test_killed_worker);
    add_test ("/process-pool/only-the-running-call-fails", test_only_the_running_call_fails);
    add_test ("/process-pool/good-exit-is-a-death", test_good_exit_is_a_death);
    add_test ("/process-pool/name-of-the-dead", test_name_of_the_dead);
    add_test ("/process-pool/retry", test_retry);
    add_test ("/process-pool/break-policy", test_break_policy);
    add_test ("/process-pool/task-timeout", test_task_timeout);
    add_test ("/process-pool/terminate", test_terminate);
    add_test ("/process-pool/terminate-workers", test_terminate_workers);
    add_test ("/process-pool/kill-workers", test_kill_workers);
    add_test ("/process-pool/idle-timeout", test_idle_timeout);
    add_test ("/process-pool/max-tasks-per-child", test_max_tasks_per_child);
    add_test ("/process-pool/map-death", test_map_death);
    add_test ("/process-pool/large-payloads", test_large_payloads);
    add_test ("/process-pool/nested", test_nested);
    add_test ("/process-pool/counts", test_counts);
    add_test ("/process-pool/initializer", test_initializer);
    add_test ("/process-pool/initializer-fails", test_initializer_fails);
    add_test ("/process-pool/no-worker", test_no_worker);
    add_test ("/process-pool/worker-program", test_worker_program);
    add_test ("/process-pool/nothing-left", test_nothing_left);
    add_test ("/process-pool/async", test_async);
    return Test.run ();
}
