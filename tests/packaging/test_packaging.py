"""test_packaging.py BUILD VERSION PREFIX LIBDIR: installs into an empty directory and builds programs against that, as
a user would: with pkg-config, shared and static, and with CMake. Prints TAP."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD, VERSION, PREFIX, LIBDIR = sys.argv[1:]
CC = os.environ.get("CC", "cc").split()


def run(*command, **environment):
    done = subprocess.run([str(word) for word in command], env={**os.environ, **environment}, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout.strip()


class Installed:
    def __init__(self, top):
        self.top = top
        meson = "/usr/bin/meson" if os.access("/usr/bin/meson", os.X_OK) else "meson"
        run(meson, "install", "-C", BUILD, "--no-rebuild", "--destdir", top / "root")
        self.prefix = top / "root" / PREFIX.lstrip("/")
        self.libdir = self.prefix / LIBDIR

    def pkg_config(self, *flags):
        return run("pkg-config", f"--define-variable=prefix={self.prefix}", *flags, "wrenn",
                   PKG_CONFIG_PATH=str(self.libdir / "pkgconfig")).split()

    def built(self, program):
        got = run(program, LD_LIBRARY_PATH=str(self.libdir))
        assert got == VERSION, f"{program} printed '{got}', not '{VERSION}'"


def headers(at):
    """each public header is installed"""
    want = sorted(path.name for path in (HERE.parent.parent / "include/wrenn").glob("*.h"))
    got = sorted(path.name for path in (at.prefix / "include/wrenn").glob("*.h"))
    assert got == want, f"installed {got}, not {want}"


def shared(at):
    """pkg-config, shared library"""
    program = at.top / "shared"
    run(*CC, "-std=c99", HERE / "consumer.c", "-o", program, *at.pkg_config("--cflags", "--libs"))
    at.built(program)
    quickstart = HERE.parent.parent / "examples/quickstart.c"
    run(*CC, quickstart, "-o", at.top / "quickstart", *at.pkg_config("--cflags", "--libs"))
    needed = run("readelf", "-d", program)
    assert "libwrenn.so.0" in needed and "libcurl" not in needed, f"links more or less than libwrenn.so.0:\n{needed}"


def static(at):
    """pkg-config, static library"""
    program = at.top / "static"
    flags = [at.libdir / "libwrenn.a" if flag == "-lwrenn" else flag
             for flag in at.pkg_config("--static", "--cflags", "--libs")]
    # The system's own libraries stay shared: their static closure is theirs to have.
    run(*CC, "-std=c99", HERE / "consumer.c", "-o", program, *wanted_of_closure(flags))
    assert "libwrenn" not in run("readelf", "-d", program), "still needs the shared library"
    at.built(program)


def wanted_of_closure(flags):
    """Without the private libraries of libraries that are linked shared: their headers may not be installed."""
    direct = {"-lcurl", "-ljson-c", "-lwslay", "-lnettle", "-pthread", "-lpthread"}
    return [flag for flag in flags if not str(flag).startswith("-l") or flag in direct]


def cmake(at):
    """CMake package, shared and static"""
    build = at.top / "cmake"
    run("cmake", "-S", HERE, "-B", build, f"-DCMAKE_PREFIX_PATH={at.prefix}", f"-DCMAKE_C_COMPILER={CC[0]}")
    run("cmake", "--build", build)
    at.built(build / "shared")
    at.built(build / "static")


def command(at):
    """the installed command finds its library"""
    got = run(at.prefix / "bin/wrenn", "--version", LD_LIBRARY_PATH="")
    assert got == f"wrenn {VERSION}", f"wrenn --version printed '{got}'"


def main():
    failed = 0
    tests = [headers, shared, static, cmake, command]
    with tempfile.TemporaryDirectory(prefix="wrenn-test-") as top:
        at = Installed(Path(top))
        for number, test in enumerate(tests, 1):
            try:
                test(at)
                print(f"ok {number} - {test.__doc__}")
            except AssertionError as error:
                failed += 1
                print("".join(f"# {line}\n" for line in str(error).splitlines()), end="")
                print(f"not ok {number} - {test.__doc__}")
    print(f"1..{len(tests)}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
