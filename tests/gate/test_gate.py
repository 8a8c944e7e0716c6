#!/usr/bin/python3
"""Frames of a hostile sandbox against wrenn-gate: the table of docs/security.md, line by line.

    test_gate.py WRENN-GATE [NAME...]"""
import os
import select
import socket
import struct
import sys

import world
from world import (ACK, CLOSER, ECHO, FIN, GW, HOST, IP, IP6, OUT, OUT6, POLICY, PSH, RST, SLOW, SYN, URG, Guest, ether, frame, icmp, ip4, tcp,
                   tcp_frame, udp, udp_frame)

PROGRAM = ""


def opened(guest):
    return guest.gate.stats()["connections_total"]


def expect_nothing_opened(guest, frames, kinds):
    """No connection comes of it, and the answers are among `kinds`."""
    before = opened(guest)
    for what, data in frames:
        answers = [packet.text for packet in guest.after(data)]
        assert all(answer in kinds for answer in answers), f"{what}: {answers}"
    assert opened(guest) == before, "something was opened"


def a_connection_carries_bytes_both_ways():
    guest = Guest(PROGRAM)
    for dst in (OUT, OUT6):
        connection = guest.connect(dst, ECHO)
        connection.send(ACK | PSH, b"hello")
        assert connection.receive(5) == b"hello"
        connection.send(ACK | FIN)
        connection.receive(1)
        assert connection.ended == "fin"
    stats = guest.gate.stats()
    assert stats["bytes_out"] >= 10 and stats["bytes_in"] >= 10 and stats["connections_total"] == 2, stats
    assert guest.gate.close() == 0


def what_is_never_allowed_is_refused_at_once():
    guest = Guest(PROGRAM)
    v4 = ("127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "192.0.0.192",
          "192.0.0.3", "224.0.0.5", "255.255.255.255", "240.1.1.1", "10.9.9.9", "172.16.0.1", "192.168.1.1", "100.64.0.1", "198.18.0.1",
          HOST, "198.51.100.255", "203.0.112.77")
    for dst in v4:
        answer = guest.connect(dst, 2013)
        assert answer and answer.text == "icmp 3/13", f"{dst}: {answer}"
    v6 = ("::1", "::", "::ffff:127.0.0.1", "::ffff:10.9.9.9", "::10.9.9.9", "64:ff9b::7f00:1", "64:ff9b:1::a09:909", "fe80::1", "fec0::1", "fd00:9::9",
          "2002:a09:909::1", "2001:0:1::1", "fd00:ec2::254", "2001:db8:1::1", "fd77:7265:6e6e::3", "4000::1")
    for dst in v6:
        answer = guest.connect(dst, 2013)
        assert answer and answer.text == "icmp 1/1", f"{dst}: {answer}"
    assert guest.after(tcp_frame("ff02::1", 1, 2013)) == [] # multicast is not even answered
    reasons = {key[1]: key[4] for key in guest.gate.denied()}
    assert reasons["127.0.0.1"] == "loopback" and reasons[HOST] == "host" and reasons["169.254.169.254"] == "metadata", reasons
    assert reasons["10.9.9.9"] == "private" and reasons["198.51.100.255"] == "host" and reasons["2001:db8:1::1"] == "host", reasons
    assert reasons["203.0.112.77"] == "host", reasons
    assert opened(guest) == 0
    guest.gate.close()


def malformed_packets_go_nowhere():
    guest = Guest(PROGRAM)
    syn = tcp(IP, OUT, 1303, 2013)
    private = tcp(IP, "10.9.9.9", 1302, 80)
    expect_nothing_opened(guest, [
        ("spoofed source", ether(0x800, ip4("198.51.100.1", OUT, 6, tcp("198.51.100.1", OUT, 1300, 2013)))),
        ("spoofed v6 source", frame(OUT6, 6, tcp("2001:db8:1::77", OUT6, 1301, 2013), src="2001:db8:1::77")),
        ("first fragment", frame("10.9.9.9", 6, private[:8], off=0x2000, ident=7)),
        ("second fragment", frame("10.9.9.9", 6, private[8:], off=1, ident=7)),
        ("tiny first fragment", frame(OUT, 6, syn[:8], off=0x2000, ident=8)),
        ("whole packet that says more follow", frame(OUT, 6, syn, off=0x2000, ident=9)),
        ("source route", frame(OUT, 6, tcp(IP, OUT, 1304, 2013), opts=b"\x83\x07\x04\x0a\x09\x09\x09\x00")),
        ("SYN+FIN", tcp_frame(OUT, 1305, 2013, flags=SYN | FIN)),
        ("SYN+RST", tcp_frame(OUT, 1306, 2013, flags=SYN | RST)),
        ("SYN+ACK", tcp_frame(OUT, 1307, 2013, flags=SYN | ACK)),
        ("data offset beyond the end", tcp_frame(OUT, 1309, 2013, words=15)),
        ("data offset of nothing", tcp_frame(OUT, 1309, 2013, words=0)),
        ("total length beyond the frame", frame(OUT, 6, tcp(IP, OUT, 1310, 2013), total=1500)),
        ("total length of the head", frame(OUT, 6, tcp(IP, OUT, 1311, 2013), total=20)),
        ("total length below the head", frame(OUT, 6, tcp(IP, OUT, 1311, 2013), total=19)),
        ("bad IP checksum", frame(OUT, 6, tcp(IP, OUT, 1312, 2013), bad=True)),
        ("bad TCP checksum", tcp_frame(OUT, 1313, 2013, bad=True)),
        ("port 0", tcp_frame(OUT, 1313, 0)),
        ("v6 fragment head", frame(OUT6, 44, struct.pack(">BBHI", 6, 0, 0, 9) + tcp(IP6, OUT6, 1314, 2013))),
        ("v6 destination options", frame(OUT6, 60, b"\x06\0\1\4\0\0\0\0" + tcp(IP6, OUT6, 1315, 2013))),
        ("v6 hop-by-hop options", frame(OUT6, 0, b"\x06\0\1\4\0\0\0\0" + tcp(IP6, OUT6, 1315, 2013))),
        ("VLAN", ether(0x8100, b"\0\1\x08\0" + ip4(IP, OUT, 6, tcp(IP, OUT, 1316, 2013)))),
        ("multicast source", ether(0x800, ip4(IP, OUT, 6, tcp(IP, OUT, 1317, 2013)), src=b"\x01\0\0\0\0\1")),
        ("NCSI", ether(0x88f8, b"\0" * 40)), ("nothing", b""), ("too short", b"\0" * 13), ("head alone", ether(0x800, b"")),
        ("ARP that is short", ether(0x806, b"\0" * 27)), ("ARP of somebody else", ether(0x806, struct.pack(">HHBBH", 1, 0x800, 6, 4, 1) + b"\2" * 6 + b"\xc0\0\0\3" + b"\0" * 6 + b"\xc0\0\0\1")),
        ("GRE", frame(OUT, 47, b"\0" * 20)), ("SCTP", frame(OUT, 132, b"\0" * 20)), ("IP in IP", frame(OUT, 4, ip4(IP, "10.9.9.9", 6, private))),
        ("DHCP", ether(0x800, ip4("0.0.0.0", "255.255.255.255", 17, udp("0.0.0.0", "255.255.255.255", 68, 67, b"\1" * 300)))),
        ("TFTP", udp_frame(GW, 1400, 69, b"\0\1/etc/passwd\0octet\0")),
        ("UDP to broadcast", udp_frame("255.255.255.255", 1401, 7, b"x")),
        ("UDP with a wrong length", frame(OUT, 17, struct.pack(">HHHH", 1402, ECHO, 7, 0) + b"x")),
        ("UDP longer than its packet", frame(OUT, 17, struct.pack(">HHHH", 1402, ECHO, 1000, 0) + b"x")),
        ("redirect", frame(OUT, 1, b"\5\0" + b"\0" * 30)),
        ("router solicitation", frame("ff02::2", 58, icmp(133, 0, b"\0" * 4, IP6, "ff02::2"), hops=255)),
        ("neighbour solicitation from far", frame(world.GW6, 58, icmp(135, 0, b"\0" * 4 + world.packed(world.GW6), IP6, world.GW6), hops=254)),
    ], ("icmp 3/2", "icmp 3/13", "icmp 1/1", "icmp 3/3"))
    # An ACK that belongs to nothing gets a reset, as everywhere.
    assert [p.text for p in guest.after(tcp_frame(OUT, 1308, 2013, flags=ACK))] == ["tcp rst"]
    guest.gate.close()


