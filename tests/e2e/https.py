#!/usr/bin/python3
"""HTTPS for test_network.c: says whether requests have the header they should. With an authority of its own.

    https.py DIR make       certificates for good.example and bad.example, into DIR
    https.py DIR serve FD   on port 443; writes to FD once it listens
"""
import ctypes
import os
import socket
import ssl
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../gate"))
import certificates

PLACE = sys.argv[1]
CONTEXTS = {}


def choose(connection, name, _):
    connection.context = CONTEXTS.get(name, CONTEXTS["good.example"])


def answer(raw):
    try:
        with CONTEXTS["good.example"].wrap_socket(raw, server_side=True) as tls:
            stream, seen = tls.makefile("rb"), "none"
            last = False
            while line := stream.readline():
                if line.lower().startswith(b"authorization: "):
                    seen = "right" if line.split(b": ", 1)[1] == b"Bearer s3cret-value\r\n" else "wrong"
                last |= line.lower() == b"connection: close\r\n"
                if line == b"\r\n":
                    tls.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(seen)}\r\n\r\n{seen}".encode())
                    seen = "none"
                    if last:
                        break
    except OSError:
        pass


if sys.argv[2] == "make":
    certificates.make(PLACE, "ca", ["good.example", "bad.example"])
    sys.exit()
ctypes.CDLL(None).prctl(1, 9)
for host in ("good.example", "bad.example"):
    CONTEXTS[host] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CONTEXTS[host].load_cert_chain(f"{PLACE}/{host}.pem")
CONTEXTS["good.example"].sni_callback = choose
listener = socket.create_server(("0.0.0.0", 443), backlog=64)
os.write(int(sys.argv[3]), b"1")
while True:
    peer, _ = listener.accept()
    threading.Thread(target=answer, args=(peer,), daemon=True).start()
