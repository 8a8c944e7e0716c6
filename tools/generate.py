#!/usr/bin/env python3
"""Makes the C models from api/openapi.yaml and api/names.yaml.

    generate.py          writes include/wrenn/models.h, src/gen/requests.h, src/gen/models.c and src/cli/words.h
    generate.py --check  fails when one of them is not what it would write
"""
import re
import sys
import textwrap
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
API = yaml.safe_load((ROOT / "api/openapi.yaml").read_text())
NAMES = yaml.safe_load((ROOT / "api/names.yaml").read_text())
SCHEMAS = API["components"]["schemas"]
PRESENT_HEADER = (ROOT / "include/wrenn/models.h").read_text()
NOTICE = "/* Generated from api/openapi.yaml by tools/generate.py. Do not edit. */\n"


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def comment(text, indent=""):
    text = " ".join(text.split()).replace("*/", "* /")
    lines = textwrap.wrap(text, 114 - len(indent))
    return f"{indent}/* " + f"\n{indent} * ".join(lines) + " */\n" if lines else ""


def enum_values(schema):
    """The values of an open or closed string enum, in order; empty for anything else."""
    values = list(schema.get("enum", []))
    for part in schema.get("anyOf", []):
        values += part.get("enum", [])
    return values


class Model:
    """One struct: from a named schema, or from an object inside one."""

    def __init__(self, schema_name, schema, c_name, public):
        self.schema_name, self.c_name, self.public = schema_name, c_name, public
        self.type = ("wrenn_" if public else "wrn_") + c_name
        self.description = schema.get("description", "")
        self.properties, required = merged(schema)
        self.required = required - set(NAMES["optional"].get(schema_name, []))
        shared = [ref for ref, _ in map(resolve, schema.get("allOf", [])) if ref in NAMES["embed"]]
        within = {name: ref for ref in shared for name in merged(SCHEMAS[ref])[0]}
        # Those with x-wrenn-raw stay in `unknown`.
        fields = [Field(self, name, prop, within.get(name)) for name, prop in self.properties.items()
                  if "x-wrenn-raw" not in prop]
        fields.sort(key=lambda f: f.wire_name != "type")  # a message says first what it is
        if len(fields) > 31:
            sys.exit(f"{schema_name} has more members than an enum constant has bits")
        # Members keep the numbers they have in the header as it is; new ones come last, wherever the YAML has them.
        block = re.search(rf"enum \{{\n([^}}]*)\}};\n\n(?:/\*(?:(?!\*/).)*\*/\n)?typedef struct {self.type} ", PRESENT_HEADER, re.S)
        old = re.findall(rf"{self.has()}_(\w+) =", block[1]) if block else []
        self.fields = sorted(fields, key=lambda f: old.index(f.name.upper()) if f.name.upper() in old else len(old))
        gone = [name for name in old if name not in [f.name.upper() for f in fields]]
        if gone:
            print(f"note: {schema_name} loses {', '.join(gone)}, and what comes behind gets other numbers", file=sys.stderr)

    def has(self):
        return self.type.upper().replace("_", "_HAS_", 1)


