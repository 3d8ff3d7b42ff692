"""The GEM-like face against a real server, over every transport."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import threading
from typing import Any

import pytest
import rockgem
from conftest import TRACES, Server

UP = r"\boxed{up}"


def traces(prefix: str, count: int) -> list[dict[str, Any]]:
    with gzip.open(TRACES, "rt") as file:
        found = (trace for trace in map(json.loads, file) if trace["env_id"].startswith(prefix))
        return [trace for _, trace in zip(range(count), found)]


def holds(observation: str, board: str) -> bool:
    """Whether the board's lines stand in the observation one after another."""
    shown = "\n".join(line.rstrip() for line in observation.split("\n"))
    return "\n".join(line.rstrip() for line in board.split("\n")) in shown


@pytest.mark.parametrize("env_id", ["game:Sokoban-v0-easy", "game:Game2048-v0-easy"])
def test_golden_episodes_replay_exactly(url: str, env_id: str) -> None:
    episodes = traces(env_id, 30)
    assert len(episodes) == 30
    with rockgem.Client(url) as client:
        for trace in episodes:
            with client.make(env_id) as env:
                observation, _ = env.reset(trace["seed"])
                assert holds(observation, trace["reset_board"])
                for action, wanted in zip(trace["actions"], trace["steps"]):
                    step = env.step(action)
                    assert (step.reward, step.terminated, step.truncated) == (
                        wanted["reward"], wanted["terminated"], wanted["truncated"],
                    )  # fmt: skip
                    assert holds(step.observation, wanted["board"])


def test_an_environment_has_all_that_gem_s_has(url: str) -> None:
    with rockgem.make("game:Sokoban-v0-easy", url=url, dim_room=[7, 7], info="full") as env:
        assert env.spec.id == env.env_id == "game:Sokoban-v0-easy" and env.spec.max_turns == 20
        assert env.unwrapped is env and any(one.name == "dim_room" for one in env.spec.kwargs)
        first, info = env.reset(seed=3)
        assert first.endswith(info["suffix"]) and "# # # # # # #" in first
        observation, reward, terminated, truncated, _ = env.step(env.sample_random_action())
        assert isinstance(reward, float) and (terminated, truncated) == (False, False)
        assert "Turn 1" in observation
        assert "\x1b[" in env.render("ansi") and "\x1b[" not in env.render()
        assert env.status()["state"] == "running" and env.status()["episode"]["turn"] == 1
        assert env.reset(seed=3)[0] == first
    with pytest.raises(rockgem.SandboxClosed):
        env.step(UP)
    env.close()


def test_the_default_url_comes_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROCK_BASE_URL", server.http)
    assert "game:Sokoban-v0-easy" in [spec.id for spec in rockgem.specs()]
    with rockgem.make("game:GuessTheNumber-v0-easy") as env:
        assert env.reset(seed=1)[0]


@pytest.mark.parametrize(
    ("call", "error", "code"),
    [
        (lambda client, env: client.make("game:Sokobn-v0-easy"), rockgem.UnknownEnvironment, -32001),
        (lambda client, env: client.make("game:Sokoban-v0-easy", rooms=3), rockgem.InvalidArgument, -32002),
        (lambda client, env: client.make("game:Sokoban-v0-easy", call_timeout="soon"), rockgem.InvalidParams, -32602),
        (lambda client, env: client.make("game:Sokoban-v0-easy", record="always"), rockgem.InvalidParams, -32602),
        (lambda client, env: env.step(UP), rockgem.NotReset, -32005),
        (lambda client, env: env.reset(seed=-1), rockgem.InvalidSeed, -32007),
        (lambda client, env: env.reset(seed=True), rockgem.InvalidSeed, -32007),
        (lambda client, env: env.reset(seed="1"), rockgem.InvalidSeed, -32007),
        (lambda client, env: (env.reset(seed=1), env.step(7)), rockgem.InvalidAction, -32008),
        (lambda client, env: (env.reset(seed=1), env.step("no box"), env.step(UP)), rockgem.EpisodeEnded, -32006),
        (lambda client, env: env.render("jpeg"), rockgem.InvalidParams, -32602),
        (lambda client, env: (env.client.call(rockgem.calls.close(env.sandbox_id)), env.reset()),
         rockgem.SandboxClosed, -32004),
    ],
)  # fmt: skip
def test_failures_are_exceptions_by_kind(url: str, call: Any, error: type[rockgem.RockError], code: int) -> None:
    with rockgem.Client(url) as client, client.make("game:Sokoban-v0-easy") as env:
        with pytest.raises(error) as caught:
            call(client, env)
        assert caught.value.code == code and caught.value.kind == error.kind and caught.value.message
        again = pickle.loads(pickle.dumps(caught.value))
        assert type(again) is error and vars(again) == vars(caught.value)


