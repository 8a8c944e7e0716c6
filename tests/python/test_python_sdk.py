#!/usr/bin/python3
"""test_python_sdk.py WRENND: the Python SDK, as it is published, against wrennd. Prints TAP.

Each run of sdk_calls.py has a server of its own, as root or as an ordinary user. Skips everything with the reason when there
is no Python that the SDK runs on, or when it can't be installed."""
import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# One sandbox may ask for all of it, and then there is no room for it.
MACHINE_MB = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))
import pypi  # noqa: E402

IN_MACHINES = os.environ.get("WRENND_ISOLATION") == "vm"
# Of one run, in seconds.
RUN_LIMIT = 960 if IN_MACHINES else 240
NEWEST = "0.3.0"
# The last version before the code runner, the last with terminals in text, and the newest.
VERSIONS = ["0.1.3", "0.2.0", NEWEST]
NOBODY = 65534
# Versions and the words for sdk_calls.py: "ordinary" starts wrennd as an ordinary user, "binary" with binary terminals. No
# version with the paths of the sandbox era was published: "sandboxes" puts them into the requests.
RUNS = [
    ("0.1.3", "sync"),
    ("0.1.3", "async ordinary"),
    ("0.2.0", "sync ordinary"),
    ("0.2.0", "async sandboxes"),
    (NEWEST, "sync"),
    (NEWEST, "async ordinary"),
    (NEWEST, "sync binary sandboxes ordinary"),
    (NEWEST, "async binary"),
]
if IN_MACHINES:
    # What a machine does is the same for all versions, and takes long where the processor is emulated.
    RUNS = [("0.2.0", "async sandboxes"), (NEWEST, "sync"), (NEWEST, "async ordinary")]


def install():
    """A virtual environment with the newest version, and beside it a folder for each other one."""
    python = pypi.find_python(13)
    if not python:
        raise pypi.Missing("the Python SDK needs Python 3.13 with venv and pip: put python3.13 into PATH")
    # The older ones want one dependency more.
    steps = [[f"wrenn=={NEWEST}", "email-validator>=2.3.0"]]
    steps += [["--no-deps", "--target", f"{{folder}}/{version}", f"wrenn=={version}"] for version in VERSIONS[:-1]]
    return pypi.environment("python-sdk", python, steps)


class Server:
    """wrennd with a data directory of its own, on a port of this machine."""

    def __init__(self, wrennd, words, directory):
        options = ["--terminal-frames", "binary"] if "binary" in words else []
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if "ordinary" in words and os.geteuid() == 0 else {}
        templates = Path(directory) / "data/templates"
        (templates / "damaged").mkdir(parents=True)
        (templates / "damaged/template.json").write_text("{")
        for path in [Path(directory), *Path(directory).rglob("*")] if who else []:
            os.chown(path, NOBODY, NOBODY)
        built = subprocess.run([wrennd, "template", "build", "code-interpreter", "--template-dir", templates], **who,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if built.returncode and b"apt-get install" not in built.stdout:
            raise AssertionError(built.stdout.decode())
        self.runs_code = not built.returncode
        ready, writer = os.pipe()
        self.log = open(f"{directory}/log", "w+")
        self.process = subprocess.Popen(
            [wrennd, "--data-dir", f"{directory}/data", "--listen", "127.0.0.1:0", "--ready-fd", str(writer),
             "--max-memory-mb", str(MACHINE_MB - 1), *options],
            **who, pass_fds=[writer], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log)
        os.close(writer)
        with open(ready) as lines:
            address = lines.readline().strip()
        if not address:
            self.process.wait()
            raise AssertionError(f"wrennd did not start: {self.said()}")
        key = next(line for line in self.process.stdout if b"WRENN_API_KEY=" in line).decode().strip()
        self.env = {"WRENN_BASE_URL": f"http://localhost:{address.rsplit(':')[-1]}",
                    "WRENN_API_KEY": key.split("=")[1]}

    def said(self):
        self.log.seek(0)
        return self.log.read()[-2000:]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        self.process.stdout.close()
        self.last_said = self.said()
        self.log.close()
        assert status == 0, f"wrennd ended with {status}: {self.last_said}"


def leftovers(directory):
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if directory in line]


def play(folder, wrennd, version, words):
    """The lines that the run has printed, and whether it came to its end."""
    try:
        return try_play(folder, wrennd, version, words.split())
    except AssertionError as error:
        return str(error).splitlines(), False
    except subprocess.TimeoutExpired as error:
        return (error.stdout or b"").decode(errors="replace").splitlines() + [str(error)], False


def try_play(folder, wrennd, version, words):
    env = {key: value for key, value in os.environ.items() if not key.startswith(("WRENN", "PYTHON"))}
    if version != NEWEST:
        env["PYTHONPATH"] = str(folder / version)
    with tempfile.TemporaryDirectory(prefix="wrenn-test-") as directory:
        server = Server(wrennd, words, directory)
        try:
            env |= server.env | {"WRENN_TEST_CODE": "1" if server.runs_code else ""}
            done = subprocess.run([folder / "bin/python", HERE / "sdk_calls.py", version, *words,
                                   *(["machines"] if IN_MACHINES else [])], env=env, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=RUN_LIMIT)
        finally:
            server.stop()
        assert not leftovers(directory), leftovers(directory)
    lines = done.stdout.decode(errors="replace").splitlines()
    failed = done.returncode or any(line.startswith("not ok") for line in lines)
    return lines + (server.last_said.splitlines() if failed else []), done.returncode == 0


def main():
    wrennd = sys.argv[1]
    try:
        folder = install()
    except pypi.Missing as why:
        return print(f"# {why}\nok - everything # SKIP\n1..1")
    count = failed = 0
    with ThreadPoolExecutor(2) as pool:
        outcomes = pool.map(lambda run: play(folder, wrennd, *run), RUNS)
    for (version, words), (lines, ended) in zip(RUNS, outcomes):
        for line in lines + [f"{'ok' if ended else 'not ok'} - comes to its end"]:
            is_result = line.startswith(("ok - ", "not ok - "))
            count += is_result
            failed += line.startswith("not ok - ")
            print(line.replace(" - ", f" - {version} {words}: ", 1) if is_result else f"# {line.removeprefix('# ')}", flush=True)
    print(f"1..{count}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
