#!/usr/bin/python3
"""wrennd_man.py WRENND VERSION: prints the manual page wrennd(8), made from what `wrennd --help` says, so that options are
described in one place."""
import re
import subprocess
import sys

DESCRIPTION = """wrennd runs sandboxes on this machine, made of Linux namespaces, for programs that use libwrenn, for the command
wrenn(1), and for everybody who speaks the Wrenn API. The first start makes the data directory, an account and an API key, which
is printed once.

As root, each sandbox has user ids of its own, and cgroups enforce its limits. As an ordinary user all sandboxes share one user
id, and limits are enforced if cgroups are delegated to that user. "wrennd doctor" says what this machine has for sandboxes, what
is missing, and the remedy."""
SIGNALS = """SIGTERM, SIGINT and SIGHUP stop the server; --on-stop says what becomes of the sandboxes. A second signal stops it at once.
SIGUSR2 makes it reopen the audit log."""
FILES = [("/var/lib/wrennd", "the data directory of root's wrennd: accounts, keys, templates and sandboxes"),
         ("~/.local/state/wrennd", "that of other users"),
         ("/run/wrennd/uid-ranges", "locks by which all servers of the machine agree on user ids")]


def escaped(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def paragraphs(text):
    return "\n.PP\n".join(escaped(" ".join(part.split())) for part in text.split("\n\n")) + "\n"


def entry(term, text):
    return f".TP\n.B {escaped(term)}\n{escaped(text)}\n"


def synopsis(text):
    """Each form with what it does: "usage: wrennd ...", or "wrennd ..." further in; the words may begin a line of their own."""
    lines = re.sub(r"^usage:", "      ", text, flags=re.M).strip().splitlines()
    for line in lines:
        form, _, words = line.strip().partition("  ")
        if form.startswith("wrennd"):
            yield f".TP\n.B {escaped(form)}\n" + (f"{escaped(words.strip())}\n" if words else "")
        else:
            yield f"{escaped(line.strip())}\n"


def options(text):
    for line in text.splitlines():
        term, _, words = line.strip().partition("  ")
        yield entry(term, words.strip()) if words else f".TP\n.B {escaped(term)}\n"


def page(said, version):
    usage, first, *more = re.split(r"\n\n(?=options)", said.strip())
    more[-1], _, closing = more[-1].partition("\n\n")
    others = "".join(f'.SH "{head.rstrip(":").upper()}"\n{"".join(options(text))}' for head, _, text in
                     (part.partition(chr(10)) for part in more))
    files = "".join(entry(path, text) for path, text in FILES)
    return (f'.TH WRENND 8 "" "wrenn {version}" "Wrenn for C"\n.SH NAME\nwrennd \\- run untrusted code in sandboxes (server)\n'
            f".SH SYNOPSIS\n{''.join(synopsis(usage))}.SH DESCRIPTION\n{paragraphs(DESCRIPTION)}"
            f".SH OPTIONS\n{''.join(options(first.partition(chr(10))[2]))}.PP\n{paragraphs(closing)}"
            f"{others}.SH SIGNALS\n{paragraphs(SIGNALS)}.SH FILES\n{files}.SH SEE ALSO\nwrenn(1)\n")


def main():
    wrennd, version = sys.argv[1:]
    said = subprocess.run([wrennd, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    sys.stdout.write(page(said, version))


if __name__ == "__main__":
    main()
