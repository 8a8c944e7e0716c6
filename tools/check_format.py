#!/usr/bin/python3
"""Fails when clang-format would lay a file out differently. Versions disagree, so 14 (Debian 12's) is the judge."""
import shutil
import subprocess
import sys

from c_files import c_files
from headers import ROOT


def find_judge():
    for name in ("clang-format-14", "clang-format"):
        if shutil.which(name) and " 14." in subprocess.check_output([name, "--version"], text=True):
            return name
    return None


def main():
    judge = find_judge()
    if not judge:
        print("needs clang-format 14, which decides the layout")
        sys.exit(77)
    files = [str(path) for path in c_files()]
    done = subprocess.run([judge, "--dry-run", "-Werror", *files], cwd=ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    ill = sorted({line.split(":")[0] for line in done.stdout.splitlines() if "[-Wclang-format-violations]" in line})
    if done.returncode:
        print(f"run 'make format': {', '.join(ill) or done.stdout}")
    sys.exit(1 if done.returncode else 0)


if __name__ == "__main__":
    main()
