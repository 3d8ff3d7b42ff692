"""Goes through every door of one sandbox: terminals, programs, files, ports, events. Prints the names of those that opened.

usage: sandbox_doors.py http://HOST:PORT
"""
import asyncio
import hashlib
import io
import json
import pathlib
import socket
import sys
import tarfile
import urllib.parse
import urllib.request

import websockets

base = sys.argv[1] + "/apis/envs/sandbox/v1"
address = urllib.parse.urlsplit(base)
port = 9000


def call(method, path, body=None, headers={}):
    if isinstance(body, dict):
        body, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(path if "://" in path else base + path, body, headers, method=method)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return answer.read()


def ask(method, path, body=None):
    return json.loads(call(method, path, body))


async def later(function, *arguments):
    return await asyncio.to_thread(function, *arguments)


def door(path):
    return websockets.connect("ws" + (base + path)[4:], max_size=None)


async def until(messages, wanted, what=b""):
    """Reads binary messages until `wanted` has come."""
    async for message in messages:
        what += message if isinstance(message, bytes) else message.encode()
        if wanted in what:
            return what
    raise AssertionError(f"{wanted} has not come: {what}")


async def run(sandbox, order, talk):
    """Runs a program; `talk` writes to it. Returns its output, its errors and how it ended."""
    streams = {1: b"", 2: b""}
    async with door(f"/sandboxes/{sandbox}/exec") as program:
        await program.send(json.dumps(order))
        await talk(program)
        async for message in program:
            if isinstance(message, str):
                return streams[1], streams[2], json.loads(message)
            streams[message[0]] += message[1:]


async def programs(sandbox):
    async def feed(program):
        await program.send(b"\0abc")
        await program.send(b"\0")

    out, errors, end = await run(sandbox, {"command": ["sh", "-c", "cat; echo bad >&2; exit 3"]}, feed)
    assert (out, errors, end["exit_code"]) == (b"abc", b"bad\n", 3), (out, errors, end)

    async def type_line(program):
        await program.send(b"\0hello\n")

    order = {"command": ["bash", "-c", "stty size; read line; echo got:$line"], "tty": True, "rows": 20, "cols": 70}
    out, _, end = await run(sandbox, order, type_line)
    assert b"20 70\r\n" in out and b"got:hello\r\n" in out and end["exit_code"] == 0, (out, end)

    async def terminate(program):
        await program.send(json.dumps({"signal": "TERM"}))

    _, _, end = await run(sandbox, {"command": ["sleep", "600"]}, terminate)
    assert end["signal"] in (15, "TERM", "SIGTERM"), end

    async def nothing(program):
        pass

    _, _, end = await run(sandbox, {"command": ["no-such-program"]}, nothing)
    assert end.get("error"), end


async def terminal(sandbox):
    ask("POST", "/create_session", {"sandbox_id": sandbox, "session": "main"})
    async with door(f"/sandboxes/{sandbox}/sessions/main/attach?rows=30&cols=100") as screen:
        await screen.send(b"stty size; echo $((6 * 7))-done\n")
        seen = await until(screen, b"42-done")
        assert b"30 100" in seen, seen
        await screen.send(json.dumps({"resize": [40, 120]}))
        await screen.send(b"stty size\n")
        await until(screen, b"40 120")


async def web(sandbox):
    inside = f"/sandboxes/{sandbox}/proxy/port/{port}"
    answer = ask("GET", inside + "/hello%20there?x=1&y")
    assert answer["path"] == "/hello%20there?x=1&y", answer
    assert "X-Forwarded-Prefix" in answer["headers"], answer
    # A redirection inside is one out here.
    assert ask("GET", inside + "/moved")["path"] == "/hello"
    for body in [b"", b"x" * 1000, b"0123456789" * 2_000_000]:
        answer = json.loads(call("POST", inside + "/", body))
        assert answer == {"sha256": hashlib.sha256(body).hexdigest(), "count": len(body)}, answer


def half_a_body(sandbox):
    """What has been sent of a body is inside before the rest is."""
    inside = f"/sandboxes/{sandbox}/proxy/port/{port}"
    before, half = ask("GET", inside + "/seen/0"), b"h" * (1 << 20)
    for lines, frame, end in [
        (b"Content-Length: %d" % (2 * len(half)), lambda piece: piece, b""),
        (b"Transfer-Encoding: chunked", lambda piece: b"%x\r\n%s\r\n" % (len(piece), piece), b"0\r\n\r\n"),
    ]:
        with socket.create_connection((address.hostname, address.port), timeout=60) as line:
            head = b"POST %s/ HTTP/1.1\r\nHost: localhost\r\n%s\r\nConnection: close\r\n\r\n"
            line.sendall(head % ((address.path + inside).encode(), lines) + frame(half))
            assert ask("GET", inside + f"/seen/{before + len(half)}") == before + len(half)
            line.sendall(frame(half) + end)
            answer = b"".join(iter(lambda: line.recv(65536), b""))
            assert hashlib.sha256(2 * half).hexdigest().encode() in answer, answer
        before += 2 * len(half)


