// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* A program that has a worker at a gate, whose port it gets, and never ends by itself. */

import Cf from 'gi://Cf';
import GLib from 'gi://GLib';

const pool = new Cf.ProcessPoolExecutor({max_workers: 1});

pool.submit(GLib.Uri.resolve_relative(import.meta.url, 'functions.js#gate', GLib.UriFlags.NONE), Number(ARGV[0]));
new GLib.MainLoop(null, false).run();
