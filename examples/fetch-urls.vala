// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Fetches URLs, five at a time, and shows each as soon as it is there.
//
// Without arguments it fetches from a server of its own, which has pages of several sizes, one that is
// slow and one that is missing; besides there are a port that refuses and a host that does not exist.

const int N_THREADS = 5;

Bytes load_url (Soup.Session session, string url, Cancellable cancellable) throws Error {
    var message = new Soup.Message ("GET", url);
    if (message == null)
        throw new IOError.INVALID_ARGUMENT ("unknown url type: '%s'", url);

    var page = session.send_and_read (message, cancellable);
    if (message.status_code < 200 || message.status_code > 299)
        throw new IOError.FAILED ("HTTP Error %u: %s", message.status_code, message.reason_phrase);
    return page;
}

void print_outcome (string url, Cf.Future future) {
    try {
        unowned var page = (Bytes) future.get_result ().get_boxed ();
        print ("'%s' page is %d bytes\n", url, page.length);
    } catch (Error e) {
        print ("'%s' generated an exception: %s\n", url, e.message);
    }
}

void fetch (string[] urls) throws Error {
    var executor = new Cf.ThreadPoolExecutor (N_THREADS);
    // All threads share its connections.
    var session = (Soup.Session) Object.@new (typeof (Soup.Session), "max-conns-per-host", N_THREADS, "timeout", 60);
    var future_to_url = new HashTable<Cf.Future, string> (null, null);
    Cf.Future[] futures = {};

    foreach (unowned var one in urls) {
        string url = one;
        futures += executor.submit_task ((out result, cancellable) => {
            result = load_url (session, url, cancellable);
            return true;
        });
        future_to_url[futures[futures.length - 1]] = url;
    }

    foreach (var future in Cf.as_completed (futures))
        print_outcome (future_to_url[future], future);
    executor.shutdown ();
}

// The server for want of arguments, in a thread with a main context of its own.
class Server {
    private MainContext context = new MainContext ();
    private MainLoop loop;
    private Soup.Server server = new Soup.Server (null);
    private Thread<bool> thread;

    private struct Page {
        public string path;
        public size_t size;
        public uint delay_ms;
    }

    private const Page[] PAGES = {
        { "/fox", 225141, 0 },
        { "/cnn", 154947, 0 },
        { "/wsj", 911144, 0 },
        { "/bbc", 274394, 500 }
    };

    public Server () throws Error {
        loop = new MainLoop (context);
        server.add_handler (null, on_request);
        context.push_thread_default ();
        server.listen_local (0, Soup.ServerListenOptions.IPV4_ONLY);
        context.pop_thread_default ();
        thread = new Thread<bool> ("server", serve);
    }

    public void stop () {
        loop.quit ();
        thread.join ();
    }

    private bool serve () {
        context.push_thread_default ();
        loop.run ();
        server.disconnect ();
        context.pop_thread_default ();
        return true;
    }

    private void on_request (Soup.Server server, Soup.ServerMessage message, string path, HashTable<string, string>? query) {
        foreach (unowned Page page in PAGES) {
            if (page.path != path)
                continue;
            message.set_status (200, null);
            message.set_response ("text/html", Soup.MemoryUse.COPY, string.nfill (page.size, ' ').data);
            if (page.delay_ms > 0)
                answer_later (message, page.delay_ms);
            return;
        }
        message.set_status (404, null);
    }

    private void answer_later (Soup.ServerMessage message, uint delay_ms) {
        var source = new TimeoutSource (delay_ms);
        message.pause ();
        source.set_callback (() => { message.unpause (); return Source.REMOVE; });
        source.attach (context);
    }

    public string[] get_urls () throws Error {
        var base_url = server.get_uris ().data.to_string ();
        // A port that nobody listens at.
        var refused = new SocketListener ().add_any_inet_port (null);
        string[] urls = {};
        foreach (unowned Page page in PAGES)
            urls += Uri.resolve_relative (base_url, page.path, UriFlags.NONE);
        urls += Uri.resolve_relative (base_url, "/missing", UriFlags.NONE);
        urls += @"http://127.0.0.1:$refused/";
        urls += "http://bad_host..name/";
        return urls;
    }
}

void fetch_from_own_server () throws Error {
    var server = new Server ();
    fetch (server.get_urls ());
    server.stop ();
}

void main (string[] args) {
    Intl.setlocale ();
    try {
        if (args.length > 1)
            fetch (args[1:]);
        else
            fetch_from_own_server ();
    } catch (Error e) {
        error (e.message);
    }
}
