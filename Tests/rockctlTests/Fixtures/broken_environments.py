"""A server of environments, each with one fault, for the tests of `rockctl env check`.

Writes the port it listens on, then answers JSON-RPC at /rpc until its standard input ends. The name of an environment is
the name of its fault; `broken:Honest-v0` has none.
"""
import base64
import copy
import http.server
import json
import os
import random
import re
import sys
import threading
import zlib

FAULTS = ["Honest", "Unseeded", "Deaf", "NeedsClose", "GoesOn", "Fragile", "Fickle", "Lavish", "Endless", "Forgetful",
          "Possessive", "Leaky", "Spilling", "Crowded", "Trusting", "Curious", "Mute", "Lax"]
LIMIT = 5
lock = threading.Lock()
sandboxes = {}
owner = None


class Refusal(Exception):
    def __init__(self, kind, message=""):
        super().__init__(kind)
        self.error = {"code": -32000, "message": message or kind, "data": {"kind": kind}}


class Episode:
    def __init__(self, fault):
        self.fault = fault
        self.stream = random.Random(os.urandom(8))
        self.state, self.turn, self.total, self.resets = "not_reset", 0, 0.0, 0

    def reset(self, seed):
        if self.fault == "NeedsClose" and self.state == "running":
            raise Refusal("conflict", "Close it first.")
        if seed is not None and self.fault != "Unseeded":
            self.stream = random.Random(0 if self.fault == "Deaf" else seed)
        self.state, self.turn, self.total, self.resets = "running", 0, 0.0, self.resets + 1
        self.secret = self.stream.randrange(10)
        answer = {"observation": f"Game {self.stream.randrange(10**9)}: guess a digit.", "info": {}}
        return {} if self.fault == "Mute" else answer

    def step(self, params):
        if self.state == "not_reset":
            raise Refusal("not_reset")
        if self.state == "ended" and self.fault != "GoesOn":
            raise Refusal("episode_ended")
        action = params.get("action")
        if not isinstance(action, str):
            raise Refusal("invalid_action")
        if self.fault == "Fragile" and action == "":
            raise Refusal("env_failed", "The environment has crashed.")
        self.turn += 1
        found = re.search(r"\d", action)
        reward, won = (-0.1, False) if not found else (0.5, True) if int(found[0]) == self.secret else (0.0, False)
        text = f"Turn {self.turn}: {action[:20]!r}"
        if self.fault == "Fickle" and not found:
            text += str(random.random())
        if self.fault == "Lavish" and self.turn == 1:
            reward = 3.0
        if self.fault == "Trusting":
            reward = params.get("reward", reward)
        if self.fault == "Curious":
            path = re.search(r"/tmp/[-\w./]+", action)
            if path and os.path.exists(path[0]):
                reward = 0.25
        if self.fault == "Crowded" and len(sandboxes) > 20:
            text = "So many!"
        truncated = self.turn >= LIMIT and self.fault != "Endless"
        terminated = won or not found
        if terminated or truncated:
            self.state = "ended"
        self.total += reward
        return {"observation": text, "reward": reward, "terminated": terminated, "truncated": truncated, "info": {}}

    def save(self):
        state = base64.b64encode(json.dumps(
            [self.state, self.turn, self.total, self.resets, self.secret, self.stream.getstate()]).encode())
        return (b"%08x" % zlib.crc32(state) + state).decode()

    def restore(self, text):
        if not re.fullmatch("[0-9a-f]{8}.+", text):
            raise Refusal("invalid_state")
        if self.fault != "Lax" and int(text[:8], 16) != zlib.crc32(text[8:].encode()):
            raise Refusal("invalid_state")
        try:
            fields = json.loads(base64.b64decode(text[8:]))
        except ValueError:
            return
        self.state, self.turn, self.total, self.resets, self.secret, stream = fields
        if self.fault != "Forgetful":
            self.stream.setstate((stream[0], tuple(stream[1]), stream[2]))


def call(method, params):
    global owner
    if method == "make":
        fault = params["env_id"].removeprefix("broken:").removesuffix("-v0")
        if fault not in FAULTS:
            raise Refusal("unknown_environment")
        if "num_envs" in params:
            raise Refusal("invalid_params")
        name = f"s{random.getrandbits(64):x}"
        sandboxes[name] = Episode(fault)
        spec = {"id": params["env_id"], "reward_range": [-0.1, 0.5], "max_turns": LIMIT, "kwargs": []}
        return {"sandbox_id": name, "spec": spec, "isolation": {"walls": {"mount_namespace": True}}}
    if method == "list":
        return {"environments": [{"id": f"broken:{fault}-v0"} for fault in FAULTS]}
    name = params["sandbox_id"]
    if name not in sandboxes:
        raise Refusal("unknown_sandbox")
    episode = sandboxes[name]
    if method == "reset":
        owner = name
        return episode.reset(params.get("seed"))
    if method == "step":
        answer = episode.step(params)
        if episode.fault == "Possessive" and owner != name:
            answer["observation"] = "Somebody else has been here."
        return answer
    if method == "sample_action":
        return {"action": f"\\boxed{{{random.randrange(10)}}}"}
    if method == "status":
        usage = {"memory_bytes": 5_000_000, "descriptors": 5}
        if episode.fault == "Leaky":
            usage["memory_bytes"] += episode.resets * 2_000_000
        if episode.fault == "Spilling":
            usage["descriptors"] += episode.resets
        counters = {"state": episode.state, "turn": episode.turn, "cumulative_reward": episode.total}
        return {"episode": counters, "usage": usage}
    if method == "save":
        return {"state": episode.save()}
    if method == "restore":
        episode.restore(params["state"])
        return {}
    if method == "fork":
        names = [f"s{random.getrandbits(64):x}" for _ in range(params["count"])]
        sandboxes.update({name: copy.deepcopy(episode) for name in names})
        return {"sandbox_ids": names}
    if method == "close":
        del sandboxes[name]
        return {}
    raise Refusal("method_not_found")


def answer(message):
    try:
        with lock:
            json.dumps(message, ensure_ascii=False).encode()  # halves of surrogate pairs are no text
            return {"jsonrpc": "2.0", "id": message["id"], "result": call(message["method"], message["params"])}
    except UnicodeEncodeError:
        return {"jsonrpc": "2.0", "id": message["id"], "error": Refusal("parse_error").error}
    except Refusal as refusal:
        return {"jsonrpc": "2.0", "id": message["id"], "error": refusal.error}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            message = json.loads(body.decode())
        except ValueError:
            found = {"jsonrpc": "2.0", "id": None, "error": Refusal("parse_error").error}
        else:
            found = [answer(one) for one in message] if isinstance(message, list) else answer(message)
        text = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


server = Server(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
