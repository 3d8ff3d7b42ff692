"""Newline-delimited JSON, as on the server's Unix socket."""

from __future__ import annotations

from .errors import ProtocolViolation
from .framing import MAXIMUM_MESSAGE_BYTES


class LineFraming:
    """Each message a line."""

    is_open = True
    is_reusable = True
    skips_answers = True

    def __init__(self) -> None:
        self.outgoing = bytearray()
        self._buffer = bytearray()

    def encode(self, message: bytes) -> bytes:
        return message + b"\n"

    def receive(self, data: bytes) -> list[bytes]:
        if not self._buffer and data.endswith(b"\n"):  # the usual case: whole lines
            return data[:-1].split(b"\n")
        seen = len(self._buffer)
        self._buffer += data
        if len(self._buffer) > MAXIMUM_MESSAGE_BYTES:
            raise ProtocolViolation(f"A line of the server is longer than {MAXIMUM_MESSAGE_BYTES} bytes.")
        if self._buffer.find(b"\n", seen) < 0:
            return []
        *lines, rest = bytes(self._buffer).split(b"\n")
        self._buffer = bytearray(rest)
        return lines

    def farewell(self) -> bytes:
        return b""
