"""The package's environments beside its sandboxes."""

import asyncio
import random

import rock
from scenario import scenario


@scenario
async def an_episode_ends():
    def play():
        env = rock.make("game:Sokoban-v0-easy")
        observation, info = env.reset(seed=42)
        assert observation and "P" in info["suffix"], info
        moves = random.Random(7)
        for step in range(1, 21):
            action = f"\\boxed{{{moves.choice(['up', 'left', 'right', 'down'])}}}"
            observation, reward, terminated, truncated, info = env.step(action)
            if terminated or truncated:
                break
        assert terminated or truncated, step
        env.close()
        env.close()

    await asyncio.gather(*(asyncio.to_thread(play) for _ in range(4)))