def a_closed_port_is_refused_and_a_gate_port_too():
    guest = Guest(PROGRAM)
    assert guest.connect(OUT, 999).text == "tcp ack+rst"
    assert guest.connect(OUT6, 999).text == "tcp ack+rst"
    assert guest.connect(GW, 22).text == "tcp ack+rst"
    guest.send(udp_frame(GW, 5000, 69, b"x"))
    assert guest.wait(lambda p: True).text == "icmp 3/3"
    guest.send(frame(OUT, 17, struct.pack(">HHHH", 5003, ECHO, 3000, 0) + b"x" * 1000, off=0x2000, ident=3)) # the first of fragments
    assert guest.wait(lambda p: True).text == "icmp 3/13"
    fragment = struct.pack(">BBHI", 17, 0, 1, 9) + struct.pack(">HHHH", 5003, ECHO, 3000, 0) + b"x" * 1000
    guest.send(frame(OUT6, 44, fragment))
    assert guest.wait(lambda p: True).text == "icmp 1/1"
    assert sorted(entry[4] for entry in guest.gate.denied() if entry[1] in (OUT, OUT6)) == ["malformed", "malformed"], guest.gate.denied()
    guest.send(udp_frame(OUT, 5001, 999, b"x"))
    guest.gate.set({**POLICY, "egress": "public"})
    guest.send(udp_frame(OUT, 5001, 999, b"x"))
    assert guest.wait(lambda p: p.text.startswith("icmp 3/3")).text == "icmp 3/3"
    guest.gate.close()


def names_lead_only_where_one_may_go():
    guest = Guest(PROGRAM)
    assert guest.ask("AlLoWeD.TeSt") == (0, [OUT], ""), guest.ask("AlLoWeD.TeSt")
    assert guest.ask("allowed.test", 28)[:2] == (0, [OUT6])
    assert guest.ask("alias.test")[:2] == (0, [OUT])
    assert guest.ask("mixed.test")[:2] == (0, [OUT])
    assert guest.ask("hosted.test")[:2] == (0, [OUT])
    assert guest.ask("nothing.test")[:2] == (3, [])
    assert len(guest.ask("big.test")[1]) == 16 # truncated over UDP
    for server in (GW, world.GW6):
        query = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"\3big\4test\0\0\1\0\1"
        connection = guest.connect(server, 53)
        connection.send(ACK | PSH, struct.pack(">H", len(query)) + query)
        size = struct.unpack(">H", connection.receive(2)[:2])[0]
        assert size > 16 * 16, size
    for name, kind in (("private.test", 1), ("metadata.test", 1), ("loopback.test", 1), ("host.test", 1), ("mapped.test", 28), ("nat64.test", 28),
                       ("ula.test", 28), ("linked.test", 1), ("localhost", 1)):
        code, addresses, text = guest.ask(name, kind)
        assert (code, addresses) == (3, []) and "never allowed" in text, (name, code, addresses, text)
    assert guest.ask("allowed.test", 65) == (0, [], ""), "HTTPS records are answered"
    assert guest.ask("allowed.test", 16) == (0, [], ""), "TXT records are answered"
    code, addresses, text = guest.ask("evil.example")
    assert (code, addresses) == (3, []) and "policy" in text
    assert guest.ask("allowed.test.asked.test")[:2] == (0, [OUT])
    assert guest.ask("evil.example.asked.test")[0] == 3, "a name that is not allowed was asked for outside"
    denied = guest.gate.denied()
    assert ("dns", "", 0, "evil.example", "name-not-allowed") in denied, denied
    assert ("dns", "10.9.9.9", 0, "linked.test", "rebinding") in denied, denied
    guest.gate.close()