def test_any_text_is_an_action(url: str) -> None:
    with rockgem.Client(url) as client, client.make("game:Sokoban-v0-easy") as env:
        for text in ["\n\r\u2028\x00\"\\", "größer 語 🎲", UP + "x" * 200_000 + UP]:
            env.reset(seed=1)
            assert env.step(text).terminated == (UP not in text)


def test_a_lease_ends_with_its_client(server: Server, transport: str) -> None:
    """Over connections that stay; over HTTP an environment stays until it is unused too long."""
    with rockgem.Client(server.http) as witness:
        with rockgem.Client(server.url(transport)) as client:
            env = client.make("game:GuessTheNumber-v0-easy")
            lease = witness.call(rockgem.calls.status(env.sandbox_id))["lease"]
        assert lease == ("idle" if transport == "http" else "connection")
        if transport == "http":
            witness.call(rockgem.calls.close(env.sandbox_id))
            return
        with pytest.raises(rockgem.SandboxClosed):
            # A close that comes too late is told so; one that wins the race against the lease is one, too.
            for _ in range(2):
                witness.call(rockgem.calls.close(env.sandbox_id))


def test_threads_share_a_client(url: str) -> None:
    def play(seed: int, rewards: list[float]) -> None:
        with client.make("game:Game2048-v0-easy") as env:
            env.reset(seed)
            rewards += [env.step(rf"\boxed{{{way}}}").reward for way in ["left", "down", "right", "up"] * 5]

    played: list[list[float]] = [[] for _ in range(8)]
    with rockgem.Client(url) as client:
        threads = [threading.Thread(target=play, args=(index % 2, rewards)) for index, rewards in enumerate(played)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(len(rewards) == 20 and rewards == played[index % 2] for index, rewards in enumerate(played))


def test_a_fork_takes_connections_of_its_own(url: str) -> None:
    with rockgem.Client(url) as client, client.make("game:Sokoban-v0-easy") as env:
        first, _ = env.reset(seed=5)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:  # nothing but the exit status and the pipe may leave here
            try:
                with client.make("game:Sokoban-v0-easy") as own:
                    os.write(write, b"%d" % (own.reset(seed=5)[0] == first and own.sandbox_id != env.sandbox_id))
                os._exit(0)
            finally:
                os._exit(1)
        os.close(write)
        # While the child lives, and after it: its end takes nothing of the parent's along.
        assert env.reset(seed=5)[0] == first
        with os.fdopen(read, "rb") as pipe:
            assert pipe.read() == b"1"
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert env.reset(seed=5)[0] == first


def test_a_closed_client_says_so(url: str) -> None:
    client = rockgem.Client(url)
    env = client.make("game:Sokoban-v0-easy")
    client.close()
    with pytest.raises(rockgem.ClientClosed):
        env.reset()


@pytest.mark.parametrize(
    "url", ["ftp://host", "http://", "unix:relative", "http://user@host", "localhost:8080", "http://host/?a=b"]
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL|path|user"):
        rockgem.Client(url)


def test_what_is_saved_forked_or_restored_goes_on_alike(url: str) -> None:
    with rockgem.make("game:Sokoban-v0-easy", url=url) as env:
        env.reset(seed=5)
        env.step(UP)
        state = env.save()
        branches = env.fork(3)
        played = [branch.step(UP) for branch in branches]
        assert played == [env.step(UP)] * 3 and len({one.sandbox_id for one in (env, *branches)}) == 4
        env.restore(state)
        assert env.step(UP) == played[0]
        with pytest.raises(rockgem.InvalidState):
            env.restore(state[:-5] + ("A" if state[-5] != "A" else "B") + state[-4:])
        assert branches[0].spec == env.spec and branches[0].status()["episode"]["turn"] == 2
        for branch in branches:
            branch.close()
