"""sdk_calls.py VERSION sync|async [WORD...]: calls every public method of that version of the Python SDK on
the server of WRENN_BASE_URL. With "sandboxes" on the paths of the sandbox era; "binary" says what its terminals send, "ordinary"
that it is not root, "machines" that its sandboxes are virtual machines: their processor may be emulated, so limits are longer.

Prints TAP. The scenarios are written once: now(), each() and within() take what the synchronous and the asynchronous
classes give alike."""
import asyncio
import contextlib
import importlib.metadata
import inspect
import os
import queue
import socket
import sys
import traceback
import warnings

warnings.simplefilter("ignore")

import httpx  # noqa: E402
import pydantic  # noqa: E402
import wrenn  # noqa: E402
from wrenn import client as client_module  # noqa: E402
from wrenn.models import Status  # noqa: E402

try:
    from wrenn import code_runner as code_module
except ImportError:  # its name before 0.1.4
    from wrenn import code_interpreter as code_module

HAS_WAIT = "wait" in inspect.signature(wrenn.Capsule._instance_pause).parameters  # 0.1.4
HAS_KERNELS = "kernel" in inspect.signature(code_module.Capsule.create).parameters  # 0.1.4
HAS_METRICS = hasattr(client_module.CapsulesResource, "metrics")  # 0.3.0
MACHINE_MB = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20


class Skip(Exception):
    pass


# ---- one way to write both ----


async def now(value):
    return await value if inspect.isawaitable(value) else value


async def each(items):
    if hasattr(items, "__aiter__"):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


@contextlib.asynccontextmanager
async def within(manager):
    if hasattr(manager, "__aenter__"):
        async with manager as value:
            yield value
    else:
        with manager as value:
            yield value


def run(coroutine, is_async):
    """Synchronous calls never suspend, and need no event loop around them."""
    if is_async:
        return asyncio.run(coroutine)
    try:
        coroutine.send(None)
    except StopIteration:
        return None
    raise AssertionError("a synchronous call suspended")


async def raises(kind, call, code=None, status=None):
    try:
        await now(call())
    except kind as error:
        assert type(error) is kind, f"{type(error).__name__}, not {kind.__name__}: {error}"
        if code:
            assert (error.code, error.status_code) == (code, status), (error.code, error.status_code, str(error))
        return error
    raise AssertionError(f"no {kind.__name__}")


def equal(got, want):
    assert got == want, f"{got!r}, not {want!r}"


# ---- client ----


async def client_resources(s):
    async with within(s.Client()) as client:
        made = await now(client.capsules.create(template="minimal", vcpus=1, memory_mb=256, timeout_sec=600))
        equal((made.template, made.vcpus, made.memory_mb, made.timeout_sec), ("minimal", 1, 256, 600))
        assert made.id in [one.id for one in await now(client.capsules.list())]
        equal((await now(client.capsules.get(made.id))).status, Status.running)
        await now(client.capsules.ping(made.id))
        equal((await now(client.capsules.pause(made.id))).status, Status.paused)
        equal((await now(client.capsules.resume(made.id))).status, Status.running)
        await now(client.capsules.destroy(made.id))
        equal((await now(client.capsules.get(made.id))).status, Status.stopped)
        assert isinstance(client.http, (httpx.Client, httpx.AsyncClient))
    client = s.Client(api_key=os.environ["WRENN_API_KEY"], base_url=os.environ["WRENN_BASE_URL"])
    await now(client.close() if hasattr(client, "close") else client.aclose())


async def measurements(s):
    async with within(s.Client()) as client:
        metrics = await now(client.capsules.metrics(s.capsule.capsule_id))
        equal(metrics.sandbox_id, s.capsule.capsule_id)
        assert metrics.range == "10m" and metrics.points is not None, metrics
        assert metrics.points or "ordinary" in sys.argv, "no points, though wrennd is root and has cgroups"
        equal((await now(client.capsules.metrics(s.capsule.capsule_id, range="2h"))).range, "2h")
        stats = await now(client.capsules.stats(range="5m"))
        assert stats.current.running_count >= 1 and stats.peaks.vcpus >= 1 and stats.series.labels, stats
        equal((await now(client.capsules.stats())).range, "1h")
        usage = await now(client.capsules.usage())
        assert usage.points is not None, usage
        equal(str((await now(client.capsules.usage(from_="2026-01-01", to="2026-01-02"))).from_), "2026-01-01")
        await raises(wrenn.WrennNotFoundError, lambda: client.capsules.metrics("cl-" + "0" * 25), "not_found", 404)


