#!/usr/bin/python3
"""Checks what wrennd answers against api/openapi.yaml.

    conformance.py run SPEC SEEN PROGRAM [ARGUMENT...]   runs a test program whose servers are linked with record.c; fails
                                                         also when an answer is not as the document says
    conformance.py coverage SPEC SEEN...                 fails when no program has seen some success that the document
                                                         promises, on both path families, or a message of a WebSocket

An answer may only have a status, members, types, error codes and messages that are documented. `run` leaves in the file
SEEN what was exercised."""
import functools
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote

import jsonschema
import yaml

FAMILIES = ("/v1/sandboxes", "/v1/capsules")
FORMATS = {
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
}
MISSING = 77  # Meson: skipped


def check_format(validator, name, value, schema):
    if name in FORMATS and isinstance(value, str) and not FORMATS[name].fullmatch(value):
        yield jsonschema.ValidationError(f"{value!r} is not a {name}")
    if name in ("int32", "int64") and isinstance(value, int) and value.bit_length() >= int(name[3:]):
        yield jsonschema.ValidationError(f"{value} does not fit in {name}")


def check_pattern(validator, pattern, value, schema):
    if isinstance(value, str) and not re.search(pattern, value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern}")


Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator, {"format": check_format, "x-wrenn-server-pattern": check_pattern})


def closed(schema, is_part=False):
    """The same schema, with members that it does not name forbidden; parts of an allOf know only theirs. What may be
    added by others ("additionalProperties: true") is not for us to add."""
    if not isinstance(schema, dict):
        return schema
    if schema.keys() == {"$ref"} and not is_part:
        return {"$ref": schema["$ref"].replace("/schemas/", "/whole/")}
    out = {key: value for key, value in schema.items() if (key, value) != ("additionalProperties", True)}
    for key in ("properties", "$defs"):
        if key in out:
            out[key] = {name: closed(value) for name, value in out[key].items()}
    for key in ("items", "additionalProperties"):
        if key in out:
            out[key] = closed(out[key])
    for key in ("anyOf", "oneOf", "allOf"):
        if key in out:
            out[key] = [closed(value, key == "allOf") for value in out[key]]
    if not is_part and "additionalProperties" not in out and out.keys() & {"properties", "$ref", "allOf"}:
        # To find out what others have evaluated takes many times as long: only where there are others.
        others = out.keys() & {"$ref", "allOf", "anyOf", "oneOf"}
        out["unevaluatedProperties" if others else "additionalProperties"] = False
    return out


class Spec:
    def __init__(self, path):
        self.document = yaml.load(Path(path).read_text(), Loader=yaml.CSafeLoader) # an eighth of the time
        # Where a component is a part of another it must not be closed itself.
        schemas = self.document["components"]["schemas"]
        self.components = {"schemas": {name: closed(schema, True) for name, schema in schemas.items()},
                           "whole": {name: closed(schema) for name, schema in schemas.items()}}
        self.common = self.document["x-wrenn-any-operation"]["responses"]
        self.not_implemented = list(self.read_not_implemented())

    def read_not_implemented(self):
        for group in self.document["x-wrenn-not-implemented"]:
            for entry in group["paths"]:
                methods, path = entry.split(" ") if " " in entry else ("*", entry)
                rest = path.endswith("...")
                path = path.removesuffix("...").rstrip("/")
                pattern = re.sub(r"\{\w+\}", "[^/]+", path) + ("(/.*)?" if rest else "/?")
                for method in methods.split("/"):
                    yield f"{method} {path}", method, re.compile(pattern)

    @functools.cache
    def schema(self, text):
        return Validator({"components": self.components, **closed(json.loads(text))})

    def errors(self, schema, value):
        for error in self.schema(json.dumps(schema)).iter_errors(value):
            yield f"{'/'.join(map(str, error.absolute_path)) or 'the body'}: {error.message[:300]}"

    def resolve(self, part):
        while "$ref" in part:
            part = functools.reduce(lambda at, name: at[name], part["$ref"].lstrip("#/").split("/"), self.document)
        return part

    @functools.cache
    def find(self, path):
        """The pattern of the document that fits best, and the family that was used."""
        family = next((f for f in FAMILIES if path == f or path.startswith(f + "/")), None)
        if family:
            path = FAMILIES[0] + path[len(family):]
        segments = [unquote(s, errors="replace") for s in path.rstrip("/").split("/")]
        found = []
        for pattern in self.document["paths"]:
            parts = pattern.split("/")
            if len(parts) == len(segments) and all(s if p[:1] == "{" else p == s for p, s in zip(parts, segments)):
                found.append(([p[:1] != "{" for p in parts], pattern))
        return (max(found)[1], family) if found else (None, family)

    def operations(self):
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                yield path, method.upper(), operation


def is_ours(response):
    return "ours" in response.get("x-wrenn-sent-by", ["ours"])


