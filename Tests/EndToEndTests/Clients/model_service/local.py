"""Local mode: our service and our training loop, each also with the other half of ROCK's own package."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

from service import ROCKCTL, Service, chat, play, rockctl, service

import rock.sdk.model
from rock.sdk.model.client import ModelClient

ROCK_SERVER = os.path.join(list(rock.sdk.model.__path__)[0], "server")
END = "SESSION_END"


def completion(text):
    return {"id": text, "choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}


class Agent(threading.Thread):
    """A process that would end, and a thread that asks."""

    def __init__(self, running, count, **more):
        super().__init__()
        self.running, self.count, self.more = running, count, more
        self.answers = []
        self.process = subprocess.Popen(["sleep", "1000"])
        assert running.post("/v1/agent/watch", {"pid": self.process.pid})[2] == {
            "status": "watching", "pid": self.process.pid}
        self.start()

    def run(self):
        for number in range(self.count):
            self.answers.append(self.running.post("/v1/chat/completions", chat("m", text=f"q{number} é😀", **self.more))[2])
        self.process.kill()
        self.process.wait()


def our_loop(data, *first):
    """Answers until the end; gives the requests."""
    requests, index, answer = [], 0, []
    while True:
        step = rockctl("anti-call-llm", "--index", str(index), *answer, "--data-dir", data, "--timeout", "30")
        assert step.returncode == 0 and step.stdout.endswith("\n"), step
        if step.stdout == END + "\n":
            return requests
        requests.append(json.loads(step.stdout))
        index += 1
        answer = ["--response", json.dumps(completion(f"a{index}"), indent=2)]


def python_loop(path):
    """The same with ROCK's own client."""
    import asyncio

    async def loop():
        client, requests, index, answer = ModelClient(path), [], 0, None
        while True:
            request = await client.anti_call_llm(index, answer)
            if request == END:
                return requests
            requests.append(json.loads(request))
            index += 1
            answer = json.dumps(completion(f"a{index}"))

    return asyncio.run(asyncio.wait_for(loop(), 60))


class PythonService:
    """ROCK's own service."""

    def __init__(self, folder):
        self.data = os.path.join(folder, "python-data")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "main", "--type", "local", "--host", "127.0.0.1", "--port", "0"], cwd=ROCK_SERVER,
            env={**os.environ, "ROCK_MODEL_SERVICE_DATA_DIR": self.data}, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            found = re.search(r"running on http://127.0.0.1:(\d+)", line)
            if found:
                self.port = int(found[1])
                break
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    post, connect = Service.post, Service.connect

    def end(self):
        self.process.kill()
        self.process.wait()


def records(path):
    with open(path, encoding="utf-8") as file:
        return [re.sub(r'"timestamp": \d{13}', '"timestamp": 0', line) for line in file]


def both_halves_are_ours():
    with service() as running:
        agent = Agent(running, 3)
        requests = our_loop(running.data)
        agent.join()
        assert requests == [chat("m", text=f"q{number} é😀") for number in range(3)], requests
        assert agent.answers == [completion(f"a{number}") for number in (1, 2, 3)]
        assert running.lines() == [{"request": requests[2], "response": completion("a3")}]
        # Nothing more is said after the end.
        status, _, body = running.post("/v1/chat/completions", chat("m"))
        assert (status, body) == (500, {"detail": "No response received from Roll process"})


