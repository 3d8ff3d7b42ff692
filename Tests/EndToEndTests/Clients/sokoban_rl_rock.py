"""Plays one episode of Sokoban with the unmodified rl-rock package, as its own documents show.

The server's address comes from ROCK_BASE_URL. Prints one JSON object for the test to look at.
"""
import json
import random

import rock

env = rock.make("game:Sokoban-v0-easy")
observation, info = env.reset(seed=42)
draw = random.Random(7)
steps = []
while True:
    action = "\\boxed{%s}" % draw.choice(["up", "left", "right", "down"])
    observation_after, reward, terminated, truncated, info_after = env.step(action)
    steps.append({"reward": reward, "terminated": terminated, "truncated": truncated})
    if terminated or truncated:
        break
env.close()
env.close()
print(json.dumps({
    "observation": observation,
    "info": info,
    "last_observation": observation_after,
    "last_info": info_after,
    "steps": steps,
}))
