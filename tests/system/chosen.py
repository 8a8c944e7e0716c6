"""Which tests of Meson's run in the system under test. As a program: names what Ninja has to make for them, and for `meson install`."""
import json
import sys
from pathlib import Path


def read(build, what):
    return json.loads((build / f"meson-info/intro-{what}.json").read_text())


def tests(build):
    for each in read(build, "tests"):
        suites = {suite.rpartition(":")[2] for suite in each["suite"]}
        if each["protocol"] == "tap" and (suites & {"unit", "isolation"} or each["name"] in ("e2e-restart",)):
            yield each


def main(build):
    files_of = {target["id"]: target["filename"] for target in read(build, "targets")}
    made = {file for files in files_of.values() for file in files}
    needed = {file for each in tests(build) for target in each["depends"] for file in files_of[target]}
    print(*sorted(str(Path(file).relative_to(build)) for file in needed | (made & set(read(build, "installed")))))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
