#!/usr/bin/python3
"""A neighbour among hostile clients and guests.

    test_hostile.py WRENND [ATTACK...]      TAP: all attacks at once, small ones; the neighbour's commands all succeed, and
                                            nothing holds the loop (src/server/hold.h)
    test_hostile.py WRENND --measure SECONDS [--one-by-one] [ATTACK...]
                                            how long the neighbour's commands take, without and with the attacks, as large
                                            as they come

The neighbour is one client that runs `true` in a sandbox of its own, one after the other, over one connection. Attackers
belong to another team. As clients they run with the lowest priority, for it is not their work that is measured; what
their guests do is wrennd's to keep in bounds. All of it stays on 127.0.0.1, and ends by itself."""
import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

import attacks

# Machines of their own for all guests take long to start where the processor is emulated; LIMIT_SECONDS is for one command.
TEST_SECONDS, LIMIT_SECONDS = (60, 300) if os.environ.get("WRENND_ISOLATION") == "vm" else (6, 30)
QUIET_SECONDS, SETTLE_SECONDS = 5, 8
# Between two commands of the neighbour's: it wants less than its part of the machine.
PAUSE_SECONDS = 0.05


class Server:
    """wrennd with a data directory of its own; what it did wrong is in `problems` when it has stopped."""

    def __init__(self, wrennd, limit_ms=0):
        self.wrennd = wrennd
        self.problems = []
        self.env = {key: value for key, value in os.environ.items() if key.startswith("WRENND_") or not key.startswith("WRENN")}
        self.env |= {"WRENND_HOLD_LIMIT_MS": str(limit_ms)} if limit_ms else {}

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="wrenn-test-")
        self.log = open(f"{self.directory}/log", "w+")
        self.start()
        self.key = next(line for line in self.process.stdout if b"WRENN_API_KEY=" in line).decode().strip().split("=")[1]
        return self

    def start(self):
        ready, writer = os.pipe()
        self.process = subprocess.Popen(
            [self.wrennd, "--data-dir", f"{self.directory}/data", "--listen", "127.0.0.1:0", "--ready-fd", str(writer),
             "--signup", "local", "--on-stop", "destroy"], env=self.env, pass_fds=[writer], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self.log, start_new_session=True)
        os.close(writer)
        with open(ready) as lines:
            address = lines.readline().strip()
        assert address, f"wrennd did not start: {self.said()}"
        self.port = int(address.rsplit(":")[-1])

    def said(self):
        self.log.seek(0)
        return self.log.read()[-8000:]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=120)
        self.process.stdout.close()
        if status:
            self.problems += [f"wrennd ended with {status}", *self.said().splitlines()]
        return status

    def __exit__(self, *error):
        # One that has crashed leaves its sandboxes to the next.
        if self.stop():
            self.start()
            self.stop()
        self.log.close()
        subprocess.run(["rm", "-rf", self.directory])


def other_team(port):
    """The key of an account of its own."""
    world = attacks.World(port, "", time.monotonic() + 60, False)
    status, answer = world.request("POST", "/v1/auth/signup", {"email": "a@b.c", "name": "a", "password": "a-password"}, key=False)
    assert status == 201, answer
    token = json.loads(answer)["token"]
    status, answer = world.request("POST", "/v1/api-keys", {"name": "a"}, fields=[f"Authorization: Bearer {token}"], key=False)
    assert status == 201, answer
    return json.loads(answer)["key"]


