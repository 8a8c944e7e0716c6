#!/usr/bin/python3
"""wrenn-gate-tls by itself: this test is the gate, which hands over connections, and the sandbox, and the hosts.

    test_tls.py WRENN-GATE-TLS [NAME...]"""
import atexit
import json
import os
import select
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading

import certificates
import world

PROGRAM = PLACE = ""
SECRET = "Bearer s3cret-value"


def read_head(stream):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = stream.read(1)
        if not byte:
            return None
        head += byte
    return head


def serve(connection, name):
    """Answers with what it was sent. The path chooses."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{PLACE}/{name}.pem")
    context.set_alpn_protocols(["h2", "http/1.1"])
    try:
        with context.wrap_socket(connection, server_side=True) as tls:
            stream = tls.makefile("rb")
            while head := read_head(stream):
                lower, body = head.lower(), b""
                if b"upgrade: websocket" in lower and b"/socket" in lower:
                    tls.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
                    while data := tls.recv(100):
                        tls.sendall(data.upper())
                    return
                if b"content-length: " in lower:
                    body = stream.read(int(lower.split(b"content-length: ")[1].split(b"\r\n")[0]))
                while b"transfer-encoding: chunked" in lower:
                    line = stream.readline()
                    body += line + stream.read(int(line, 16)) + stream.readline()
                    if line == b"0\r\n":
                        break
                answer = b"x" * (8 << 20) if b"/large" in head else str(len(body)).encode() if b"/count" in head else head + body
                tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
    except (ssl.SSLError, OSError):
        pass


class Tls:
    """The process, with a gate's end of its socket."""

    def __init__(self, headers=(("Authorization", SECRET),), port=443, trust="ca.pem"):
        authority = subprocess.run([PROGRAM, "--authority"], check=True, capture_output=True, text=True).stdout
        at = authority.index("-----BEGIN CERTIFICATE")
        self.certificate = authority[at:]
        config = {"key": authority[:at], "certificate": self.certificate,
                  "headers": [{"host": name, "port": port, "header": n, "value": v} for n, v in headers
                              for name in ("api.test", "bad.test", "wrong.test", "plain.test")] + [{"host": "closed.test", "port": port, "header": "A"}]}
        memory = os.memfd_create("config")
        os.write(memory, json.dumps(config).encode())
        self.gate, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process = subprocess.Popen([PROGRAM, f"--gate={theirs.fileno()}", f"--config={memory}", f"--trust={PLACE}/{trust}"],
                                        pass_fds=[theirs.fileno(), memory])
        theirs.close()
        os.close(memory)
        self.port = port

    def connect(self, handle, *words):
        """A connection of the sandbox, to `handle`."""
        listener = socket.create_server(("127.0.0.1", 0))
        outside = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
        listener.close()
        threading.Thread(target=handle, args=(peer, *words), daemon=True).start()
        sandbox, inside = socket.socketpair()
        for end in (inside, outside):
            end.setblocking(False)
        self.gate.sendmsg([struct.pack("H", self.port)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("ii", inside.fileno(), outside.fileno()))])
        inside.close()
        outside.close()
        sandbox.settimeout(20)
        return sandbox

    def open(self, name="api.test", server=None, alpn=(), trusts=None):
        context = ssl.create_default_context(cadata=trusts or self.certificate)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context.wrap_socket(self.connect(serve, server or name), server_hostname=name)

    def close(self):
        self.gate.close()
        assert self.process.wait(20) == 0


def read_answer(stream):
    head = read_head(stream)
    assert head, "no answer"
    size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return int(head.split()[1]), stream.read(size)


def ask(tls, *requests):
    """The answers to requests that are sent at once."""
    tls.sendall(b"".join(requests))
    stream = tls.makefile("rb")
    return [read_answer(stream) for _ in requests]


def a_header_is_added_to_each_request():
    process = Tls()
    tls = process.open(alpn=["h2", "http/1.1"])
    assert tls.selected_alpn_protocol() == "http/1.1"
    get = b"GET /a HTTP/1.1\r\nHost: api.test\r\nauthorization: mine\r\nX-A: b\r\n\r\n"
    post = b"POST /b HTTP/1.1\r\nHost: API.test:443\r\nContent-Length: 5\r\n\r\nhello"
    chunks = b"POST /c HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    line = b"Authorization: " + SECRET.encode() + b"\r\n"
    answers = ask(tls, get, post, chunks, get) + ask(tls, get)
    assert answers[0] == (200, b"GET /a HTTP/1.1\r\nHost: api.test\r\nX-A: b\r\n" + line + b"\r\n"), answers[0]
    assert answers[1][1].endswith(line + b"\r\nhello"), answers[1]
    assert answers[2][1].endswith(line + b"\r\n5\r\nhello\r\n0\r\n\r\n"), answers[2]
    assert answers[3] == answers[4] == answers[0]
    process.close()


