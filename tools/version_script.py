#!/usr/bin/python3
"""Prints the linker's version script for libwrenn: the WRENN_API functions and nothing else."""
from headers import functions

names = "".join(f"        {name};\n" for name in sorted(functions()))
print(f"WRENN_0 {{\n    global:\n{names}    local:\n        *;\n}};")
