#!/usr/bin/python3
"""Writes what follows from the version in meson.build, the one place that it is set, and from the names in the headers:

    include/wrenn/client.h          WRENN_VERSION_MAJOR, _MINOR and _PATCH
    debian/libwrennN.symbols        the version in which each function came; new ones get this one

    generate_version.py             writes them
    generate_version.py --check     fails when one is not what it would write, a function has gone from the library without
                                    another soname, or CHANGELOG.md or debian/, which people write, have another version or
                                    soname"""
import re
import sys

from generate import write_or_check
from headers import ROOT, functions

HEADER = "include/wrenn/client.h"


def first(pattern, path, missing):
    match = re.search(pattern, (ROOT / path).read_text(), re.M)
    return match[1] if match else sys.exit(f"{path}: {missing}")


VERSION = first(r"^  version: '([^']*)'", "meson.build", "has no version")
SOVERSION = first(r"^wrenn_soversion = '(\d+)'", "src/api/meson.build", "has no wrenn_soversion")
SYMBOLS = f"debian/libwrenn{SOVERSION}.symbols"
NODE = first(r'print\(f"(\w+) ', "tools/version_script.py", "names no version of symbols")


def header():
    text = (ROOT / HEADER).read_text()
    for name, number in zip(("MAJOR", "MINOR", "PATCH"), VERSION.split(".")):
        text = re.sub(rf"^(#define WRENN_VERSION_{name}) .*$", rf"\1 {number}", text, flags=re.M)
    return text


def symbols():
    path = ROOT / SYMBOLS
    since = dict(re.findall(rf"^ (\w+)@{NODE} (\S+)$", path.read_text(), re.M)) if path.exists() else {}
    names = functions()
    gone = sorted(set(since) - set(names) - {NODE})
    if gone:
        sys.exit(f"{SYMBOLS}: {', '.join(gone)} gone from the headers: programs break, so raise wrenn_soversion and name the "
                 "packages in debian/ after it; before a release of the soname, take the lines out")
    lines = [f" {name}@{NODE} {since.get(name, VERSION)}\n" for name in sorted([NODE, *names])]
    return f"libwrenn.so.{SOVERSION} libwrenn{SOVERSION} #MINVER#\n{''.join(lines)}"


def problems():
    if not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", VERSION):
        yield f"meson.build: version '{VERSION}' is not MAJOR.MINOR.PATCH"
    for path, pattern in (("CHANGELOG.md", r"^## (\S+)"), ("debian/changelog", r"^wrenn \(([^)]+)\)")):
        found = first(pattern, path, "has no version")
        if found != VERSION:
            yield f"{path}: begins with version {found}, and meson.build has {VERSION}: see docs/releasing.md"
    for path in ("debian/control", f"debian/libwrenn{SOVERSION}.install"):
        if not (ROOT / path).exists() or (path.endswith("control") and
                                          f"\nPackage: libwrenn{SOVERSION}\n" not in (ROOT / path).read_text()):
            yield f"{path}: the package of the library is called after its soname: libwrenn{SOVERSION}"


def main():
    found = list(problems())
    if found:
        sys.exit("\n".join(found))
    write_or_check({HEADER: header(), SYMBOLS: symbols()})


if __name__ == "__main__":
    main()
