"""Reads the public headers: what include/wrenn declares, and what its comments say of it.

A comment before a declaration documents it, and those that follow without a blank line as well; one behind it on the same
line documents it, too. A comment that stands alone belongs to the header."""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADERS = sorted((ROOT / "include/wrenn").glob("*.h"))

COMMENT = r"/\*.*?\*/"
PIECE = re.compile(rf"(?P<blank>\n[ \t]*(?=\n))|(?P<space>\s)|(?P<comment>{COMMENT})"
                   r"|(?P<directive>#(?:[^\n]*\\\n)*[^\n]*)|(?P<code>.)", re.S)


def text_of(comment):
    """What a comment says, as paragraphs and indented lines."""
    lines = [re.sub(r"^\s*\* ?", "", line).rstrip() for line in comment[2:-2].strip().split("\n")]
    return re.sub(r"(?<=\S)\n(?=\S)", " ", "\n".join(lines)).strip()


def without_comments(text):
    return re.sub(COMMENT, " ", text, flags=re.S)


def declarations(text, end_of=";"):
    """(documentation, code) of each declaration and directive, in order; code is None for a comment that stands alone."""
    text = re.sub(r"^#ifdef __cplusplus\n.*?^#endif\n", "", text, flags=re.M | re.S)
    said, used, at = "", False, 0
    while at < len(text):
        piece = PIECE.match(text, at)
        at = piece.end()
        if piece["blank"] is not None:
            if said and not used:
                yield said, None
            said, used = "", False
        elif piece["comment"]:
            said, used = text_of(piece["comment"]), False
        elif piece["directive"]:
            yield said, piece["directive"]
            used = True
        elif piece["code"]:
            end, depth = piece.start(), 0
            while depth or text[end] != end_of:
                comment = re.compile(COMMENT, re.S).match(text, end)
                depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(text[end], 0) if not comment else 0
                end = comment.end() if comment else end + 1
                if end == len(text):
                    break
            code, at = text[piece.start():end], min(end + 1, len(text))
            behind = re.compile(rf"[ \t]*({COMMENT})", re.S).match(text, at)
            at = behind.end() if behind else at
            yield text_of(behind[1]) if behind else said, code
            used = True
    if said and not used:
        yield said, None


def plain(code):
    """On one line, without comments."""
    return " ".join(without_comments(code).split())


def parameters_of(text):
    """The parameters of a function, each "type name"."""
    found, depth, at = [], 0, 0
    for i, c in enumerate(text + ","):
        depth += {"(": 1, ")": -1}.get(c, 0)
        if c == "," and depth == 0:
            found.append(" ".join(text[at:i].split()))
            at = i + 1
    return found


def functions(headers=HEADERS):
    """Name to list of parameters (each "type name", single spaces) for every WRENN_API declaration."""
    found = {}
    for header in headers:
        for _, code in declarations(header.read_text()):
            match = re.match(r"WRENN_API\b.*?\b(\w+)\s*\((.*)\)$", plain(code or ""))
            if match:
                found[match[1]] = parameters_of(match[2])
    return found
