"""Learns a text environment by tabular Q-learning, many environments at once, and draws the return as it grows.

    rockctl admin start &
    python3 learn.py                                       # cross a frozen lake
    python3 learn.py --id game:Sokoban-v0-easy --room 7    # push boxes in one room that stays the same
    python3 learn.py --id game:TowerofHanoi-v0-easy        # move a tower of disks
    python3 learn.py --id rock:Maze-v0-easy --room 3       # find the way out of one maze

The table has a row for every state seen, named by a hash of the text that shows it, and a column for every action. What
else there is to know about an environment (its actions, and what of its text is the state) stands in `game_of`; an id that
is not there can be learned too: its actions are the four moves, or what `--actions` lists.

Needs nothing but the package `rock-gem`.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

import rockgem

MOVES = ["up", "down", "left", "right"]


@dataclass
class Game:
    """What the learner must know of a family of environments.

    Attributes:
        actions: Everything it may say.
        state: The state, from the state before and what is shown now.
        start: The state of a new episode, from what is shown.
    """

    actions: list[str]
    state: Callable[[str, str], str]
    start: Callable[[str], str]


def board(text: str) -> str:
    """The lines of a text that look like a board: short symbols with blanks between them."""
    symbols = re.compile(r"(?!Turn )\s*\S{1,4}(\s+\S{1,4})+\s*")
    return "\n".join(line for line in text.split("\n") if symbols.fullmatch(line)) or text


def narrowed(bounds: str, shown: str) -> str:
    """What is known of the secret number after one more answer."""
    low, high = map(int, bounds.split("-"))
    if found := re.search(r"(\d+)\D*(higher|lower)|(higher|lower)\D*(\d+)", shown):
        number, word = int(found[1] or found[4]), found[2] or found[3]
        low, high = (max(low, number + 1), high) if word == "higher" else (low, min(high, number - 1))
    return f"{low}-{high}"


def game_of(env_id: str, actions: list[str] | None) -> Game:
    seen = Game(actions or MOVES, state=lambda _, text: board(text), start=board)
    if "GuessTheNumber" in env_id:
        top = 10 if "easy" in env_id else 50
        seen = Game([str(number) for number in range(1, top + 1)], narrowed, lambda _: f"1-{top}")
    elif "TowerofHanoi" in env_id:
        seen.actions = [f"{a} {b}" for a in "ABC" for b in "ABC" if a != b]
    elif "Bandit" in env_id:
        seen.actions = list("ABCDEFGHIJ")
    return seen


class Table:
    """Action values by state, and what is learned from one step."""

    def __init__(self, actions: int, hope: float, rate: float, gamma: float) -> None:
        # What was never tried promises the most there is, so it gets tried: few of these games reward chance.
        self.values: defaultdict[int, list[float]] = defaultdict(lambda: [hope] * actions)
        self.rate, self.gamma = rate, gamma

    def choose(self, state: int, curiosity: float) -> int:
        values = self.values[state]
        if random.random() < curiosity:
            return random.randrange(len(values))
        best = max(values)
        return random.choice([index for index, value in enumerate(values) if value == best])

    def learn(self, state: int, action: int, reward: float, following: int | None) -> None:
        future = 0.0 if following is None else self.gamma * max(self.values[following])
        values = self.values[state]
        values[action] += self.rate * (reward + future - values[action])


class Plot:
    """The mean return of the last episodes over time, drawn with block characters."""

    BLOCKS = " ▁▂▃▄▅▆▇█"

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high
        self.recent: deque[float] = deque(maxlen=500)
        self.means: list[float] = []

    def add(self, steps: int, states: int, seconds: float) -> None:
        if not self.recent:
            return
        mean = sum(self.recent) / len(self.recent)
        self.means.append(mean)
        width = max(1, round(40 * (mean - self.low) / (self.high - self.low)))
        print(f"{steps:8d} steps  {states:6d} states  {seconds:5.1f} s  return {mean:6.3f}  {'█' * width}", flush=True)

    def summary(self) -> str:
        low, high = min(self.means, default=0.0), max(self.means, default=0.0)
        scale = (len(self.BLOCKS) - 1) / (high - low or 1.0)
        return "".join(self.BLOCKS[round((mean - low) * scale)] for mean in self.means)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--id", default="rock:FrozenLake-v0", help="the environment")
    parser.add_argument("--url", help="the server; $ROCK_BASE_URL or http://127.0.0.1:8080 without it")
    parser.add_argument("--num-envs", type=int, default=64)
    parser.add_argument("--steps", type=int, default=150_000, help="environment steps in all")
    parser.add_argument("--rate", type=float, default=0.1, help="how far one step moves a value")
    parser.add_argument("--gamma", type=float, default=0.95, help="what a reward is worth one step later")
    parser.add_argument("--room", type=int, metavar="SEED", help="play the episode of this seed again and again")
    parser.add_argument("--actions", nargs="+", help="what may be said, without the box")
    parser.add_argument("--kwargs", type=json.loads, default={}, help="the environment's own arguments, as JSON")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random.seed(options.seed)
    try:
        learn(options, game_of(options.id, options.actions))
    except rockgem.RockError as error:
        sys.exit(f"learn.py: {error}")


def learn(options: argparse.Namespace, game: Game) -> None:
    # Episodes of one room begin by a reset with its seed; others go on with their own random streams.
    autoreset: rockgem.Autoreset = "same_step" if options.room is None else "disabled"
    with rockgem.make_vec(
        options.id, options.num_envs, url=options.url, autoreset=autoreset, kwargs=options.kwargs
    ) as envs:
        count, low, high = envs.num_envs, *envs.specs[0].reward_range
        plot, table = Plot(low, high), Table(len(game.actions), high, options.rate, options.gamma)
        seeds = options.seed if options.room is None else [options.room] * count
        known = [game.start(text) for text in envs.reset(seed=seeds)[0]]
        states, returns = [hash(state) for state in known], [0.0] * count
        began, steps, shown = time.monotonic(), 0, options.steps // 20
        while steps < options.steps:
            curiosity = max(0.0, 0.2 * (1 - steps / (0.6 * options.steps)))
            chosen = [table.choose(state, curiosity) for state in states]
            step = envs.step([rf"\boxed{{{game.actions[action]}}}" for action in chosen])
            ended = [one or other for one, other in zip(step.terminated, step.truncated)]
            starts = dict(enumerate(step.observations))
            if options.room is not None and any(ended):
                over = [index for index in range(count) if ended[index]]
                starts.update(zip(over, envs.reset(seed=[options.room] * len(over), indices=over)[0]))
            for index, action in enumerate(chosen):
                returns[index] += step.rewards[index]
                if ended[index]:
                    known[index] = game.start(starts[index])
                    plot.recent.append(returns[index])
                    returns[index] = 0.0
                else:
                    known[index] = game.state(known[index], step.observations[index])
                following = hash(known[index])
                table.learn(states[index], action, step.rewards[index], None if ended[index] else following)
                states[index] = following
            steps += count
            if steps >= shown:
                shown += max(1, options.steps // 20)
                plot.add(steps, len(table.values), time.monotonic() - began)
        seconds = time.monotonic() - began
        first, last = (plot.means or [0.0])[0], (plot.means or [0.0])[-1]
        print(f"\nreturn {plot.summary()} from {first:.2f} to {last:.2f}, {steps / seconds:,.0f} steps/s")


if __name__ == "__main__":
    main()
