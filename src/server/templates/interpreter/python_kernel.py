"""The Python kernel, without what takes half of its start and nobody uses through the API: the debugger and the library for
completions. Code that runs in it can still import both."""
import codecs
import functools
import inspect
import json
import os
import sys
import warnings

if __name__ == "__main__":
    del sys.path[0]  # the directory of this file

UNUSED = ("debugpy", "jedi")
for name in UNUSED:
    sys.modules[name] = None
from ipykernel.displayhook import ZMQShellDisplayHook  # noqa: E402
from ipykernel.iostream import OutStream  # noqa: E402
from ipykernel.ipkernel import IPythonKernel  # noqa: E402
from ipykernel.kernelapp import IPKernelApp  # noqa: E402
from ipykernel.zmqshell import ZMQInteractiveShell  # noqa: E402
from jupyter_client.jsonutil import json_clean, json_default  # noqa: E402
from jupyter_client.session import Session  # noqa: E402

for name in UNUSED:
    del sys.modules[name]


def watch(stream):
    """Passes on what programs write that the code starts. The kernel's own way ends for good with the first byte that is no
    UTF-8, or half a character."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    try:
        data = os.read(stream._fid, 65536)
        while data and stream._should_watch:
            stream.write(decoder.decode(data))
            data = os.read(stream._fid, 65536)
    except Exception:
        stream._exc = sys.exc_info()


def tolerant(pack):
    """Text that is no text, such as the names of odd files, becomes U+FFFD. The kernel would lose the whole message."""

    @functools.wraps(pack)
    def pack_any(message):
        try:
            data = pack(message)
            data.decode()
            return data
        except UnicodeError:
            text = json.dumps(json_clean(message), default=json_default, ensure_ascii=False)
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()

    return pack_any


own = {}  # output, by name


def restore_output():
    """The kernel flushes sys.stdout and sys.stderr before it answers, and never answers when that fails: code that has put
    something else there, or nothing, gets its own back."""
    for name, stream in own.items():
        try:
            getattr(sys, name).flush()
        except Exception:
            setattr(sys, name, stream)


modules, imported = sys.modules, {}  # all modules; those of the kernel


def restore_modules():
    """What the kernel needs stays there: without it, it answers nothing any more."""
    sys.modules = modules
    for name, module in imported.items():
        modules.setdefault(name, module)


def with_output(execute):
    @functools.wraps(execute)
    async def execute_with_output(*args, **kwargs):
        if not own:
            own.update(stdout=sys.stdout, stderr=sys.stderr)
            sys.__stdout__, sys.__stderr__ = own.values()  # so that who goes back to those is heard
            imported.update(modules)
        try:
            reply = execute(*args, **kwargs)
            return await reply if inspect.isawaitable(reply) else reply
        finally:
            restore_modules()
            restore_output()

    return execute_with_output


def with_output_to_show(show):
    @functools.wraps(show)
    def show_with_output(hook):
        restore_output()
        return show(hook)

    return show_with_output


def leave(shell):
    """What exit() and quit() ask for: as sys.exit(), they end the code. A kernel that ended would lose all without a word."""
    raise SystemExit


def main():
    ZMQInteractiveShell.ask_exit = leave
    warnings.filterwarnings("ignore", "To exit: use 'exit'")  # what else SystemExit has IPython say
    OutStream._watch_pipe_fd = watch
    OutStream.close = OutStream.flush  # the kernel's own waits for watch(), for ever; and later cells want to print
    Session.pack.default_value = tolerant(Session.pack.default_value)
    IPythonKernel.do_execute = with_output(IPythonKernel.do_execute)
    ZMQShellDisplayHook.finish_displayhook = with_output_to_show(ZMQShellDisplayHook.finish_displayhook)
    IPKernelApp.launch_instance()


if __name__ == "__main__":
    main()