def come_first():
    """A client on another machine would not wait for processors of this one."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except PermissionError:
        pass


class Neighbour:
    """Its commands: how long each took in ms, and what went wrong."""

    def __init__(self, server):
        self.server = server
        self.connection = None
        self.wrong = []
        status, answer = self.ask("POST", "/v1/sandboxes", "{}")
        assert status == 201, answer
        self.path = f"/v1/sandboxes/{json.loads(answer)['id']}/exec"

    def ask(self, method, path, body):
        """On the connection that is kept; one that was closed meanwhile, to make room for others, is no failure."""
        was_open = self.connection is not None
        try:
            return self.try_asking(method, path, body)
        except (ConnectionError, http.client.RemoteDisconnected):
            self.connection = None
            if not was_open:
                raise
        return self.try_asking(method, path, body)

    def try_asking(self, method, path, body):
        if not self.connection:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=2 * LIMIT_SECONDS)
            self.connection.connect()
            self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection.request(method, path, body, {"X-API-Key": self.server.key, "Content-Type": "application/json"})
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def run(self, seconds):
        come_first()
        times, end = [], time.monotonic() + seconds
        while (start := time.monotonic()) < end:
            try:
                status, answer = self.ask("POST", self.path, json.dumps({"cmd": "true", "timeout_sec": LIMIT_SECONDS}))
                if status != 200 or json.loads(answer)["exit_code"] != 0:
                    self.wrong.append(f"{status} {answer[:200]}")
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(repr(error))
                self.connection = None
                if self.server.process.poll() is not None:
                    break
            times.append((time.monotonic() - start) * 1000)
            time.sleep(PAUSE_SECONDS)
        return sorted(times)


def stolen():
    """Seconds of processor that the hypervisor gave to others: what runs here stands still meanwhile, and no server can help it."""
    with open("/proc/stat") as file:
        return int(file.readline().split()[8]) / os.sysconf("SC_CLK_TCK")


def show(what, run):
    before = stolen()
    times = run()
    part = lambda share: times[min(len(times) - 1, int(share * len(times)))]
    print(f"# {what:28} {len(times):6} commands, ms: median {part(0.5):7.2f}  99 % {part(0.99):7.2f}  "
          f"99.9 % {part(0.999):7.2f}  most {times[-1]:7.2f}  stolen {stolen() - before:.2f} s", flush=True)


def begin(server, key, those, seconds, small):
    pids = []
    for one in those:
        pid = os.fork()
        if pid:
            pids.append(pid)
            continue
        try:
            os.setpriority(os.PRIO_PROCESS, 0, 19)
            one(attacks.World(server.port, key, time.monotonic() + seconds, small))
        except (OSError, ValueError, KeyError, IndexError):
            pass # it was kept out
        finally:
            os._exit(0)
    return pids


def end(pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for pid in pids:
        os.waitpid(pid, 0)


def under_attack(server, neighbour, key, those, seconds, small, settle=0):
    pids = begin(server, key, those, seconds + settle + 5, small)
    try:
        time.sleep(settle)
        return neighbour.run(seconds)
    finally:
        end(pids)


def clear(server, key):
    world = attacks.World(server.port, key, time.monotonic() + 60, False)
    for one in json.loads(world.request("GET", "/v1/sandboxes")[1]):
        world.request("DELETE", f"/v1/sandboxes/{one['id']}")


def measure(wrennd, seconds, those, one_by_one):
    with Server(wrennd) as server:
        key = other_team(server.port)
        neighbour = Neighbour(server)
        show("alone", lambda: neighbour.run(min(seconds, QUIET_SECONDS)))
        for some in [[one] for one in those] if one_by_one else [those]:
            what = some[0].__name__ if len(some) == 1 else f"{len(some)} attacks at once"
            show(what, lambda: under_attack(server, neighbour, key, some, seconds, False, SETTLE_SECONDS))
            clear(server, key)
        for why in neighbour.wrong[:5]:
            print(f"# failed: {why}")


def comes_first(pid):
    """Where sessions share the processors, that of root's wrennd is to have more of them. One that others share it with is not."""
    try:
        with open(f"/proc/{pid}/autogroup") as file:
            return os.geteuid() != 0 or "nice -10" in file.read()
    except OSError:
        return True


def test(wrennd, those):
    server = Server(wrennd, os.environ.get("WRENND_HOLD_LIMIT_MS", 50))
    with server:
        key = other_team(server.port)
        neighbour = Neighbour(server)
        show(f"{len(those)} attacks at once", lambda: under_attack(server, neighbour, key, those, TEST_SECONDS, True))
        guests = json.loads(attacks.World(server.port, key, 0, True).request("GET", "/v1/sandboxes")[1])
        print(f"# {len(guests)} guests of the attackers")
        first = comes_first(server.process.pid)
    problems = server.problems or neighbour.wrong[:5] or ([] if first else ["its session weighs no more than others"])
    for line in problems:
        print(f"# {line}")
    print("not ok - neighbours of hostile clients" if problems else "ok - neighbours of hostile clients")
    print("1..1")
    return 1 if problems else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("wrennd")
    parser.add_argument("attacks", nargs="*")
    parser.add_argument("--measure", type=float, metavar="SECONDS")
    parser.add_argument("--one-by-one", action="store_true")
    asked = parser.parse_args()
    # What has a time limit for this program ends it so, and the server and its guests must not go on.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    those = [one for one in attacks.ATTACKS if not asked.attacks or one.__name__ in asked.attacks]
    if asked.measure:
        return measure(asked.wrennd, asked.measure, those, asked.one_by_one)
    return test(asked.wrennd, those)


if __name__ == "__main__":
    sys.exit(main())
