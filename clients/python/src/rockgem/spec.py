"""What is known about an environment before it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Keyword:
    """A keyword argument of an environment.

    Attributes:
        name: As `make` takes it.
        type: `integer`, `boolean`, `integer_pair` or `choice`.
        default: What holds when `make` says nothing; `None` where every reset draws it.
        description: One sentence.
        details: All that the server says, bounds and choices included.
    """

    name: str
    type: str
    default: Any
    description: str
    details: Mapping[str, Any] = field(repr=False, hash=False)


@dataclass(frozen=True)
class Spec:
    """An environment's card.

    Attributes:
        id: Such as `game:Sokoban-v0-easy`.
        summary: One sentence.
        action_grammar: The form of an action, such as `\\boxed{up|down|left|right}`.
        reward_range: The least and the most that one step pays.
        max_turns: Steps until an episode is cut off; `None` where each reset draws it.
        kwargs: The arguments it takes.
        details: All that the server says.
    """

    id: str
    summary: str
    action_grammar: str
    reward_range: tuple[float, float]
    max_turns: int | None
    kwargs: tuple[Keyword, ...]
    details: Mapping[str, Any] = field(repr=False, hash=False)

    @classmethod
    def from_wire(cls, spec: Mapping[str, Any]) -> Spec:
        """Reads what `list` and `make` answer; members that this client does not know stay in `details`."""
        low, high = spec.get("reward_range") or (float("-inf"), float("inf"))
        return cls(
            id=str(spec["id"]),
            summary=str(spec.get("summary", "")),
            action_grammar=str(spec.get("action_grammar", "")),
            reward_range=(float(low), float(high)),
            max_turns=spec.get("max_turns"),
            kwargs=tuple(
                Keyword(
                    name=str(one["name"]),
                    type=str(one.get("type", "")),
                    default=one.get("default"),
                    description=str(one.get("description", "")),
                    details=one,
                )
                for one in spec.get("kwargs", ())
            ),
            details=spec,
        )
