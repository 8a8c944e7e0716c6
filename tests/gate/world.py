"""A small world for wrenn-gate: this process becomes root of a machine with a network of its own (`host`), beside it lies another one
that has every other address (`outside`), with servers on some. No rights are needed. What is made goes with the processes."""
import atexit
import ctypes
import hashlib
import http.server as http_server
import io
import ipaddress
import json
import os
import random
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile

CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWNS = 0x10000000, 0x40000000, 0x00020000
LIBC = ctypes.CDLL(None, use_errno=True)
HOST, OUT, OUT6, DNS = "198.51.100.1", "198.51.100.10", "2001:db8:1::10", "198.51.100.53"
ECHO, SINK, SLOW, LAZY, SOURCE, CLOSER = 2007, 2009, 2010, 2011, 2012, 2013
SLOW_BYTES = 16 << 20 # many times what all buffers on the way hold
PACKAGES = "http://allowed.test:8000"

# What the name server outside says: name to addresses, or to another name.
NAMES = {
    "allowed.test": [OUT, OUT6], "other.test": [OUT], "alias.test": "allowed.test", "mixed.test": ["10.9.9.9", OUT],
    "private.test": ["10.9.9.9"], "metadata.test": ["169.254.169.254"], "loopback.test": ["127.0.0.1"], "host.test": [HOST],
    "mapped.test": ["::ffff:10.9.9.9"], "nat64.test": ["64:ff9b::7f00:1"], "ula.test": ["fd00:9::9"], "linked.test": "private.test",
    "late.test": [OUT], "ntp.test": [OUT], "big.test": [f"198.51.100.{n}" for n in range(100, 116)], "denied.test": [OUT],
}


def unshare(flags):
    if LIBC.unshare(flags):
        raise OSError(ctypes.get_errno(), "unshare")


def run(text):
    subprocess.run(text.split(), check=True)


def become_root_of_a_network():
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        return unshare(CLONE_NEWNET | CLONE_NEWNS)
    unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


# ---- outside ----

def serve_tcp(port, handle):
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=2048)

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=guarded, args=(handle, connection), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def guarded(handle, connection):
    with connection:
        try:
            handle(connection)
        except OSError:
            pass


def echo(connection):
    while data := connection.recv(65536):
        connection.sendall(data)


def slow(connection):
    connection.sendall(b"z" * SLOW_BYTES)


def source(connection):
    block = bytes(1 << 20)
    while True:
        connection.sendall(block)


def lazy(connection):
    """Reads nothing until somebody connects to SINK; then says how much there was."""
    AWAKE.clear()
    AWAKE.wait(60)
    total = 0
    while data := connection.recv(1 << 20):
        total += len(data)
    connection.sendall(b"%d" % total)


AWAKE = threading.Event()


def sink(connection):
    AWAKE.set()
    while connection.recv(1 << 20):
        pass


def closer(connection):
    connection.sendall(b"x")


def http(connection):
    """An answer to each head, as far as that can be told without reading it."""
    data = b""
    while more := connection.recv(65536):
        data += more
        if b"\r\n\r\n" in data:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")
            data = b""


def tls(connection):
    """Not TLS: says that it was reached, and with how many bytes."""
    total = len(connection.recv(65536))
    connection.sendall(b"reached %d" % total)


