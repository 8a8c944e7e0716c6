"""Which tests of Meson's run in the system under test. As a program: names what Ninja has to make for them, and for `meson install`."""
import json
import sys
from pathlib import Path


def read(build, what):
    return json.loads((build / f"meson-info/intro-{what}.json").read_text())


# Of the suite unit what asks the kernel for something; the rest is the same everywhere.
UNITS = {"archives", "files", "loop", "tree"}
# Both users by themselves, or the same for both.
ONLY_ROOT = {"e2e-network", "gate", "gate-captured", "gate-tls", "isolation-agent", "isolation-agent_conn"}


def tests(build, who="root"):
    for each in read(build, "tests"):
        suites = {suite.rpartition(":")[2] for suite in each["suite"]}
        asked = "isolation" in suites or each["name"] in UNITS | {"e2e-network", "e2e-restart"}
        if each["protocol"] != "tap" or not asked or (who == "user" and each["name"] in ONLY_ROOT):
            continue
        if len(each["cmd"]) == 1 and each["name"] not in ONLY_ROOT:  # one of ours, which know what not to run
            each["cmd"].append("-_as_ordinary_user" if who == "root" else "-_as_root")
        yield each


def main(build):
    files_of = {target["id"]: target["filename"] for target in read(build, "targets")}
    made = {file for files in files_of.values() for file in files}
    needed = {file for each in tests(build) for target in each["depends"] for file in files_of[target]}
    print(*sorted(str(Path(file).relative_to(build)) for file in needed | (made & set(read(build, "installed")))))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
