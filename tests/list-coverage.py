# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes COVERAGE.md: which rule of the interface is tested in which language.

A test counts for a rule when its class and name match the rule's pattern.  With --check, says whether the file is
up to date instead.
"""

import pathlib
import re
import sys

TESTS = pathlib.Path(__file__).parent
LANGUAGES = {
    "C": ("test-*.c", r"^test_(\w+) \("),
    "Python": ("python/test_*.py", r"def test_(\w+)"),
    "JavaScript": ("gjs/test*.js", r"""^\s*test(?:Loss)?\((['`].*?['`]),"""),
    "Vala": ("vala/test-*.vala", r"^void test_(\w+) \("),
}

# Rule, pattern of "class: name" in small letters and single spaces, and the languages in which there can be no such test.
NO_JS = {"JavaScript"}
RULES = {
    "Functions": [
        ("A function gets its arguments and gives its result", r"run func|future: func|executor: submit( many)?$|arguments (of every|as)|arguments arrive|functions run|come back", ()),
        ("A closure or task gives a value of any type", r"run task|submit task|closures?$|objects travel|variant of results|results of every kind|any object", ()),
        ("No result and no error is a failure", r"no result|none without error|raises? nothing", ()),
        ("No value is no failure", r"no value|run unit|gives nothing|returns? none", ()),
        ("A value with an error is a failure, and is released", r"value with error", {"Vala", "Python", "JavaScript"}),
        ("The function gets the future's cancellable", r"cancellable:? asked|future: cancellable|still wanted|a cancellable ends", ()),
    ],
    "Futures": [
        ("A new future is pending", r"new is pending|future: (initial|pending|repr|its states)", ()),
        ("A function's error arrives as it is", r"future call: failures|future: error|executor: errors$|error as it is|with its (class|domain)|exception identity|exceptions of both", ()),
        ("A time-out gives TIMED_OUT, and ends nothing", r"future: time ?out|blocking waits|result.* timeout$", ()),
        ("The exception of a success is none", r"exception of success|exceptions of both|get exception$", ()),
        ("A result that is no GVariant is not one", r"no variant|variant of results|results without a type", ()),
        ("A cancelled future never runs, and gives CANCELLED", r"future: cancel$|run of cancelled|cancel\(\) takes|a cancelled one$|cancelled (error|raises)", ()),
        ("A bare future is cancelled in two steps", r"cancel in two steps|notify cancel", NO_JS),
        ("Queued work leaves the queue at once", r"cancel queued|process pool executor: cancel|cancel at once|cancel\(\) takes", ()),
        ("What runs or is done cannot be cancelled", r"cancel finished|cancel too late|run or cancel|cancel running|cancel\(\) takes", ()),
        ("A future settles once; later outcomes are refused", r"four outcomes|settle twice|running once|first outcome stands|set (result|exception) twice|invalid state", ()),
        ("It is scheduled once", r"schedule twice|executor: schedule$", NO_JS),
        ("Outcomes can be set by hand", r"(result|exception|settle) by hand|results of every kind|set result", ()),
        ("Function and data are released before it is done", r"released? (before done|first)|future: release|is released", NO_JS),
        ("Callbacks run in order, at once when it is done", r"callback: (order and thread|add when done)|future: callbacks|done callbacks? run|add done callback", ()),
        ("Waiters are woken before callbacks run", r"waiters before callbacks|callbacks and waiters", {"Vala", "JavaScript", "Python"}),
        ("No lock is held while foreign code runs", r"no lock held", {"Vala", "JavaScript", "Python"}),
        ("done comes in the owner's context, also to late handlers", r"connected (before|after)|done signal|settled in own context", ()),
        ("notify::state tells the latest state", r"running is (notified|skipped)|notify( |::)state", ()),
        ("A future with a handler lives until it was called", r"handler keeps|dropped with handlers?|with a handler is kept", ()),
        ("A future that nobody holds is not kept", r"nobody holds|dropped without handlers|nor leak$", ()),
        ("Completions do not starve other sources", r"not starved|ticks all the while", {"Vala", "Python"}),
        ("wait_async waits without blocking; its cancellable ends the waiting", r"future( callback)?: wait async|await one", ()),
        ("name is for people", r"future: name|name of the dead", ()),
        ("Handlers may do what they like", r"delivery( turns)?: (handlers that settle|disconnected inside|nested)|an error in a done callback", {"Vala", "Python"}),
        ("A future can be subclassed", r"unref: subclass|future: subclass|subclasses", ()),
        ("The cheap unref falls back where it must", r"future unref: ", {"Vala", "Python", "JavaScript"}),
        ("Misuse is a critical", r"misuse", {"Vala", "Python", "JavaScript"}),
    ],
    "Waiting for many": [
        ("All, the first, the first failure", r"wait: (woken (all|first|exception)|all done|all$|first (completed|exception)|all of them|the first)|all completed", ()),
        ("Nothing to wait for: at once", r"wait( async)?: nothing|wait.* empty", ()),
        ("Each once, in the order given", r"wait: (duplicates|each once|some done|all of them, each once)", ()),
        ("The lists hold the futures", r"lists hold", {"Python", "JavaScript"}),
        ("A time-out is no error", r"wait: (none done|all$|a time out)|wait async: times out", ()),
        ("wait_async", r"wait async: (all|first)|wait: (async|all of them)", ()),
        ("as_completed: done ones first, then as they are done", r"future iter: (order|done first)|as completed: done ones first|as completed.* order$", ()),
        ("as_completed: each once", r"future iter: (duplicates|each once)|as completed: .*(duplicates?|each once)", ()),
        ("as_completed: one TIMED_OUT, then the end", r"future iter( async)?: (times? out|async time out)|as completed: .*time ?out", ()),
        ("as_completed drops what it has given", r"drops what it gave|no hanging references", ()),
        ("as_completed, async", r"future iter async: order|future iter: async|as completed: done ones first", ()),
        ("The cost of a completion does not grow", r"does not grow", {"Vala", "Python", "JavaScript"}),
    ],
    "Executors": [
        ("submit_named finds a function by name", r"submit named|named function|by name$|map named|result iter: named$", ()),
        ("An unknown name is NOT_FOUND", r"named nowhere|named unknown|what is not there", ()),
        ("A subclass overrides schedule and shutdown", r"executor subclass: (schedule|shutdown)|overridden|custom executor|executors in java", ()),
        ("A subclass may refuse", r"refusal|executor: refused", NO_JS),
        ("After a shutdown: SHUTDOWN", r"shutdown: refuses|refused after shutdown|executor: shutdown$|thread pool: shutdown$|takes no more|after shutdown", ()),
        ("A waiting shutdown leaves no worker", r"no workers left|executor: shutdown$|blocking one of c|shutdown wait", ()),
        ("A shutdown may cancel what has not begun", r"shutdown: cancels|shutdown cancels|cancel_?\s?futures", ()),
        ("Dropping the last reference: queued work still runs", r"executor shutdown: last unref|result iter: dropped$|dropped runs|del shutdown", ()),
        ("shutdown_async", r"shutdown: async|shutdown async|lets go on what is there", ()),
        ("A worker that shuts its executor down does not wait for itself", r"shutdown: from worker|shutdown in worker", NO_JS),
        ("map: in the order of the items", r"executor: map$|result iter: order|map: for await|map order", ()),
        ("map: an error at its turn, then on", r"result iter: errors|map error|error goes on|has its turn|map exception", ()),
        ("map: TIMED_OUT once, then the end", r"limits: timeout$|result iter: time out|map: a time out comes once|map timeout", ()),
        ("map: chunks", r"map chunks|limits: buffer$|chunksize|deaths: all of a chunk", ()),
        ("map: no more than buffersize at once", r"limits: buffer|buffersize", ()),
        ("map: close() cancels, dropping does not", r"limits: (close|drop)$|result iter: (close|dropped)|cancels the rest$", ()),
        ("map: a shutdown in the middle", r"shutdown in the middle|refused in the middle|shut down in the middle", ()),
        ("map, async", r"result iter: async|map: (for await|await map)", ()),
        ("map: any array, empty ones too", r"result iter: (array kinds|empty|nothing|kinds of items)|map: (nothing to map|items of any kind)", ()),
        ("map: what nobody takes comes with the next call", r"async dropped|comes with the next question", {"Vala", "Python"}),
        ("n-pending, n-running, n-workers", r": counts|threads on demand", ()),
    ],
    "Thread pools": [
        ("The default is 5 times the processors", r"default max workers|thread pool: default size|thread.* default workers", NO_JS),
        ("Threads come on demand, idle ones first", r"on demand|executor: reuse$|idle worker", NO_JS),
        ("Tasks start in the order of submission", r"thread pool( executor)?: order|submission order", NO_JS),
        ("Threads have names", r"thread names?", NO_JS),
        ("The initializer runs once in each worker", r"once per worker|thread pool: initializer$|thread.* initializer$", NO_JS),
        ("A failing initializer breaks the pool", r"initializer: failure|thread pool: initializer fails|thread.* initializer (fails|broken)", NO_JS),
        ("JavaScript functions are refused, with the reason", r"says why not", {"C", "Python", "Vala"}),
        ("A waiting worker runs what it waits for", r"pool of one|inline wait|fib$", NO_JS),
        ("Circles are told, with all names", r"wait graph: (two|three|example)|thread pool: circle$|deadlock", NO_JS),
        ("Circles across pools", r"across pools", {"Vala", "JavaScript"}),
        ("A task that waits for itself", r"wait graph: self|waits for itself|itself", NO_JS),
        ("A pool whose workers all wait", r"starvation", NO_JS),
        ("What becomes hopeless later", r"wait graph later: ", {"Vala", "Python", "JavaScript"}),
        ("A wait with a time-out only times out", r"inline: with timeout|circle with time out", NO_JS),
        ("inline-waits can be switched off, and go 128 deep", r"switched off|too deep|inline waits off", NO_JS),
        ("The work has no thread-default context", r"no thread default context", {"Vala", "Python", "JavaScript"}),
        ("What is settled from outside is alive", r"wait graph: goes on|from outside|no false alarm", NO_JS),
    ],
    "Process pools": [
        ("Functions of the program and of libraries", r"(own|static|library|module) function|process pool: result|functions run", ()),
        ("What cannot travel is NOT_SERIALIZABLE", r"cannot travel|unpicklable|not picklable", ()),
        ("A dead worker fails the running call only", r"only the running call|killed worker|that call only|worker dies|crash", ()),
        ("An exit with 0 is a death", r"process deaths: deaths|good exit|exit.* fails that call|that call only|exit zero", ()),
        ("The message names function, process and signal", r"process deaths: deaths|name of the dead|killed worker|that call only", ()),
        ("max-retries", r"retry|retries", ()),
        ("The BREAK policy", r"break policy|break breaks|broken process pool", ()),
        ("task-timeout", r"process pool executor: timeout|task ?timeout|deaths: a time out ends", ()),
        ("terminate() of a running call", r"executor: terminate|process pool: terminate$|terminate\(\) ends|terminate running", ()),
        ("terminate() in a thread pool", r"terminate in thread", NO_JS),
        ("terminate_workers(), kill_workers()", r"end workers|(terminate|kill)[ _]workers", ()),
        ("max-tasks-per-child", r"max[ _]tasks", ()),
        ("idle-timeout", r"idle timeout", ()),
        ("The initializer runs in each worker", r"process (deaths|pool|starts): initializer$|initializer runs in each|process.* initializer$", ()),
        ("A failing initializer breaks the pool", r"failing initializer|process pool: initializer fails|initializer that fails|process.* initializer (fails|broken)", ()),
        ("What cannot start: SPAWN_FAILED", r"broken start|no worker$|spawn failed", ()),
        ("What the system refuses for a while is tried again", r"process spawn: (later|at first)|starts: no descriptors", {"Python", "JavaScript", "Vala"}),
        ("Three starts in a row that fail break the pool", r"number of starts|broken start", {"Vala", "Python", "JavaScript"}),
        ("A worker that is killed while it starts has died", r"killed start", {"Vala", "Python", "JavaScript"}),
        ("Standard streams of workers, whatever the parent's are", r"starts: (streams|unread words|any descriptors)|stdin", {"Vala", "Python", "JavaScript"}),
        ("Ctrl-C is the parent's business", r"starts: interrupt|interrupt.* worker", {"Vala", "Python", "JavaScript"}),
        ("n-pending, n-running, n-workers", r"states: counts|process.* counts", {"Vala", "Python", "JavaScript"}),
        ("Messages arrive whole, whatever their bytes", r"states: (long messages|message without encoding)", {"Vala", "Python", "JavaScript"}),
        ("Workers end with their parent", r"deaths: lost parent|parent (dies|gone)", {"Vala"}),
        ("No descriptor, process or thread is left", r"no leak|no descriptors|nothing left", {"Vala"}),
        ("Any bytes on the wire", r"^wire: |nonsense", {"Vala", "Python", "JavaScript"}),
        ("Large payloads", r"payloads|64 mi b|process.*: large", ()),
        ("A pool in a worker", r"(?<!cancellable: )nested$", ()),
        ("A map goes on after the chunk that died", r"process map: death|map.* death|map goes on after", ()),
        ("A call may fork, close its files, change its signals", r"rude call|fork in a task", {"Vala", "JavaScript"}),
        ("A worker program of one's own", r"^worker: |worker argv|worker program", {"Python"}),
    ],
}


def normalize(text):
    text = re.sub(r"([a-z])([A-Z])", r"\1 \2", text).lower()
    return re.sub(r"[\s_/-]+", " ", text.strip("'`"))


def list_tests(pattern, regex):
    """The tests as "class: name"."""
    tests = []
    for path in sorted(TESTS.glob(pattern)):
        owner = normalize(re.sub(r"^test[-_]?", "", path.stem))
        tests += [f"{owner}: {normalize(name)}" for name in re.findall(regex, path.read_text("utf-8"), re.M)]
    return list(dict.fromkeys(tests))


def cell(tests, pattern, impossible):
    found = [test for test in tests if re.search(pattern, test)]
    if not found:
        return "·" if impossible else ""
    return found[0].replace("|", "\\|") + (f" +{len(found) - 1}" if len(found) > 1 else "")


def write():
    tests = {language: list_tests(*where) for language, where in LANGUAGES.items()}
    yield "<!--\nSPDX-FileCopyrightText: The cfutures authors\nSPDX-License-Identifier: LGPL-2.1-or-later\n-->\n"
    yield "# Which rule is tested in which language\n"
    yield "Written by `tests/list-coverage.py`, from the names of the tests: the first that fits, and how many more."
    yield "A dot: there can be no such test, or the language adds nothing to what C does.\n"
    yield "Tests: " + ", ".join(f"{len(names)} in {language}" for language, names in tests.items()) + "."
    for section, rules in RULES.items():
        yield f"\n## {section}\n\n| | {' | '.join(LANGUAGES)} |\n|---|{'---|' * len(LANGUAGES)}"
        for rule, pattern, impossible in rules:
            yield f"| {rule} | " + " | ".join(cell(tests[it], pattern, it in impossible) for it in LANGUAGES) + " |"


target = TESTS / "COVERAGE.md"
text = "\n".join(write()) + "\n"
if "--check" in sys.argv:
    sys.exit(target.read_text("utf-8") != text and f"{target.name} is old: run {sys.argv[0]}")
target.write_text(text, "utf-8")
