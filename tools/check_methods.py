#!/usr/bin/python3
"""Fails when docs/methods.md or docs/upstream-mistakes.md has a hole: a method of the Python SDK without its row, a name that
is in no public header, or a test that is not there. A test is FILE:WHAT, with FILE below tests/: WHAT is either the name of
a test, or the method (without "wrenn_") that the file calls."""
import re
import sys

from headers import ROOT, functions

SEED = {
    "client.auth": "signup login",
    "client.api_keys": "create list delete",
    "client.sandboxes": "create list get destroy",
    "client.snapshots": "create list delete",
    "client.hosts": "create list get delete regenerate_token list_tags add_tag remove_tag",
    "Sandbox": "wait_ready exec exec_stream upload download stream_upload stream_download list_dir mkdir remove pty "
               "pty_connect run_code ping pause resume destroy",
}
MISTAKES = 22


def rows(page):
    for line in (ROOT / "docs" / page).read_text().splitlines():
        if line.startswith("| ") and not line.startswith("| no.") and "blocking" not in line:
            yield [cell.strip().strip("`") for cell in line.strip("|\n ").split(" | ")]


def test_problem(test):
    path, _, what = test.partition(":")
    file = ROOT / "tests" / path
    if not what or not file.is_file():
        return f"{test}: no such file"
    text = file.read_text()
    called = rf"\b(?:CALL|OPERATION|ROW)\({what}\b|\bwrenn_{what}\("
    named = rf"\bTEST\w*\({what}\b"
    return None if re.search(called, text) or re.search(named, text) else f"{test}: the file has no such test or call"


def main():
    problems, seen = [], set()
    declared = functions()
    for python, name, doors, scripted, live in rows("methods.md"):
        seen.add(python)
        for function in [name, *re.findall(r"wrenn_\w+", doors)]:
            if function not in declared:
                problems.append(f"{python}: {function}() is in no public header")
        if len(re.findall(r"wrenn_\w+", doors)) != 2:
            problems.append(f"{python}: {doors}: two names are wanted")
        problems += [f"{python}: {p}" for p in map(test_problem, (scripted, live)) if p]
    wanted = {f"{noun}.{method}" for noun, methods in SEED.items() for method in methods.split()}
    problems += [f"docs/methods.md has no row for {method}" for method in sorted(wanted - seen)]
    numbers = []
    for number, there, here, test in rows("upstream-mistakes.md"):
        numbers.append(int(number))
        if not there or not here:
            problems.append(f"mistake {number} has an empty cell")
        problem = test_problem(test)
        if problem:
            problems.append(f"mistake {number}: {problem}")
    if numbers != list(range(1, MISTAKES + 1)):
        problems.append(f"docs/upstream-mistakes.md must have the numbers 1 to {MISTAKES} in order")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
