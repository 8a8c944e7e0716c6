"""Which tests of Meson's run in the system under test. As a program: names what Ninja has to make for them."""
import json
import sys
from pathlib import Path

# What cgroups of version 2, the delegation of systemd or the kernel of the system decide, of each kind what shows it: of
# programs of the suites, words in the names of tests; without one all of its tests. The rest is the same everywhere.
CHOSEN = {
    "archives": "",
    "files": "",
    "loop": "",
    "tree": "",
    "e2e-restart": "after_a_crash paused_ones nobody_comes told_to_end killed_holder manager_is_told",
    "isolation-attacks": "files_of_the_kernel flood_of_descriptors setuid_bits memory_outside full_disk",
    "isolation-copies": "bounded crash several_names",
    "isolation-delegation": "",
    "isolation-escape": "no_file no_process no_network ids_of_their_own limits_by_user files_of_the_kernel bomb report oom_score",
    "isolation-exec": "commands_run timeouts_and_signals a_terminal freezes",
    "isolation-sweep": "delegated_groups of_a_unit helpers_in_v2 next_one_sweeps two_daemons doctor_reports",
    "isolation-system_files": "those_given memory_and_time caches processes_are_taken",
    "isolation-systems": "doctor_runs without_overlayfs without_user_namespaces in_a_container",
    "isolation-usage": "",
    "isolation-waits": "networks_are_made dialing",
}


def read(build, what):
    return json.loads((build / f"meson-info/intro-{what}.json").read_text())


def tests(build, who="root"):
    for each in read(build, "tests"):
        if each["name"] in CHOSEN:
            each["words"] = CHOSEN[each["name"]].split()
            each["cmd"].append("-_as_ordinary_user" if who == "root" else "-_as_root")  # each as the one, or as the other
            yield each


def main(build):
    files_of = {target["id"]: target["filename"] for target in read(build, "targets")}
    needed = {file for each in tests(build) for target in each["depends"] for file in files_of[target]}
    print(*sorted(str(Path(file).relative_to(build)) for file in needed))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
