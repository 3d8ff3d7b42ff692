"""The client's half of RFC 6455: a handshake, masked text frames out, text messages in."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping

from .address import Address
from .errors import ConnectionLost, ProtocolViolation, from_http
from .framing import MAXIMUM_MESSAGE_BYTES
from .http import header_lines, take_head

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10


def masked(payload: bytes, key: bytes) -> bytes:
    """`payload` xor `key` repeated, as one operation on one long number: a loop over bytes would be the hot path."""
    count = len(payload)
    mask = (key * (count // 4 + 1))[:count]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(mask, "little")).to_bytes(count, "little")


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole frame, masked with a fresh key as a client must."""
    count, key = len(payload), os.urandom(4)
    if count < 126:
        head = bytes((0x80 | opcode, 0x80 | count))
    elif count < 1 << 16:
        head = bytes((0x80 | opcode, 0x80 | 126)) + count.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0x80 | 127)) + count.to_bytes(8, "big")
    return head + key + masked(payload, key)


class WebSocketFraming:
    """Each message a text message, both ways."""

    is_reusable = True
    skips_answers = True

    def __init__(self, address: Address, headers: Mapping[str, str]) -> None:
        key = base64.b64encode(os.urandom(16))
        self._accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
        self.is_open = False
        self.outgoing = bytearray(
            f"GET {address.path} HTTP/1.1\r\n".encode()
            + header_lines(address, headers)
            + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
            + key
            + b"\r\n\r\n"
        )
        self._buffer = bytearray()
        #: The fragments of a text message that has begun; `None` between messages.
        self._fragments: bytearray | None = None

    def encode(self, message: bytes) -> bytes:
        return frame(_TEXT, message)

    def receive(self, data: bytes) -> list[bytes]:
        self._buffer += data
        if not self.is_open and not self._finish_handshake():
            return []
        messages = []
        while (found := self._take_frame()) is not None:
            message = self._take_in(*found)
            if message is not None:
                messages.append(message)
        return messages

    def farewell(self) -> bytes:
        return frame(_CLOSE, (1000).to_bytes(2, "big")) if self.is_open else b""

    def _finish_handshake(self) -> bool:
        head = take_head(self._buffer)
        if head is None:
            return False
        if head.status != 101:
            raise from_http(head.status, bytes(self._buffer))
        if head.headers.get(b"sec-websocket-accept") != self._accept:
            raise ProtocolViolation("The WebSocket handshake was answered with the wrong key.")
        self.is_open = True
        return True

    def _take_frame(self) -> tuple[int, bool, bytes] | None:
        """Takes one frame off the buffer: its opcode, whether it ends its message, its payload."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        first, count, start = buffer[0], buffer[1], 2
        if first & 0x70:
            raise ProtocolViolation("A WebSocket frame uses an extension nobody asked for.")
        if count & 0x80:
            raise ProtocolViolation("The server masked a WebSocket frame.")
        if count >= 126:
            start = 4 if count == 126 else 10
            if len(buffer) < start:
                return None
            count = int.from_bytes(buffer[2:start], "big")
        opcode, is_last = first & 0x0F, bool(first & 0x80)
        if opcode >= _CLOSE and (count > 125 or not is_last):
            raise ProtocolViolation("A WebSocket control frame is fragmented or too long.")
        if count + len(self._fragments or b"") > MAXIMUM_MESSAGE_BYTES:
            raise ProtocolViolation(f"A WebSocket message is longer than {MAXIMUM_MESSAGE_BYTES} bytes.")
        if len(buffer) < start + count:
            return None
        payload = bytes(buffer[start : start + count])
        del buffer[: start + count]
        return opcode, is_last, payload

    def _take_in(self, opcode: int, is_last: bool, payload: bytes) -> bytes | None:
        """Acts on a frame; returns the message that it completes."""
        if opcode == _PING:
            self.outgoing += frame(_PONG, payload)
            return None
        if opcode == _PONG:
            return None
        if opcode == _CLOSE:
            code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
            self.outgoing += frame(_CLOSE, payload[:2])
            reason = payload[2:].decode("utf-8", "replace")
            raise ConnectionLost(f"The server closed the WebSocket with code {code}. {reason}".rstrip())
        if opcode == _TEXT and self._fragments is None:
            if is_last:
                return payload
            self._fragments = bytearray(payload)
            return None
        if opcode == _CONTINUATION and self._fragments is not None:
            self._fragments += payload
            if not is_last:
                return None
            message, self._fragments = bytes(self._fragments), None
            return message
        what = "binary data" if opcode == _BINARY else f"a frame of type {opcode} out of place"
        raise ProtocolViolation(f"The server sent {what} over the WebSocket.")
