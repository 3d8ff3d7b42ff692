"""How many environments share sandboxes: which call goes where, and how the answers come together again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any

from . import calls
from .calls import Call, Info, RenderMode, VectorStep


@dataclass
class Group:
    """The environments of one sandbox.

    Attributes:
        env_id: Their id.
        kwargs: Their arguments.
        indices: Which they are, ascending.
        sandbox_id: Where they live, once made.
    """

    env_id: str
    kwargs: dict[str, Any]
    indices: list[int]
    sandbox_id: str = ""


def plan(
    ids: str | Sequence[str],
    num_envs: int | None,
    vec_kwargs: Sequence[Mapping[str, Any]] | None,
    kwargs: Mapping[str, Any],
) -> list[Group]:
    """Puts environments of the same id and arguments together.

    Raises:
        ValueError: The lengths do not match, or there is nothing to make.
    """
    if isinstance(ids, str):
        names = [ids] * (num_envs if num_envs is not None else len(vec_kwargs) if vec_kwargs else 1)
    else:
        names = list(ids)
    if not names or (num_envs is not None and len(names) != num_envs):
        raise ValueError(f"{len(names)} environments are named, and num_envs is {num_envs}")
    if vec_kwargs is not None and len(vec_kwargs) != len(names):
        raise ValueError(f"vec_kwargs has {len(vec_kwargs)} entries for {len(names)} environments")
    groups: dict[str, Group] = {}
    for index, name in enumerate(names):
        arguments = {**(vec_kwargs[index] if vec_kwargs else {}), **kwargs}
        key = json.dumps([name, arguments], sort_keys=True)
        groups.setdefault(key, Group(name, arguments, [])).indices.append(index)
    return list(groups.values())


class VectorCalls:
    """Splits what concerns all environments into a call for each sandbox, and joins the results."""

    def __init__(self, groups: list[Group], seed: int | None) -> None:
        self.groups = groups
        self.count = sum(len(group.indices) for group in groups)
        #: Environment → its sandbox, and its place there.
        self._place = {index: (group, place) for group in groups for place, index in enumerate(group.indices)}
        self._first_seed = seed

    def reset(self, seed: int | Sequence[int] | None, indices: Sequence[int] | None) -> tuple[list[Call], list[int]]:
        """The calls that reset, and the environments in the order in which the results come."""
        wanted = list(range(self.count)) if indices is None else [int(index) for index in indices]
        if seed is None and indices is None:
            seed, self._first_seed = self._first_seed, None
        seeds = self._seeds(seed, wanted)
        made, order = [], []
        for group, members in self._split(wanted):
            params: dict[str, Any] = {"sandbox_id": group.sandbox_id}
            if indices is not None:
                params["indices"] = [self._place[index][1] for index in members]
            if seeds is not None:
                params["seed"] = [seeds[index] for index in members]
            made.append(Call("reset", params, is_once=seeds is None))
            order += members
        return made, order

    def step(self, actions: Sequence[str] | Mapping[int, str]) -> tuple[list[Call], list[int], list[int]]:
        """The calls that step, the environments in the order of the results, and in the order wanted."""
        if len(actions) == 0:
            raise ValueError("step needs an action")
        if isinstance(actions, Mapping):
            sparse = {int(index): action for index, action in actions.items()}
        elif isinstance(actions, str) or len(actions) != self.count:
            raise ValueError(f"step takes {self.count} actions, or a mapping from index to action")
        else:
            sparse = None
        wanted = list(range(self.count)) if sparse is None else list(sparse)
        made, order = [], []
        for group, members in self._split(wanted):
            picked: Any
            if sparse is None and not isinstance(actions, Mapping):
                picked = list(actions) if len(self.groups) == 1 else [actions[index] for index in members]
            else:
                picked = {str(self._place[index][1]): (sparse or {})[index] for index in members}
            made.append(Call("step", {"sandbox_id": group.sandbox_id, "actions": picked}, is_once=True))
            order += members
        return made, order, wanted

    def texts(self, method: str, **params: RenderMode) -> tuple[list[Call], list[int]]:
        """The calls that ask every environment for a text."""
        once = method == "sample_action"
        made = [Call(method, {"sandbox_id": group.sandbox_id, **params}, is_once=once) for group in self.groups]
        return made, [index for group in self.groups for index in group.indices]

    def close(self) -> list[Call]:
        return [calls.close(group.sandbox_id) for group in self.groups]

    def _split(self, wanted: list[int]) -> list[tuple[Group, list[int]]]:
        if len(self.groups) == 1 and len(wanted) == self.count:
            return [(self.groups[0], wanted)]
        split: dict[int, tuple[Group, list[int]]] = {}
        for index in wanted:
            if index not in self._place:
                raise ValueError(f"there is no environment {index}; there are {self.count}")
            group = self._place[index][0]
            split.setdefault(id(group), (group, []))[1].append(index)
        return list(split.values())

    def _seeds(self, seed: int | Sequence[int] | None, wanted: list[int]) -> dict[int, Any] | None:
        """A seed for each of `wanted`: counted up from one, or one each."""
        if seed is None:
            return None
        if isinstance(seed, (str, bytes)) or not isinstance(seed, Sized):
            first = calls.as_seed(seed)
            return {index: first + index if isinstance(first, int) else first for index in wanted}
        if len(seed) != len(wanted):
            raise ValueError(f"{len(seed)} seeds were given for {len(wanted)} environments")
        return {index: calls.as_seed(one) for index, one in zip(wanted, seed)}


def joined(results: list[Any], name: str) -> list[Any]:
    """The lists called `name`, one behind the other."""
    return results[0][name] if len(results) == 1 else [one for result in results for one in result[name]]


def ordered(values: list[Any], order: list[int], wanted: list[int]) -> list[Any]:
    """`values`, which belong to the environments of `order`, in the order of `wanted`."""
    if order == wanted:
        return values
    by_index = dict(zip(order, values))
    return [by_index[index] for index in wanted]


def joined_reset(results: list[Any], order: list[int], wanted: list[int]) -> tuple[list[str], list[Info]]:
    observations, infos = (ordered(joined(results, name), order, wanted) for name in ("observation", "info"))
    return observations, infos


def joined_step(results: list[Any], order: list[int], wanted: list[int]) -> VectorStep:
    names = ("observation", "reward", "terminated", "truncated", "info")
    return VectorStep(*(ordered(joined(results, name), order, wanted) for name in names))
