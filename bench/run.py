#!/usr/bin/env python3
"""Measures Rock and its peers in one run on this machine and prints one Markdown table.

    bench/run.py                 everything, some ten minutes
    bench/run.py --quick         shorter loops and smaller counts, to see that it works

Needs a release build, nginx and wrk (Debian packages) and a Python with gem-llm (--gem-python).
"""
import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def run(*command):
    print("…", " ".join(os.path.basename(word) for word in command), file=sys.stderr)
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rockctl", default=".build/release/rockctl")
    parser.add_argument("--gem-python", default=".build/bench-venv/bin/python")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    quick = options.quick
    script = lambda name: os.path.join(HERE, name)
    easy_seeds, hard_seeds = (20, 3) if quick else (100, 20)

    def bench(name, *more):
        answer = run(options.rockctl, "bench", "env", "--isolation", "strict", "--json", "--only", name,
                     "--seconds", "1" if quick else "4", *more)
        return answer["results"][0]

    nginx = run(sys.executable, script("step_vs_nginx.py"), "--json", "--rockctl", options.rockctl,
                "--rounds", "2" if quick else "5", "--seconds", "1" if quick else "4")
    gem = run(options.gem_python, script("gem_peer.py"), "--easy-seeds", str(easy_seeds), "--hard-seeds",
              str(hard_seeds), "--seconds", "1" if quick else "4")
    single, vector, episodes = bench("step"), bench("vector"), bench("episodes")
    warm, cold = bench("make"), bench("cold")
    easy, hard = bench("reset", "--resets", str(easy_seeds)), bench("hard", "--resets", str(hard_seeds))
    live = run(sys.executable, script("live.py"), "--rockctl", options.rockctl,
               "--sandboxes", "500" if quick else "5000")
    soak = run(sys.executable, script("soak.py"), "--rockctl", options.rockctl,
               "--steps", "50000" if quick else "1000000", "--makes", "1000" if quick else "20000")

    rate = vector["env_steps_per_second"]
    memory = live["PSS KB each"] + live["cgroup kernel KB each"]
    rows = [
        ("`step` over HTTP, 1 connection, p50", f"{nginx['step p50 us']:.0f} µs, nginx {nginx['nginx p50 us']:.0f} µs",
         f"{nginx['p50 ratio']:.2f} ×", "≤ 2 ×"),
        ("`step` over HTTP, 64 connections × 64 sandboxes",
         f"{nginx['step /s']:,.0f}/s, nginx {nginx['nginx /s']:,.0f}/s", f"{nginx['throughput ratio']:.2f} ×", "≥ 0.35 ×"),
        ("256 environments, against GEM stepping one in process",
         f"{rate:,.0f}/s, GEM {gem['easy steps/s']:,.0f}/s", f"{rate / gem['easy steps/s']:.1f} ×", "≥ 10 ×"),
        ("the same with resets, against GEM's `make_vec` with 8",
         f"{episodes['env_steps_per_second']:,.0f}/s, GEM {gem['easy make_vec 8 steps/s']:,.0f}/s",
         f"{episodes['env_steps_per_second'] / gem['easy make_vec 8 steps/s']:.0f} ×", "≥ 50 ×"),
        ("256 environments, against our own calls one by one",
         f"{rate:,.0f}/s, {single['per_second']:,.0f}/s", f"{rate / single['per_second']:.0f} ×", "≥ 10 ×"),
        ("`make`, cold, p50", f"{cold['p50_us'] / 1e3:.2f} ms", "", "≤ 4 ms"),
        ("`make`, from the warm pool, p50", f"{warm['p50_us'] / 1e3:.2f} ms", "", "≤ 1 ms"),
        (f"`reset` of Sokoban-easy over HTTP, seeds 0–{easy_seeds - 1}, median",
         f"{easy['p50_us'] / 1e3:.3f} ms, GEM in process {gem['easy reset ms']['median']:.2f} ms",
         f"{gem['easy reset ms']['median'] * 1e3 / easy['p50_us']:.0f} ×", "≥ 30 ×"),
        (f"`reset` of Sokoban-hard over HTTP, seeds 0–{hard_seeds - 1}, median",
         f"{hard['p50_us'] / 1e3:.2f} ms, GEM in process {gem['hard reset ms']['median']:.0f} ms",
         f"{gem['hard reset ms']['median'] * 1e3 / hard['p50_us']:.0f} ×", "≥ 30 ×"),
        (f"{live['sandboxes']:,} live sandboxes: PSS + cgroup kernel memory each",
         f"{live['PSS KB each']:.0f} + {live['cgroup kernel KB each']:.0f} KB "
         f"(the machine lost {live['machine KB each']:.0f} KB each)", f"{memory:.0f} KB", "≤ 600 KB"),
        ("a round-robin `step` among them, p99",
         f"p50 {live['step p50 ms']:.2f} ms, p99 {live['step p99 ms']:.2f} ms", "", "≤ 20 ms"),
        (f"after {soak['steps']:,} steps and {soak['makes']:,} make/close: memory",
         f"{soak['RSS KB before'] / 1024:.1f} → {soak['RSS KB after'] / 1024:.1f} MB",
         f"{(soak['RSS KB after'] - soak['RSS KB before']) / 1024:+.1f} MB", "± 5 MB"),
        ("after the same: descriptors", f"{soak['descriptors before']} → {soak['descriptors after']}",
         f"{soak['descriptors after'] - soak['descriptors before']:+d}", "± 0"),
    ]
    print("| what | measured | ratio | reach |\n|---|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
