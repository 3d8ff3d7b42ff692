"""Messages out of bytes and back, without a socket: what each transport adds to JSON-RPC.

The blocking and the asyncio face feed the same framings, so a protocol is written, and tested, once.
"""

from __future__ import annotations

from typing import Protocol

#: The largest answer that is taken in, in bytes: 4096 environments with generous observations stay far below.
MAXIMUM_MESSAGE_BYTES = 1 << 28


class Framing(Protocol):
    """The state of one connection as one transport sees it."""

    #: Whether messages may be sent yet; until then only `receive` may be called.
    is_open: bool
    #: Whether the connection can carry another message after this one.
    is_reusable: bool
    #: Whether an answer nobody waits for can be told from the next one, so that giving up costs no connection.
    skips_answers: bool
    #: What the protocol itself wants to send, such as a pong; whoever owns the socket sends and clears it.
    outgoing: bytearray

    def encode(self, message: bytes) -> bytes:
        """The bytes that carry `message`."""

    def receive(self, data: bytes) -> list[bytes]:
        """Takes `data` in; returns the messages that are complete now.

        Raises:
            RockError: The other end broke the protocol, refused the message, or said goodbye.
        """

    def farewell(self) -> bytes:
        """What to send before an orderly close."""
