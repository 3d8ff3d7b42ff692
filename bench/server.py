"""A real server for the benchmarks, and what the kernel says about it."""
import http.client
import json
import os
import re
import subprocess
import sys


class Server:
    """`rockctl admin start` on a free port, and one keep-alive connection to it."""

    def __init__(self, rockctl, data, configuration=""):
        os.makedirs(data, mode=0o700, exist_ok=True)
        file = os.path.join(data, "rock.yml")
        with open(file, "w") as out:
            out.write(configuration)
        self.process = subprocess.Popen(
            [rockctl, "admin", "start", "--port", "0", "--data-dir", data, "--config", file],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        found = re.search(r"http://[0-9.:]+", self.process.stdout.readline())
        if not found:
            sys.exit("rockctl admin start ended without saying where it listens")
        self.url = found.group(0)
        self.connect()

    def connect(self):
        """A new connection: the server closes one that has been idle for more than a minute."""
        self.connection = http.client.HTTPConnection(self.url[7:], timeout=120)

    def call(self, method, **params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        self.connection.request("POST", "/rpc", body, {"Content-Type": "application/json"})
        reply = json.loads(self.connection.getresponse().read())
        if "error" in reply:
            sys.exit(f"{method} failed: {reply['error']}")
        return reply["result"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    @property
    def resident_kilobytes(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    @property
    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def jails(self):
        """The processes of the sandboxes: the children of the zygote, which is the server's child."""
        children = {}
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/stat") as file:
                    parent = int(file.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue  # It ended while we looked.
            children.setdefault(parent, []).append(int(name))
        return [jail for zygote in children.get(self.process.pid, []) for jail in children.get(zygote, [])]


def proportional_kilobytes(processes):
    """The sum of the proportional set sizes of `processes`."""
    total = 0
    for process in processes:
        with open(f"/proc/{process}/smaps_rollup") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return total


def kernel_kilobytes(processes):
    """The kernel memory that the cgroups of `processes` are charged with."""
    total = 0
    for process in processes:
        with open(f"/proc/{process}/cgroup") as file:
            memberships = [line.rstrip("\n").split(":", 2) for line in file]
        for _, controllers, path in memberships:
            try:
                if "memory" in controllers.split(","):
                    with open(f"/sys/fs/cgroup/memory{path}/memory.kmem.usage_in_bytes") as file:
                        total += int(file.read()) // 1024
                elif controllers == "":
                    with open(f"/sys/fs/cgroup{path}/memory.stat") as file:
                        total += next(int(line.split()[1]) for line in file if line.startswith("kernel ")) // 1024
            except (OSError, StopIteration):
                continue  # Not the hierarchy that accounts for memory here.
    return total
