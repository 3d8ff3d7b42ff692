#!/usr/bin/env python3
"""Kills Rock's processes at any instant of a load, and audits what is left each time.

usage: kill_at_any_instant.py PROGRAMS FOLDER INSTANTS SEED [ENGINE]

PROGRAMS holds rockctl and rocklet; FOLDER is made for the trial, and removed after a good one. Clients start, stop, restart
and delete sandboxes, count in sessions, write files and play environments. ENGINE is the socket of a Podman that has the
image python:3.11 and nothing else to do; with it some sandboxes are containers. At an instant that SEED draws, a process is
killed: the server, a sandbox's first process, or the one that environments are cloned from. Then the clients are held
up, a killed server is started again, and what there is on the machine is held against what the server says, and both
against what the clients have heard. Prints what it found; exits with 1 if that is anything.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import sys
import time

from audit import Audit, text
from load import Worker
from server import Gate, Refused, Server, Unheard

CLIENTS = 4


class Trial:
    def __init__(self, programs: str, folder: str, seed: int, engine: str = "") -> None:
        os.makedirs(folder)
        self.random = random.Random(f"{seed} kills")
        drivers = f"drivers: [jail, docker], docker_socket: '{engine}'" if engine else "drivers: [jail]"
        self.server = Server(
            programs, folder, f"runtime: {{ {drivers} }}\nsandboxes: {{ warm_pool: 2 }}\n", engine)
        self.gate = Gate(CLIENTS)
        has_network = os.path.exists("/proc/net/nf_conntrack") or os.path.exists("/proc/sys/net/netfilter")
        self.workers = [Worker(number, seed, self.server, self.gate, has_network) for number in range(CLIENTS)]
        self.audit = Audit(self.server)
        self.faults: list[str] = []

    def run(self, instants: int) -> None:
        self.server.start()
        for worker in self.workers:
            worker.start()
        for instant in range(instants):
            self.gate.open()
            time.sleep(self.random.expovariate(2))  # mostly early, at times when much has come to be
            victim = self.kill()
            self.gate.close()
            if victim == "the server":
                self.server.start()
            self.examine(f"instant {instant}, {victim} killed")
        self.gate.finish()
        for worker in self.workers:
            worker.join()
        self.end()

    def kill(self) -> str:
        """Kills something, and says what."""
        kind = self.random.choices(["server", "guest", "zygote"], weights=[6, 2, 1])[0]
        if kind == "guest" and (guest := self.guest()):
            return guest
        if kind == "zygote" and (zygote := self.zygote()):
            for worker in self.workers:
                worker.may_lose_episode = True
            os.kill(zygote, signal.SIGKILL)
            return "the zygote"
        self.server.kill()
        return "the server"

    def guest(self) -> str | None:
        """Kills the first process of a sandbox."""
        running = [sandbox for worker in self.workers for sandbox in list(worker.sandboxes.values())
                   if sandbox.states == {"running"}]
        if not running:
            return None
        sandbox = self.random.choice(running)
        sandbox.is_doomed = True
        try:
            state = json.loads(text(f"{self.server.data}/sandboxes/{sandbox.name}/state.json"))
        except ValueError:
            return None
        if process := state["process"]:
            # Its number cannot have gone to anybody else while its cgroup, or its host's name, says whose it is.
            whose = text(f"/proc/{process}/cgroup") + text(f"/proc/{process}/root/etc/hostname")
            if sandbox.name in whose:
                os.kill(process, signal.SIGKILL)
        return f"the first process of {sandbox.name}"

    def zygote(self) -> int | None:
        """What environments are cloned from."""
        self.audit.processes()
        return self.audit.zygote()

    def examine(self, when: str) -> None:
        """Holds rows, machine and what clients have heard against each other; nobody else calls meanwhile."""
        faults: list[str] = []
        try:
            for worker in self.workers:
                for sandbox in list(worker.sandboxes.values()):
                    if "pending" in sandbox.states or sandbox.is_doomed:
                        self.settle(worker, sandbox)
                    else:
                        worker.ask(sandbox)
                    if sandbox.states == {"running"}:
                        worker.look(sandbox)
                worker.look_at_episode()
                faults += worker.faults
                worker.faults = []
                worker.may_lose_episode = False
            faults += self.audit.environments(self.workers)
            faults += self.audit.settled(self.workers)
        except (Refused, Unheard, RuntimeError) as error:
            faults.append(repr(error))
        for fault in faults:
            print(f"{when}: {fault}", flush=True)
        self.faults += faults

    @staticmethod
    def settle(worker: Worker, sandbox) -> None:
        """Waits until a start is over, or a killed sandbox's end is noted; a running one is not waited for long."""
        states = "state=stopped,deleted" if sandbox.is_doomed else "state=running,stopped,deleted"
        status = worker.client.exchange(
            "GET", f"{Server.PREFIX}/sandboxes/{sandbox.name}/wait?{states}&timeout=10")
        worker.take(sandbox, status if "state" in status else None)
        sandbox.is_doomed = False

    def end(self) -> None:
        """Deletes everything, ends the server, and looks whether anything is left."""
        for worker in self.workers:
            for sandbox in list(worker.sandboxes.values()):
                try:
                    if sandbox.states != {"deleted"}:
                        worker.stop(sandbox)
                        worker.delete(sandbox)
                except (Refused, Unheard) as error:
                    self.faults.append(f"at the end: {error}")
        status = self.server.stop()
        remains = self.audit.remains() + ([] if status == 0 else [f"the server ended with {status}"])
        for fault in remains:
            print(f"at the end: {fault}", flush=True)
        self.faults += remains

    def clear(self) -> None:
        """Ends what a trial that broke off left running."""
        if self.server.process and self.server.process.poll() is None:
            self.server.kill()
        sandboxes, orphans = self.audit.processes()
        for processes in list(sandboxes.values()) + [orphans]:
            for process in processes:
                with contextlib.suppress(ProcessLookupError):  # it goes with its sandbox's first process
                    os.kill(process, signal.SIGKILL)


def main() -> int:
    programs, folder = os.path.abspath(sys.argv[1]), os.path.realpath(sys.argv[2])
    instants, seed = int(sys.argv[3]), int(sys.argv[4])
    trial = Trial(programs, folder, seed, sys.argv[5] if len(sys.argv) > 5 else "")
    began = time.monotonic()
    try:
        trial.run(instants)
    finally:
        trial.gate.finish()
        trial.clear()
    calls = sum(worker.calls for worker in trial.workers)
    made = sum(worker.made for worker in trial.workers)
    print(f"{instants} instants, {calls} calls, {made} sandboxes, {len(trial.faults)} faults, "
          f"{time.monotonic() - began:.0f} s, seed {seed}", flush=True)
    if trial.faults:
        print(f"the server said: {trial.server.said()}", flush=True)
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
