"""Systems of their own for the tests of packages: a copy of a clean root, commands and servers in it. Needs root."""
import os
import re
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PATIENCE = 120  # for a server to say that it is there, on a busy machine
signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))  # which cleans up, as an error does


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **more)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))[-3000:]}\nended with {done.returncode}:\n{done.stdout}")
    return done.stdout.strip()


class Skip(Exception):
    pass


class Root:
    """The system below `path`; `shared` is /srv in it. `container`: see enter.sh."""

    def __init__(self, path, shared, container=None):
        self.path, self.shared = path, shared
        self.environment = {"PATH": os.environ["PATH"], **({"CONTAINER": str(container)} if container else {})}

    @classmethod
    def copied(cls, clean, top):
        (top / "shared").mkdir()
        run("cp", "-a", "--reflink=auto", clean, top / "root")
        shutil.copy("/etc/resolv.conf", top / "root/etc/resolv.conf")
        return cls(top / "root", top / "shared")

    def entering(self, script, *words):
        return ["sh", HERE / "enter.sh", self.path, self.shared, script, *words]

    def sh(self, script, *words, **environment):
        return run(*self.entering(script, *words), env={**self.environment, **environment})

    def apt(self, *words):
        return self.sh('apt-get -q -o Acquire::Retries=3 "$@"', *words)

    def state(self):
        """What every file in it is, but for what package managers keep for themselves."""
        passed = {"proc", "sys", "dev", "run", "tmp", "srv", "var/lib/dpkg", "var/lib/apt", "var/cache/apt", "var/log",
                  "var/cache/ldconfig/aux-cache"}
        found = {}
        for where, directories, files in os.walk(self.path):
            at = os.path.relpath(where, self.path)
            directories[:] = [name for name in directories if os.path.normpath(f"{at}/{name}") not in passed]
            for name in [*directories, *files]:
                path, real = os.path.normpath(f"{at}/{name}"), Path(where, name)
                if path in passed:
                    continue
                about = real.lstat()
                content = os.readlink(real) if real.is_symlink() else \
                    real.read_bytes() if real.is_file() and about.st_size < 1 << 20 else None
                found[path] = (about.st_mode, about.st_uid, about.st_gid, content)
        return found


class Server:
    """A wrennd in a root, until the end of the block; `key` and `url` are what it says. `line` begins it."""

    def __init__(self, root, line="exec wrennd", **environment):
        self.root, self.said = root, ""
        self.process = subprocess.Popen([str(word) for word in root.entering(line + " 2>&1")], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, env={**root.environment, **environment})

    def __enter__(self):
        try:
            return self.ready()
        except BaseException:
            self.__exit__()
            raise

    def ready(self):
        words = {}
        while len(words) < 2:
            if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
                raise AssertionError(f"wrennd does not say that it is ready:\n{self.said}")
            piece = os.read(self.process.stdout.fileno(), 65536).decode()
            if not piece:
                raise AssertionError(f"wrennd ended:\n{self.said}")
            self.said += piece
            words = dict(re.findall(r"(WRENN_BASE_URL|WRENN_API_KEY)=(\S+)\n", self.said))
        self.settings = words
        return self

    def __exit__(self, *_):
        """unshare passes no signals on, so its child gets this one."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for pid in children.read_text().split() if children.exists() else []:
            os.kill(int(pid), signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def report(tests, *arguments):
    """Runs them and prints TAP; what those after a failed one need may be missing, and they fail as well."""
    failed = 0
    for number, test in enumerate(tests, 1):
        try:
            test(*arguments)
            print(f"ok {number} - {test.__doc__}", flush=True)
        except Skip as why:
            print(f"# {why}\nok {number} - {test.__doc__} # SKIP", flush=True)
        except Exception as error:  # all of them, for the tests after this one have to take the packages away
            failed += 1
            why = f"{type(error).__name__}: {error}".splitlines()
            print("".join(f"# {line}\n" for line in why) + f"not ok {number} - {test.__doc__}", flush=True)
    print(f"1..{len(tests)}")
    return failed