def strange_questions_are_answered_with_an_error():
    guest = Guest(PROGRAM)
    pointer = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1"
    assert guest.ask("", raw=pointer + b"\0" * 11)[0] == 1
    assert guest.after(udp_frame(GW, 5000, 53, b"\0" * 3)) == []
    guest.gate.close()


def an_allow_list_needs_a_name_or_a_range():
    guest = Guest(PROGRAM, policy={**POLICY, "allow": ["allowed.test", "203.0.113.20:2000-2010", "ntp.test:123/udp"]})
    assert guest.connect(OUT, ECHO).text == "icmp 3/13"
    assert guest.ask("allowed.test")[:2] == (0, [OUT])
    assert isinstance(guest.connect(OUT, ECHO), world.Connection)
    assert isinstance(guest.connect("203.0.113.20", ECHO), world.Connection)
    assert guest.connect("203.0.113.20", 2013).text == "icmp 3/13"
    assert guest.ask("x", server="8.8.8.8").text == "icmp 3/13"
    assert guest.connect("8.8.8.8", 853).text == "icmp 3/13"
    guest.send(udp_frame(OUT, 5000, ECHO, b"x"))
    assert guest.wait(lambda p: True).text == "icmp 3/13" # a name means TCP
    assert guest.ask("ntp.test")[:2] == (0, [OUT])
    guest.send(udp_frame(OUT, 5000, 123, b"time"))
    assert guest.wait(lambda p: p.text == "udp").data == b"time"
    reasons = {key[:3]: key[4] for key in guest.gate.denied()}
    assert reasons[("udp", "8.8.8.8", 53)] == "dns-server" and reasons[("tcp", OUT, ECHO)] == "not-allowed", reasons
    guest.gate.close()


def mail_leaves_only_when_the_operator_says_so():
    guest = Guest(PROGRAM, policy={**POLICY, "egress": "public"})
    assert guest.connect(OUT, 25).text == "icmp 3/13"
    guest.gate.set({**POLICY, "egress": "public", "smtp": True})
    assert isinstance(guest.connect(OUT, 25), world.Connection)
    guest.gate.close()


HELLO = bytes.fromhex("0303" + "52" * 32 + "0000021301" + "0100")


def client_hello(name, record=16384, ech=False):
    entry = b"\0" + struct.pack(">H", len(name)) + name.encode()
    extension = struct.pack(">HHH", 0, len(entry) + 2, len(entry)) + entry if name else b"\0\x17\0\0"
    if ech: # the name within is encrypted; what is judged is the one outside
        extension = b"\xfe\x0d" + struct.pack(">H", 64) + os.urandom(64) + extension
    body = HELLO + struct.pack(">H", len(extension)) + extension
    shake = b"\1" + len(body).to_bytes(3, "big") + body
    return b"".join(b"\x16\3\1" + struct.pack(">H", len(shake[at:at + record])) + shake[at:at + record] for at in range(0, len(shake), record))


def request(host):
    return f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


def said_on(guest, port, data, piece=100000, to=OUT):
    connection = guest.connect(to, port)
    assert isinstance(connection, world.Connection), connection
    for at in range(0, len(data), piece):
        connection.send(ACK | PSH, data[at:at + piece])
    return connection.receive(7)


def a_shared_address_serves_only_the_allowed_name():
    guest = Guest(PROGRAM, policy={**POLICY, "allow": ["allowed.test"]})
    guest.ask("allowed.test")
    for piece, record in ((100000, 16384), (1, 16384), (7, 40)):
        got = said_on(guest, 443, client_hello("allowed.test", record), piece)
        assert got[:7] == b"reached", got
    assert said_on(guest, 443, client_hello("allowed.test", ech=True))[:7] == b"reached"
    for data in (client_hello("other.test"), client_hello("other.test", 40), client_hello("other.test", ech=True), client_hello(""), b"SSH-2.0-x\r\n", request("allowed.test")):
        assert said_on(guest, 443, data) == b"\x15\x03\x03\0\2\2\x31", data
    assert said_on(guest, 80, request("allowed.test"), 1)[:7] == b"HTTP/1."
    for data in (request("other.test"), b"GET / HTTP/1.1\r\nHost: allowed.test\r\nHost: other.test\r\n\r\n", b"SSH-2.0-x\r\n", client_hello("allowed.test"),
                 b"GET http://other.test/ HTTP/1.1\r\nHost: allowed.test\r\n\r\n"):
        connection = guest.connect(OUT, 80)
        connection.send(ACK | PSH, data)
        why = b"does not allow this host" if data == request("other.test") else b"in one way only"
        answer = connection.receive(1 << 20)
        assert b"403" in answer[:12] and why in answer, (data, answer)
    # One that ends before it said a name
    connection = guest.connect(OUT, 443)
    connection.send(ACK | FIN | PSH, client_hello("allowed.test")[:20])
    assert connection.receive(7)[:1] == b"\x15"
    assert ("tcp", OUT, 443, "other.test", "server-name") in guest.gate.denied()
    guest.gate.close()


def web(guest, *requests, port=80, to=OUT):
    """What comes of requests that are sent one after the other, each after the answer to the one before; and how it ended."""
    connection = guest.connect(to, port)
    got = b""
    for text in requests:
        connection.send(ACK | PSH, text)
        got = connection.receive(7)
        if b"403" in got: connection.receive(1 << 20)
        if connection.ended: break
    return got[:7], connection.ended


