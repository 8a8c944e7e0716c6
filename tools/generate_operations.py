#!/usr/bin/python3
"""Writes the public functions of all operations from include/wrenn, so that by hand there is only what is different.

    generate_operations.py          writes src/api/operations.h and src/api/operations.c
    generate_operations.py --check  fails when one of them is not what it would write, or an operation has no test

Of each operation X in the headers:
    X_start    makes the operation and starts it. Where src/api defines wrn_X_prepare(), that sets it up before; it gets
               the options as this version knows them, without flags that it does not know. Elsewhere the row wrn_X_type
               says all, and the parameters are what its path names.
    X_finish   hands the outcome out.
    X          does both, and waits in between.
Each result T has T_free, each struct of options T has T_init. What src/ defines by hand is left out. Parameters that do not fit together are errors."""
import re
import sys

from generate import write_or_check
from headers import HEADERS, ROOT, functions, without_comments

WIDTH = 120
START_TAIL = ["wrenn_done_fn done", "void *user_data", "wrenn_op **op", "wrenn_error **error"]
# They take one of these and can fail, but nothing waits for a server.
NOT_OPERATIONS = {"wrenn_client_dispatch", "wrenn_client_set_token", "wrenn_sandbox_from_id",
                  "wrenn_sandbox_as_user"}
# The handles from which wrn_op_new() makes an operation; those of a handle X else are made by wrn_X_op().
MADE_FROM = {"wrenn_client": ["client", "NULL"], "wrenn_sandbox": ["NULL", "sandbox"]}
NOTICE = "/* Generated from include/wrenn by tools/generate_operations.py. Do not edit. */\n"


def wrapped(head, arguments, tail):
    """A call or signature as clang-format lays it out."""
    lines, indent = [head], " " * len(head)
    for number, argument in enumerate(arguments):
        last = number == len(arguments) - 1
        text = argument + (tail if last else ",")
        space = "" if lines[-1] in (head, indent) else " "
        if space and len(lines[-1] + space + text) > WIDTH:
            lines.append(indent)
            space = ""
        lines[-1] += space + text
    return "\n".join(lines) + "\n"


def name_of(parameter):
    return parameter.replace("*", " ").split()[-1]


def structs_of(parameters):
    """The structs among them that the caller allocates: (type, name) of each."""
    found = [re.fullmatch(r"const (wrenn_\w+_options|wrenn_command) \*(\w+)", parameter) for parameter in parameters]
    return [match.groups() for match in found if match]


def flags_of(struct):
    """The names of the flags of such a struct, and what they begin with; None when it has none."""
    text = without_comments("\n".join(header.read_text() for header in HEADERS))
    members = re.search(rf"typedef struct {struct} \{{(.*?)\n\}}", text, re.S)[1]
    begin = struct.removesuffix("options").upper()
    return (re.findall(rf"\b({begin}\w+) = \d", text), begin) if re.search(r"\bflags;", members) else None


class Sources:
    """What the files below src/ define by hand."""

    def __init__(self):
        files = [path for folder in ("api", "client") for path in sorted((ROOT / "src" / folder).glob("*.c"))
                 if path.name != "operations.c"]
        self.text = "\n".join(path.read_text() for path in files)
        self.functions = set(re.findall(r"^(?!static )\w[^;={}()]*?\b(wr(?:n|enn)_\w+)\([^;{}]*\) \{", self.text, re.M))
        self.rows = dict(re.findall(r"^const wrn_op_type (wrn_\w+)_type = \{(.*?)\};", self.text, re.M | re.S))

    def placeholders(self, row):
        path = re.search(r'"(/[^"]*)"', self.rows[row])
        return re.findall(r"\{([^}]*)\}", path.group(1)) if path else []


