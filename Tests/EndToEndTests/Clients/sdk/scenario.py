"""What the scenarios of ROCK's own package share: their list, a sandbox that ends with its scenario, plain HTTP, and
what must fail."""

import asyncio
import contextlib
import os
import time
import traceback
from importlib.metadata import version

import httpx
from rock.sdk.sandbox.client import Sandbox
from rock.sdk.sandbox.config import SandboxConfig

BASE = os.environ["ROCK_BASE_URL"] + "/apis/envs/sandbox/v1"
DRIVER = os.environ["ROCK_TEST_DRIVER"]
IMAGE = "python:3.11"
#: A registry on this machine that lets in who has the name and password.
REGISTRY = os.environ.get("ROCK_TEST_REGISTRY", "")
CREDENTIALS = ("trainer", "p+ss/w?rd")

SDK = tuple(int(part) for part in version("rl-rock").split(".")[:2])
#: Whether the package is of the generation that keeps stopped sandboxes and restarts them.
KEEPS_STOPPED = SDK >= (1, 9)

scenarios = []


def scenario(function=None, *, since=(0, 0), before=(99, 0)):
    """Adds a scenario for the versions of the package from `since` up to, not including, `before`."""
    if function is None:
        return lambda function: scenario(function, since=since, before=before)
    if since <= SDK < before:
        scenarios.append(function)
    return function


def configuration(**changes):
    return SandboxConfig(**({"image": IMAGE, "memory": "512m", "cpus": 0.5} | changes))


@contextlib.asynccontextmanager
async def running(**changes):
    """A started sandbox, stopped afterwards whatever happens."""
    sandbox = Sandbox(configuration(**changes))
    try:
        await sandbox.start()
        yield sandbox
    finally:
        await sandbox.stop()


@contextlib.contextmanager
def failure(kind=Exception, *texts):
    """What is inside must raise `kind`, or one of several, with every one of `texts` in its message."""
    try:
        yield
    except Exception as error:
        assert isinstance(error, kind), f"raised {type(error).__name__} and not {kind}: {error}"
        for text in texts:
            assert text in str(error), f"{text!r} is not in: {error}"
        return
    raise AssertionError(f"nothing was raised, but {kind} was due")


async def post(path, body=None, **arguments):
    async with httpx.AsyncClient(timeout=120) as client:
        return (await client.post(f"{BASE}/{path}", json=body, **arguments)).json()


async def get(path, **query):
    async with httpx.AsyncClient(timeout=120) as client:
        return (await client.get(f"{BASE}/{path}", params=query)).json()


async def status(sandbox_id):
    """The whole status of a sandbox in any state."""
    answer = await get("get_status", sandbox_id=sandbox_id, include_all_states="True")
    assert answer["status"] == "Success", answer
    return answer["result"]


async def until(state, sandbox_id, limit=30):
    """Waits until a sandbox is in `state`, at most `limit` seconds; a list is no use of it, where a look at its status is."""
    end = time.monotonic() + limit
    while not (found := (await get("sandboxes", sandbox_id=sandbox_id, state=state))["result"]["items"]):
        assert time.monotonic() < end, f"not {state} within {limit} s, but {(await status(sandbox_id))['state']}"
        await asyncio.sleep(0.1)
    return found[0]


async def play(limit=300):
    """Runs all scenarios, several at a time, and prints a line for each.

    Returns how many failed."""
    places = asyncio.Semaphore(8)

    async def run(function):
        async with places:
            name = f"{function.__module__}.{function.__name__}"
            begin = time.monotonic()
            try:
                await asyncio.wait_for(function(), limit)
            except BaseException as error:
                print(f"FAILED {name}\n{traceback.format_exc()}", flush=True)
                if not isinstance(error, Exception):
                    raise
                return 1
            print(f"ok {name} {time.monotonic() - begin:.2f}", flush=True)
            return 0

    return sum(await asyncio.gather(*map(run, scenarios)))
