"""Plays over one WebSocket: many environments at once, a lease, a bad message. Prints one JSON object.

usage: websocket_client.py ws://HOST:PORT/rpc
"""
import asyncio
import json
import sys

import websockets


class Client:
    def __init__(self, socket):
        self.socket, self.waiting, self.next = socket, {}, 0

    async def listen(self):
        async for text in self.socket:
            reply = json.loads(text)
            self.waiting.pop(reply["id"]).set_result(reply)

    async def call(self, method, **params):
        self.next += 1
        answer = self.waiting[self.next] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params}))
        return await answer


async def play(client, seed):
    made = (await client.call("make", env_id="game:Sokoban-v0-easy", lease="connection"))["result"]
    sandbox = made["sandbox_id"]
    await client.call("reset", sandbox_id=sandbox, seed=seed)
    steps = 0
    while True:
        action = (await client.call("sample_action", sandbox_id=sandbox))["result"]["action"]
        step = (await client.call("step", sandbox_id=sandbox, action=action))["result"]
        steps += 1
        if step["terminated"] or step["truncated"]:
            return sandbox, steps


async def main():
    async with websockets.connect(sys.argv[1]) as socket:
        await socket.send("this is no JSON")
        garbage = json.loads(await socket.recv())
        client = Client(socket)
        listener = asyncio.create_task(client.listen())
        played = await asyncio.gather(*(play(client, seed) for seed in range(20)))
        listener.cancel()
    print(json.dumps({"garbage": garbage, "played": played}))


asyncio.run(main())
