#!/usr/bin/python3
"""Runs tests and ends with one line: N passed, N failed[, N skipped].

    run_tests.py BUILD[:SUITE,...[:SETUP]]...

Compiles each build directory and runs its suites (default: all) with Meson, under a test setup such as valgrind if one
is named. Counts single tests: every line of a TAP program is one, every other program is one. Prints what failed."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MESON = "/usr/bin/meson" if os.access("/usr/bin/meson", os.X_OK) else "meson"
TAP_LINE = re.compile(r"^(not )?ok\b(?: \d+)?(?: - )?([^#]*)(?:#\s*(\w+).*)?$")


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []
        self.skips = []

    def __str__(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"

    def fail(self, name, detail):
        self.failed += 1
        self.failures.append((name, detail))

    def add_program(self, where, record):
        """One entry of Meson's testlog.json."""
        name = f"{where} {record['name']}"
        output = (record.get("stdout") or "") + (record.get("stderr") or "")
        is_tap = re.search(r"^1\.\.\d+", record.get("stdout") or "", re.M)
        failed_before = self.failed
        if is_tap:
            self.add_tap(name, record["stdout"], record.get("stderr") or "")
        ok = record["result"] in ("OK", "SKIP", "EXPECTEDFAIL")
        if ok and not is_tap:
            if record["result"] == "SKIP":
                self.skipped += 1
                self.skips.append(f"{name}: {' '.join(output.split())[:200]}")
            else:
                self.passed += 1
        elif not ok and self.failed == failed_before:
            # Such as a leak found at exit, or a time-out: no single test is to blame.
            self.fail(name, f"{output}\n{record['result']}, exit status {record['returncode']}")

    def add_tap(self, name, stdout, stderr):
        notes = []
        for line in stdout.splitlines():
            match = TAP_LINE.match(line)
            if not match:
                notes.append(line)
                continue
            test = f"{name}: {match[2].strip()}"
            if (match[3] or "").upper() == "SKIP":
                self.skipped += 1
                self.skips.append(f"{test}: {' '.join(notes)}")
            elif match[1]:
                self.fail(test, "\n".join(notes))
            else:
                self.passed += 1
            notes = []
        if stderr and self.failures and self.failures[-1][0].startswith(f"{name}:"):
            last = self.failures[-1]
            self.failures[-1] = (last[0], f"{last[1]}\n{stderr[-8000:]}")


def run(step, count):
    build, suites, setup, *_ = step.split(":") + ["", ""]
    where = " ".join(filter(None, [build, setup]))
    print(f"== {where}{': ' + suites if suites else ''}", flush=True)
    if subprocess.run([MESON, "compile", "-C", str(ROOT / build)]).returncode:
        count.fail(where, "does not compile, see above")
        return
    log = ROOT / build / "meson-logs" / f"testlog{'-' + setup if setup else ''}.json"
    log.unlink(missing_ok=True)
    # It builds once more: newer Meson does not compile what only tests need before.
    command = [MESON, "test", "-C", str(ROOT / build)]
    command += [word for suite in filter(None, suites.split(",")) for word in ("--suite", suite)]
    # Tests wait for timers and each other more than they compute, less so under valgrind.
    command += ["--setup", setup] if setup else []
    command += ["--num-processes", str(os.cpu_count() * 3 // 2 if setup else os.cpu_count() * 2)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL)
    if not log.exists():
        # Meson leaves no log when no test was selected.
        if done.returncode:
            count.fail(where, f"'{' '.join(command)}' ran nothing")
        return
    for line in log.read_text().splitlines():
        count.add_program(where, json.loads(line))


def main():
    count = Count()
    for step in sys.argv[1:]:
        run(step, count)
    for skip in count.skips:
        print(f"skipped: {skip}")
    for name, detail in count.failures:
        print(f"\n---- failed: {name}\n{detail.strip()}")
    print(count, flush=True)
    sys.exit(1 if count.failed or not count.passed else 0)


if __name__ == "__main__":
    main()
