#!/usr/bin/python3
"""Installs what a build directory has, and takes it away again.

    installed.py targets BUILD                     what Ninja has to make before, which no test is
    installed.py install BUILD PREFIX [DESTDIR]
    installed.py uninstall PREFIX [DESTDIR]

What was installed, and which directories were made for it, is in PREFIX/share/wrenn/installed.txt. So uninstall needs no
build directory, and removes that and nothing else; and what an earlier version had and this one has not goes when this one is
installed over it."""
import json
import os
import subprocess
import sys
from pathlib import Path

MESON = "/usr/bin/meson" if os.access("/usr/bin/meson", os.X_OK) else "meson"


class Place:
    """PREFIX below DESTDIR. Paths are as they are without DESTDIR, so that the tree can be moved to where it belongs."""

    def __init__(self, prefix, destdir):
        self.destdir = destdir.rstrip("/")
        self.record = f"{prefix.rstrip('/')}/share/wrenn/installed.txt"

    def real(self, path):
        return Path(self.destdir + path)

    def recorded(self):
        record = self.real(self.record)
        return record.read_text().splitlines() if record.exists() else []

    def remove(self, paths):
        """Files, and directories that are empty then."""
        for path in sorted(paths, reverse=True):
            real = self.real(path)
            if real.is_dir() and not real.is_symlink():
                try:
                    real.rmdir()
                except OSError:
                    pass  # somebody else has something in it
            else:
                real.unlink(missing_ok=True)


def targets(build):
    def read(what):
        return json.loads(Path(build, f"meson-info/intro-{what}.json").read_text())

    made = {file for target in read("targets") for file in target["filename"]}
    return sorted(os.path.relpath(file, Path(build).resolve()) for file in made & set(read("installed")))


def install(build, place):
    words = ["--destdir", place.destdir] if place.destdir else []
    subprocess.run([MESON, "install", "-C", build, "--no-rebuild", *words], check=True, stdout=subprocess.DEVNULL)
    log = Path(build, "meson-logs/install-log.txt").read_text().splitlines()
    paths = {line[len(place.destdir):] for line in log if line.startswith(f"{place.destdir}/")} | {place.record}
    before = set(place.recorded())
    # Directories that an earlier installation made are found made by the next.
    kept = {path for path in before if place.real(path).is_dir()}
    place.remove(before - paths - kept)
    place.real(place.record).write_text("".join(f"{path}\n" for path in sorted(paths | kept)))


def uninstall(place):
    paths = place.recorded()
    if not paths:
        sys.exit(f"uninstall: {place.real(place.record)}, which names what was installed, is not there; was it another PREFIX or "
                 "DESTDIR?")
    place.remove(paths)
    print(f"removed the {len(paths)} files and directories that {place.real(place.record)} named")


def main():
    words = sys.argv[1:]
    if words[0] == "targets":
        print(*targets(words[1]))
    elif words[0] == "install":
        install(words[1], Place(*words[2:], *[""] * (4 - len(words))))
    else:
        uninstall(Place(*words[1:], *[""] * (3 - len(words))))


if __name__ == "__main__":
    main()