def speaks_with_pythons_half():
    """The same conversation four ways: every file must hold the same bytes, whoever wrote which line."""
    found = {}
    for service_is_ours in (True, False):
        for loop_is_ours in (True, False):
            with tempfile.TemporaryDirectory() as folder:
                running = Service(folder) if service_is_ours else PythonService(folder)
                path = os.path.join(running.data, "LLMService.log")
                try:
                    agent = Agent(running, 2, temperature=1e-7, top_p=1.0, big=12345678901234567890, note="\u007f\u0001/\"\\",
                                  nested={"empty": {}, "list": [], "none": None, "yes": True})
                    requests = our_loop(running.data) if loop_is_ours else python_loop(path)
                    agent.join()
                    assert len(requests) == 2 and requests[1]["messages"][0]["content"] == "q1 é😀"
                    assert agent.answers == [completion("a1"), completion("a2")], agent.answers
                    lines = records(path)
                    if loop_is_ours:  # an answer stands as the loop gave it, and ours was written over several lines
                        lines = [re.sub(r"\s+", " ", line).replace("{ ", "{").replace(" }", "}").replace("[ ", "[")
                                 .replace(" ]", "]").strip() + "\n" for line in lines]
                    found[service_is_ours, loop_is_ours] = lines
                finally:
                    running.end()
    assert len({tuple(lines) for lines in found.values()}) == 1, found
    assert [line[:13] for line in found[True, True]] == ["LLM_REQUEST_S", "LLM_RESPONSE_", "LLM_REQUEST_S", "LLM_RESPONSE_",
                                                        "SESSION_END\n"]