async def events(s):
    async with within(s.Client()) as client:
        stream, seen = client.events.stream(), []
        async for event in each(stream):
            if event.event == "connected":
                await now(s.capsule.pause())
                await now(s.capsule.resume())
            else:
                seen.append((event.event, event.outcome, event.resource.id, event.sandbox.status))
            if event.event == "capsule.resume":
                break
        await now(stream.aclose() if s.is_async else stream.close())
        key = s.capsule.capsule_id
        equal(seen, [("capsule.pause", "success", key, "paused"), ("capsule.resume", "success", key, "running")])


async def snapshots(s):
    name, other = f"{s.name}-snap", f"{s.name}-snap2"
    await now(s.capsule.files.write("/root/kept", "kept"))
    made = await now(s.capsule.create_snapshot(name))
    equal((made.name, made.type), (name, "snapshot"))
    equal((await now(s.capsule.get_info())).status, Status.paused)
    await now(s.capsule.resume())
    async with within(s.Client()) as client:
        await raises(wrenn.WrennError, lambda: client.snapshots.create(s.capsule.capsule_id, name), "already_exists", 409)
        await now(client.snapshots.create(s.capsule.capsule_id, name=name, overwrite=True))
        await now(client.snapshots.create(capsule_id=s.capsule.capsule_id, name=other))
        await now(s.capsule.resume())
        names = [one.name for one in await now(client.snapshots.list(type="snapshot"))]
        assert name in names and other in names, names
        assert "minimal" in [one.name for one in await now(client.snapshots.list())]
        async with within(await now(s.Capsule.create(template=name))) as capsule:
            equal(await now(capsule.files.read("/root/kept")), "kept")
        await now(client.snapshots.delete(name))
        await now(client.snapshots.delete(other))
        await raises(wrenn.WrennNotFoundError, lambda: client.snapshots.delete(name), "not_found", 404)


# ---- life cycle ----


async def life_cycle(s):
    wait = {"wait": True} if HAS_WAIT else {}
    async with within(await now(s.Capsule.create(template="minimal", timeout=120, wait=True))) as capsule:
        key = capsule.capsule_id
        assert key.startswith("cl-") and capsule.info.id == key
        await now(capsule.wait_ready())
        await now(capsule.ping())
        assert await now(capsule.is_running())
        equal((await now(capsule.pause(**wait))).status, Status.paused)
        assert not await now(capsule.is_running())
        equal((await now(capsule.resume(**wait))).status, Status.running)
        equal((await now(capsule.get_info())).id, key)
        assert key in [one.id for one in await now(s.Capsule.list())]
        # By id, without an object.
        equal((await now(s.Capsule.pause(key, **wait))).status, Status.paused)
        again = await now(s.Capsule.connect(key))
        assert await now(again.is_running())
        await now(s.Capsule.pause(key))
        equal((await now(s.Capsule.resume(key, **wait))).status, Status.running)
        equal((await now(s.Capsule.get_info(key))).status, Status.running)
        assert await now((await now(s.Capsule.connect(key))).is_running())
    equal((await now(s.Capsule.get_info(key))).status, Status.stopped)
    other = await now(s.Capsule.create())
    await now(other.destroy(**wait))
    other = await now(s.Capsule.create())
    await now(s.Capsule.destroy(other.capsule_id, **wait))
    await raises(RuntimeError, other.wait_ready)


async def old_names(s):
    assert wrenn.Sandbox is wrenn.Capsule
    assert wrenn.WrennHostHasSandboxesError is wrenn.WrennHostHasCapsulesError


# ---- commands ----


async def commands(s):
    run_it = s.capsule.commands.run
    done = await now(run_it("echo out; echo err >&2; exit 3"))
    equal((done.stdout, done.stderr, done.exit_code), ("out\n", "err\n", 3))
    assert done.duration_ms >= 0
    done = await now(run_it("echo $A-$PWD", envs={"A": "1"}, cwd="/tmp", timeout=10))
    equal(done.stdout, "1-/tmp\n")
    equal((await now(run_it("printf '\\377\\0'"))).stdout, "\ufffd\0")
    equal((await now(run_it("cat; echo $?"))).stdout, "0\n")
    error = await raises(wrenn.WrennAgentError, lambda: run_it("sleep 100", timeout=1), "agent_error", 502)
    assert error.message


