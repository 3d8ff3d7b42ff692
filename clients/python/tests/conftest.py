"""A real server for the tests, and a proxy that breaks connections on request."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from breaking_proxy import BreakingProxy

ROOT = Path(__file__).resolve().parents[3]
TRACES = ROOT / "Tests/EnvsTests/Fixtures/gem-traces.jsonl.gz"


@dataclass(frozen=True)
class Server:
    """Where a running server can be reached."""

    http: str
    socket: str

    def url(self, transport: str) -> str:
        return {
            "http": self.http,
            "ws": self.http.replace("http://", "ws://"),
            "unix": f"unix://{self.socket}",
        }[transport]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """`rockctl admin start` on a free port; ROCK_TEST_ROCKCTL names the program, the debug build without it."""
    program = os.environ.get("ROCK_TEST_ROCKCTL", str(ROOT / ".build/debug/rockctl"))
    # Short, because a Unix socket's path may have 107 bytes only.
    directory = tempfile.mkdtemp(prefix="rock-")
    socket = f"{directory}/rpc.sock"
    command = [program, "admin", "start", "--port", "0", "--data-dir", directory, "--rpc-socket", socket]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = re.search(r"http://\S+", process.stdout.readline())
            assert ready, "the server ended before it was ready"
            yield Server(ready.group(), socket)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                status = process.wait(30)
            finally:
                process.kill()
                shutil.rmtree(directory, ignore_errors=True)
        assert status == 0


@pytest.fixture(params=["http", "ws", "unix"])
def transport(request: pytest.FixtureRequest) -> str:
    """Each way to a server in turn."""
    name: str = request.param
    return name


@pytest.fixture
def url(server: Server, transport: str) -> str:
    return server.url(transport)


@pytest.fixture
def proxy(server: Server, transport: str) -> Iterator[BreakingProxy]:
    """A proxy in front of the server, speaking what `transport` speaks."""
    with BreakingProxy(server.url(transport)) as proxy:
        yield proxy