class Proxy:
    """An HTTP proxy on this machine that knows names of its own, and what it was asked for."""

    NAMES = {"allowed.test": OUT, "other.test": OUT, "dark.test": OUT}

    def __init__(self):
        self.asked, self.listener = [], socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def settings(self, authorization=""):
        return {"address": "127.0.0.1", "port": self.port, "authorization": authorization}

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=guarded, args=(self.serve, connection), daemon=True).start()

    def serve(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(4096)
            if not data:
                return
            head += data
        self.asked.append(head.decode())
        host, _, port = head.split(b" ")[1].decode().rpartition(":")
        if host == "dark.test":
            return connection.sendall(b"HTTP/1.1 403 no\r\nContent-Length: 2\r\n\r\nno")
        if host == "mute.test":
            return connection.sendall(b"220 mail ready\r\n\r\n")
        try:
            far = socket.create_connection((self.NAMES.get(host, host.strip("[]")), int(port)), 10)
        except OSError:
            return connection.sendall(b"HTTP/1.1 503 down\r\n\r\n")
        with far:
            for byte in b"HTTP/1.1 200 fine\r\nVia: test\r\n\r":
                connection.sendall(bytes([byte]))
            connection.sendall(b"\n" + (far.recv(100) if int(port) == CLOSER else b""))
            while True:
                for one in select.select([connection, far], [], [])[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    (far if one is connection else connection).sendall(data)


def digest(data, kind="sha256"):
    return hashlib.new(kind, data).hexdigest()


def put(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def make_wheel(place):
    info, data = "tiny-1.0.dist-info", io.BytesIO()
    with zipfile.ZipFile(data, "w") as wheel:
        wheel.writestr("tiny.py", "version = '1.0'\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"tiny.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    put(f"{place}/simple/tiny/tiny-1.0-py3-none-any.whl", data.getvalue())
    put(f"{place}/simple/tiny/index.html", b"<a href='tiny-1.0-py3-none-any.whl'>tiny-1.0-py3-none-any.whl</a>")


def make_node_module(place, url):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, text in (("package.json", b'{"name":"tiny","version":"1.0.0","main":"index.js"}'), ("index.js", b"exports.version = '1.0.0'\n")):
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    put(f"{place}/npm/tiny.tgz", data.getvalue())
    dist = {"tarball": f"{url}/npm/tiny.tgz", "shasum": digest(data.getvalue(), "sha1")}
    put(f"{place}/npm/tiny", json.dumps({"name": "tiny", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": {"name": "tiny", "version": "1.0.0", "dist": dist}}}).encode())


def make_debian_package(place):
    fields = "Package: tiny\nVersion: 1.0\nArchitecture: all\nMaintainer: Test <t@t>\nDescription: tiny\n"
    put(f"{place}/deb/DEBIAN/control", fields.encode())
    put(f"{place}/deb/opt/tiny", b"1.0\n")
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", f"{place}/deb", f"{place}/tiny.deb"], check=True, stdout=subprocess.DEVNULL)
    with open(f"{place}/tiny.deb", "rb") as file:
        data = file.read()
    packages = f"{fields}Filename: ./tiny.deb\nSize: {len(data)}\nSHA256: {digest(data)}\n".encode()
    put(f"{place}/apt/tiny.deb", data)
    put(f"{place}/apt/Packages", packages)
    put(f"{place}/apt/Release", f"Origin: test\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n {digest(packages)} {len(packages)} Packages\n".encode())


def make_repository(place):
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t"}
    for words in (f"init -q {place}/work", f"-C {place}/work commit -q --allow-empty -m one", f"clone -q --bare {place}/work {place}/repository.git",
                  f"-C {place}/repository.git update-server-info"):
        subprocess.run(["git", *words.split()], check=True, env=environment)


def make_packages(place, url):
    """Packages of Python, Node and Debian and a repository of git, as plain files for a web server."""
    make_wheel(place)
    make_node_module(place, url)
    if shutil.which("dpkg-deb"):
        make_debian_package(place)
    if shutil.which("git"):
        make_repository(place)


def install_all(url, place):
    """A script that installs all of them, and says which; what a machine has no program for is left out. Its own files are in `place`."""
    return f"""set -e
mkdir -p {place}; cd {place}; export HOME={place} PIP_INDEX_URL={url}/simple PIP_TRUSTED_HOST={url.split("/")[2].split(":")[0]} GIT_CONFIG_NOSYSTEM=1
python3 -m pip install -q --isolated --no-cache-dir --disable-pip-version-check --index-url $PIP_INDEX_URL --trusted-host $PIP_TRUSTED_HOST --target {place}/python tiny
PYTHONPATH={place}/python python3 -c 'import tiny; print("pip", tiny.version)'
if [ -x /usr/bin/npm ]; then
  npm install --silent --no-audit --no-fund --no-update-notifier --registry {url}/npm/ --prefix {place}/node tiny > /dev/null
  NODE_PATH={place}/node/node_modules node -e 'console.log("npm", require("tiny").version)'
fi
if [ -x /usr/bin/git ]; then
  git clone -q {url}/repository.git {place}/clone; git -C {place}/clone log --format='git %s'
fi
if [ -x /usr/bin/apt-get ]; then
  mkdir -p apt/state/lists/partial apt/cache/archives/partial root/var/lib/dpkg/info root/var/lib/dpkg/updates
  : > root/var/lib/dpkg/status; : > root/var/lib/dpkg/available; echo 'deb [trusted=yes] {url}/apt ./' > apt/sources.list
  cat > apt/conf << EOF
Dir::State "{place}/apt/state"; Dir::State::status "{place}/root/var/lib/dpkg/status"; Dir::Cache "{place}/apt/cache"; Dir::Log "{place}/apt";
Dir::Etc::sourcelist "{place}/apt/sources.list"; Dir::Etc::sourceparts "-"; Dir::Etc::preferencesparts "-"; Dir::Etc::parts "-"; Dir::Etc::main "-";
APT::Sandbox::User "root"; DPkg::Options {{ "--root={place}/root"; "--force-not-root"; "--force-script-chrootless"; "--log={place}/apt/log"; }};
DPkg::Path "/usr/sbin:/usr/bin:/sbin:/bin";
EOF
  export APT_CONFIG={place}/apt/conf
  apt-get -qq update; apt-get -qq -y install tiny > apt/said; echo apt $(cat root/opt/tiny)
fi
"""


def serve_packages(place, url):
    make_packages(place, url)

    class Handler(http_server.SimpleHTTPRequestHandler):
        def __init__(self, *words):
            super().__init__(*words, directory=place)

        def log_message(self, *words):
            pass

    server = http_server.ThreadingHTTPServer(("0.0.0.0", int(url.split(":")[2])), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


ASKED = set() # names; whether "x" is one of them tells "x.asked.test", which is there or not


def dns_reply(query):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    name, kind = ".".join(labels).lower(), struct.unpack(">H", query[at + 1:at + 3])[0]
    question, answers, owner = query[12:at + 5], [], b"\xc0\x0c"
    found = NAMES.get(name, [OUT] if name.endswith(".tunnel.test") else None)
    if name.endswith(".asked.test"):
        found = [OUT] if name.removesuffix(".asked.test") in ASKED else None
    ASKED.add(name)
    code = 3 if found is None else 0
    if isinstance(found, str):
        target = b"".join(bytes([len(part)]) + part.encode() for part in found.split(".")) + b"\0"
        answers.append(owner + struct.pack(">HHIH", 5, 1, 60, len(target)) + target)
        found, owner = NAMES[found], target
    for text in found or []:
        address = ipaddress.ip_address(text)
        if kind == {4: 1, 6: 28}[address.version]:
            answers.append(owner + struct.pack(">HHIH", kind, 1, 60, len(address.packed)) + address.packed)
    return query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(answers), 0, 0) + question + b"".join(answers)


def serve_udp(address, port, handle):
    server = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, port))

    def loop():
        while True:
            data, who = server.recvfrom(65536)
            if answer := handle(data):
                server.sendto(answer, who)

    threading.Thread(target=loop, daemon=True).start()


def dns_udp(query):
    if b"\4late" in query and "late.test" not in ASKED:
        return ASKED.add("late.test") # no answer the first time
    reply = dns_reply(query)
    return reply[:2] + struct.pack(">H", struct.unpack(">H", reply[2:4])[0] | 0x200) + reply[4:6] + b"\0\0" + reply[8:len(query[:-11])] if b"\3big" in query else reply


def dns_tcp(connection):
    query = connection.recv(4096)
    if len(query) < 2 + struct.unpack(">H", query[:2])[0]:
        query += connection.recv(4096)
    reply = dns_reply(query[2:])
    connection.sendall(struct.pack(">H", len(reply)) + reply)


def be_outside(ready, place):
    os.read(ready, 1)
    LIBC.prctl(1, signal.SIGKILL)
    run("ip link set lo up")
    run("ip link set gs1 up")
    for address in (f"{OUT}/24", f"{DNS}/24"):
        run(f"ip addr add {address} dev gs1")
    run("ip -6 addr add 2001:db8:1::10/64 dev gs1 nodad")
    run("ip route add local default dev lo")
    for port, handle in ((ECHO, echo), (SINK, sink), (SLOW, slow), (LAZY, lazy), (SOURCE, source), (CLOSER, closer), (80, http), (443, tls), (21, echo), (22, echo), (6667, echo), (25, echo), (53, dns_tcp)):
        serve_tcp(port, handle)
    serve_udp(DNS, 53, dns_udp)
    for address in (OUT, OUT6, DNS):
        serve_udp(address, ECHO, lambda data: data)
    serve_udp(OUT, 123, lambda data: data)
    serve_packages(place, PACKAGES)


def make():
    """Makes this world. Returns the process outside."""
    become_root_of_a_network()
    ready, go = os.pipe()
    up, is_up = os.pipe()
    place = tempfile.mkdtemp(prefix="wrenn-gate-test-")
    atexit.register(shutil.rmtree, place, True)
    child = os.fork()
    if child == 0:
        unshare(CLONE_NEWNET)
        os.write(is_up, b"1")
        be_outside(ready, place)
        os.write(is_up, b"2")
        signal.pause()
        os._exit(0)
    os.read(up, 1)
    run("ip link set lo up")
    run(f"ip link add gs0 type veth peer name gs1 netns {child}")
    run("ip link set gs0 up")
    run(f"ip addr add {HOST}/24 dev gs0")
    run("ip -6 addr add 2001:db8:1::1/64 dev gs0 nodad")
    run(f"ip route add default via {OUT}")
    run("ip -6 route add default via 2001:db8:1::10")
    run("ip route add local 203.0.112.0/24 dev lo") # addresses that no interface has, and are this machine's all the same
    os.write(go, b"1")
    os.read(up, 1)
    return child


# ---- the gate ----

POLICY = {"egress": "allowlist", "name_servers": [DNS], "hosts": "198.51.100.10 hosted.test # here\n127.0.0.1 localhost\n",
          "allow": ["0.0.0.0/0:1-65535/tcp", "0.0.0.0/0:2007/udp", "0.0.0.0/0", "2000::/3", "*.test", "localhost", "10.0.0.0/8"]}


class Gate:
    def __init__(self, program, link, kind, policy=POLICY, user=None, state=None, mtu=1500, flows=512, extra=()):
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(20)
        passed = [theirs.fileno()] + ([state] if state is not None else [])
        words = [program, f"--control={passed[0]}", f"--mtu={mtu}", f"--flows={flows}", *extra]
        if state is not None:
            words.append(f"--state={state}")
        if user:
            words = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *words]
        self.process = subprocess.Popen(words, pass_fds=passed)
        theirs.close()
        self.next_id = 1
        assert self.receive() == {"event": "ready"}
        self.set(policy)
        answer = self.ask("link", [link.fileno() if hasattr(link, "fileno") else link], kind=kind, ipv6=True)
        assert answer["ok"], answer

    def receive(self):
        data = self.control.recv(1 << 19)
        assert data, f"the gate has ended: {self.process.wait()}"
        return json.loads(data)

    def ask(self, what, fds=(), **members):
        socket.send_fds(self.control, [json.dumps({"id": self.next_id, "do": what, **members}).encode()], fds)
        answer = self.receive()
        assert answer.get("id") == self.next_id, answer
        self.next_id += 1
        return answer

    def set(self, policy):
        answer = self.ask("set", **policy)
        assert answer["ok"], answer
        return answer["cut"]

    def stats(self):
        return self.ask("stats")

    def denied(self):
        return {(d["proto"], d["address"], d["port"], d["name"], d["reason"]): d["count"] for d in self.stats()["denied"]}

    def stack_pid(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            return int(file.read())

    def close(self):
        self.control.close()
        return self.process.wait(20)


# ---- frames ----

ME, GATE_MAC = b"\x02\0\0\0\0\x02", b"\x52\x55\xc0\0\0\1"
IP, GW, IP6, GW6 = "192.0.0.2", "192.0.0.1", "fd77:7265:6e6e::2", "fd77:7265:6e6e::1"
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32


def checksum(data):
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def packed(text):
    return ipaddress.ip_address(text).packed


def pseudo(src, dst, proto, size):
    both = packed(src) + packed(dst)
    return both + (struct.pack(">BBH", 0, proto, size) if len(both) == 8 else struct.pack(">IHBB", size, 0, 0, proto))


def ip4(src, dst, proto, body, off=0, ident=1, opts=b"", total=None, bad=False):
    words = 5 + len(opts) // 4
    head = struct.pack(">BBHHHBBH", 4 << 4 | words, 0, total if total is not None else words * 4 + len(body), ident, off, 64, proto, 0)
    head += packed(src) + packed(dst) + opts
    return head[:10] + struct.pack(">H", checksum(head) ^ (0x55 if bad else 0)) + head[12:] + body


def ip6(src, dst, proto, body, hops=64):
    return struct.pack(">IHBB", 6 << 28, len(body), proto, hops) + packed(src) + packed(dst) + body


def tcp(src, dst, sport, dport, flags=SYN, seq=1000, ack=0, data=b"", words=5, urgent=0, bad=False):
    head = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff, words << 4, flags, 64000, 0, urgent) + data
    return head[:16] + struct.pack(">H", checksum(pseudo(src, dst, 6, len(head)) + head) ^ (0x55 if bad else 0)) + head[18:]


def udp(src, dst, sport, dport, data):
    head = struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data
    return head[:6] + struct.pack(">H", checksum(pseudo(src, dst, 17, len(head)) + head) or 0xffff) + head[8:]


def icmp(kind, code, rest, src=None, dst=None):
    body = bytes([kind, code, 0, 0]) + rest
    total = checksum((pseudo(src, dst, 58, len(body)) if src else b"") + body)
    return body[:2] + struct.pack(">H", total) + body[4:]


def ether(kind, packet, src=ME):
    return GATE_MAC + src + struct.pack(">H", kind) + packet


def frame(dst, proto, body, src=None, **more):
    six = ":" in dst
    src = src or (IP6 if six else IP)
    return ether(0x86dd, ip6(src, dst, proto, body, **more)) if six else ether(0x800, ip4(src, dst, proto, body, **more))


def tcp_frame(dst, sport, dport, **more):
    return frame(dst, 6, tcp(IP6 if ":" in dst else IP, dst, sport, dport, **more))


def udp_frame(dst, sport, dport, data):
    return frame(dst, 17, udp(IP6 if ":" in dst else IP, dst, sport, dport, data))


class Packet:
    """What the gate sent, taken apart."""

    def __init__(self, data):
        self.kind = struct.unpack(">H", data[12:14])[0]
        self.src = self.text = ""
        if self.kind == 0x806:
            self.text = "arp"
        elif self.kind == 0x800:
            body = data[14 + (data[14] & 15) * 4:14 + struct.unpack(">H", data[16:18])[0]]
            assert checksum(data[14:34]) == 0, "IP checksum"
            self.read(data[23], str(ipaddress.ip_address(data[26:30])), str(ipaddress.ip_address(data[30:34])), body)
        elif self.kind == 0x86dd:
            self.read(data[20], str(ipaddress.ip_address(data[22:38])), str(ipaddress.ip_address(data[38:54])), data[54:54 + struct.unpack(">H", data[18:20])[0]])

    def read(self, proto, src, dst, body):
        self.src, self.body = src, body
        if proto != 1:
            assert checksum(pseudo(src, dst, proto, len(body)) + body) == 0, "checksum"
        if proto == 6:
            self.sport, self.dport, self.seq, self.ack, offset, self.flags = struct.unpack(">HHIIBB", body[:14])
            self.data = body[(offset >> 4) * 4:]
            self.text = "tcp " + "+".join(word for bit, word in ((SYN, "syn"), (ACK, "ack"), (RST, "rst"), (FIN, "fin")) if self.flags & bit)
        elif proto == 17:
            self.sport, self.dport = struct.unpack(">HH", body[:4])
            self.data, self.text = body[8:], "udp"
        else:
            self.text = f"icmp {body[0]}/{body[1]}"

    def __repr__(self):
        return f"{self.text} from {self.src}"


class Guest:
    """A sandbox that makes its frames itself, as a virtual machine can."""

    def __init__(self, program, **more):
        self.link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for end in (self.link, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        self.gate = Gate(program, theirs, "dgram", **more)
        theirs.close()
        self.port = 20000
        self.arp()

    def arp(self):
        self.send(ether(0x806, struct.pack(">HHBBH", 1, 0x800, 6, 4, 1) + ME + packed(IP) + b"\0" * 6 + packed(GW)))
        assert self.wait(lambda p: p.text == "arp")
        self.send(frame(GW6, 58, icmp(135, 0, b"\0" * 4 + packed(GW6) + b"\1\1" + ME, IP6, GW6), hops=255))
        assert self.wait(lambda p: p.text == "icmp 136/0")

    def send(self, data):
        self.link.send(data)

    def wait(self, wanted, seconds=20):
        """The first packet that is wanted; None when there is none in time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and select.select([self.link], [], [], left)[0]:
            packet = Packet(self.link.recv(70000))
            if packet.text and wanted(packet):
                return packet
        return None

    def next_port(self):
        self.port += 1
        return self.port

    def after(self, *frames):
        """What the gate sent until it had handled these frames: then comes the answer to a ping of the gate."""
        for data in frames:
            self.send(data)
        out = []
        # Twice: what the stack asked of the broker is answered by then.
        for _ in range(2):
            self.gate.stats()
            self.send(frame(GW, 1, icmp(8, 0, struct.pack(">HH", 7, 7))))
            while True:
                packet = self.wait(lambda p: True)
                assert packet, "the gate does not answer"
                if packet.text == "icmp 0/0" and packet.src == GW:
                    break
                out.append(packet)
        return out

    def connect(self, dst, dport):
        """A connection, or the packet that said no."""
        sport, seq = self.next_port(), random.getrandbits(32)
        self.send(tcp_frame(dst, sport, dport, seq=seq))
        answer = self.wait(lambda p: (p.text.startswith("tcp") and p.dport == sport) or p.text.startswith("icmp"))
        if not answer or not answer.text == "tcp syn+ack":
            return answer
        connection = Connection(self, dst, sport, dport, seq + 1, answer.seq + 1)
        connection.send(ACK)
        return connection

    def ask(self, name, kind=1, server=GW, raw=None):
        """(code, addresses, text of the reason) of a question about a name."""
        sport = self.next_port()
        labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
        query = raw or struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 1) + labels + struct.pack(">BHH", 0, kind, 1) + b"\0\0\x29\x04\xd0" + b"\0" * 6
        self.send(udp_frame(server, sport, 53, query))
        answer = self.wait(lambda p: p.text == "udp" and p.dport == sport or p.text.startswith("icmp"))
        return read_answer(answer.data, len(query) - 11) if answer.text == "udp" else answer


def read_answer(data, at):
    code, count, addresses = data[3] & 15, struct.unpack(">H", data[6:8])[0], []
    for _ in range(count):
        size = struct.unpack(">H", data[at + 10:at + 12])[0]
        addresses.append(str(ipaddress.ip_address(data[at + 12:at + 12 + size])))
        at += 12 + size
    return code, addresses, data[at + 11:][6:].decode()


class Connection:
    def __init__(self, guest, dst, sport, dport, seq, ack):
        self.guest, self.dst, self.sport, self.dport, self.seq, self.ack = guest, dst, sport, dport, seq, ack

    def send(self, flags, data=b"", **more):
        self.guest.send(tcp_frame(self.dst, self.sport, self.dport, flags=flags, seq=self.seq, ack=self.ack, data=data, **more))
        self.seq += len(data) + bool(flags & FIN)

    def receive(self, size):
        """As many bytes, or until the end; `self.ended` is "fin" or "rst" then."""
        out, self.ended = b"", ""
        while len(out) < size and not self.ended:
            packet = self.guest.wait(lambda p: p.text.startswith("tcp") and p.dport == self.sport and p.sport == self.dport)
            assert packet, f"nothing comes after {out!r}"
            if packet.flags & RST:
                self.ended = "rst"
            elif packet.seq == self.ack & 0xffffffff:
                out += packet.data
                self.ack += len(packet.data) + bool(packet.flags & FIN)
                self.ended = "fin" if packet.flags & FIN else ""
                if packet.data or self.ended:
                    self.send(ACK)
        return out


# ---- tests ----

def run_tests(tests, names=()):
    tests = [test for test in tests if not names or any(name in test.__name__ for name in names)]
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, test in enumerate(tests, 1):
        try:
            reason = test()
            print(f"ok {number} - {test.__name__}" + (f" # SKIP {reason}" if reason else ""), flush=True)
        except Exception as error: # whatever it is, the others are to run
            failed += 1
            import traceback
            traceback.print_exc(file=sys.stderr)
            print(f"not ok {number} - {test.__name__}: {type(error).__name__}: {error}", flush=True)
    return failed


if __name__ == "__main__":
    # For others: "serve URL" serves the packages until the process is killed, and says when; "script URL DIR" prints install_all().
    if sys.argv[1] == "script":
        print(install_all(*sys.argv[2:]))
    else:
        unshare(CLONE_NEWNS)
        run("mount --make-rprivate /")
        run("mount -t tmpfs packages /tmp") # goes with the process
        os.environ.pop("TMPDIR", None) # it may have been below
        serve_packages(tempfile.mkdtemp(), sys.argv[2])
        os.write(1, b".")
        signal.pause()
