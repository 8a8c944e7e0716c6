#!/usr/bin/python3
"""make_man.py DIRECTORY: makes the manual pages of the library in DIRECTORY, from the public headers: libwrenn(3), a page for
each header, and for each function one that leads to that of its header."""
import re
import shutil
import sys
import textwrap
from pathlib import Path

from make_api import VERSION, Interface
from make_docs import Pages


def escaped(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def prose(text):
    """Paragraphs; those that have indented lines are shown as they are."""
    def paragraph(part):
        as_it_is = part.startswith("  ") or "\n  " in part
        return f".PP\n.nf\n{escaped(part)}\n.fi\n" if as_it_is else f".PP\n{escaped(part)}\n"
    return "".join(map(paragraph, re.split(r"\n\s*\n", text))) if text else ""


def prototypes(entries):
    text = ".PP\n.nf\n"
    for entry in entries:
        words = f"{entry['returns']} {entry['name']}(".replace("* ", "*")
        parameters = [Pages.declared(parameter).replace(" ", "\0") for parameter in entry["parameters"]]  # stay whole
        words = words.replace(" ", "\0") + (", ".join(parameters) or "void") + ");"
        lines = textwrap.wrap(words, 76, subsequent_indent="    ", break_on_hyphens=False)
        text += "".join('.B "' + escaped(line.replace("\0", " ")) + '"\n' for line in lines)
    return text + ".fi\n"


def entry_of(name, text):
    return f".TP\n.B {escaped(name)}\n{escaped(' '.join(text.split()))}\n"


class Manual:
    def __init__(self, directory):
        self.directory = directory
        self.api = Interface().description()

    def of(self, kind, header):
        return [entry for entry in self.api[kind] if entry["header"] == header]

    def functions(self, header):
        """What does the same in three forms stands together."""
        groups = {}
        for entry in self.of("functions", header):
            groups.setdefault(entry["operation"] or entry["name"], []).append(entry)
        for name, entries in groups.items():
            first = entries[0]
            yield f".SS {escaped(name)}\n" + prototypes(entries) + prose(first["doc"])
            notes = ["Blocks." if first["blocks"] else "Does not block."] if "blocks" in first else []
            notes += [f"The caller frees *{p['name']} with {p['freed_by']}()." for p in first["parameters"] if "freed_by" in p]
            yield prose(" ".join(notes))

    def struct(self, entry):
        growth = "may get members at its end" if entry["may_grow"] else "does not grow"
        members = "".join(entry_of(Pages.declared(member), member["doc"]) for member in entry["members"])
        return (f".SS struct {escaped(entry['name'])}\n{prose(entry['doc'])}"
                f".PP\nAllocated by the {entry['allocated_by']}; {growth}.\n{members}")

    def page(self, header):
        def section(title, parts):
            text = "".join(parts)
            return f".SH {title}\n{text}" if text else ""
        return (section("FUNCTIONS", self.functions(header)) +
                section("TYPES", [self.struct(entry) for entry in self.of("structs", header)] +
                        [f".SS {escaped(entry['name'])}\n{prose(entry['doc'])}" for entry in self.of("handles", header)] +
                        [f".SS {escaped(entry['name'])}\n{prototypes([entry])}{prose(entry['doc'])}"
                         for entry in self.of("callbacks", header)]) +
                section("CONSTANTS", [entry_of(f"{entry['name']} ({entry['value']})", entry["doc"])
                                      for entry in self.of("constants", header)]))

    def write(self, name, summary, header, body):
        others = sorted(other for other in map(self.name_of, self.api["headers"]) if other != name)
        see = " ,\n".join(f".BR {escaped(other)} (3)" for other in others).replace(") ,", "),")
        (self.directory / f"{name}.3").write_text(
            f'.\\" Made from the public headers.\n.TH {escaped(name.upper())} 3 "" "wrenn {VERSION}" "Wrenn for C"\n'
            f".SH NAME\n{escaped(name)} \\- {escaped(summary)}\n.SH LIBRARY\nlibwrenn (\\-lwrenn)\n"
            f".SH SYNOPSIS\n.B #include <wrenn/{header}>\n.SH DESCRIPTION\n{body}.SH SEE ALSO\n{see}\n")

    @staticmethod
    def name_of(header):
        return "libwrenn" if header == "wrenn.h" else f"wrenn_{header.removesuffix('.h')}"

    def make(self):
        # As wrenn.h says it, where "it" is the sandbox.
        summaries = {header: re.sub(r"\b(in|what) it\b", r"\1 a sandbox", text) for header, text in
                     re.findall(r"^ +(\w+\.h) +(.*)$", self.api["headers"]["wrenn.h"], flags=re.M)}
        for header, doc in self.api["headers"].items():
            name = self.name_of(header)
            self.write(name, summaries.get(header, "run untrusted code in sandboxes, from C"), header, prose(doc) + self.page(header))
        for entry in self.api["functions"]:
            page = self.directory / f"{entry['name']}.3"
            if not page.exists():
                page.write_text(f".so man3/{self.name_of(entry['header'])}.3\n")


def main():
    directory = Path(sys.argv[1])
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    Manual(directory).make()


if __name__ == "__main__":
    main()
