"""A server under test: started, killed, asked."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import threading


class Unheard(Exception):
    """No answer came: whether the call was carried out, nobody knows."""


class Refused(Exception):
    """The server answered that it will not, or could not."""


class Server:
    """`rockctl admin start` in a folder of its own, from its own copies of the programs, so that no process of another
    server on the machine can be taken for one of this one's."""

    PREFIX = "/apis/envs/sandbox/v1"

    def __init__(self, programs: str, folder: str, configuration: str = "", engine: str = "") -> None:
        #: The socket of a container engine; empty where there is none.
        self.engine = engine
        self.folder, self.data = folder, f"{folder}/data"
        self.rockctl, self.rocklet = f"{folder}/bin/rockctl", f"{folder}/bin/rocklet"
        os.makedirs(f"{folder}/bin")
        for name in ("rockctl", "rocklet"):
            shutil.copy2(f"{programs}/{name}", f"{folder}/bin/{name}")
        with open(f"{folder}/rock.yml", "w", encoding="utf-8") as file:
            file.write(configuration)
        self.process: subprocess.Popen | None = None
        self.address = ""
        self.log = open(f"{folder}/server.log", "ab")

    def start(self) -> None:
        """Returns when it serves."""
        self.process = subprocess.Popen(
            [self.rockctl, "admin", "start", "--port", "0", "--data-dir", self.data, "--config",
             f"{self.folder}/rock.yml"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log)
        line = self.process.stdout.readline().decode()
        if "http://" not in line:
            raise RuntimeError(f"the server did not start ({self.process.wait()}): {line}{self.said()}")
        self.address = line.split("http://")[1].split()[0]

    def kill(self) -> None:
        """`kill -9`; returns when the kernel has cleared it away."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self) -> int:
        """SIGTERM; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        self.process.stdout.close()
        return status

    def said(self) -> str:
        """The end of what it wrote to its standard error."""
        with open(f"{self.folder}/server.log", encoding="utf-8", errors="replace") as file:
            return file.read()[-4000:]


class Client:
    """One client's calls, over a connection that is kept while the server lives."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.connection: http.client.HTTPConnection | None = None
        self.address = ""

    def exchange(self, method: str, path: str, body: object = None) -> dict:
        """Sends a request and returns the answer.

        Raises Unheard where none came.
        """
        if self.address != self.server.address or self.connection is None:
            self.address = self.server.address
            self.connection = http.client.HTTPConnection(self.address, timeout=60)
        try:
            text = None if body is None else json.dumps(body)
            self.connection.request(method, path, text, {"Content-Type": "application/json"})
            answer = self.connection.getresponse()
            return json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.connection.close()
            self.connection = None
            raise Unheard(f"{method} {path}: {error!r}") from error

    def call(self, method: str, path: str, body: object = None) -> object:
        """Calls one of ROCK's paths and returns `result`.

        Raises Unheard, and Refused where the server says that it failed.
        """
        answer = self.exchange(method, Server.PREFIX + path, body)
        if answer.get("status") != "Success":
            raise Refused(f"{method} {path}: {json.dumps(answer)[:400]}")
        return answer["result"]

    def rpc(self, method: str, params: dict) -> dict:
        """Calls a JSON-RPC method. Raises as `call` does."""
        answer = self.exchange("POST", "/rpc", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        if "result" not in answer:
            raise Refused(json.dumps(answer.get("error")))
        return answer["result"]


class Gate:
    """Lets the load pass, or holds it up between two calls."""

    def __init__(self, workers: int) -> None:
        self.condition = threading.Condition()
        self.is_open, self.is_over = False, False
        self.workers, self.waiting = workers, 0

    def passes(self) -> bool:
        """Waits while the gate is closed; false at the end of the load."""
        with self.condition:
            self.waiting += 1
            self.condition.notify_all()
            self.condition.wait_for(lambda: self.is_open or self.is_over)
            self.waiting -= 1
            return not self.is_over

    def open(self) -> None:
        with self.condition:
            self.is_open = True
            self.condition.notify_all()

    def close(self) -> None:
        """Returns when every worker waits."""
        with self.condition:
            self.is_open = False
            if not self.condition.wait_for(lambda: self.waiting == self.workers, timeout=120):
                raise RuntimeError("a client's call did not come to an end within two minutes")

    def finish(self) -> None:
        with self.condition:
            self.is_over = True
            self.condition.notify_all()
