#!/usr/bin/python3
"""check_abi.py LIBWRENN.so: fails when programs that were built against the headers in tests/abi/include would not run with
this library, or not compile with today's headers for want of a name.
check_abi.py --update LIBWRENN.so: makes its interface the one that is kept, in abi/libwrenn.abi and in tests/abi/include
(`make abi-baseline`).

New functions are fine, structs that grow at their end where tools/make_api.py says that they may, and members that take the
place of reserved ones. Needs abidw and abidiff
(package abigail-tools), and a library with debug information."""
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from headers import HEADERS, ROOT
from make_api import Interface

BASELINE = ROOT / "abi/libwrenn.abi"
INCLUDE = ROOT / "include"
KEPT = ROOT / "tests/abi/include/wrenn"
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


def with_room(structs):
    return [s for s in structs if "reserved" in [m["name"] for m in s["members"]]]


def suppressions(kept):
    """What abidiff reports although it is fine: structs that may grow and do, what takes the place of reserved members, and
    handles, which callers have pointers to only. (Where a private header has the name of a public one, abidw takes what is
    in it for public.)"""
    growing = "|".join(s["name"] for s in kept.structs if s["may_grow"])
    handles = "|".join(h["name"] for h in kept.handles)
    roomy = "|".join(s["name"] for s in with_room(kept.structs))
    return (f"[suppress_type]\n  type_kind = struct\n  name_regexp = ^({growing})$\n"
            f"  has_data_member_inserted_at = end\n[suppress_type]\n  name_regexp = ^(wrn_.*|{handles})$\n"
            f"[suppress_type]\n  type_kind = struct\n  name_regexp = ^({roomy})$\n"
            f"  has_data_member_inserted_between = {{offset_of(reserved), end}}\n")


def lost_names(kept, now):
    """abidiff sees no constants without a type, and no names of members. The version is meant to change."""
    values = {c["name"]: c["value"] for c in now.constants}
    for constant in kept.constants:
        if constant["name"].startswith("WRENN_VERSION_"):
            continue
        if values.get(constant["name"]) != constant["value"]:
            yield f"{constant['name']} was {constant['value']}, and is {values.get(constant['name'], 'gone')}"
    members = {s["name"]: [m["name"] for m in s["members"]] for s in now.structs}
    for struct in kept.structs:
        for member in struct["members"]:
            if member["name"] not in [*members.get(struct["name"], []), "reserved"]:
                yield f"{struct['name']}.{member['name']} is gone"


def words(struct):
    """Its size: all members have 8 bytes."""
    return sum(int((re.search(r"\[(\d+)\]$", m["type"]) or [0, 1])[1]) for m in struct["members"])


def outgrown(kept, now):
    """What abidiff was told to overlook between the first reserved member and the end."""
    sizes = {s["name"]: words(s) for s in now.structs}
    for struct in with_room(kept.structs):
        if not struct["may_grow"] and sizes.get(struct["name"]) != words(struct):
            yield f"{struct['name']} has {sizes.get(struct['name'])} words instead of {words(struct)}"


def compare(library):
    kept = Interface(sorted(KEPT.glob("*.h")))
    now = Interface()
    problems = [*lost_names(kept, now), *outgrown(kept, now)]
    with tempfile.TemporaryDirectory() as directory:
        interface, fine = Path(directory, "now.abi"), Path(directory, "suppressions.ini")
        write_interface(library, interface)
        fine.write_text(suppressions(kept))
        done = run("abidiff", "--no-added-syms", "--suppressions", fine, BASELINE, interface)
    if done.returncode:
        problems.append(f"{done.stdout}\n(abidiff said {done.returncode})")
    if problems:
        sys.exit("\n".join(problems) + "\nabi: programs built against earlier headers would break. Take the change back: "
                 "add instead of changing, and let structs grow only at their end, and only those that may. If it is "
                 "meant, raise `soversion` in src/api/meson.build and run `make abi-baseline`.")


def update(library):
    write_interface(library, BASELINE)
    shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True)
    for header in HEADERS:
        shutil.copy(header, KEPT)
    print(f"wrote {BASELINE.relative_to(ROOT)} and {KEPT.relative_to(ROOT)}")


def main():
    updates = sys.argv[1] == "--update"
    if not shutil.which("abidw") or not shutil.which("abidiff"):
        print("abidw and abidiff are not there; install the package abigail-tools")
        sys.exit(1 if updates else SKIP)
    (update if updates else compare)(sys.argv[-1])


if __name__ == "__main__":
    main()
