#!/usr/bin/python3
"""Prints a text file as a C constant: embed_text.py FILE NAME OUTPUT."""
import sys
from pathlib import Path

ESCAPES = {"\\": "\\\\", '"': '\\"', "?": "\\?", "\t": "\\t"}


def literal(line):
    """One line as a string literal; what is not ASCII goes in as octal bytes."""
    out = "".join(ESCAPES.get(c, c) if c.isascii() else "".join(f"\\{b:03o}" for b in c.encode()) for c in line)
    return f'    "{out}\\n"\n'


def main():
    source, name, output = sys.argv[1:]
    lines = Path(source).read_text().splitlines()
    Path(output).write_text(
        f"/* Generated from {Path(source).name}. */\n#include <stddef.h>\n\n"
        f"extern const char {name}[];\nextern const size_t {name}_size;\n\n"
        f"const char {name}[] =\n{''.join(map(literal, lines))};\nconst size_t {name}_size = sizeof({name}) - 1;\n")


if __name__ == "__main__":
    main()