def large_bodies_pass_both_ways():
    process = Tls()
    tls = process.open()
    body = os.urandom(6 << 20)
    tls.sendall(b"PUT /count HTTP/1.1\r\nHost: api.test\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    stream = tls.makefile("rb")
    assert read_answer(stream) == (200, str(len(body)).encode())
    tls.sendall(b"GET /large HTTP/1.1\r\nHost: api.test\r\n\r\n")
    assert read_answer(stream)[1] == b"x" * (8 << 20)
    process.close()


def what_could_be_read_in_two_ways_is_refused():
    process = Tls()
    for status, request in (
            (421, b"GET / HTTP/1.1\r\nHost: other.test\r\n\r\n"), (421, b"GET / HTTP/1.1\r\nHost: api.test:8443\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\n\r\n"), (421, b"GET https://other.test/ HTTP/1.1\r\nHost: api.test\r\n\r\n"),
            (400, b"POST / HTTP/1.1\r\nHost: api.test\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            (405, b"TRACE / HTTP/1.1\r\nHost: api.test\r\n\r\n"), (405, b"CONNECT other.test:443 HTTP/1.1\r\nHost: api.test\r\n\r\n")):
        tls = process.open()
        assert ask(tls, request)[0][0] == status, request
        assert tls.recv(1) == b"", "it goes on"
        tls.close()
    process.close()


def a_request_that_is_refused_takes_no_answer_from_others():
    process = Tls()
    get, other = b"GET /a HTTP/1.1\r\nHost: api.test\r\n\r\n", b"GET / HTTP/1.1\r\nHost: other.test\r\n\r\n"
    tls = process.open()
    tls.sendall(get + get + other + get)
    stream = tls.makefile("rb")
    assert [read_answer(stream)[0] for _ in range(2)] == [200, 200]
    assert stream.read() == b"", "an answer that is not the host's"
    # One after the other
    tls = process.open()
    assert ask(tls, get)[0][0] == 200
    assert ask(tls, other)[0][0] == 421
    assert tls.recv(1) == b"", "it goes on"
    process.close()


def other_hosts_are_not_touched():
    process = Tls()
    with open(f"{PLACE}/ca.pem") as file:
        trusted = file.read()
    tls = process.open("other.test", trusts=trusted, alpn=["h2"])
    assert tls.selected_alpn_protocol() == "h2"
    assert SECRET.encode() not in ask(tls, b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")[0][1]
    tls.close()

    def echo(peer):
        peer.sendall(b"first\n")
        while data := peer.recv(100):
            peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)

    plain = process.connect(echo)
    assert plain.recv(6) == b"first\n"
    plain.sendall(b"not TLS")
    plain.shutdown(socket.SHUT_WR)
    assert plain.makefile("rb").read() == b"not TLS"
    process.close()


def a_host_that_is_not_trusted_gets_nothing():
    process, seen = Tls(), []
    for server in ("bad.test", "wrong.test"):
        tls = process.open(server, server=server if server == "bad.test" else "api.test")
        status, text = ask(tls, b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % server.encode())[0]
        assert status == 502 and b"certificate" in text, text
    def no_tls(peer):
        seen.append(peer.recv(4096))
        peer.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")
        peer.close()

    status, text = ask(process.open("closed.test", server="api.test"), b"GET / HTTP/1.1\r\nHost: closed.test\r\n\r\n")[0]
    assert status == 502 and b"secret" in text, text
    context = ssl.create_default_context(cadata=process.certificate)
    tls = context.wrap_socket(process.connect(no_tls), server_hostname="plain.test")
    assert ask(tls, b"GET / HTTP/1.1\r\nHost: plain.test\r\n\r\n")[0][0] == 502
    assert SECRET.encode() not in seen[0]
    process.close()


def only_http1_is_spoken():
    process = Tls()
    try:
        process.open(alpn=["h2"])
        assert False, "it agreed to h2"
    except ssl.SSLError as e:
        assert "application protocol" in str(e).lower().replace("_", " "), e
    process.close()


def websockets_open_with_the_header():
    process = Tls()
    upgrade = b"GET %s HTTP/1.1\r\nHost: api.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    tls = process.open()
    tls.sendall(upgrade % b"/socket")
    assert read_head(tls.makefile("rb", buffering=0)).startswith(b"HTTP/1.1 101 ")
    tls.sendall(b"GET / not a request \n")
    assert tls.recv(100) == b"GET / NOT A REQUEST \n"
    tls.close()
    tls = process.open()
    status, text = ask(tls, upgrade % b"/no")[0]
    assert status == 200 and SECRET.encode() in text
    assert ask(tls, b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")[0][0] == 400
    tls = process.open()
    assert ask(tls, b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")[0][0] == 200
    assert ask(tls, upgrade % b"/socket")[0][0] == 400
    process.close()


def a_client_that_goes_takes_its_connection_along():
    process = Tls()
    ended = threading.Event()

    def wait(peer):
        while peer.recv(4096):
            pass
        ended.set()

    process.connect(wait).close()
    assert ended.wait(20)
    process.close()


def it_is_in_a_jail():
    if "asan" in PROGRAM:
        return "not in sanitizer builds"
    process = Tls()
    ask(process.open(), b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n")
    with open(f"/proc/{process.process.pid}/status") as file:
        status = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
    assert status["CapEff"].strip("0\n") == status["CapBnd"].strip("0\n") == "" and status["Seccomp"] == "2" and status["NoNewPrivs"] == "1", status
    with open(f"/proc/{process.process.pid}/cmdline") as file:
        assert SECRET not in file.read()
    process.close()
    return None


TESTS = [a_header_is_added_to_each_request, large_bodies_pass_both_ways, what_could_be_read_in_two_ways_is_refused, a_request_that_is_refused_takes_no_answer_from_others, other_hosts_are_not_touched,
         a_host_that_is_not_trusted_gets_nothing, only_http1_is_spoken, websockets_open_with_the_header,
         a_client_that_goes_takes_its_connection_along, it_is_in_a_jail]

if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    PLACE = tempfile.mkdtemp(prefix="wrenn-tls-test-")
    atexit.register(shutil.rmtree, PLACE, True)
    certificates.make(PLACE, "ca", ["api.test", "other.test", "plain.test"])
    certificates.make(PLACE, "bad-ca", ["bad.test"])
    sys.exit(1 if world.run_tests(TESTS, sys.argv[2:]) else 0)
