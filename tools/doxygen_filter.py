#!/usr/bin/python3
"""doxygen_filter.py HEADER: prints a public header with its plain comments turned into those that Doxygen reads.

A comment before a declaration documents it, and those that follow without a blank line as well; one after code on the
same line documents that; one that stands alone belongs to the file. What the conventions say is added: X_start and
X_finish belong to X, an option struct to the functions that take it, an _INIT macro to its struct, and the name of an
enum value is the text it stands for."""
import re
import sys
from pathlib import Path

from headers import functions

COMMENT = re.compile(r"/\*.*?\*/", re.S)
FUNCTION = re.compile(r"WRENN_API\b[^;]*?\b(wrenn_\w+)\s*\(", re.S)
CPLUSPLUS = re.compile(r"^#ifdef __cplusplus\n.*?^#endif\n", re.M | re.S)
DECLARATION = re.compile(r"WRENN_API\b|#define (?:WRENN|wrenn)_|typedef |static inline|enum ")


def escape(text):
    text = re.sub(r"[\\@<>&#%$\"]", lambda match: "\\" + match[0], text)
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", text)


def body(comment):
    """The comment's text, escaped; lines that are indented are shown as they are."""
    lines = [re.sub(r"^\s*\*? ?", "", line, count=1) if number else line.lstrip()
             for number, line in enumerate(comment[2:-2].rstrip().split("\n"))]
    out, verbatim = [], False
    for line in lines:
        is_code = line.startswith("  ")
        if line and is_code != verbatim:
            out.append("\\verbatim" if is_code else "\\endverbatim")
            verbatim = is_code
        out.append(line if verbatim else escape(line))
    # Doxygen drops a star at the beginning of a line: it must not be one that is meant.
    return "\n * ".join(out + ["\\endverbatim"] * verbatim).strip()


def taken_by(struct, api):
    users = [name for name, parameters in api.items()
             if f"const {struct} *options" in parameters or f"const {struct} *filter" in parameters]
    return [name for name in users if not name.endswith("_start")]


def convention(line, api):
    """What the conventions say about the declaration that begins with this text, or None."""
    function = FUNCTION.match(line)
    if function and function[1].endswith("_start") and function[1][:-6] in api:
        return f"Begins what {function[1][:-6]}() does, and does not block: see client.h."
    if function and function[1].endswith("_finish") and function[1][:-7] in api:
        return f"Gives the outcome of {function[1][:-7]}_start(), one time; does not block: see client.h."
    macro = re.match(r"#define (WRENN_\w+)_INIT\b", line)
    if macro:
        return f"The value a {macro[1].lower()} begins with: all defaults."
    bit = re.match(r" +WRENN_HAS_\w+", line)
    if bit:
        return "A bit of the members present and nulls."
    struct = re.match(r"typedef struct (\w+_(?:options|filter)) \{", line)
    if struct and taken_by(struct[1], api):
        return f"Options of {', '.join(name + '()' for name in taken_by(struct[1], api))}."
    return None


def errors_spelled_out(text):
    """The enum that the X macro makes, as a plain one."""
    rows = re.findall(r'^    X\((\w+), (-\d+), (\w+), "(.*?)"\)', text, re.M)
    values = "".join(f" WRENN_E_{name} = {value}, /**< {escape(meaning)}"
                     f"{'' if parent == 'NONE' else '; a kind of WRENN_E_' + parent} */\n"
                     for name, value, parent, meaning in rows)
    text = re.sub(r"^#(define|undef) WRENN_ERROR_CODE_.*$", "", text, flags=re.M)
    return text.replace("enum { WRENN_ERRORS(WRENN_ERROR_CODE_) WRENN_E_NONE = 0 };",
                        f"/** Codes of failures. */\nenum {{\n{values} WRENN_E_NONE = 0 /**< no failure */\n}};")


def enum_values_spelled_out(text):
    """A value of an enum of texts without a comment is the text it is called after."""
    def spell(match):
        prefix = match[1].upper() + "_"
        return re.sub(rf"^( +{prefix}(\w+),?)$",
                      lambda line: f'{line[1]} /**< the text {escape(chr(34) + line[2].lower() + chr(34))} */',
                      match[0], flags=re.M)
    return re.sub(r"typedef enum (\w+) \{.*?\}", spell, text, flags=re.S)


def place(text, match, guard):
    """What a comment at this place documents: "file", "before" (what stands before it) or "after"."""
    if match.start() < guard:
        return "file"
    if text[text.rfind("\n", 0, match.start()) + 1:match.start()].strip():
        return "before"
    return "file" if re.match(r"\n[ \t]*\n", text[match.end():]) else "after"


def marked(text):
    """All comments as Doxygen's."""
    guard, out, at = text.find("#ifndef"), "", 0
    for match in COMMENT.finditer(text):
        opening = {"file": "/** \\file\n", "before": "/**< ", "after": "/** "}[place(text, match, guard)]
        if re.match(r"/\*\*", match[0]):
            opening, plain = "", match[0]
        else:
            plain = body(match[0]) + " */"
        out += text[at:match.start()] + opening + plain
        at = match.end()
    return out + text[at:]


def split(text):
    """Pieces: comments, blank lines, and runs of code."""
    return re.findall(r"/\*\*(?!<).*?\*/\n?|\n|(?:/\*\*<.*?\*/|[^\n])+\n", text, re.S)


def ends(code, depth):
    """Whether a top-level declaration is over with this line."""
    if depth > 0:
        return False
    return not code.endswith("\\\n") and (code.startswith("#") or re.search(r"[;}]\s*$", code) is not None)


def completed(text, api):
    """Declarations that have no comment of their own get what a convention says, else the comment before them."""
    out, last, depth, inside, commented = "", "", 0, False, False
    for piece in split(text):
        code = COMMENT.sub("", piece)
        if piece.startswith("/**"):
            commented, last = True, "" if "\\file" in piece else piece
        elif piece == "\n":
            commented, last = False, ""
        else:
            if not inside and not commented and DECLARATION.match(code):
                said = convention(piece, api)
                out += f"/** {said} */\n" if said else last
            depth += code.count("{") - code.count("}")
            inside = not ends(code, depth)
            commented = commented and inside
        out += piece
    return out


def main():
    path = Path(sys.argv[1])
    text = CPLUSPLUS.sub("", path.read_text())
    text = completed(marked(enum_values_spelled_out(errors_spelled_out(text))), functions())
    if path.name == "wrenn.h":
        text = re.sub(r"\\file\n", r"\\mainpage libwrenn\n", text, count=1) + "/** \\file\nAll of it. */\n"
    print(text, end="")


if __name__ == "__main__":
    main()
