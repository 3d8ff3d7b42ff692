#!/usr/bin/env python3
"""Does the server grow? Memory and descriptors after warm-up, then after a million steps and 20,000 make/close.

Needs wrk for the steps. Prints one JSON object.
"""
import argparse
import json
import os
import re
import subprocess
import tempfile

from server import Server
from step_vs_nginx import lua


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rockctl", default=".build/release/rockctl")
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--makes", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rock-soak-") as folder, Server(options.rockctl, folder) as server:
        def steps(count):
            ids = []
            for seed in range(64):
                made = server.call("make", env_id="game:Sokoban-v0-easy", kwargs={"max_turns": 1_000_000_000})
                ids.append(made["sandbox_id"])
                server.call("reset", sandbox_id=ids[-1], seed=seed)
            script, done = os.path.join(folder, "steps.lua"), 0
            lua(script, ids)
            while done < count:
                out = subprocess.run(
                    ["wrk", "-t", "1", "-c", "64", "-d", "5s", "-s", script, server.url + "/rpc"],
                    capture_output=True, text=True, check=True).stdout
                done += int(re.search(r"(\d+) requests in", out).group(1))
            server.connect()
            for sandbox in ids:
                server.call("close", sandbox_id=sandbox)
            return done

        def makes(count):
            for _ in range(count):
                server.call("close", sandbox_id=server.call("make", env_id="game:Sokoban-v0-easy")["sandbox_id"])

        steps(50_000)
        makes(1000)
        before = server.resident_kilobytes, server.descriptors
        done = steps(options.steps)
        makes(options.makes)
        after = server.resident_kilobytes, server.descriptors
        print(json.dumps({
            "steps": done, "makes": options.makes, "RSS KB before": before[0], "RSS KB after": after[0],
            "descriptors before": before[1], "descriptors after": after[1]}))


if __name__ == "__main__":
    main()