def further_requests_are_for_the_same_host():
    guest = Guest(PROGRAM, policy={**POLICY, "allow": ["allowed.test", "also.test"]})
    guest.ask("allowed.test")
    mine, other = request("allowed.test"), request("other.test")
    post = b"POST / HTTP/1.1\r\nHost: allowed.test\r\nContent-Length: %d\r\n\r\n" % len(other) + other
    chunked = b"POST / HTTP/1.1\r\nHost: allowed.test\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(other) + other + b"\r\n0\r\n\r\n"
    assert web(guest, mine, mine, post, chunked, mine) == (b"HTTP/1.", "")
    before = guest.gate.stats()["denied_total"]
    bad = (mine + other, mine + b"GET http://other.test/ HTTP/1.1\r\nHost: allowed.test\r\n\r\n", mine + b"\n" + other, mine + b"GET / HTTP/1.0\r\n\r\n",
           mine + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", post + other, chunked + other,
           b"GET / HTTP/1.1\r\nHost: allowed.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + other)
    for data in bad:
        for piece in (len(data), 1):
            connection = guest.connect(OUT, 80)
            for at in range(0, len(data), piece):
                connection.send(ACK | PSH, data[at:at + piece])
            got = connection.receive(1 << 20)
            # The first has its answer. When that came before the refusal, the other has one, too.
            assert connection.ended == "fin" and got.startswith(b"HTTP/1.1 200"), (data, piece, connection.ended, got)
            rest = got.replace(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine", b"")
            assert not rest or (piece == 1 and rest.startswith(b"HTTP/1.1 403")), (data, piece, got)
    for data, why in ((other, b"does not allow this host"), (b"GET / HTTP/1.1\r\n\r\n", b"in one way only")):
        connection = guest.connect(OUT, 80)
        connection.send(ACK | PSH, mine)
        assert connection.receive(41).endswith(b"fine")
        connection.send(ACK | PSH, data)
        answer = connection.receive(1 << 20)
        assert answer.startswith(b"HTTP/1.1 403") and why in answer and connection.ended == "fin", (data, answer)
    assert guest.gate.stats()["denied_total"] >= before + 2 * len(bad)
    assert ("tcp", OUT, 80, "", "server-name") in guest.gate.denied()
    guest.gate.close()


def an_open_connection_is_judged_by_what_it_asked_for():
    both = {**POLICY, "allow": ["allowed.test", "other.test"]}
    guest = Guest(PROGRAM, policy=both)
    guest.ask("allowed.test")
    kept, gone = guest.connect(OUT, 80), guest.connect(OUT, 80)
    for connection, name in ((kept, "allowed.test"), (gone, "other.test")):
        connection.send(ACK | PSH, request(name))
        assert connection.receive(7)[:7] == b"HTTP/1."
    assert guest.gate.set({**both, "allow": ["allowed.test"]}) == 1
    gone.receive(1)
    assert gone.ended == "rst" and not kept.ended
    # What nobody looked at could be for anybody.
    guest.gate.set({**POLICY, "egress": "public", "allow": []})
    unseen = guest.connect(OUT, 80)
    assert guest.gate.set({**POLICY, "egress": "public", "allow": [], "deny": ["denied.test"]}) == 1
    unseen.receive(1)
    assert unseen.ended == "rst"
    guest.gate.close()


def a_name_written_otherwise_is_the_same_or_none():
    guest = Guest(PROGRAM, policy={**POLICY, "egress": "public", "allow": [], "deny": ["denied.test"]})
    for name in ("denied.test", "DENIED.test"):
        assert guest.ask(name)[:2] == (3, []), name
    guest.ask("allowed.test")
    for data in (client_hello("denied.test"), client_hello("DeNied.tEst"), client_hello("denied.test.")):
        assert said_on(guest, 443, data) == b"\x15\x03\x03\0\2\2\x31", data
    for host in ("DENIED.test", "denied.test.", "denied.test:80", "denied.test.:80", "denied.test:", " denied.test "):
        connection = guest.connect(OUT, 80)
        connection.send(ACK | PSH, request(host))
        assert b"403" in connection.receive(12), host
    guest.gate.close()
    guest = Guest(PROGRAM, policy={**POLICY, "allow": ["allowed.test", "*.wild.test"]})
    guest.ask("allowed.test")
    for host in ("allowed.test\0.other.test", "allowed.test,other.test", "allowed.test other.test", "other.test\tallowed.test", "allowed.test@other.test",
                 "other.test:80@allowed.test", "xallowed.test", "allowed.test.other.test", "allowed%2etest", "\u00e4.allowed.test", "wild.test", "xwild.test",
                 ".wild.test", "[::ffff:10.9.9.9]", "10.9.9.9", ""):
        connection = guest.connect(OUT, 80)
        connection.send(ACK | PSH, request(host))
        assert b"403" in connection.receive(12), host
        if host.isascii() and "." in host:
            assert said_on(guest, 443, client_hello(host)) == b"\x15\x03\x03\0\2\2\x31", host
    for line in ("CONNECT other.test:443 HTTP/1.1", "GET http://allowed.test@other.test/ HTTP/1.1", "GET http://allowed.test:80@other.test/ HTTP/1.1",
                 "GET http:\\\\other.test/ HTTP/1.1", "GET //other.test/ HTTP/0.9"):
        connection = guest.connect(OUT, 80)
        connection.send(ACK | PSH, f"{line}\r\nHost: {'other.test' if line.startswith('CONNECT') else 'allowed.test'}\r\n\r\n".encode())
        got = connection.receive(12)
        assert b"403" in got, (line, got)
    # A dot within a label is no border of names.
    for labels in ((b"allowed.test",), (b"x.allowed", b"test"), (b"allowed\0", b"test"), ("\u00e4".encode(), b"wild", b"test")):
        question = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 1) + b"".join(bytes([len(label)]) + label for label in labels) + b"\0\0\1\0\1\0\0\x29\x04\xd0" + b"\0" * 6
        code, addresses = guest.ask("", raw=question)[:2]
        assert code and not addresses, (labels, code, addresses)
    # Names stand for TCP, and no other server of names is asked.
    guest.send(udp_frame(OUT, 5001, 443, b"quic"))
    assert guest.wait(lambda p: p.text.startswith("icmp 3/")).text == "icmp 3/13"
    guest.send(udp_frame("8.8.8.8", 5002, 53, b"x"))
    assert guest.wait(lambda p: p.text.startswith("icmp 3/")).text == "icmp 3/13"
    assert guest.connect("8.8.8.8", 53).text == "icmp 3/13"
    guest.gate.close()


def in_public_only_denied_names_are_looked_for():
    guest = Guest(PROGRAM, policy={**POLICY, "egress": "public", "allow": [], "deny": ["denied.test"]})
    assert guest.ask("denied.test")[0] == 3
    got = said_on(guest, 443, client_hello("anything.test"))
    assert got[:7] == b"reached", got
    alert = b"\x15\x03\x03\0\2\2\x31"
    assert said_on(guest, 443, client_hello("denied.test")) == alert
    for data in (client_hello(""), b"SSH-2.0-x\r\n"):
        assert said_on(guest, 443, data)[:7] == b"reached", data
    double = b"\0\0" + struct.pack(">HHBH", 14, 12, 0, 9) + b"fine.test" + b"\0\0" + struct.pack(">HHBH", 16, 14, 0, 11) + b"denied.test"
    body = HELLO + struct.pack(">H", len(double)) + double
    assert said_on(guest, 443, b"\x16\3\1" + struct.pack(">H", len(body) + 4) + b"\1" + len(body).to_bytes(3, "big") + body) == alert
    fine, denied = request("fine.test"), request("denied.test")
    assert web(guest, fine, request(OUT)) == (b"HTTP/1.", "fin")
    assert web(guest, request(OUT), request(OUT)) == (b"HTTP/1.", "")
    for data in (denied, b"\r\n" + denied, b"get / HTTP/1.1\r\nHost: fine.test\r\nHost: denied.test\r\n\r\n", b"GET / HTTP/1.1\nHost: denied.test\n\n",
                 b"GET http://denied.test/ HTTP/1.1\r\nHost: fine.test\r\n\r\n", b"GET / HTTP/1.1\r\nHost: fine.test\r\nX: y\r\n\tz\r\n\r\n"):
        connection = guest.connect(OUT, 80)
        connection.send(ACK | PSH, data)
        assert b"403" in connection.receive(12), data
    for first in (fine, request(OUT)):
        assert web(guest, first, denied) == (b"HTTP/1.", "fin"), first
    guest.gate.close()


def a_policy_that_changes_cuts_what_it_forbids():
    guest = Guest(PROGRAM)
    connection = guest.connect(OUT, ECHO)
    kept = guest.connect("203.0.113.20", ECHO)
    assert guest.gate.set({**POLICY, "allow": ["203.0.113.20"]}) == 1
    connection.receive(1)
    assert connection.ended == "rst"
    kept.send(ACK | PSH, b"still")
    assert kept.receive(5) == b"still"
    bad = guest.gate.ask("set", egress="allowlist", allow=["a..b"])
    assert not bad["ok"] and "allow[0]" in bad["error"], bad
    kept.send(ACK | PSH, b"there")
    assert kept.receive(5) == b"there"
    guest.gate.close()


def connections_to_where_headers_are_added_begin_anew():
    """They are read from their beginning, or not at all."""
    guest = Guest(PROGRAM)
    through = {**POLICY, "tls_ports": [ECHO]}
    adders = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)]

    def set_adder(adder):
        answer = guest.gate.ask("set", [adder[1].fileno()] if adder else [], **through)
        return answer["cut"]

    first = guest.connect(OUT, ECHO)
    assert set_adder(adders[0]) == 1
    first.receive(1)
    assert first.ended == "rst"
    second = guest.connect(OUT, ECHO)
    assert set_adder(None) == 0
    assert set_adder(adders[1]) == 1
    for fd in socket.recv_fds(adders[0][0], 2, 2)[1]: # what that process had ends with it
        os.close(fd)
    second.receive(1)
    assert second.ended == "fin"
    guest.connect(OUT, ECHO)
    assert guest.gate.set(POLICY) == 1
    guest.gate.close()


