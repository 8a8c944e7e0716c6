#!/usr/bin/python3
"""Fails when a file includes what its folder must not know. Dependencies point down, and each third-party library is
known to one folder only, so that it can be replaced there. Within the folders of ACYCLIC, files do not lean on each other
in a circle: X.c and X.h count as one."""
import re
import sys
from pathlib import Path

from c_files import FOLDERS, is_generated
from headers import ROOT

# Folder to folders it may include from. "public" is include/wrenn; "models" is its models.h alone.
ALLOWED = {
    "base": set(),
    "gen": {"base", "models"},
    "wire": {"base"},
    "net": {"wire", "base", "public"},
    "client": {"net", "wire", "gen", "base", "public"},
    "api": {"client", "net", "wire", "gen", "base", "public"},
    "gate": {"wire", "base"},
    "agent": {"wire", "base"},
    "server": {"gate", "wire", "gen", "base", "models"},
    "cli": {"public", "base"},
    "include": {"public"},
    "examples": {"public"},
    "bench": {"public"},
}
# The same within src/server, whose layers are its folders. "support" and "top" are the files that lie in it.
SERVER = {
    "support": set(),
    "store": {"support"},
    "http": {"store", "support"},
    "backend": {"support"},
    "backend/*": {"backend", "support"}, # each backend, by itself
    "templates": {"backend", "support"},
    "box": {"templates", "backend", "support"},
    "sandbox": {"box", "templates", "backend", "store", "support"},
    "routes": {"top", "sandbox", "box", "templates", "backend", "http", "store", "support"},
    "top": {"routes", "sandbox", "box", "templates", "backend", "http", "store", "support"},
}
SUPPORT = {"filter", "hold", "lane", "log", "memory", "notify", "precedence", "pulse", "trees", "turns", "userns"}
# The part of base that needs more than libc, which the agent does not link.
NOT_FREESTANDING = {"base/json.h", "base/model.h", "base/arena.h"}
# What wrennd shares with the gate; the rest is a program of its own.
GATE_FOR_SERVER = {"gate/address.h", "gate/inject.h", "gate/policy.h", "gate/presets.h", "gate/route.h", "gate/rule.h"}
LIBRARIES = {
    "json-c/": {"base"},
    "curl/": {"net", "bench"},
    "wslay/": {"wire"},
    "nettle/": {"wire"},
    "uv.h": {"server", "examples"},
    "sqlite3.h": {"server"},
    "sodium.h": {"server"},
    "histedit.h": {"cli"},
    "seccomp.h": {"server", "gate"},
    "slirp/": {"gate"},
    "openssl/": {"gate"},
    "archive.h": {"server"},
    "archive_entry.h": {"server"},
    "http_parser.h": {"server"},
    "llhttp.h": {"server"},
}
ACYCLIC = ["base", "wire", "net", "client", "api", "gate", "agent"]
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)


def folder_of(path):
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == "src" else parts[0]


def server_layer(path):
    parts = path.relative_to(ROOT / "src/server").parts
    if len(parts) == 1:
        return "support" if path.stem in SUPPORT else "top"
    return "/".join(parts[:2]) if parts[0] == "backend" and len(parts) > 2 else parts[0]


def server_problem(path, target):
    layer, owner = server_layer(path), server_layer(target)
    known = SERVER.get("backend/*" if layer.startswith("backend/") else layer)
    if known is None:
        return f"server/{layer} is not in tools/check_layers.py"
    return None if owner == layer or owner in known else f"server/{layer} must not know server/{owner}"


def resolve(path, name):
    for base in (path.parent, ROOT / "src", ROOT / "include", ROOT / "tests"):
        if (base / name).is_file():
            return (base / name).resolve()
    return None


def problem(path, folder, quote, name):
    libraries = [owners for prefix, owners in LIBRARIES.items() if name.startswith(prefix)]
    if libraries:
        if folder not in libraries[0]:
            return f"<{name}> belongs to {' and '.join(sorted(libraries[0]))}"
        return None
    target = resolve(path, name)
    if not target:
        return f'"{name}" does not exist' if quote == '"' and folder != "server" else None
    owner = folder_of(target)
    if owner == folder and owner != "include":
        return server_problem(path, target) if owner == "server" else None
    allowed = ALLOWED[folder]
    if owner == "include":
        is_models = target.name == "models.h"
        return None if "public" in allowed or (is_models and "models" in allowed) else "is the public interface"
    if owner not in allowed:
        return f"{folder} must not know {owner}"
    if folder == "server" and owner == "gate" and str(target.relative_to(ROOT / "src")) not in GATE_FOR_SERVER:
        return "belongs to the gate alone"
    if folder == "agent" and str(target.relative_to(ROOT / "src")) in NOT_FREESTANDING:
        return "needs more than libc, which the agent does not link"
    return None


def circles(folder):
    """Units that lead back to themselves. What is generated is on top: nobody includes more of it than declarations."""
    leads = {}
    for path in (ROOT / "src" / folder).glob("*.[ch]"):
        if is_generated(path):
            continue
        unit = leads.setdefault(path.stem, set())
        targets = (resolve(path, name) for _, name in INCLUDE.findall(path.read_text()))
        unit |= {t.stem for t in targets if t and t.parent == path.parent and not is_generated(t)} - {path.stem}
    reached = {unit: set(direct) for unit, direct in leads.items()}
    for _ in leads:
        for unit in reached:
            reached[unit] |= set().union(*(leads[next_] for next_ in reached[unit])) if reached[unit] else set()
    return sorted(unit for unit in reached if unit in reached[unit])


def main():
    found = 0
    for folder in ACYCLIC:
        units = circles(folder)
        if units:
            print(f"src/{folder}: in a circle: {', '.join(units)}")
            found += 1
    for top in FOLDERS:
        for path in sorted((ROOT / top).rglob("*.[ch]")):
            folder = folder_of(path)
            if folder not in ALLOWED:
                continue
            for quote, name in INCLUDE.findall(path.read_text()):
                why = problem(path, folder, quote, name)
                if why:
                    print(f"{path.relative_to(ROOT)}: {name}: {why}")
                    found += 1
    unknown = {p.name for p in Path(ROOT / "src").iterdir() if p.is_dir()} - set(ALLOWED)
    if unknown:
        print(f"src/{', src/'.join(sorted(unknown))}: not in tools/check_layers.py")
    sys.exit(1 if found or unknown else 0)


if __name__ == "__main__":
    main()
