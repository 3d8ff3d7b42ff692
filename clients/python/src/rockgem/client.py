"""A client: connections to one server, shared by any number of threads and environments."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

from . import calls
from .address import Address
from .calls import Autoreset, Call, InfoStyle, Lease, Messages
from .connection import Connection
from .environment import Environment
from .errors import ClientClosed, ConnectionLost, RockError
from .spec import Spec
from .vector import VectorEnvironment
from .vector_calls import plan


class Client:
    """Connections to one server.

    A thread takes an idle connection for one call, or opens another, so as many calls run side by side as threads make
    them. Every call that must not happen twice carries a `request_id`: when a connection breaks before the answer came,
    the client asks again on a new one and gets the first answer.

    A client may be used from any thread, and after a fork from both processes.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        timeout: float | None = 60.0,
        retries: int = 2,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Connects to nothing yet.

        Args:
            url: `http://`, `https://`, `ws://`, `wss://` or `unix:///path`; `ROCK_BASE_URL` without one, and without
                that `http://127.0.0.1:8080`.
            timeout: Seconds that one call may take, repeats included; `None` for no limit.
            retries: How often a call is repeated whose connection broke.
            headers: More headers for HTTP requests and the WebSocket handshake, such as credentials.

        Raises:
            ValueError: The URL is none.
        """
        self.address = Address.parse(url)
        self.timeout = timeout
        self.retries = retries
        self._headers = dict(headers or {})
        self._messages = Messages()
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._is_closed = False

    def make(
        self,
        env_id: str,
        *,
        kwargs: Mapping[str, Any] | None = None,
        info: InfoStyle = "brief",
        lease: Lease | None = None,
        idle_timeout: float | None = None,
        call_timeout: float | None = None,
        record: bool | None = None,
        **more: Any,
    ) -> Environment:
        """Makes an environment in a sandbox of its own.

        Args:
            env_id: Such as `game:Sokoban-v0-easy`.
            kwargs: The environment's own arguments; they may also be given by name.
            info: `full` repeats the board as `info["suffix"]`, as old clients expect.
            lease: `connection` closes the sandbox with this client's connection, `idle` only when nobody uses it.
                Without one: `connection` over WebSocket and Unix sockets, `idle` over HTTP.
            idle_timeout: Seconds without a call until the sandbox is closed; 1800 without one.
            call_timeout: Seconds that one call may take until its sandbox is ended; 30 without one.
            record: Whether the server records the episodes; without it as the server is configured.
            more: The environment's own arguments.

        Raises:
            RockError: No such environment or argument; no sandbox; no answer.
        """
        call = calls.make(
            env_id, {**(kwargs or {}), **more}, info=info, lease=self._lease(lease), idle_timeout=idle_timeout,
            call_timeout=call_timeout, record=record,
        )  # fmt: skip
        return Environment(self, self.call(call))

    def make_vec(
        self,
        ids: str | Sequence[str],
        num_envs: int | None = None,
        *,
        autoreset: Autoreset = "next_step",
        seed: int | None = None,
        vec_kwargs: Sequence[Mapping[str, Any]] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        info: InfoStyle = "brief",
        lease: Lease | None = None,
        idle_timeout: float | None = None,
        call_timeout: float | None = None,
        record: bool | None = None,
        **more: Any,
    ) -> VectorEnvironment:
        """Makes many environments that one call moves. All of one id and arguments share one sandbox.

        Args:
            ids: One id, or one for each environment.
            num_envs: How many, where `ids` is one id; 1 without it.
            autoreset: What follows the end of an episode; see `VectorEnvironment`.
            seed: For the first reset that brings none of its own; environment i gets seed + i.
            vec_kwargs: Arguments of each environment; the common ones win.
            kwargs, info, lease, idle_timeout, call_timeout, record, more: As for `make`.

        Raises:
            ValueError: The lengths do not match.
            RockError: As for `make`; nothing stays behind then.
        """
        groups = plan(ids, num_envs, vec_kwargs, {**(kwargs or {}), **more})
        leased = self._lease(lease)
        made: list[dict[str, Any]] = []
        try:
            for group in groups:
                call = calls.make(
                    group.env_id, group.kwargs, info=info, lease=leased, num_envs=len(group.indices),
                    autoreset=autoreset, idle_timeout=idle_timeout, call_timeout=call_timeout,
                    record=record,
                )  # fmt: skip
                made.append(self.call(call))
        except BaseException:
            for one in made:
                with suppress(RockError):  # what failed first is what matters
                    self.call(calls.close(one["sandbox_id"]))
            raise
        return VectorEnvironment(self, groups, made, autoreset, seed)

    def specs(self) -> list[Spec]:
        """Everything that can be made."""
        return [Spec.from_wire(spec) for spec in self.call(Call("list", {}))["environments"]]

    def call(self, call: Call) -> dict[str, Any]:
        """Makes one call and returns its result.

        Raises:
            RockError: It failed, or no answer came.
        """
        result: dict[str, Any] = self.call_all([call])[0]
        return result

    def call_all(self, batch: Sequence[Call]) -> list[Any]:
        """Makes several calls at once, as one message; those for different sandboxes run side by side.

        Raises:
            RockError: The first that failed, or no answer came.
        """
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        message, ids = self._messages.write(batch)
        return calls.results(self._exchange(message, ids[0], deadline), ids)

    def close(self) -> None:
        """Closes the connections, and with them what is leased to them. Calls under way end first."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({str(self.address)!r})"

    def _lease(self, lease: Lease | None) -> Lease:
        return lease or ("connection" if self.address.keeps_connection else "idle")

    def _exchange(self, message: bytes, key: int, deadline: float | None) -> Any:
        attempt = 0
        while True:
            try:
                connection = self._taken(deadline, is_fresh=attempt > 0)
                try:
                    return connection.exchange(message, key, deadline)
                finally:
                    self._put_back(connection)
            except ConnectionLost:
                pause = pause_before(attempt)
                if attempt == self.retries or (deadline is not None and time.monotonic() + pause > deadline):
                    raise
                time.sleep(pause)  # a server that restarts announces itself by nothing but accepting again
                attempt += 1

    def _taken(self, deadline: float | None, *, is_fresh: bool) -> Connection:
        """A connection for one call. After a loss a fresh one: idle ones may have died of the same cause."""
        process = os.getpid()
        with self._lock:
            if self._is_closed:
                raise ClientClosed("This client was closed. Make a new one.")
            while self._idle and self._idle[-1].process != process:
                self._idle.pop().close()  # a fork's copy; the original lives on
            if self._idle and not is_fresh:
                return self._idle.pop()
        return Connection(self.address, self._headers, deadline)

    def _put_back(self, connection: Connection) -> None:
        if connection.is_reusable:
            with self._lock:
                if not self._is_closed:
                    self._idle.append(connection)
                    return
        connection.close()


def pause_before(attempt: int) -> float:
    """Seconds to wait after `attempt` failed: none at first, for a connection that was merely idle too long."""
    return 0.0 if attempt == 0 else min(0.05 * 2.0**attempt, 2.0)
