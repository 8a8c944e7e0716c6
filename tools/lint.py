#!/usr/bin/python3
"""lint.py BUILD: clang-format, clang-tidy and cppcheck over what people wrote, then the quick checks, which are tests of
suite lint.

BUILD must be compiled: clang-tidy takes the flags of each file from its compile_commands.json."""
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from c_files import c_files
from headers import ROOT

MESON = "/usr/bin/meson" if os.access("/usr/bin/meson", os.X_OK) else "meson"


def run(command):
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def tidy(build, path):
    done = run(["clang-tidy", "--quiet", "-p", str(build), str(path)])
    return done.stdout + done.stderr if done.returncode or "warning:" in done.stdout else ""


def cppcheck():
    done = run(["cppcheck", "--quiet", "--std=c11", "--language=c", "--enable=warning,performance,portability",
                "--inline-suppr", "--suppressions-list=tools/cppcheck.txt", "--error-exitcode=1", "-j",
                str(os.cpu_count()), "-Iinclude", "-Isrc", "-Itests", "-D_GNU_SOURCE", "-D__linux__",
                "src", "examples", "bench", "tests", "fuzz"])
    return done.stdout + done.stderr if done.returncode else ""


def layout():
    """Versions disagree on the layout, so 14 (Debian 12's) is the judge. Without it there is none."""
    judge = next((name for name in ("clang-format-14", "clang-format")
                  if shutil.which(name) and " 14." in run([name, "--version"]).stdout), None)
    if not judge:
        print("lint: no clang-format 14, which decides the layout")
        return ""
    done = run([judge, "--dry-run", "-Werror", *map(str, c_files())])
    ill = {line.split(":")[0] for line in done.stderr.splitlines() if "[-Wclang-format-violations]" in line}
    return f"run 'make format': {', '.join(sorted(ill)) or done.stderr}" if done.returncode else ""


def main():
    build = ROOT / sys.argv[1]
    known = {Path(entry["directory"], entry["file"]).resolve()
             for entry in json.loads((build / "compile_commands.json").read_text())}
    sources = [path for path in c_files() if path.suffix == ".c" and (ROOT / path).resolve() in known]
    failed = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, output in zip(sources, pool.map(lambda path: tidy(build, path), sources)):
            if output:
                failed.append(f"clang-tidy {path}")
                print(output)
    for check in (layout, cppcheck):
        output = check()
        if output:
            failed.append(check.__name__)
            print(output)
    if subprocess.run([MESON, "test", "-C", str(build), "--no-rebuild", "--print-errorlogs", "--suite", "lint"],
                      cwd=ROOT).returncode:
        failed.append("the checks above")
    if failed:
        sys.exit(f"lint: not clean: {', '.join(failed)}")
    print(f"lint: {len(sources)} files clean")


if __name__ == "__main__":
    main()
