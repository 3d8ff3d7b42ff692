"""What there is on the machine, against what the server says there is."""

from __future__ import annotations

import glob
import http.client
import json
import os
import socket
import sqlite3
import subprocess
import time

from load import Worker
from server import Client, Server


def text(path: str) -> str:
    """What a file of the kernel's says; nothing where it has gone meanwhile."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def fnv(name: str) -> int:
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & (1 << 64) - 1
    return value


class EngineConnection(http.client.HTTPConnection):
    """To a container engine's Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("engine", timeout=60)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Audit:
    def __init__(self, server: Server) -> None:
        self.server, self.client = server, Client(server)
        #: Of the last look: each process's parent, and those that run this server's programs outside of sandboxes.
        self.parents: dict[int, int] = {}
        self.family: set[int] = set()
        self.cgroup = f"rock.sandboxes-{fnv(server.data):x}"
        self.link_prefix = f"rock{fnv(server.data) >> 16 & 0xFFFFF:05x}-"
        self.table = f"rock_{fnv(server.data) >> 16 & 0xFFFFF:05x}"

    def rows(self) -> dict[str, dict]:
        """Every sandbox that the server lists, by id."""
        found: dict[str, dict] = {}
        while True:
            page = self.client.call(
                "GET", f"/sandboxes?page={len(found) // 100 + 1}&page_size=100&include_all_states=true&order=oldest")
            for item in page["items"]:
                found[item["sandbox_id"]] = item
            if not page["has_more"]:
                return found

    # What the machine holds

    def cgroups(self) -> dict[str, set[str]]:
        """Each hierarchy's folders for sandboxes."""
        roots = glob.glob(f"/sys/fs/cgroup/**/{self.cgroup}", recursive=True)
        return {root: {name for name in os.listdir(root) if os.path.isdir(f"{root}/{name}")} for root in roots}

    def processes(self) -> tuple[dict[str, set[int]], set[int]]:
        """The processes of each sandbox, and those of this server's programs that belong to nothing that lives."""
        sandboxes: dict[str, set[int]] = {}
        parents: dict[int, int] = {}
        ours: set[int] = set()
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            process = int(name)
            for line in text(f"/proc/{name}/cgroup").splitlines():
                parts = line.split(":", 2)[2].split("/")
                if self.cgroup in parts[:-1]:
                    sandboxes.setdefault(parts[parts.index(self.cgroup) + 1], set()).add(process)
            stat = text(f"/proc/{name}/stat").rpartition(")")[2].split()
            if len(stat) > 1:
                parents[process] = int(stat[1])
            try:
                if os.readlink(f"/proc/{name}/exe").startswith(self.server.folder):
                    ours.add(process)
            except OSError:
                pass
        inside = set().union(*sandboxes.values()) if sandboxes else set()
        self.parents, self.family = parents, ours - inside
        known = {self.server.process.pid} if self.server.process and self.server.process.poll() is None else set()
        # The process that environments are cloned from may be an earlier server's child.
        zygote = self.zygote()
        known |= {zygote} if zygote else set()
        orphans = set()
        for process in ours - inside:
            line, one = set(), process
            while one in parents and one not in line:
                line.add(one)
                one = parents[one]
            if not line & (known | inside):
                orphans.add(process)
        return sandboxes, orphans

    def zygote(self) -> int | None:
        """The process that environments are cloned from: of this server's programs, the one that has children."""
        server = self.server.process.pid if self.server.process else None
        if server is None or self.server.process.poll() is not None:
            return None
        parents = {self.parents[one] for one in self.family if one in self.parents}
        found = (parents & self.family) - {server}
        own = {one for one in found if self.parents[one] == server}
        # Of two, the one that is not the server's is nobody's.
        return min(own or found, default=None)

    def environments(self, workers: list[Worker]) -> list[str]:
        """The environments that the server lists are those that clients know, each a process of the one zygote."""
        listed = {item["sandbox_id"]: item for item in self.client.rpc("env.live", {})["environments"]}
        known = {worker.episode.name for worker in workers if worker.episode}
        found = [f"environments are not listed: {sorted(known - set(listed))}"] if known - set(listed) else []
        strangers = set(listed) - known
        for name in strangers:
            self.client.rpc("close", {"sandbox_id": name})
        if len(strangers) > sum(worker.may_have_strangers for worker in workers):
            found.append(f"environments that nobody made: {sorted(strangers)}")
        for worker in workers:
            worker.may_have_strangers = False
        return found

    def jails(self) -> list[str]:
        """Each environment has its process, and there is no other but the pool's two."""
        listed = self.client.rpc("env.live", {})["environments"]
        self.processes()
        zygote = self.zygote()
        children = {one for one in self.family if self.parents.get(one) == zygote}
        wanted = {item["process"] for item in listed if item["state"] == "running"}
        found = [f"no process of environments: {sorted(wanted - children)}"] if wanted - children else []
        if len(children - wanted) > 2:
            found.append(f"processes of no environment: {sorted(children - wanted)}")
        notes = {name.removesuffix(".json") for name in self.notes()}
        if notes != {item["sandbox_id"] for item in listed}:
            found.append(f"notes differ from environments: {sorted(notes)}, {listed}")
        return found

    def notes(self) -> set[str]:
        folder = f"{self.server.data}/live"
        return set(os.listdir(folder)) if os.path.isdir(folder) else set()

    def containers(self) -> dict[str, str]:
        """The state of each of this server's containers, by sandbox."""
        if not self.server.engine:
            return {}
        connection = EngineConnection(self.server.engine)
        connection.request("GET", "/containers/json?all=true")
        found = json.loads(connection.getresponse().read())
        connection.close()
        return {item["Labels"]["rock.sandbox"]: item["State"] for item in found if "rock.sandbox" in item["Labels"]}

    def links(self) -> set[str]:
        """The sandboxes that an interface on the machine leads to."""
        found = set()
        for path in glob.glob(f"/sys/class/net/{self.link_prefix}*"):
            alias = text(path + "/ifalias").split()
            found.add(alias[0] if alias else path)
        return found

    def disks(self) -> set[str]:
        files = [text(path).strip() for path in glob.glob("/sys/block/loop*/loop/backing_file")]
        return {file.split("/sandboxes/")[1].split("/")[0] for file in files if file.startswith(self.server.data)}

    def folders(self) -> set[str]:
        folder = f"{self.server.data}/sandboxes"
        return set(os.listdir(folder)) if os.path.isdir(folder) else set()

    def mounts(self) -> list[str]:
        return [line for line in text("/proc/self/mountinfo").splitlines() if self.server.data in line]

    # Judgements

    def differences(self, workers: list[Worker]) -> list[str]:
        """Everything in which machine and rows differ now."""
        rows = self.rows()
        sandboxes = {name: sandbox for worker in workers for name, sandbox in worker.sandboxes.items()}
        alive = {name for name, row in rows.items() if row["state"] == "running"}
        running = {name for name in alive if rows[name]["driver"] == "jail"}
        stopped = {name for name, row in rows.items() if row["state"] == "stopped"}
        found: list[str] = []

        def compare(what: str, there: set[str], wanted: set[str]) -> None:
            if there - wanted:
                found.append(f"{what} of sandboxes that do not run: {sorted(there - wanted)}")
            if wanted - there:
                found.append(f"no {what} of running sandboxes: {sorted(wanted - there)}")

        processes, orphans = self.processes()
        compare("processes", set(processes), running)
        if orphans:
            found.append(f"orphans: {[(one, text(f'/proc/{one}/cmdline')) for one in orphans]}")
        for root, names in self.cgroups().items():
            compare(f"cgroup in {root}", names, running)
        compare("interface", self.links(), {name for name in running if name in sandboxes and sandboxes[name].network})
        compare("loop device", self.disks(), running)
        containers = self.containers()
        compare("container", {name for name, state in containers.items() if state == "running"}, alive - running)
        if set(containers) - alive - stopped:
            found.append(f"containers of nobody: {sorted(set(containers) - alive - stopped)}")
        folders = self.folders()
        kept = {name for name in stopped if name in sandboxes and sandboxes[name].has_run}
        if folders - alive - stopped:
            found.append(f"folders of nobody: {sorted(folders - alive - stopped)}")
        if (alive | kept) - folders:
            found.append(f"folders are lost: {sorted((alive | kept) - folders)}")
        # A container's sockets lie on a file system of their own for as long as there is the container.
        owners = (alive | stopped) - running
        mounts = [line for line in self.mounts() if not any(f"/sandboxes/{name}/run " in line for name in owners)]
        if mounts:
            found.append(f"mounts: {mounts}")
        return found + self.jails() + self.billing()

    def settled(self, workers: list[Worker]) -> list[str]:
        """The differences that stay: what a killed sandbox leaves takes the kernel a moment."""
        end = time.monotonic() + 10
        while (found := self.differences(workers)) and time.monotonic() < end:
            time.sleep(0.05)
        return found

    def billing(self) -> list[str]:
        """Each sandbox that ran and stopped has its entry, each entry its line."""
        with sqlite3.connect(f"file:{self.server.data}/registry.db?mode=ro", uri=True) as registry:
            ends = dict(registry.execute(
                "SELECT sandbox, count(*) FROM transitions WHERE from_state = 'running' AND to_state = 'stopped' "
                "GROUP BY sandbox"))
            entries = dict(registry.execute("SELECT sandbox, count(*) FROM billing GROUP BY sandbox"))
            serials = {serial for serial, in registry.execute("SELECT serial FROM billing")}
        registry.close()
        lines = {int(line.split("] [")[2].split("]")[0])
                 for line in text(f"{self.server.data}/billing.log").splitlines()}
        found = []
        if ends != entries:
            wrong = {one for one in set(ends) | set(entries) if ends.get(one) != entries.get(one)}
            found.append(f"ends and billing entries differ for rows {sorted(wrong)}")
        if lines != serials:
            found.append(f"billing lines differ from entries: {sorted(lines ^ serials)}")
        return found

    def remains(self) -> list[str]:
        """What is left once the last sandbox is deleted and the server has ended."""
        found = [f"cgroup {root}" for root in self.cgroups()]
        host = f"rock-{fnv(self.server.data + '/run'):x}"
        found += [f"cgroup {root}" for root in glob.glob(f"/sys/fs/cgroup/**/{host}", recursive=True)]
        sandboxes, orphans = self.processes()
        found += [f"processes {sandboxes}"] if sandboxes else []
        found += [f"orphans {orphans}"] if orphans else []
        for what, there in (("interfaces", self.links()), ("loop devices", self.disks()),
                            ("folders", self.folders()), ("mounts", self.mounts()),
                            ("notes", self.notes()), ("containers", set(self.containers())),
                            ("sockets", set(os.listdir(f"{self.server.data}/run")))):
            if there:
                found.append(f"{what}: {sorted(there)}")
        if os.path.exists("/usr/sbin/nft"):
            tables = subprocess.run(["/usr/sbin/nft", "list", "tables"], capture_output=True, text=True, check=False)
            if self.table in tables.stdout:
                found.append(f"packet filter table {self.table}")
        return found
