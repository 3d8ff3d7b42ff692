"""Serves Gymnasium's FrozenLake; the observation is the cell as Gymnasium numbers it."""

import gymnasium

from rock_environment import serve

serve(
    lambda **kwargs: gymnasium.make("FrozenLake-v1", **kwargs),
    observation_text=lambda observation, environment: str(int(observation)),
)
