# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""What the tests of the Python binding share."""

import os
import subprocess
import sys
import textwrap
import unittest

import gi

gi.require_version('Cf', '1.0')

from gi.repository import Cf, GLib  # noqa: E402

# For what has to happen, but may take long on a busy machine.
LONG = 30
# The long form of what takes long.
FULL = 'CF_TEST_FULL' in os.environ


class TestCase(unittest.TestCase):
    def iterate_until(self, is_over):
        """Run the main context until something is so."""
        timeout = GLib.timeout_add_seconds(LONG, lambda: True)
        end = GLib.get_monotonic_time() + LONG * 1000000
        while not is_over() and GLib.get_monotonic_time() < end:
            GLib.MainContext.default().iteration(True)
        GLib.source_remove(timeout)
        self.assertTrue(is_over(), 'it did not happen')


def run_script(text, *args):
    """Run a program in a new interpreter."""
    head = "import gi\ngi.require_version('Cf', '1.0')\nfrom gi.repository import Cf\n"

    return subprocess.run([sys.executable, '-c', head + textwrap.dedent(text), *args],
                          capture_output=True, text=True, timeout=LONG)


def main():
    unittest.main(verbosity=2)


__all__ = ['Cf', 'FULL', 'GLib', 'LONG', 'TestCase', 'main', 'run_script']
