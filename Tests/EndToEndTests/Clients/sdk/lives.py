"""Every state of a sandbox, and the moves between them."""

import asyncio
import uuid

from rock.actions import Command, CreateBashSessionRequest
from rock.sdk.common.exceptions import BadRequestRockError
from rock.sdk.sandbox.client import Sandbox
from scenario import KEEPS_STOPPED, IMAGE, configuration, failure, get, post, running, scenario, status, until

SMALL = {"image": IMAGE, "memory": "512m", "cpus": 0.5}


@scenario
async def a_stopped_sandbox_is_told_as_such():
    async with running() as sandbox:
        pass
    with failure(Exception, sandbox.sandbox_id):
        await sandbox.get_status()
    with failure(Exception, sandbox.sandbox_id):
        await sandbox.execute(Command(command=["true"]))
    whole = await status(sandbox.sandbox_id)
    assert whole["state"] in ("stopped", "deleted") and not whole["is_alive"] and whole["stop_time"], whole
    await sandbox.stop()  # Once more is no error.
    assert (await post("stop", {"sandbox_id": sandbox.sandbox_id}))["status"] == "Success"


@scenario
async def a_restart_keeps_files_and_no_sessions():
    async with running(**({"auto_delete_seconds": 300} if KEEPS_STOPPED else {})) as sandbox:
        await sandbox.create_session(CreateBashSessionRequest(session="bash-1"))
        await sandbox.write_file_by_path("kept", "/opt/kept")
        await sandbox.stop()
        assert (await status(sandbox.sandbox_id))["state"] == "stopped"
        if KEEPS_STOPPED:
            await sandbox.restart()
        else:
            assert (await post("restart", {"sandbox_id": sandbox.sandbox_id}))["status"] == "Success"
            await until("running", sandbox.sandbox_id)
        assert (await sandbox.is_alive()).is_alive
        assert (await sandbox.execute(Command(command=["cat", "/opt/kept"]))).stdout == "kept"
        with failure(Exception, "session 'bash-1' does not exist"):
            await sandbox.arun("true", session="bash-1")
        whole = await status(sandbox.sandbox_id)
        moves = [(move["from_state"], move["to_state"]) for move in whole["state_history"]]
        wanted = [("pending", "running"), ("running", "stopped"), ("stopped", "pending"), ("pending", "running")]
        assert moves[-4:] == wanted, moves
        assert all(phase["status"] == "success" for phase in whole["status"].values()), whole["status"]


@scenario(since=(1, 9))
async def only_what_stopped_is_restarted_or_deleted():
    async with running(auto_delete_seconds=300) as sandbox:
        with failure(BadRequestRockError):
            await sandbox.restart()
        with failure(BadRequestRockError):
            await sandbox.delete()
        with failure(BadRequestRockError, "archive feature is disabled"):
            await sandbox.archive()
        await sandbox.stop()
        await sandbox.delete()
        assert (await status(sandbox.sandbox_id))["state"] == "deleted"
        await sandbox.delete()
        with failure(BadRequestRockError):
            await sandbox.restart()


@scenario(since=(1, 9))
async def another_client_attaches():
    async with running(user_id="ann", namespace="lab", auto_delete_seconds=300) as sandbox:
        other = Sandbox(configuration())
        await other.attach(sandbox.sandbox_id)
        assert (other.host_name, other.config.user_id, other.config.namespace) == (sandbox.host_name, "ann", "lab")
        assert (await other.execute(Command(command=["echo", "attached"]))).stdout == "attached\n"
        await sandbox.stop()
        late = Sandbox(configuration())
        await late.attach(sandbox.sandbox_id)
        await late.restart()
        assert (await late.is_alive()).is_alive
        with failure(Exception, "nobody"):
            await Sandbox(configuration()).attach("nobody")


@scenario(since=(1, 9))
async def a_sandbox_may_be_deleted_as_it_stops():
    async with running(auto_delete_seconds=0) as sandbox:
        await sandbox.stop()
        await until("deleted", sandbox.sandbox_id)


@scenario
async def an_idle_sandbox_is_stopped_and_deleted():
    started = await post("start", SMALL | {"auto_clear_time_minutes": 0.15, "auto_delete_seconds": 2})
    assert started["status"] == "Success", started
    id = started["result"]["sandbox_id"]
    # A sandbox that is used lives on, longer than its idle time of nine seconds.
    for _ in range(6):
        await asyncio.sleep(2)
        told = await post("execute", {"sandbox_id": id, "command": ["true"]})
        assert told["status"] == "Success", told
    stopped = await until("stopped", id)
    assert stopped["stop_time"] and stopped["auto_delete_time"], stopped
    deleted = await until("deleted", id)
    assert deleted["delete_time"], deleted


@scenario
async def a_pending_sandbox_is_known_at_once():
    started = await post("start_async", SMALL)
    id = started["result"]["sandbox_id"]
    try:
        told = await get("get_status", sandbox_id=id)
        assert told["status"] == "Success" and told["result"]["state"] in ("pending", "running"), told
        assert isinstance(told["result"]["status"], dict) and isinstance(told["result"]["port_mapping"], dict), told
        await until("running", id)
    finally:
        await post("stop", {"sandbox_id": id})


@scenario
async def a_start_can_be_stopped_at_any_moment():
    async def one(delay):
        id = f"cut-{uuid.uuid4().hex[:8]}"
        start = asyncio.create_task(post("start_async", SMALL | {"sandbox_id": id}))
        while (await get("get_status", sandbox_id=id))["status"] != "Success" and not start.done():
            pass
        await asyncio.sleep(delay)
        assert (await post("stop", {"sandbox_id": id}))["status"] == "Success"
        await start
        whole = await status(id)
        assert whole["state"] in ("stopped", "deleted") and not whole["is_alive"], whole

    await asyncio.gather(*(one(delay) for delay in [0, 0.005, 0.01, 0.02, 0.04, 0.08]))
