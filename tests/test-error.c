/*
 * SPDX-FileCopyrightText: The cfutures authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What others know the errors by: bindings, and messages between processes. */

#include "cf-test.h"

static void
test_quark (void)
{
  g_assert_cmpstr (g_quark_to_string (CF_EXECUTOR_ERROR), ==, "cf-executor-error-quark");
}

static void
test_nicks (void)
{
  static const struct
  {
    CfExecutorError code;
    const char     *nick;
  } errors[] = {
    { CF_EXECUTOR_ERROR_SHUTDOWN, "shutdown" },
    { CF_EXECUTOR_ERROR_INVALID_STATE, "invalid-state" },
    { CF_EXECUTOR_ERROR_NO_RESULT, "no-result" },
    { CF_EXECUTOR_ERROR_BROKEN, "broken" },
    { CF_EXECUTOR_ERROR_WORKER_DIED, "worker-died" },
    { CF_EXECUTOR_ERROR_SPAWN_FAILED, "spawn-failed" },
    { CF_EXECUTOR_ERROR_PROTOCOL, "protocol" },
    { CF_EXECUTOR_ERROR_NOT_SERIALIZABLE, "not-serializable" },
    { CF_EXECUTOR_ERROR_NOT_FOUND, "not-found" },
    { CF_EXECUTOR_ERROR_NOT_SUPPORTED, "not-supported" },
    { CF_EXECUTOR_ERROR_DEADLOCK, "deadlock" },
  };
  g_autoptr (GEnumClass) enum_class = g_type_class_ref (CF_TYPE_EXECUTOR_ERROR);

  g_assert_cmpuint (enum_class->n_values, ==, G_N_ELEMENTS (errors));

  for (gsize i = 0; i < G_N_ELEMENTS (errors); i++)
    g_assert_cmpstr (g_enum_get_value (enum_class, errors[i].code)->value_nick, ==, errors[i].nick);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/error/quark", test_quark);
  g_test_add_func ("/error/nicks", test_nicks);

  return g_test_run ();
}
