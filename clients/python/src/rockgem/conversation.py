"""One connection's talk, without its socket: which answer belongs to which message, and what giving up leaves behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .address import Address
from .errors import ProtocolViolation, from_wire
from .framing import Framing
from .http import HTTPFraming
from .lines import LineFraming
from .websocket import WebSocketFraming


def _framing(address: Address, headers: Mapping[str, str]) -> Framing:
    if address.is_unix:
        return LineFraming()
    return WebSocketFraming(address, headers) if address.is_websocket else HTTPFraming(address, headers)


class Conversation:
    """One message at a time, each with a key: the id of the request, or the smallest id of a batch."""

    def __init__(self, address: Address, headers: Mapping[str, str]) -> None:
        self.framing = _framing(address, headers)
        #: Keys whose answers nobody waits for any more.
        self._given_up: set[int] = set()
        self._is_broken = False

    @property
    def is_reusable(self) -> bool:
        """Whether another message may follow."""
        return not self._is_broken and self.framing.is_reusable

    def break_off(self) -> None:
        """Notes that the connection has come to an unknown state and must not be used again."""
        self._is_broken = True

    def give_up(self, key: int) -> None:
        """Notes that nobody waits for the answer to `key` any more."""
        if self.framing.skips_answers:
            self._given_up.add(key)
        else:
            self._is_broken = True

    def take_in(self, data: bytes, key: int) -> Any:
        """Takes bytes of the server in; returns the parsed answer to `key`, or `None` while it is not complete.

        Raises:
            RockError: What came breaks the protocol or is no answer. The connection is broken then.
        """
        try:
            answers = self.framing.receive(data)
            for text in answers:
                answer = _parsed(text)
                found = _key(answer)
                if found == key:
                    return answer
                if found not in self._given_up:
                    raise _stray(answer)
                self._given_up.remove(found)
        except BaseException:
            self._is_broken = True
            raise
        return None


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text.decode())
    except ValueError as error:  # bad UTF-8 is one too
        raise ProtocolViolation(f"The server answered what is no JSON: {error}") from None


def _key(answer: Any) -> int | None:
    """The key of the message that `answer` answers."""
    ids = [_id(one) for one in answer] if isinstance(answer, list) else [_id(answer)]
    return min((one for one in ids if one is not None), default=None)


def _id(answer: Any) -> int | None:
    found = answer.get("id") if isinstance(answer, dict) else None
    return found if isinstance(found, int) else None


def _stray(answer: Any) -> Exception:
    """What an answer means that names no request of ours: the server could not read so far, or is no server of ours."""
    if isinstance(answer, dict) and "error" in answer and answer.get("id") is None:
        return from_wire(answer["error"])
    return ProtocolViolation(f"The server answered a question nobody asked: {answer!r:.200}")
