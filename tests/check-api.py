# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares the API in the GIR with the one in api.txt, one line for each thing that a caller can rely on.

A change of the API is thus a change of api.txt, which is seen in review.  --update writes that file.
"""

import argparse
import difflib
import pathlib
import sys
import xml.etree.ElementTree as ET

CORE = "{http://www.gtk.org/introspection/core/1.0}"
C = "{http://www.gtk.org/introspection/c/1.0}"
CALLABLES = ("function", "constructor", "method", "virtual-method", "callback")
TYPES = ("class", "interface", "record", "enumeration", "bitfield")
NOTED = ("transfer-ownership", "nullable", "optional", "direction", "scope", "closure", "destroy")


def type_of(node):
    for child in node:
        if child.tag in (CORE + "type", CORE + "array", CORE + "callback"):
            return child.get(C + "type") or child.get("name") or type_of(child)
    return "..."


def value(node):
    notes = [f"{key}={node.get(key)}" for key in NOTED if node.get(key) not in (None, "none")]
    return " ".join([type_of(node), node.get("name", ""), *notes]).strip()


def signature(node):
    parameters = ", ".join(map(value, node.findall(f"{CORE}parameters/*")))
    throws = " throws" if node.get("throws") else ""
    return f"({parameters}) -> {value(node.find(CORE + 'return-value'))}{throws}"


def access(node):
    marks = {"r": node.get("readable", "1"), "w": node.get("writable", "0"), "c": node.get("construct-only", "0")}
    return "".join(mark for mark, is_set in marks.items() if is_set == "1")


def lines(node, path):
    for child in node:
        kind = child.tag.split("}")[1]
        name = f"{path}.{child.get('name')}"
        skipped = " skip" if child.get("introspectable") == "0" else ""
        if kind in (*CALLABLES, "signal"):
            yield f"{kind} {name} {signature(child)}{skipped}"
        elif kind == "member":
            yield f"{kind} {name} = {child.get('value')}"
        elif kind in ("property", "field"):
            yield f"{kind} {name} {type_of(child)} {access(child)}"
            yield from (f"  {line}" for line in lines(child, name))
        elif kind in TYPES:
            yield f"{kind} {name} {child.get('parent', '')}".rstrip()
            yield from lines(child, name)


def undated(node, path):
    """Yields what has no "Since:", save what the compiler or glib-mkenums made."""
    for child in node:
        kind = child.tag.split("}")[1]
        name = f"{path}.{child.get('name')}"
        if kind in (*CALLABLES, *TYPES, "property", "signal"):
            made = name.endswith(("Class", "Private", "quark")) or (kind == "callback" and node.tag == CORE + "field")
            if child.get("version") is None and not made:
                yield name
            if not made:
                yield from undated(child, name)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("gir", type=pathlib.Path)
parser.add_argument("text", type=pathlib.Path)
parser.add_argument("--update", action="store_true", help="write the API of this build to the text")
options = parser.parse_args()

namespace = ET.parse(options.gir).getroot().find(CORE + "namespace")
actual = "\n".join(lines(namespace, namespace.get("name"))) + "\n"
failed = False

if options.update:
    options.text.write_text(actual, encoding="utf-8")
    sys.exit()

expected = options.text.read_text(encoding="utf-8") if options.text.exists() else ""
if actual != expected:
    sys.stdout.writelines(difflib.unified_diff(
        expected.splitlines(True), actual.splitlines(True), str(options.text), "this build"))
    print("The API changed.  If it was meant to: meson compile -C _build update-api")
    failed = True

for name in undated(namespace, namespace.get("name")):
    print(f"{name} has no “Since:”")
    failed = True

sys.exit(failed)
