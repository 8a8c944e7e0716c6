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
