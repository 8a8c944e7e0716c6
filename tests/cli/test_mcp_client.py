#!/usr/bin/python3
"""test_mcp_client.py WRENN: `wrenn mcp` and the official client of the Model Context Protocol, as PyPI has it. Prints TAP.

Skips a version with the reason when there is no Python that it runs on, or when it can't be installed."""
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))
import pypi  # noqa: E402

VERSIONS = ["1.30.0", "2.3.0"]


def install(version):
    python = pypi.find_python(10)
    if not python:
        raise pypi.Missing("the client needs Python 3.10 with venv and pip: apt-get install python3-venv python3-pip")
    return pypi.environment(f"mcp-{version}", python, [[f"mcp=={version}"]])


def play(folder, wrenn):
    """The lines that the run has printed, and whether it came to its end and left nothing."""
    env = {key: value for key, value in os.environ.items()
           if not key.startswith(("PYTHON", "XDG_")) and key not in ("WRENN_BASE_URL", "WRENN_API_KEY", "WRENN_TOKEN",
                                                                     "WRENN_CONTEXT")}
    with tempfile.TemporaryDirectory(prefix="wrenn-test-") as home:
        env["HOME"] = home
        files = Path(home) / "files"
        files.mkdir()
        try:
            done = subprocess.run([folder / "bin/python", HERE / "mcp_calls.py", wrenn, files], env=env, timeout=240,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            lines, ended = done.stdout.decode(errors="replace").splitlines(), done.returncode == 0
            left = subprocess.run([wrenn, "ls", "-q"], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            if left.stdout:
                lines, ended = lines + [f"# left: {left.stdout.decode()!r}"], False
        except subprocess.TimeoutExpired as error:
            lines, ended = str(error).splitlines(), False
        finally:
            subprocess.run([wrenn, "serve", "stop", "--force"], env=env, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return lines, ended


def install_and_play(version, wrenn):
    return play(install(version), wrenn)


def main():
    wrenn = sys.argv[1]
    count = failed = 0
    with ThreadPoolExecutor(len(VERSIONS)) as pool:
        runs = {version: pool.submit(install_and_play, version, wrenn) for version in VERSIONS}
    for version, run in runs.items():
        try:
            lines, ended = run.result()
        except pypi.Missing as why:
            print(f"# {why}\nok - {version}: everything # SKIP {why}")
            count += 1
            continue
        for line in lines + [f"{'ok' if ended else 'not ok'} - comes to its end"]:
            is_result = line.startswith(("ok - ", "not ok - "))
            count += is_result
            failed += line.startswith("not ok - ")
            print(line.replace(" - ", f" - {version}: ", 1) if is_result else f"# {line.removeprefix('# ')}", flush=True)
    print(f"1..{count}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
