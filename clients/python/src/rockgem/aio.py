"""The same environments for asyncio.

    async with aio.Client("ws://127.0.0.1:8080") as client:
        env = await client.make("game:Sokoban-v0-easy")
        observation, info = await env.reset(seed=42)

Calls run side by side as tasks make them, each on a connection of its own while it lasts; a client belongs to one event
loop. Cancelling a call does not take it back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from . import calls, vector_calls
from .address import Address
from .calls import Autoreset, Call, Info, InfoStyle, Lease, Messages, RenderMode, Step, VectorStep
from .client import pause_before
from .conversation import Conversation
from .errors import ClientClosed, ConnectionLost, NoAnswer, RockError, SandboxClosed, UnknownSandbox
from .spec import Spec
from .vector_calls import Group, VectorCalls, plan

_CHUNK = 1 << 18


class Connection:
    """One connection, used by one task at a time."""

    def __init__(self, address: Address, headers: Mapping[str, str]) -> None:
        self._address = address
        self._conversation = Conversation(address, headers)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def is_reusable(self) -> bool:
        return self._streams is not None and self._conversation.is_reusable

    async def exchange(self, message: bytes, key: int) -> Any:
        """Connects if need be, sends `message` and waits for the answer to `key`."""
        conversation = self._conversation
        reader, writer = self._streams or await self._open()
        sent = False
        try:
            writer.write(conversation.framing.encode(message))
            await writer.drain()
            sent = True
            while True:
                answer = conversation.take_in(await self._receive(reader), key)
                self._write_outgoing(writer)
                if answer is not None:
                    return answer
        except OSError as error:
            conversation.break_off()
            raise ConnectionLost(f"The connection to {self._address} broke: {error.strerror or error}") from error
        except ConnectionLost:
            conversation.break_off()
            raise
        except BaseException:  # cancelled, for one: the answer may still come
            if sent:
                conversation.give_up(key)
            else:
                conversation.break_off()
            raise

    async def close(self) -> None:
        if self._streams is None:
            return
        _, writer = self._streams
        with suppress(OSError):  # it is over either way
            if self._conversation.is_reusable:
                writer.write(self._conversation.framing.farewell())
            writer.close()
            await writer.wait_closed()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        address = self._address
        try:
            if address.is_unix:
                reader, writer = await asyncio.open_unix_connection(address.path)
            else:
                reader, writer = await asyncio.open_connection(
                    address.host, address.port, ssl=True if address.is_secure else None
                )
        except OSError as error:
            raise ConnectionLost(f"Cannot connect to {address}: {error.strerror or error}") from error
        try:
            framing = self._conversation.framing
            self._write_outgoing(writer)
            while not framing.is_open:
                framing.receive(await self._receive(reader))
        except BaseException:
            writer.close()
            raise
        self._streams = reader, writer
        return self._streams

    async def _receive(self, reader: asyncio.StreamReader) -> bytes:
        data = await reader.read(_CHUNK)
        if not data:
            raise ConnectionLost(f"{self._address} closed the connection before it answered.")
        return data

    def _write_outgoing(self, writer: asyncio.StreamWriter) -> None:
        outgoing = self._conversation.framing.outgoing
        if outgoing:
            writer.write(bytes(outgoing))
            outgoing.clear()


class Client:
    """Connections to one server. Arguments as for `rockgem.Client`, and at most `connections` calls side by side."""

    def __init__(
        self,
        url: str | None = None,
        *,
        timeout: float | None = 60.0,
        retries: int = 2,
        headers: Mapping[str, str] | None = None,
        connections: int = 64,
    ) -> None:
        self.address = Address.parse(url)
        self.timeout = timeout
        self.retries = retries
        self._headers = dict(headers or {})
        self._messages = Messages()
        self._idle: list[Connection] = []
        self._room = asyncio.Semaphore(connections)
        self._is_closed = False

    async def make(
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
        """As `rockgem.Client.make`."""
        call = calls.make(
            env_id, {**(kwargs or {}), **more}, info=info, lease=self._lease(lease), idle_timeout=idle_timeout,
            call_timeout=call_timeout, record=record,
        )  # fmt: skip
        return Environment(self, (await self.call(call)))

    async def make_vec(
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
        """As `rockgem.Client.make_vec`."""
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
                made.append(await self.call(call))
        except BaseException:
            for one in made:
                with suppress(RockError):  # what failed first is what matters
                    await self.call(calls.close(one["sandbox_id"]))
            raise
        return VectorEnvironment(self, groups, made, seed)

    async def specs(self) -> list[Spec]:
        """Everything that can be made."""
        return [Spec.from_wire(spec) for spec in (await self.call(Call("list", {})))["environments"]]

    async def call(self, call: Call) -> dict[str, Any]:
        """Makes one call and returns its result."""
        result: dict[str, Any] = (await self.call_all([call]))[0]
        return result

    async def call_all(self, batch: Sequence[Call]) -> list[Any]:
        """Makes several calls at once, as one message."""
        message, ids = self._messages.write(batch)
        try:
            answer = await asyncio.wait_for(self._exchange(message, ids[0]), self.timeout)
        except asyncio.TimeoutError:
            raise NoAnswer(f"{self.address} did not answer within {self.timeout} seconds.") from None
        return calls.results(answer, ids)

    async def close(self) -> None:
        """Closes the connections, and with them what is leased to them."""
        self._is_closed = True
        while self._idle:
            await self._idle.pop().close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _lease(self, lease: Lease | None) -> Lease:
        return lease or ("connection" if self.address.keeps_connection else "idle")

    async def _exchange(self, message: bytes, key: int) -> Any:
        attempt = 0
        while True:
            try:
                return await self._attempt(message, key, is_fresh=attempt > 0)
            except ConnectionLost:
                if attempt == self.retries:
                    raise
                await asyncio.sleep(pause_before(attempt))
                attempt += 1

    async def _attempt(self, message: bytes, key: int, *, is_fresh: bool) -> Any:
        async with self._room:
            if self._is_closed:
                raise ClientClosed("This client was closed. Make a new one.")
            connection = (
                self._idle.pop() if self._idle and not is_fresh else Connection(self.address, self._headers)
            )
            try:
                return await connection.exchange(message, key)
            finally:
                if connection.is_reusable and not self._is_closed:
                    self._idle.append(connection)
                else:
                    await connection.close()


class _Closable:
    """What ends its sandboxes once."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._is_closed = False

    async def _call(self, made: list[Call]) -> list[Any]:
        if self._is_closed:
            raise SandboxClosed("This environment was closed. Make a new one.")
        return await self.client.call_all(made)

    async def _close(self, made: list[Call]) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        for call in made:
            with suppress(SandboxClosed, UnknownSandbox):  # then it is gone already
                await self.client.call(call)


