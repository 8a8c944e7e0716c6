#!/usr/bin/python3
"""Fails unless README.md shows examples/quickstart.c exactly, and that stays under 60 lines; and unless every file and
folder of src is in src/README.md."""
import re
import sys

from headers import ROOT


def problems():
    program = (ROOT / "examples/quickstart.c").read_text()
    blocks = re.findall(r"^```c\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    if program not in blocks:
        yield "README.md does not show examples/quickstart.c as it is"
    if program.count("\n") >= 60:
        yield f"examples/quickstart.c has {program.count(chr(10))} lines; a first program has under 60"
    text = (ROOT / "src/README.md").read_text()
    server_text = (ROOT / "src/server/README.md").read_text() if (ROOT / "src/server/README.md").exists() else ""
    for path in sorted((ROOT / "src").rglob("*.[ch]")):
        name = str(path.relative_to(ROOT / "src"))
        # x.c and x.h are one subject and have one line; the server has a map of its own.
        stem = re.sub(r"\.[ch]$", "", name)
        where, key = (server_text, stem.removeprefix("server/")) if name.startswith("server/") else (text, stem)
        if where and f"`{key}`" not in where and f"`{key}." not in where:
            yield f"src/{name} is not in {'src/server/README.md' if where is server_text else 'src/README.md'}"


def main():
    found = list(problems())
    print("\n".join(found))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
