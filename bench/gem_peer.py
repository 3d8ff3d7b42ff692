#!/usr/bin/env python3
"""Times the Python package gem-llm in this process: the peer that Rock's environments are compared with.

Prints one JSON object: steps a second of one environment without resets, resets in milliseconds, and environment
steps a second of make_vec with 8 environments, resets included.
"""
import argparse
import json
import random
import statistics
import time

import gem

MOVES = ["\\boxed{up}", "\\boxed{down}", "\\boxed{left}", "\\boxed{right}"]


def step_rate(env_id, seconds):
    env = gem.make(env_id, max_turns=10**9)
    env.reset(seed=1)
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        for move in ("\\boxed{up}", "\\boxed{down}") * 50:
            env.step(move)
        steps += 100
    return steps / (time.perf_counter() - start)


def reset_milliseconds(env_id, seeds):
    env = gem.make(env_id)
    times = []
    for seed in range(seeds):
        start = time.perf_counter()
        env.reset(seed=seed)
        times.append((time.perf_counter() - start) * 1e3)
    return {"median": statistics.median(times), "mean": statistics.fmean(times)}


def vector_rate(env_id, seconds, count=8):
    env = gem.make_vec([env_id] * count)
    env.reset(seed=1)
    draw = random.Random(1)
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        env.step([draw.choice(MOVES) for _ in range(count)])
        steps += count
    return steps / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--easy-seeds", type=int, default=100)
    parser.add_argument("--hard-seeds", type=int, default=10)
    options = parser.parse_args()
    easy, hard = "game:Sokoban-v0-easy", "game:Sokoban-v0-hard"
    print(json.dumps({
        "easy steps/s": step_rate(easy, options.seconds),
        "easy make_vec 8 steps/s": vector_rate(easy, options.seconds),
        "easy reset ms": reset_milliseconds(easy, options.easy_seeds),
        "hard reset ms": reset_milliseconds(hard, options.hard_seeds),
    }))


if __name__ == "__main__":
    main()
