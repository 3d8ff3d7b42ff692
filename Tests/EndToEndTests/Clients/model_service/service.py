"""`rockctl model-service` in a folder of its own, and small clients for it."""

import contextlib
import http.client
import json
import os
import subprocess
import tempfile
import time

ROCKCTL = os.environ["ROCKCTL"]


class Service:
    """A service in the foreground; its log is at hand as `log()` once it has ended."""

    def __init__(self, folder, *arguments, program=None, **variables):
        self.folder = folder
        self.data = os.path.join(folder, "data-dir")
        environment = {"PATH": os.environ["PATH"], "ROCK_MODEL_SERVICE_DATA_DIR": self.data, **variables}
        self.environment = environment
        self.errors = open(os.path.join(folder, "errors.txt"), "a+")
        self.process = subprocess.Popen(
            [ROCKCTL, "model-service", "start", "--foreground", "--host", "127.0.0.1", "--port", "0", *arguments],
            cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("model service is ready at http://"):
            raise RuntimeError(f"{line!r} {self.log()}")
        self.port = int(line.strip().rsplit(":", 1)[1])

    def log(self):
        with open(self.errors.name) as file:
            return file.read()

    def end(self, kill=False):
        self.process.kill() if kill else self.process.terminate()
        self.process.stdout.close()
        return self.process.wait(20)

    def file(self, name):
        return os.path.join(self.data, name)

    def lines(self, name="LLMTraj.jsonl"):
        with open(self.file(name), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def connect(self, timeout=30):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def post(self, path, body, headers={}, timeout=30):
        """The status, the header lines and the JSON or text of the answer."""
        connection = self.connect(timeout)
        try:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            connection.request("POST", path, data, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), parsed(answer.read())
        finally:
            connection.close()

    def get(self, path):
        connection = self.connect()
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, parsed(answer.read())
        finally:
            connection.close()


def parsed(data):
    try:
        return json.loads(data)
    except ValueError:
        return data.decode()


@contextlib.contextmanager
def service(*arguments, **variables):
    with tempfile.TemporaryDirectory() as folder:
        running = Service(folder, *arguments, **variables)
        try:
            yield running
        finally:
            if running.process.poll() is None:
                running.end()


def rockctl(*arguments, cwd=None, **variables):
    return subprocess.run([ROCKCTL, "model-service", *arguments], cwd=cwd, capture_output=True, text=True, timeout=60,
                          env={"PATH": os.environ["PATH"], **variables})


def chat(model, stream=None, text="hi", **more):
    body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    if stream is not None:
        body["stream"] = stream
    return body


def play(scenarios):
    """Runs every function; says which ended well."""
    import sys
    import traceback
    wanted = sys.argv[1:]
    failed = 0
    for scenario in scenarios:
        if wanted and scenario.__name__ not in wanted:
            continue
        try:
            start = time.monotonic()
            scenario()
            print(f"ok {scenario.__name__} {time.monotonic() - start:.1f} s", flush=True)
        except Exception:
            failed += 1
            print("failed", scenario.__name__, flush=True)
            traceback.print_exc()
    sys.exit(1 if failed else 0)
