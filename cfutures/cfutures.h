/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#define CF_INSIDE

#include <cfutures/cf-enum-types.h>
#include <cfutures/cf-error.h>
#include <cfutures/cf-executor.h>
#include <cfutures/cf-future-iter.h>
#include <cfutures/cf-future.h>
#include <cfutures/cf-process-pool-executor.h>
#include <cfutures/cf-result-iter.h>
#include <cfutures/cf-thread-pool-executor.h>
#include <cfutures/cf-version.h>
#include <cfutures/cf-wait.h>
#include <cfutures/cf-worker.h>

#undef CF_INSIDE