class Environment(_Closable):
    """As `rockgem.Environment`."""

    def __init__(self, client: Client, made: dict[str, Any]) -> None:
        super().__init__(client)
        self._made = made
        self.sandbox_id: str = made["sandbox_id"]
        self.spec = Spec.from_wire(made["spec"])

    async def reset(self, seed: int | None = None) -> tuple[str, Info]:
        (result,) = await self._call([calls.reset(self.sandbox_id, seed)])
        return result["observation"], result["info"]

    async def step(self, action: str) -> Step:
        (result,) = await self._call([calls.step(self.sandbox_id, action)])
        return Step(
            result["observation"], result["reward"], result["terminated"], result["truncated"], result["info"]
        )

    async def sample_random_action(self) -> str:
        (result,) = await self._call([calls.sample_action(self.sandbox_id)])
        action: str = result["action"]
        return action

    async def render(self, mode: RenderMode = "text") -> str:
        (result,) = await self._call([calls.render(self.sandbox_id, mode)])
        text: str = result["text"]
        return text

    async def save(self) -> str:
        (result,) = await self._call([calls.save(self.sandbox_id)])
        state: str = result["state"]
        return state

    async def restore(self, state: str) -> None:
        await self._call([calls.restore(self.sandbox_id, state)])

    async def fork(self, count: int = 1) -> list[Environment]:
        (result,) = await self._call([calls.fork(self.sandbox_id, count)])
        return [Environment(self.client, {**self._made, "sandbox_id": sandbox}) for sandbox in result["sandbox_ids"]]

    async def close(self) -> None:
        await self._close([calls.close(self.sandbox_id)])

    async def __aenter__(self) -> Environment:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class VectorEnvironment(_Closable):
    """As `rockgem.VectorEnvironment`."""

    def __init__(self, client: Client, groups: list[Group], made: list[dict[str, Any]], seed: int | None) -> None:
        super().__init__(client)
        for group, one in zip(groups, made):
            group.sandbox_id = one["sandbox_id"]
        self._calls = VectorCalls(groups, seed)
        self.num_envs = self._calls.count

    async def reset(
        self, seed: int | Sequence[int] | None = None, *, indices: Sequence[int] | None = None
    ) -> tuple[list[str], list[Info]]:
        made, order = self._calls.reset(seed, indices)
        wanted = list(range(self.num_envs)) if indices is None else [int(index) for index in indices]
        return vector_calls.joined_reset(await self._call(made), order, wanted)

    async def step(self, actions: Sequence[str] | Mapping[int, str]) -> VectorStep:
        made, order, wanted = self._calls.step(actions)
        return vector_calls.joined_step(await self._call(made), order, wanted)

    async def close(self) -> None:
        await self._close(self._calls.close())

    async def __aenter__(self) -> VectorEnvironment:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
