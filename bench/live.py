#!/usr/bin/env python3
"""Many live sandboxes with a Sokoban each: are all created, what does each cost, how long does a step among them take?

Prints one JSON object.
"""
import argparse
import json
import tempfile
import time

from server import Server, kernel_kilobytes, proportional_kilobytes


def available_kilobytes():
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rockctl", default=".build/release/rockctl")
    parser.add_argument("--sandboxes", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rock-live-") as folder, Server(options.rockctl, folder) as server:
        before, start, ids = available_kilobytes(), time.perf_counter(), []
        for seed in range(options.sandboxes):
            ids.append(server.call("make", env_id="game:Sokoban-v0-easy", idle_timeout=36000)["sandbox_id"])
            server.call("reset", sandbox_id=ids[-1], seed=seed)
        creation, times = time.perf_counter() - start, []
        for _ in range(options.rounds):
            for sandbox in ids:
                began = time.perf_counter()
                server.call("step", sandbox_id=sandbox, action="\\boxed{up}")
                times.append((time.perf_counter() - began) * 1e3)
        times.sort()
        jails = server.jails()
        print(json.dumps({
            "sandboxes": len(ids), "processes": len(jails), "creation seconds": creation,
            "PSS KB each": proportional_kilobytes(jails) / len(jails),
            "cgroup kernel KB each": kernel_kilobytes(jails) / len(jails),
            "machine KB each": (before - available_kilobytes()) / len(ids),
            "step p50 ms": times[len(times) // 2], "step p99 ms": times[int(len(times) * 0.99)],
            "server RSS KB": server.resident_kilobytes, "server descriptors": server.descriptors}))


if __name__ == "__main__":
    main()