def a_name_that_goes_cuts_its_connections():
    guest = Guest(PROGRAM, policy={**POLICY, "allow": ["allowed.test", "other.test"]})
    guest.ask("allowed.test")
    connection = guest.connect(OUT, ECHO)
    assert guest.gate.set({**POLICY, "allow": ["allowed.test"]}) == 0
    assert guest.gate.set({**POLICY, "allow": ["other.test"]}) == 1
    connection.receive(1)
    assert connection.ended == "rst"
    guest.gate.close()


def urgent_data_is_plain_data():
    guest = Guest(PROGRAM)
    connection = guest.connect(OUT, ECHO)
    connection.send(ACK | PSH | URG, b"abc", urgent=2000)
    assert connection.receive(3) == b"abc"
    connection.send(ACK | PSH, b"def", urgent=3)
    assert connection.receive(3) == b"def"
    assert guest.gate.stats()["bytes_out"] < 1000
    guest.gate.close()


def old_protocols_are_not_read():
    """libslirp can rewrite the addresses in FTP and IRC."""
    guest = Guest(PROGRAM)
    for port, text in ((21, b"PORT 192,0,0,2,4,1\r\n"), (6667, b"PRIVMSG x :\1DCC CHAT chat 3221225474 1025\1\r\n")):
        connection = guest.connect(OUT, port)
        connection.send(ACK | PSH, text)
        got = connection.receive(len(text))
        assert got == text, got
    guest.gate.close()


def pings_and_datagrams_come_back():
    guest = Guest(PROGRAM)
    for size in (1, 1400):
        guest.send(udp_frame(OUT, 6000, ECHO, b"u" * size))
        packet = guest.wait(lambda p: p.text == "udp")
        assert (packet.src, packet.sport, packet.dport, packet.data) == (OUT, ECHO, 6000, b"u" * size)
    guest.send(frame(OUT, 1, icmp(8, 0, struct.pack(">HH", 77, 5) + b"ping")))
    packet = guest.wait(lambda p: p.text.startswith("icmp"))
    if packet.text == "icmp 0/0": # where the kernel lets this user ping
        assert packet.body[4:8] == struct.pack(">HH", 77, 5) and packet.body[8:] == b"ping", packet.body
    guest.send(frame("127.0.0.1", 1, icmp(8, 0, struct.pack(">HH", 78, 5) + b"ping")))
    packet = guest.wait(lambda p: p.text.startswith("icmp"))
    assert packet.text == "icmp 3/13" and packet.body[-8:-6] == b"\x08\0", packet
    stats = guest.gate.stats()
    assert stats["bytes_out"] >= 1401 and stats["bytes_in"] >= 1401
    guest.gate.close()


