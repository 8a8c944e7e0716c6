"""A Jupyter kernel for bash: one shell that lives from cell to cell.

Cells are sourced, so that variables, functions and the directory stay; then the shell writes its status to a pipe. It is an
interactive one, without a terminal: those give a cell up when they are interrupted, and go on with the next."""
import codecs
import os
import selectors
import shutil
import signal
import subprocess
import tempfile

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel

SHELL = ["bash", "--noprofile", "--norc", "--noediting", "-i"]
SETUP = "PS1= PS2=; unset HISTFILE; set +o history +o histexpand; exec 2>'{0}/err'; echo 0 >'{0}/status'\n"


class BashKernel(Kernel):
    implementation = "wrenn_bash"
    implementation_version = "1"
    language = "bash"
    language_info = {"name": "bash", "mimetype": "text/x-sh", "file_extension": ".sh"}
    banner = "bash"
    shell = None

    def start_shell(self):
        self.directory = tempfile.mkdtemp()
        self.pipes = {}
        for name in ("status", "err"):
            path = os.path.join(self.directory, name)
            os.mkfifo(path, 0o600)
            self.pipes[name] = os.open(path, os.O_RDWR | os.O_NONBLOCK)  # a writer of our own: it never ends
        self.shell = subprocess.Popen(SHELL, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                      start_new_session=True)
        self.pipes["out"] = self.shell.stdout.fileno()
        self.pipes["gone"] = os.pidfd_open(self.shell.pid)
        self.ask(SETUP.format(self.directory))
        self.follow(True)

    def end_shell(self):
        """Ends it with all that it has started; its exit status."""
        code = self.shell.poll()
        try:
            os.killpg(self.shell.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        code = self.shell.wait() if code is None else code
        for name in ("status", "err", "gone"):
            os.close(self.pipes[name])
        self.shell.stdout.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.shell = None
        return code if code >= 0 else 128 - code

    def ask(self, line):
        try:
            os.write(self.shell.stdin.fileno(), line.encode())
        except BrokenPipeError:
            pass  # follow() sees that it is gone

    def show(self, stream, decoder, data, silent):
        """A character that is not whole yet waits for its rest; no data: for nothing more."""
        text = decoder.decode(data, not data)
        if text and not silent:
            self.send_response(self.iopub_socket, "stream", {"name": stream, "text": text})

    def follow(self, silent):
        """Passes output on until the cell is over: its status, or None when the shell has ended."""
        decoder = codecs.getincrementaldecoder("utf-8")
        streams = {self.pipes["out"]: ("stdout", decoder("replace")), self.pipes["err"]: ("stderr", decoder("replace"))}
        over = False
        status = None
        with selectors.DefaultSelector() as ready:
            for fd in self.pipes.values():
                ready.register(fd, selectors.EVENT_READ)
            while True:
                keys = [key.fd for key, _ in ready.select(0 if over else None)]
                shown = [fd for fd in keys if fd in streams]
                for fd in shown:
                    data = os.read(fd, 65536)
                    self.show(*streams[fd], data, silent)
                    if not data:
                        ready.unregister(fd)
                if self.pipes["status"] in keys:
                    status = int(os.read(self.pipes["status"], 64).split()[-1])
                if over and not shown:
                    for stream in streams.values():
                        self.show(*stream, b"", silent)
                    return status
                over = over or status is not None or self.pipes["gone"] in keys

    def run(self, code, silent):
        if not self.shell:
            self.start_shell()
        path = os.path.join(self.directory, "cell")
        with open(path, "w") as cell:
            cell.write(code + "\n")
        self.ask(f". '{path}' </dev/null\necho $? >'{self.directory}/status'\n")
        while True:
            try:
                return self.follow(silent)
            except KeyboardInterrupt:
                os.killpg(self.shell.pid, signal.SIGINT)

    def do_execute(self, code, silent, store_history=True, user_expressions=None, allow_stdin=False):
        status = self.run(code, silent) if code.strip() else 0
        reply = {"status": "ok", "execution_count": self.execution_count, "payload": [], "user_expressions": {}}
        if status == 0:
            return reply
        if status is None:
            name, value = "ShellEnded", f"the shell has ended with status {self.end_shell()}; its state is lost"
        elif status == 130:
            name, value = "Interrupted", "interrupted"
        else:
            name, value = "ExitStatus", str(status)
        error = {"ename": name, "evalue": value, "traceback": [f"{name}: {value}"]}
        if not silent:
            self.send_response(self.iopub_socket, "error", error)
        return {**reply, **error, "status": "error"}

    def do_shutdown(self, restart):
        if self.shell:
            self.end_shell()
        return {"status": "ok", "restart": restart}


def main():
    IPKernelApp.launch_instance(kernel_class=BashKernel)


if __name__ == "__main__":
    main()
