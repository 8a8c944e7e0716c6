"""test_examples.py FOLDER NAME=PROGRAM...: runs each example in FOLDER against a private wrennd. Prints TAP.

Checks what it prints, that it writes nothing to stderr, and that it leaves no process, no mount and no file behind. An
example that is not among the programs was not built, because a library is missing: it is skipped."""
import ctypes
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Commands that run at once end in any order, so these lines are compared sorted.
LOOP = ([f"command {i}" for i in range(5)] + ["destroyed", "exit code 7"] +
        [f"the sandbox read: tick {i}" for i in (1, 2, 3)])
# Name to words after the program's name, and a pattern for all that it prints.
EXAMPLES = {
    "quickstart": ([], r"hello from a sandbox\n.*-> sh exited with 3\n.*332833500\n-> python3 exited with 0\n.*"
                       r"destroy +[0-9.]+ ms\n"),
    "api_keys": (["ada@example.org", "correct horse", "new"],
                 r"logged in as ada@example.org\na key that begins with wrn_\n1 keys\n  example: \S+Z\n"
                 r"the team has 0 sandboxes\n0 keys\n"),
    "async": ([], r"one step after the other\ndestroyed\n"),
    "background": ([], r"started worker\nrunning: worker \(/bin/sh\)\n(still here\n){2,}ended by a signal: yes\n"),
    "code": ([], r"prints: working\nvalue: 3628800\nZeroDivisionError: division by zero\nas HTML: <b>x</b>\n"),
    "errors": ([], r"unknown template: WRENN_E_NOT_FOUND\n.*not an error: exit code 3\ntime limit: WRENN_E_AGENT\n.*"
                   r"destroyed sandbox: WRENN_E_CONFLICT\n.*HTTP status: 409\n.*the server answered: yes\n"),
    "exec": ([], r"exit code 0\n\$HOME; one argument\nexit code 3\nvalue in /tmp\noops\n"),
    "exec_stream": ([], r"started\nerr: sorting\nout: apple\npear\nquince\nexit code 0\n"),
    "files": ([], r"drwx\S+ \S+/notes\nfile +5  newest -> \S+/notes/today\ndirectory +\d+  old\nfile +5  today\n"
                  r"today is a file of 5 bytes\nstill there: no\n"),
    "many_at_once": ([], r"0 commands failed, the sum of the squares is 338350\n"),
    "pause_resume": ([], r"paused\nrefused: [^\n]+\npaused\nrunning\nkept\n"),
    "port_url": ([], r"for a browser: http://8000-\S+\n/: 200 text/html\nhello from port 8000\n"
                     r"/missing: 404 text/html[^\n]*\n"),
    "snapshot": ([], r"snapshot prepared\nprepared once\n"),
    "terminal": ([], r".*50 132\r\n.*\[exit code 42\]\n"),
    "transfer": ([], r"18 bytes came back, the same: yes\n3000000 of 3000000 bytes sent\n"
                     r"3000000 bytes, 3000000 of them zero\n"),
    **{f"loops/{name}": ([], LOOP) for name in ["epoll", "glib", "libuv", "poll", "sd_event"]},
}
LONGEST = 80  # lines of an example


def source(folder, name):
    return (folder / f"{name}.c").read_text()


def descendants():
    """Processes that ended up with us: we are the reaper of all that the example started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = path.read_text().rsplit(")", 1)
        except OSError:
            continue
        if int(rest.split()[1]) == os.getpid():
            found.append(name.replace("(", ""))
    return found


def check_nothing_left(directory):
    until = time.monotonic() + 30
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if pid == 0 and time.monotonic() > until:
            raise AssertionError(f"processes were left behind: {', '.join(descendants())}")
        if pid == 0:
            time.sleep(0.01)
    files = [path for path in os.listdir(directory) if not path.startswith(".")]
    assert not files, f"files were left behind: {files}"
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if directory in line]
    assert not mounts, f"mounts were left behind: {mounts}"


def run(program, words, pattern):
    with tempfile.TemporaryDirectory(prefix="wrenn-test-") as directory:
        env = {key: value for key, value in os.environ.items()
               if key == "WRENN_WRENND" or not key.startswith(("WRENN_", "XDG_"))}
        env |= {"WRENN_BASE_URL": "local:", "TMPDIR": directory, "HOME": directory}
        done = subprocess.run([program, *words], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120)
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == 0, f"exit status {done.returncode}\n{out}{err}"
        assert not err, f"stderr:\n{err}"
        fits = sorted(out.splitlines()) == pattern if isinstance(pattern, list) else re.fullmatch(pattern, out, re.S)
        assert fits, f"printed\n{out}\nwhich is not\n{pattern}"
        check_nothing_left(directory)


def check_length(folder, name):
    lines = source(folder, name).count("\n")
    assert lines < LONGEST, f"{name}.c has {lines} lines; an example has under {LONGEST}"


def check(folder, name, program):
    """Returns why the example was not run, or None."""
    check_length(folder, name)
    assert name in EXAMPLES, f"{name}.c is not in EXAMPLES of tests/examples/test_examples.py"
    if not program:
        return "its library is missing"
    run(program, *EXAMPLES[name])
    return None


def main():
    folder, programs = Path(sys.argv[1]), dict(word.split("=", 1) for word in sys.argv[2:])
    names = sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.c")
                   if "int main(" in path.read_text())
    if ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0):  # PR_SET_CHILD_SUBREAPER
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    failed = 0
    for number, name in enumerate(names, 1):
        try:
            skipped = check(folder, name, programs.get(name))
            if skipped:
                print(f"# {skipped}")
            print(f"ok {number} - {name}{' # SKIP' if skipped else ''}", flush=True)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            failed += 1
            print("".join(f"# {line}\n" for line in str(error).splitlines()), end="")
            print(f"not ok {number} - {name}", flush=True)
    print(f"1..{len(names)}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