def obeys_the_rules_of_the_loop():
    with service() as running:
        def step(*arguments):
            return rockctl("anti-call-llm", *arguments, "--data-dir", running.data, "--timeout", "20")

        for arguments, words in [
            (["--index", "-1"], "0 or more"), (["--index", "0", "--response", "{}"], "takes no response"),
            (["--index", "1"], "needs the response"), (["--index", "1", "--response", "no"], "not JSON"),
            (["--index", "1", "--response", "{}"], "at least one member"), (["--index", "1", "--response", "[1]"], "object"),
            (["--index", "1", "--response", '{"a":1}', "--response-file", "x"], "exclude"),
        ]:
            wrong = step(*arguments)
            assert wrong.returncode != 0 and words in wrong.stderr and wrong.stdout == "", wrong
        assert rockctl("anti-call-llm", "--index", "0", "--data-dir", running.data, "--timeout", "1").returncode == 6

        answers = []
        agent = threading.Thread(target=lambda: [
            answers.append(running.post("/v1/chat/completions", chat("m", text=text))[2]) for text in "ab"])
        agent.start()
        assert json.loads(step("--index", "0").stdout)["messages"][0]["content"] == "a"
        assert json.loads(step("--index", "0").stdout)["messages"][0]["content"] == "a"  # asking again changes nothing
        file = os.path.join(running.folder, "answer.json")
        for _ in range(2):  # nor does answering again
            with open(file, "w") as out:
                json.dump(completion("from a file" + "x" * 200_000), out)
            assert json.loads(step("--index", "1", "--response-file", file).stdout)["messages"][0]["content"] == "b"
            assert not os.path.exists(file)
        last = subprocess.Popen([ROCKCTL, "model-service", "anti-call-llm", "--index", "2", "--response-file", "-",
                                 "--data-dir", running.data], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        last.stdin.write(json.dumps(completion("b")).encode())
        last.stdin.close()
        agent.join()
        assert answers[0]["id"].startswith("from a file") and answers[1]["id"] == "b"
        assert "has been answered already" in step("--index", "1", "--response", '{"a":1}').stderr
        with open(running.file("LLMService.log"), "a") as out:
            out.write(END + "\n")
        assert last.stdout.read() == b"SESSION_END\n" and last.wait(10) == 0
        last.stdout.close()


def survives_broken_lines_and_other_writers():
    with service() as running:
        answers = {}

        def ask(text):
            answers[text] = running.post("/v1/chat/completions", chat("m", text=text))

        def put(text):
            with open(running.file("LLMService.log"), "a") as out:
                out.write(text)

        agent = threading.Thread(target=ask, args=("one",))
        agent.start()
        assert rockctl("anti-call-llm", "--index", "0", "--data-dir", running.data).returncode == 0
        put('LLM_RESPONSE_START{"id": "never en')  # its writer was killed
        put('LLM_RESPONSE_START{"id": "sound"}LLM_RESPONSE_END{"timestamp": 1, "ind')
        assert agent.is_alive()
        put('ex": 1}\n')
        agent.join(20)
        assert answers["one"][2] == {"id": "sound"}, answers
        put("\n\n\0\0 nonsense LLM_RESPONSE_END{} \n" + 'LLM_RESPONSE_START{}LLM_RESPONSE_END{"index": 2}\nLLM_REQUEST_ST')
        # Three at once; their answers come in any order, from two writers that write at the same time.
        agents = [threading.Thread(target=ask, args=(text,)) for text in ("two", "three", "four")]
        [agent.start() for agent in agents]
        while sum("LLM_REQUEST_END" in line for line in open(running.file("LLMService.log"), errors="replace")) < 4:
            time.sleep(0.01)

        def answer(index):
            big = json.dumps({"id": index, "text": "y" * 500_000})
            fd = os.open(running.file("LLMService.log"), os.O_WRONLY | os.O_APPEND)
            os.write(fd, b'LLM_RESPONSE_START%sLLM_RESPONSE_END{"timestamp": 1, "index": %d}\n' % (big.encode(), index))
            os.close(fd)

        writers = [threading.Thread(target=answer, args=(index,)) for index in (4, 3, 2)]
        [writer.start() for writer in writers]
        [thread.join(20) for thread in writers + agents]
        ids = {}
        for line in open(running.file("LLMService.log"), errors="replace"):
            found = re.search(r'LLM_REQUEST_START(.*)LLM_REQUEST_END(.*)', line)
            if found:
                ids[json.loads(found[1])["messages"][0]["content"]] = json.loads(found[2])["index"]
        assert ids["one"] == 1 and sorted(ids.values()) == [1, 2, 3, 4]
        assert all(answers[text][2]["id"] == ids[text] for text in ("two", "three", "four")), (ids, answers.keys())


def goes_on_after_a_restart():
    with tempfile.TemporaryDirectory() as folder:
        running = Service(folder)

        def ask_until_answered(text, into):
            while True:  # as clients do
                try:
                    return into.append(running.post("/v1/chat/completions", chat("m", text=text))[2])
                except OSError:
                    time.sleep(0.05)

        def step(index, *answer):
            return rockctl("anti-call-llm", "--index", str(index), *answer, "--data-dir", running.data, "--timeout", "30")

        for answers_while_down in (False, True):
            got = []
            agent = threading.Thread(target=ask_until_answered, args=(f"q{answers_while_down}", got))
            agent.start()
            index = 2 if answers_while_down else 1
            if not answers_while_down:
                assert "q" in step(0).stdout
            else:
                assert f"q{answers_while_down}" in step(1, "--response", '{"id": 1}').stdout
            running.end(kill=True)
            if answers_while_down:
                late = subprocess.Popen([ROCKCTL, "model-service", "anti-call-llm", "--index", "2", "--response",
                                         '{"id": 2}', "--data-dir", running.data], stdout=subprocess.PIPE)
                while b'"index": 2}\n' not in open(running.file("LLMService.log"), "rb").read().split(b"LLM_RESPONSE_END")[-1]:
                    time.sleep(0.01)
            running = Service(folder, "--resume")
            if not answers_while_down:
                answerer = subprocess.Popen([ROCKCTL, "model-service", "anti-call-llm", "--index", "1", "--response",
                                             '{"id": 1}', "--data-dir", running.data], stdout=subprocess.PIPE)
            agent.join(20)
            assert got == [{"id": index}], got
            if not answers_while_down:
                # The loop waits on, across the restart of the service, for what comes next.
                waiting = answerer
        got = []
        agent = threading.Thread(target=ask_until_answered, args=("third", got))
        agent.start()
        assert b"third" in late.stdout.readline() and b"qTrue" in waiting.stdout.readline()
        with open(running.file("LLMService.log"), "a") as out:
            out.write('LLM_RESPONSE_START{"id": 3}LLM_RESPONSE_END{"timestamp": 1, "index": 3}\n')
        agent.join(20)
        assert got == [{"id": 3}] and late.wait(10) == 0 and waiting.wait(10) == 0
        for program in (late, waiting):
            program.stdout.close()
        # Without --resume everything begins anew, and a loop that waits sees that.
        running.end()
        running = Service(folder)
        waiting = subprocess.Popen([ROCKCTL, "model-service", "anti-call-llm", "--index", "0", "--data-dir", running.data],
                                   stdout=subprocess.PIPE)
        running.end()
        running = Service(folder)
        agent = threading.Thread(target=ask_until_answered, args=("anew", []))
        agent.daemon = True
        agent.start()
        assert b"anew" in waiting.stdout.readline()
        waiting.wait(10)
        waiting.stdout.close()
        # Two services never keep one conversation.
        try:
            raise AssertionError(Service(tempfile.mkdtemp(dir=folder), "--data-dir", running.data))
        except RuntimeError as error:
            assert "Another model service" in str(error)
        running.end()


def reads_only_what_is_new():
    gigabyte = 1 << 30

    def bytes_read(process):
        with open(f"/proc/{process}/io") as file:
            return int(re.search(r"rchar: (\d+)", file.read())[1])

    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "data-dir"))
        path = os.path.join(folder, "data-dir", "LLMService.log")
        with open(path, "wb") as out:
            out.truncate(gigabyte)  # a line of zeros that takes no room on the disk
            out.seek(gigabyte)
            out.write(b'\nLLM_REQUEST_START{"n": 1}LLM_REQUEST_END{"timestamp": 1, "index": 1}\n')
        loop = subprocess.Popen([ROCKCTL, "model-service", "anti-call-llm", "--index", "1", "--response", '{"id": 1}',
                                 "--data-dir", os.path.dirname(path)], stdout=subprocess.PIPE)
        while not open(path, "rb").seek(0, 2) > gigabyte + 100:
            time.sleep(0.01)
        running = Service(folder, "--resume")
        answers = []
        agent = threading.Thread(target=lambda: answers.append(running.post("/v1/chat/completions", chat("m"))[2]))
        before = bytes_read(running.process.pid)
        assert before >= gigabyte
        agent.start()
        loop_bytes = bytes_read(loop.pid)
        assert b'"m"' in loop.stdout.readline()
        loop.wait(10)
        loop.stdout.close()
        assert loop_bytes < 8 << 20, loop_bytes
        with open(path, "a") as out:
            out.write('LLM_RESPONSE_START{"id": 2}LLM_RESPONSE_END{"timestamp": 1, "index": 2}\n')
        agent.join(20)
        assert answers == [{"id": 2}]
        assert bytes_read(running.process.pid) - before < 1 << 20
        running.end()


