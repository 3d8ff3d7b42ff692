#!/usr/bin/env python3
"""Times `run_in_session "echo hi"` and `execute ["true"]` of the two servers that Rock's agents are most often compared with.

SWE-ReX (PyPI swe-rex) and ROCK's own in-sandbox server (PyPI rl-rock, extra rocklet) run on this machine, without any
sandbox around them; each is called over HTTP on loopback, one call at a time over one connection. Prints one JSON object.
"""
import argparse
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Peer:
    def __init__(self, words, folder, key=None):
        self.port = free_port()
        self.headers = {"Content-Type": "application/json", **({"X-API-Key": key} if key else {})}
        self.log = open(os.path.join(folder, f"{self.port}.log"), "w+")
        # Log files and sessions' temporary files are to go with the folder.
        self.process = subprocess.Popen(
            [*words, "--port", str(self.port)], stdout=self.log, stderr=self.log, cwd=folder, start_new_session=True,
            env={**os.environ, "ROCK_LOGGING_PATH": folder, "HOME": folder})
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                break
            except OSError:
                if self.process.poll() is not None:
                    self.fail("ended while it started")
                time.sleep(0.1)  # it has no way to say that it is ready
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def fail(self, what):
        self.log.seek(0)
        sys.exit(f"{what}: {self.log.read()[-2000:]}")

    def call(self, path, **body):
        self.connection.request("POST", path, json.dumps(body), self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            self.fail(f"{path} was answered {answer.status} {text[:300]}")
        return json.loads(text)

    def close(self):
        self.connection.close()
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def median_ms(seconds, action):
    action()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=".build/bench-venv/bin", help="where swerex-remote and rocklet are")
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    programs = os.path.abspath(options.bin)
    result = {}
    for name, words, key in (
        ("SWE-ReX", [f"{programs}/swerex-remote", "--host", "127.0.0.1", "--auth-token", "bench"], "bench"),
        ("ROCK's rocklet", [f"{programs}/rocklet", "--host", "127.0.0.1"], None),
    ):
        with tempfile.TemporaryDirectory(prefix="rock-bench-") as folder:
            peer = Peer(words, folder, key)
            try:
                session = {"session": "bench", "session_type": "bash", "sandbox_id": "bench"}
                peer.call("/create_session", startup_source=[], **session)
                action = {"action_type": "bash", "command": "echo hi", "session": "bench", "check": "silent", "sandbox_id": "bench"}
                answer = peer.call("/run_in_session", **action)
                if answer["output"].strip() != "hi":
                    peer.fail(f"{name} answered {answer}")
                result[f"{name} run_in_session ms"] = median_ms(
                    options.seconds, lambda: peer.call("/run_in_session", **action))
                result[f"{name} execute ms"] = median_ms(
                    options.seconds, lambda: peer.call("/execute", command=["true"], shell=False, sandbox_id="bench"))
            finally:
                peer.close()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
