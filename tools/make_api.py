#!/usr/bin/python3
"""make_api.py OUTPUT: describes the library's interface as JSON, for programs that make bindings and pages: every function,
type and constant of include/wrenn with its documentation, who owns what, and what blocks. Fails when one of them has no
documentation. What the names say is not repeated in the headers, so it is added here:
    X_start, X_finish  the two halves of the operation X, which alone blocks
    T_free             what frees a T: a result that a function gives as a `T **` belongs to the caller
    X_options          the options of X; the caller allocates them, with X_options_init() or X_OPTIONS_INIT"""
import json
import re
import sys

from headers import HEADERS, ROOT, declarations, parameters_of, plain

VERSION = re.search(r"version: '([^']*)'", (ROOT / "meson.build").read_text())[1]


def split_parameter(parameter):
    """("const char *", "name") of "const char *name"; callbacks and arrays too."""
    function = re.match(r"(.*\(\*)(\w+)(\).*)", parameter)
    if function:
        return function[1] + function[3], function[2]
    match = re.match(r"(.*?)(\w+)((?:\[\w*\])*)$", parameter)
    return (match[1] + match[3]).strip(), match[2]


def members_of(body):
    """The members of a struct: name, type, documentation."""
    for doc, code in declarations(body):
        if not code:
            continue
        names = parameters_of(plain(code))
        base, name = split_parameter(names[0])
        yield {"name": name, "type": base, "doc": doc}
        for other in names[1:]:
            stars = re.match(r"\**", other)[0]
            yield {"name": other.lstrip("*"), "type": base.rstrip("*").strip() + (f" {stars}" if stars else ""), "doc": doc}


def values_of(body, header, name, inherited):
    """The constants of an enum. One without a comment of its own has that of the enum."""
    value = -1
    for doc, code in declarations(body.rstrip().rstrip(",") + ",", ","):
        if not code or not plain(code):
            continue
        constant, _, given = plain(code).partition("=")
        value = eval(given) if given.strip() else value + 1  # only numbers and shifts of them
        yield {"name": constant.strip(), "value": value, "type": name, "header": header, "doc": doc or inherited}


class Interface:
    def __init__(self):
        self.headers, self.functions, self.structs, self.handles, self.callbacks, self.constants = {}, [], [], [], [], []
        for header in HEADERS:
            self.read(header.name, header.read_text())
        names = {f["name"] for f in self.functions}
        for function in self.functions:
            self.add_conventions(function, names)
        for struct in self.structs:
            users = [f["name"] for f in self.functions if f["form"] in (None, "blocking")
                     and any(p["type"] == f"const {struct['name']} *" for p in f["parameters"])]
            struct["doc"] = struct["doc"] or (users and f"Options of {', '.join(name + '()' for name in users)}.")
            struct["allocated_by"] = "caller" if struct["members"][0]["name"] == "struct_size" else "library"
        missing = list(self.undocumented())
        if missing:
            sys.exit("\n".join(missing))

    def read(self, header, text):
        guard = text.index("#ifndef")
        self.headers[header] = " ".join(doc for doc, code in declarations(text[:guard] + "\n\n") if not code)
        for doc, code in declarations(text[guard:]):
            if code:
                self.add(header, doc, code)

    def add(self, header, doc, code):
        function = re.match(r"WRENN_API (?:WRENN_NODISCARD )?(.*?)(\w+) ?\((.*)\)$", plain(code))
        struct = re.match(r"typedef struct (\w+) \{(.*)\} \w+$", code, re.S)
        enum = re.match(r"(?:typedef )?enum (\w* ?)\{(.*)\}", code, re.S)
        handle = re.match(r"typedef struct (\w+) \w+$", plain(code))
        callback = re.match(r"typedef (.*?)\(\*(\w+)\)\((.*)\)$", plain(code))
        number = re.match(r"#define (WRENN_\w+) (?:UINT64_C\()?(\d+)\)?$", plain(code))
        entry = {"header": header, "doc": doc}
        if function:
            self.functions.append({"name": function[2], "returns": function[1].strip(),
                                   "parameters": self.parameters(function[3]), **entry})
        elif struct:
            self.structs.append({"name": struct[1], "members": list(members_of(struct[2])), **entry})
        elif enum:
            self.constants += values_of(enum[2], header, enum[1].strip() or None, doc)
        elif handle:
            self.handles.append({"name": handle[1], **entry})
        elif callback:
            self.callbacks.append({"name": callback[2], "returns": callback[1].strip(),
                                   "parameters": self.parameters(callback[3]), **entry})
        elif number:
            self.constants.append({"name": number[1], "value": int(number[2]), "type": None, **entry})

    @staticmethod
    def parameters(text):
        return [dict(zip(("type", "name"), split_parameter(p))) for p in parameters_of(text) if p not in ("void", "")]

    @staticmethod
    def add_conventions(function, names):
        name = function["name"]
        base, _, half = name.rpartition("_")
        is_half = half in ("start", "finish") and base in names
        operation = base if is_half else name if f"{name}_start" in names else None
        limits = [p["name"] for p in function["parameters"] if p["name"] == "timeout_ms"]
        function["operation"] = operation
        function["form"] = half if is_half else "blocking" if operation else None
        function["blocks"] = not is_half and (operation is not None or "Blocks" in function["doc"] or bool(limits))
        for parameter in function["parameters"]:
            result = re.match(r"(?:wrenn_)?(\w+) \*\*$", parameter["type"])
            free = result and {"char": "wrenn_string_free"}.get(result[1], f"wrenn_{result[1]}_free")
            if result and not parameter["type"].startswith("const") and free in names:
                parameter["freed_by"] = free
        if is_half:
            does = "Begins" if half == "start" else "Hands out the outcome of"
            function["doc"] = f"{does} {base}(); does not block: see client.h."

    def undocumented(self):
        for kind in ("functions", "structs", "handles", "callbacks", "constants"):
            for entry in getattr(self, kind):
                if not entry["doc"]:
                    yield f"{entry['header']}: {entry['name']} has no comment"

    def description(self):
        return {"version": VERSION, "headers": self.headers, "functions": self.functions, "structs": self.structs,
                "handles": self.handles, "callbacks": self.callbacks, "constants": self.constants}


def main():
    with open(sys.argv[1], "w") as file:
        json.dump(Interface().description(), file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
