"""Plays Sokoban with OpenEnv's own client over its WebSocket, and over plain HTTP; prints what happened as JSON."""

import asyncio
import json
import sys

import requests
from openenv.core.generic_client import GenericEnvClient

base = sys.argv[1] + "/openenv/game:Sokoban-v0-easy"
MOVES = ["left", "left", "up", "up", "right", "right", "left", "left", "down", "down", "right", "right", "up"]


async def over_websocket():
    async with GenericEnvClient(base_url=base) as env:
        errors = []
        for wrong in (env.step({"action": "x"}), env.step({"move": "up"}), env.reset(seed="many")):
            try:
                await wrong
            except RuntimeError as error:
                errors.append(str(error))
        first = await env.reset(seed=42, episode_id="one")
        results = [await env.step({"action": rf"\boxed{{{move}}}"}) for move in MOVES]
        return first, results, await env.state(), errors


async def side_by_side():
    return await asyncio.gather(*(over_websocket() for _ in range(8)))


def over_http(session):
    headers = {"X-Session-Id": session}
    first = requests.post(base + "/reset", json={"seed": 42}, headers=headers, timeout=30)
    answers = [
        requests.post(base + "/step", json={"action": {"action": rf"\boxed{{{move}}}"}}, headers=headers, timeout=30)
        for move in MOVES
    ]
    return [first.json(), *(answer.json() for answer in answers)]


def status(method, path, **more):
    return requests.request(method, base + path, timeout=30, **more).status_code


played = asyncio.run(side_by_side())
first, results, state, errors = played[0]
http = over_http("a")
print(json.dumps({
    "alike": all(one == played[0] for one in [(a, b, {**c, "sandbox_id": state["sandbox_id"]}, d) for a, b, c, d in played]),
    "sandboxes": len({c["sandbox_id"] for _, _, c, _ in played}),
    "first": first.observation["text"],
    "rewards": [result.reward for result in results],
    "done": [result.done for result in results],
    "state": state,
    "errors": errors,
    "http_alike": [one["observation"] for one in http] == [first.observation] + [r.observation for r in results]
    and over_http("b") == http,
    "health": requests.get(base + "/health", timeout=30).json(),
    "schema": sorted(requests.get(base + "/schema", timeout=30).json()),
    "statuses": [
        status("GET", "/reset"), status("POST", "/step", json={}), status("POST", "/step", data="{"),
        status("POST", "/reset", json=[]), status("GET", "/nothing"), status("GET", "/../game:None-v0/health"),
        status("POST", "/step", json={"action": {"action": "x"}}, headers={"X-Session-Id": "new"}),
    ],
}))