def forgets_who_has_gone():
    with service() as running:
        connection = running.connect()
        connection.request("POST", "/v1/chat/completions", json.dumps(chat("m", text="gone")))
        assert "gone" in rockctl("anti-call-llm", "--index", "0", "--data-dir", running.data).stdout
        connection.sock.shutdown(2)
        connection.close()
        loop = subprocess.Popen([ROCKCTL, "model-service", "anti-call-llm", "--index", "1", "--response", '{"id": 1}',
                                 "--data-dir", running.data], stdout=subprocess.PIPE)
        answers = []
        agent = threading.Thread(target=lambda: answers.append(running.post("/v1/chat/completions", chat("m"))))
        agent.start()
        assert b'"m"' in loop.stdout.readline()
        loop.wait()
        loop.stdout.close()
        # A process that is not there has ended already; whoever waits is told.
        gone = subprocess.Popen(["true"])
        gone.wait()
        assert running.post("/v1/agent/watch", {"pid": gone.pid})[0] == 200
        agent.join(20)
        assert answers[0][0] == 500, answers
        for body, words in [({}, "Missing 'pid'"), ({"pid": None}, "Missing"), ({"pid": "1"}, "whole number"),
                            ({"pid": -1}, "whole number"), ({"pid": 1 << 40}, "whole number")]:
            status, _, answer = running.post("/v1/agent/watch", body)
            assert status == 400 and words in answer["detail"], answer
        assert running.post("/v1/models", {})[0] == 404


