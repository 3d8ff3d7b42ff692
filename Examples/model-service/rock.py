"""What both examples share: JSON-RPC, a sandbox, and the agent."""

import argparse
import json
import os
import urllib.request

#: The agent: asks a model until it has said all that its arguments say.
AGENT = """
import json, sys, urllib.request
messages = []
for text in sys.argv[1:]:
    messages.append({"role": "user", "content": text})
    body = json.dumps({"model": "policy", "messages": messages}).encode()
    request = urllib.request.Request("http://127.0.0.1:8080/v1/chat/completions", body,
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        messages.append(json.load(answer)["choices"][0]["message"])
    print(text, "->", messages[-1]["content"], flush=True)
"""


def call(method, **params):
    """One JSON-RPC call."""
    url = os.environ.get("ROCK_BASE_URL", "http://127.0.0.1:8080") + "/rpc"
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"})) as answer:
        reply = json.load(answer)
    if "error" in reply:
        raise SystemExit(f"{method}: {reply['error']['message']}")
    return reply["result"]


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--image", default="host", help="a root filesystem with python3")
    return parser


def start(image):
    return call("sandbox.start", image=image, network="none", memory="256m")["sandbox_id"]


def run_agent(sandbox, *texts):
    """Runs the agent to its end and gives what it printed."""
    done = call("sandbox.execute", sandbox_id=sandbox, command=["python3", "-c", AGENT, *texts], timeout=120)
    if done["exit_code"]:
        raise SystemExit(done["stderr"])
    return done["stdout"]
