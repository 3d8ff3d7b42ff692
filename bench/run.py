#!/usr/bin/env python3
"""Measures Rock and its peers in one run on this machine and prints one Markdown table.

    bench/run.py                     everything, some fifteen minutes
    bench/run.py --table sandboxes   one of the three: environments, sandboxes, admin
    bench/run.py --quick             shorter loops and smaller counts, to see that it works
    bench/run.py --json              for programs: one object, its rows as a list

Needs a release build and root; for environments nginx and wrk (Debian packages) and a Python with gem-llm, for sandboxes
Podman (Debian packages podman, runc, netavark) and a Python with swe-rex and rl-rock[rocklet] (--python).
"""
import argparse
import datetime
import json
import os
import platform
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def run(*command):
    print("…", " ".join(os.path.basename(word) for word in command), file=sys.stderr)
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def script(name):
    return os.path.join(HERE, name)


class Row:
    """A figure, what it is compared with, and what it should reach."""

    def __init__(self, what, measured, ratio, reach, holds):
        self.what, self.measured, self.ratio, self.reach, self.holds = what, measured, ratio, reach, holds

    @property
    def cells(self):
        return (self.what, self.measured, self.ratio, self.reach, "ok" if self.holds else "**missed**")


def at_most(what, measured, value, limit, unit="×", digits=2):
    """A row whose `value` must not pass `limit`."""
    ratio = f"{value:.{digits}f} {unit}" if unit == "×" else ""
    return Row(what, measured, ratio, f"≤ {limit:g} {unit}", value <= limit)


def at_least(what, measured, value, limit, digits=2):
    """A row whose ratio must reach `limit`."""
    return Row(what, measured, f"{value:.{digits}f} ×", f"≥ {limit:g} ×", value >= limit)