class Field:
    def __init__(self, model, name, prop, shared):
        """shared: the schema whose struct it is in, which the model's struct has as a member; None: in none."""
        self.wire_name, self.model, self.shared = name, model, shared
        name = self.name = NAMES["rename"].get(name, name)
        self.description = prop.get("description", "")
        ref, prop = resolve(prop)
        kinds = prop.get("type")
        kinds = [k for k in (kinds if isinstance(kinds, list) else [kinds]) if k != "null"]
        kind = kinds[0] if kinds and kinds[0] else "string"
        self.sub, self.int32, self.second = None, prop.get("format") == "int32", None
        if kind == "string":
            named_enum = ref and enum_values(prop) and ref not in NAMES["skip"]
            if self.wire_name in NAMES["bytes"].get(model.schema_name, []):
                self.kind, self.c, self.second = "BYTES", f"const char *{name};", f"{name}_size"
            elif named_enum:
                self.kind, self.c, self.second = "ENUM", f"int64_t {name};", f"{name}_text"
                self.sub = ref
            else:
                self.kind, self.c = "STRING", f"const char *{name};"
        elif kind == "array":
            self.array(name, prop["items"])
        elif kind == "object" and "properties" in prop:
            self.kind, self.sub = "OBJECT", model_for(ref, f"{model.c_name}_{name}", prop, model.public)
            self.c = f"const {self.sub.type} *{name};"
        elif kind == "object":
            pair = "wrenn_pair" if model.public else "wrn_pair"
            self.kind, self.c, self.second = "MAP", f"const {pair} *const *{name};", f"{name}_count"
        else:
            self.kind = {"integer": "INT", "boolean": "BOOL", "number": "DOUBLE"}[kind]
            self.c = f"{'double' if kind == 'number' else 'int64_t'} {name};"

    def array(self, name, items):
        self.second = f"{name}_count"
        ref, items = resolve(items)
        if items.get("type") == "object":
            singular = name[:-1] if name.endswith("s") else name
            self.kind, self.sub = "OBJECTS", model_for(ref, f"{self.model.c_name}_{singular}", items, self.model.public)
            self.c = f"const {self.sub.type} *const *{name};"
        elif items.get("type") == "integer":
            self.kind, self.int32, self.c = "INTS", items.get("format") == "int32", f"const int64_t *{name};"
        else:
            self.kind, self.c = "STRINGS", f"const char *const *{name};"

    def c_lines(self):
        return comment(self.description, "    ") + f"    {self.c}\n" + (f"    {self.second_c()}\n" if self.second else "")

    def offset(self, name):
        path = f"{NAMES['embed'][self.shared][1]}.{name}" if self.shared else name
        return f"offsetof({self.model.type}, {path})"

    def second_c(self):
        return f"const char *{self.second};" if self.kind == "ENUM" else f"size_t {self.second};"


def resolve(prop):
    """Follows $ref and a lone allOf; gives the schema name (or None) and the schema."""
    if "$ref" in prop:
        name = prop["$ref"].rsplit("/", 1)[1]
        return name, SCHEMAS[name]
    if "allOf" in prop and "properties" not in prop and len(prop["allOf"]) == 1:
        return resolve(prop["allOf"][0])
    return None, prop


def merged(schema):
    properties, required = {}, set(schema.get("required", []))
    for part in schema.get("allOf", []):
        part_properties, part_required = merged(resolve(part)[1])
        properties |= part_properties
        required |= part_required
    return properties | schema.get("properties", {}), required


MODELS = {}  # by C name, each after those it uses


def model_for(ref, inline_name, schema, public):
    if ref:
        public = ref in NAMES["public"]
        c_name = NAMES["public"].get(ref, snake(ref))
    else:
        c_name = inline_name
    if c_name not in MODELS:
        model = Model(ref or inline_name, schema, c_name, public)
        MODELS[c_name] = model
    return MODELS[c_name]


def collect():
    enums = {}
    for name, schema in SCHEMAS.items():
        if name in NAMES["skip"] or name in NAMES["embed"] or "x-wrenn-raw" in schema:
            continue
        if schema.get("type") == "object" or "allOf" in schema:
            model_for(name, None, schema, False)
        elif enum_values(schema):
            enums[name] = (NAMES["public"].get(name, snake(name)), enum_values(schema), schema)
    return enums


def enum_c(name, c_name, values, schema, public):
    prefix = ("wrenn_" if public else "wrn_") + c_name
    out = comment(schema.get("description", f"Schema {name}." if public else ""))
    out += f"typedef enum {prefix} {{\n    {prefix.upper()}_OTHER = 0, /* see the text */\n"
    out += ",\n".join(f"    {prefix.upper()}_{re.sub('[^A-Za-z0-9]', '_', v).upper()}" for v in values)
    return out + f"\n}} {prefix};\n\n"


