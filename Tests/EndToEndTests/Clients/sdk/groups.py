"""Groups of sandboxes."""

from rock.actions import Action, CreateBashSessionRequest
from rock.sdk.sandbox.client import SandboxGroup
from rock.sdk.sandbox.config import SandboxGroupConfig
from scenario import IMAGE, failure, scenario


@scenario
async def a_group_starts_works_and_stops():
    group = SandboxGroup(
        SandboxGroupConfig(image=IMAGE, size=4, start_concurrency=2, memory="512m", cpus=0.5))
    try:
        await group.start()
        assert len({sandbox.sandbox_id for sandbox in group.sandbox_list}) == 4
        for number, sandbox in enumerate(group.sandbox_list):
            await sandbox.create_session(CreateBashSessionRequest(session="default"))
            told = await sandbox.run_in_session(Action(session="default", command=f"echo Hello {number}"))
            assert told.output == f"Hello {number}", told
    finally:
        await group.stop()
    for sandbox in group.sandbox_list:
        with failure(Exception, sandbox.sandbox_id):
            await sandbox.get_status()


@scenario
async def a_group_that_cannot_start_says_so():
    group = SandboxGroup(SandboxGroupConfig(image=IMAGE, size=2, cpus=20, start_retry_times=2))
    with failure(Exception, "20"):
        await group.start()
    await group.stop()
