"""How sandboxes start, and how starts fail."""

import re

from rock.actions import Command, CreateBashSessionRequest
from rock.sdk.common.exceptions import BadRequestRockError, InternalServerRockError
from rock.sdk.sandbox.client import Sandbox
from scenario import DRIVER, IMAGE, KEEPS_STOPPED, configuration, failure, get, post, running, scenario, status


@scenario
async def a_started_sandbox_tells_all_about_itself():
    async with running(user_id="ann", experiment_id="maze", namespace="lab", memory="512m", cpus=0.5) as sandbox:
        assert re.fullmatch("[0-9a-f]{32}", sandbox.sandbox_id), sandbox.sandbox_id
        assert sandbox.host_name and sandbox.host_ip
        alive = await sandbox.is_alive()
        assert alive.is_alive and alive.message == sandbox.host_name
        told = await sandbox.get_status()
        assert told.sandbox_id == sandbox.sandbox_id and told.is_alive and told.image == IMAGE
        assert (told.user_id, told.experiment_id, told.namespace) == ("ann", "maze", "lab")
        assert told.cpus == 0.5 and told.memory
        assert isinstance(told.port_mapping, dict)
        assert told.status and all(phase["status"] == "success" for phase in told.status.values()), told.status
        whole = await status(sandbox.sandbox_id)
        assert whole["state"] == "running" and isinstance(whole["state_history"], list)
        assert whole["driver"] == DRIVER and whole["isolation"], whole
        lived = (await get("is_alive", sandbox_id=sandbox.sandbox_id))["result"]
        assert lived["is_alive"] is True
        used = (await get("get_sandbox_statistics", sandbox_id=sandbox.sandbox_id))["result"]
        assert set(used) >= {"cpu", "mem", "disk", "net"} and 0 < used["mem"] <= 100, used


@scenario(since=(1, 9))
async def a_sandbox_has_the_id_that_its_client_gives():
    async with running(sandbox_id="chosen-by-me") as sandbox:
        assert sandbox.sandbox_id == "chosen-by-me"
        with failure(BadRequestRockError, "chosen-by-me", "already exists"):
            await Sandbox(configuration(sandbox_id="chosen-by-me")).start()
        assert (await sandbox.is_alive()).is_alive


@scenario
async def plain_http_gives_an_id_as_well():
    body = {"image": IMAGE, "memory": "512m", "cpus": 0.5, "sandbox_id": "chosen-by-curl"}
    started = await post("start", body)
    try:
        assert started["status"] == "Success" and started["result"]["sandbox_id"] == "chosen-by-curl", started
        again = await post("start_async", body)
        assert again["status"] == "Failed" and again["result"]["code"] == 4000, again
        assert "already exists" in again["result"]["failure_reason"], again
        done = await post("execute", {"sandbox_id": "chosen-by-curl", "command": ["hostname"]})
        assert done["result"]["exit_code"] == 0, done
    finally:
        stopped = await post("stop", {"sandbox_id": "chosen-by-curl"})
    assert stopped["status"] == "Success" and stopped["result"] == "chosen-by-curl stopped", stopped


@scenario
async def more_than_is_allowed_is_a_bad_request():
    for changes in ({"cpus": 20}, {"memory": "65g"}, {"memory": "plenty"}):
        with failure(BadRequestRockError, *map(str, changes.values())):
            await Sandbox(configuration(**changes)).start()


@scenario
async def an_image_that_is_nowhere_fails_its_phase():
    sandbox = Sandbox(configuration(image="127.0.0.1:1/nobody/nothing:1"))
    with failure(InternalServerRockError, "Failed to pull image"):
        await sandbox.start()


@scenario
async def part_of_a_minute_is_no_error():
    async with running(auto_clear_seconds=90) as sandbox:
        assert (await sandbox.is_alive()).is_alive


@scenario
async def an_unknown_sandbox_is_a_failure_everywhere():
    sandbox = Sandbox(configuration())
    sandbox._sandbox_id = "nobody"
    with failure(Exception, "nobody"):
        await sandbox.get_status()
    with failure(Exception, "nobody"):
        await sandbox.execute(Command(command=["true"]))
    with failure(Exception, "nobody"):
        await sandbox.arun("true", session="default")
    await sandbox.stop()  # Says nothing, as ever.
    lived = await get("is_alive", sandbox_id="nobody")
    assert lived["status"] == "Success" and lived["result"]["is_alive"] is False, lived
    if KEEPS_STOPPED:
        await sandbox.delete()


@scenario
async def two_sandboxes_share_nothing():
    async with running() as one, running() as other:
        await one.write_file_by_path("mine", "/tmp/mine")
        assert (await other.execute(Command(command=["test", "-e", "/tmp/mine"]))).exit_code == 1
        seen = (await other.execute(Command(command=["ps", "-eo", "pid="]))).stdout.split()
        assert seen[0] == "1" and len(seen) < 10, seen
        names = [(await sandbox.execute(Command(command=["hostname"]))).stdout for sandbox in (one, other)]
        assert names[0] != names[1], names


@scenario
async def root_inside_may_do_what_a_container_s_root_may():
    async with running() as sandbox:
        await sandbox.create_session(CreateBashSessionRequest(session="root"))
        for command, wanted in [
            ("id -u", "0"),
            ("useradd -m worker && su worker -c whoami", "worker"),
            ("touch /opt/x && chown worker:worker /opt/x && stat -c %U:%G /opt/x", "worker:worker"),
            ("python3 -c 'import os; print(os.cpu_count() > 0)'", "True"),
            ("mkdir /tmp/site && cd /tmp/site && python3 -m venv --without-pip v && v/bin/python -c 'print(6*7)'", "42"),
        ]:
            assert (await sandbox.arun(command, session="root")).output == wanted, command
