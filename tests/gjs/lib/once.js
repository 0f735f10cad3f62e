// SPDX-FileCopyrightText: The cfutures authors
// SPDX-License-Identifier: LGPL-2.1-or-later

/* A program that has one call run in a worker, and fails if that fails. */

import Cf from 'gi://Cf';
import GLib from 'gi://GLib';

const pool = new Cf.ProcessPoolExecutor({max_workers: 1});

await pool.submit(GLib.Uri.resolve_relative(import.meta.url, 'functions.js#pid', GLib.UriFlags.NONE));
await pool.shutdown();
