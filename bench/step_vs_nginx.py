#!/usr/bin/env python3
"""Times `step` over HTTP against nginx answering a static JSON of the same size, in one run on one machine.

Both are driven by wrk: one keep-alive connection for latency, 64 connections and 64 sandboxes for throughput. Rounds
alternate between the two servers, so that a drift of the machine's speed hits both; medians over the rounds count.

Needs nginx and wrk (Debian packages) and a release build. Prints a table, or JSON with --json.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ACTION = "\\boxed{up}"


def rpc(url, method, **params):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url + "/rpc", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        raw = answer.read()
    reply = json.loads(raw)
    if "error" in reply:
        sys.exit(f"{method} failed: {reply['error']}")
    return reply["result"], raw


def start_rock(rockctl, data, arguments):
    process = subprocess.Popen(
        [rockctl, "admin", "start", "--port", "0", "--data-dir", data, *arguments],
        stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        found = re.search(r"http://\S+", line)
        if found:
            return process, found.group(0).rstrip("/.,")
    sys.exit("rockctl admin start ended without saying where it listens")


def start_nginx(folder, body, port):
    path = os.path.join(folder, "answer.json")
    with open(path, "wb") as file:
        file.write(body)
    configuration = f"""
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; default_type application/json;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  open_file_cache max=10; sendfile on; tcp_nopush on;
  server {{ listen 127.0.0.1:{port}; location / {{ root {folder}; }} }}
}}"""
    file = os.path.join(folder, "nginx.conf")
    with open(file, "w") as out:
        out.write(configuration)
    process = subprocess.Popen(["nginx", "-c", file, "-p", folder], stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/answer.json"
    for _ in range(100):
        try:
            urllib.request.urlopen(url, timeout=1).read()
            return process, url
        except OSError:
            time.sleep(0.05)
    sys.exit("nginx did not start")


def lua(path, sandboxes):
    """A wrk script that steps the sandboxes in turn, with requests made once, before the clock starts."""
    bodies = [
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "step", "params": {"sandbox_id": s, "action": ACTION}})
        for s in sandboxes]
    with open(path, "w") as file:
        file.write("local requests = {}\nlocal turn = 0\n")
        file.write("local headers = {['Content-Type'] = 'application/json'}\n")
        file.write("function init(args)\n")
        for body in bodies:
            file.write(f"  requests[#requests + 1] = wrk.format('POST', '/rpc', headers, [==[{body}]==])\n")
        file.write("end\nfunction request()\n  turn = turn % #requests + 1\n  return requests[turn]\nend\n")


def wrk(url, connections, seconds, threads, script=None):
    command = ["wrk", "-t", str(threads), "-c", str(connections), "-d", f"{seconds}s", "--latency"]
    if script:
        command += ["-s", script]
    out = subprocess.run(command + [url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out:
        sys.exit("the server answered with errors:\n" + out)
    number, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", out).groups()
    p50 = float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]
    return p50, float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rockctl", default=".build/release/rockctl")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--server-option", action="append", default=[], help="passed to rockctl admin start")
    parser.add_argument("--nginx-port", type=int, default=18099)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        # Everybody may look inside: nginx may serve as another user.
        os.chmod(folder, 0o755)
        rock, url = start_rock(options.rockctl, os.path.join(folder, "data"), options.server_option)
        nginx = None
        try:
            sandboxes = []
            for index in range(64):
                made, _ = rpc(url, "make", env_id="game:Sokoban-v0-easy", kwargs={"max_turns": 1_000_000_000})
                rpc(url, "reset", sandbox_id=made["sandbox_id"], seed=index)
                sandboxes.append(made["sandbox_id"])
            _, body = rpc(url, "step", sandbox_id=sandboxes[0], action=ACTION)
            nginx, static = start_nginx(folder, body, options.nginx_port)
            one, many = os.path.join(folder, "one.lua"), os.path.join(folder, "many.lua")
            lua(one, sandboxes[:1])
            lua(many, sandboxes)
            rows = {"step p50 us": [], "nginx p50 us": [], "step /s": [], "nginx /s": []}
            for _ in range(options.rounds):
                rows["nginx p50 us"].append(wrk(static, 1, options.seconds, 1)[0])
                rows["step p50 us"].append(wrk(url + "/rpc", 1, options.seconds, 1, one)[0])
                rows["nginx /s"].append(wrk(static, 64, options.seconds, 1)[1])
                rows["step /s"].append(wrk(url + "/rpc", 64, options.seconds, 1, many)[1])
        finally:
            for process in (rock, nginx):
                if process:
                    process.terminate()
                    process.wait()
    result = {name: statistics.median(values) for name, values in rows.items()}
    result["answer bytes"] = len(body)
    result["p50 ratio"] = result["step p50 us"] / result["nginx p50 us"]
    result["throughput ratio"] = result["step /s"] / result["nginx /s"]
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:18} {value:12,.2f}")


if __name__ == "__main__":
    main()