async def streams(s):
    events = [event async for event in each(s.capsule.commands.stream("echo out; echo err >&2; exit 3"))]
    equal(events[0].type, "start")
    assert events[0].pid > 0
    equal("".join(event.data for event in events if event.type == "stdout"), "out\n")
    equal("".join(event.data for event in events if event.type == "stderr"), "err\n")
    equal((events[-1].type, events[-1].exit_code), ("exit", 3))
    events = [event async for event in each(s.capsule.commands.stream("/bin/echo", ["$HOME;", "x y"]))]
    equal("".join(event.data for event in events if event.type == "stdout"), "$HOME; x y\n")
    events = [event async for event in each(s.capsule.commands.stream("", ["x"]))]
    equal([event.type for event in events], ["error"])
    assert "cmd" in events[0].data, events[0].data


async def processes(s):
    run_it = s.capsule.commands.run
    await now(run_it("rm -f /tmp/go; mkfifo /tmp/go"))
    line = "read x < /tmp/go; echo got $x; exit 5"
    handle = await now(run_it(line, background=True, tag="mine", envs={"A": "1"}, cwd="/tmp"))
    equal((handle.tag, handle.capsule_id), ("mine", s.capsule.capsule_id))
    found = [one for one in await now(s.capsule.commands.list()) if one.pid == handle.pid]
    equal([(one.tag, one.cmd, one.args) for one in found], [("mine", "/bin/sh", ["-c", line])])
    seen = []
    async for event in each(s.capsule.commands.connect(handle.pid)):
        if event.type == "start":
            await now(run_it("echo on > /tmp/go"))
        seen.append(event)
    equal([event.type for event in seen], ["start", "stdout", "exit"])
    equal((seen[1].data, seen[2].exit_code), ("got on\n", 5))
    handle = await now(run_it("sleep 1000", background=True))
    assert handle.tag and handle.pid
    await now(s.capsule.commands.kill(handle.pid))
    await now(run_it(f"tail --pid={handle.pid} -f /dev/null"))
    await raises(wrenn.WrennNotFoundError, lambda: s.capsule.commands.kill(999999), "not_found", 404)


# ---- files ----


