"""The Python kernel, without what takes half of its start and nobody uses through the API: the debugger and the library for
completions. Code that runs in it can still import both."""
import asyncio
import builtins
import codecs
import functools
import importlib
import inspect
import os
import sys
import traceback
import types
import warnings

if __name__ == "__main__":
    del sys.path[0]  # the directory of this file

UNUSED = ("debugpy", "jedi")
for name in UNUSED:
    sys.modules[name] = None
import jupyter_client.session  # noqa: E402
from ipykernel.displayhook import ZMQShellDisplayHook  # noqa: E402
from ipykernel.iostream import IOPubThread, OutStream  # noqa: E402
from ipykernel.ipkernel import IPythonKernel  # noqa: E402
from ipykernel.kernelapp import IPKernelApp  # noqa: E402
from ipykernel.zmqshell import ZMQInteractiveShell  # noqa: E402
from jupyter_client.jsonutil import json_clean, json_default  # noqa: E402

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


def copy_of(name):
    """A package of the kernel's own, whatever code does with the one that all import."""
    shared = {each: module for each, module in sys.modules.items() if each == name or each.startswith(name + ".")}
    for each in shared:
        del sys.modules[each]
    own_copy = importlib.import_module(name)
    sys.modules.update(shared)
    return own_copy


def tolerant(pack):
    """Text that is no text, such as the names of odd files, becomes U+FFFD. The kernel would lose the whole message."""

    @functools.wraps(pack)
    def pack_any(message):
        try:
            data = pack(message)
            data.decode()
            return data
        except UnicodeError:
            text = jupyter_client.session.json.dumps(json_clean(message), default=json_default, ensure_ascii=False)
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()

    return pack_any


# ---- code can break what the kernel needs ----

own = {}  # output, by name
modules, imported = sys.modules, {}  # all modules; those of the kernel
kept = []  # what is in them, and in the kernel's classes
CLASSES_OF = ("asyncio", "hmac", "ipykernel", "jupyter_client", "logging", "threading", "tornado", "traitlets", "zmq", "IPython.core.i")
PARTS = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, staticmethod, classmethod, property)
Failure = Exception  # that name can be gone, too
restore_depth = functools.partial(sys.setrecursionlimit, sys.getrecursionlimit())
restore_builtins = functools.partial(vars(builtins).update, vars(builtins).copy())


def restore_output():
    """The kernel flushes sys.stdout and sys.stderr before it answers, and never answers when that fails: code that has put
    something else there, or nothing, gets its own back."""
    for name, stream in own.items():
        try:
            getattr(sys, name).flush()
        except Failure:
            setattr(sys, name, stream)


def restore_modules():
    """What the kernel needs stays there: without it, it answers nothing any more."""
    sys.modules = modules
    for name, module in imported.items():
        modules[name] = modules.get(name) or module


def keep(owner):
    kept.append((owner, {name: value for name, value in vars(owner).items() if isinstance(value, PARTS)}))


def keep_all():
    """Before the first code. Values that are no parts of programs may change."""
    own.update(stdout=sys.stdout, stderr=sys.stderr)
    sys.__stdout__, sys.__stderr__ = own.values()  # so that who goes back to those is heard
    imported.update(modules)
    for name, module in imported.items():
        if name == "__main__" or not isinstance(module, types.ModuleType):
            continue
        keep(module)
        for each in list(kept[-1][1].values()) if name.startswith(CLASSES_OF) else ():
            if isinstance(each, type) and each.__module__ == name:
                keep(each)


def repair():
    """When the kernel has failed: what code may well replace, as long as the kernel can work with it, comes back."""
    restore_depth()
    restore_builtins()
    restore_modules()
    restore_output()
    replaced = []
    for owner, values in kept:
        now = vars(owner)
        for name, value in values.items():
            if now.get(name) is not value:
                replaced.append(f"{owner.__name__}.{name}")
                setattr(owner, name, value)
    if replaced:
        print("the kernel cannot work without what code had replaced, and has it back:", *replaced[:9], file=sys.stderr)


def end_if_deaf(session):
    """A kernel that can't answer is worse than none: that there is none is noticed."""
    try:
        session.serialize(session.msg("status"))
    except Failure:
        os._exit(1)


def sturdy(method):
    @functools.wraps(method)
    def try_twice(session, *args, **kwargs):
        try:
            return method(session, *args, **kwargs)
        except Failure:
            repair()
        try:
            return method(session, *args, **kwargs)
        except Failure:
            end_if_deaf(session)
            raise

    return try_twice


def restarted(thread_main):
    """What sends output is a thread that can fail like all others."""

    @functools.wraps(thread_main)
    def main_again(thread):
        while True:
            try:
                return thread_main(thread)
            except Failure:
                repair()

    return main_again


def answered(execute_request):
    """Or the kernel ends."""

    @functools.wraps(execute_request)
    async def execute_and_answer(kernel, stream, ident, parent):
        try:
            done = execute_request(kernel, stream, ident, parent)
            if inspect.isawaitable(done):
                await done
        except (Failure, asyncio.CancelledError) as problem:
            try:
                repair()
                error = {"ename": type(problem).__name__, "evalue": str(problem), "traceback": traceback.format_exception(problem)}
                reply = {"status": "error", "execution_count": kernel.execution_count, **error}
                kernel.session.send(stream, "execute_reply", reply, parent, ident=ident)
            except BaseException:
                os._exit(1)

    return execute_and_answer


def not_cancelled(dispatch_queue):
    """What takes requests is a task of the loop in which code runs, and code may cancel all of those."""

    @functools.wraps(dispatch_queue)
    async def dispatch_for_ever(kernel):
        while True:
            try:
                await dispatch_queue(kernel)
            except asyncio.CancelledError:
                pass

    return dispatch_for_ever


def with_output(execute):
    @functools.wraps(execute)
    async def execute_with_output(*args, **kwargs):
        if not own:
            keep_all()
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
    Session = jupyter_client.session.Session
    Session.pack.default_value = tolerant(Session.pack.default_value)
    jupyter_client.session.json = copy_of("json")
    IOPubThread._thread_main = restarted(IOPubThread._thread_main)
    Session.send = sturdy(Session.send)
    Session.deserialize = sturdy(Session.deserialize)
    IPythonKernel.do_execute = with_output(IPythonKernel.do_execute)
    IPythonKernel.execute_request = answered(IPythonKernel.execute_request)
    if hasattr(IPythonKernel, "dispatch_queue"):  # not in new ones, which have no such task
        IPythonKernel.dispatch_queue = not_cancelled(IPythonKernel.dispatch_queue)
    ZMQShellDisplayHook.finish_displayhook = with_output_to_show(ZMQShellDisplayHook.finish_displayhook)
    IPKernelApp.launch_instance()


if __name__ == "__main__":
    main()