def struct_c(model):
    has = model.has()
    bits = "".join(f"    {has}_{f.name.upper()} = 1 << {i},\n" for i, f in enumerate(model.fields))
    out = f"/* Bits of `present` and `nulls` of {model.type}. */\nenum {{\n{bits}}};\n\n" + comment(f"Schema {model.schema_name}. {model.description}")
    out += f"typedef struct {model.type} {{\n"
    out += f"    uint64_t present;    /* {has}_* bits of the members that were there */\n"
    out += "    uint64_t nulls;      /* those of them that were null */\n"
    out += "    const char *unknown; /* a JSON object of the members this version does not know, or NULL */\n"
    put = set()
    for f in model.fields:
        if f.shared and f.shared not in put:
            out += "    {0} {1};\n".format(*NAMES["embed"][f.shared])
        out += "" if f.shared else f.c_lines()
        put.add(f.shared)
    return out + f"}} {model.type};\n\n"


def shared_c(schema_name):
    """The struct of the members that several models share."""
    model = next(m for m in MODELS.values() if any(f.shared == schema_name for f in m.fields))
    c_type, _ = NAMES["embed"][schema_name]
    out = comment(f"Schema {schema_name}. {SCHEMAS[schema_name].get('description', '')}") + f"typedef struct {c_type} {{\n"
    return out + "".join(f.c_lines() for f in model.fields if f.shared == schema_name) + f"}} {c_type};\n\n"


def public_header(enums):
    out = NOTICE + """
/* What the service answers, as plain structs.
 *
 * The library alone allocates these structs, and they may grow at the end. Whatever one points to belongs to the result
 * it came in and lives as long. Text ends with a NUL. A member that was absent or null is NULL or 0; `present` and
 * `nulls` tell absent, null and zero apart. An enum value that this version does not know is 0, and its text is in the
 * member that ends in _text. Times are RFC 3339 text in UTC unless the name ends in _unix or _at says otherwise.
 *
 * In the comments E and C name the two published server generations, with /v1/sandboxes and with /v1/capsules, and
 * "ours" is wrennd. */
#ifndef WRENN_MODELS_H
#define WRENN_MODELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A member of an object whose names are not known before. */
typedef struct wrenn_pair {
    const char *key;
    const char *value;
} wrenn_pair;

"""
    for name, (c_name, values, schema) in enums.items():
        if name in NAMES["public"]:
            out += enum_c(name, c_name, values, schema, True)
    for model in MODELS.values():
        if model.public:
            out += struct_c(model)
    return out.rstrip() + "\n\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n"


def private_header(enums):
    out = NOTICE + """
/* The schemas that are not part of the library's interface: requests, and what becomes a friendlier struct there.
 * See base/model.h for `present`, `nulls` and `unknown`. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/model.h"
#include "wrenn/models.h"

"""
    for name, (c_name, values, schema) in enums.items():
        if name not in NAMES["public"]:
            out += enum_c(name, c_name, values, schema, False)
    out += "".join(shared_c(name) for name in NAMES["embed"])
    for model in MODELS.values():
        if not model.public:
            out += struct_c(model)
    out += "".join(f"extern const wrn_model wrn_model_{m.c_name};\n" for m in MODELS.values())
    return out


