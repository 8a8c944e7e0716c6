#!/usr/bin/python3
"""configure.py DIR [MESON-OPTION...]: makes the build directory, or gives the one that is there these options.

Does nothing when they are in force already, so that building again is quick; unless libraries came or went, for Meson
looks for what is optional only once."""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MESON = "/usr/bin/meson" if os.access("/usr/bin/meson", os.X_OK) else "meson"


def installed():
    """What Meson could find."""
    pkg_config = os.environ.get("PKG_CONFIG", "pkg-config")
    listed = ""
    if shutil.which(pkg_config):
        listed = subprocess.run([pkg_config, "--list-all"], stdout=subprocess.PIPE, text=True).stdout
    return sorted(line.split()[0] for line in listed.splitlines()) + [shutil.which("musl-gcc")]


def main():
    directory, options = ROOT / sys.argv[1], sys.argv[2:]
    if any("b_sanitize" in option for option in options):
        options.append("-Db_lundef=false")  # clang leaves the sanitizer's symbols to the program
    tools = {name: os.environ.get(name) for name in ("CC", "CFLAGS", "CPPFLAGS", "LDFLAGS")}
    stamp = directory / "wrenn-configured.json"
    there = (directory / "build.ninja").exists() and stamp.exists()
    before = json.loads(stamp.read_text()) if there else {}
    wanted = {"options": options, "tools": tools, "installed": installed()}
    if before == wanted:
        return
    if before.get("tools") == tools and before.get("installed") != wanted["installed"]:
        command = [MESON, "setup", "--reconfigure", str(directory), str(ROOT), *options]
    elif before.get("tools") == tools:
        command = [MESON, "configure", str(directory), *options] if options else ["true"]
    else:
        # Meson takes a compiler only when it begins anew.
        again = ["--wipe"] if (directory / "build.ninja").exists() else []
        command = [MESON, "setup", *again, str(directory), str(ROOT), *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{done.stdout}\nconfiguring {directory.name} failed, see above")
    stamp.write_text(json.dumps(wanted))


if __name__ == "__main__":
    main()
