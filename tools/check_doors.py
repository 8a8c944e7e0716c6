#!/usr/bin/python3
"""Fails unless every public operation can be had in all its ways: X, X_start and X_finish.

Also compares their parameters: X takes what goes in, what comes out and the error; X_start takes what goes in, then
(done, user_data, op, error); X_finish takes the op, what comes out, and the error."""
import sys

from headers import functions

# They take a client or a sandbox and can fail, but do nothing that waits for a server.
NOT_OPERATIONS = {
    "wrenn_client_dispatch",   # is the third way
    "wrenn_client_set_token",
    "wrenn_sandbox_from_id",
    "wrenn_sandbox_as_user",
}
START_TAIL = ["wrenn_done_fn done", "void *user_data", "wrenn_op **op", "wrenn_error **error"]


def is_operation(name, parameters):
    takes_handle = any(p.startswith(("wrenn_client *", "wrenn_sandbox *")) and "**" not in p for p in parameters)
    return takes_handle and "wrenn_error **error" in parameters and name not in NOT_OPERATIONS


def problems(found):
    names = {name.removesuffix("_start").removesuffix("_finish") for name in found
             if name.endswith(("_start", "_finish")) or is_operation(name, found[name])}
    for name in sorted(names):
        missing = [n for n in (name, name + "_start", name + "_finish") if n not in found]
        if missing:
            yield f"{name}: no {' and no '.join(missing)}"
            continue
        start, finish = found[name + "_start"], found[name + "_finish"]
        if start[-4:] != START_TAIL:
            yield f"{name}_start does not end with ({', '.join(START_TAIL)})"
        elif finish[0] != "wrenn_op *op" or found[name] != start[:-4] + finish[1:]:
            yield f"{name}: its parameters are not those of _start and _finish together"


def main():
    found = list(problems(functions()))
    for problem in found:
        print(problem)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
