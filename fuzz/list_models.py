#!/usr/bin/python3
"""list_models.py REQUESTS.H: the models that it declares, as initializers of an array."""
import re
import sys
from pathlib import Path

for name in re.findall(r"^extern const wrn_model (\w+);", Path(sys.argv[1]).read_text(), re.M):
    print(f"&{name},")
