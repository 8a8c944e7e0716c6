"""Starts the Python kernel without what takes half of its start and nobody uses through the API: the debugger and the
library for completions. Code that runs in it can still import both."""
import sys

UNUSED = ("debugpy", "jedi")

if __name__ == "__main__":
    del sys.path[0]  # the directory of this file
    for name in UNUSED:
        sys.modules[name] = None
    from ipykernel.kernelapp import IPKernelApp
    for name in UNUSED:
        del sys.modules[name]
    IPKernelApp.launch_instance()