def a_thousand_short_connections_leave_room_for_more():
    """The server closes first, which leaves connections that libslirp keeps for ten seconds."""
    guest = Guest(PROGRAM, flows=64, policy={**POLICY, "rate": 100000})
    for _ in range(1000):
        connection = guest.connect(OUT, CLOSER)
        assert isinstance(connection, world.Connection), connection
        assert connection.receive(2) == b"x" and connection.ended == "fin"
        connection.send(ACK | FIN)
    assert guest.gate.stats()["connections"] < 64
    guest.gate.close()


def a_port_may_be_used_again_at_once():
    guest = Guest(PROGRAM)
    for _ in range(20):
        guest.port = 30000
        connection = guest.connect(OUT, ECHO)
        assert isinstance(connection, world.Connection), connection
        connection.send(ACK | PSH, b"again")
        assert connection.receive(5) == b"again"
    assert guest.gate.stats()["connections"] == 1
    guest.gate.close()


def more_connections_than_allowed_are_refused():
    guest = Guest(PROGRAM, flows=32)
    made = [guest.connect(OUT, ECHO) for _ in range(40)]
    assert sum(isinstance(c, world.Connection) for c in made) == 32
    assert made[-1].text == "tcp ack+rst", made[-1]
    for connection in made[:8]:
        connection.send(ACK | RST)
    guest.after()
    assert isinstance(guest.connect(OUT, ECHO), world.Connection)
    guest.gate.close()


def advice_is_given_only_where_a_rule_would_help():
    guest = Guest(PROGRAM, policy={**POLICY, "allow": ["allowed.test", "*.tunnel.test"]})
    for to, reason in ((HOST, "host"), (OUT, "not-allowed")):
        guest.connect(to, 9)
        assert ("tcp", to, 9, "", reason) in guest.gate.denied(), guest.gate.denied()
    # Programs ask for the names of addresses of which nothing depends, and no rule would give them any.
    PTR = 12
    assert guest.ask("10.100.51.198.in-addr.arpa", PTR)[0] == 3 and guest.ask("1.0.8.b.d.0.1.0.0.2.ip6.arpa", PTR)[0] == 3
    # A question about a service of a host is one about the host.
    SRV = 33
    assert guest.ask("_http._tcp.allowed.test", SRV)[:2] == (0, [])
    assert guest.ask("_http._tcp.other.test", SRV)[0] == 3 and guest.ask("_http._tcp.allowed.test")[0] == 3
    assert [key[3] for key in guest.gate.denied() if key[0] == "dns"] == ["_http._tcp.other.test", "_http._tcp.allowed.test"], guest.gate.denied()
    for n in range(300):
        guest.send(question(10000 + n, f"{n}.tunnel.test"))
    guest.after()
    assert any(key[4] == "dns-limit" for key in guest.gate.denied()), guest.gate.denied()
    guest.gate.close()


