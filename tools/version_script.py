#!/usr/bin/python3
"""Prints the linker's version script for libwrenn: the WRENN_API functions and nothing else.

    version_script.py            writes to stdout
    version_script.py FILE       writes to FILE
"""
import sys
from pathlib import Path

from headers import functions


def main():
    names = "".join(f"        {name};\n" for name in sorted(functions()))
    text = f"WRENN_0 {{\n    global:\n{names}    local:\n        *;\n}};\n"
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
