# The Jupyter server of a sandbox made from a code interpreter template. What listens on the sandbox's own loopback can be
# reached from outside only through wrennd's port proxy, so that is where access is decided.
c = get_config()  # noqa: F821
c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port = 8888
c.ServerApp.port_retries = 0
c.ServerApp.token = ""
c.ServerApp.password = ""
c.ServerApp.disable_check_xsrf = True
c.ServerApp.allow_remote_access = True
c.ServerApp.allow_root = True
c.ServerApp.open_browser = False
c.ServerApp.terminals_enabled = False
c.ServerApp.log_level = "ERROR"
# What a cell prints is limited by who asked for it; the server would drop what comes too fast, without a word to the kernel.
c.ServerApp.limit_rate = False
c.ZMQChannelsWebsocketConnection.limit_rate = False  # of Jupyter Server 2


def send_at_once():
    """A kernel's messages are small and come in twos and threes: without this the second waits for the first to be
    acknowledged, which takes 40 ms. Tornado leaves it to whoever opens a WebSocket, and Jupyter does not ask for it."""
    from tornado.httpserver import HTTPServer
    from tornado.iostream import IOStream

    set_nodelay = IOStream.set_nodelay
    handle_stream = HTTPServer.handle_stream

    def handle(server, stream, address):
        stream.set_nodelay(True)
        handle_stream(server, stream, address)

    IOStream.set_nodelay = lambda stream, value: set_nodelay(stream, True)
    HTTPServer.handle_stream = handle


send_at_once()


def keep_a_kernel_ready():
    """Half of the time of a first cell is the start of its kernel. So one is started before anybody asks, and not shown until
    somebody does."""
    import uuid
    from contextvars import ContextVar

    from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
    from tornado.ioloop import IOLoop

    names = ("python3", "wrenn")  # the same kernel
    hidden_id = ContextVar("hidden_id", default=None)
    refill_seconds = 5  # the cell that comes first has the processor to itself

    class Kernels(AsyncMappingKernelManager):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.hidden, self.ready = set(), None
            IOLoop.current().add_callback(self.prepare)

        async def prepare(self):
            kernel_id = str(uuid.uuid4())
            self.hidden.add(kernel_id)
            hidden_id.set(kernel_id)
            try:
                self.ready = await super().start_kernel(kernel_name=names[0])
            except Exception:
                self.hidden.discard(kernel_id)  # whoever wants one is told why

        def new_kernel_id(self, **kwargs):
            return hidden_id.get() or super().new_kernel_id(**kwargs)

        def list_kernels(self):
            return [kernel for kernel in super().list_kernels() if kernel["id"] not in self.hidden]

        async def start_kernel(self, **kwargs):
            name = kwargs.get("kernel_name") or self.default_kernel_name
            elsewhere = kwargs.get("kernel_id") or kwargs.get("path")
            kernel_id = self.ready
            if elsewhere or name not in names or kernel_id not in self:
                return await super().start_kernel(**kwargs)
            self.ready = None
            self.hidden.discard(kernel_id)
            self.get_kernel(kernel_id).kernel_name = name
            IOLoop.current().call_later(refill_seconds, self.prepare)
            return kernel_id

    c.ServerApp.kernel_manager_class = Kernels


keep_a_kernel_ready()
