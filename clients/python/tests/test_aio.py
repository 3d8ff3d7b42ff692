"""The asyncio face."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import rockgem
from breaking_proxy import Break, BreakingProxy
from rockgem import aio

DOUBLE = "game:Game2048-v0-easy"
MOVES = [rf"\boxed{{{way}}}" for way in ["left", "down", "right", "up"]]


async def play(client: aio.Client, seed: int) -> list[Any]:
    async with await client.make(DOUBLE, lease="idle") as env:
        seen: list[Any] = [await env.reset(seed)]
        seen += [await env.step(move) for move in MOVES]
        return [*seen, await env.sample_random_action(), await env.render(), await env.reset()]


def test_tasks_play_side_by_side(url: str) -> None:
    async def main() -> list[Any]:
        async with aio.Client(url, connections=4) as client:
            assert DOUBLE in [spec.id for spec in await client.specs()]
            return list(await asyncio.gather(*(play(client, seed % 2) for seed in range(12))))

    played = asyncio.run(main())
    with rockgem.Client(url) as client, client.make(DOUBLE) as env:
        alone = [env.reset(0), *(env.step(move) for move in MOVES)]
    assert all(one == played[index % 2] for index, one in enumerate(played)) and played[0][:5] == alone


def test_many_move_at_once(url: str) -> None:
    async def main() -> None:
        async with aio.Client(url) as client:
            envs = await client.make_vec([DOUBLE, "game:Sokoban-v0-easy"], seed=1)
            async with envs:
                first, _ = await envs.reset()
                step = await envs.step({1: MOVES[0]})
                assert len(first) == envs.num_envs == 2 and len(step.rewards) == 1
                with pytest.raises(ValueError):
                    await envs.step([MOVES[0]])
            with pytest.raises(rockgem.SandboxClosed):
                await envs.reset()

    asyncio.run(main())


@pytest.mark.parametrize("method", ["make", "step", "reset", "sample_action"])
@pytest.mark.parametrize("answered", [0, 40])
def test_a_lost_answer_is_asked_for_again(proxy: BreakingProxy, url: str, method: str, answered: int) -> None:
    async def main(url: str) -> list[Any]:
        async with aio.Client(url, timeout=20) as client:
            return await play(client, 3)

    wanted = asyncio.run(main(url))
    proxy.breaks.append(Break(b'"method":"%s"' % method.encode(), answered=answered))
    assert asyncio.run(main(proxy.url)) == wanted and not proxy.breaks


def test_a_cancelled_call_leaves_the_client_usable(proxy: BreakingProxy, transport: str) -> None:
    async def main() -> None:
        async with aio.Client(proxy.url, timeout=20) as client, await client.make(DOUBLE) as env:
            first = await env.reset(1)
            proxy.hold()
            step = asyncio.create_task(env.step(MOVES[0]))
            await asyncio.to_thread(proxy.held.wait, 20)
            step.cancel()
            with pytest.raises(asyncio.CancelledError):
                await step
            proxy.release()
            assert await env.reset(1) == first
            assert proxy.connections == (2 if transport == "http" else 1)

    asyncio.run(main())


def test_failures_are_the_same_exceptions(url: str) -> None:
    async def main() -> None:
        async with aio.Client(url) as client:
            with pytest.raises(rockgem.UnknownEnvironment):
                await client.make("game:Nothing-v0")
        with pytest.raises(rockgem.ClientClosed):
            await client.specs()
        async with aio.Client("http://127.0.0.1:1", retries=0) as nobody:
            with pytest.raises(rockgem.ConnectionLost):
                await nobody.specs()

    asyncio.run(main())


def test_a_state_goes_on_in_branches_of_its_own(url: str) -> None:
    async def main() -> None:
        async with aio.Client(url) as client, await client.make(DOUBLE) as env:
            await env.reset(4)
            state = await env.save()
            branches = await env.fork(2)
            played = await asyncio.gather(*(branch.step(MOVES[0]) for branch in (*branches, env)))
            await env.restore(state)
            assert all(one == played[0] for one in played) and await env.step(MOVES[0]) == played[0]
            await asyncio.gather(*(branch.close() for branch in branches))

    asyncio.run(main())
