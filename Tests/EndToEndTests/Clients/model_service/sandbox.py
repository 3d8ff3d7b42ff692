"""A sandbox's model service: on the server, and on the loopback inside."""

import base64
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from service import chat, play
from upstream import Upstream

ROOT = os.environ["ROCK_BASE_URL"]
BASE = ROOT + "/apis/envs/sandbox/v1"
KEY = "sk-the-sandbox-must-not-see-this"


def ask(method, path, body=None, base=BASE):
    request = urllib.request.Request(base + path, json.dumps(body).encode() if body is not None else None,
                                     {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def rock(path, body):
    return json.loads(ask("POST", path, body)[1])["result"]


def call(method, **params):
    answer = json.loads(ask("POST", "/rpc", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, ROOT)[1])
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return answer["result"]


@contextlib.contextmanager
def sandbox(**more):
    id = rock("/start", {"image": "python:3.11", "memory": "256m", "cpus": 0.5, "pull": "never", **more})["sandbox_id"]
    try:
        yield id
    finally:
        rock("/stop", {"sandbox_id": id})


def inside(id, *command, **more):
    return rock("/execute", {"sandbox_id": id, "command": list(command), "timeout": 60, **more})


#: An agent: asks what its arguments say, and prints the answers' texts, one a line.
AGENT = """
import json, sys, urllib.request
for text in sys.argv[2:]:
    body = json.dumps({"model": sys.argv[1], "messages": [{"role": "user", "content": text}]}).encode()
    request = urllib.request.Request("http://127.0.0.1:8080/v1/chat/completions", body, {"Authorization": "Bearer dummy"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        print(json.load(answer)["choices"][0]["message"]["content"], flush=True)
"""


def the_key_stays_outside():
    upstream = Upstream()
    with sandbox() as id:
        path = f"/sandboxes/{id}/model_service"
        assert json.loads(ask("GET", path)[1]) == {"sandbox_id": id, "running": False}
        wrong = ask("POST", path + "/start", {"type": "proxy"})
        assert wrong[0] == 400 and b"needs proxy_base_url" in wrong[1], wrong
        started = call("sandbox.model_service.start", sandbox_id=id, type="proxy", proxy_base_url=upstream.url, api_key=KEY)
        assert started == {"sandbox_id": id, "running": True, "type": "proxy", "url": "http://127.0.0.1:8080/v1"}, started
        again = ask("POST", path + "/start", {"type": "proxy", "proxy_base_url": upstream.url})
        assert again[0] == 409, again
        said = inside(id, "python3", "-c", AGENT, "echo", "hello")
        assert said["stdout"] == "echo: [{'role': 'user', 'content': 'hello'}]\n", said
        assert upstream.seen[-1]["headers"]["Authorization"] == "Bearer " + KEY
        # The sandbox has no other way out, and no trace of the key.
        assert "Errno" in inside(id, "python3", "-c", "import urllib.request as u; u.urlopen(%r)" % upstream.url)["stderr"]
        leak = inside(id, "python3", "-c", AGENT.replace("json.load(answer)[\"choices\"][0][\"message\"][\"content\"]",
                                                       "answer.read()"), "leak", "x")["stdout"]
        assert KEY not in leak and "***" in leak, leak
        found = inside(id, "sh", "-c", "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | grep -c 'sk-the-[s]andbox'")
        assert found["stdout"] == "0\n", found
        lines = ask("GET", path + "/trajectory")[1].decode().splitlines()
        assert [json.loads(line)["model"] for line in lines] == ["echo", "leak"]
        assert KEY not in "".join(lines)
        # Thirty-two agents at once.
        many = inside(id, "python3", "-c", "import subprocess, sys\n"
                      "ps = [subprocess.Popen([sys.executable, '-c', sys.argv[1], 'echo', 'a', 'b'], stdout=-1) for _ in range(8)]\n"
                      "print(sum(len(p.communicate()[0].splitlines()) for p in ps))", AGENT)
        assert many["stdout"] == "16\n", many
        assert json.loads(ask("POST", path + "/stop", {})[1])["running"] is False
        assert "refused" in inside(id, "python3", "-c", AGENT, "echo", "x")["stderr"]
        # The port is free again, unless somebody has taken it.
        rock("/create_session", {"sandbox_id": id, "session": "s"})
        rock("/run_in_session", {"sandbox_id": id, "session": "s", "command": "python3 -m http.server 8080 >/dev/null 2>&1 &"})
        inside(id, "python3", "-c", "import socket, time\nwhile socket.socket().connect_ex(('127.0.0.1', 8080)): time.sleep(.05)")
        taken = ask("POST", path + "/start", {})
        assert taken[0] == 409 and b"Choose another port" in taken[1], taken
        other = call("sandbox.model_service.start", sandbox_id=id, port=8081)
        assert other["url"] == "http://127.0.0.1:8081/v1" and other["type"] == "local", other
    assert json.loads(ask("GET", f"/sandboxes/{id}/model_service")[1])["running"] is False
    upstream.close()


def a_loop_answers():
    with sandbox() as id:
        path = f"/sandboxes/{id}/model_service"
        assert ask("POST", path + "/anti_call_llm", {"index": 0})[0] == 404
        call("sandbox.model_service.start", sandbox_id=id)
        text = base64.b64encode(AGENT.encode()).decode()
        rock("/create_session", {"sandbox_id": id, "session": "s"})
        rock("/run_in_session", {"sandbox_id": id, "session": "s", "command":
             f"echo {text} | base64 -d > /tmp/agent.py; (sleep 0.2; python3 /tmp/agent.py m one two > /tmp/out) & "
             "python3 -c 'import json, sys, urllib.request as u; u.urlopen(u.Request(\"http://127.0.0.1:8080/v1/agent/watch\", "
             "json.dumps({\"pid\": int(sys.argv[1])}).encode()))' $!"})
        heard, index, response = [], 0, None
        while True:
            step = call("anti_call_llm", sandbox_id=id, index=index, timeout=30,
                        **({"response": response} if response else {}))
            if step["ended"]:
                assert step["request"] is None
                break
            index = step["index"]
            heard.append(step["request"]["messages"][0]["content"])
            answer = {"choices": [{"message": {"content": f"answer {index}"}}]}
            response = json.dumps(answer) if index == 1 else answer  # as text and as JSON
        assert heard == ["one", "two"]
        assert inside(id, "cat", "/tmp/out")["stdout"] == "answer 1\nanswer 2\n"
        status = json.loads(ask("GET", path)[1])
        assert (status["asked"], status["waiting"]) == (2, 0), status
        late = ask("POST", path + "/anti_call_llm", {"index": 1, "response": {"a": 1}})
        assert late[0] == 409, late
        call("sandbox.model_service.stop", sandbox_id=id)
        # A new service begins a new conversation; a loop that waits too long is told to ask again.
        call("sandbox.model_service.start", sandbox_id=id)
        start = time.monotonic()
        try:
            raise AssertionError(call("anti_call_llm", sandbox_id=id, index=0, timeout=0.5))
        except RuntimeError as error:
            assert error.args[0]["data"]["kind"] == "timeout" and time.monotonic() - start < 10, error


def a_service_ends_with_its_sandbox():
    upstream = Upstream()
    before = len(os.listdir(f"/proc/{os.environ['ROCK_TEST_SERVER']}/fd"))
    for number in range(4):
        with sandbox() as id:
            call("sandbox.model_service.start", sandbox_id=id, type="proxy", proxy_base_url=upstream.url)
            agents = [threading.Thread(target=inside, args=(id, "python3", "-c", AGENT, "stall", "x")) for _ in range(2)]
            [agent.start() for agent in agents]
            while upstream.tries.get("stall", 0) < 2 * (number + 1):
                time.sleep(0.01)
            upstream.hung_up.clear()
        [agent.join() for agent in agents]
        # Whoever was being asked on its behalf is let go.
        assert upstream.hung_up.wait(10)
        while json.loads(ask("GET", f"/sandboxes/{id}/model_service")[1])["running"]:
            time.sleep(0.01)
    upstream.close()
    deadline = time.monotonic() + 10
    while len(os.listdir(f"/proc/{os.environ['ROCK_TEST_SERVER']}/fd")) > before + 24 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(os.listdir(f"/proc/{os.environ['ROCK_TEST_SERVER']}/fd")) <= before + 24


def examples_do_what_they_say():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../../Examples/model-service")
    upstream = Upstream()

    def example(name, *arguments):
        done = subprocess.run([sys.executable, "-B", os.path.join(folder, name), "--image", "python:3.11", *arguments],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done
        return done.stdout

    assert example("loop.py") == "hello -> 5 characters\nhow are you? -> 12 characters\n"
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(KEY)
        file.flush()
        assert "hello -> echo: [" in example("proxy.py", upstream.url, "--key-file", file.name)
    assert [seen["headers"]["Authorization"] for seen in upstream.seen] == ["Bearer " + KEY] * 2
    upstream.close()


play([the_key_stays_outside, a_loop_answers, a_service_ends_with_its_sandbox, examples_do_what_they_say])
