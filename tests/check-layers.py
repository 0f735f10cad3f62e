# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that each file of the library includes only headers of its own layer and of those below.

The layers are the parts of `sources` in cfutures/meson.build, each under its comment, the lowest first.
"""

import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
listed = re.search(r"^sources = files\((.*?)^\)", (root / "meson.build").read_text(), re.M | re.S)[1]
layers = {name: n for n, part in enumerate(listed.split("#")) for name in re.findall(r"'(cf-[\w-]+)\.c'", part)}
failed = 0


def layer_of(stem):
    """A header without a source belongs to the source whose name begins its own."""
    while stem and stem not in layers:
        stem = stem.rpartition("-")[0]
    return layers.get(stem, 0)


for path in sorted(root.glob("cf-*.[ch]")):
    for included in re.findall(r'#include [<"](?:cfutures/)?(cf-[\w-]+)\.h[>"]', path.read_text()):
        if layer_of(included) > layer_of(path.stem):
            print(f"{path}: includes {included}.h, which is above it")
            failed = 1

for name in sorted({path.stem for path in root.glob("cf-*.c")} ^ {*layers, "cf-worker-main"}):
    print(f"{root / name}.c is not there, or not in the sources")
    failed = 1

sys.exit(failed)
