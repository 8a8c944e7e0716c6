#!/usr/bin/python3
"""Runs tests and ends with one line: N passed, N failed[, N skipped].

    run_tests.py BUILD[:SUITE,...[:SETUP]]...

Compiles what the suites of each build directory need (default: everything) and runs them with Meson, under a test setup
such as valgrind if one is named. Tests wait more than they compute: so those under a setup run beside the others of their
directory, and the next directory is compiled meanwhile. As root, their directories are in memory: see in_memory(). Counts
single tests: every line of a TAP program is one, every other program is one. Prints what failed."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MESON = "/usr/bin/meson" if os.access("/usr/bin/meson", os.X_OK) else "meson"
NINJA = shutil.which("ninja") or "ninja-build"
MEMORY_KB = 8 << 20
PLACE = re.compile(r"\.(c|h|py):\d+: ") # how a failed check says where it is
TAP_LINE = re.compile(r"^(not )?ok\b(?: \d+)?(?: - )?([^#]*)(?:#\s*(\w+).*)?$")


def available_kb():
    return int(re.search(r"^MemAvailable: *(\d+)", Path("/proc/meminfo").read_text(), re.M)[1])


def in_memory(directory):
    """The beginning of a command that sees a file system in memory at this directory; empty where it can't be made, or where
    TMPDIR says what to use. Tests make and remove so many small files that ext4 would take a quarter of their time: it looks at
    all inodes that were freed in the last seconds before it takes one."""
    prefix = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o mode=1777 wrenn-tests "$0" && exec "$@"', directory]
    if os.geteuid() != 0 or "TMPDIR" in os.environ or available_kb() < MEMORY_KB:
        return []
    tried = subprocess.run([*prefix, "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return [] if tried.returncode else prefix


def brief(detail):
    lines = detail.strip().splitlines() or ["no reason given"]
    return next(filter(PLACE.search, lines), lines[-1])[:200]


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

    def start(self, directory):
        """The process that runs its tests. What a setup such as valgrind makes slow computes more than it waits."""
        log = self.log()
        log.unlink(missing_ok=True)
        command = [MESON, "test", "-C", str(self.path), "--no-rebuild"]
        command += [word for suite in self.suites for word in ("--suite", suite)]
        command += ["--setup", self.setup] if self.setup else []
        command += ["--num-processes", str(os.cpu_count() * (1 if self.setup else 3))]
        prefix = in_memory(directory)
        env = {**os.environ, "TMPDIR": directory} if prefix else None
        return subprocess.Popen([*prefix, *command], stdin=subprocess.DEVNULL, env=env)

    def log(self):
        return self.path / "meson-logs" / f"testlog{'-' + self.setup if self.setup else ''}.json"

    def add_to(self, count, status):
        if self.log().exists():
            for line in self.log().read_text().splitlines():
                count.add_program(self.where, json.loads(line))
        elif status: # Meson leaves no log when no test was selected
            count.fail(self.where, "no test ran, see above")


def compile_all(steps, **options):
    """Starts to compile what these need of their directory."""
    commands = [step.compile_command() for step in steps]
    return subprocess.Popen([*commands[0], *(word for command in commands[1:] for word in command[3:])], **options)


def run(steps, following, ahead, count):
    """Those of one directory, at the same time. Returns the process that compiles for `following` meanwhile."""
    for step in steps:
        print(f"== {step.where}{': ' + ','.join(step.suites) if step.suites else ''}", flush=True)
    if ahead:
        ahead.wait() # what fails is seen when it is compiled again
    if compile_all(steps).wait():
        count.fail(steps[0].build, "does not compile, see above")
        return None
    silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    ahead = compile_all(following, preexec_fn=lambda: os.nice(19), **silent) if following else None
    with tempfile.TemporaryDirectory(prefix="wt-") as directory:
        running = [(step, step.start(directory)) for step in steps]
        for step, process in running:
            step.add_to(count, process.wait())
    return ahead


def main():
    count = Count()
    directories = {}
    for text in sys.argv[1:]:
        step = Step(text)
        directories.setdefault(step.build, []).append(step)
    groups, ahead = list(directories.values()), None
    for steps, following in zip(groups, [*groups[1:], None]):
        ahead = run(steps, following, ahead, count)
    for skip in count.skips:
        print(f"skipped: {skip}")
    for name, detail in count.failures:
        print(f"\n---- failed: {name}\n{detail.strip()}")
    print() # and once more, briefly: of a long log only the end is seen
    for name, detail in count.failures:
        print(f"failed: {name}: {brief(detail)}")
    print(count, flush=True)
    sys.exit(1 if count.failed or not count.passed else 0)


if __name__ == "__main__":
    main()
