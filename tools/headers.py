"""Reads the public headers: which functions does include/wrenn declare?"""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADERS = sorted((ROOT / "include/wrenn").glob("*.h"))


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)


def functions(headers=None):
    """Name to header for every WRENN_API declaration."""
    found = {}
    for header in headers or HEADERS:
        text = without_comments(header.read_text())
        text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)
        for declaration in re.findall(r"\bWRENN_API\b([^;{]*)", text):
            found[re.search(r"\b(\w+)\s*\(", declaration).group(1)] = header
    return found
