"""The learning example learns, in some seconds and from the same seed always the same."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from conftest import ROOT, Server


@pytest.mark.parametrize(
    ("arguments", "first", "last"),
    [
        pytest.param(["--steps", "150000"], 0.3, 0.65, id="a frozen lake"),
        pytest.param(["--id", "rock:Maze-v0-easy", "--room", "3", "--steps", "100000"], 0.3, 0.9, id="one maze"),
    ],
)
def test_the_return_grows(server: Server, arguments: list[str], first: float, last: float) -> None:
    command = [sys.executable, str(ROOT / "Examples/python/learn.py"), "--url", server.http, *arguments]
    learned = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    returns = [float(mean) for mean in re.findall(r"return +(-?[0-9.]+) ", learned.stdout)]
    assert len(returns) > 10 and returns[2] < first and returns[-1] > last, learned.stdout


def test_it_says_what_it_cannot_learn(server: Server) -> None:
    command = [sys.executable, str(ROOT / "Examples/python/learn.py"), "--url", server.http, "--id", "game:Nothing-v0"]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1 and refused.stderr.startswith("learn.py: ") and "Traceback" not in refused.stderr


def test_a_tree_search_finds_the_shortest_solution_by_forking(server: Server) -> None:
    command = [sys.executable, str(ROOT / "Examples/python/tree_search.py"), "--url", server.http, "--seed", "42"]
    solved = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    # 13 moves are the least there is: the search is exact, so another number is a fault.
    assert re.search(r"^13 moves after \d+ forks", solved.stdout, re.MULTILINE), solved.stdout
    assert re.search(r"reward \+1\.00", solved.stdout) and "2/2 boxes on goals" in solved.stdout
