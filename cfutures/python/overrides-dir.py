# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints the folder below the prefix where PyGObject looks for overrides, or would look if told of it."""

import pathlib
import sys
import sysconfig

import gi

prefix = pathlib.Path(sys.argv[1])
searched = [pathlib.Path(gi._overridesdir), *(pathlib.Path(path, "gi", "overrides") for path in sys.path)]
fallback = pathlib.Path(sysconfig.get_path("purelib", "posix_prefix", {"base": prefix}), "gi", "overrides")

print(next((path for path in searched if path.is_relative_to(prefix)), fallback))
