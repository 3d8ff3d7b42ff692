"""A blocking connection to a server."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from .address import Address
from .conversation import Conversation
from .errors import ConnectionLost, NoAnswer

_CHUNK = 1 << 18


class Connection:
    """One socket, used by one thread at a time. Its owner closes it.

    Deadlines are instants of `time.monotonic()`; `None` waits for ever.
    """

    def __init__(self, address: Address, headers: Mapping[str, str], deadline: float | None) -> None:
        """Connects.

        Raises:
            ConnectionLost: Nobody listens there, or the other end does not speak the protocol.
            NoAnswer: The deadline passed.
        """
        self.process = os.getpid()
        self._address = address
        self._conversation = Conversation(address, headers)
        self._socket = self._connected(deadline)
        try:
            framing = self._conversation.framing
            self._send_outgoing()
            while not framing.is_open:
                framing.receive(self._receive(deadline))
        except BaseException:
            self._socket.close()
            raise

    @property
    def is_reusable(self) -> bool:
        """Whether another call may follow."""
        return self._conversation.is_reusable

    def exchange(self, message: bytes, key: int, deadline: float | None) -> Any:
        """Sends `message` and waits for the answer to `key`.

        Raises:
            ConnectionLost: The connection broke before the answer was complete.
            NoAnswer: The deadline passed. Over WebSocket and Unix sockets the connection stays usable.
            RockError: What came is no answer.
        """
        conversation = self._conversation
        try:
            self._send(conversation.framing.encode(message), deadline)
        except BaseException:
            conversation.break_off()  # half a message may be under way
            raise
        try:
            while True:
                answer = conversation.take_in(self._receive(deadline), key)
                self._send_outgoing()
                if answer is not None:
                    return answer
        except ConnectionLost:
            conversation.break_off()
            raise
        except BaseException:  # also Ctrl-C: the answer may still come
            conversation.give_up(key)
            raise

    def close(self) -> None:
        """Says goodbye, where the protocol knows how, and closes the socket."""
        if self.process == os.getpid() and self.is_reusable:
            with suppress(OSError):  # it is over either way
                self._socket.settimeout(0)
                self._socket.send(self._conversation.framing.farewell())
        self._socket.close()

    # What follows knows the socket.

    def _connected(self, deadline: float | None) -> socket.socket:
        address = self._address
        try:
            if address.is_unix:
                connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                try:
                    connected.settimeout(_left(deadline))
                    connected.connect(address.path)
                except BaseException:
                    connected.close()
                    raise
                return connected
            connected = socket.create_connection((address.host, address.port), _left(deadline))
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if address.is_secure:
                return ssl.create_default_context().wrap_socket(connected, server_hostname=address.host)
            return connected
        except TimeoutError:
            raise NoAnswer(f"No connection to {address} within the client's timeout.") from None
        except OSError as error:
            raise ConnectionLost(f"Cannot connect to {address}: {error.strerror or error}") from error

    def _send(self, data: bytes, deadline: float | None) -> None:
        try:
            self._socket.settimeout(_left(deadline))
            self._socket.sendall(data)
        except TimeoutError:
            raise NoAnswer(f"{self._address} took no more bytes within the client's timeout.") from None
        except OSError as error:
            raise ConnectionLost(f"The connection to {self._address} broke: {error.strerror or error}") from error

    def _receive(self, deadline: float | None) -> bytes:
        try:
            self._socket.settimeout(_left(deadline))
            data = self._socket.recv(_CHUNK)
        except TimeoutError:
            raise NoAnswer(f"{self._address} did not answer within the client's timeout.") from None
        except OSError as error:
            raise ConnectionLost(f"The connection to {self._address} broke: {error.strerror or error}") from error
        if not data:
            raise ConnectionLost(f"{self._address} closed the connection before it answered.")
        return data

    def _send_outgoing(self) -> None:
        outgoing = self._conversation.framing.outgoing
        if outgoing:
            data = bytes(outgoing)
            outgoing.clear()
            self._send(data, time.monotonic() + 5)


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
