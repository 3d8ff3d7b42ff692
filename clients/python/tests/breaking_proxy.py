"""A proxy that carries bytes to a server and back, and breaks a connection where a test says so."""

from __future__ import annotations

import os
import select
import shutil
import socket
import tempfile
import threading
import urllib.parse
from dataclasses import dataclass, field


@dataclass
class Break:
    """Where to break a connection.

    Attributes:
        sent: Break as soon as a request holds these bytes, ...
        passed: ... after this many bytes of what it brought were passed on; `None` for all of them, ...
        answered: ... and, if given, after the answer came, with this many of its bytes passed back.
        answer: What the server had answered then.
    """

    sent: bytes
    passed: int | None = None
    answered: int | None = None
    answer: bytes = b""
    happened: threading.Event = field(default_factory=threading.Event)


class BreakingProxy:
    """Listens where `url` says to connect; every `Break` in `breaks` happens once, in order."""

    def __init__(self, target: str) -> None:
        parts = urllib.parse.urlsplit(target)
        self._is_unix = parts.scheme == "unix"
        self._target = parts.path if self._is_unix else (parts.hostname, parts.port)
        self._directory = tempfile.mkdtemp(prefix="rock-")
        if self._is_unix:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(f"{self._directory}/proxy.sock")
            self._listener.listen()
            self.url = f"unix://{self._directory}/proxy.sock"
        else:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.url = f"{parts.scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self.breaks: list[Break] = []
        self.connections = 0
        #: Set once an answer waits because of `hold`.
        self.held = threading.Event()
        self._may_answer = threading.Event()
        self._may_answer.set()
        self._stop, self._stopped = os.pipe()
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> BreakingProxy:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        os.close(self._stopped)  # every thread waits for this, too
        for thread in self._threads:
            thread.join()
        os.close(self._stop)
        self._listener.close()
        shutil.rmtree(self._directory)

    def hold(self) -> None:
        """Keeps every answer back until `release`."""
        self.held.clear()
        self._may_answer.clear()

    def release(self) -> None:
        self._may_answer.set()

    def _accept(self) -> None:
        ends: list[socket.socket | int] = [self._listener, self._stop]
        while self._listener in select.select(ends, [], [])[0]:
            client, _ = self._listener.accept()
            self.connections += 1
            thread = threading.Thread(target=self._carry, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _carry(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX if self._is_unix else socket.AF_INET)
        ends: list[socket.socket | int] = [client, server, self._stop]
        with client, server:
            server.connect(self._target)
            try:
                while True:
                    ready = select.select(ends, [], [])[0]
                    if self._stop in ready:
                        return
                    if server in ready:
                        data = server.recv(1 << 20)
                        if not self._may_answer.is_set():
                            self.held.set()
                            self._may_answer.wait()
                        client.sendall(data)
                        if not data:
                            return
                    if client in ready:
                        data = client.recv(1 << 20)
                        if not data or self._breaks(data, client, server):
                            return
            except ConnectionError:
                return

    def _breaks(self, data: bytes, client: socket.socket, server: socket.socket) -> bool:
        """Passes a request on, and returns whether the connection ends with it."""
        at = self.breaks[0] if self.breaks and self.breaks[0].sent in self._readable(data) else None
        server.sendall(data if at is None or at.passed is None else data[: at.passed])
        if at is None:
            return False
        self.breaks.pop(0)
        if at.answered is not None:
            at.answer = server.recv(1 << 20)  # the server has done its work now
            client.sendall(at.answer[: at.answered])
        at.happened.set()
        return True

    @staticmethod
    def _readable(data: bytes) -> bytes:
        """What a masked WebSocket frame says; other bytes as they are."""
        if len(data) < 8 or data[0] != 0x81 or not data[1] & 0x80:
            return data
        start = {126: 4, 127: 10}.get(data[1] & 0x7F, 2)
        key = data[start : start + 4]
        return bytes(byte ^ key[place % 4] for place, byte in enumerate(data[start + 4 :]))
