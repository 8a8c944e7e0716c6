"""count.py FILE: what guest.py printed, but for what went well; ends with one line: N passed, N failed[, N skipped]."""
import re
import sys
from pathlib import Path

file = Path(sys.argv[1])
lines = file.read_text(errors="replace").replace("\r", "").splitlines() if file.exists() else []
passed = failed = skipped = 0
notes = []
for line in lines:
    if line.startswith("# ") and line != "# end":
        notes.append(line)
        continue
    if re.match(r"ok .*# skip", line, re.I):
        skipped += 1
    elif line.startswith("ok "):
        passed += 1
    elif line.startswith("not ok "):
        failed += 1
        print("\n".join([*notes, line]))
    notes = []
if "# end" not in lines:
    failed += 1
    print("\n".join(notes))
    print("the system ended before its tests did")
print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
sys.exit(1 if failed or not passed else 0)
