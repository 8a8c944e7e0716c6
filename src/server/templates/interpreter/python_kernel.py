"""Starts the Python kernel without what takes half of its start and nobody uses through the API: the debugger and the
library for completions. Code that runs in it can still import both."""
import codecs
import os
import sys

UNUSED = ("debugpy", "jedi")


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


if __name__ == "__main__":
    del sys.path[0]  # the directory of this file
    for name in UNUSED:
        sys.modules[name] = None
    from ipykernel.kernelapp import IPKernelApp
    for name in UNUSED:
        del sys.modules[name]
    from ipykernel.iostream import OutStream
    OutStream._watch_pipe_fd = watch
    OutStream.close = OutStream.flush  # the kernel's own waits for watch(), for ever; and later cells want to print
    IPKernelApp.launch_instance()
