#!/usr/bin/python3
"""Programs in a network namespace whose only way out is wrenn-gate, over TAP (where /dev/net/tun may be used) and over veth.

    test_links.py WRENN-GATE [--measure | NAME...]"""
import contextlib
import functools
import os
import shutil
import statistics
import subprocess
import sys

import world
from inside import Inside
from world import CLOSER, ECHO, LAZY, OUT, OUT6, POLICY, SINK, SLOW, SLOW_BYTES, SOURCE, Gate

PROGRAM = ""
ALLOWLIST = {**POLICY, "allow": ["allowed.test", "[2001:db8:1::10]:2007"]}


class Sandbox:
    def __init__(self, kind, policy=POLICY, flows=1200, user=None, has_heads=True):
        self.inside = Inside(kind, has_heads)
        self.kind, self.policy, self.flows, self.user = kind, policy, flows, user
        try:
            self.start()
        except BaseException:
            self.inside.close()
            raise
        self.python = self.inside.python

    def start(self):
        self.gate = Gate(PROGRAM, self.inside.link, "tap" if self.kind == "tap" else "packet", policy=self.policy, flows=self.flows, mtu=16384, user=self.user)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.gate.close()
        self.inside.close()


def programs_go_where_they_may(kind):
    with Sandbox(kind, ALLOWLIST) as box:
        done = box.inside.run("curl", "-sS", "http://allowed.test/")
        assert done.stdout == "fine", done
        assert box.python("s = socket.create_connection(('allowed.test', 2007)); s.sendall(b'hi'); print(s.recv(2).decode())") == "hi"
        assert box.python(f"s = socket.create_connection(('{OUT6}', 2007)); s.sendall(b'hi'); print(s.recv(2).decode())") == "hi"


def programs_learn_at_once_that_they_may_not(kind):
    with Sandbox(kind, ALLOWLIST) as box:
        error = "\ntry: socket.create_connection((sys.argv[1], int(sys.argv[2])), 30)\nexcept OSError as e: print(errno.errorcode.get(e.errno, e))"
        assert box.python(error, "203.0.113.1", "443") == "EHOSTUNREACH"
        assert box.python(error, "2001:db8:1::10", "443") == "EACCES"
        assert box.python(error, "127.0.0.1", "1") == "ECONNREFUSED" # its own
        assert box.python(error, OUT6, "2007") == ""
        done = box.inside.run("curl", "-sS", "https://evil.example/")
        assert done.returncode == 6, done # could not resolve
        done = box.inside.run("curl", "-sS", "-i", "--resolve", f"other.test:80:{OUT}", "http://other.test/")
        assert done.returncode == 7 # no name led there yet
        box.python("socket.getaddrinfo('allowed.test', 80)")
        done = box.inside.run("curl", "-sS", "-i", "--resolve", f"other.test:80:{OUT}", "http://other.test/")
        assert "403" in done.stdout and "policy" in done.stdout, done
        done = box.inside.run("curl", "-sS", "--resolve", f"other.test:443:{OUT}", "https://other.test/")
        assert done.returncode == 35 and "denied" in done.stderr, done
        assert box.python(error, OUT, "999") == "ECONNREFUSED"


def much_arrives_whole(kind):
    with Sandbox(kind) as box:
        text = f"""
import hashlib
s = socket.create_connection(('{OUT}', {ECHO}))
data = os.urandom(1 << 20) * 8
got = bytearray()
def read():
    while len(got) < len(data): got.extend(s.recv(1 << 20))
t = threading.Thread(target=read); t.start(); s.sendall(data); t.join()
print(hashlib.sha256(got).digest() == hashlib.sha256(data).digest())"""
        assert box.python(text) == "True"
        assert box.python(f"""
s = socket.create_connection(('{OUT}', {SLOW})); n = 0
while d := s.recv(1 << 20): n += len(d)
print(n)""") == str(SLOW_BYTES)
        stats = box.gate.stats()
        assert stats["bytes_in"] >= SLOW_BYTES + (8 << 20) and stats["bytes_out"] >= 8 << 20, stats


def segments_arrive_together(kind):
    """They are larger than the device's frames then, and none of them is lost."""
    for address in (OUT, OUT6):
        with Sandbox(kind) as box:
            largest = int(box.python(f"""
seen = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); seen.bind(('eth0', 3)); seen.setblocking(False)
s = socket.create_connection(('{address}', {SLOW})); n = most = 0
while d := s.recv(1 << 20):
    n += len(d)
    try:
        while True: most = max(most, seen.recv_into(bytearray(20), 20, socket.MSG_TRUNC))
    except BlockingIOError: pass
assert n == {SLOW_BYTES}, n
print(most)"""))
            assert largest > 16384 + 14, largest


