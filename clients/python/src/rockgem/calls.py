"""The calls of the interface as values: what goes out, and what comes back.

Nothing here touches a socket, so both faces share it.
"""

from __future__ import annotations

import itertools
import json
import operator
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from .errors import ProtocolViolation, from_wire

Info = dict[str, Any]
Autoreset = Literal["next_step", "same_step", "disabled"]
InfoStyle = Literal["brief", "full"]
Lease = Literal["connection", "idle"]
RenderMode = Literal["text", "ansi"]

# One encoder: `json.dumps` with options builds a new one for every call. NaN is no JSON.
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class Step(NamedTuple):
    """What one step gives."""

    observation: str
    reward: float
    terminated: bool
    truncated: bool
    info: Info


class VectorStep(NamedTuple):
    """What one step of many environments gives: one entry for each that moved."""

    observations: list[str]
    rewards: list[float]
    terminated: list[bool]
    truncated: list[bool]
    infos: list[Info]


@dataclass(frozen=True)
class Call:
    """A method and its params.

    Attributes:
        method: Such as `step`.
        params: What goes with it.
        is_once: Whether doing it twice differs from doing it once, so that a repeat must carry a `request_id`.
    """

    method: str
    params: dict[str, Any]
    is_once: bool = False


class Messages:
    """Gives every request of a client its ids and writes it down."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._token = os.urandom(9).hex()

    def write(self, calls: Sequence[Call]) -> tuple[bytes, list[int]]:
        """One message for `calls`, a batch where there are several, and the id of each.

        Every id is larger than those before it, so the first of a batch, the smallest, can stand for it.

        Raises:
            TypeError, ValueError: The params are no JSON.
        """
        requests = [self._request(call) for call in calls]
        message = _encode(requests if len(calls) > 1 else requests[0]).encode()
        return message, [request["id"] for request in requests]

    def _request(self, call: Call) -> dict[str, Any]:
        number, params = next(self._ids), call.params
        if call.is_once:
            # The process stands in it because a fork copies the rest.
            params = {**params, "request_id": f"{self._token}-{os.getpid():x}-{number:x}"}
        return {"jsonrpc": "2.0", "id": number, "method": call.method, "params": params}


def results(answer: Any, ids: Sequence[int]) -> list[Any]:
    """The results in the order of the calls.

    Raises:
        RockError: The first call that failed, as its exception.
    """
    answers = answer if isinstance(answer, list) else [answer]
    if len(ids) > 1:
        by_id = {one.get("id"): one for one in answers if isinstance(one, dict)}
        answers = [by_id.get(one) for one in ids]
    found = []
    for one in answers:
        if not isinstance(one, dict):
            raise ProtocolViolation(f"The server's answer lacks a part: {answer!r:.200}")
        if "error" in one:
            raise from_wire(one["error"])
        if not isinstance(one.get("result"), dict):
            raise ProtocolViolation(f"The server's answer has neither result nor error: {one!r:.200}")
        found.append(one["result"])
    return found


def make(
    env_id: str, kwargs: Mapping[str, Any], *, info: InfoStyle, lease: Lease, num_envs: int | None = None,
    autoreset: Autoreset | None = None, idle_timeout: float | None = None, call_timeout: float | None = None,
    record: bool | None = None,
) -> Call:  # fmt: skip
    params: dict[str, Any] = {"env_id": env_id, "info": info, "lease": lease}
    optional = {
        "kwargs": dict(kwargs) or None, "num_envs": num_envs, "autoreset": autoreset,
        "idle_timeout": idle_timeout, "call_timeout": call_timeout, "record": record,
    }  # fmt: skip
    params.update((name, value) for name, value in optional.items() if value is not None)
    # What hangs on a connection is gone with it: a repeat must make anew, and has nothing to leave behind.
    return Call("make", params, is_once=lease != "connection")


def reset(sandbox: str, seed: int | None) -> Call:
    params: dict[str, Any] = {"sandbox_id": sandbox}
    if seed is not None:
        params["seed"] = as_seed(seed)
    # Without a seed the stream goes on, so a second reset would begin another episode than the first.
    return Call("reset", params, is_once=seed is None)


def step(sandbox: str, action: str) -> Call:
    return Call("step", {"sandbox_id": sandbox, "action": action}, is_once=True)


def render(sandbox: str, mode: RenderMode) -> Call:
    return Call("render", {"sandbox_id": sandbox, "mode": mode})


def sample_action(sandbox: str) -> Call:
    return Call("sample_action", {"sandbox_id": sandbox}, is_once=True)


def status(sandbox: str) -> Call:
    return Call("status", {"sandbox_id": sandbox})


def save(sandbox: str) -> Call:
    return Call("save", {"sandbox_id": sandbox})


def restore(sandbox: str, state: str) -> Call:
    return Call("restore", {"sandbox_id": sandbox, "state": state}, is_once=True)


def fork(sandbox: str, count: int) -> Call:
    return Call("fork", {"sandbox_id": sandbox, "count": count}, is_once=True)


def close(sandbox: str) -> Call:
    return Call("close", {"sandbox_id": sandbox})


def as_seed(seed: Any) -> Any:
    """A seed as JSON takes it: NumPy's integers are integers too; what is none is the server's to refuse."""
    try:
        return seed if isinstance(seed, bool) else operator.index(seed)
    except TypeError:
        return seed
