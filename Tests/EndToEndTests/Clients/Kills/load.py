"""What clients do meanwhile, and what they have heard."""

from __future__ import annotations

import contextlib
import random
import threading
from dataclasses import dataclass, field

from server import Client, Gate, Refused, Server, Unheard

GONE = "absent"


@dataclass
class Sandbox:
    """What one client knows of a sandbox: sets hold what may be true after a call that nobody answered."""

    name: str
    states: set[str]
    network: bool
    #: Whether it was asked for with a small disk; every other one has a large one.
    disk: bool
    #: Whether an answer has named it: then its row must never be lost.
    is_known: bool = False
    #: Whether it has run, so that its files must be there while it is stopped.
    has_run: bool = False
    #: The values that the session's counter may have; empty without a session.
    counter: set[int] = field(default_factory=set)
    #: The contents that its file may have; nothing before the first was written.
    note: set[str] = field(default_factory=lambda: {""})
    #: Whether it may have a session of which no client has heard.
    may_have_session: bool = False
    #: Its first process was killed, so that it may be found stopped.
    is_doomed: bool = False


@dataclass
class Episode:
    """An environment and how many steps of it there may be; none before its first reset was answered."""

    name: str
    steps: set[int] = field(default_factory=set)
    #: Whether it may have been closed by a call that nobody answered.
    may_be_closed: bool = False


