#!/usr/bin/python3
"""What a client meets on a network: peers.py KIND [OPTION...]

    server   answers every request with 204, files/read with "hello", and plays a command on exec/stream
             --cert FILE --key FILE   over TLS
             --client-ca FILE         for clients with a certificate of this CA only
             --full                   refuses an upload when a line of the input says so, and hangs up
    http     an HTTP proxy
             --user NAME:PASSWORD     for those who say so
             --refuse                 for nobody
    socks    a SOCKS5 proxy, with --refuse too

On 127.0.0.1, at a port that the first line of the output names; a line for each thing that happens follows. Proxies
connect to 127.0.0.1 whatever name they are given. The end of the input ends the program."""
import argparse
import base64
import hashlib
import os
import socket
import ssl
import struct
import sys
import threading

told = threading.Event()  # a line of the input has come
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def say(*words):
    sys.stdout.write(" ".join(words).replace("\r\n", "|") + "\n")
    sys.stdout.flush()


def read_head(file):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = file.readline() if head else file.read(1)
        if not line or line == b"\x16":  # which begins TLS
            return None
        head += line
    return head.decode("latin-1")


def field(head, name):
    for line in head.split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.lower() == name:
            return value.strip()
    return None


# ---- the server ----


def frame(text):
    return struct.pack("!BB", 0x81, len(text)) + text


def read_frame(file):
    first = file.read(2)
    size = first[1] & 127
    if size == 126:
        size = struct.unpack("!H", file.read(2))[0]
    mask = file.read(4)
    return bytes(byte ^ mask[i % 4] for i, byte in enumerate(file.read(size)))


def play_command(sock, file, head):
    accept = base64.b64encode(hashlib.sha1(field(head, "sec-websocket-key").encode() + GUID).digest())
    sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
    say("message", read_frame(file).decode())
    for text in (b'{"type":"start","pid":7}', b'{"type":"stdout","data":"hello"}', b'{"type":"exit","exit_code":3}'):
        sock.sendall(frame(text))


def read_body(file, head):
    if field(head, "transfer-encoding"):
        size = 0
        while piece := int(file.readline(), 16):
            size += len(file.read(piece))
            file.readline()
        file.readline()
        return size
    return len(file.read(int(field(head, "content-length") or 0)))


def refuse(sock, file):
    told.wait()
    sock.sendall(b"HTTP/1.1 413 Full\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfull")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # resets it
    file.close()
    sock.close()
    say("hung up")


def serve(sock, options):
    if options.tls:
        try:
            sock = options.tls.wrap_socket(sock, server_side=True)
        except OSError as error:
            return say("refused", type(error).__name__)
    file = sock.makefile("rb")
    while head := read_head(file):
        say("request", head)
        if field(head, "upgrade"):
            return play_command(sock, file, head)
        if field(head, "expect"):
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if options.full and "/write " in head:
            return refuse(sock, file)
        say("body", str(read_body(file, head)))
        if "/files/read " in head:
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        else:
            sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
    return None


def make_tls(options):
    if not options.cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.cert, options.key)
    if options.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(options.client_ca)
    return context


# ---- the proxies ----


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def join(one, other):
    back = threading.Thread(target=pump, args=(other, one), daemon=True)
    back.start()
    pump(one, other)
    back.join()


def proxy_http(sock, options):
    file = sock.makefile("rb", 0)
    head = read_head(file)
    if not head:
        return
    say("request", head)
    method, target, _ = head.split("\r\n")[0].split(" ")
    user = "Basic " + base64.b64encode((options.user or "").encode()).decode()
    if options.user and field(head, "proxy-authorization") != user:
        sock.sendall(b"HTTP/1.1 407 Who Are You\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n"
                     b"Connection: close\r\n\r\n")
    elif options.refuse:
        sock.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    elif method == "CONNECT":
        other = socket.create_connection(("127.0.0.1", int(target.rpartition(":")[2])))
        sock.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        join(sock, other)
    else:
        place, _, path = target.removeprefix("http://").partition("/")
        other = socket.create_connection(("127.0.0.1", int(place.rpartition(":")[2])))
        lines = [line for line in head.split("\r\n")[1:-2] if not line.lower().startswith("proxy-")]
        other.sendall("\r\n".join([f"{method} /{path} HTTP/1.1", *lines, "", ""]).encode("latin-1"))
        join(sock, other)


def proxy_socks(sock, options):
    file = sock.makefile("rb", 0)
    count = file.read(2)[1]
    file.read(count)
    sock.sendall(b"\5\0")
    kind = file.read(4)[3]
    if kind == 3:
        host = file.read(file.read(1)[0]).decode()
    else:
        family, size = (socket.AF_INET6, 16) if kind == 4 else (socket.AF_INET, 4)
        host = socket.inet_ntop(family, file.read(size))
    port = struct.unpack("!H", file.read(2))[0]
    say("socks", host)
    if options.refuse:
        sock.sendall(b"\5\2\0\1" + bytes(6))
        return
    other = socket.create_connection(("127.0.0.1", port))
    sock.sendall(b"\5\0\0\1" + bytes(6))
    join(sock, other)


# ---- all of them ----


def run(kind, sock, options):
    try:
        with sock:
            kind(sock, options)
    except (OSError, IndexError) as error:
        say("lost", type(error).__name__)


def obey():
    for _ in sys.stdin:
        told.set()
    os._exit(0)


def main():
    kinds = {"server": serve, "http": proxy_http, "socks": proxy_socks}
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=kinds)
    for name in ("--cert", "--key", "--client-ca", "--user"):
        parser.add_argument(name)
    for name in ("--full", "--refuse"):
        parser.add_argument(name, action="store_true")
    options = parser.parse_args()
    options.tls = make_tls(options)
    listener = socket.create_server(("127.0.0.1", 0))
    say(str(listener.getsockname()[1]))
    threading.Thread(target=obey, daemon=True).start()
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=run, args=(kinds[options.kind], sock, options), daemon=True).start()


if __name__ == "__main__":
    main()
