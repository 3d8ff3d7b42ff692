"""Many environments moved by one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import vector_calls
from .calls import Autoreset, Call, Info, RenderMode, VectorStep
from .errors import SandboxClosed, UnknownSandbox
from .spec import Spec
from .vector_calls import Group, VectorCalls

if TYPE_CHECKING:
    from .client import Client


class VectorEnvironment:
    """Many environments, each with its own episode and random stream. `make_vec` gives it.

    What follows the end of an episode is `autoreset`, with Gymnasium's meaning:

    - `next_step`: the next step ignores that environment's action, resets it and pays nothing.
    - `same_step`: it is reset at once; the last observation is in `info["final_observation"]`.
    - `disabled`: stepping on is an error until `reset(indices=…)`.

    Attributes:
        client: What carries the calls.
        num_envs: How many there are.
        specs: The card of each.
    """

    def __init__(
        self, client: Client, groups: list[Group], made: list[dict[str, Any]], autoreset: Autoreset,
        seed: int | None = None,
    ) -> None:  # fmt: skip
        for group, one in zip(groups, made):
            group.sandbox_id = one["sandbox_id"]
        self.client = client
        self.autoreset = autoreset
        self._calls = VectorCalls(groups, seed)
        self.num_envs = self._calls.count
        cards = [(index, Spec.from_wire(one["spec"])) for group, one in zip(groups, made) for index in group.indices]
        self.specs = [card for _, card in sorted(cards, key=lambda pair: pair[0])]
        self.isolation: Any = made[0].get("isolation")
        #: Whether closing this closes the client, too: `rockgem.make` says so of the client it made for it.
        self._owns_client = False
        self._is_closed = False

    @property
    def sandbox_ids(self) -> list[str]:
        """The sandboxes; one unless ids or arguments differ."""
        return [group.sandbox_id for group in self._calls.groups]

    def reset(
        self, seed: int | Sequence[int] | None = None, *, indices: Sequence[int] | None = None
    ) -> tuple[list[str], list[Info]]:
        """Begins an episode in every environment, or in those at `indices`.

        Args:
            seed: Environment i gets seed + i; or one seed each; without one the streams go on where they stand.
            indices: Which environments; the results come in that order.

        Raises:
            ValueError: The lengths do not match, or there is no such environment.
            RockError: The call failed.
        """
        made, order = self._calls.reset(seed, indices)
        wanted = list(range(self.num_envs)) if indices is None else [int(index) for index in indices]
        return vector_calls.joined_reset(self._call(made), order, wanted)

    def step(self, actions: Sequence[str] | Mapping[int, str]) -> VectorStep:
        """Plays one turn everywhere, or, given a mapping from index to action, in those environments only.

        The results come in the order of `actions`.

        Raises:
            ValueError: There are too few or too many actions, or there is no such environment.
            Failed: An environment broke; the sandbox it shares goes with it, until a reset.
            RockError: The call failed otherwise; nothing moved.
        """
        made, order, wanted = self._calls.step(actions)
        return vector_calls.joined_step(self._call(made), order, wanted)

    def sample_random_actions(self) -> list[str]:
        """A random action for each, from its own stream."""
        return self._texts("sample_action", "action")

    def render(self, mode: RenderMode = "text") -> list[str]:
        """Each state drawn for people."""
        return self._texts("render", "text", mode=mode)

    def close(self) -> None:
        """Ends the sandboxes. Closing twice is once."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            for call in self._calls.close():
                with suppress(SandboxClosed, UnknownSandbox):  # then it is gone already
                    self.client.call(call)
        finally:
            if self._owns_client:
                self.client.close()

    def _texts(self, method: str, name: str, **params: RenderMode) -> list[str]:
        made, order = self._calls.texts(method, **params)
        values = vector_calls.joined(self._call(made), name)
        return vector_calls.ordered(values, order, list(range(self.num_envs)))

    def _call(self, made: list[Call]) -> list[Any]:
        if self._is_closed:
            raise SandboxClosed("These environments were closed. Make new ones.")
        return self.client.call_all(made)

    def __len__(self) -> int:
        return self.num_envs

    def __enter__(self) -> VectorEnvironment:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{self.num_envs} environments in {', '.join(self.sandbox_ids)}>"