def is_run_like_pythons():
    """`start` in the background, `status`, `watch-agent` and `stop`; ROCK's own command on top of our files."""
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data-dir")
        variables = {"ROCK_MODEL_SERVICE_DATA_DIR": data, "HOME": folder}

        def run(*arguments):
            return rockctl(*arguments, cwd=folder, **variables)

        assert run("status").returncode == 3 and run("stop").returncode == 0
        os.makedirs(os.path.join(folder, "data/cli/model"))
        with open(os.path.join(folder, "data/cli/model/pid.txt"), "w") as stale:
            stale.write("1")  # a number that is somebody else's by now
        started = run("start", "--host", "127.0.0.1", "--port", "0")
        assert started.returncode == 0, started
        again = run("start", "--host", "127.0.0.1", "--port", "0")
        assert again.returncode == 1 and "already" in again.stderr, again
        status = json.loads(run("status", "--json").stdout)
        assert status["running"] and status["type"] == "local" and status["data_dir"] == data, status
        port = status["url"].rsplit(":", 1)[1]
        with open(os.path.join(folder, "data/cli/model/pid.txt")) as file:
            assert file.read() == str(status["pid"])
        agent = subprocess.Popen(["sleep", "1000"])
        assert run("watch-agent", "--pid", str(agent.pid), "--port", port).returncode == 0
        agent.kill()
        agent.wait()
        assert run("anti-call-llm", "--index", "0", "--timeout", "20").stdout == END + "\n"
        assert run("watch-agent", "--pid", "1", "--port", "1").returncode == 3
        # ROCK's own command ends it, too.
        python = os.path.join(os.path.dirname(sys.executable), "rock")
        subprocess.run([python, "model-service", "stop"], cwd=folder, check=True, capture_output=True, timeout=60,
                       env={**os.environ, **variables})
        assert run("status").returncode == 3
        assert not os.path.exists(os.path.join(folder, "data/cli/model/pid.txt"))
        assert run("start", "--host", "127.0.0.1", "--port", "0").returncode == 0
        pid = json.loads(run("status", "--json").stdout)["pid"]
        stopped = run("stop")
        assert stopped.returncode == 0 and str(pid) in stopped.stdout, stopped
        assert not os.path.exists(f"/proc/{pid}") or ") Z " in open(f"/proc/{pid}/stat").read()
        assert sorted(os.listdir(os.path.join(folder, "data/cli/model"))) == []
        assert "Conversation" not in open(os.path.join(data, "model_service.log")).read()
        # What cannot be is said at once.
        for arguments, words in [
            (["--type", "proxy", "--record", "a", "--replay", "b"], "not both"), (["--replay", "b"], "Only a service of type proxy"),
            (["--type", "proxy", "--replay", "missing"], "no recording"), (["--config-file", "missing"], "cannot read"),
            (["--type", "proxy", "--proxy-base-url", "ftp://x"], "not the address"), (["--host", "nowhere"], "not an address"),
            (["--retryable-status-codes", "x"], "no list"), (["--retryable-status-codes", "200"], "200 is no status"),
        ]:
            wrong = run("start", *arguments)
            assert wrong.returncode in (1, 2, 4) and words in wrong.stderr, wrong
        with open(os.path.join(folder, "c.yml"), "w") as file:
            file.write("host: 127.0.0.1\nproxy_base_ulr: x\n")
        wrong = run("start", "--config-file", "c.yml")
        assert "c.yml:2" in wrong.stderr and "proxy_base_url" in wrong.stderr, wrong


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    play([both_halves_are_ours, speaks_with_pythons_half, obeys_the_rules_of_the_loop,
          survives_broken_lines_and_other_writers, goes_on_after_a_restart, reads_only_what_is_new, forgets_who_has_gone,
          is_run_like_pythons])