class Operation:
    def __init__(self, name, api, sources):
        self.name, self.row = name, name.replace("wrenn_", "wrn_", 1)
        missing = [n for n in (name, name + "_start", name + "_finish") if n not in api]
        if missing:
            sys.exit(f"{name}: include/wrenn has no {' and no '.join(missing)}")
        self.parameters = {n: api[n] for n in (name, name + "_start", name + "_finish")}
        start, finish = api[name + "_start"], api[name + "_finish"]
        if not re.search(r"_options \*options$", start[-5]):
            sys.exit(f"{name}: it has no options; use wrenn_call_options")
        if start[-4:] != START_TAIL:
            sys.exit(f"{name}_start: its parameters do not end with {', '.join(START_TAIL)}")
        if finish[0] != "wrenn_op *op" or api[name] != start[:-4] + finish[1:]:
            sys.exit(f"{name}: its parameters are not those of {name}_start and {name}_finish together")
        if self.row not in sources.rows:
            sys.exit(f"{name}: no file of src/api has its row, const wrn_op_type {self.row}_type")
        self.taken, self.given = start[:-4], finish[1:-1]
        self.owner = re.match(r"(\w+) \*", self.taken[0]).group(1)
        self.has_prepare = f"{self.row}_prepare" in sources.functions
        self.by_hand = sources.functions
        self.is_row = not self.has_prepare and self.owner in MADE_FROM
        if self.is_row and name + "_start" not in self.by_hand:
            self.check_path(sources)

    def check_path(self, sources):
        names = sources.placeholders(self.row)
        if self.owner == "wrenn_sandbox":
            names = names[1:]
        plain = [p for p in self.taken[1:] if p != "const wrenn_call_options *options"]
        if any(not p.startswith("const char *") for p in plain) or len(names) != len(plain):
            sys.exit(f"{self.name}_start: the path of {self.row}_type does not name its parameters one by one; "
                     f"write {self.row}_prepare()")

    def define(self, function, body):
        if function in self.by_hand:
            return ""
        return wrapped(f"int {function}(", self.parameters[function], ") {") + body + "}\n\n"

    def prepared(self):
        return wrapped(f"int {self.row}_prepare(", ["wrenn_op *op", *self.told(), "wrenn_error **error"], ");")

    def told(self):
        """What wrn_X_prepare() gets of the parameters: the operation knows its owner and how it is called."""
        return [p for p in self.taken[1:] if p != "const wrenn_call_options *options"]

    def start_row(self):
        plain = ", ".join(name_of(p) for p in self.taken[1:-1])
        body = f"    const char *const args[] = {{{plain}}};\n" if plain else ""
        arguments = [*MADE_FROM[self.owner], f"&{self.row}_type", "options", "args" if plain else "NULL", "done", "user_data",
                     "op", "error"]
        return body + wrapped("    return wrn_op_start_row(", arguments, ");")

    def read_structs(self):
        body = ""
        for kind, name in structs_of(self.taken):
            head = "    if (rc == 0) rc = wrn_options_read(" if body else "    int rc = wrn_options_read("
            body += wrapped(head, [f"&known_{name}", f"sizeof(known_{name})", name, f'"{kind}"', "error"], ");")
            flags = flags_of(kind)
            if flags:
                arguments = [f"&{self.row}_type", f"known_{name}.flags", " | ".join(flags[0]), f'"{flags[1]}*"', "error"]
                body += wrapped("    if (rc == 0) rc = wrn_op_check_flags(", arguments, ");")
        return body

    def make(self):
        call = "&known_options" if self.taken[-1].startswith("const wrenn_call_options") else "&known_options.call"
        rest = [f"&{self.row}_type", call, "&made", "error"]
        if self.owner in MADE_FROM:
            return wrapped("    if (rc == 0) rc = wrn_op_new(", MADE_FROM[self.owner] + rest, ");")
        name = self.owner.replace("wrenn_", "wrn_", 1)
        return wrapped(f"    if (rc == 0) rc = {name}_op(", [name_of(self.taken[0]), *rest], ");")

    def start_prepared(self):
        structs = structs_of(self.taken)
        body = "".join(f"    {kind} known_{name};\n" for kind, name in structs)
        body += "    WRN_AUTO(wrn_op_freep) wrenn_op *made = NULL;\n" + self.read_structs() + self.make()
        if self.has_prepare:
            known = {name: f"&known_{name}" for _, name in structs}
            names = [known.get(name_of(p), name_of(p)) for p in self.told()]
            body += wrapped(f"    if (rc == 0) rc = {self.row}_prepare(", ["made", *names, "error"], ");")
        return body + "    return rc == 0 ? wrn_op_start(WRN_TAKE(made), done, user_data, op, error) : rc;\n"

    def start(self):
        return self.define(self.name + "_start", self.start_row() if self.is_row else self.start_prepared())

    def finish(self):
        result = name_of(self.given[0]) if self.given else "NULL"
        take = "wrn_op_take_number" if self.given and self.given[0].startswith("int64_t *") else "wrn_op_take"
        return self.define(self.name + "_finish", f"    return {take}(op, &{self.row}_type, {result}, error);\n")

    def blocking(self):
        taken = [name_of(p) for p in self.taken]
        given = "".join(name_of(p) + ", " for p in self.given)
        start = wrapped(f"    int rc = {self.name}_start(", [*taken, "wrn_op_blocking", "NULL", "&op", "error"], ");")
        return self.define(self.name, f"""    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
{start}    return rc == 0 ? {self.name}_finish(wrn_op_wait(op), {given}error) : rc;
""")


