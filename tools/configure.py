#!/usr/bin/python3
"""configure.py DIR [MESON-OPTION...]: makes the build directory, or gives the one that is there these options.

Does nothing when they are in force already, so that building again is quick."""
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MESON = "/usr/bin/meson" if os.access("/usr/bin/meson", os.X_OK) else "meson"


def main():
    directory, options = ROOT / sys.argv[1], sys.argv[2:]
    stamp = directory / "wrenn-options.json"
    if any("b_sanitize" in option for option in options):
        options.append("-Db_lundef=false")  # clang leaves the sanitizer's symbols to the program
    if (directory / "build.ninja").exists() and stamp.exists() and json.loads(stamp.read_text()) == options:
        return
    if (directory / "build.ninja").exists():
        command = [MESON, "configure", str(directory), *options] if options else ["true"]
    else:
        command = [MESON, "setup", str(directory), str(ROOT), *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{done.stdout}\nconfiguring {directory.name} failed, see above")
    stamp.write_text(json.dumps(options))


if __name__ == "__main__":
    main()
