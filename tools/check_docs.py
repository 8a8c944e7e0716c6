#!/usr/bin/python3
"""Fails unless what README.md, CHANGELOG.md and docs/ show is true: the C compiles, the names exist, the links lead somewhere, README.md
shows examples/quickstart.c, and each file of src is named in the nearest README.md.

Every ```c block of README.md and docs/guide/*.md is one of three:
  a whole program    holds "int main(". It must be one of examples/*.c as it is, because those are run by the tests.
  top-level text     its first line is an #include or a #define, or begins with "static", "typedef", "enum" or "struct"
                     and ends with "{". It is seen by the blocks after it on the same page.
  statements         anything else. They are put into a function with these variables, which a block may declare anew:
                     wrenn_client *client; wrenn_sandbox *sandbox; wrenn_stream *stream; wrenn_error *error; int rc;
The blocks of a page are compiled together, with gcc and clang, -Wall -Wextra -Werror, against the public headers."""
import re
import shutil
import subprocess
import sys

from headers import HEADERS, ROOT

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```c\n(.*?)^```$", re.M | re.S)
TOP_LEVEL = re.compile(r"#include|#define|(static|typedef|enum|struct)\b.*\{$", re.M)
PROLOGUE = """#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wrenn/wrenn.h>
"""
FUNCTION = """
int block_%d(wrenn_client *client, wrenn_sandbox *sandbox, wrenn_stream *stream, wrenn_error *error, int rc);
int block_%d(wrenn_client *client, wrenn_sandbox *sandbox, wrenn_stream *stream, wrenn_error *error, int rc) {
    (void)client, (void)sandbox, (void)stream, (void)error, (void)rc;
    {
#line %d "%s"
%s
    }
    return rc;
}
"""
FLAGS = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-D_GNU_SOURCE"]


def blocks(page):
    """Line number and text of each block."""
    text = page.read_text()
    for match in BLOCK.finditer(text):
        yield text.count("\n", 0, match.start()) + 2, match[1]


def unit(page, programs):
    """One translation unit of the page's blocks, and its whole programs that are no example."""
    source, strays = PROLOGUE, []
    name = page.relative_to(ROOT)
    for number, (line, text) in enumerate(blocks(page)):
        if "int main(" in text:
            if text not in programs:
                strays.append(f"{name}:{line}: a whole program must be one of examples/*.c as it is")
        elif TOP_LEVEL.match(text):
            source += f'#line {line} "{name}"\n{text}'
        else:
            source += FUNCTION % (number, number, line, name, text)
    return source, strays


def compile_unit(source):
    for compiler in ("gcc", "clang"):
        if not shutil.which(compiler):
            sys.exit(f"missing: {compiler}: run tools/install-deps.sh test")
        done = subprocess.run([compiler, *FLAGS, f"-I{ROOT / 'include'}", "-xc", "-c", "-", "-o", "/dev/null"],
                              input=source, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            yield done.stdout


def unknown_names(page, known):
    # What was before is in the first column of a table, or in a block that says so.
    text = re.sub(r"^```c before\n.*?^```$|^\|[^|]*\|", "", page.read_text(), flags=re.M | re.S) if page.name == "changes.md" \
        else page.read_text()
    # wrenn_sandbox_..., wrenn_*_start and the like stand for many.
    for match in re.finditer(r"\b(wrenn|WRENN)_\w*\w\b(?!\.\.\.|\*|_?\.\.\.)", text):
        if match[0] not in known:
            yield f"{page.relative_to(ROOT)}: there is no {match[0]} in the headers"


def dead_links(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if "://" not in target and not (page.parent / target).exists():
            yield f"{page.relative_to(ROOT)}: {target} does not exist"


def missing_tests(page):
    """FILE:NAME in a table is a test, NAME what the file has as a test or calls."""
    for path, name in re.findall(r"`(\w+/\w+\.c):(\w+)`", page.read_text()):
        file = ROOT / "tests" / path
        if not file.is_file() or not re.search(rf"\b(?:TEST\w*|ROW|CALL|OPERATION)\({name}\b", file.read_text()):
            yield f"{page.relative_to(ROOT)}: there is no test {path}:{name}"


def missing_program(programs):
    """The first program is in README.md as a whole, and stays short."""
    program = programs[ROOT / "examples/quickstart.c"]
    if program not in (text for _, text in blocks(ROOT / "README.md")):
        yield "README.md does not show examples/quickstart.c as it is"
    if program.count("\n") >= 60:
        yield f"examples/quickstart.c has {program.count(chr(10))} lines; a first program has under 60"


def missing_files():
    """Files of src that no map names. x.c and x.h are one subject and have one line; the nearest README.md is their map."""
    for path in sorted((ROOT / "src").rglob("*.[ch]")):
        top = next(above for above in path.parents if (above / "README.md").exists())
        name = str(path.relative_to(top).with_suffix(""))
        if name.startswith("cli/commands/"):  # each is the command of its name
            continue
        if not re.search(rf"`{re.escape(name)}[`.]", (top / "README.md").read_text()):
            yield f"{path.relative_to(ROOT)} is not in {top.relative_to(ROOT)}/README.md"


def headers_text():
    return set(re.findall(r"\w+", "\n".join(header.read_text() for header in HEADERS)))


def main():
    programs = {path: path.read_text() for path in (ROOT / "examples").rglob("*.c")}
    known, found = headers_text(), [*missing_program(programs), *missing_files()]
    for page in PAGES:
        source, strays = unit(page, programs.values())
        found += [*strays, *compile_unit(source), *unknown_names(page, known), *dead_links(page), *missing_tests(page)]
    print("\n".join(found))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
