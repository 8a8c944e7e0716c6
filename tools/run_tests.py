#!/usr/bin/python3
"""Runs tests and ends with one line: N passed, N failed[, N skipped].

    run_tests.py BUILD[:SUITE,...[:SETUP]]...

Compiles what the suites of each build directory need (default: everything) and runs them with Meson, under a test setup
such as valgrind if one is named. Tests wait more than they compute, so the next directory is compiled meanwhile, with the
lowest priority. Counts single tests: every line of a TAP program is one, every other program is one. Prints what failed."""
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MESON = "/usr/bin/meson" if os.access("/usr/bin/meson", os.X_OK) else "meson"
NINJA = shutil.which("ninja") or "ninja-build"
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


class Step:
    """A build directory, its suites, and the setup they run under."""

    def __init__(self, text):
        self.build, suites, self.setup, *_ = text.split(":") + ["", ""]
        self.suites = list(filter(None, suites.split(",")))
        self.path = ROOT / self.build
        self.where = " ".join(filter(None, [self.build, self.setup]))
        self.ahead = None

    def introspect(self, what):
        """Nothing of what is no build directory; compiling it then says so."""
        done = subprocess.run([MESON, "introspect", what, str(self.path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return json.loads(done.stdout) if done.returncode == 0 else []

    def compile_command(self):
        """Makes what the tests run, too: newer Meson leaves some of it out of `all`."""
        subprocess.run([NINJA, "-C", str(self.path), "build.ninja"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        files = {target["id"]: target["filename"] for target in self.introspect("--targets")}
        needed = {os.path.relpath(file, self.path) for test in self.introspect("--tests")
                  if not self.suites or {suite.split(":")[-1] for suite in test["suite"]} & set(self.suites)
                  for target in test["depends"] for file in files[target]}
        is_whole = not self.suites or "packaging" in self.suites  # which installs everything
        return [NINJA, "-C", str(self.path), *sorted(needed), *(["all"] if is_whole else [])]

    def start_ahead(self):
        """What fails is seen when the step compiles."""
        self.ahead = subprocess.Popen(["nice", "-n", "19", *self.compile_command()], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def compile(self):
        if self.ahead:
            self.ahead.wait()
        return subprocess.run(self.compile_command()).returncode == 0


def run(step, following, count):
    print(f"== {step.where}{': ' + ','.join(step.suites) if step.suites else ''}", flush=True)
    if not step.compile():
        count.fail(step.where, "does not compile, see above")
        return
    for other in following[:1]:
        other.start_ahead()
    log = step.path / "meson-logs" / f"testlog{'-' + step.setup if step.setup else ''}.json"
    log.unlink(missing_ok=True)
    command = [MESON, "test", "-C", str(step.path), "--no-rebuild"]
    command += [word for suite in step.suites for word in ("--suite", suite)]
    # Tests wait for timers and each other more than they compute, less so under valgrind, and not at all in machines.
    command += ["--setup", step.setup] if step.setup else []
    many = {"": os.cpu_count() * 2, "vm": 1}.get(step.setup or "", os.cpu_count() * 3 // 2)
    command += ["--num-processes", str(many)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL)
    if not log.exists():
        # Meson leaves no log when no test was selected.
        if done.returncode:
            count.fail(step.where, f"'{' '.join(command)}' ran nothing")
        return
    for line in log.read_text().splitlines():
        count.add_program(step.where, json.loads(line))


def main():
    count = Count()
    steps = [Step(text) for text in sys.argv[1:]]
    for i, step in enumerate(steps):
        run(step, steps[i + 1:], count)
    for skip in count.skips:
        print(f"skipped: {skip}")
    for name, detail in count.failures:
        print(f"\n---- failed: {name}\n{detail.strip()}")
    print(count, flush=True)
    sys.exit(1 if count.failed or not count.passed else 0)


if __name__ == "__main__":
    main()
