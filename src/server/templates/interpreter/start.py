"""Starts the Jupyter server of a sandbox, and beside it a process that has imported what kernels need and forks them when they
are wanted. Imports are nearly all of a kernel's start, and half of them are the server's too.

A kernel that would be another when started afresh, with other packages or other variables, is started afresh."""
import gc
import json
import os
import select
import signal
import site
import socket
import sys
import time
import traceback

import python_kernel  # first: it leaves out what the other would import
import bash_kernel

HERE = os.path.dirname(os.path.abspath(__file__))
KERNELS = {os.path.join(HERE, "python_kernel.py"): python_kernel.main, os.path.join(HERE, "bash_kernel.py"): bash_kernel.main}
READ_AT_START = ("PYTHON", "LD_", "LC_", "LANG", "MALLOC_", "HOME")  # by Python and libc; beginnings of names
WAIT_SECONDS = 10


# ---- the process that forks ----


def become(asked, request):
    """What Jupyter makes of a child, then the kernel."""
    os.setsid()
    pid = os.getpid()
    pidfd = os.pidfd_open(pid)
    socket.send_fds(asked, [str(pid).encode()], [pidfd])
    os.close(pidfd)
    asked.close()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    if request["cwd"]:
        os.chdir(request["cwd"])
    gc.enable()
    sys.argv = request["argv"]
    KERNELS[sys.argv[0]]()


def fork(asked, request):
    try:
        if os.fork():
            return
    except OSError:
        asked.send(b"none")
        return
    code = 1
    try:
        become(asked, request)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code & 255)


def fork_kernels(asked):
    """Until the server is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    gc.disable()  # to collect is to write to memory that all share
    gc.freeze()
    while data := asked.recv(1 << 20):
        fork(asked, json.loads(data))


# ---- the server ----


class Kernel:
    """What Jupyter wants of a subprocess.Popen. How it ended only its parent would know."""

    stdin = stdout = stderr = None

    def __init__(self, pid, pidfd):
        self.pid, self.pidfd = pid, pidfd

    def __del__(self):
        os.close(self.pidfd)

    def poll(self, timeout=0):
        return 1 if select.select([self.pidfd], [], [], timeout)[0] else None

    def wait(self):
        return self.poll(None)

    def send_signal(self, number):
        if self.poll() is None:
            signal.pidfd_send_signal(self.pidfd, number)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)


def places():
    """When something was last installed or removed, by directory."""
    times = {}
    for path in [*sys.path, site.getusersitepackages()]:
        try:
            times[path] = os.stat(path).st_mtime_ns
        except OSError:
            times[path] = None
    return times


def at_start(env):
    return {name: value for name, value in env.items() if name.startswith(READ_AT_START)}


def launch_by_fork(ask):
    """Makes Jupyter ask for kernels there; what can't be had so, it launches itself."""
    from jupyter_client.provisioning import local_provisioner

    launch = local_provisioner.launch_kernel
    packages, variables = places(), at_start(os.environ)

    def fork_kernel(argv, env, cwd):
        nonlocal ask
        if not ask or argv[0] not in KERNELS or at_start(env) != variables or places() != packages:
            return None
        try:
            ask.send(json.dumps({"argv": argv, "env": env, "cwd": cwd}).encode())
            said, descriptors, _, _ = socket.recv_fds(ask, 100, 1)
        except OSError:  # it is gone, or does not answer: an answer that comes later would be taken for another one's
            ask.close()
            ask = None
            return None
        return Kernel(int(said), descriptors[0]) if descriptors else None

    def launch_kernel(cmd, env=None, cwd=None, **others):
        kernel = fork_kernel(cmd[1:], dict(os.environ if env is None else env), cwd)
        return kernel or launch(cmd, env=env, cwd=cwd, **others)

    local_provisioner.launch_kernel = launch_kernel


def main():
    sys.path.remove(HERE)
    ask, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        ask.close()
        fork_kernels(asked)
        os._exit(0)
    asked.close()
    ask.settimeout(WAIT_SECONDS)
    launch_by_fork(ask)
    from jupyter_server.serverapp import main as serve

    sys.argv = ["jupyter-server", f"--config={HERE}/server.py"]
    serve()


if __name__ == "__main__":
    main()
