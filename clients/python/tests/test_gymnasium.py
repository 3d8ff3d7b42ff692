"""The Gymnasium faces, checked by Gymnasium itself."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
import rockgem
from conftest import Server
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from rockgem.gymnasium import ActionText, TextEnv, TextVectorEnv

SOKOBAN, DOUBLE = "game:Sokoban-v0-easy", "game:Game2048-v0-easy"
LEFT, BAD = r"\boxed{left}", "no box"


@pytest.fixture
def envs(server: Server, request: pytest.FixtureRequest) -> Iterator[TextVectorEnv]:
    envs = TextVectorEnv(SOKOBAN, 3, autoreset_mode=request.param, url=server.http, render_mode="ansi")
    yield envs
    envs.close()


@pytest.mark.parametrize("env_id", [SOKOBAN, DOUBLE, "game:Minesweeper-v0-hard", "game:Wordle-v0-random"])
def test_check_env_passes(server: Server, env_id: str) -> None:
    env = TextEnv(env_id, url=server.http, render_mode="ansi")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        check_env(env, skip_render_check=True)
    # The one thing it may remark on: an environment made directly has no spec to make others by.
    assert [str(one.message) for one in said if "spec" not in str(one.message)] == []
    env.close()


def test_gymnasium_makes_it_by_id(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    env = gymnasium.make("rockgem.gymnasium:rock/Text-v0", env_id=SOKOBAN, url=server.http, render_mode="ansi")
    check_env(env.unwrapped)
    observation, _ = env.reset(seed=4)
    assert observation in env.observation_space and "\x1b[" in str(env.render())
    env.close()
    with TextEnv(SOKOBAN, url=server.http, render_mode="human") as loud:
        capsys.readouterr()
        loud.reset(seed=4)
        loud.step(loud.sample_random_action())
        assert capsys.readouterr().out.count("\x1b[0m") >= 2
    envs = gymnasium.make_vec(
        "rockgem.gymnasium:rock/Text-v0", num_envs=2, env_id=SOKOBAN, url=server.http,
        vectorization_mode="vector_entry_point",
    )  # fmt: skip
    assert envs.reset(seed=4)[0][0] == observation
    envs.close()


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_a_vector_is_as_gymnasium_s_own(server: Server, mode: AutoresetMode) -> None:
    """Gymnasium's `SyncVectorEnv` over single environments is the reference for what ours answers."""
    ours = TextVectorEnv(DOUBLE, 3, autoreset_mode=mode, url=server.http)
    theirs = gymnasium.vector.SyncVectorEnv(
        [lambda: TextEnv(DOUBLE, url=server.http)] * 3, autoreset_mode=mode, copy=False
    )
    assert ours.metadata["autoreset_mode"] == mode and ours.observation_space == theirs.observation_space
    assert ours.reset(seed=2) == theirs.reset(seed=2)
    script = [[LEFT, LEFT, BAD], [r"\boxed{up}", BAD, LEFT], [LEFT, r"\boxed{down}", LEFT], [LEFT] * 3]
    for actions in script[: 1 if mode == AutoresetMode.DISABLED else 4]:
        one: tuple[Any, ...] = ours.step(actions)
        other: tuple[Any, ...] = theirs.step(actions)
        assert one[0] == tuple(other[0])
        for mine, reference in zip(one[1:4], other[1:4]):
            assert mine.dtype == reference.dtype and (mine == reference).all()
        assert set(one[4]) == set(other[4])
        for name in ("final_obs", "_final_obs", "_final_info"):
            assert (name in one[4]) == (name in other[4])
            assert name not in one[4] or (one[4][name] == other[4][name]).all()
    if mode == AutoresetMode.DISABLED:
        mask = np.array([False, False, True])
        reset = [each.reset(seed=9, options={"reset_mask": mask.copy()}) for each in (ours, theirs)]
        assert reset[0][0] == tuple(reset[1][0])
        assert not ours.step([LEFT] * 3)[2].any()
    ours.close()
    theirs.close()


@pytest.mark.parametrize("envs", [AutoresetMode.NEXT_STEP], indirect=True)
def test_a_vector_s_spaces_hold_what_it_gives_and_takes(envs: TextVectorEnv) -> None:
    observations, infos = envs.reset(seed=0)
    assert observations in envs.observation_space and infos == {}
    envs.action_space.seed(0)
    actions = envs.action_space.sample()
    assert actions in envs.action_space and len(set(actions)) > 1
    observations, rewards, *_ = envs.step(actions)
    assert observations in envs.observation_space and (rewards == 0).all()
    drawn = envs.render()
    assert drawn is not None and len(drawn) == 3
    with pytest.raises(ValueError, match="reset_mask"):
        envs.reset(options={"reset_mask": np.array([False] * 3)})


def test_samples_have_the_form_that_the_environment_reads(server: Server) -> None:
    """Every environment the server has: a sampled action is never unreadable, whatever else it is."""
    with rockgem.Client(server.http) as client:
        for spec in client.specs():
            space = ActionText(spec.action_grammar, seed=1)
            with client.make(spec.id) as env:
                for seed in range(3):
                    env.reset(seed)
                    action = space.sample()
                    assert env.step(action).reward >= 0 or spec.reward_range[0] < -0.1, (spec.id, action)
            again = ActionText(spec.action_grammar, seed=1)
            space.seed(1)
            assert [again.sample() for _ in range(5)] == [space.sample() for _ in range(5)]
