#!/usr/bin/python3
"""check_symbols.py LIBWRENN.so LIBWRENN.a: fails unless the shared library exports exactly the WRENN_API functions, and
the static one, which can hide nothing, keeps to names with wrenn_ and wrn_."""
import re
import subprocess
import sys

from headers import functions


def defined(path, *flags):
    out = subprocess.run(["nm", "--defined-only", *flags, path], stdout=subprocess.PIPE, text=True, check=True).stdout
    symbols = [line.split() for line in out.splitlines()]
    return {s[2].split("@")[0] for s in symbols if len(s) == 3 and s[1] != "A"}


def main():
    shared, static = sys.argv[1:]
    declared, exported = set(functions()), defined(shared, "-D")
    problems = [f"{name} is declared, but {shared} does not export it" for name in sorted(declared - exported)]
    problems += [f"{shared} exports {name}, which no public header declares" for name in sorted(exported - declared)]
    archive = defined(static, "-g")
    problems += [f"{name} in {static} does not start with wrn_ or wrenn_" for name in sorted(archive)
                 if not re.match(r"(wrn|wrenn)_", name)]
    problems += [f"{static} lacks {name}" for name in sorted(declared - archive)]
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
