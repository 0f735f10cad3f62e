// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What the tests in Vala share.

// A gate that work waits at, so that a test decides how far a worker gets.
class Gate {
    private Mutex mutex;
    private Cond changed;
    private uint n_came;
    private bool is_open;

    public void pass () {
        mutex.lock ();
        n_came++;
        changed.broadcast ();
        while (!is_open)
            changed.wait (mutex);
        mutex.unlock ();
    }

    // Waits until n have come to the gate since it was made.
    public void await_came (uint n) {
        mutex.lock ();
        while (n_came < n)
            changed.wait (mutex);
        mutex.unlock ();
    }

    public void open () {
        mutex.lock ();
        is_open = true;
        changed.broadcast ();
        mutex.unlock ();
    }
}

// A gate that also a process can come to: two named pipes in a folder of its own.
class PipeGate {
    private string folder;
    private string came_path;
    private string go_path;
    private int came;
    private int go;

    public PipeGate () {
        try {
            folder = DirUtils.make_tmp ("cfutures-test-XXXXXX");
        } catch (Error e) {
            error (e.message);
        }
        came_path = Path.build_filename (folder, "came");
        go_path = Path.build_filename (folder, "go");
        assert (Posix.mkfifo (came_path, 0600) == 0 && Posix.mkfifo (go_path, 0600) == 0);
        came = Posix.open (came_path, Posix.O_RDWR | Posix.O_CLOEXEC);
        go = Posix.open (go_path, Posix.O_RDWR | Posix.O_CLOEXEC);
    }

    ~PipeGate () {
        Posix.close (came);
        Posix.close (go);
        FileUtils.unlink (came_path);
        FileUtils.unlink (go_path);
        DirUtils.remove (folder);
    }

    // The argument of pass_pipe_gate().
    public Variant args (int64 value = 0) {
        return new Variant ("(ssx)", came_path, go_path, value);
    }

    // Waits until one more call has come, and gives its process.
    public Posix.pid_t await_one () {
        int pid = 0;
        assert (Posix.read (came, &pid, sizeof (int)) == sizeof (int));
        return pid;
    }

    public void open (uint n = 1) {
        for (uint i = 0; i < n; i++)
            assert (Posix.write (go, "x", 1) == 1);
    }
}

// Functions to submit

Variant? pass_pipe_gate (Variant? args, Cancellable cancellable) throws Error {
    int pid = Posix.getpid ();
    char c;
    var came = Posix.open (args.get_child_value (0).get_string (), Posix.O_WRONLY);
    var go = Posix.open (args.get_child_value (1).get_string (), Posix.O_RDONLY);
    assert (Posix.write (came, &pid, sizeof (int)) == sizeof (int));
    assert (Posix.read (go, &c, 1) == 1);
    Posix.close (came);
    Posix.close (go);
    return args.get_child_value (2);
}

Variant? double_it (Variant? args, Cancellable cancellable) throws Error {
    return 2 * args.get_int64 ();
}

Variant? fail_with_two (Variant? args, Cancellable cancellable) throws Error {
    if (args == null || args.get_int64 () == 2)
        throw new IOError.NOT_FOUND ("no such luck");
    return args;
}

Variant? give_nothing (Variant? args, Cancellable cancellable) throws Error {
    return null;
}

Variant? never_run (Variant? args, Cancellable cancellable) throws Error {
    assert_not_reached ();
}

Variant? give_pid (Variant? args, Cancellable cancellable) throws Error {
    return new Variant.int32 (Posix.getpid ());
}

Variant? die (Variant? args, Cancellable cancellable) throws Error {
    Posix.kill (Posix.getpid (), Posix.Signal.KILL);
    return null;
}

// An executor that runs what it gets at once, in the caller's thread.
class InlineExecutor : Cf.Executor {
    public uint n_scheduled;
    public uint n_shutdowns;

    public override bool schedule (Cf.Future future) throws Error {
        n_scheduled++;
        future.run ();
        return true;
    }

    public override void shutdown (bool wait, bool cancel_futures) {
        n_shutdowns++;
    }
}

// Calls and looks

delegate void Throwing () throws Error;

// Asserts that it throws an error like the expected one, and gives its message.
string assert_throws (Error expected, Throwing call) {
    try {
        call ();
    } catch (Error e) {
        assert_error (e, expected.domain, expected.code);
        return e.message;
    }
    error ("nothing was thrown, where it should be: %s", expected.message);
}

// Runs a test that may throw.
void add_test (string path, owned Throwing test) {
    Test.add_data_func (path, () => {
        try {
            test ();
        } catch (Error e) {
            error ("%s: %s", path, e.message);
        }
    });
}

// Asserts that nobody else holds the object any more, or will in a moment.
void assert_finalized (owned Object object) {
    var reference = WeakRef (object);
    object = null;
    while (reference.get () != null)
        Thread.yield ();
}

delegate bool Condition ();

void run_until (Condition condition) {
    while (!condition ())
        MainContext.get_thread_default ().iteration (true);
}

Variant numbers (int64 n) {
    var builder = new VariantBuilder (new VariantType ("ax"));
    for (int64 i = 0; i < n; i++)
        builder.add ("x", i);
    return builder.end ();
}
