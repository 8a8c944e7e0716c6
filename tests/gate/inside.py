"""A sandbox's side of the link as the kernel has it: a network namespace with eth0, over TAP or over a pair of devices and a packet
socket, whose name server is the gate."""
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile

import world

TUNSETIFF, IFF_TAP_NO_PI, IFF_VNET_HDR = 0x400454ca, 0x0002 | 0x1000, 0x4000
SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
CLONE_NEWNET, CLONE_NEWNS = 0x40000000, 0x00020000
MTU = 16384


def make_tap(has_heads):
    link = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(link, TUNSETIFF, struct.pack("16sH22x", b"eth0", IFF_TAP_NO_PI | (IFF_VNET_HDR if has_heads else 0)))
    return link


def make_veth(has_heads):
    """Its outer end is in a network namespace that nothing but the packet socket keeps alive."""
    inner = os.open("/proc/self/ns/net", os.O_RDONLY)
    world.unshare(CLONE_NEWNET)
    add_pair(inner)
    with open("/proc/sys/net/ipv6/conf/gate0/disable_ipv6", "w") as file:
        file.write("1")
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    link.bind(("gate0", 3))
    link.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    link.setsockopt(SOL_PACKET, PACKET_VNET_HDR, has_heads)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        link.setsockopt(socket.SOL_SOCKET, option, 4 << 20)
    world.run("ip link set gate0 up")
    setns(inner)
    os.close(inner)
    for command in (0x17, 0x1f, 0x24): # ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO: frames come whole and with their checksums
        ethtool("eth0", command)
    return link.detach()


def add_pair(inner):
    """As root of this namespace: the other end goes to the namespace that a process of that number is in."""
    keeper = os.fork()
    if keeper == 0:
        setns(inner)
        signal.pause()
        os._exit(0)
    while os.stat(f"/proc/{keeper}/ns/net").st_ino != os.fstat(inner).st_ino:
        pass
    world.run(f"ip link add gate0 mtu {MTU} type veth peer name eth0 mtu {MTU} netns {keeper}")
    os.kill(keeper, 9)
    os.waitpid(keeper, 0)


def setns(fd):
    if world.LIBC.setns(fd, CLONE_NEWNET):
        raise OSError("setns")


def ethtool(name, command):
    value = ctypes.create_string_buffer(struct.pack("II", command, 0))
    request = struct.pack("16sP16x", name.encode(), ctypes.addressof(value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8946, request)


class Inside:
    """Commands that run where the sandbox would."""

    def __init__(self, kind, has_heads=True):
        """Of "tap", "veth", "slirp4netns"; heads: struct virtio_net_hdr in front of each frame on the link."""
        mine, theirs = socket.socketpair()
        self.files = tempfile.mkdtemp(prefix="wrenn-gate-test-")
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self.be_inside(kind, theirs, has_heads)
            finally:
                os._exit(1)
        theirs.close()
        _, (self.link,), _, _ = socket.recv_fds(mine, 1, 1)
        self.mine = mine

    def be_inside(self, kind, up, has_heads):
        world.LIBC.prctl(1, 9)
        world.unshare(CLONE_NEWNET | CLONE_NEWNS)
        world.run("mount --make-rprivate /")
        for name, text in (("resolv.conf", "nameserver 192.0.0.1\n"), ("hosts", "127.0.0.1 localhost\n")):
            path = f"{self.files}/{name}"
            with open(path, "w") as file:
                file.write(text)
            world.run(f"mount --bind {path} {os.path.realpath(f'/etc/{name}')}")
        world.run("ip link set lo up")
        if kind == "slirp4netns": # brings its own
            socket.send_fds(up, [b"1"], [0])
            up.recv(1)
        link = (make_tap if kind == "tap" else make_veth)(has_heads)
        for name in ("accept_ra", "accept_dad"):
            with open(f"/proc/sys/net/ipv6/conf/eth0/{name}", "w") as file:
                file.write("0")
        world.run(f"ip link set eth0 mtu {MTU} up")
        world.run("ip addr add 192.0.0.2/32 dev eth0")
        world.run("ip route add default via 192.0.0.1 dev eth0 onlink")
        world.run("ip -6 addr add fd77:7265:6e6e::2/128 dev eth0 nodad")
        world.run("ip -6 route add default via fd77:7265:6e6e::1 dev eth0 onlink")
        socket.send_fds(up, [b"1"], [link])
        os.close(link)
        up.recv(1)

    def run(self, *command, **more):
        return subprocess.run(["nsenter", "-t", str(self.pid), "-n", "-m", "--wd=/", *command], capture_output=True, text=True, timeout=100, **more)

    def python(self, text, *words):
        """What a program prints that has the usual imports."""
        done = self.run("/usr/bin/python3", "-c", "import errno, os, socket, struct, sys, threading, time\n" + text, *words)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip()

    def close(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        shutil.rmtree(self.files, ignore_errors=True)
        os.close(self.link)