def question(sport, name):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return udp_frame(GW, sport, 53, struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1")


def a_name_is_asked_for_once_by_all_who_connect_to_it():
    """What is known, or being asked, counts for no limit. The name server is silent at first, so that all wait for one answer."""
    guest = Guest(PROGRAM, policy={**POLICY, "allow": ["late.test"]})
    known = []
    for _ in range(2):
        for n in range(250):
            guest.send(question(10000 + n, "late.test"))
        for _ in range(250):
            answer = guest.wait(lambda p: p.text == "udp" and p.sport == 53)
            known.append(answer and answer.data[3] & 15)
    assert known == [0] * 500, known
    assert guest.gate.denied() == {}, guest.gate.denied()
    guest.gate.close()


def floods_have_an_end():
    guest = Guest(PROGRAM, policy={**POLICY, "rate": 50})
    for n in range(1000):
        guest.send(udp_frame(GW, 10000 + n, 53, struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"\x08%08x\6tunnel\4test\0\0\1\0\1" % n))
    for n in range(1, 1001):
        guest.send(tcp_frame(OUT, 20000, n + 3000, seq=n))
    guest.after()
    reasons = {}
    for key, count in guest.gate.denied().items():
        reasons[key[4]] = reasons.get(key[4], 0) + count
    stats = guest.gate.stats()
    assert stats["denied_total"] > 1000 and reasons["limit"] + stats["denied_lost"] > 1000, (reasons, stats["denied_lost"])
    assert len(stats["denied"]) == 128
    guest.gate.close()


def a_stalled_reader_holds_nobody_up():
    guest = Guest(PROGRAM)
    stalled = [guest.connect(OUT, SLOW) for _ in range(20)]
    connection = guest.connect(OUT, ECHO)
    connection.send(ACK | PSH, b"hello")
    assert connection.receive(5) == b"hello"
    with open(f"/proc/{guest.gate.stack_pid()}/status") as file:
        memory = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    assert memory < 64 << 10 or "asan" in PROGRAM, memory
    assert all(isinstance(c, world.Connection) for c in stalled)
    guest.gate.close()


def the_next_gate_goes_on_with_what_the_last_one_knew():
    state = os.memfd_create("wrenn-gate")
    policy = {**POLICY, "allow": ["allowed.test"]}
    guest = Guest(PROGRAM, policy=policy, state=state)
    guest.ask("allowed.test")
    guest.connect(OUT, ECHO)
    guest.connect("198.51.100.77", 1)
    guest.gate.process.kill()
    guest.gate.process.wait()
    guest = Guest(PROGRAM, policy=policy, state=state)
    connection = guest.connect(OUT, ECHO)
    assert isinstance(connection, world.Connection) # its name was looked up before
    connection.send(ACK | PSH, b"hello")
    assert connection.receive(5) == b"hello"
    before = guest.gate.stats()
    os.kill(guest.gate.stack_pid(), 9) # a stack that ends hides nothing
    guest.gate.process.wait()
    guest = Guest(PROGRAM, policy=policy, state=state)
    after = guest.gate.stats()
    assert (after["bytes_in"], after["bytes_out"]) == (before["bytes_in"], before["bytes_out"]), (before, after)
    assert ("tcp", "198.51.100.77", 1, "", "not-allowed") in guest.gate.denied()
    assert guest.gate.stats()["connections_total"] == 2
    guest.gate.close()
    os.pwrite(state, b"\xff" * 100000, 0)
    guest = Guest(PROGRAM, policy=policy, state=state)
    assert guest.gate.stats()["connections_total"] == 0
    guest.gate.close()


def a_proxy_gets_the_names():
    proxy = world.Proxy()
    policy = {**POLICY, "name_servers": [], "hosts": "127.0.0.1 localhost inside.test\n::1 six.test\n", "proxy": proxy.settings("Basic dTpw"),
              "allow": ["allowed.test", "dark.test:443", "mute.test", "203.0.113.20", "2001:db8:1::10", "inside.test", "six.test", "*", "0.0.0.0/0:9"],
              "deny": ["denied.test"]}
    state = os.memfd_create("wrenn-gate")
    guest = Guest(PROGRAM, policy=policy, state=state)
    code, (address,), _ = guest.ask("allowed.test")
    assert code == 0 and address.startswith(("198.18.", "198.19.")), address
    assert guest.ask("allowed.test")[1] == [address] and guest.ask("other.test")[1] != [address]
    assert guest.ask("allowed.test", 28)[:2] == (0, [])
    connection = guest.connect(address, ECHO)
    connection.send(ACK | PSH, b"hello")
    assert connection.receive(5) == b"hello"
    assert proxy.asked == [f"CONNECT allowed.test:{ECHO} HTTP/1.1\r\nHost: allowed.test:{ECHO}\r\nProxy-Authorization: Basic dTpw\r\n\r\n"], proxy.asked
    assert guest.connect(address, CLOSER).receive(1) == b"x" # what came with the proxy's answer is not lost
    assert said_on(guest, 443, client_hello("allowed.test"), to=address)[:7] == b"reached"
    # Addresses go as such
    assert isinstance(guest.connect("203.0.113.20", ECHO), world.Connection)
    assert isinstance(guest.connect(OUT6, ECHO), world.Connection)
    assert proxy.asked[-2].startswith("CONNECT 203.0.113.20:2007 ") and proxy.asked[-1].startswith(f"CONNECT [{OUT6}]:2007 "), proxy.asked
    # What it refuses, or can't do
    dark, mute = guest.ask("dark.test")[1][0], guest.ask("mute.test")[1][0]
    assert guest.connect(dark, 443).text == guest.connect(mute, 80).text == guest.connect(address, 5).text == "icmp 3/13"
    # Never, and not by a proxy either
    asked = len(proxy.asked)
    for name in ("localhost", "x.localhost", "inside.test", "six.test", "denied.test", "metadata.google.internal", "printer", "x.local", "0x7f000001", "x.0x1"):
        assert guest.ask(name)[:2] == (3, []), name
    assert guest.connect("198.18.77.77", ECHO).text == "icmp 3/13" # stands for nothing
    assert guest.connect("127.0.0.1", 9).text == guest.connect(HOST, 9).text == guest.connect(address, 25).text == "icmp 3/13"
    guest.send(udp_frame("203.0.113.20", 5000, ECHO, b"x"))
    guest.send(frame("203.0.113.20", 1, icmp(8, 0, struct.pack(">HH", 77, 5) + b"ping")))
    guest.gate.set({**policy, "allow": ["allowed.test/udp", *policy["allow"]]})
    guest.send(udp_frame(address, 5000, ECHO, b"x"))
    guest.after()
    assert len(proxy.asked) == asked, proxy.asked
    reasons = {(d[0], d[1] if d[3] == "" else d[3], d[2]): d[4] for d in guest.gate.denied()}
    for key, reason in {("tcp", "dark.test", 443): "proxy-refused", ("tcp", "mute.test", 80): "proxy-failed", ("tcp", "allowed.test", 5): "proxy-failed",
                        ("udp", "allowed.test", ECHO): "proxy-tcp-only", ("icmp", "203.0.113.20", 0): "proxy-tcp-only", ("dns", "localhost", 0): "loopback",
                        ("dns", "metadata.google.internal", 0): "metadata", ("dns", "printer", 0): "private", ("dns", "inside.test", 0): "rebinding",
                        ("tcp", "198.18.77.77", ECHO): "private", ("tcp", "127.0.0.1", 9): "loopback", ("tcp", HOST, 9): "host"}.items():
        assert reasons.get(key) == reason, (key, reasons)
    assert guest.gate.ask("check", host="allowed.test", port=53, proto="udp")["reason"] == "proxy-tcp-only"
    # A restarted gate knows what addresses stand for; a policy that changes cuts
    guest.gate.process.kill()
    guest.gate.process.wait()
    guest = Guest(PROGRAM, policy=policy, state=state)
    connection = guest.connect(address, ECHO)
    assert isinstance(connection, world.Connection)
    assert guest.gate.set({**policy, "allow": ["203.0.113.20"]}) == 1
    connection.receive(1)
    assert connection.ended == "rst"
    guest.gate.close()


def a_proxy_that_is_away_or_dumb_is_named():
    listener = socket.create_server(("127.0.0.1", 0))
    policy = {**POLICY, "egress": "public", "allow": [], "name_servers": [], "proxy": {"address": "127.0.0.1", "port": listener.getsockname()[1]}}
    guest = Guest(PROGRAM, policy=policy)
    address = guest.ask("allowed.test")[1][0]
    guest.send(tcp_frame(address, 30000, 443))
    connection, _ = listener.accept()
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 fine\r\n" + b"x" * 9000)
    assert guest.wait(lambda p: p.text.startswith("icmp")).text == "icmp 3/13"
    guest.send(tcp_frame(address, 30001, 443))
    listener.accept()[0].close()
    assert guest.wait(lambda p: p.text.startswith("icmp")).text == "icmp 3/13"
    listener.close()
    assert guest.connect(address, 443).text == "icmp 3/13"
    assert guest.gate.denied()[("tcp", address, 443, "allowed.test", "proxy-failed")] == 3
    for bad in ({}, {"address": "x", "port": 1}, {"address": "1.2.3.4", "port": 0}, {"address": "1.2.3.4", "port": 1, "authorization": "a\r\nb"}):
        assert not guest.gate.ask("set", **{**policy, "proxy": bad})["ok"], bad
    guest.gate.close()


def checks_answer_without_a_connection():
    guest = Guest(PROGRAM, policy={**POLICY, "allow": ["allowed.test:443"]})
    ask = lambda host, port: guest.gate.ask("check", host=host, port=port)
    answer = ask("allowed.test", 443)
    assert answer["allowed"] and answer["list"] == "allow" and answer["index"] == 0, answer
    assert ask("allowed.test", 80)["reason"] == "not-allowed"
    assert ask("x.test", 443)["reason"] == "name-not-allowed"
    assert ask("127.0.0.1", 443)["reason"] == "loopback"
    assert ask(OUT, 443)["reason"] == "not-allowed" # until it is known by an allowed name
    assert ask(HOST, 443)["reason"] == "host"
    guest.ask("allowed.test")
    assert (ask(OUT, 443)["allowed"], ask(OUT, 443)["index"]) == (True, 0)
    guest.gate.set({**POLICY, "egress": "public", "allow": ["x.test", "198.51.0.0/16:25"], "deny": ["a.test", "y.test:80"], "operator_deny": ["203.0.113.0/24"]})
    answer = ask("203.0.113.9", 80)
    assert (answer["reason"], answer["list"], answer["index"]) == ("operator", "operator_deny", 0), answer
    assert ask("y.test", 80)["index"] == 1 and ask("y.test", 80)["list"] == "deny"
    assert ask("y.test", 443)["allowed"] and "list" not in ask("y.test", 443)
    assert ask("x.test", 25)["reason"] == "port-25"
    assert ask(HOST, 443)["reason"] == "host"
    assert not ask("a b", 443)["ok"] and not guest.gate.ask("check")["ok"] and not guest.gate.ask("dance")["ok"]
    guest.gate.close()


def both_processes_are_in_a_jail():
    if "asan" in PROGRAM:
        return "not in sanitizer builds"
    guest = Guest(PROGRAM)
    for pid in (guest.gate.process.pid, guest.gate.stack_pid()):
        with open(f"/proc/{pid}/status") as file:
            status = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
        assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1", status
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[name], 16) == 0, (name, status[name])
        assert os.listdir(f"/proc/{pid}/root") == []
        with open(f"/proc/{pid}/mountinfo") as file:
            (mount,) = file.read().splitlines()
        assert mount.split()[5].startswith("ro,"), mount
        with open(f"/proc/{pid}/limits") as file:
            limits = file.read()
        for name in ("Max core file size", "Max file size", "Max processes"):
            assert next(line for line in limits.splitlines() if line.startswith(name)).split(name)[1].split()[1] == "0", name
    os.kill(guest.gate.stack_pid(), 9)
    assert guest.gate.process.wait(20) == 1
    return None


