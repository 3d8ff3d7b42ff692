"""Replays golden episodes through a running server and prints every difference.

usage: replay_traces.py URL TRACES.jsonl.gz PREFIX [KWARG=JSON]

An episode passes if every step gives the same reward, the same two flags and an observation that holds the board. Its
reset and its steps travel in one batch, which the server must carry out in the order given. Prints the number of
episodes and steps replayed; exits with 1 after the first 20 differences.
"""
import gzip
import http.client
import json
import sys
import urllib.parse


class Server:
    def __init__(self, url):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=120)

    def send(self, message):
        self.connection.request("POST", "/rpc", json.dumps(message), {"Content-Type": "application/json"})
        return json.loads(self.connection.getresponse().read())

    def batch(self, *calls):
        """The results of `calls`, each a method and its params, in their order."""
        replies = self.send([
            {"jsonrpc": "2.0", "id": place, "method": method, "params": params}
            for place, (method, params) in enumerate(calls)])
        results = {}
        for reply in replies:
            if "error" in reply:
                raise RuntimeError(f"{calls[reply['id']]}: {reply['error']}")
            results[reply["id"]] = reply["result"]
        return [results[place] for place in range(len(calls))]


def lines(text):
    return [line.rstrip() for line in text.split("\n")]


def holds(observation, board):
    """Whether the board's lines stand in the observation one after another; a fragment may stand within a line."""
    wanted, shown = lines(board), lines(observation)
    if len(wanted) == 1:
        return board.rstrip() in observation
    return any(shown[i:i + len(wanted)] == wanted for i in range(len(shown)))


def differences(server, trace, kwargs):
    made, = server.batch(("make", {"env_id": trace["env_id"], "kwargs": {**trace.get("kwargs", {}), **kwargs}}))
    sandbox = {"sandbox_id": made["sandbox_id"]}
    first, *steps = server.batch(
        ("reset", {**sandbox, "seed": trace["seed"]}),
        *(("step", {**sandbox, "action": action}) for action in trace["actions"]))
    server.batch(("close", sandbox))
    if not holds(first["observation"], trace["reset_board"]):
        yield "reset shows another board"
    for index, (action, got, wanted) in enumerate(zip(trace["actions"], steps, trace["steps"], strict=True)):
        for key in ("reward", "terminated", "truncated"):
            if got[key] != wanted[key]:
                yield f"step {index} {action!r}: {key} {got[key]} != {wanted[key]}"
        if not holds(got["observation"], wanted["board"]):
            yield f"step {index} {action!r}: shows another board"


def main():
    url, path, prefix = sys.argv[1:4]
    kwargs = {name: json.loads(value) for name, value in (word.split("=", 1) for word in sys.argv[4:])}
    server, found, episodes, steps = Server(url), 0, 0, 0
    with gzip.open(path, "rt") as file:
        for trace in map(json.loads, file):
            if not trace["env_id"].startswith(prefix):
                continue
            episodes += 1
            steps += len(trace["steps"])
            for difference in differences(server, trace, kwargs):
                found += 1
                print(f"{trace['env_id']} seed {trace['seed']} {trace['policy']} {difference}")
            if found > 20:
                break
    print(f"{episodes} episodes, {steps} steps, {found} differences")
    sys.exit(1 if found or not episodes else 0)


main()
