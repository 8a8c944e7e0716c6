"""mcp_calls.py WRENN DIRECTORY: each tool of `wrenn mcp`, called by the official client over pipes and over HTTP. Prints TAP,
without the plan."""
import asyncio
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import mcp
from mcp.client import streamable_http
from mcp.client.stdio import stdio_client

WRENN, DIRECTORY = sys.argv[1], Path(sys.argv[2])


def member(value, *names):
    """The names differ between the versions of the client."""
    return next(getattr(value, name) for name in names if hasattr(value, name))


def text(result):
    return "".join(part.text for part in result.content if part.type == "text")


async def call(session, tool, failed=False, **arguments):
    result = await session.call_tool(tool, arguments)
    assert member(result, "isError", "is_error") == failed, result
    return text(result)


async def greets(session, greeting):
    assert member(greeting, "serverInfo", "server_info").name == "wrenn", greeting
    assert member(greeting, "protocolVersion", "protocol_version") in ("2025-06-18", "2025-11-25"), greeting
    await session.send_ping()


async def lists_its_tools(session, _):
    tools = {tool.name: tool for tool in (await session.list_tools()).tools}
    assert set(tools) == {"run_command", "run_code", "read_file", "write_file", "list_files", "upload", "download",
                          "start_server", "get_url", "snapshot"}, tools
    for tool in tools.values():
        assert tool.description and member(tool, "inputSchema", "input_schema")["type"] == "object", tool


async def runs_commands(session, _):
    assert await call(session, "run_command", command="echo $A", env={"A": "caf\u00e9"}) == \
        "exit code 0\nstdout:\ncaf\u00e9\n"
    both = await asyncio.gather(*(call(session, "run_command", command=f"echo {i}") for i in range(5)))
    assert both == [f"exit code 0\nstdout:\n{i}\n" for i in range(5)], both
    assert "killed" in await call(session, "run_command", failed=True, command="sleep 99", timeout_seconds=1)


async def moves_files(session, _):
    await call(session, "write_file", path="/tmp/a", content="one\ntwo\n")
    assert await call(session, "read_file", path="/tmp/a") == "one\ntwo\n"
    assert "/tmp/a" in await call(session, "list_files", path="/tmp")
    await call(session, "download", path="/tmp/a", local_path="b")
    assert (DIRECTORY / "b").read_text() == "one\ntwo\n"
    await call(session, "upload", local_path="b", path="/tmp/c")
    assert await call(session, "run_command", command="cmp /tmp/a /tmp/c") == "exit code 0"
    await call(session, "upload", failed=True, local_path="/etc/passwd", path="/tmp/d")


async def starts_servers(session, _):
    said = await call(session, "start_server", command="python3 -m http.server 8000", port=8000)
    assert await call(session, "get_url", port=8000) in said, said


async def runs_code_or_says_what_it_needs(session, _):
    assert "template build code-interpreter" in await call(session, "run_code", failed=True, code="1")


async def makes_snapshots(session, _):
    name = f"base-{os.urandom(4).hex()}"
    assert f"snapshot {name}" in await call(session, "snapshot", name=name)
    assert await call(session, "run_command", command="cat /tmp/a") == "exit code 0\nstdout:\none\ntwo\n"


async def refuses_what_it_does_not_know(session, _):
    try:
        await session.call_tool("nothing", {})
    except Exception as error:
        assert "unknown tool 'nothing'" in str(error), error
    else:
        raise AssertionError("an unknown tool was called")
    await call(session, "run_command", failed=True, comand="true")


@contextlib.asynccontextmanager
async def over_pipes():
    server = mcp.StdioServerParameters(command=WRENN, args=["mcp", "--files", str(DIRECTORY)], env=dict(os.environ))
    async with stdio_client(server) as (reader, writer):
        yield reader, writer


@contextlib.contextmanager
def http_server():
    """Its URL and token. It ends by a signal, as if it were its user's Ctrl-C, and leaves nothing."""
    server = subprocess.Popen([WRENN, "mcp", "--http", "0", "-o", "json", "--files", DIRECTORY], stdout=subprocess.PIPE)
    try:
        yield json.loads(server.stdout.readline())
    finally:
        server.terminate()
        assert server.wait() == 0


@contextlib.asynccontextmanager
async def over_http(where, token=None):
    headers = {"Authorization": f"Bearer {token or where['token']}"}
    async with streamable_http.create_mcp_http_client(headers=headers) as client, \
            streamable_http.streamable_http_client(where["url"], http_client=client) as (reader, writer, *_):
        yield reader, writer


def report(name, why=None):
    print(f"# {why!s:.2000}".replace("\n", " ") + f"\nnot ok - {name}" if why else f"ok - {name}", flush=True)
    return bool(why)


async def play(transport, way):
    failed = False
    async with transport as (reader, writer), mcp.ClientSession(reader, writer) as session:
        greeting = await session.initialize()
        for test in (greets, lists_its_tools, runs_commands, moves_files, starts_servers,
                     runs_code_or_says_what_it_needs, makes_snapshots, refuses_what_it_does_not_know):
            why = None
            try:
                await test(session, greeting)
            except AssertionError as error:
                why = error or "an assertion"
            failed |= report(f"{test.__name__} {way}", why)
    return failed


async def keeps_sessions_apart(where):
    """Two at the same time: each has a sandbox of its own, and none waits for the other."""
    async with over_http(where) as (r1, w1), mcp.ClientSession(r1, w1) as one, \
            over_http(where) as (r2, w2), mcp.ClientSession(r2, w2) as two:
        await one.initialize()
        await two.initialize()
        waits = asyncio.create_task(call(one, "run_command", command="until [ -e /tmp/go ]; do sleep 0.1; done"))
        assert await call(two, "run_command", command="touch /tmp/go; echo other") == "exit code 0\nstdout:\nother\n"
        assert not waits.done(), waits
        waits.cancel()


async def refuses_a_wrong_token(where):
    try:
        async with over_http(where, token="0" * 32) as (reader, writer), mcp.ClientSession(reader, writer) as session:
            await asyncio.wait_for(session.initialize(), 20)
    except BaseException as error:  # of which kind differs between the versions of the client
        assert not isinstance(error, asyncio.TimeoutError), "nothing came back"
    else:
        raise AssertionError("it was let in")


async def main():
    failed = await play(over_pipes(), "over pipes")
    with http_server() as where:
        failed |= await play(over_http(where), "over HTTP")
        for test in (keeps_sessions_apart, refuses_a_wrong_token):
            why = None
            try:
                await test(where)
            except AssertionError as error:
                why = error or "an assertion"
            failed |= report(test.__name__, why)
    sys.exit(failed)


asyncio.run(main())
