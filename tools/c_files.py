#!/usr/bin/python3
"""Prints the C files that people write (not generated ones, nor the frozen headers of old versions), relative to the
repository, one a line."""
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ["include", "src", "tests", "examples", "bench", "packaging", "fuzz"]


def is_generated(path):
    with path.open() as file:
        return file.readline().startswith("/* Generated ")


def is_frozen(path):
    return "tests/abi/include" in path.as_posix()


def c_files(folders=FOLDERS):
    files = (path for folder in folders for path in (ROOT / folder).rglob("*.[ch]"))
    return sorted(path.relative_to(ROOT) for path in files if not is_frozen(path) and not is_generated(path))


if __name__ == "__main__":
    print("\n".join(map(str, c_files())))
