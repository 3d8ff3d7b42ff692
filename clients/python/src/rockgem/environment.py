"""One environment, as GEM's users know it."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import calls
from .calls import Info, RenderMode, Step
from .errors import SandboxClosed, UnknownSandbox
from .spec import Spec

if TYPE_CHECKING:
    from .client import Client


class Environment:
    """One environment in a sandbox of its own. `rockgem.make` and `Client.make` give it.

    Attributes:
        client: What carries its calls.
        sandbox_id: Names it on the server.
        spec: Its card.
        isolation: The walls around its sandbox, and which of them hold.
    """

    def __init__(self, client: Client, made: dict[str, Any]) -> None:
        self.client = client
        self._made = made
        self.sandbox_id: str = made["sandbox_id"]
        self.spec = Spec.from_wire(made["spec"])
        self.isolation: Any = made.get("isolation")
        #: Whether closing this closes the client, too: `rockgem.make` says so of the client it made for it.
        self._owns_client = False
        self._is_closed = False

    @property
    def env_id(self) -> str:
        return self.spec.id

    @property
    def unwrapped(self) -> Environment:
        return self

    def reset(self, seed: int | None = None) -> tuple[str, Info]:
        """Begins an episode; returns the first observation and its info.

        Args:
            seed: From 0 to 2³²−1. Without one the random stream goes on where it stands.

        Raises:
            RockError: The seed is none, or no sandbox can be had. A sandbox that broke is replaced.
        """
        result = self._call(calls.reset(self.sandbox_id, seed))
        return result["observation"], result["info"]

    def step(self, action: str) -> Step:
        """Plays one turn. An action that the environment cannot read is its to judge, by a reward.

        Raises:
            NotReset, EpisodeEnded: There is no episode to play on.
            Failed: The environment broke; never a reward.
            RockError: The call failed otherwise.
        """
        result = self._call(calls.step(self.sandbox_id, action))
        return Step(
            result["observation"], result["reward"], result["terminated"], result["truncated"], result["info"]
        )

    def sample_random_action(self) -> str:
        """A random action, drawn from the environment's own stream."""
        action: str = self._call(calls.sample_action(self.sandbox_id))["action"]
        return action

    def render(self, mode: RenderMode = "text") -> str:
        """The state drawn for people: plain, or with a terminal's colours."""
        text: str = self._call(calls.render(self.sandbox_id, mode))["text"]
        return text

    def status(self) -> dict[str, Any]:
        """What the server knows: state, age, limits, the failure if any, the episode."""
        return self._call(calls.status(self.sandbox_id))

    def save(self) -> str:
        """Everything that decides how the environment goes on, as a short text to keep."""
        state: str = self._call(calls.save(self.sandbox_id))["state"]
        return state

    def restore(self, state: str) -> None:
        """Goes on from a state that an environment of the same id and arguments saved, on any server of this version.

        Raises:
            InvalidState: It is damaged, or of something else; nothing has changed then.
        """
        self._call(calls.restore(self.sandbox_id, state))

    def fork(self, count: int = 1) -> list[Environment]:
        """Makes `count` environments that go on from here, each on its own. Whoever forks closes them.

        Raises:
            RockError: Not all of them can be made; then none is left.
        """
        forked = self._call(calls.fork(self.sandbox_id, count))["sandbox_ids"]
        return [Environment(self.client, {**self._made, "sandbox_id": sandbox}) for sandbox in forked]

    def close(self) -> None:
        """Ends the sandbox. Closing twice is once."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            with suppress(SandboxClosed, UnknownSandbox):  # then it is gone already
                self.client.call(calls.close(self.sandbox_id))
        finally:
            if self._owns_client:
                self.client.close()

    def _call(self, call: calls.Call) -> dict[str, Any]:
        if self._is_closed:
            raise SandboxClosed(f"This {self.env_id} was closed. Make a new one.")
        return self.client.call(call)

    def __enter__(self) -> Environment:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{self.env_id} in {self.sandbox_id}>"
