"""Reads the public headers: which functions does include/wrenn declare, and with which parameters?"""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADERS = sorted((ROOT / "include/wrenn").glob("*.h"))


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)


def functions(headers=HEADERS):
    """Name to list of parameters (each "type name", single spaces) for every WRENN_API declaration."""
    found = {}
    for header in headers:
        text = without_comments(header.read_text())
        text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)
        for declaration in re.findall(r"\bWRENN_API\b([^;{]*)", text):
            name, parameters = re.search(r"\b(\w+)\s*\((.*)\)", declaration, re.S).groups()
            found[name] = [" ".join(parameter.split()) for parameter in parameters.split(",")]
    return found
