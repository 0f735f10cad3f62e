/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined(CF_INSIDE) && !defined(CF_COMPILATION)
#error "Only <cfutures/cfutures.h> can be included directly."
#endif

#include <gio/gio.h>

#include <cfutures/cf-version.h>

G_BEGIN_DECLS

/**
 * CF_EXECUTOR_ERROR:
 *
 * The domain of the errors of executors and futures.
 *
 * Since: 1.0
 */
#define CF_EXECUTOR_ERROR (cf_executor_error_quark ())

/**
 * CfExecutorError:
 * @CF_EXECUTOR_ERROR_SHUTDOWN: the executor was shut down and takes no more work
 * @CF_EXECUTOR_ERROR_INVALID_STATE: the future is not in a state in which this can be done
 * @CF_EXECUTOR_ERROR_NO_RESULT: the function gave neither a result nor an error
 * @CF_EXECUTOR_ERROR_BROKEN: the executor is broken: an initializer failed, or its workers cannot be started, or one died
 * @CF_EXECUTOR_ERROR_WORKER_DIED: the worker process died while it ran the function
 * @CF_EXECUTOR_ERROR_SPAWN_FAILED: no worker process could be started
 * @CF_EXECUTOR_ERROR_PROTOCOL: a worker or its parent did not keep the protocol
 * @CF_EXECUTOR_ERROR_NOT_SERIALIZABLE: a function, an argument or a result cannot travel to another process
 * @CF_EXECUTOR_ERROR_NOT_FOUND: there is no function of that name
 * @CF_EXECUTOR_ERROR_NOT_SUPPORTED: this cannot be done with this executor or this result
 * @CF_EXECUTOR_ERROR_DEADLOCK: the wait could never end
 *
 * What can go wrong with executors and futures.
 *
 * The error of a cancelled future is %G_IO_ERROR_CANCELLED, and that of a wait
 * that ran out of time %G_IO_ERROR_TIMED_OUT, as everywhere in GIO.
 *
 * Since: 1.0
 */
typedef enum
{
  CF_EXECUTOR_ERROR_SHUTDOWN,
  CF_EXECUTOR_ERROR_INVALID_STATE,
  CF_EXECUTOR_ERROR_NO_RESULT,
  CF_EXECUTOR_ERROR_BROKEN,
  CF_EXECUTOR_ERROR_WORKER_DIED,
  CF_EXECUTOR_ERROR_SPAWN_FAILED,
  CF_EXECUTOR_ERROR_PROTOCOL,
  CF_EXECUTOR_ERROR_NOT_SERIALIZABLE,
  CF_EXECUTOR_ERROR_NOT_FOUND,
  CF_EXECUTOR_ERROR_NOT_SUPPORTED,
  CF_EXECUTOR_ERROR_DEADLOCK,
} CfExecutorError;

CF_AVAILABLE_IN_ALL
GQuark cf_executor_error_quark (void);

G_END_DECLS