def stream(sandbox):
    inside = f"{base}/sandboxes/{sandbox}/proxy/port/{port}"
    with urllib.request.urlopen(inside + "/events", timeout=60) as events:
        assert events.headers["Content-Type"] == "text/event-stream"
        assert [events.readline(), events.readline()] == [b"data: first\n", b"\n"]
        call("GET", inside + "/go")
        assert events.read() == b"data: second\n\n"


async def web_socket(sandbox):
    path = f"/sandboxes/{sandbox}/proxy/port/{port}/socket"
    protocols = ["first", "second"]
    async with websockets.connect("ws" + (base + path)[4:], subprotocols=protocols) as inner:
        assert inner.subprotocol == "second", inner.subprotocol
        await inner.send("hello")
        assert await inner.recv() == "HELLO"


async def forward(sandbox):
    async with door(f"/sandboxes/{sandbox}/portforward?port={port}") as line:
        await line.send(b"GET /forwarded HTTP/1.0\r\n\r\n")
        await until(line, b'"/forwarded"')


def files(sandbox):
    path, content = f"/sandboxes/{sandbox}/files?path=/srv/data", bytes(range(256)) * 4000
    assert ask("PUT", path + "&mode=600", content)["size"] == len(content)
    assert call("GET", path) == content
    assert call("GET", path, headers={"Range": "bytes=256-511"}) == bytes(range(256))
    archive = call("GET", f"/sandboxes/{sandbox}/archive?path=/srv/data")
    assert ask("PUT", f"/sandboxes/{sandbox}/archive?path=/srv/copies", archive)["entries"] == 1
    with tarfile.open(fileobj=io.BytesIO(call("GET", f"/sandboxes/{sandbox}/archive?path=/srv/copies"))) as tar:
        assert tar.extractfile("copies/data").read() == content


async def main():
    opened = []
    async with door("/events") as events:
        started = ask("POST", "/start", {"image": "host", "ports": [port], "memory": "512m"})["result"]
        sandbox = started["sandbox_id"]
        assert ask("GET", f"/sandboxes/{sandbox}/wait?state=running&timeout=60")["state"] == "running"
        while True:
            event = json.loads(await events.recv())
            if event["to_state"] == "running":
                assert event["sandbox_id"] == sandbox, event
                break
        opened += ["wait", "events"]
        files(sandbox)
        await programs(sandbox)
        await terminal(sandbox)
        opened += ["files", "programs", "terminal"]
        source = pathlib.Path(__file__).with_name("inside.py").read_bytes()
        call("PUT", f"/sandboxes/{sandbox}/files?path=/srv/inside.py", source)
        async with door(f"/sandboxes/{sandbox}/exec") as server:
            await server.send(json.dumps({"command": ["python3", "/srv/inside.py", str(port)]}))
            await until(server, b"ready")
            await later(half_a_body, sandbox)
            await web(sandbox)
            await later(stream, sandbox)
            await web_socket(sandbox)
            await forward(sandbox)
            opened += ["body", "web", "stream", "web_socket", "forward"]
            status = ask("GET", f"/get_status?sandbox_id={sandbox}")["result"]
            outside = status["port_mapping"][str(port)]
            assert ask("GET", f"http://127.0.0.1:{outside}/published")["path"] == "/published"
            opened += ["published"]
        # Who waits hears of the end: by a poll that takes long, and by waiting for the state.
        poll = asyncio.create_task(later(ask, "GET", f"/events?since={event['sequence']}&timeout=60"))
        wait = asyncio.create_task(later(ask, "GET", f"/sandboxes/{sandbox}/wait?state=stopped&timeout=60"))
        await later(ask, "POST", "/stop", {"sandbox_id": sandbox})
        assert (await wait)["state"] == "stopped"
        assert (await poll)["events"][0]["to_state"] == "stopped", await poll
        assert ask("POST", "/delete", {"sandbox_id": sandbox})["status"] == "Success"
        opened += ["poll"]
    print(json.dumps(opened))


asyncio.run(main())