def tables(enums):
    out = NOTICE + '\n#include "base/auto.h"\n#include "gen/requests.h"\n\n'
    out += '_Static_assert(sizeof(wrenn_pair) == sizeof(wrn_pair), "the public pair is the private one");\n\n'
    for name, (c_name, values, _) in enums.items():
        texts = ", ".join(f'"{v}"' for v in values)
        out += f"static const char *const texts_{c_name}[] = {{{texts}}};\n"
        out += f"static const wrn_enum enum_{c_name} = {{texts_{c_name}, WRN_COUNT(texts_{c_name})}};\n\n"
    for m in MODELS.values():
        out += f"static const wrn_field fields_{m.c_name}[] = {{\n"
        for f in m.fields:
            second = f.offset(f.second) if f.second else "0"
            sub = "NULL"
            if f.kind == "ENUM":
                sub = f"&enum_{enums[f.sub][0]}"
            elif f.sub:
                sub = f"&wrn_model_{f.sub.c_name}"
            required = "true" if f.wire_name in m.required else "false"
            out += (f'    {{"{f.wire_name}", {f.offset(f.name)}, {second}, WRN_FIELD_{f.kind}, {required}, '
                    f"{'true' if f.int32 else 'false'}, {sub}}},\n")
        out += f"}};\nconst wrn_model wrn_model_{m.c_name} = {{\n"
        out += f'    "{m.schema_name}", sizeof({m.type}), fields_{m.c_name}, WRN_COUNT(fields_{m.c_name})}};\n\n'
    return out.rstrip() + "\n"


def check_error_codes():
    """Each error code of the contract has its row in src/wire/faults.h, and no other has."""
    rows = set(re.findall(r'^    X\(\w+, "(\w+)"', (ROOT / "src/wire/faults.h").read_text(), re.M))
    codes = set(enum_values(SCHEMAS["ErrorCode"]))
    if rows != codes:
        sys.exit(f"src/wire/faults.h and ErrorCode in api/openapi.yaml differ in {', '.join(sorted(rows ^ codes))}")


def check_event_types():
    """Each type of event of the contract has its row in src/server/sandbox/watch.h, and no other has."""
    rows = re.findall(r'^    X\(\w+, "([\w.]+)"', (ROOT / "src/server/sandbox/watch.h").read_text(), re.M)
    types, kinds = enum_values(SCHEMAS["EventType"]), enum_values(SCHEMAS["EventKind"])
    if set(rows) != set(types) or {row.split(".")[0] for row in rows} != set(kinds):
        sys.exit("src/server/sandbox/watch.h and EventType or EventKind in api/openapi.yaml differ")


def query_words(path, name):
    return next(p for p in API["paths"][path]["get"]["parameters"] if p.get("name") == name)["schema"]["enum"]


def words():
    """What the command line offers and accepts where the contract has few words."""
    lists = {
        "EVENT": sorted(enum_values(SCHEMAS["EventKind"]) + enum_values(SCHEMAS["EventType"])),
        "HOST_TYPE": SCHEMAS["CreateHostRequest"]["properties"]["type"]["enum"],
        "ISOLATION": SCHEMAS["CreateSandboxRequest"]["properties"]["isolation"]["enum"],
        "RANGE": query_words("/v1/sandboxes/{id}/metrics", "range"),
        "STATUS": query_words("/v1/sandboxes", "status"),
    }
    rows = "".join(f"#define CLI_WORDS_{name} " + ", ".join(f'"{word}"' for word in each) + "\n" for name, each in lists.items())
    return NOTICE + "#pragma once\n\n/* Words of which there are few, for options. */\n" + rows


def write_or_check(files):
    """Writes the files that are not as they should be; with --check, fails when there is one."""
    stale = [name for name, text in files.items()
             if not (ROOT / name).exists() or (ROOT / name).read_text() != text]
    if "--check" in sys.argv[1:]:
        if stale:
            sys.exit(f"stale: {', '.join(stale)}: run 'make generate'")
        return
    for name in stale:
        (ROOT / name).write_text(files[name])


def main():
    enums = collect()
    check_error_codes()
    check_event_types()
    files = {
        "include/wrenn/models.h": public_header(enums),
        "src/gen/requests.h": private_header(enums),
        "src/gen/models.c": tables(enums),
        "src/cli/words.h": words(),
    }
    write_or_check(files)


if __name__ == "__main__":
    main()
