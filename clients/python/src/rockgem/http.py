"""HTTP/1.1 as far as a JSON-RPC client needs it: one POST after another on a connection that stays open."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .address import Address
from .errors import ProtocolViolation, from_http
from .framing import MAXIMUM_MESSAGE_BYTES

_MAXIMUM_HEAD_BYTES = 1 << 16
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Head:
    """The status and headers of an answer."""

    def __init__(self, text: bytes) -> None:
        lines = text.split(b"\r\n")
        status = lines[0].split(b" ", 2)
        if len(status) < 2 or not status[0].startswith(b"HTTP/1.") or not status[1].isdigit():
            raise ProtocolViolation(f"This is no HTTP answer: {lines[0][:100]!r}")
        self.status = int(status[1])
        self.is_old = status[0] == b"HTTP/1.0"
        self.headers: dict[bytes, bytes] = {}
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            if not colon or not name or name != name.strip():
                raise ProtocolViolation(f"This is no HTTP header: {line[:100]!r}")
            key = name.lower()
            value = value.strip()
            if key == b"content-length" and self.headers.get(key, value) != value:
                raise ProtocolViolation("The HTTP answer has two lengths.")
            self.headers[key] = self.headers[key] + b", " + value if key in self.headers else value
        self.headers.setdefault(b"connection", b"")


def take_head(buffer: bytearray) -> Head | None:
    """Takes a complete head off the front of `buffer`, or leaves it."""
    end = buffer.find(b"\r\n\r\n", 0, _MAXIMUM_HEAD_BYTES)
    if end < 0:
        if len(buffer) >= _MAXIMUM_HEAD_BYTES:
            raise ProtocolViolation(f"The head of the HTTP answer is longer than {_MAXIMUM_HEAD_BYTES} bytes.")
        return None
    head = Head(bytes(buffer[:end]))
    del buffer[: end + 4]
    return head


def header_lines(address: Address, headers: Mapping[str, str]) -> bytes:
    """The lines every request of a connection has in common.

    Raises:
        ValueError: A name or value could not stand in a header.
    """
    lines = [f"Host: {address.authority}\r\n"]
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or not value.isprintable():
            raise ValueError(f"{name!r}: {value!r} is no HTTP header")
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines).encode("latin-1")


class HTTPFraming:
    """Each message a `POST`, each answer a body."""

    is_open = True
    skips_answers = False  # answers are told apart by their place only

    def __init__(self, address: Address, headers: Mapping[str, str]) -> None:
        self.outgoing = bytearray()
        self.is_reusable = True
        self._prefix = (
            f"POST {address.path} HTTP/1.1\r\n".encode()
            + header_lines(address, headers)
            + b"Content-Type: application/json\r\nContent-Length: "
        )
        self._buffer = bytearray()
        self._head: Head | None = None

    def encode(self, message: bytes) -> bytes:
        return b"%b%d\r\n\r\n%b" % (self._prefix, len(message), message)

    def receive(self, data: bytes) -> list[bytes]:
        self._buffer += data
        while self._head is None:
            head = take_head(self._buffer)
            if head is None:
                return []
            if head.status >= 200:
                self._head = head
        body = self._body(self._head)
        if body is None:
            return []
        head, self._head = self._head, None
        connection = head.headers[b"connection"].lower()
        self.is_reusable = b"close" not in connection and not head.is_old and not self._buffer
        if head.status not in (200, 204):
            self.is_reusable = False
            raise from_http(head.status, body)
        return [body]

    def farewell(self) -> bytes:
        return b""

    def _body(self, head: Head) -> bytes | None:
        """The whole body, if it is there."""
        if head.status == 204:
            return b""
        if b"transfer-encoding" in head.headers:
            if head.headers[b"transfer-encoding"].lower() != b"chunked":
                raise ProtocolViolation("The HTTP answer has an encoding that is not known here.")
            return self._chunks()
        length = head.headers.get(b"content-length", b"")
        if not length.isdigit() or int(length) > MAXIMUM_MESSAGE_BYTES:
            raise ProtocolViolation(f"The HTTP answer has no length to go by: {length[:30]!r}")
        if len(self._buffer) < int(length):
            return None
        body = bytes(self._buffer[: int(length)])
        del self._buffer[: int(length)]
        return body

    def _chunks(self) -> bytes | None:
        """The chunks put together, once the last one is there. Proxies send these; our server sends lengths."""
        if len(self._buffer) > 2 * MAXIMUM_MESSAGE_BYTES:
            raise ProtocolViolation(f"The HTTP answer is longer than {MAXIMUM_MESSAGE_BYTES} bytes.")
        body, at = bytearray(), 0
        while True:
            end = self._buffer.find(b"\r\n", at)
            if end < 0:
                return None
            size = bytes(self._buffer[at:end]).partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size):
                raise ProtocolViolation(f"This is no size of a chunk: {size[:30]!r}")
            start, count = end + 2, int(size, 16)
            if count == 0:
                break
            if len(self._buffer) < start + count + 2:
                return None
            if self._buffer[start + count : start + count + 2] != b"\r\n":
                raise ProtocolViolation("A chunk of the HTTP answer does not end where it says.")
            body += self._buffer[start : start + count]
            at = start + count + 2
        # Trailers, if any, end with an empty line.
        end = start if self._buffer[start : start + 2] == b"\r\n" else self._buffer.find(b"\r\n\r\n", start) + 2
        if end < start or len(self._buffer) < end + 2:
            return None
        del self._buffer[: end + 2]
        return bytes(body)
