/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What the code blocks of the documentation may refer to: see check-docs.py. */

Cf.Executor executor;
Cf.Future future;
Cf.Future[] futures;
Cancellable? cancellable;
MainLoop loop;
