/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "cf-worker-status-private.h"

#include <signal.h>

/* How a child has ended, as its status tells. */

gboolean
_cf_worker_status_is_killed (GSubprocess *subprocess)
{
  return g_subprocess_get_if_signaled (subprocess) && g_subprocess_get_term_sig (subprocess) == SIGKILL;
}

/* GLib calls it a good exit, too, when somebody else got the status: the kernel throws it away, or a handler reaps all
 * children. */
static const char *
describe_good_exit (void)
{
  struct sigaction action = { .sa_handler = SIG_DFL };

  sigaction (SIGCHLD, NULL, &action);
  if (action.sa_handler == SIG_IGN || (action.sa_flags & SA_NOCLDWAIT) != 0)
    return "ended; how is not known, as the program ignores SIGCHLD";
  if (action.sa_handler != SIG_DFL)
    return "exited with status 0, unless the program's own handler of SIGCHLD took its real one";

  return "exited with status 0";
}

/* For messages: what comes behind the name of the worker. */
char *
_cf_worker_status_describe (GSubprocess *subprocess)
{
  if (g_subprocess_get_if_signaled (subprocess))
    return g_strdup_printf ("was killed by signal %d (%s)", g_subprocess_get_term_sig (subprocess),
                            g_strsignal (g_subprocess_get_term_sig (subprocess)));
  if (g_subprocess_get_successful (subprocess))
    return g_strdup (describe_good_exit ());
  if (g_subprocess_get_if_exited (subprocess))
    return g_strdup_printf ("exited with status %d", g_subprocess_get_exit_status (subprocess));

  return g_strdup ("ended");
}