def as_root_both_change_to_another_user():
    with open("/proc/self/uid_map") as file:
        if os.geteuid() != 0 or file.read().split() != ["0", "0", "4294967295"]:
            return "not root of this machine"
    if "asan" in PROGRAM:
        return "not in sanitizer builds"
    guest = Guest(PROGRAM, extra=["--uids=2415919104"])
    user = str(2415919104 + guest.gate.process.pid)
    for pid in (guest.gate.process.pid, guest.gate.stack_pid()):
        with open(f"/proc/{pid}/status") as file:
            status = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
        assert status["Uid"].split() == [user] * 4 and status["Gid"].split() == ["65534"] * 4 and not status["Groups"].strip(), status
        assert os.stat(f"/proc/{pid}/environ").st_uid == 0, "it can be traced by its user"
    stack = os.pidfd_open(guest.gate.stack_pid())
    guest.gate.process.kill()
    assert select.select([stack], [], [], 20)[0], "the stack outlives its broker"
    os.close(stack)
    return None


TESTS = [a_connection_carries_bytes_both_ways, what_is_never_allowed_is_refused_at_once, malformed_packets_go_nowhere,
         a_closed_port_is_refused_and_a_gate_port_too, names_lead_only_where_one_may_go, strange_questions_are_answered_with_an_error,
         an_allow_list_needs_a_name_or_a_range, mail_leaves_only_when_the_operator_says_so, a_shared_address_serves_only_the_allowed_name,
         further_requests_are_for_the_same_host, an_open_connection_is_judged_by_what_it_asked_for, a_name_written_otherwise_is_the_same_or_none, in_public_only_denied_names_are_looked_for, a_policy_that_changes_cuts_what_it_forbids, connections_to_where_headers_are_added_begin_anew,
         a_name_that_goes_cuts_its_connections,
         urgent_data_is_plain_data, old_protocols_are_not_read, pings_and_datagrams_come_back, a_thousand_short_connections_leave_room_for_more,
         a_port_may_be_used_again_at_once, more_connections_than_allowed_are_refused, advice_is_given_only_where_a_rule_would_help, a_name_is_asked_for_once_by_all_who_connect_to_it,
         floods_have_an_end, a_stalled_reader_holds_nobody_up,
         the_next_gate_goes_on_with_what_the_last_one_knew, a_proxy_gets_the_names, a_proxy_that_is_away_or_dumb_is_named, checks_answer_without_a_connection, both_processes_are_in_a_jail, as_root_both_change_to_another_user]

if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    world.make()
    sys.exit(1 if world.run_tests(TESTS, sys.argv[2:]) else 0)
