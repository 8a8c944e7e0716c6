"""test_packaging.py BUILD VERSION PREFIX LIBDIR: installs into an empty directory and builds programs against that, as
a user would: with pkg-config, shared and static, and with CMake; and what happens around that. Prints TAP."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD, VERSION, PREFIX, LIBDIR = sys.argv[1:]
MESON = "/usr/bin/meson" if os.access("/usr/bin/meson", os.X_OK) else "meson"
CC = os.environ.get("CC", "cc").split()


def run(*command, **environment):
    done = subprocess.run([str(word) for word in command], env={**os.environ, **environment}, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout.strip()


class Skip(Exception):
    pass


class Installed:
    def __init__(self, top):
        self.top = top
        run(MESON, "install", "-C", BUILD, "--no-rebuild", "--destdir", top / "root")
        self.prefix = top / "root" / PREFIX.lstrip("/")
        self.libdir = self.prefix / LIBDIR

    def pkg_config(self, *flags, **environment):
        environment.setdefault("PKG_CONFIG_PATH", str(self.libdir / "pkgconfig"))
        return run("pkg-config", f"--define-variable=prefix={self.prefix}", *flags, "wrenn", **environment).split()

    def built(self, program):
        got = run(program, LD_LIBRARY_PATH=str(self.libdir))
        assert got == VERSION, f"{program} printed '{got}', not '{VERSION}'"


def headers(at):
    """each public header is installed"""
    want = sorted(path.name for path in (ROOT / "include/wrenn").glob("*.h"))
    got = sorted(path.name for path in (at.prefix / "include/wrenn").glob("*.h"))
    assert got == want, f"installed {got}, not {want}"


def shared(at):
    """pkg-config, shared library: private stays what it is made of"""
    got = at.pkg_config("--modversion")
    assert got == [VERSION], f"pkg-config says version {got}, not {VERSION}"
    program = at.top / "shared"
    # With no other package's file at hand, as on a machine that has the shared libraries only.
    flags = at.pkg_config("--cflags", "--libs", PKG_CONFIG_LIBDIR=str(at.libdir / "pkgconfig"))
    want = [f"-I{at.prefix}/include", f"-L{at.libdir}", "-lwrenn"]
    assert flags == want, f"pkg-config gives {flags}, not {want}"
    run(*CC, "-std=c99", HERE / "consumer.c", "-o", program, *flags)
    at.built(program)
    run(*CC, ROOT / "examples/quickstart.c", "-o", at.top / "quickstart", *flags)
    needed = run("readelf", "-d", program)
    assert "libwrenn.so.1" in needed and "libcurl" not in needed, f"links more or less than libwrenn.so.1:\n{needed}"


def static(at):
    """pkg-config, static library, as docs/guide/first-steps.md says"""
    flags = ["-l:libwrenn.a" if flag == "-lwrenn" else flag for flag in at.pkg_config("--static", "--cflags", "--libs")]
    program = at.top / "static"
    run(*CC, "-std=c99", HERE / "consumer.c", "-o", program, *flags)
    assert "libwrenn" not in run("readelf", "-d", program), "still needs the shared library"
    at.built(program)


def cmake(at):
    """CMake package, shared and static: private stays what they are made of"""
    build = at.top / "cmake"
    run("cmake", "-S", HERE, "-B", build, f"-DCMAKE_PREFIX_PATH={at.prefix}", f"-DCMAKE_C_COMPILER={CC[0]}",
        "-DSOURCE=consumer.c", f"-DWRENN_VERSION={VERSION}",
        "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", PKG_CONFIG_LIBDIR="/nonexistent")
    run("cmake", "--build", build)
    at.built(build / "shared")
    at.built(build / "static")
    commands = (build / "compile_commands.json").read_text()
    paths = set(re.findall(r"-(?:I|isystem) ?(\S+)", commands))
    assert paths == {f"{at.prefix}/include"}, f"compiles with the include paths {paths}"
    assert "libwrenn" not in run("readelf", "-d", build / "static"), "still needs the shared library"


def command(at):
    """the installed command finds its library"""
    got = run(at.prefix / "bin/wrenn", "--version", LD_LIBRARY_PATH="")
    assert got == f"wrenn {VERSION}", f"wrenn --version printed '{got}'"
    # Each library that is loaded makes each command slower: what few of them need is loaded by those.
    needed = set(re.findall(r"\(NEEDED\).*\[(\w+(?:-c)?)", run("readelf", "-d", at.prefix / "bin/wrenn")))
    assert needed <= {"libwrenn", "libjson-c", "libc"}, f"wrenn needs {needed}"


def started(at):
    """installed by root, a program starts at once; where the loader does not look, the remedy is said"""
    libdir, etc = f"{PREFIX}/{LIBDIR}", at.top / "etc"
    etc.mkdir()
    lines = [line for path in sorted(Path("/etc/ld.so.conf.d").glob("*.conf")) for line in path.read_text().splitlines()]
    (etc / "ld.so.conf").write_text("".join(f"{line}\n" for line in lines if line != libdir))
    run("cp", "-a", "/etc/alternatives", "/etc/passwd", etc)
    # The machine, but for an empty prefix, and an /etc with what loader and compiler need.
    inside = ["bwrap", "--unshare-user", "--uid", "0", "--gid", "0", "--dev-bind", "/", "/", "--bind", etc, "/etc",
              "--bind", at.top / "prefix", PREFIX, "env", "-u", "LD_LIBRARY_PATH", "-u", "PKG_CONFIG_PATH"]
    (at.top / "prefix").mkdir()
    if not shutil.which("bwrap") or subprocess.run([*inside, "true"], stderr=subprocess.DEVNULL).returncode:
        raise Skip("needs bwrap and user namespaces")
    run(*inside, MESON, "install", "-C", BUILD, "--no-rebuild")
    after = [*inside, ROOT / "packaging/after_install.sh", libdir]
    said = run(*after)
    assert f"LD_LIBRARY_PATH={libdir}" in said, f"does not say how programs find the library:\n{said}"
    with open(etc / "ld.so.conf", "a") as conf:
        print(libdir, file=conf)
    said = run(*after)
    assert said == "", f"says how to find what is found:\n{said}"
    program = at.top / "started"
    run(*inside, *CC, HERE / "consumer.c", "-o", program, f"-I{PREFIX}/include", f"-L{libdir}", "-lwrenn")
    got = run(*inside, program)
    assert got == VERSION, f"printed '{got}', not '{VERSION}'"


def library_manual(manuals):
    """A page for each header, and for each function one that leads to the page that describes it."""
    pages = {path.stem: path.read_text() for path in (manuals / "man3").iterdir()}
    api = json.loads((manuals.parent / "wrenn/api.json").read_text())
    for header in api["headers"]:
        name = "libwrenn" if header == "wrenn.h" else f"wrenn_{header.removesuffix('.h')}"
        assert f"include <wrenn/{header}>" in pages.get(name, ""), f"there is no {name}(3)"
    for function in api["functions"]:
        page = pages[function["name"]]
        if page.startswith(".so "):
            page = pages[Path(page.split()[1]).stem]
        assert re.search(rf'^\.B ".*\b{function["name"]}\(', page, re.M), f"no page describes {function['name']}()"
    if shutil.which("groff"):
        said = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", *(manuals / "man3").glob("*.3")], cwd=manuals,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert said.stdout == "", f"groff warns: {said.stdout[:300]}"


def documents(at):
    """manual page, reference, guides and examples are installed, and guides lead to guides"""
    page = (at.prefix / "share/man/man8/wrennd.8").read_text().replace("\\-", "-")
    options = re.findall(r"^  (--\S+)", run(at.prefix / "bin/wrennd", "--help"), re.M)
    missing = [option for option in options if f"\n.B {option}" not in page]
    assert options and not missing, f"wrennd(8) lacks {missing}"
    library_manual(at.prefix / "share/man")
    docs = at.prefix / "share/doc/wrenn"
    dead = [f"{file.name}: {link}" for file in docs.rglob("*.md")
            for link in re.findall(r"\]\(([^)#:]+)[^)]*\)", file.read_text())
            if re.match(r"(\.\./)*(docs|examples|guide|[\w-]+\.md)", link) and not (file.parent / link).exists()]
    assert not dead, f"links lead nowhere: {dead}"
    pages = {path.name for path in (docs / "html").iterdir()}
    want = {f"{path.name}.html" for path in (ROOT / "include/wrenn").glob("*.h")} | {"index.html"}
    assert pages == want, f"the reference has {pages}, not {want}"
    want = sorted(path.name for path in (ROOT / "examples").rglob("*.[ch]"))
    got = sorted(path.name for path in (docs / "examples").rglob("*") if path.is_file())
    assert got == want, f"installed {got}, not {want}"


def tree(top):
    return {str(path.relative_to(top)): os.readlink(path) if path.is_symlink() else path.is_dir() or path.read_bytes()
            for path in top.rglob("*")}


def uninstalled(at):
    """uninstall removes what was installed, also by an earlier version, and nothing else"""
    dest = at.top / "dest"
    others = [dest / PREFIX.lstrip("/") / name for name in ("bin/other", "share/man/man8/other.8", "include/other.h")]
    for path in others:
        path.parent.mkdir(parents=True)
        path.write_text("of somebody else\n")
    before = tree(dest)
    script = ROOT / "packaging/installed.py"
    run(sys.executable, script, "install", BUILD, PREFIX, dest)
    record = dest / PREFIX.lstrip("/") / "share/wrenn/installed.txt"
    installed = tree(dest)
    missing = [name for name in ("bin/wrenn", "bin/wrennd", f"{LIBDIR}/libwrenn.so.1", "include/wrenn/wrenn.h")
               if f"{PREFIX}/{name}" not in record.read_text().splitlines()]
    assert not missing, f"not recorded: {missing}"
    # As if an earlier version had had another directory with a file, and another header.
    old = [dest / PREFIX.lstrip("/") / name for name in ("include/wrenn/old.h", "share/gone/old")]
    for path in old:
        path.parent.mkdir(exist_ok=True)
        path.write_text("old\n")
    with open(record, "a") as lines:
        lines.writelines(f"{PREFIX}/{name}\n" for name in ("include/wrenn/old.h", "share/gone", "share/gone/old"))
    run(sys.executable, script, "install", BUILD, PREFIX, dest)
    assert not any(path.exists() for path in old), "an earlier version's files stay"
    assert set(tree(dest)) - {f"{PREFIX.lstrip('/')}/share/gone"} == set(installed), "the second time it is another"
    run(sys.executable, script, "uninstall", PREFIX, dest)
    differ = sorted(name for name in {*before, *tree(dest)} if before.get(name) != tree(dest).get(name))
    assert not differ, f"not as before: {differ}"
    again = subprocess.run([sys.executable, script, "uninstall", PREFIX, dest], stderr=subprocess.PIPE, text=True)
    assert again.returncode == 1 and "DESTDIR" in again.stderr, f"said '{again.stderr}'"


def configured(at):
    """what is installed later is found when configured again"""
    packages = at.top / "packages"
    packages.mkdir()
    for directory in run("pkg-config", "--variable=pc_path", "pkg-config").split(":"):
        for path in Path(directory).glob("*.pc"):
            if path.name != "glib-2.0.pc" and not (packages / path.name).exists():
                (packages / path.name).symlink_to(path)
    configure = [sys.executable, ROOT / "tools/configure.py", at.top / "configured"]
    run(*configure, PKG_CONFIG_LIBDIR=str(packages))
    assert "loop-glib" not in (at.top / "configured/build.ninja").read_text(), "builds with what is not there"
    (packages / "glib-2.0.pc").write_text("Name: glib\nDescription: \nVersion: 2.70\n")
    run(*configure, PKG_CONFIG_LIBDIR=str(packages))
    assert "loop-glib" in (at.top / "configured/build.ninja").read_text(), "does not look again"


def made(at):
    """nothing is made for an installation but what is installed"""
    configured = at.top / "configured"
    targets = run(sys.executable, ROOT / "packaging/installed.py", "targets", configured).split()
    plan = run("ninja", "-n", "-v", "-C", configured, *targets)
    assert {"src/cli/wrenn", "src/server/wrennd", "src/api/libwrenn.a"} < set(targets), targets
    others = [line for line in plan.splitlines() if "/tests/" in line.split(" -c ")[-1]]
    assert not others, others[:3]


def main():
    failed = 0
    tests = [headers, shared, static, cmake, command, documents, started, uninstalled, configured, made]
    with tempfile.TemporaryDirectory(prefix="wrenn-test-") as top:
        at = Installed(Path(top))
        for number, test in enumerate(tests, 1):
            try:
                test(at)
                print(f"ok {number} - {test.__doc__}")
            except Skip as why:
                print(f"# {why}\nok {number} - {test.__doc__} # SKIP")
            except AssertionError as error:
                failed += 1
                print("".join(f"# {line}\n" for line in str(error).splitlines()), end="")
                print(f"not ok {number} - {test.__doc__}")
    print(f"1..{len(tests)}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
