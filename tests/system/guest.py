"""guest.py [WORD...]: runs in the system under test, as root: prints TAP. With words only tests whose names have one of them; in
front of a / is what a program's name has, behind it what those of its tests have."""
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import chosen

BUILD = Path("/srv/build-system")
WORDS = sys.argv[1:]
CGROUPS = Path("/sys/fs/cgroup")
UNITS = Path("/run/systemd/system")
USER, OTHER = "tester", "other"
PROGRAM = "/usr/local/bin/wrennd"
PATIENCE = 300  # all is emulated, and may share the machine

tests = []
speaks = threading.Lock()


def test(function):
    tests.append((function.__name__, function))
    return function


def wanted(name):
    return not WORDS or any(word.split("/")[0] in name for word in WORDS)


def words_for(name):
    """Which of the program's tests are asked for; none: those that are chosen."""
    asked = [word.partition("/")[2] for word in WORDS if word.split("/")[0] in name]
    return [] if "" in asked else asked


def say(text):
    with speaks:
        print(text, flush=True)


def run(*command, ok=True, **more):
    """What it says on both its outputs."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=300, **more)
    if ok and done.returncode:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}")
    return done.stdout


def as_user(*command, user=USER, ok=True):
    uid = run("id", "-u", user).strip()
    return run("runuser", "-u", user, "--", "env", f"XDG_RUNTIME_DIR=/run/user/{uid}", f"HOME=/home/{user}", *command, ok=ok)


def until(what, condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"after {PATIENCE} s still not: {what}"
        time.sleep(0.2)


# ---- a machine beside this one, which sandboxes may reach ----

OUTSIDE = "203.0.113.10"
NETWORK = {"allow": [f"{OUTSIDE}:8000"]}
SAY_HELLO = """import socket
server = socket.create_server(("", 8000))
while True: server.accept()[0].sendall(b"hello")"""
HEAR = """import errno, socket
for port in (8000, 8001):
    try: print(socket.create_connection(("%s", port), 30).recv(9).decode())
    except OSError as error: print(errno.errorcode[error.errno])""" % OUTSIDE


def make_outside():
    for line in ("ip netns add outside", "ip link add host0 type veth peer name out0 netns outside", "ip addr add 203.0.113.1/24 dev host0",
                 "ip link set host0 up", f"ip -n outside addr add {OUTSIDE}/24 dev out0", "ip -n outside link set out0 up"):
        run(*line.split())
    subprocess.Popen(["ip", "netns", "exec", "outside", "python3", "-c", SAY_HELLO])


# ---- wrennd ----

started = []


class Server:
    """One that systemd runs: as a unit of the system's, or of a user's."""

    def __init__(self, unit, port, user=None):
        self.unit, self.port, self.user = unit, port, user
        self.key = None

    def systemctl(self, *words, ok=True):
        if self.user:
            return as_user("systemctl", "--user", *words, user=self.user, ok=ok)
        return run("systemctl", *words, ok=ok)

    def said(self):
        field = "_SYSTEMD_USER_UNIT" if self.user else "_SYSTEMD_UNIT"
        return run("journalctl", "-q", "-o", "cat", f"{field}={self.unit}.service")

    def said_of(self):
        """By systemd."""
        field = "USER_UNIT" if self.user else "UNIT"
        return run("journalctl", "-q", "-o", "cat", f"{field}={self.unit}.service")

    def start(self):
        started.append(self)
        self.systemctl("start", self.unit)
        until("its key is in the journal", lambda: "WRENN_API_KEY=" in self.said())
        self.key = re.findall(r"WRENN_API_KEY=(\S+)", self.said())[-1]

    def fails_to_start(self, why):
        self.systemctl("start", self.unit, ok=False)
        self.systemctl("stop", self.unit, ok=False)
        assert why in self.said(), self.said()

    def call(self, method, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v1/sandboxes{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"X-API-Key": self.key, "Content-Type": "application/json"})
        end = time.monotonic() + PATIENCE
        while True:
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                    text = answer.read()
                return json.loads(text) if text else None
            except urllib.error.HTTPError as problem:
                # After a restart, until the sandbox is adopted: emulated, that takes longer than a start waits.
                if problem.code != 503 or time.monotonic() > end:
                    raise AssertionError(f"{method} {path}: {problem}: {problem.read()}") from problem
                time.sleep(0.2)

    def make(self, memory_mb=64, **more):
        return self.call("POST", "", {"template": "minimal", "memory_mb": memory_mb, "vcpus": 1, **more})

    def sh(self, box, line):
        return self.call("POST", f"/{box['id']}/exec", {"cmd": "sh", "args": ["-c", line]})

    def group(self, box):
        found = list(CGROUPS.glob(f"**/wrennd-*/{box['id']}"))
        assert len(found) == 1, found
        return found[0]

    def check_limits(self, box):
        assert box["isolation"]["limits"]["memory"] == "enforced", box["isolation"]
        assert (self.group(box) / "memory.max").read_text() == f"{box['memory_mb'] << 20}\n"

    def check_network(self, box, hears="hello\n{denied}\n"):
        told = self.call("POST", f"/{box['id']}/exec", {"cmd": "python3", "args": ["-c", HEAR]})
        assert told["stdout"] in [hears.format(denied=error) for error in ("EACCES", "EHOSTUNREACH")], told

    def check_pause(self, box):
        """What a network takes is counted with its sandbox, but not frozen with it: it has the policy that comes meanwhile."""
        def is_frozen(leaf):
            return "frozen 1\n" in (self.group(box) / leaf / "cgroup.events").read_text()

        for policy, hears in (({"allow": [f"{OUTSIDE}:8001"]}, "{denied}\nECONNREFUSED\n"), (NETWORK, "hello\n{denied}\n")):
            self.call("POST", f"/{box['id']}/pause")
            assert is_frozen("box") and not is_frozen("helpers")
            assert (self.group(box) / "helpers/cgroup.procs").read_text()
            if policy is NETWORK:
                self.systemctl("restart", self.unit)
            self.call("PUT", f"/{box['id']}/network", policy)
            self.call("POST", f"/{box['id']}/resume")
            self.check_network(box, hears)
            assert not is_frozen("box")

    def check_goes_on(self, box):
        self.check_network(box)
        assert self.call("GET", f"/{box['id']}")["status"] == "running"
        assert self.sh(box, "cat /root/kept")["stdout"] == "kept\n"
        assert (self.group(box) / "memory.max").read_text() == f"{box['memory_mb'] << 20}\n"


def ask_doctor(*settings):
    # A setting that used to be a boolean has a second name on D-Bus, for its new words.
    named = [setting.replace("ControlGroups=private", "ControlGroupsEx=private") for setting in settings]
    return run("systemd-run", "--pipe", "--wait", "-q", *(f"--property={name}" for name in named), PROGRAM, "doctor", ok=False)


def agents():
    return subprocess.run(["pgrep", "-x", ".wrenn-agent."], stdout=subprocess.PIPE, text=True).stdout.split()


def write_unit(name, *lines, user=None):
    UNITS.mkdir(exist_ok=True)
    (UNITS / f"{name}.service").write_text("\n".join(["[Service]", "Type=notify", "KillMode=process", *lines]) + "\n")
    run("systemctl", "daemon-reload")


def unit(name, port, *lines):
    """With no more than what is said, as operators write them."""
    write_unit(name, f"ExecStart={PROGRAM} --on-stop keep --listen 127.0.0.1:{port} --data-dir /var/lib/{name}",
               f"StateDirectory={name}", "StateDirectoryMode=0700", *lines)
    return Server(name, port)


def live_through_restarts(server):
    before = len(server.said_of())
    box = server.make(network=NETWORK)
    server.check_limits(box)
    server.check_network(box)
    server.sh(box, "echo kept >/root/kept")
    server.systemctl("restart", server.unit)
    server.check_goes_on(box)
    server.systemctl("kill", "--signal=KILL", "--kill-whom=main", server.unit)
    until("it is started again", lambda: "active\n" == server.systemctl("is-active", server.unit, ok=False))
    server.check_goes_on(box)
    server.check_pause(box)
    told = server.said_of()[before:]  # of programs in sandboxes systemd would speak, but there are none
    assert "left-over" not in told, told
    return box


def end_all():
    """What a test that failed has left, which would have the next ones fail, too."""
    for server in started:
        server.systemctl("kill", "--kill-whom=all", "--signal=KILL", server.unit, ok=False)
        server.systemctl("stop", server.unit, ok=False)
    started.clear()


def stop_for_good(server):
    server.systemctl("stop", server.unit)
    until("its sandboxes are gone", lambda: not agents())


# ---- units of the system's ----

@test
def system_unit():
    server = Server("wrennd", 8080)
    server.start()
    top = CGROUPS / "system.slice/wrennd.service"
    main = run("systemctl", "show", "-P", "MainPID", "wrennd").strip()
    assert Path(f"/proc/{main}/cgroup").read_text() == "0::/system.slice/wrennd.service/wrennd\n"
    box = live_through_restarts(server)
    assert server.group(box).parent.parent == top
    assert box["id"] in run("systemd-cgls", "--no-pager", "-l", "-u", "wrennd.service")
    stop_for_good(server)
    run("systemctl", "start", "wrennd")
    assert server.call("GET", f"/{box['id']}")["status"] == "stopped"
    assert run(PROGRAM, "doctor", "--leaks", "--data-dir", "/var/lib/wrennd") == "no leaks\n"
    stop_for_good(server)


@test
def limits_of_the_unit_hold_for_all():
    server = Server("wrennd", 8080)
    server.start()
    run("systemctl", "set-property", "--runtime", "wrennd", "MemoryMax=160M")
    box = server.make(memory_mb=1024)
    told = server.sh(box, "head -c 400M /dev/zero | tail >/dev/null; echo $?")
    assert told["stdout"] != "0\n", told
    assert server.sh(box, "echo well")["stdout"] == "well\n"
    assert run("systemctl", "is-active", "wrennd") == "active\n"
    run("systemctl", "set-property", "--runtime", "wrennd", "MemoryMax=infinity")
    stop_for_good(server)


@test
def unit_with_user():
    server = unit("mine", 8081, f"User={USER}", "Delegate=cpu memory pids", "DelegateSubgroup=wrennd", "Restart=always")
    server.start()
    box = live_through_restarts(server)
    assert server.group(box).is_relative_to(CGROUPS / "system.slice/mine.service")
    run("systemctl", "kill", "--kill-whom=all", "mine")
    stop_for_good(server)


@test
def unit_with_user_without_a_subgroup():
    """Has limits all the same; sandboxes end with it, and it can be started again."""
    server = unit("plain", 8082, f"User={USER}", "Delegate=yes")
    server.start()
    box = server.make()
    server.check_limits(box)
    assert "despite --on-stop" in server.said()
    run("systemctl", "restart", "plain")
    assert server.call("GET", f"/{box['id']}")["status"] == "stopped"
    server.check_limits(server.make())
    stop_for_good(server)


def is_without_limits(name, port, *settings):
    server = unit(name, port, "Delegate=cpu memory pids", "DelegateSubgroup=wrennd", *settings)
    server.start()
    assert "ProtectControlGroups=" in server.said(), server.said()
    told = ask_doctor(*settings)
    assert "ProtectControlGroups=" in told and "sandboxes can run here" in told, told
    assert server.sh(server.make(), "echo well")["stdout"] == "well\n"
    run("systemctl", "kill", "--kill-whom=all", name)
    stop_for_good(server)


@test
def unit_without_writable_cgroups():
    is_without_limits("closed", 8083, "ProtectControlGroups=yes")


@test
def unit_that_sees_its_own_cgroup_only():
    is_without_limits("narrow", 8086, "ProtectControlGroups=private", f"User={USER}")


def needs(name, port, setting, remedy):
    """It says so at its start, and doctor does."""
    unit(name, port, setting).fails_to_start(remedy)
    told = ask_doctor(setting)
    assert remedy in told and "can't run here" in told, told


@test
def unit_without_namespaces():
    needs("bare", 8084, "RestrictNamespaces=yes", "RestrictNamespaces=")


@test
def unit_without_host_names():
    needs("unnamed", 8087, "ProtectHostname=yes", "ProtectHostname=")


@test
def unit_with_users_of_its_own():
    needs("apart", 8088, "PrivateUsers=yes", "PrivateUsers=")


@test
def strict_unit_without_a_runtime_directory():
    run("rm", "-rf", "/run/wrennd")
    needs("strict", 8085, "ProtectSystem=strict", "RuntimeDirectory=wrennd")
    assert "StateDirectory=wrennd" in ask_doctor("ProtectSystem=strict")


# ---- the doctor ----

def namespaces_are_off(told):
    assert "run: sysctl -w user.max_user_namespaces=" in told and "5.19" not in told and "can't run here" in told, told


@test
def the_doctor_knows_when_namespaces_are_off():
    limit = Path("/proc/sys/user/max_user_namespaces")
    before = limit.read_text()
    limit.write_text("0")
    try:
        namespaces_are_off(ask_doctor())
        namespaces_are_off(as_user(PROGRAM, "doctor", ok=False))
    finally:
        limit.write_text(before)


@test
def the_doctor_knows_when_overlayfs_is_missing():
    forbids = Path("/run/modprobe.d/no-overlay.conf")
    forbids.parent.mkdir(exist_ok=True)
    forbids.write_text("install overlay /bin/false\n")
    try:
        until("nobody uses overlayfs", lambda: not run("modprobe", "-r", "overlay", ok=False))
        for told in (ask_doctor(), as_user(PROGRAM, "doctor", ok=False)):
            assert "run: modprobe overlay" in told and "can't run here" in told, told
    finally:
        forbids.unlink()


@test
def the_doctor_knows_when_nothing_is_delegated():
    told = ask_doctor(f"User={USER}")
    assert "Delegate=yes" in told and "sandboxes can run here" in told, told


@test
def the_doctor_knows_few_descriptors():
    told = ask_doctor("LimitNOFILE=256")
    assert "256 at most" in told and "LimitNOFILE=524288" in told and "sandboxes can run here" in told, told


# ---- users ----

@test
def user_service():
    server = Server("wrennd", 8080, user=USER)
    server.start()
    live_through_restarts(server)
    second = Server("wrennd", 8080, user=OTHER)
    second.fails_to_start("cannot listen on 127.0.0.1:8080: the address is in use")
    stop_for_good(server)


@test
def users_learn_of_limits():
    command = ["/usr/local/bin/wrenn", "run", "-m", "64", "--", "sh", "-c", "head -c 200M /dev/zero | tail >/dev/null; echo $?"]
    told = as_user(*command, ok=False)
    assert told.count("enforces no limit of memory") == 1, told
    assert "systemd-run --user --scope -p Delegate=yes" in as_user(PROGRAM, "doctor", ok=False)
    told = as_user("systemd-run", "--user", "--scope", "-q", "-p", "Delegate=yes", *command, ok=False)
    assert "enforces" not in told and told.strip() != "0", told


# ---- the suites ----

def programs(who):
    return [each for each in chosen.tests(BUILD, who) if wanted(f"{who}:{each['name']}")]


def run_program(who, each):
    """Says its lines of TAP, with its name; a program that does not get to its end has failed."""
    words = [f"{key}={value}" for key, value in each["env"].items() if key.startswith("WREN")]
    # Emulated, everything takes many times as long: no test of how long the loop is held.
    # Where /tmp is in memory, so would be all that sandboxes write.
    asked = words_for(f"{who}:{each['name']}")
    words = ["env", *words, "WRENND_HOLD_LIMIT_MS=10000", "TMPDIR=/var/tmp", *each["cmd"], *(asked or each["words"])]
    if who == "user":
        # A shell of the user ignores no signal either.
        words = ["systemd-run", "--user", "--pipe", "--wait", "-q", "--collect", "-p", "Delegate=yes", "-p", "IgnoreSIGPIPE=no", *words]
        uid = run("id", "-u", USER).strip()
        words = ["runuser", "-u", USER, "--", "env", f"XDG_RUNTIME_DIR=/run/user/{uid}", *words]
    # Each result as it comes: should the system end early, it is known how far it got.
    began = last = time.monotonic()
    program = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               cwd="/tmp", errors="replace")
    planned, results, notes = None, 0, []
    unseen = each["words"] if who == "root" and not asked else []  # what only root may do has no test for others
    for line in program.stdout:
        line = line.rstrip("\n")
        if plan := re.match(r"1\.\.(\d+)$", line):
            planned = int(plan[1])
        result = re.match(r"(ok|not ok) \d+ - (.*)", line)
        if not result:
            notes.append(f"# {line}")
            continue
        results += 1
        unseen = [word for word in unseen if word not in result[2]]
        now = time.monotonic()
        say("\n".join([*notes, f"# took {now - last:.0f} s", f"{result[1]} - {who}: {each['name']}: {result[2]}"]))
        last, notes = now, []
    if planned != results:
        notes.append(f"not ok - {who}: {each['name']}: ended with {program.wait()} before its end")
    notes += [f"not ok - {who}: {each['name']}: has no test {word} any more" for word in unseen]
    say("\n".join([*notes, f"# {who}: {each['name']} took {time.monotonic() - began:.0f} s"]))


def run_suites(who):
    """As Meson does it: those that take long first, and alone what has to be."""
    by_priority = sorted(programs(who), key=lambda each: -each["priority"])
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        list(workers.map(lambda each: run_program(who, each), [each for each in by_priority if each["is_parallel"]]))
    for each in by_priority:
        if not each["is_parallel"]:
            run_program(who, each)


def prepare():
    for user in (USER, OTHER):
        run("useradd", "-m", "-s", "/bin/sh", user)
        run("loginctl", "enable-linger", user)
    run("cp", "-a", f"{BUILD}/stage/usr/local/.", "/usr/local")
    run("ldconfig")
    run("systemctl", "daemon-reload")
    for user in (USER, OTHER):
        uid = run("id", "-u", user).strip()
        until("the user's systemd is there", lambda: Path(f"/run/user/{uid}/systemd/private").exists())
    make_outside()


def main():
    if not Path(f"/home/{USER}").exists():
        prepare()
    for name, function in tests:
        if not wanted(name):
            continue
        began = time.monotonic()
        try:
            function()
            result, notes = f"ok - {name}", []
        except (AssertionError, subprocess.SubprocessError, OSError) as problem:
            result, notes = f"not ok - {name}", f"{type(problem).__name__}: {problem}".splitlines()
            end_all()
        say("\n".join([*(f"# {note}" for note in notes), f"# took {time.monotonic() - began:.0f} s", result]))
    for who in ("root", "user"):
        run_suites(who)
    say("# end")


if __name__ == "__main__":
    try:
        main()
    except BaseException as problem:
        say(f"not ok - {type(problem).__name__}: {problem}".replace("\n", " "))
        sys.exit(1)
