"""test_packages.py PACKAGES CLEAN VERSION: installs the Debian packages of a directory into a copy of the system CLEAN, uses
them as a stranger would, and removes them without a trace. Prints TAP. Needs root, and the network for what they depend on."""
import re
import shutil
import sys
import tempfile
from pathlib import Path

from rooted import HERE, Root, Server, Skip, report, run

PACKAGES, CLEAN, VERSION = sys.argv[1:]
TOOLS = ["gcc", "libc6-dev", "cmake", "make", "pkgconf", "binutils"]
LINK = 'cc -std=c99 sandbox.c -o "$1" $(pkg-config $2 --cflags --libs wrenn | sed "s/-lwrenn/$3/")'


class At:
    """What the tests share."""

    def __init__(self, top):
        self.top = top
        self.files = sorted(path for path in Path(PACKAGES).glob("*.deb") if "-dbgsym_" not in path.name)
        self.names = [path.name.split("_")[0] for path in self.files]
        self.root = Root.copied(CLEAN, top)
        for path in [*self.files, *(HERE / name for name in ("sandbox.c", "consumer.c", "CMakeLists.txt"))]:
            shutil.copy(path, self.root.shared)
        self.before, self.programs = None, []

    def has_sandboxes(self):
        """Only what the machine lacks is a reason to skip, not what the packages lack."""
        said = self.root.sh("wrennd doctor || true")
        if any(f"ok   {needed}:" not in said for needed in ("kernel", "namespaces", "overlayfs")):
            raise Skip(f"this machine can't run sandboxes in a system of its own: {said}")


def complete(at):
    """there are the four packages, named after the soname"""
    assert at.names == ["libwrenn-dev", "libwrenn1", "wrenn", "wrennd"], at.names
    for path in at.files:
        got = run("dpkg-deb", "--field", path, "Version")
        assert got == VERSION, f"{path.name} has the version {got}, not {VERSION}"


def depends(at):
    """what they depend on is in the release"""
    at.root.apt("update")
    plan = at.root.sh('apt-get -q -s install --no-install-recommends /srv/*.deb')
    others = sorted(set(re.findall(r"^Inst (\S+)", plan, re.M)) - set(at.names))
    at.root.apt("install", "-y", "--no-install-recommends", *others, *TOOLS)
    at.before = at.root.state()


def installs(at):
    """they install with no more than that, and again over themselves"""
    at.root.sh("dpkg --install /srv/*.deb && dpkg --install /srv/*.deb && dpkg --verify " + " ".join(at.names))
    got = at.root.sh("dpkg-query -W -f '${db:Status-Status} ' " + " ".join(at.names))
    assert got.split() == ["installed"] * 4, got


def shared(at):
    """a program is built with pkg-config, with the shared library"""
    at.root.sh(LINK, "pkg-shared", "", "-lwrenn")
    needed = at.root.sh("readelf -d pkg-shared")
    assert "libwrenn.so.1" in needed and "libcurl" not in needed, needed
    at.programs.append("pkg-shared")


def static(at):
    """a program is built with pkg-config, with the static library"""
    at.root.sh(LINK, "pkg-static", "--static", "-l:libwrenn.a")
    assert "libwrenn" not in at.root.sh("readelf -d pkg-static"), "still needs the shared library"
    at.programs.append("pkg-static")


def cmake(at):
    """programs are built with CMake, shared and static"""
    at.root.sh('cmake -S . -B /srv/cmake -DSOURCE=sandbox.c -DWRENN_VERSION="$1" && cmake --build /srv/cmake', VERSION)
    assert "libwrenn" not in at.root.sh("readelf -d cmake/static"), "still needs the shared library"
    at.programs += ["cmake/shared", "cmake/static"]


def examples(at):
    """the examples that are installed can be built"""
    at.root.sh('for file in /usr/share/doc/libwrenn-dev/examples/*.c; do cc "$file" -o /tmp/example '
               "$(pkg-config --cflags --libs wrenn); done")


def version(at):
    """programs have the version of the package"""
    at.root.sh("cc consumer.c -o consumer $(pkg-config --cflags --libs wrenn)")
    for program, want in (("./consumer", VERSION), ("wrenn --version", f"wrenn {VERSION}"), ("wrennd --version", f"wrennd {VERSION}")):
        got = at.root.sh(program)
        assert got == want, f"{program} printed '{got}', not '{want}'"


def serves(at):
    """the installed server runs `true` for each of these programs"""
    at.has_sandboxes()
    assert len(at.programs) == 4, at.programs
    with Server(at.root, "exec wrennd --listen unix:/srv/wrennd.sock") as server:
        for program in at.programs:
            got = at.root.sh(f"./{program}", **server.settings)
            assert got == "true exited with 0", got


def starts(at):
    """a program and the command start a private server"""
    at.has_sandboxes()
    assert at.root.sh("./pkg-shared") == "true exited with 0"
    assert at.root.sh("wrenn run -- echo hello") == "hello"


def documents(at):
    """manual pages, guides and units are where they are looked for"""
    unit = at.root.sh("cat /lib/systemd/system/wrennd.service")
    assert "ExecStart=/usr/bin/wrennd " in unit and "StateDirectory=wrennd" in unit, unit
    at.root.sh("test -s /usr/lib/systemd/user/wrennd.service")
    assert not at.root.sh("find /etc/systemd -name 'wrennd*'"), "a unit is enabled"
    links = at.root.sh("cd /usr/share/doc/libwrenn-dev && cat docs/README.md && ls docs/guide examples/loops CHANGELOG.md")
    assert "guide/first-steps.md" in links


def removed(at):
    """removing keeps the data, and purging leaves no file"""
    assert at.before, "they were not installed"
    at.root.sh("mkdir -p /var/lib/wrennd && touch /var/lib/wrennd/mine")
    at.root.sh("dpkg --remove " + " ".join(at.names))
    assert (at.root.path / "var/lib/wrennd/mine").exists(), "the data went with the package"
    at.root.sh("dpkg --purge " + " ".join(at.names))
    after = at.root.state()
    differ = sorted(path for path in {*at.before, *after} if at.before.get(path) != after.get(path))
    assert not differ, f"not as before: {differ}"
    got = at.root.sh("dpkg-query -W '*wrenn*' 2>/dev/null || true")
    assert not got, f"still known to dpkg: {got}"


def main():
    tests = [complete, depends, installs, shared, static, cmake, examples, version, serves, starts, documents, removed]
    with tempfile.TemporaryDirectory(prefix="wrenn-packages-", dir=Path(CLEAN).parent) as top:
        sys.exit(1 if report(tests, At(Path(top))) else 0)


if __name__ == "__main__":
    main()
