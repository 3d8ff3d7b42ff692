"""Many environments by one call."""

from __future__ import annotations

import pytest
import rockgem

SOKOBAN, DOUBLE = "game:Sokoban-v0-easy", "game:Game2048-v0-easy"
LEFT, BAD = r"\boxed{left}", "no box"


@pytest.fixture
def client(url: str) -> rockgem.Client:
    return rockgem.Client(url)


def test_many_are_as_many_single_ones(client: rockgem.Client) -> None:
    with client, client.make_vec(SOKOBAN, 4) as envs:
        observations, infos = envs.reset(seed=10)
        assert len(envs) == len(infos) == 4 and len(envs.sandbox_ids) == 1
        step = envs.step([LEFT, BAD, LEFT, LEFT])
        for index in range(4):
            with client.make(SOKOBAN) as env:
                assert env.reset(seed=10 + index)[0] == observations[index]
                single = env.step([LEFT, BAD, LEFT, LEFT][index])
                assert tuple(part[index] for part in step) == tuple(single)
        assert envs.reset(seed=[13, 10, 11, 12])[0] == [observations[i] for i in (3, 0, 1, 2)]
        assert len(envs.sample_random_actions()) == len(envs.render()) == 4


@pytest.mark.parametrize("mixed", [False, True])
def test_a_part_can_be_moved_and_reset(client: rockgem.Client, mixed: bool) -> None:
    ids = [SOKOBAN, DOUBLE, SOKOBAN, DOUBLE] if mixed else [SOKOBAN] * 4
    with client, client.make_vec(ids, autoreset="disabled") as envs:
        assert len(envs.sandbox_ids) == (2 if mixed else 1) and [spec.id for spec in envs.specs] == ids
        first, _ = envs.reset(seed=20)
        step = envs.step({3: LEFT, 0: BAD, 1: LEFT})
        assert step.terminated == [False, True, False] and step.rewards[1] == -0.1
        with pytest.raises(rockgem.EpisodeEnded):
            envs.step([LEFT] * 4)
        assert envs.reset(seed=20, indices=[3, 0])[0] == [first[3], first[0]]
        assert envs.step([LEFT] * 4).terminated == [False] * 4


def test_autoreset_has_gymnasium_s_meaning(client: rockgem.Client) -> None:
    with client:
        with client.make_vec(SOKOBAN, 2, autoreset="next_step") as envs:
            envs.reset(seed=1)
            assert envs.step([BAD, LEFT]).terminated == [True, False]
            after = envs.step([BAD, LEFT])
            assert after.terminated == [False, False] and after.rewards[0] == 0.0
        with client.make_vec(SOKOBAN, 2, autoreset="same_step") as envs:
            envs.reset(seed=1)
            step = envs.step([BAD, LEFT])
            assert step.terminated == [True, False]
            assert step.infos[0]["final_observation"] != step.observations[0] and not step.infos[1]


def test_the_seed_of_make_is_the_first_reset_s(client: rockgem.Client) -> None:
    with client, client.make_vec([SOKOBAN, DOUBLE], seed=7) as envs:
        first, _ = envs.reset()
        assert first != envs.reset()[0] and first == envs.reset(seed=7)[0]


def test_arguments_may_differ(client: rockgem.Client) -> None:
    with client, client.make_vec(SOKOBAN, vec_kwargs=[{"num_boxes": 2}, {"num_boxes": 1}], dim_room=[7, 7]) as envs:
        assert envs.num_envs == 2 and len(envs.sandbox_ids) == 2
        observations, _ = envs.reset(seed=[1, 1])
        assert observations[0] != observations[1] and all("# # # # # # #" in one for one in observations)


@pytest.mark.parametrize(
    "use",
    [
        lambda client: client.make_vec([]),
        lambda client: client.make_vec([SOKOBAN], 2),
        lambda client: client.make_vec(SOKOBAN, 3, vec_kwargs=[{}]),
        lambda client: client.make_vec(SOKOBAN, 2).step([LEFT]),
        lambda client: client.make_vec(SOKOBAN, 2).step(LEFT),
        lambda client: client.make_vec(SOKOBAN, 2).step({}),
        lambda client: client.make_vec(SOKOBAN, 2).step({2: LEFT}),
        lambda client: client.make_vec(SOKOBAN, 2).reset(seed=[1]),
    ],
)
def test_what_does_not_fit_is_refused(server: object, client: rockgem.Client, use: object) -> None:
    assert callable(use)
    with client, pytest.raises(ValueError):
        use(client)


def test_nothing_stays_behind_when_one_of_several_cannot_be_made(client: rockgem.Client) -> None:
    with client, pytest.raises(rockgem.UnknownEnvironment):
        client.make_vec([SOKOBAN, "game:Nothing-v0"])