class Worker(threading.Thread):
    """One client with sandboxes of its own."""

    MOST = 3

    def __init__(self, number: int, seed: int, server: Server, gate: Gate, has_network: bool) -> None:
        super().__init__(name=f"client {number}")
        self.random = random.Random(f"{seed} client {number}")
        self.number, self.gate = number, gate
        self.client = Client(server)
        self.sandboxes: dict[str, Sandbox] = {}
        self.episode: Episode | None = None
        #: The process that environments are cloned from was killed: they, and what was asked of them then, may fail.
        self.may_lose_episode = False
        #: Whether a `make` was not answered: an environment may live that nobody knows.
        self.may_have_strangers = False
        self.has_network = has_network
        self.made = 0
        self.calls = 0
        #: What must not have happened.
        self.faults: list[str] = []

    def run(self) -> None:
        while self.gate.passes():
            try:
                self.act()
            except Unheard:
                pass  # the ledger says what may be
            except Refused as refusal:
                self.faults.append(f"client {self.number}: {refusal}")
            except Exception as error:  # a worker that ends silently would look like a quiet one
                self.faults.append(f"client {self.number}: {error!r}")
            self.calls += 1

    def act(self) -> None:
        """One step of the script, drawn by chance."""
        if self.random.random() < 0.2:
            return self.play()
        live = [sandbox for sandbox in self.sandboxes.values() if sandbox.states != {"deleted"}]
        if not live or (len(live) < self.MOST and self.random.random() < 0.4):
            return self.create()
        sandbox = self.random.choice(live)
        if sandbox.is_doomed or len(sandbox.states) != 1:
            return self.ask(sandbox)
        match next(iter(sandbox.states)):
            case "running":
                self.random.choices(
                    [self.count, self.write, self.stop, self.ask], weights=[5, 3, 2, 1])[0](sandbox)
            case "stopped":
                self.random.choices([self.restart, self.delete, self.ask], weights=[5, 4, 1])[0](sandbox)
            case _:
                self.ask(sandbox)

    # The life of a sandbox

    def create(self) -> None:
        self.made += 1
        name = f"c{self.number}-{self.made}"
        chance = self.random.random()
        in_engine = bool(self.client.server.engine) and self.random.random() < 0.2
        sandbox = Sandbox(
            name, {GONE, "pending", "running", "stopped"}, network=self.has_network and chance < 0.3 and not in_engine,
            disk=chance > 0.7 and not in_engine)
        self.sandboxes[name] = sandbox
        body = {"sandbox_id": name, "image": "host", "memory": "256m", "cpus": 1,
                "disk": "32m" if sandbox.disk else None, "network": "outbound" if sandbox.network else "none"}
        if in_engine:
            body |= {"runtime": "docker", "image": "python:3.11", "pull": "never"}
        if self.random.random() < 0.3:
            self.client.call("POST", "/start_async", body)
            sandbox.is_known, sandbox.states = True, {"pending", "running", "stopped"}
            return
        self.client.call("POST", "/start", body)
        self.runs(sandbox)

    def runs(self, sandbox: Sandbox) -> None:
        sandbox.is_known = sandbox.has_run = True
        sandbox.states, sandbox.counter, sandbox.may_have_session = {"running"}, set(), False

    def stop(self, sandbox: Sandbox) -> None:
        sandbox.states = {"running", "stopped"}
        self.client.call("POST", "/stop", {"sandbox_id": sandbox.name})
        sandbox.states, sandbox.counter = {"stopped"}, set()

    def restart(self, sandbox: Sandbox) -> None:
        sandbox.states, sandbox.counter = {"pending", "running", "stopped"}, set()
        self.client.call("POST", "/restart", {"sandbox_id": sandbox.name})
        self.wait(sandbox)

    def delete(self, sandbox: Sandbox) -> None:
        sandbox.states = {"stopped", "deleted"}
        self.client.call("POST", "/delete", {"sandbox_id": sandbox.name})
        sandbox.states = {"deleted"}

    def wait(self, sandbox: Sandbox) -> None:
        """Until it is no longer starting."""
        status = self.client.exchange(
            "GET", f"{Server.PREFIX}/sandboxes/{sandbox.name}/wait?state=running,stopped,deleted")
        self.take(sandbox, status)

    def ask(self, sandbox: Sandbox) -> None:
        """Finds out what has become of a sandbox, and holds it against what may have."""
        self.take(sandbox, self.status(sandbox))

    def status(self, sandbox: Sandbox) -> dict | None:
        answer = self.client.exchange(
            "GET", f"{Server.PREFIX}/get_status?sandbox_id={sandbox.name}&include_all_states=True")
        return answer["result"] if answer.get("status") == "Success" else None

    def take(self, sandbox: Sandbox, status: dict | None) -> None:
        state = status["state"] if status else GONE
        may_be = sandbox.states | ({"running", "stopped"} if "pending" in sandbox.states else set())
        may_be |= {"stopped"} if sandbox.is_doomed else set()
        if state not in may_be:
            self.faults.append(f"{sandbox.name} is {state}, not one of {sorted(may_be)}: {status}")
        sandbox.has_run |= state == "running"
        if state == GONE:
            if sandbox.is_known:
                self.faults.append(f"the row of {sandbox.name}, which a client had heard of, is lost")
            del self.sandboxes[sandbox.name]
            return
        sandbox.is_known = True
        if state != "running":
            sandbox.counter, sandbox.may_have_session = set(), False
        if state == "stopped":
            sandbox.is_doomed = False
        sandbox.states = {state}

    # Its insides

    def count(self, sandbox: Sandbox) -> None:
        """Counts one up in a session, whose shell remembers."""
        name = sandbox.name
        if not sandbox.counter:
            body = {"session": "s", "session_type": "bash"}
            if sandbox.may_have_session:
                # Its opening may have been broken off in the middle, or never have begun.
                with contextlib.suppress(Refused):
                    self.client.call("POST", "/close_session", body | {"sandbox_id": name})
            sandbox.may_have_session = True
            self.tolerating(sandbox, "/create_session", body)
            sandbox.counter = {0}
        wanted = {value + 1 for value in sandbox.counter}
        sandbox.counter = sandbox.counter | wanted
        said = self.tolerating(
            sandbox, "/run_in_session",
            {"session": "s", "command": "n=$((n+1)); echo $n", "action_type": "bash", "session_type": "bash"})
        if said is None:
            return
        value = int(said["output"] or -1)
        if value not in wanted:
            self.faults.append(f"the session of {name} counted to {value}, not to {sorted(wanted)}: {said}")
        sandbox.counter = {value}

    def write(self, sandbox: Sandbox) -> None:
        """Replaces a file that is still there after a restart."""
        note = f"{self.random.randrange(1 << 40):x}"
        sandbox.note = sandbox.note | {note}
        done = self.tolerating(
            sandbox, "/execute", {"command": ["sh", "-c", f"echo {note} > /new && mv /new /note"]})
        if done is not None and done["exit_code"] == 0:
            sandbox.note = {note}
        elif done is not None and not sandbox.is_doomed:
            self.faults.append(f"writing in {sandbox.name}: {done}")

    def tolerating(self, sandbox: Sandbox, path: str, body: dict) -> dict | None:
        """A call that may fail where the sandbox's first process has been killed."""
        try:
            return self.client.call("POST", path, body | {"sandbox_id": sandbox.name})
        except Refused:
            if not sandbox.is_doomed:
                raise
            return None

    def look(self, sandbox: Sandbox) -> None:
        """Whether what it holds is what it was told to: for a time when nobody else uses it."""
        if sandbox.counter and not sandbox.is_doomed:
            said = self.client.call("POST", "/run_in_session", {
                "sandbox_id": sandbox.name, "session": "s", "command": "echo ${n:-0}", "action_type": "bash",
                "session_type": "bash"})
            value = int(said["output"] or -1)
            if value not in sandbox.counter:
                self.faults.append(f"the session of {sandbox.name} is at {value}, not at {sorted(sandbox.counter)}")
            sandbox.counter = {value}
        if not sandbox.is_doomed:
            said = self.client.call(
                "POST", "/execute", {"sandbox_id": sandbox.name, "command": ["cat", "/note"]})
            note = said["stdout"].strip()
            if note not in sandbox.note:
                self.faults.append(f"the file of {sandbox.name} holds '{note}', not one of {sorted(sandbox.note)}")
            sandbox.note = {note}

    # Environments

    def play(self) -> None:
        """Makes an environment, or takes a step of it."""
        try:
            if self.episode is None:
                self.may_have_strangers = True
                made = self.client.rpc(
                    "make", {"env_id": "game:GuessTheNumber-v0-hard", "kwargs": {"max_turns": 1000}})
                self.may_have_strangers = False
                self.episode = Episode(made["sandbox_id"])
            episode = self.episode
            if not episode.steps:
                self.client.rpc("reset", {"sandbox_id": episode.name, "seed": 42})
                episode.steps = {0}
            elif self.random.random() < 0.1:
                episode.may_be_closed = True
                self.client.rpc("close", {"sandbox_id": episode.name})
                self.episode = None
            else:
                episode.steps = episode.steps | {step + 1 for step in episode.steps}
                self.client.rpc("step", {"sandbox_id": episode.name, "action": "\\boxed{3}"})
        except Refused:
            # One whose closing was not answered is gone; one whose process was killed says so.
            if not self.may_lose_episode and not (self.episode and self.episode.may_be_closed):
                raise
            if self.episode:
                with contextlib.suppress(Refused):
                    self.client.rpc("close", {"sandbox_id": self.episode.name})
            self.episode = None

    def look_at_episode(self) -> None:
        """Whether the environment is where it was: for a time when nobody else uses it."""
        episode = self.episode
        if episode is None:
            return
        try:
            status = self.client.rpc("status", {"sandbox_id": episode.name})
        except Refused as refusal:
            if not episode.may_be_closed:
                self.faults.append(f"the environment of client {self.number} is lost: {refusal}")
            self.episode = None
            return
        if status["state"] != "running":
            if not self.may_lose_episode:
                self.faults.append(f"the environment of client {self.number} has failed: {status}")
            self.client.rpc("close", {"sandbox_id": episode.name})
            self.episode = None
            return
        steps = status["episode"].get("steps", 0)
        if steps not in (episode.steps or {0}):
            self.faults.append(f"the environment of client {self.number} is at step {steps}, not at "
                               f"{sorted(episode.steps)}")
        if episode.steps:
            episode.steps = {steps}
