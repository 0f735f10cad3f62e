// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* The part of bench-gjs.js that node runs: two worker_threads that answer messages. */

const {Worker, isMainThread, parentPort} = require('node:worker_threads');

function compute(rounds) {
    let sum = 0;

    for (let i = 1; i <= rounds; i++)
        sum += Math.sqrt(i) / i;

    return sum;
}

const FUNCTIONS = {
    echo: value => value,
    compute,
    chunk: items => items.map(item => item),
};

class Thread {
    constructor() {
        this._worker = new Worker(__filename);
        this._waiting = [];
        this._worker.on('message', value => this._waiting.shift()(value));
    }

    call(name, value) {
        this._worker.postMessage([name, value]);

        return new Promise(resolve => this._waiting.push(resolve));
    }

    end() {
        return this._worker.terminate();
    }
}

function now() {
    return Number(process.hrtime.bigint()) / 1000;
}

async function measure(fn, n, repeat = 3) {
    const times = [];

    for (let i = 0; i < repeat; i++) {
        const begin = now();

        await fn();
        times.push((now() - begin) / n);
    }

    return times.sort((a, b) => a - b)[Math.floor(repeat / 2)];
}

async function trips(thread, value, n) {
    for (let i = 0; i < n; i++)
        await thread.call('echo', value);
}

async function start() {
    const thread = new Thread();

    await thread.call('echo', 1);
    await thread.end();
}

async function main({N_TRIPS, N_CALLS, N_ITEMS, N_JOBS, ROUNDS}) {
    const threads = [new Thread(), new Thread()];
    const all = (n, name, value) => Promise.all(Array.from({length: n}, (_, i) => threads[i % 2].call(name, value)));
    const bytes = new Uint8Array(1 << 20).fill(65);
    const items = Array.from({length: 500}, (_, i) => i);

    await all(4, 'compute', 1e6);
    const result = {
        'start to first result': await measure(start, 1),
        'round trip': await measure(() => trips(threads[0], 1, N_TRIPS), N_TRIPS),
        'round trip, 1 MiB': await measure(() => trips(threads[0], bytes, 20), 20),
        'call, many at once': await measure(() => all(N_CALLS, 'echo', 1), N_CALLS),
        'item of a map, chunks of 500': await measure(() => all(N_ITEMS / 500, 'chunk', items), N_ITEMS),
        'work': await measure(() => all(N_JOBS, 'compute', ROUNDS), N_JOBS),
    };

    console.log(JSON.stringify(result));
    await Promise.all(threads.map(thread => thread.end()));
}

if (isMainThread)
    main(JSON.parse(process.argv[2]));
else
    parentPort.on('message', ([name, value]) => parentPort.postMessage(FUNCTIONS[name](value)));