def segments_are_acknowledged_together(kind):
    """Two by one, where both are there."""
    for address in (OUT, OUT6):
        with Sandbox(kind) as box:
            sent, acknowledged = map(int, box.python(f"""
seen = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); seen.bind(('eth0', 3)); seen.setblocking(False)
s = socket.create_connection(('{address}', {SINK})); counts = [0, 0]
def count():
    try:
        while True:
            size, _, _, (_, _, kind, _, _) = seen.recvmsg_into([bytearray(20)], 0, socket.MSG_TRUNC)
            if size > 16384 if kind == socket.PACKET_OUTGOING else size < 100: counts[kind == socket.PACKET_OUTGOING] += 1
    except BlockingIOError: pass
for _ in range(128):
    s.sendall(bytes(1 << 17)); count()
s.shutdown(socket.SHUT_WR); s.recv(99); count()
print(counts[True], counts[False])""").split())
            assert sent > 100 and acknowledged < sent, (sent, acknowledged) # the socket may lose some


def a_link_without_heads_is_served(kind):
    with Sandbox(kind, has_heads=False) as box:
        assert box.python(f"""
s = socket.create_connection(('{OUT}', {SLOW})); n = 0
while d := s.recv(1 << 20): n += len(d)
print(n)""") == str(SLOW_BYTES)


def a_server_that_does_not_read_holds_bytes_back(kind):
    with Sandbox(kind) as box:
        sent, got = box.python(f"""
s = socket.create_connection(('{OUT}', {LAZY})); s.settimeout(2); n = 0
try:
    while n < 64 << 20: n += s.send(bytes(1 << 16))
except TimeoutError: pass
held = n
socket.create_connection(('{OUT}', {SINK})).close()
s.settimeout(60); s.shutdown(socket.SHUT_WR)
print(held, int(s.recv(99)))""").split()
        assert sent == got and int(sent) < 64 << 20, (sent, got)


def a_thousand_connections_at_once(kind):
    with Sandbox(kind, {**POLICY, "rate": 100000}) as box:
        print("#", kind, box.python(f"""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
start = time.monotonic()
many = [socket.socket() for _ in range(1000)]
for s in many: s.setblocking(False); s.connect_ex(('{OUT}', {ECHO}))
for s in many: s.setblocking(True); s.settimeout(60); s.sendall(b'hi')
connected = time.monotonic() - start
for s in many: assert s.recv(2) == b'hi'
print('1000 connections: %.0f ms, echoed after %.0f ms' % (connected * 1000, (time.monotonic() - start) * 1000))"""))
        for _ in range(3): # closed by the server first
            box.python(f"""
for _ in range(1000):
    s = socket.create_connection(('{OUT}', {CLOSER}), 30); assert s.recv(1) == b'x' and s.recv(1) == b''; s.close()""")


def a_gate_that_crashed_is_replaced(kind):
    with Sandbox(kind) as box:
        box.gate.process.kill()
        box.gate.process.wait()
        box.start()
        assert box.python(f"s = socket.create_connection(('{OUT}', 2007), 30); s.sendall(b'hi'); print(s.recv(2).decode())") == "hi"