def environments(options):
    quick = options.quick
    easy_seeds, hard_seeds = (20, 3) if quick else (100, 20)

    def bench(name, *more):
        answer = run(options.rockctl, "bench", "env", "--isolation", "strict", "--json", "--only", name,
                     "--seconds", "1" if quick else "4", *more)
        return answer["results"][0]

    nginx = run(sys.executable, script("step_vs_nginx.py"), "--json", "--rockctl", options.rockctl,
                "--rounds", "2" if quick else "5", "--seconds", "1" if quick else "4")
    gem = run(options.python, script("gem_peer.py"), "--easy-seeds", str(easy_seeds), "--hard-seeds",
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
    gained = (soak["RSS KB after"] - soak["RSS KB before"]) / 1024
    left = soak["descriptors after"] - soak["descriptors before"]
    return [
        at_most("`step` over HTTP, 1 connection, p50",
                f"{nginx['step p50 us']:.0f} µs, nginx {nginx['nginx p50 us']:.0f} µs", nginx["p50 ratio"], 2),
        at_least("`step` over HTTP, 64 connections × 64 sandboxes",
                 f"{nginx['step /s']:,.0f}/s, nginx {nginx['nginx /s']:,.0f}/s", nginx["throughput ratio"], 0.35),
        at_least("256 environments, against GEM stepping one in process",
                 f"{rate:,.0f}/s, GEM {gem['easy steps/s']:,.0f}/s", rate / gem["easy steps/s"], 10, 1),
        at_least("the same with resets, against GEM's `make_vec` with 8",
                 f"{episodes['env_steps_per_second']:,.0f}/s, GEM {gem['easy make_vec 8 steps/s']:,.0f}/s",
                 episodes["env_steps_per_second"] / gem["easy make_vec 8 steps/s"], 50, 0),
        at_least("256 environments, against our own calls one by one",
                 f"{rate:,.0f}/s, {single['per_second']:,.0f}/s", rate / single["per_second"], 10, 0),
        at_most("`make`, cold, p50", f"{cold['p50_us'] / 1e3:.2f} ms", cold["p50_us"] / 1e3, 4, "ms"),
        at_most("`make`, from the warm pool, p50", f"{warm['p50_us'] / 1e3:.2f} ms", warm["p50_us"] / 1e3, 1, "ms"),
        at_least(f"`reset` of Sokoban-easy over HTTP, seeds 0–{easy_seeds - 1}, median",
                 f"{easy['p50_us'] / 1e3:.3f} ms, GEM in process {gem['easy reset ms']['median']:.2f} ms",
                 gem["easy reset ms"]["median"] * 1e3 / easy["p50_us"], 30, 0),
        at_least(f"`reset` of Sokoban-hard over HTTP, seeds 0–{hard_seeds - 1}, median",
                 f"{hard['p50_us'] / 1e3:.2f} ms, GEM in process {gem['hard reset ms']['median']:.0f} ms",
                 gem["hard reset ms"]["median"] * 1e3 / hard["p50_us"], 30, 0),
        at_most(f"{live['sandboxes']:,} live sandboxes: PSS + cgroup kernel memory each",
                f"{live['PSS KB each']:.0f} + {live['cgroup kernel KB each']:.0f} KB "
                f"(the machine lost {live['machine KB each']:.0f} KB each)", memory, 600, "KB"),
        at_most("a round-robin `step` among them, p99",
                f"p50 {live['step p50 ms']:.2f} ms, p99 {live['step p99 ms']:.2f} ms", live["step p99 ms"], 20, "ms"),
        Row(f"after {soak['steps']:,} steps and {soak['makes']:,} make/close: memory",
            f"{soak['RSS KB before'] / 1024:.1f} → {soak['RSS KB after'] / 1024:.1f} MB", f"{gained:+.1f} MB", "± 5 MB",
            abs(gained) <= 5),
        Row("after the same: descriptors", f"{soak['descriptors before']} → {soak['descriptors after']}",
            f"{left:+d}", "± 0", left == 0),
    ]


def findings(answer):
    """The rows of what `rockctl bench sandbox` and `rockctl bench admin` print."""
    rows = []
    for found in answer["results"]:
        figure = lambda value, unit: f"{value:,.0f} {unit}" if value >= 1000 else f"{value:.3g} {unit}"
        measured = figure(found["value"], found["unit"])
        if "peer" in found:
            measured += f", {found['peer']} {figure(found['peer_value'], found['unit'])}"
        facts = [f"{name[:name.rindex(' [')]} {figure(value, name[name.rindex('[') + 1:-1])}"
                 for name, value in found.items() if name.endswith("]")]
        if facts:
            measured += f" ({', '.join(facts)})"
        sign = "≥" if found["reach_is"] == "least" else "≤"
        rows.append(Row(found["name"], measured, f"{found['ratio']:.2f} ×" if "ratio" in found else "",
                        f"{sign} {figure(found['reach'], found['reach_unit'])}", found["holds"]))
    return rows


def sandboxes(options):
    quick = ["--seconds", "1", "--crowd", "20", "--idle", "20", "--size", str(64 << 20)] if options.quick else []
    command = [options.rockctl, "bench", "sandbox", "--json", *quick]
    if options.engine:
        rows = findings(run(*command, "--engine", options.engine))
    else:
        # An engine of its own, with python:3.11 made of Debian's packages; it goes when its input ends.
        engine = subprocess.Popen(
            [os.path.join(HERE, "../Scripts/run-test-podman"), os.path.abspath(".build/bench-podman")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            word, _, socket = engine.stdout.readline().strip().partition(" ")
            if word != "ready":
                sys.exit("Podman's service did not start")
            rows = findings(run(*command, "--engine", socket))
        finally:
            engine.stdin.close()
            engine.wait()
    peers = run(options.python, script("session_peers.py"), "--seconds", "1" if options.quick else "3",
                "--bin", os.path.dirname(options.python))
    for row in rows:
        for call in ("run_in_session", "execute"):
            if row.what.startswith(call):
                row.measured += "".join(
                    f", {name[:-len(call) - 4]} {value:.0f} ms" for name, value in peers.items()
                    if name.endswith(f" {call} ms"))
    return rows


def admin(options):
    quick = ["--seconds", "1", "--rows", "10000", "--batch", "500", "--live", "20"] if options.quick else []
    return findings(run(options.rockctl, "bench", "admin", "--json", *quick))


TABLES = {"environments": environments, "sandboxes": sandboxes, "admin": admin}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", choices=TABLES, action="append", help="just this one; can be given again")
    parser.add_argument("--rockctl", default=".build/release/rockctl")
    parser.add_argument("--python", default=".build/bench-venv/bin/python")
    parser.add_argument("--engine", help="the socket of a container engine that has python:3.11, instead of a Podman "
                                         "of this benchmark's own")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = [row for name in options.table or TABLES for row in TABLES[name](options)]
    head = (f"{datetime.date.today()}, {platform.system()} {platform.release()}, {os.cpu_count()} processors, "
            f"load {os.getloadavg()[1]:.1f}")
    if options.json:
        return print(json.dumps({"machine": head, "rows": [vars(row) for row in rows]}))
    print(f"{head}\n\n| what | measured | ratio | reach | |\n|---|---|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row.cells) + " |")


if __name__ == "__main__":
    main()