def is_operation(name, parameters):
    return (re.match(r"wrenn_(client|sandbox|code_context) \*\w", parameters[0]) and name not in NOT_OPERATIONS
            and "wrenn_error **error" in parameters)


def operations(header, sources):
    api = functions([header])
    names = []
    for name, parameters in api.items():
        base = re.sub(r"_(start|finish)$", "", name)
        if base not in names and (base != name or is_operation(name, parameters)):
            names.append(base)
    return [Operation(name, api, sources) for name in names]


def init_functions(header):
    return "".join(f"void {name}({', '.join(parameters)}) {{ wrn_options_init({name_of(parameters[0])}, size); }}\n"
                   for name, parameters in functions([header]).items() if name.endswith("_init"))


def free_functions(header, sources):
    return "".join(f"void {name}({parameters[0]}) {{ wrn_result_free({name_of(parameters[0])}); }}\n"
                   for name, parameters in functions([header]).items()
                   if name.endswith("_free") and name not in sources.functions)


def untested(names):
    """Those that the tests of all operations leave out, against a scripted server or against wrennd."""
    for files in ("sdk/test_*.c", "e2e/test_methods.c"):
        text = "\n".join(path.read_text() for path in (ROOT / "tests").glob(files))
        for name in names:
            if not re.search(rf"\b(?:CALL|ROW)\({name.removeprefix('wrenn_')}\b|\b{name}\(", text):
                yield f"{name}: no test of it in tests/{files}"


def main():
    sources = Sources()
    declared, defined, names = "", "", []
    for header in HEADERS:
        found = operations(header, sources)
        frees = init_functions(header) + free_functions(header, sources)
        if not found and not frees:
            continue
        names += [o.name for o in found]
        defined += f"/* ---- {header.name} ---- */\n\n"
        defined += "".join(o.start() + o.finish() + o.blocking() for o in found)
        defined += frees + "\n" if frees else ""
        declared += wrapped("extern const wrn_op_type ", [f"{o.row}_type" for o in found], ";") if found else ""
        declared += "".join(o.prepared() for o in found if o.has_prepare)
        declared += "\n" if found else ""
    if "--check" in sys.argv[1:] and list(untested(names)):
        sys.exit("\n".join(untested(names)))
    write_or_check({
        "src/api/operations.h": NOTICE + """
/* The types of all operations, and what sets those up whose row does not say all. The files of their nouns define them. */
#pragma once

#include "client/op.h"
#include "wrenn/wrenn.h"

""" + declared.rstrip() + "\n",
        "src/api/operations.c": NOTICE + """
/* The three forms of each operation, and what frees results. What is not here is written by hand, beside its row. */
#include "api/operations.h"

#include "api/code_context.h"

""" + defined.rstrip() + "\n",
    })


if __name__ == "__main__":
    main()