def connections_of_a_gate_that_crashed_are_reset(kind):
    with Sandbox(kind) as box:
        client = subprocess.Popen(["nsenter", "-t", str(box.inside.pid), "-n", "-m", "/usr/bin/python3", "-c", f"""
import socket
s = socket.create_connection(('{OUT}', 2007), 30); print('up', flush=True); input()
try: s.sendall(b'x'); print(s.recv(1))
except ConnectionResetError: print('reset')"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert client.stdout.readline() == "up\n"
        box.gate.process.kill()
        box.gate.process.wait()
        box.start()
        assert client.communicate("\n", 60)[0] == "reset\n"


def packages_install(kind):
    """pip, npm, git and apt, from servers of our own."""
    with Sandbox(kind, ALLOWLIST) as box:
        done = box.inside.run("sh", "-c", world.install_all(world.PACKAGES, box.inside.files))
        assert done.returncode == 0 and "pip 1.0\n" in done.stdout, done
        print("#", kind, *done.stdout.split("\n"))
        done = box.inside.run("/usr/bin/python3", "-m", "pip", "download", "-q", "--no-deps", "--no-cache-dir", "--disable-pip-version-check", "--isolated", "--retries", "0", "-d", box.inside.files,
                              "--index-url", "http://other.test:8000/simple", "--trusted-host", "other.test", "tiny")
        assert done.returncode != 0 and ("dns", "", 0, "other.test", "name-not-allowed") in box.gate.denied(), done


def an_ordinary_user_gets_a_gate_too(kind):
    if os.geteuid() != 0 or os.environ.get("WRENN_WORLD_USER") != "0":
        return
    with Sandbox(kind, user=65534) as box:
        assert box.python(f"s = socket.create_connection(('{OUT}', 2007), 30); s.sendall(b'hi'); print(s.recv(2).decode())") == "hi"
        for pid in (box.gate.process.pid, box.gate.stack_pid()):
            with open(f"/proc/{pid}/status") as file:
                status = file.read()
            assert "Seccomp:\t2" in status or "asan" in PROGRAM, status
            assert "CapEff:\t0000000000000000" in status, status


# ---- measuring ----

ROUNDS = 7
COUNTED = "import errno, os, socket, struct, sys, threading, time\n"
MEASURED = {"up Gbit/s": f"""
s = socket.create_connection(('{OUT}', {SINK})); d = bytes(1 << 20); n = 0; start = time.monotonic()
while time.monotonic() - start < 1: s.sendall(d); n += 1
print(n * 8.39e6 / (time.monotonic() - start) / 1e9)""",
            "down Gbit/s": f"""
s = socket.create_connection(('{OUT}', {SOURCE})); b = bytearray(1 << 20); n = 0; start = time.monotonic()
while time.monotonic() - start < 1: n += s.recv_into(b)
print(n * 8 / (time.monotonic() - start) / 1e9)""",
            "connect + 1 byte us": f"""
t = []
for _ in range(200):
    start = time.perf_counter(); s = socket.create_connection(('{OUT}', {CLOSER})); s.recv(1); t.append(time.perf_counter() - start); s.close()
print(sorted(t)[100] * 1e6)""",
            "name us": """
t = []
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect((sys.argv[1], 53)); s.settimeout(10)
for _ in range(200):
    start = time.perf_counter(); s.send(struct.pack('>HHHHHH', 7, 0x100, 1, 0, 0, 0) + b'\\7allowed\\4test\\0\\0\\1\\0\\1'); s.recv(512); t.append(time.perf_counter() - start)
print(sorted(t)[100] * 1e6)"""}


class Slirp4netns:
    """The yardstick: the same library, in one process, without a policy."""

    def __init__(self):
        self.inside = Inside("slirp4netns")
        ready, is_ready = os.pipe()
        self.process = subprocess.Popen(["slirp4netns", "-c", "--mtu=65520", "-r", str(is_ready), str(self.inside.pid), "tap0"], pass_fds=[is_ready],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(is_ready)
        assert os.read(ready, 1), "slirp4netns does not start"
        os.close(ready)
        self.python = self.inside.python

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.inside.close()


def directly(text, *words):
    return subprocess.run(["/usr/bin/python3", "-c", COUNTED + text, *words], check=True, capture_output=True, text=True, timeout=100).stdout


def memory(gate):
    sizes = []
    for pid in (gate.process.pid, gate.stack_pid()):
        with open(f"/proc/{pid}/smaps_rollup") as file:
            sizes.append(next(int(line.split()[1]) for line in file if line.startswith("Private_Dirty")))
    return sizes


def measure():
    """In turns, so that all find the machine equally busy."""
    found, policy = {}, {**POLICY, "rate": 1000000}
    with contextlib.ExitStack() as open_ones:
        paths = {"direct": (directly, world.DNS)}
        kinds = [kind for kind in ("tap", "veth") if kind == "veth" or os.access("/dev/net/tun", os.R_OK | os.W_OK)]
        boxes = {kind: open_ones.enter_context(Sandbox(kind, policy)) for kind in kinds}
        if shutil.which("slirp4netns"):
            paths["slirp4netns"] = (open_ones.enter_context(Slirp4netns()).python, world.DNS)
        paths.update({f"gate, {kind}": (box.python, "192.0.0.1") for kind, box in boxes.items()})
        for _ in range(ROUNDS):
            for what, text in MEASURED.items():
                for path, (python, server) in paths.items():
                    found.setdefault((path, what), []).append(float(python(text, server)))
        medians = {key: statistics.median(values) for key, values in found.items()}
        print(f"{f'the network of sandboxes, medians of {ROUNDS}':<42}" + "".join(f"{what:>28}" for what in MEASURED))
        for path in paths:
            ratios = [medians[path, what] / medians["slirp4netns", what] if "slirp4netns" in paths else 0 for what in MEASURED]
            print(f"  {path:<40}" + "".join(f"{f'{medians[path, what]:.1f} ({ratio:.2f} x)':>28}" for what, ratio in zip(MEASURED, ratios)))
        print("  (x: over slirp4netns, which is " + ("that of Debian with an MTU of 65520)" if "slirp4netns" in paths else "not installed)"))
        for kind, box in boxes.items():
            print("  memory of a gate, %s: broker %d, stack %d KiB of its own" % (kind, *memory(box.gate)))


TESTS = [programs_go_where_they_may, programs_learn_at_once_that_they_may_not, much_arrives_whole, segments_arrive_together, segments_are_acknowledged_together, a_link_without_heads_is_served, a_server_that_does_not_read_holds_bytes_back, a_thousand_connections_at_once,
         a_gate_that_crashed_is_replaced, connections_of_a_gate_that_crashed_are_reset, packages_install, an_ordinary_user_gets_a_gate_too]


def over(kind, test):
    @functools.wraps(test)
    def run():
        if kind == "tap" and not os.access("/dev/net/tun", os.R_OK | os.W_OK):
            return "/dev/net/tun may not be used"
        return test(kind)
    run.__name__ = f"{test.__name__}_over_{kind}"
    return run


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv[1])
    os.environ["WRENN_WORLD_USER"] = str(os.geteuid())
    world.make()
    if "--measure" in sys.argv:
        sys.exit(measure())
    sys.exit(1 if world.run_tests([over(kind, test) for test in TESTS for kind in ("tap", "veth")], sys.argv[2:]) else 0)
