"""Every failure as an exception, one class a kind.

A failure is never a reward: what goes wrong around an episode raises, and what an agent does wrong inside one is the
environment's to judge. `RockError` is the root of the tree:

- `Refused`: the call itself was wrong, and the same call will be refused again.
- `Failed`: the environment or what carries it broke; `reset` gives it a new sandbox.
- `Busy`: the server cannot take the call now; later it may.
- `Unreachable`: no answer came, so nobody knows what became of the call.
"""

from __future__ import annotations

import json
from typing import Any

__all__ = [
    "Busy", "CallTimeout", "ClientClosed", "Conflict", "ConnectionLost", "EnvironmentFailed", "EpisodeEnded", "Failed",
    "Forbidden", "InfrastructureFailed", "InternalError", "InvalidAction", "InvalidArgument", "InvalidParams",
    "InvalidRequest", "InvalidSeed", "InvalidState", "IsolationRefused", "MethodNotFound", "NoAnswer", "NotAllowed",
    "NotFound", "NotReset", "Overloaded", "ParseError", "ProtocolViolation", "Refused", "RockError", "SandboxClosed",
    "ShuttingDown", "TooLarge", "Unauthorized", "UnknownEnvironment", "UnknownSandbox", "Unreachable",
]  # fmt: skip


class RockError(Exception):
    """A failure that the caller can name and act on.

    Attributes:
        message: One sentence for people.
        kind: The failure's name on the wire, such as `episode_ended`.
        code: The JSON-RPC error code; 0 where the failure never came over the wire.
        data: All that the server said beside the message.
    """

    kind: str = "error"
    code: int = 0

    def __init__(
        self, message: str, *, kind: str | None = None, code: int | None = None, data: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = type(self).kind if kind is None else kind
        self.code = type(self).code if code is None else code
        self.data = {} if data is None else data

    def __reduce__(self) -> tuple[Any, ...]:
        # Workers hand their failures to other processes: nothing may get lost on the way.
        return _rebuilt, (type(self), self.message, self.kind, self.code, self.data)


def _rebuilt(cls: type[RockError], message: str, kind: str, code: int, data: dict[str, Any]) -> RockError:
    return cls(message, kind=kind, code=code, data=data)


class Refused(RockError):
    """The call was wrong; the same call will be refused again."""


class Failed(RockError):
    """The environment, its sandbox or the server broke. `reset` puts a new sandbox in place of a broken one."""


class Busy(RockError):
    """The server cannot take the call now."""


class Unreachable(RockError):
    """No answer came. Whether the call was carried out is unknown."""


class ParseError(Refused):
    kind, code = "parse_error", -32700


class InvalidRequest(Refused):
    kind, code = "invalid_request", -32600


class MethodNotFound(Refused):
    kind, code = "method_not_found", -32601


class InvalidParams(Refused):
    kind, code = "invalid_params", -32602


class TooLarge(Refused):
    kind, code = "too_large", -32000


class UnknownEnvironment(Refused):
    """There is no such id; the message names the nearest."""

    kind, code = "unknown_environment", -32001


class InvalidArgument(Refused):
    """A keyword argument of the environment does not exist or is out of range."""

    kind, code = "invalid_argument", -32002


class UnknownSandbox(Refused):
    kind, code = "unknown_sandbox", -32003


class SandboxClosed(Refused):
    """The environment was closed; the message says why."""

    kind, code = "sandbox_closed", -32004


class NotReset(Refused):
    """`step` before the first `reset`."""

    kind, code = "not_reset", -32005


class EpisodeEnded(Refused):
    """`step` after the end of the episode; `reset` begins the next."""

    kind, code = "episode_ended", -32006


class InvalidSeed(Refused):
    """A seed is an integer from 0 to 2³²−1."""

    kind, code = "invalid_seed", -32007


class InvalidAction(Refused):
    """An action is a text."""

    kind, code = "invalid_action", -32008


class InvalidState(Refused):
    """No saved state, a damaged one, or one of something else."""

    kind, code = "invalid_state", -32015


class NotFound(Refused):
    kind, code = "not_found", -32016


class Conflict(Refused):
    """It exists already, or is in a state that does not allow this."""

    kind, code = "conflict", -32017


class Unauthorized(Refused):
    """No API key was sent, or none that the server knows: give one in `headers`."""

    kind, code = "unauthorized", -32018


class Forbidden(Refused):
    """The API key does not allow this."""

    kind, code = "forbidden", -32019


class NotAllowed(Refused):
    """The server does not talk to this client."""

    kind = "not_allowed"


class InternalError(Failed):
    """A fault of the server's own."""

    kind, code = "internal_error", -32603


class IsolationRefused(Failed):
    """A wall that must stand around the sandbox does not."""

    kind, code = "isolation_refused", -32009


class EnvironmentFailed(Failed):
    """The environment crashed or was killed."""

    kind, code = "env_failed", -32010


class InfrastructureFailed(Failed):
    """The sandbox or its host failed."""

    kind, code = "infra_failed", -32011


class CallTimeout(Failed):
    """The call took longer than the environment's `call_timeout`; its sandbox was ended."""

    kind, code = "timeout", -32012


class Overloaded(Busy):
    """A limit on how many; try again later."""

    kind, code = "overloaded", -32013


class ShuttingDown(Busy):
    kind, code = "shutting_down", -32014


class ConnectionLost(Unreachable):
    """The server could not be reached, or the connection broke before the answer was complete."""

    kind = "connection_lost"


class NoAnswer(Unreachable):
    """The answer did not come within the client's own timeout."""

    kind = "no_answer"


class ProtocolViolation(Unreachable):
    """What came is no answer: the other end does not speak the protocol."""

    kind = "protocol_violation"


class ClientClosed(RockError):
    """The client was closed before the call."""

    kind = "client_closed"


def _leaves(cls: type[RockError]) -> list[type[RockError]]:
    below = cls.__subclasses__()
    return [leaf for child in below for leaf in _leaves(child)] if below else [cls]


_BY_KIND: dict[str, type[RockError]] = {cls.kind: cls for cls in _leaves(RockError)}
_BY_CODE: dict[int, type[RockError]] = {cls.code: cls for cls in _BY_KIND.values() if cls.code}
_BY_STATUS: dict[int, type[RockError]] = {
    401: NotAllowed, 403: NotAllowed, 413: TooLarge, 429: Overloaded, 503: Overloaded,
}  # fmt: skip


def from_wire(error: object) -> RockError:
    """The exception for the `error` member of a JSON-RPC answer."""
    if not isinstance(error, dict):
        return ProtocolViolation(f"The server answered an error that is no object: {error!r:.200}")
    message, code, data = error.get("message"), error.get("code"), error.get("data")
    data = data if isinstance(data, dict) else {}
    code = code if isinstance(code, int) else 0
    kind = data.get("kind")
    # A kind that is newer than this client still has a code in a known place, or is at least a RockError.
    cls = _BY_KIND.get(kind) if isinstance(kind, str) else None
    cls = cls or _BY_CODE.get(code) or RockError
    return cls(str(message), kind=kind if isinstance(kind, str) else cls.kind, code=code, data=data)


def from_http(status: int, body: bytes) -> RockError:
    """The exception for an HTTP answer that carries no JSON-RPC."""
    try:
        parsed = json.loads(body)
    except ValueError:  # also bytes that are no UTF-8
        parsed = None
    detail = parsed if isinstance(parsed, dict) else {}
    text = detail.get("detail")
    message = f"The server answered {status}: {text if isinstance(text, str) else body[:200].decode('utf-8', 'replace')}"
    kind = detail.get("kind")
    cls = (_BY_KIND.get(kind) if isinstance(kind, str) else None) or _BY_STATUS.get(status, ProtocolViolation)
    return cls(message, data=detail)