def body_problems(spec, response, line):
    content = response.get("content", {})
    if not content and (line["type"] or line["size"] > 0):
        yield f"has a body of type {line['type']!r}, none is documented"
    if content and line["type"] not in content:
        yield f"is of type {line['type']!r}, not {' or '.join(content)}"
    if "body" not in line or line["type"] not in content:
        return
    try:
        body = json.loads(line["body"])
    except ValueError as error:
        yield f"is not JSON: {error}"
        return
    yield from spec.errors(content[line["type"]]["schema"], body)
    codes = response.get("x-wrenn-error-codes")
    code = isinstance(body, dict) and isinstance(body.get("error"), dict) and body["error"].get("code")
    if codes and code not in codes:
        yield f"has the code {code!r}, not {' or '.join(codes)}"


def reply_problems(spec, line, seen):
    method, status, path = line["method"], str(line["status"]), line["path"]
    pattern, family = spec.find(path)
    operation = spec.document["paths"].get(pattern, {}).get(method.lower())
    if operation and status in operation["responses"]:
        response = spec.resolve(operation["responses"][status])
        if int(status) < 300:
            seen.add(f"{method} {pattern} {status} {family or '-'}")
    elif status in spec.common:
        response = spec.resolve(spec.common[status])
    elif status in ("404", "405") and not operation:
        response = spec.resolve({"$ref": "#/components/responses/NoSuchRoute"}) if path.startswith("/v1") else None
    elif status == "501":
        response = spec.resolve({"$ref": "#/components/responses/NotImplemented"})
        fitting = [name for name, m, p in spec.not_implemented if m in ("*", method) and p.fullmatch(path)]
        seen.update(f"501 {name}" for name in fitting)
        if not fitting and line["path"] != "-":
            yield "is 501, but not in x-wrenn-not-implemented"
    elif not operation and status == "401":
        response = spec.resolve({"$ref": "#/components/responses/Unauthorized"})
    else:
        yield "has a status that is not documented"
        return
    if response:
        if not is_ours(response):
            yield "has a status that only others send"
        yield from body_problems(spec, response, line)


def message_problems(spec, line, seen):
    pattern, _ = spec.find(line["path"])
    schemas = spec.document["paths"][pattern]["get"]["x-wrenn-messages"]["server"]
    if "stream" in line:
        # Terminals put out bytes as they are, to those who speak so.
        if line["stream"] not in (1, 2) and not pattern.endswith("/pty"):
            yield f"is a binary frame of stream {line['stream']}"
        return
    message = json.loads(line["message"])
    for schema in schemas:
        if not list(spec.errors(schema, message)):
            seen.add(f"message {pattern} {schema['$ref'].rsplit('/', 1)[1]}")
            return
    yield f"is no documented message: {line['message'][:300]}"


def check(spec, lines):
    seen, problems = set(), {}  # each problem with one example
    for line in lines:
        where = spec.find(line["path"])[0] or line["path"]
        if "status" in line:
            found = [f"{line['method']} {where} -> {line['status']} {p}" for p in reply_problems(spec, line, seen)]
        elif "message" in line or "stream" in line:
            found = [f"message on {where} {p}" for p in message_problems(spec, line, seen)]
        else:
            found = []
        problems |= {problem: line["path"] + " " + line.get("body", "")[:300] for problem in found}
    return seen, [f"{problem}\n    {example}" for problem, example in problems.items()]


def records(folder):
    """Each different line."""
    # The last line of a daemon that was killed may be cut.
    return {text for file in Path(folder).iterdir() for text in file.read_text(errors="replace").split("\n")[:-1]}


def run(spec_path, seen_path, command):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)  # some tests go on as another user
        status = subprocess.run(command, env=os.environ | {"WRENN_RECORD": folder}).returncode
        lines = [json.loads(text) for text in records(folder)]
    seen, problems = check(Spec(spec_path), lines)
    Path(seen_path).write_text(json.dumps(sorted(seen), indent=0))
    if not lines:
        problems.append("nothing was recorded")
    for problem in sorted(problems):
        print(f"not as {Path(spec_path).name} says: {problem}", file=sys.stderr)
    sys.exit(1 if problems and not status else status)


def wanted(spec):
    for path, method, operation in spec.operations():
        families = FAMILIES if path.startswith(FAMILIES[0]) else ("-",)
        for status, response in operation["responses"].items():
            if int(status) < 300 and is_ours(spec.resolve(response)):
                yield from (f"{method} {path} {status} {family}" for family in families)
        for schema in operation.get("x-wrenn-messages", {}).get("server", []):
            yield f"message {path} {schema['$ref'].rsplit('/', 1)[1]}"
    yield from (f"501 {name}" for name, _, _ in spec.not_implemented)


def coverage(spec_path, seen_paths):
    missing = [p for p in seen_paths if not p.exists() or p.stat().st_mtime < Path(spec_path).stat().st_mtime]
    if missing:
        print(f"run these first: {' '.join(p.stem for p in missing)}")
        sys.exit(MISSING)
    seen = {item for path in seen_paths for item in json.loads(path.read_text())}
    holes = [item for item in wanted(Spec(spec_path)) if item not in seen]
    for item in holes:
        print(f"no test has seen: {item}", file=sys.stderr)
    sys.exit(1 if holes else 0)


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(sys.argv[2], sys.argv[3], sys.argv[4:])
    coverage(sys.argv[2], [Path(p) for p in sys.argv[3:]])
