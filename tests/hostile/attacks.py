"""Hostile clients and guests, one function each: `attack(world)` goes on until world.over(). Each runs in a process of its
own. What it meets on its way, refusals and broken connections too, is no concern of its."""
import base64
import json
import os
import socket
import struct
import time

SOCKET_SECONDS = 10
ATTACKS = []


def attack(function):
    ATTACKS.append(function)
    return function


class World:
    """What an attacker knows: the server, a key of a team of its own, when to stop, and how much of it there is to be."""

    def __init__(self, port, key, ends, small):
        self.port, self.key, self.ends, self.small = port, key, ends, small

    def over(self):
        return time.monotonic() >= self.ends

    def rest(self, seconds):
        time.sleep(max(0, min(seconds, self.ends - time.monotonic())))

    def some(self, many, few):
        return few if self.small else many

    def dial(self):
        return socket.create_connection(("127.0.0.1", self.port), SOCKET_SECONDS)

    def head(self, method, path, *fields, host="localhost", key=True):
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *fields]
        lines += [f"X-API-Key: {self.key}"] if key else []
        return "\r\n".join(lines + ["", ""]).encode()

    def request(self, method, path, body=None, fields=(), host="localhost", key=True):
        """Status and body of the answer, on a connection of its own."""
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = [] if any(f.startswith("Content-Type") for f in fields) or not data else ["Content-Type: application/json"]
        head = self.head(method, path, "Connection: close", f"Content-Length: {len(data)}", *kind, *fields, host=host, key=key)
        with self.dial() as s:
            s.settimeout(60)
            s.sendall(head + data)
            answer = bytearray()
            while piece := s.recv(1 << 20):
                answer += piece
        head, _, rest = bytes(answer).partition(b"\r\n\r\n")
        return int(head.split()[1]), rest

    def guest(self, script=None, memory_mb=64):
        """A sandbox, with a script that goes on in it in the background."""
        while True:
            status, answer = self.request("POST", "/v1/sandboxes", {"memory_mb": memory_mb})
            if status == 201:
                break
            if self.over():
                raise OSError("no sandbox")
            time.sleep(0.1)
        sandbox = json.loads(answer)["id"]
        if script:
            self.run(sandbox, f"nohup sh -c {quoted(script)} >/dev/null 2>&1 & ")
        return sandbox

    def run(self, sandbox, script, seconds=30):
        return self.request("POST", f"/v1/sandboxes/{sandbox}/exec",
                            {"cmd": "sh", "args": ["-c", script], "timeout_sec": seconds})

    def serve(self, program, memory_mb=64):
        """A sandbox whose port 8000 is served by a Python program that has a listening socket `l`."""
        sandbox = self.guest(memory_mb=memory_mb)
        text = "import os,socket,threading,time\nl=socket.create_server(('0.0.0.0',8000),backlog=500)\n" + program
        self.run(sandbox, f"nohup python3 -c {quoted(text)} >/dev/null 2>&1 &")
        return sandbox, f"8000-{sandbox}.localhost"

    def upgrade(self, path, host="localhost", key=True):
        s = self.dial()
        s.sendall(self.head("GET", path, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", host=host, key=key))
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            piece = s.recv(1)
            if not piece:
                raise OSError("no upgrade")
            answer += piece
        return s


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def frame(first, data):
    size = len(data)
    head = struct.pack("!BB", first, 128 | size) if size < 126 else \
        struct.pack("!BBH", first, 254, size) if size < 65536 else struct.pack("!BBQ", first, 255, size)
    return head + bytes(4) + data


TEXT, BINARY, PING = 0x81, 0x82, 0x89


def say(s, message):
    s.sendall(frame(TEXT, json.dumps(message).encode()))


def again(world, step):
    """A step after the other; one that fails is a little pause, lest it becomes a loop that does nothing."""
    while not world.over():
        try:
            step()
        except (OSError, ValueError, KeyError, IndexError):
            world.rest(0.02)


NOBODYS = "cl-0123456789abcdefghijklmno"

# ---- strangers ----


@attack
def pings_without_reading(world):
    def step():
        with world.upgrade(f"/v1/sandboxes/{NOBODYS}/pty", key=False) as s:
            data = frame(PING, b"x" * 125) * 500
            while not world.over():
                s.sendall(data)
    again(world, step)


@attack
def sign_ups(world):
    def step():
        name = os.urandom(6).hex()
        world.request("POST", "/v1/auth/signup", {"email": f"{name}@x.y", "name": name, "password": "password-" + name}, key=False)
        world.request("POST", "/v1/auth/login", {"email": f"{name}@x.y", "password": "wrong-password"}, key=False)
    again(world, step)


@attack
def bad_keys(world):
    def step():
        with world.dial() as s:
            data = world.head("GET", "/v1/sandboxes", "X-API-Key: wrn_" + os.urandom(16).hex(), key=False) * 100
            s.sendall(data)
            while not world.over():
                s.sendall(data)
                s.recv(1 << 20)
    again(world, step)


@attack
def slow_heads(world):
    def step():
        those = [world.dial() for _ in range(50)]
        for byte in world.head("GET", "/health", key=False)[:-1]:
            for s in those:
                s.send(bytes([byte]))
            world.rest(0.1)
            if world.over():
                break
        for s in those:
            s.close()
    again(world, step)


@attack
def slow_bodies(world):
    def step():
        those = [world.dial() for _ in range(50)]
        for s in those:
            s.sendall(world.head("POST", "/v1/sandboxes", "Content-Length: 10000"))
        while not world.over():
            for s in those:
                s.send(b" ")
            world.rest(0.1)
    again(world, step)


@attack
def audit_log(world):
    def step():
        with world.dial() as s:
            data = world.head("DELETE", "/v1/sandboxes/" + "x" * 500, "Content-Length: 0", key=False) * 50
            while not world.over():
                s.sendall(data)
                s.recv(1 << 20)
    again(world, step)


@attack
def many_connections(world):
    def step():
        those = []
        try:
            for _ in range(world.some(1000, 200)):
                those.append(world.dial())
            world.rest(1)
        finally:
            for s in those:
                s.close()
    again(world, step)


@attack
def long_heads(world):
    fields = [f"X-Field-{i}: {'v' * 150}" for i in range(90)]
    again(world, lambda: world.request("GET", "/health", fields=fields, key=False))


@attack
def pipelines(world):
    def step():
        with world.dial() as s:
            data = world.head("GET", "/health", key=False) * 500
            while not world.over():
                s.sendall(data)
                s.recv(1 << 16)
    again(world, step)


# ---- clients with a key ----


@attack
def unfinished_messages(world):
    sandbox = world.guest()

    def step():
        those = [world.upgrade(f"/v1/sandboxes/{sandbox}/pty") for _ in range(8)]
        for s in those:
            s.sendall(frame(0x01, b" " * (4 << 20)))
        world.rest(0.5)
        for s in those:
            s.close()
    again(world, step)


@attack
def many_members(world):
    body = ("{" + ",".join(f'"{i:x}":{i % 10}' for i in range(world.some(1000000, 200000))) + "}").encode()
    again(world, lambda: world.request("POST", "/v1/sandboxes", body))


@attack
def small_messages(world):
    sandbox = world.guest()

    def step():
        with world.upgrade(f"/v1/sandboxes/{sandbox}/pty") as s:
            say(s, {"type": "start", "cmd": "cat"})
            data = frame(TEXT, b'{"type":"resize","cols":80,"rows":24}') * 1000
            while not world.over():
                s.sendall(data)
    again(world, step)


@attack
def output_of_quotes(world):
    sandbox = world.guest(memory_mb=128)
    size = world.some(60, 4)
    again(world, lambda: world.run(sandbox, f"head -c {size}M /dev/zero | tr '\\0' '\"'"))


@attack
def endless_output(world):
    sandbox = world.guest()
    again(world, lambda: world.run(sandbox, "yes", 2))


@attack
def execs_that_leave(world):
    sandbox = world.guest()

    def step():
        body = b'{"cmd":"sleep","args":["100"],"timeout_sec":200}'
        with world.dial() as s:
            s.sendall(world.head("POST", f"/v1/sandboxes/{sandbox}/exec", "Content-Type: application/json",
                                 f"Content-Length: {len(body)}") + body)
            world.rest(0.01)
    again(world, step)


@attack
def blind_viewers(world):
    sandbox = world.guest()

    def step():
        those = [world.upgrade(f"/v1/sandboxes/{sandbox}/exec/stream") for _ in range(4)]
        for s in those:
            say(s, {"type": "start", "cmd": "yes"})
        world.rest(2)
        for s in those:
            s.close()
    again(world, step)


@attack
def flooded_terminals(world):
    sandbox = world.guest()

    def step():
        with world.upgrade(f"/v1/sandboxes/{sandbox}/pty") as s:
            say(s, {"type": "start", "cmd": "sleep", "args": ["1000"]})
            data = base64.b64encode(b"x" * (2 << 20)).decode()
            while not world.over():
                say(s, {"type": "input", "data": data})
    again(world, step)


@attack
def cut_uploads(world):
    sandbox = world.guest()
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + b"x" * (4 << 20)

    def step():
        with world.dial() as s:
            s.sendall(world.head("POST", f"/v1/sandboxes/{sandbox}/files/write?path=/tmp/f",
                                 "Content-Type: multipart/form-data; boundary=b", f"Content-Length: {64 << 20}") + part)
    again(world, step)


@attack
def downloads_not_read(world):
    sandbox = world.guest()
    world.run(sandbox, "head -c 30M /dev/zero >/root/large")
    body = b'{"path":"/root/large"}'

    def step():
        those = [world.dial() for _ in range(8)]
        for s in those:
            s.sendall(world.head("POST", f"/v1/sandboxes/{sandbox}/files/read", "Content-Type: application/json",
                                 f"Content-Length: {len(body)}") + body)
        world.rest(1)
        for s in those:
            s.close()
    again(world, step)


@attack
def large_directories(world):
    sandbox = world.guest(memory_mb=256)
    world.run(sandbox, f"mkdir /root/d; cd /root/d; seq {world.some(50000, 2000)} | xargs touch")
    again(world, lambda: world.request("POST", f"/v1/sandboxes/{sandbox}/files/list", {"path": "/root/d"}))


@attack
def deep_directories(world):
    sandbox = world.guest("while :; do mkdir -p $(seq -s / 1 200); cd $(seq -s / 1 200) || cd /root; done")
    again(world, lambda: world.request("POST", f"/v1/sandboxes/{sandbox}/files/list", {"path": "/root", "depth": 200}))


@attack
def large_snapshots(world):
    sandbox = world.guest(memory_mb=256)
    world.run(sandbox, f"mkdir /root/d; cd /root/d; seq {world.some(200000, 2000)} | xargs touch", 120)

    def step():
        name = "s" + os.urandom(6).hex()
        world.request("POST", "/v1/snapshots", {"sandbox_id": sandbox, "name": name})
        world.request("DELETE", f"/v1/snapshots/{name}")
    again(world, step)


@attack
def short_lives(world):
    again(world, lambda: world.request("DELETE", f"/v1/sandboxes/{world.guest()}"))


@attack
def pauses(world):
    sandbox = world.guest("while :; do :; done")

    def step():
        world.request("POST", f"/v1/sandboxes/{sandbox}/pause")
        world.request("POST", f"/v1/sandboxes/{sandbox}/resume")
    again(world, step)


@attack
def listings(world):
    def step():
        with world.dial() as s:
            data = world.head("GET", "/v1/sandboxes") * 20
            while not world.over():
                s.sendall(data)
                s.recv(1 << 20)
    again(world, step)


@attack
def viewers_of_events(world):
    def step():
        those = [world.dial() for _ in range(20)]
        for s in those:
            s.sendall(world.head("GET", "/v1/events/stream"))
        world.rest(2)
        for s in those:
            s.close()
    again(world, step)


@attack
def waiters_for_events(world):
    """Each event is looked at for all of them, and is what few want; some wait, some want all that is kept, again and again."""
    sandbox = world.guest()
    never = "".join(f"&label=n{i}={'x' * 40}" for i in range(20))
    wants = [f"after=now&wait_sec=3600&sandbox=cl-zzzz{never}", "after=now&wait_sec=3600", f"wait_sec=3600{never}", ""]

    def step():
        those = [world.dial() for _ in range(world.some(200, 40))]
        for i, s in enumerate(those):
            s.sendall(world.head("GET", f"/v1/events?{wants[i % len(wants)]}") * (1 + i % 3))
        for _ in range(20):
            world.request("POST", f"/v1/sandboxes/{sandbox}/pause")
            world.request("POST", f"/v1/sandboxes/{sandbox}/resume")
        for s in those:
            s.close()
    again(world, step)


# ---- guests, and who asks them ----

NO_ANSWER = "c=[]\nwhile 1: c.append(l.accept()[0])"


@attack
def guests_without_answer(world):
    _, host = world.serve(NO_ANSWER)

    def step():
        for _ in range(50):
            with world.dial() as s:
                s.sendall(world.head("GET", "/", host=host, key=False))
    again(world, step)


def answer_of(text):
    return f"a={text}\nwhile 1:\n c=l.accept()[0]\n try: c.recv(65536); c.sendall(a)\n except OSError: pass\n c.close()"


@attack
def lists_of_connections(world):
    _, host = world.serve(answer_of("b'HTTP/1.1 200 OK\\r\\nConnection: '+b'a,'*30000+b'\\r\\nContent-Length: 0\\r\\n\\r\\n'"))
    again(world, lambda: world.request("GET", "/", host=host, key=False))


@attack
def garbage(world):
    _, host = world.serve(answer_of("os.urandom(1<<20)"))
    again(world, lambda: world.request("GET", "/", host=host, key=False))


@attack
def crumbs(world):
    _, host = world.serve(answer_of("b'HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n'+b'1\\r\\nx\\r\\n'*500000+b'0\\r\\n\\r\\n'"))
    again(world, lambda: world.request("GET", "/", host=host, key=False))


@attack
def tunnels(world):
    program = ("def echo(c):\n c.recv(65536); c.sendall(b'HTTP/1.1 101 S\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n')\n"
               " while 1: c.sendall(b'x'*65536)\n"
               "while 1: threading.Thread(target=echo,args=[l.accept()[0]]).start()")
    _, host = world.serve(program)

    def step():
        with world.upgrade("/", host=host, key=False) as s:
            while not world.over():
                s.recv(1 << 16)
    again(world, step)


def only_guest(world, script, memory_mb=64):
    world.guest(script, memory_mb)
    world.rest(3600)


@attack
def fork_bomb(world):
    only_guest(world, "b() { b | b & }; while :; do b; sleep 0.1; done", 128)


@attack
def memory_hog(world):
    only_guest(world, "while :; do python3 -c 'a=[]\nwhile 1: a.append(bytes(1<<20))'; done", 64)


@attack
def disk_filler(world):
    megabytes = world.some(512, 32)
    only_guest(world, f"while :; do dd if=/dev/zero of=/root/f bs=1M count={megabytes} conv=fsync; rm /root/f; done")


@attack
def processor_burner(world):
    only_guest(world, "for i in 1 2 3 4; do while :; do :; done & done; wait")


@attack
def background_commands(world):
    sandbox = world.guest()

    def step():
        world.request("POST", f"/v1/sandboxes/{sandbox}/exec", {"cmd": "sleep", "args": ["1"], "background": True})
        world.request("GET", f"/v1/sandboxes/{sandbox}/processes")
    again(world, step)
