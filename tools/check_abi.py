#!/usr/bin/python3
"""check_abi.py LIBWRENN.so: fails when programs that were built against abi/libwrenn.abi would not run with this library.
check_abi.py --update LIBWRENN.so: makes its interface the one that is kept (`make abi-baseline`).

New functions, and structs of abi/suppressions.ini that grow at their end, are fine. Needs abidw and abidiff (package
abigail-tools), and a library with debug information."""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BASELINE = ROOT / "abi/libwrenn.abi"
INCLUDE = ROOT / "include"
SKIP = 77  # Meson's exit status for "not run"


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def write_interface(library, path):
    """Without what the public headers leave open, and without anything that depends on where it was built."""
    done = run("abidw", "--headers-dir", INCLUDE, "--drop-private-types", "--exported-interfaces-only",
               "--no-architecture", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--no-elf-needed",
               "--out-file", path, library)
    if done.returncode:
        sys.exit(f"{done.stdout}\nabidw can't read {library}")


def compare(library):
    with tempfile.TemporaryDirectory() as directory:
        now = Path(directory, "now.abi")
        write_interface(library, now)
        done = run("abidiff", "--no-added-syms", "--suppressions", ROOT / "abi/suppressions.ini", BASELINE, now)
    if done.returncode:
        sys.exit(f"{done.stdout}\nabi: programs built against earlier headers would break (abidiff said "
                 f"{done.returncode}). Take the change back: add instead of changing, and let structs grow only at their "
                 f"end. If it is meant, raise `soversion` in src/api/meson.build and run `make abi-baseline`.")


def main():
    update = sys.argv[1] == "--update"
    library = sys.argv[-1]
    if not shutil.which("abidw") or not shutil.which("abidiff"):
        print("abidw and abidiff are not there; install the package abigail-tools")
        sys.exit(1 if update else SKIP)
    if not update:
        return compare(library)
    write_interface(library, BASELINE)
    print(f"wrote {BASELINE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
