"""A sandbox becomes an image, and the image a sandbox."""

import uuid

from rock.actions import Command
from scenario import CREDENTIALS, KEEPS_STOPPED, REGISTRY, running, scenario


@scenario
async def a_sandbox_is_committed_pushed_and_started_again():
    tag = f"{REGISTRY}/team/made-{uuid.uuid4().hex[:8]}:1"
    async with running() as sandbox:
        await sandbox.write_file_by_path("of the image", "/opt/made")
        told = await sandbox.commit(tag, *CREDENTIALS)
        assert told.exit_code in (0, None), told
        if KEEPS_STOPPED:
            assert told.phase == "SUCCEEDED" and told.image_tag == tag and told.sandbox_id == sandbox.sandbox_id, told
            assert (await sandbox.get_commit_status()).phase == "SUCCEEDED"
        assert (await sandbox.is_alive()).is_alive
    access = dict(zip(("registry_username", "registry_password"), CREDENTIALS)) if KEEPS_STOPPED else {}
    async with running(image=tag, **access) as made:
        assert (await made.execute(Command(command=["cat", "/opt/made"]))).stdout == "of the image"


@scenario
async def a_commit_that_fails_says_why():
    async with running() as sandbox:
        if KEEPS_STOPPED:
            told = await sandbox.commit(f"{REGISTRY}/team/refused:1", "trainer", "wrong")
            assert told.phase == "FAILED" and told.error_message, told
        else:
            told = await sandbox.commit(f"{REGISTRY}/team/refused:1", "trainer", "wrong")
            assert told.exit_code not in (0, None) and told.stderr, told
        assert (await sandbox.is_alive()).is_alive
