"""Solves a Sokoban room by forking its environment: a tree search in which every open node is a live sandbox.

    rockctl admin start &
    python3 tree_search.py                 # the room of seed 42
    python3 tree_search.py --seed 7 --id game:Sokoban-v0-hard

The search knows none of the rules. It forks the environment, plays one move in each branch and looks at what came of it; it
reads the board only to see where it has been and to guess how far there is to go (A*: moves made, plus the distance from
each box to the nearest goal). What it finds is then played in a fresh environment, and the rewards are printed.

Needs nothing but the package `rock-gem`.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import sys
import time
from dataclasses import dataclass, field

import rockgem
from rockgem.calls import close, step

MOVES = ("up", "down", "left", "right")
SYMBOLS = set("#_PXO√S")


def board_of(observation: str) -> tuple[str, ...]:
    """The lines that are rows of a room: single symbols with blanks between them."""
    rows = (line.split() for line in observation.split("\n"))
    return tuple("".join(row) for row in rows if len(row) > 2 and all(cell in SYMBOLS for cell in row))


def distance(board: tuple[str, ...]) -> int:
    """Pushes that cannot be saved: from each box to its nearest goal, as if nothing stood in the way."""
    cells = [(x, y, cell) for y, row in enumerate(board) for x, cell in enumerate(row)]
    goals = [(x, y) for x, y, cell in cells if cell in "OS"]
    boxes = [(x, y) for x, y, cell in cells if cell == "X"]
    return sum(min((abs(x - a) + abs(y - b) for a, b in goals), default=0) for x, y in boxes)


@dataclass(order=True)
class Node:
    """A position that can still be played on.

    Attributes:
        cost: Moves made and moves that are surely left.
        order: Among equals the youngest first, which goes deep before it goes wide.
        env: The sandbox that stands there.
        moves: How it came there.
    """

    cost: int
    order: int
    env: rockgem.Environment = field(compare=False)
    moves: tuple[str, ...] = field(compare=False)


@dataclass
class Found:
    """The moves that solve the room, and what looking for them took."""

    moves: tuple[str, ...]
    forks: int


def search(root: rockgem.Environment, first: str, most: int) -> Found | None:
    """The shortest solution of the room that `root` shows; `None` where the turn limit leaves none, or `most` forks."""
    order = itertools.count(0, -1)
    nodes = [Node(distance(board_of(first)), next(order), root, ())]
    seen = {board_of(first)}
    forks = 0
    try:
        while nodes and forks < most:
            node = heapq.heappop(nodes)
            branches = node.env.fork(len(MOVES))
            forks += len(branches)
            played = root.client.call_all(
                [step(branch.sandbox_id, rf"\boxed{{{move}}}") for branch, move in zip(branches, MOVES)]
            )
            done = [] if node.env is root else [node.env]
            solution = None
            for branch, move, result in zip(branches, MOVES, played):
                moves, board = (*node.moves, move), board_of(result["observation"])
                if result["terminated"] and result["reward"] > 0:
                    solution = moves
                if result["terminated"] or result["truncated"] or board in seen:
                    done.append(branch)
                else:
                    seen.add(board)
                    heapq.heappush(nodes, Node(len(moves) + distance(board), next(order), branch, moves))
            if done:
                root.client.call_all([close(env.sandbox_id) for env in done])
            if solution:
                return Found(solution, forks)
        return None
    finally:
        left = [close(node.env.sandbox_id) for node in nodes if node.env is not root]
        for start in range(0, len(left), 256):
            root.client.call_all(left[start : start + 256])


def replay(client: rockgem.Client, env_id: str, seed: int, moves: tuple[str, ...]) -> bool:
    """Plays the moves where nobody has played before, and shows it."""
    with client.make(env_id) as env:
        env.reset(seed)
        total, solved = 0.0, False
        for number, move in enumerate(moves, 1):
            _, reward, terminated, _, _ = env.step(rf"\boxed{{{move}}}")
            total += reward
            solved = terminated and reward > 0
            print(f"{number:3} {move:5}  reward {reward:+.2f}  return {total:+.2f}")
        print(env.render(), end="")
        return solved


def main() -> int:
    parser = argparse.ArgumentParser(description="Solves a Sokoban room by forking its environment.")
    parser.add_argument("--url", help="the server; ROCK_BASE_URL or http://127.0.0.1:8080 without it")
    parser.add_argument("--id", default="game:Sokoban-v0-easy", help="a Sokoban (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=42, help="the room (default: %(default)s)")
    parser.add_argument("--forks", type=int, default=40_000, help="give up after so many (default: %(default)s)")
    options = parser.parse_args()
    try:
        with rockgem.Client(options.url) as client, client.make(options.id) as root:
            first, _ = root.reset(options.seed)
            print(root.render(), end="")
            begun = time.monotonic()
            found = search(root, first, options.forks)
            seconds = time.monotonic() - begun
            if found is None:
                print(f"no solution within {options.forks} forks and the turn limit", file=sys.stderr)
                return 1
            print(f"{len(found.moves)} moves after {found.forks} forks in {seconds:.1f} s ({found.forks / seconds:.0f}/s)")
            return 0 if replay(client, options.id, options.seed, found.moves) else 1
    except (rockgem.RockError, ValueError) as error:
        print(f"tree_search.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