async def pieces(s):
    for start in range(0, 3_000_000, 65536):
        yield bytes([start // 65536 % 251]) * min(65536, 3_000_000 - start)


async def files(s):
    f = s.capsule.files
    await now(f.write("/root/f/deep/text", "grüße\n"))
    equal(await now(f.read("/root/f/deep/text")), "grüße\n")
    await now(f.write("/root/f/bytes", b"\0\xff\r\n--"))
    equal(await now(f.read_bytes("/root/f/bytes")), b"\0\xff\r\n--")
    await now(f.write("/root/f/bytes", b""))
    equal(await now(f.read_bytes("/root/f/bytes")), b"")
    await now(s.capsule.commands.run("ln -s bytes /root/f/link; chmod 4751 /root/f/bytes"))
    entries = {one.name: one for one in await now(f.list("/root/f"))}
    # A link has the type of what it leads to, and a symlink_target.
    equal({name: str(one.type.value) for name, one in entries.items()},
          {"bytes": "file", "deep": "directory", "link": "file"})
    one = entries["bytes"]
    equal((one.path, one.size, one.owner, one.group), ("/root/f/bytes", 0, "root", "root"))
    assert one.modified_at > 0 and one.mode & 0o777 == 0o751 and one.permissions, one
    equal(entries["link"].symlink_target, "/root/f/bytes")
    assert "/root/f/deep/text" in [one.path for one in await now(f.list("/root/f", depth=2))]
    equal([await now(f.exists(path)) for path in ("/root/f/bytes", "/root/f/none", "/root/none/x")],
          [True, False, False])
    equal((await now(f.make_dir("/root/f/new/dir"))).path, "/root/f/new/dir")
    equal((await now(f.make_dir("/root/f/new/dir"))).type, "directory")
    equal(await now(f.list("/root/f/new/dir")), [])
    await now(f.remove("/root/f/deep"))
    assert not await now(f.exists("/root/f/deep"))
    await now(f.remove("/root/f/deep"))
    await now(s.capsule.commands.run("mkfifo /root/f/new/pipe"))
    await raises(pydantic.ValidationError, lambda: f.list("/root/f/new"))  # its type is "unknown": mistake 7
    chunks = [chunk async for chunk in pieces(s)]
    await now(f.upload_stream("/root/f/large", pieces(s) if s.is_async else iter(chunks)))
    got = b"".join([chunk async for chunk in each(f.download_stream("/root/f/large"))])
    assert got == b"".join(chunks), len(got)
    for call in (f.read, f.read_bytes, f.list):
        await raises(wrenn.WrennNotFoundError, lambda call=call: call("/root/none"), "not_found", 404)
    await raises(wrenn.WrennValidationError, lambda: f.list("/root/f/bytes"), "invalid_request", 400)
    try:
        [chunk async for chunk in each(f.download_stream("/root/none"))]
    except httpx.HTTPStatusError as error:  # upstream's mistake 2
        equal(error.response.status_code, 404)
    else:
        raise AssertionError("a missing file was downloaded")


# ---- terminals ----


async def until(term, wanted):
    text = b""
    async for event in each(term):
        if event.type == "output":
            text += event.data or b""  # nothing, where an older version is suspected: see terminal_that_is_only_read
        if wanted in text:
            return
        assert event.type in ("started", "output", "ping"), event
    raise AssertionError(f"{wanted} is not in {text}")


async def terminals(s):
    async with within(s.capsule.pty(cmd="/bin/sh", args=["-i"], cols=100, rows=30, envs={"MARK": "m1"},
                                    cwd="/tmp")) as term:
        await now(term.write(b"stty size; echo $MARK-$PWD\n"))
        await until(term, b"30 100\r\nm1-/tmp\r\n")
        tag, pid = term.tag, term.pid
        assert tag.startswith("pty-") and pid > 0
        await now(term.resize(132, 50))
        await now(term.write(b"stty size\n"))
        await until(term, b"50 132\r\n")
        await raises(ValueError, lambda: term.resize(0, 1))
    # Only the connection is gone.
    async with within(s.capsule.pty_connect(tag)) as term:
        await now(term.write(b"echo again-$MARK; exit 42\n"))
        events = [event async for event in each(term)]
    assert b"again-m1\r\n" in b"".join(event.data or b"" for event in events if event.type == "output"), events
    equal((events[-1].type, events[-1].exit_code), ("exit", 42))
    async with within(s.capsule.pty_connect("pty-00000000")) as term:
        events = [event async for event in each(term)]
    equal([event.type for event in events], ["error"])
    async with within(s.capsule.pty()) as term:
        await now(term.write(b"echo in-$0\n"))
        await until(term, b"in-/bin/bash\r\n")
        await now(term.kill())
        events = [event async for event in each(term)]
        equal(events[-1].type, "exit")
    async with within(s.capsule.pty()) as term:
        async with within(term):
            await now(term.write(b"echo in-$0\n"))
            await until(term, b"in-/bin/bash\r\n")
            pid = term.pid
    await now(s.capsule.commands.run(f"tail --pid={pid} -f /dev/null"))


async def terminal_that_is_only_read(s):
    async with within(s.capsule.pty(cmd="/bin/echo", args=["read"])) as term:
        events = [event async for event in each(term)]
    output = [event.data for event in events if event.type == "output"] # in as many pieces as it comes
    equal([event.type for event in events], ["started", *["output"] * len(output), "exit"])
    # Before it has written, 0.3.0 can't be told from those before.
    if not HAS_METRICS or "binary" in sys.argv:
        equal(b"".join(output), b"read\r\n")
    else:
        equal(set(output), {None})


# ---- ports ----

SERVER = """
import http.server, os, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if not self.path.startswith("/private"):
            return super().do_GET()
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.send_header("Content-Length", "0")
        self.end_headers()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Handler)
open("/tmp/ready", "w").close()
server.serve_forever()
"""


async def serve(s):
    """Serves /srv on port 8000."""
    await now(s.capsule.files.write("/tmp/server.py", SERVER))
    await now(s.capsule.commands.run("rm -f /tmp/ready; mkfifo /tmp/ready"))
    handle = await now(s.capsule.commands.run("exec python3 /tmp/server.py", background=True, cwd="/srv"))
    await now(s.capsule.commands.run("cat /tmp/ready", timeout=LIMITS["timeout"]))
    return handle.pid


async def ports(s):
    await now(s.capsule.files.write("/srv/page", "served"))
    pid = await serve(s)
    url = s.capsule.get_url(8000)
    assert f"8000-{s.capsule.capsule_id}" in url, url
    async with within(httpx.AsyncClient() if s.is_async else httpx.Client()) as http:
        response = await now(http.get(url.replace("ws://", "http://") + "/page"))  # ws before 0.1.4: mistake 13
        equal((response.status_code, response.text), (200, "served"))
        response = await now(http.get(s.capsule.get_url(8001).replace("ws://", "http://")))
        equal(response.status_code, 502)
    await now(s.capsule.commands.kill(pid))


# ---- git ----


async def git(s):
    if not os.access("/usr/bin/git", os.X_OK):
        raise Skip("there is no git on this machine, which sandboxes would have it from")
    g, at = s.capsule.git, {"cwd": "/root/repo"}
    await now(g.init("/root/repo", initial_branch="main"))
    await now(g.init("/srv/bare.git", bare=True, initial_branch="main"))
    await now(g.configure_user("Somebody", "somebody@example.org"))
    equal(await now(g.get_config("user.name", scope="global")), "Somebody")
    equal(await now(g.get_config("wrenn.none", **at)), None)
    await now(g.set_config("wrenn.key", "value", **at))
    equal(await now(g.get_config("wrenn.key", **at)), "value")
    await now(s.capsule.files.write("/root/repo/file", "one\n"))
    status = await now(g.status(**at))
    equal([(one.path, one.index_status) for one in status.files], [("file", "?")])
    await now(g.add(["file"], **at))
    await now(g.add(all=True, **at))
    await now(g.commit("first", author_name="Other", author_email="other@example.org", **at))
    await now(g.commit("empty", allow_empty=True, **at))
    await now(g.reset(mode="hard", ref="HEAD~1", **at))
    await now(s.capsule.files.write("/root/repo/file", "two\n"))
    await now(g.restore(["file"], worktree=True, **at))
    equal(await now(s.capsule.files.read("/root/repo/file")), "one\n")
    await now(g.create_branch("side", **at))
    await now(g.checkout_branch("main", **at))
    equal({(one.name, one.is_current) for one in await now(g.branches(**at))}, {("main", True), ("side", False)})
    await now(g.delete_branch("side", **at))
    equal(await now(g.remote_get(**at)), None)
    await now(g.remote_add("origin", "/srv/bare.git", **at))
    equal(await now(g.remote_get("origin", **at)), "/srv/bare.git")
    await now(g.push("origin", "main", set_upstream=True, **at))
    equal((await now(g.status(**at))).upstream, "origin/main")
    await now(s.capsule.commands.run("git update-server-info", cwd="/srv/bare.git"))
    pid = await serve(s)
    await now(g.clone("http://127.0.0.1:8000/bare.git", "/root/copy", username="user", password="secret"))
    equal(await now(s.capsule.files.read("/root/copy/file")), "one\n")
    equal(await now(g.remote_get(cwd="/root/copy")), "http://127.0.0.1:8000/bare.git")
    await now(g.pull("origin", "main", ff_only=True, username="user", password="secret", cwd="/root/copy"))
    private = "http://127.0.0.1:8000/private.git"
    await raises(wrenn.GitAuthError, lambda: g.clone(private, "/root/none"))  # needs GIT_TERMINAL_PROMPT to arrive
    await now(g.remote_add("private", private, **at))
    await raises(wrenn.GitAuthError, lambda: g.push("private", "main", username="user", password="no", **at))
    equal(await now(g.remote_get("private", **at)), private)
    await now(g.dangerously_authenticate("user", "secret", host="127.0.0.1:8000", protocol="http"))
    assert "user:secret" in await now(s.capsule.files.read("/root/.git-credentials"))
    await raises(wrenn.GitCommandError, lambda: g.checkout_branch("none", **at))
    await now(s.capsule.commands.kill(pid))


# ---- code ----


def need_code():
    if not os.environ.get("WRENN_TEST_CODE"):
        raise Skip("needs the packages jupyter-server and python3-ipykernel: tools/install-deps.sh test")


# Of a cell, and of the server that runs it until it is there; an emulated processor takes so long on a busy machine.
LIMITS = dict.fromkeys(("timeout", "jupyter_timeout"), 600 if "machines" in sys.argv else 30)


async def code(s):
    need_code()
    got = {"result": [], "stdout": [], "stderr": [], "error": []}
    callbacks = {f"on_{name}": values.append for name, values in got.items()}
    async with within(await now(s.CodeCapsule.create(wait=True))) as capsule:
        done = await now(capsule.run_code("x = 41\nx + 1", **LIMITS, **callbacks))
        equal((done.text, done.error, len(done.results)), ("42", None, 1))
        assert done.results[0].is_main_result and done.execution_count == 1
        done = await now(capsule.run_code("import sys\nprint(x)\nprint('e', file=sys.stderr)", **LIMITS, **callbacks))
        equal(("".join(done.logs.stdout), "".join(done.logs.stderr), done.text), ("41\n", "e\n", None))
        done = await now(capsule.run_code("from IPython.display import display, HTML\ndisplay(HTML('<b>x</b>'))\n'end'",
                                          language="python", **LIMITS, **callbacks))
        shown, main = done.results
        equal((shown.html, shown.is_main_result, main.text, sorted(shown.formats())),
              ("<b>x</b>", False, "'end'" if "'" in main.text else "end", ["html", "text"]))
        equal(("".join(got["stdout"]), "".join(got["stderr"])), ("41\n", "e\n"))
        if hasattr(done, "timed_out"):  # 0.1.4
            await raises(ValueError, lambda: capsule.run_code("1", language="ruby"))
            hold = "import os; os.path.exists('/tmp/hold') or os.mkfifo('/tmp/hold'); open('/tmp/hold').read()"
            if s.is_async:
                done = await now(capsule.run_code(hold, timeout=1))
                equal((done.timed_out, done.error.name), (True, "Timeout"))
            else:  # waits for another exception than its WebSocket library raises
                await raises(queue.Empty, lambda: capsule.run_code(hold, timeout=1))
            await now(capsule.commands.run("echo > /tmp/hold"))
        # The last, for the kernel throws away what comes too soon after an error.
        done = await now(capsule.run_code("1/0", **LIMITS, **callbacks))
        equal((done.error.name, done.error.value), ("ZeroDivisionError", "division by zero"))
        assert "ZeroDivisionError" in done.error.traceback
        equal((len(got["result"]), [error.name for error in got["error"]]), (3, ["ZeroDivisionError"]))
        await now(capsule.close())


async def another_kernel(s):
    need_code()
    async with within(await now(s.CodeCapsule.create(kernel="bash"))) as capsule:
        done = await now(capsule.run_code("echo $((40 + 2))", **LIMITS))
        equal("".join(done.logs.stdout), "42\n")


# ---- errors ----


async def errors(s):
    create, key = s.Capsule.create, s.capsule.capsule_id
    await raises(wrenn.WrennValidationError, lambda: create(template="../x"), "invalid_request", 400)
    await raises(wrenn.WrennNotFoundError, lambda: create(template="none"), "not_found", 404)
    await raises(wrenn.WrennAuthenticationError, lambda: create(api_key="wrn_" + "0" * 32), "unauthorized", 401)
    await raises(wrenn.WrennNotFoundError, lambda: s.Capsule.get_info("cl-" + "0" * 25), "not_found", 404)
    await raises(wrenn.WrennValidationError, lambda: s.Capsule.get_info("x"), "invalid_request", 400)
    await raises(wrenn.WrennConflictError, lambda: s.Capsule.resume(key), "invalid_state", 409)
    await raises(wrenn.WrennInternalError, lambda: create(template="damaged"), "internal_error", 500)
    # A code that the SDK has no class for.
    await raises(wrenn.WrennError, lambda: create(memory_mb=MACHINE_MB), "no_hosts_available", 503)
    await raises(wrenn.WrennValidationError, lambda: create(memory_mb=100_000_000), "invalid_request", 400)
    async with within(s.Client()) as client:
        await raises(wrenn.WrennForbiddenError, lambda: client.snapshots.delete("minimal"), "forbidden", 403)
    async with within(s.Client(base_url=os.environ["WRENN_BASE_URL"] + "/elsewhere")) as client:
        # No JSON there.
        await raises(wrenn.WrennInternalError, lambda: client.capsules.list(), "internal_error", 404)


SCENARIOS = [client_resources, snapshots, life_cycle, old_names, commands, streams, processes, files, terminals,
             terminal_that_is_only_read, ports, git, code, errors]
SCENARIOS += [another_kernel] if HAS_KERNELS else []
SCENARIOS += [measurements, events] if HAS_METRICS else []


# ---- what was called ----

CALLED = set()


def watch_calls():
    """Notes each function of the SDK that is entered."""
    folder = os.path.dirname(wrenn.__file__)
    tool = sys.monitoring.COVERAGE_ID

    def on_start(code, offset):
        if code.co_filename.startswith(folder):
            CALLED.add(code)
        return sys.monitoring.DISABLE

    sys.monitoring.use_tool_id(tool, "calls")
    sys.monitoring.register_callback(tool, sys.monitoring.events.PY_START, on_start)
    sys.monitoring.set_events(tool, sys.monitoring.events.PY_START)


def public_functions(kind):
    for name, value in vars(kind).items():
        value = getattr(value, "fget", None) or getattr(value, "__func__", value)
        value = inspect.unwrap(value) if callable(value) else value
        plain = name.removeprefix("_instance_").removeprefix("_static_")
        if inspect.isfunction(value) and not plain.startswith("_"):
            yield name, value.__code__


async def nothing_left_out(s):
    first = "Async" if s.is_async else ""
    kinds = [s.Client, s.Capsule, s.CodeCapsule]
    for module in (client_module, wrenn.commands, wrenn.files, wrenn.pty, wrenn._git):
        kinds += [kind for name, kind in vars(module).items()
                  if inspect.isclass(kind) and kind.__module__ == module.__name__ and
                  name.startswith("Async") == bool(first) and
                  name.removeprefix("Async").endswith(("Resource", "Commands", "Files", "PtySession", "Git"))]
    missed = [f"{kind.__name__}.{name}" for kind in kinds for name, code in public_functions(kind) if code not in CALLED]
    if not os.environ.get("WRENN_TEST_CODE"):
        missed = [name for name in missed if name.split(".")[1] not in ("run_code", "close")]
    assert not missed, f"never called: {', '.join(missed)}"


# ---- running ----


class Side:
    def __init__(self, word):
        self.is_async = word == "async"
        self.name = word
        self.Client = wrenn.AsyncWrennClient if self.is_async else wrenn.WrennClient
        self.Capsule = wrenn.AsyncCapsule if self.is_async else wrenn.Capsule
        self.CodeCapsule = code_module.AsyncCapsule if self.is_async else code_module.Capsule
        self.capsule = None


def find_localhost():
    """Names under localhost are this machine, whatever the resolver thinks of them."""
    real = socket.getaddrinfo

    def getaddrinfo(host, *words, **named):
        name = host.decode() if isinstance(host, bytes) else host
        return real("127.0.0.1" if name and name.endswith(".localhost") else host, *words, **named)

    socket.getaddrinfo = getaddrinfo


def before_each_request(change):
    for transport in (httpx.HTTPTransport, httpx.AsyncHTTPTransport):
        name = "handle_async_request" if "Async" in transport.__name__ else "handle_request"
        real = getattr(transport, name)

        def handle(self, request, real=real):
            change(request)
            return real(self, request)

        setattr(transport, name, handle)


def use_old_path(request):
    """The routes of the sandbox era, which has no version of its own to install."""
    path = request.url.raw_path.replace(b"/v1/capsules", b"/v1/sandboxes", 1)
    request.url = request.url.copy_with(raw_path=path)


def be_patient(request):
    """Longer than the SDK is, which leaves it to httpx at a sandbox's ports: 5 seconds."""
    limits = request.extensions["timeout"]
    request.extensions["timeout"] = {what: seconds and 20 * seconds for what, seconds in limits.items()}


async def play(s):
    s.capsule = await now(s.Capsule.create(template="minimal", timeout=600))
    try:
        for scenario in SCENARIOS + [nothing_left_out]:
            skipped = failed = False
            try:
                await scenario(s)
            except Skip as why:
                print(f"# {why}")
                skipped = True
            except Exception:
                print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="")
                failed = True
            name = scenario.__name__.replace("_", " ")
            print(f"{'not ' if failed else ''}ok - {name}{' # SKIP' if skipped else ''}", flush=True)
    finally:
        await now(s.capsule.destroy())


def main():
    assert importlib.metadata.version("wrenn") == sys.argv[1], wrenn.__file__
    s = Side(sys.argv[2])
    find_localhost()
    if "sandboxes" in sys.argv:
        before_each_request(use_old_path)
    if "machines" in sys.argv:
        before_each_request(be_patient)
    watch_calls()
    run(play(s), s.is_async)


if __name__ == "__main__":
    main()
