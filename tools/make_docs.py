#!/usr/bin/python3
"""make_docs.py OUTPUT: makes the reference of the public headers in OUTPUT/html with Doxygen, and fails on its
warnings, and when a public function, struct, enum, enum value, type or macro has no comment. Exit code 77 without
Doxygen."""
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from headers import HEADERS, ROOT

KINDS = ("function", "enum", "enumvalue", "typedef", "define")


def run_doxygen(output):
    settings = (ROOT / "docs/Doxyfile").read_text()
    settings += f'OUTPUT_DIRECTORY = "{output}"\nSTRIP_FROM_PATH = "{ROOT / "include"}"\n'
    settings += f'INPUT_FILTER = "{sys.executable} {ROOT / "tools/doxygen_filter.py"}"\n'
    settings += "".join(f'INPUT += "{header}"\n' for header in HEADERS)
    done = subprocess.run(["doxygen", "-"], input=settings, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout if done.returncode or done.stdout else None


def is_empty(element):
    return not any("".join(element.find(kind).itertext()).strip()
                   for kind in ("briefdescription", "detaileddescription") if element.find(kind) is not None)


def undocumented(output):
    for path in sorted((output / "xml").glob("*.xml")):
        root = ElementTree.parse(path).getroot()
        compounds = [compound for compound in root.iter("compounddef") if compound.get("kind") in ("struct", "file")]
        for element in compounds + [e for tag in ("memberdef", "enumvalue") for e in root.iter(tag)]:
            if element.tag == "memberdef" and element.get("kind") not in KINDS:
                continue
            name = element.findtext("name") or element.findtext("compoundname") or "an enum without a name"
            if is_empty(element):
                yield f"{name} ({element.get('kind', element.tag)}) has no comment"


def main():
    output = Path(sys.argv[1]).resolve()
    if not shutil.which("doxygen"):
        print("missing: doxygen: run tools/install-deps.sh lint")
        sys.exit(77)
    for folder in ("html", "xml"):
        shutil.rmtree(output / folder, ignore_errors=True)
    os.makedirs(output, exist_ok=True)
    problem = run_doxygen(output)
    found = [problem] if problem else sorted(set(undocumented(output)))
    print("\n".join(found) or f"the reference is in {os.path.relpath(output / 'html/index.html')}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
