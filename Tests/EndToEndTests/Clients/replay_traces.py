"""Replays the golden episodes through a running server and prints every difference.

usage: replay_traces.py URL TRACES.jsonl.gz PREFIX [KWARG=JSON]

An episode passes if every step gives the same reward, the same two flags and an observation that holds the board.
Prints the number of episodes and steps replayed; exits with 1 after the first 20 differences.
"""
import gzip
import http.client
import json
import sys
import urllib.parse


class Server:
    def __init__(self, url):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=60)

    def call(self, method, **params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        self.connection.request("POST", "/rpc", body, {"Content-Type": "application/json"})
        reply = json.loads(self.connection.getresponse().read())
        if "error" in reply:
            raise RuntimeError(f"{method}: {reply['error']}")
        return reply["result"]


def lines(text):
    return [line.rstrip() for line in text.split("\n")]


def holds(observation, board):
    """Whether the board's lines stand in the observation one after another; a fragment may stand within a line."""
    wanted, shown = lines(board), lines(observation)
    if len(wanted) == 1:
        return board.rstrip() in observation
    return any(shown[i:i + len(wanted)] == wanted for i in range(len(shown)))


def main():
    url, path, prefix = sys.argv[1:4]
    kwargs = {name: json.loads(value) for name, value in (word.split("=", 1) for word in sys.argv[4:])}
    server, differences, episodes, steps = Server(url), [], 0, 0
    with gzip.open(path, "rt") as file:
        for line in file:
            trace = json.loads(line)
            if not trace["env_id"].startswith(prefix):
                continue
            episodes += 1
            where = f"{trace['env_id']} seed {trace['seed']} {trace['policy']}"
            overrides = {**trace.get("kwargs", {}), **kwargs}
            made = server.call("make", env_id=trace["env_id"], kwargs=overrides)
            sandbox = made["sandbox_id"]
            first = server.call("reset", sandbox_id=sandbox, seed=trace["seed"])
            if not holds(first["observation"], trace["reset_board"]):
                differences.append(f"{where}: reset shows another board")
            for index, (action, wanted) in enumerate(zip(trace["actions"], trace["steps"])):
                steps += 1
                got = server.call("step", sandbox_id=sandbox, action=action)
                for key in ("reward", "terminated", "truncated"):
                    if got[key] != wanted[key]:
                        differences.append(f"{where} step {index} {action!r}: {key} {got[key]} != {wanted[key]}")
                if not holds(got["observation"], wanted["board"]):
                    differences.append(f"{where} step {index} {action!r}: shows another board")
            server.call("close", sandbox_id=sandbox)
            if len(differences) > 20:
                break
    for difference in differences:
        print(difference)
    print(f"{episodes} episodes, {steps} steps, {len(differences)} differences")
    sys.exit(1 if differences or not episodes else 0)


main()
