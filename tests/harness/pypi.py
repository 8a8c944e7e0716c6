"""What tests use of PyPI: virtual environments in ${XDG_CACHE_HOME:-~/.cache}/wrenn, each installed once for all build
directories."""
import fcntl
import os
import shutil
import subprocess
from pathlib import Path


class Missing(Exception):
    """Something that this machine does not have."""


def find_python(minor):
    """One that is at least 3.MINOR and has venv and pip: in PATH, or among pyenv's. None: there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    names = ["/usr/bin/python3", shutil.which("python3"), *(shutil.which(f"python3.{n}") for n in range(minor, 20)),
             *sorted(map(str, pyenv.glob("versions/3.*/bin/python3")), reverse=True)]
    for name in filter(None, names):
        done = subprocess.run([name, "-c", f"import sys, venv, pip; sys.exit(sys.version_info < (3, {minor}))"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if done.returncode == 0:
            return name
    return None


def is_ready(folder, wanted):
    ready = folder / "ready"
    return ready.exists() and ready.read_text() == wanted and \
        subprocess.run([folder / "bin/python", "-c", ""], stderr=subprocess.DEVNULL).returncode == 0


def environment(name, python, steps):
    """The folder of the environment NAME, in which each of the steps, arguments of `pip install`, was done; {folder} in them
    is that folder. Waits for another who is just making it. Raises Missing when it can't be made."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wrenn"
    folder, wanted = cache / name, repr(steps)
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_ready(folder, wanted):
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        # With a pip of its own, and everything compiled beforehand, it would take twice as long.
        subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True, stdin=subprocess.DEVNULL)
        for step in steps:
            done = subprocess.run([python, "-m", "pip", "--python", folder / "bin/python", "install", "-q", "--no-compile",
                                   "--disable-pip-version-check", "--retries", "1", "--timeout", "10",
                                   *(word.format(folder=folder) for word in step)],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode:
                last = done.stdout.decode(errors="replace").strip().splitlines()[-3:]
                raise Missing(f"{' '.join(step)} can't be installed with pip: {' '.join(last)}")
        (folder / "ready").write_text(wanted)
    return folder
