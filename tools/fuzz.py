#!/usr/bin/python3
"""fuzz.py BUILD SECONDS [TARGET...]: each fuzz target for so many seconds, beginning with its committed corpus.

What is new and interesting goes to BUILD/corpus/TARGET, where the next run finds it too; what fails to
BUILD/findings/TARGET-*. Fails when there is any such finding."""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def fuzz(build, name, seconds):
    new = build / "corpus" / name
    new.mkdir(parents=True, exist_ok=True)
    findings = build / "findings"
    findings.mkdir(exist_ok=True)
    log = findings / f"{name}.log"
    command = [build / "fuzz" / f"fuzz-{name}", f"-max_total_time={seconds}", f"-artifact_prefix={findings}/{name}-",
               "-max_len=4096", "-timeout=20", "-rss_limit_mb=1024", "-print_final_stats=1", new,
               ROOT / "fuzz/corpus" / name]
    with log.open("w") as out:
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT).returncode
    return code, log.read_text(errors="replace")


def main():
    build, seconds = ROOT / sys.argv[1], int(sys.argv[2])
    known = sorted(path.name[len("fuzz_"):-len(".c")] for path in (ROOT / "fuzz").glob("fuzz_*.c"))
    wanted = sys.argv[3:] or known
    failed = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, (code, log) in zip(wanted, pool.map(lambda name: fuzz(build, name, seconds), wanted)):
            runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", log)
            cover = re.findall(r"cov: (\d+)", log)
            print(f"fuzz {name}: {runs[1] if runs else '?'} inputs, {cover[-1] if cover else '?'} edges"
                  f"{', FAILED' if code else ''}", flush=True)
            if code:
                failed.append(name)
                print("\n".join(log.splitlines()[-60:]))
    if failed:
        sys.exit(f"fuzz: findings in {', '.join(failed)}; the inputs are in {build.name}/findings/, and "
                 f"{build.name}/fuzz/fuzz-TARGET FILE shows one again")


if __name__ == "__main__":
    main()
