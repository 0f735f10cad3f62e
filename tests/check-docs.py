# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that the code in README.md, the pages and the doc comments compiles, in one language.

A block that is no whole program is put into a function.  check-docs.h and check-docs.vala declare what the
blocks may refer to.
"""

import ast
import pathlib
import re
import subprocess
import sys
import tempfile

language, source_dir, build_dir, *command = sys.argv[1:]
root, build = pathlib.Path(source_dir), pathlib.Path(build_dir)
tests = root / "tests"

JS_PARSE = """
const [, bytes] = imports.gi.GLib.file_get_contents(ARGV[0]);
Reflect.parse(new TextDecoder().decode(bytes), {target: 'module', source: ARGV[0]});
"""


def blocks():
    """Yields the path, the line and the text of each block."""
    for path in sorted([*root.glob("*.md"), *root.glob("doc/*.md"), *root.glob("cfutures/*.[ch]")]):
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".md":
            text = re.sub(r"^ \* ?", "", text, flags=re.M)
        for match in re.finditer(rf"^```{language}\n(.*?)^```", text, re.M | re.S):
            yield path.relative_to(root), text.count("\n", 0, match.start(1)) + 1, match[1]


def padded(line, before, code, after=""):
    """The code with its lines numbered as in the page."""
    return "\n" * (line - 2) + before + "\n" + code + after


def run(*arguments):
    return subprocess.run([*command, *arguments], stdin=subprocess.DEVNULL, stdout=sys.stderr).returncode == 0


def check_c(path, line, code):
    known = (tests / "check-docs.h").read_text()
    for name in re.findall(r"^(\w+) \(", code, re.M):
        known = re.sub(rf"^.*\b{name} \(.*;\n", "", known, flags=re.M)
    if not re.search(r"^(\{|#include|typedef|G_DE)", code, re.M):
        code = f"int snippet (void)\n{{\n#line {line}\n{code}\n}}\n"
    path.write_text(f'{known}\n#line {line} "{path.name}"\n{code}')
    flags = subprocess.check_output(["pkg-config", "--cflags", "gio-unix-2.0"], text=True).split()
    return run("-fsyntax-only", "-Wall", "-Wno-unused", "-Wno-return-type", "-Werror",
               f"-I{root}", f"-I{build}", *flags, path)


def check_vala(path, line, code):
    whole = re.search(r"^(using|class|public class|(?!else)[\w.?]+( [\w.?]+)+ \(.*\)( throws [\w., ]+)? \{$)", code, re.M)
    path.write_text(padded(line, "", code) if whole else padded(line, "async void snippet () throws Error {", code, "}\n"))
    return run("--ccode", "--disable-warnings", f"--directory={path.parent}", f"--vapidir={build / 'cfutures'}",
               "--pkg=cfutures-1.0", "--pkg=gio-2.0", path, tests / "check-docs.vala")


def check_python(path, line, code):
    try:
        compile(padded(line, "", code), path.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError as error:
        print(error)
        return False
    return True


def check_js(path, line, code):
    path.write_text(padded(line, "", code))
    return run("-c", JS_PARSE, path)


failed = 0
with tempfile.TemporaryDirectory() as folder:
    for n, (page, line, code) in enumerate(blocks(), 1):
        suffix = {"python": "py"}.get(language, language)
        name = f"{page.name.replace('.', '-')}-{line}.{suffix}"
        good = globals()[f"check_{language}"](pathlib.Path(folder, name), line, code)
        print("ok" if good else "not ok", n, f"{page}:{line}", flush=True)
        failed += not good
    print(f"1..{n}" if "n" in globals() else "1..0 # SKIP no code in this language")

sys.exit(failed > 0)
