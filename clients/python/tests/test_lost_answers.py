"""A connection that breaks in the middle of a call: the call happens once, and its answer arrives."""

from __future__ import annotations

import threading

import pytest
import rockgem
from breaking_proxy import Break, BreakingProxy
from conftest import Server

DOUBLE = "game:Game2048-v0-easy"
MOVES = [rf"\boxed{{{way}}}" for way in ["left", "down", "right", "up", "left", "down"]]


@pytest.mark.parametrize(
    "where",
    [
        pytest.param((0, None), id="before the request"),
        pytest.param((30, None), id="within the request"),
        pytest.param((None, 0), id="before the answer"),
        pytest.param((None, 40), id="within the answer"),
        pytest.param((None, None), id="while the server works"),
    ],
)
@pytest.mark.parametrize("method", ["step", "reset", "sample_action", "render", "make"])
def test_a_lost_answer_is_asked_for_again_and_nothing_is_done_twice(
    server: Server, proxy: BreakingProxy, method: str, where: tuple[int | None, int | None]
) -> None:
    """2048 draws from its stream at each of these calls but the last two, so doing one twice shows in all that follows."""

    def play(client: rockgem.Client) -> list[object]:
        with client.make(DOUBLE, lease="idle") as env:
            seen: list[object] = [env.reset(seed=6)]
            seen += [env.step(move) for move in MOVES[:3]]
            seen += [env.sample_random_action(), env.render(), env.reset()]
            seen += [env.step(move) for move in MOVES]
            seen += [env.sample_random_action(), env.reset(), env.status()["episode"]["steps"]]
            return seen

    with rockgem.Client(server.http) as untroubled, rockgem.Client(proxy.url, timeout=20) as client:
        wanted = play(untroubled)
        at = Break(b'"method":"%s"' % method.encode(), *where)
        proxy.breaks.append(at)
        assert play(client) == wanted
        assert at.happened.is_set() and proxy.connections >= 2


@pytest.mark.parametrize("answered", [0, 300])
def test_a_repeated_make_gets_the_first_sandbox(proxy: BreakingProxy, answered: int) -> None:
    with rockgem.Client(proxy.url, timeout=20) as client:
        at = Break(b'"method":"make"', answered=answered)
        proxy.breaks.append(at)
        with client.make(DOUBLE, lease="idle") as env:
            assert env.sandbox_id.encode() in at.answer


def test_many_at_once_are_done_once(server: Server, proxy: BreakingProxy) -> None:
    def play(client: rockgem.Client) -> list[object]:
        with client.make_vec([DOUBLE, "game:Sokoban-v0-easy", DOUBLE], lease="idle") as envs:
            return [envs.reset(seed=1), *(envs.step([move] * 3) for move in MOVES), envs.sample_random_actions()]

    with rockgem.Client(server.http) as untroubled, rockgem.Client(proxy.url, timeout=20) as client:
        proxy.breaks += [Break(b'"method":"step"', answered=100), Break(b'"method":"sample_action"', answered=0)]
        assert play(client) == play(untroubled) and not proxy.breaks


def test_a_lease_that_hung_on_the_connection_is_gone_with_it(server: Server, proxy: BreakingProxy) -> None:
    with rockgem.Client(proxy.url, timeout=20) as client:
        env = client.make(DOUBLE, lease="connection")
        env.reset(seed=1)
        proxy.breaks.append(Break(b'"method":"step"', answered=0))
        with pytest.raises(rockgem.SandboxClosed):
            # The server may notice only after the first repeat.
            for move in MOVES * 50:
                env.step(move)
        with client.make(DOUBLE) as env:
            assert env.reset(seed=1)


def test_make_with_a_lease_is_made_anew(proxy: BreakingProxy) -> None:
    with rockgem.Client(proxy.url, timeout=20) as client:
        proxy.breaks.append(Break(b'"method":"make"', answered=20))
        with client.make(DOUBLE, lease="connection") as env:
            assert env.reset(seed=1) and not proxy.breaks


def test_what_is_lost_too_often_is_reported(proxy: BreakingProxy) -> None:
    with rockgem.Client(proxy.url, timeout=20, retries=1) as client, client.make(DOUBLE, lease="idle") as env:
        env.reset(seed=1)
        proxy.breaks += [Break(b'"method":"step"', answered=0), Break(b'"method":"step"', answered=0)]
        with pytest.raises(rockgem.ConnectionLost):
            env.step(MOVES[0])
        assert env.status()["episode"]["turn"] == 1


def test_nobody_there(tmp_path: object) -> None:
    for url in ["http://127.0.0.1:1", "ws://127.0.0.1:1", f"unix://{tmp_path}/nothing.sock"]:
        with rockgem.Client(url, retries=0) as client, pytest.raises(rockgem.ConnectionLost, match="Cannot connect"):
            client.specs()


def test_an_answer_that_does_not_come_ends_the_wait_and_not_the_lease(
    transport: str, proxy: BreakingProxy
) -> None:
    """Over connections that tell answers apart; over HTTP the connection is given up, and the sandbox is not tied to it."""
    with rockgem.Client(proxy.url, timeout=20) as client, client.make(DOUBLE) as env:
        first = env.reset(seed=1)
        client.timeout = 0.2
        proxy.hold()
        with pytest.raises(rockgem.NoAnswer):
            env.step(MOVES[0])
        client.timeout = 20
        proxy.release()
        assert env.status()["episode"]["turn"] == 1
        assert env.reset(seed=1) == first
        assert proxy.connections == (2 if transport == "http" else 1)


def test_a_client_can_be_closed_while_it_waits(proxy: BreakingProxy) -> None:
    with rockgem.Client(proxy.url, timeout=20, retries=0) as client, client.make(DOUBLE, lease="idle") as env:
        env.reset(seed=1)
        proxy.hold()
        step = threading.Thread(target=env.step, args=(MOVES[0],))
        step.start()
        assert proxy.held.wait(20)
        client.close()
        proxy.release()
        step.join()
        with pytest.raises(rockgem.ClientClosed):
            env.step(MOVES[0])
        env._is_closed = True  # it has no client left to close it with
    with rockgem.Client(proxy.url) as client:
        client.call(rockgem.calls.close(env.sandbox_id))
