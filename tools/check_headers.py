#!/usr/bin/python3
"""Fails unless every public header compiles alone, in C99 and C++11, with gcc and clang, without a warning, and so does
the use of each _INIT macro in it.

-Wpadded is among the warnings: an option struct with a hole could grow without its size telling."""
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from headers import HEADERS, ROOT

WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Wpadded", "-Wundef", "-Wshadow", "-Wconversion", "-Werror"]
C = ["-x", "c", "-std=c99", "-Wstrict-prototypes", *WARNINGS]
CXX = ["-x", "c++", "-std=c++11", "-Wold-style-cast", *WARNINGS]
COMPILERS = [("gcc", C), ("clang", C), ("g++", CXX), ("clang++", CXX)]


def uses(header):
    """A variable for each _INIT macro: one that is too short for its struct shows in a warning."""
    for macro in re.findall(r"^#define (WRENN_\w+)_INIT\b", header.read_text(), re.M):
        yield f"    {macro.lower()} of_{macro.lower()} = {macro}_INIT;\n    (void)of_{macro.lower()};\n"


def compile_alone(job):
    header, compiler, flags = job
    # Twice, to try the include guard as well.
    program = (f'#include "wrenn/{header.name}"\n' * 2 + "int main(void) {\n" + "".join(uses(header)) +
               "    return 0;\n}\n")
    command = [compiler, *flags, f"-I{ROOT / 'include'}", "-fsyntax-only", "-"]
    done = subprocess.run(command, input=program, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return f"{header.name} with {compiler}:\n{done.stdout}" if done.returncode else None


def main():
    missing = [compiler for compiler, _ in COMPILERS if not shutil.which(compiler)]
    if missing:
        sys.exit(f"missing: {', '.join(missing)}: run tools/install-deps.sh test")
    jobs = [(header, *compiler) for header in HEADERS for compiler in COMPILERS]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = list(filter(None, pool.map(compile_alone, jobs)))
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
