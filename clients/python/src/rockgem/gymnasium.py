"""Rock's environments as Gymnasium's classes; needs `gymnasium` (`pip install rock-gem[gymnasium]`).

    from rockgem.gymnasium import TextEnv, TextVectorEnv

    env = TextEnv("game:Sokoban-v0-easy")
    envs = TextVectorEnv("game:Sokoban-v0-easy", num_envs=64)

or through Gymnasium's own registry: `gymnasium.make("rockgem.gymnasium:rock/Text-v0", env_id="game:Sokoban-v0-easy")`.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

import rockgem
from rockgem.calls import Autoreset
from rockgem.spec import Spec

_MODES: dict[AutoresetMode, Autoreset] = {
    AutoresetMode.NEXT_STEP: "next_step", AutoresetMode.SAME_STEP: "same_step", AutoresetMode.DISABLED: "disabled",
}  # fmt: skip


class AnyText(gymnasium.spaces.Text):
    """Every text up to a length; what an environment shows is not limited to an alphabet."""

    def __init__(self, max_length: int = 1 << 20, seed: int | None = None) -> None:
        super().__init__(max_length, min_length=0, charset=string.printable, seed=seed)

    def contains(self, x: Any) -> bool:
        return isinstance(x, str) and len(x) <= self.max_length


class ActionText(AnyText):
    """Every text, as an agent may say anything; samples have the form that the environment reads.

    A sample fits the action grammar, with small numbers and random letters. It is drawn from this space's own generator
    and so disturbs no episode, unlike `TextEnv.sample_random_action`, which draws from the environment's.
    """

    def __init__(self, grammar: str, seed: int | None = None) -> None:
        super().__init__(seed=seed)
        self.grammar = grammar

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        if mask is not None or probability is not None or not self.grammar:
            return super().sample(mask, probability)
        before, brace, rest = self.grammar.partition("{")
        if not brace:
            return self._word(self.grammar)
        form, _, after = rest.rpartition("}")
        words = form.split(" ")
        if words[-1] == "…":  # "and so on"
            words[-1:] = [words[-2]] * int(self.np_random.integers(0, 3)) if len(words) > 1 else []
        return before + "{" + " ".join(self._word(word) for word in words) + "}" + after

    def _word(self, choices: str) -> str:
        """One of the alternatives of a slot; what names a kind of thing becomes a thing of that kind."""
        alternatives = choices.split("|")
        word = alternatives[int(self.np_random.integers(len(alternatives)))]
        if word in ("number", "row", "column"):
            return str(int(self.np_random.integers(0, 10)))
        if word in ("letter", "word"):
            count = 1 if word == "letter" else int(self.np_random.integers(3, 8))
            return "".join(self.np_random.choice(list(string.ascii_lowercase), size=count))
        return word


class TextEnv(gymnasium.Env[str, str]):
    """One environment: texts in, texts out.

    `reset(seed=…)` seeds the environment as `rockgem` does, so a seed gives the same episode everywhere.
    """

    metadata = {"render_modes": ["ansi", "human"], "render_fps": 4}

    def __init__(self, env_id: str, *, render_mode: Literal["ansi", "human"] | None = None, **options: Any) -> None:
        """Makes it.

        Args:
            env_id: Such as `game:Sokoban-v0-easy`.
            render_mode: `ansi` returns the drawing, `human` prints it.
            options: As for `rockgem.make`.
        """
        self.environment = rockgem.make(env_id, **options)
        self.card: Spec = self.environment.spec
        self.render_mode = render_mode
        self.observation_space = AnyText()
        self.action_space = ActionText(self.card.action_grammar)
        self.reward_range = self.card.reward_range

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        observation, info = self.environment.reset(seed)
        self._show()
        return observation, info

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.environment.step(action)
        self._show()
        return observation, reward, terminated, truncated, info

    def sample_random_action(self) -> str:
        """A random action drawn from the environment's own stream, among those that make sense now."""
        return self.environment.sample_random_action()

    def render(self) -> str | None:
        return self.environment.render("ansi") if self.render_mode == "ansi" else None

    def close(self) -> None:
        self.environment.close()

    def _show(self) -> None:
        if self.render_mode == "human":
            print(self.environment.render("ansi"), flush=True)


class TextVectorEnv(VectorEnv[tuple[str, ...], Sequence[str], NDArray[Any]]):
    """Many environments in one sandbox, moved by one call.

    Observations and actions are tuples of texts, rewards and flags arrays. `reset(options={"reset_mask": mask})` begins
    an episode only where the mask is true; the other observations are the last ones seen.
    """

    def __init__(
        self,
        env_id: str,
        num_envs: int = 1,
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        render_mode: Literal["ansi"] | None = None,
        **options: Any,
    ) -> None:
        """Makes them.

        Args:
            env_id: Such as `game:Sokoban-v0-easy`.
            num_envs: How many.
            autoreset_mode: What follows the end of an episode.
            render_mode: `ansi` makes `render` return drawings.
            options: As for `rockgem.make_vec`.
        """
        mode = AutoresetMode(autoreset_mode)
        self.environments = rockgem.make_vec(env_id, num_envs, autoreset=_MODES[mode], **options)
        self.card: Spec = self.environments.specs[0]
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.metadata = {"render_modes": ["ansi"], "render_fps": 4, "autoreset_mode": mode}
        self.single_observation_space = AnyText()
        self.single_action_space = ActionText(self.card.action_grammar)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._observations: list[str] = [""] * num_envs

    def reset(
        self, *, seed: int | Sequence[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[tuple[str, ...], dict[str, Any]]:
        super().reset(seed=seed if isinstance(seed, int) else None)
        mask = (options or {}).get("reset_mask")
        if mask is None:
            self._observations, infos = self.environments.reset(seed)
            return tuple(self._observations), self._gathered(range(self.num_envs), infos)
        indices = [int(index) for index in np.flatnonzero(np.asarray(mask, dtype=np.bool_))]
        if len(mask) != self.num_envs or not indices:
            raise ValueError(f"reset_mask has {len(mask)} entries, {len(indices)} of them true, for {self.num_envs}")
        if seed is not None and not isinstance(seed, int):
            seed = [seed[index] for index in indices]
        observations, infos = self.environments.reset(seed, indices=indices)
        self._observations = list(self._observations)
        for index, observation in zip(indices, observations):
            self._observations[index] = observation
        return tuple(self._observations), self._gathered(indices, infos)

    def step(
        self, actions: Sequence[str]
    ) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        result = self.environments.step(actions)
        self._observations = result.observations
        return (
            tuple(result.observations),
            np.array(result.rewards, dtype=np.float64),
            np.array(result.terminated, dtype=np.bool_),
            np.array(result.truncated, dtype=np.bool_),
            self._gathered(range(self.num_envs), result.infos),
        )

    def render(self) -> tuple[str, ...] | None:
        return tuple(self.environments.render("ansi")) if self.render_mode == "ansi" else None

    def close_extras(self, **_: Any) -> None:
        self.environments.close()

    def _gathered(self, indices: Sequence[int], infos: list[dict[str, Any]]) -> dict[str, Any]:
        """One dictionary of arrays out of a dictionary each, under Gymnasium's names."""
        gathered: dict[str, Any] = {}
        for index, info in zip(indices, infos):
            if info:
                if "final_observation" in info:
                    info = {**info, "final_obs": info["final_observation"]}
                    del info["final_observation"]
                gathered = self._add_info(gathered, info, index)
        return gathered


gymnasium.register(
    "rock/Text-v0", entry_point=f"{__name__}:TextEnv", vector_entry_point=f"{__name__}:TextVectorEnv"
)
