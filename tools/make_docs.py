#!/usr/bin/python3
"""make_docs.py OUTPUT: makes the reference of the public headers, a page each, in OUTPUT/html. Names in texts and types lead
to what they name; what has no documentation is an error."""
import re
import sys
from html import escape
from pathlib import Path

from make_api import VERSION, Interface

STYLE = """body { max-width: 60em; margin: 2em auto; padding: 0 1em; font: 16px/1.5 sans-serif; color: #222 }
pre, code { font-family: monospace; background: #f4f4f4 } pre { padding: .6em; overflow-x: auto; white-space: pre-wrap }
h2 { border-bottom: 1px solid #ccc } h3 { font-family: monospace; margin-top: 2em } a { color: #0645ad; text-decoration: none }
td { vertical-align: top; padding: .1em .8em .1em 0 }"""


class Pages:
    def __init__(self):
        self.api = Interface().description()
        entries = [e for kind in ("functions", "structs", "handles", "callbacks", "constants") for e in self.api[kind]]
        self.places = {e["name"]: f"{e['header']}.html#{e['name']}" for e in entries}
        self.places |= {header: f"{header}.html" for header in self.api["headers"]}

    def linked(self, text):
        """HTML of a text in which each name of the interface is a link."""
        return re.sub(r"\w+(?:\.h\b)?", lambda m: f'<a href="{self.places[m[0]]}">{m[0]}</a>' if m[0] in self.places else m[0],
                      escape(text, quote=False))

    def prose(self, text):
        paragraphs = re.split(r"\n\s*\n", text)
        return "".join(f"<pre>{self.linked(p)}</pre>" if p.startswith("  ") or "\n  " in p else f"<p>{self.linked(p)}</p>"
                       for p in paragraphs)

    @staticmethod
    def declared(parameter):
        kind, name = parameter["type"], parameter["name"]
        return kind.replace("(*)", f"(*{name})") if "(*)" in kind else f"{kind}{'' if kind.endswith('*') else ' '}{name}"

    def function(self, entry):
        parameters = ", ".join(map(self.declared, entry["parameters"])) or "void"
        notes = ["Blocks." if entry["blocks"] else "Does not block."] if "blocks" in entry else []
        notes += [f"The caller frees *{p['name']} with {p['freed_by']}()." for p in entry["parameters"] if "freed_by" in p]
        return (f"<pre>{self.linked(entry['returns'] + ' ' + entry['name'] + '(' + parameters + ')')}</pre>"
                f"{self.prose(entry['doc'])}<p>{self.linked(' '.join(notes))}</p>")

    def struct(self, entry):
        rows = "".join(f"<tr><td><code>{self.linked(self.declared(m))}</code></td><td>{self.linked(m['doc'])}</td></tr>"
                       for m in entry["members"])
        return f"{self.prose(entry['doc'])}<p>Allocated by the {entry['allocated_by']}.</p><table>{rows}</table>"

    def page(self, header):
        body = f"<h1>wrenn/{header}</h1>{self.prose(self.api['headers'][header])}"
        for title, kind, show in (("Functions", "functions", self.function), ("Structs", "structs", self.struct),
                                  ("Callbacks", "callbacks", self.function),
                                  ("Handles", "handles", lambda e: self.prose(e["doc"])),
                                  ("Constants", "constants", lambda e: f"<p>{e['value']}</p>" + self.prose(e["doc"]))):
            entries = [e for e in self.api[kind] if e["header"] == header]
            body += f"<h2>{title}</h2>" if entries else ""
            body += "".join(f'<h3 id="{e["name"]}">{e["name"]}</h3>{show(e)}' for e in entries)
        return body

    def index(self):
        rows = "".join(f"<li>{self.linked(header)}: {self.linked(doc.split('. ')[0].rstrip('.'))}</li>"
                       for header, doc in self.api["headers"].items())
        return f"<h1>libwrenn {VERSION}</h1><ul>{rows}</ul>"


def main():
    output = Path(sys.argv[1]).resolve() / "html"
    output.mkdir(parents=True, exist_ok=True)
    pages = Pages()
    for name, body in [("index", pages.index())] + [(header, pages.page(header)) for header in pages.api["headers"]]:
        (output / f"{name}.html").write_text(f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>libwrenn: {name}'
                                             f"</title><style>{STYLE}</style><body>{body}</body></html>\n")
    print(f"the reference is in {output / 'index.html'}")


if __name__ == "__main__":
    main()
