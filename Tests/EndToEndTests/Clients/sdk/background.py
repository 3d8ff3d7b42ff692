"""Commands in the background: nohup mode as the package drives it, and scripts."""

import time

from rock.actions import Command, CreateBashSessionRequest
from scenario import running, scenario


@scenario
async def a_background_command_gives_its_output():
    async with running() as sandbox:
        await sandbox.create_session(CreateBashSessionRequest(session="bash-1"))
        told = await sandbox.arun("sh -c 'echo out; echo err >&2'", session="bash-1", mode="nohup", wait_timeout=30)
        assert told.exit_code == 0 and set(told.output.split()) >= {"out", "err"}, told
        alone = await sandbox.arun("/bin/bash -c 'sleep 0.2; echo by itself'", mode="nohup", wait_timeout=30)
        assert alone.exit_code == 0 and "by itself" in alone.output, alone


@scenario
async def background_output_goes_where_it_is_told():
    async with running() as sandbox:
        await sandbox.create_session(CreateBashSessionRequest(session="bash-1"))
        await sandbox.arun("cd /var/tmp", "bash-1")
        for file, path in [("file.txt", "/var/tmp/file.txt"), ("/opt/deep/er/out.log", "/opt/deep/er/out.log"), ("sub/o.txt", "/var/tmp/sub/o.txt")]:
            told = await sandbox.arun("echo kept", session="bash-1", mode="nohup", wait_timeout=30, output_file=file)
            assert told.exit_code == 0 and "kept" in told.output, told
            assert "kept" in (await sandbox.execute(Command(command=["cat", path]))).stdout
        told = await sandbox.arun("echo kept", session="bash-1", mode="nohup", output_file="/opt/plain")
        assert told.exit_code == 1 and "Failed parse output file path: /opt/plain" in told.failure_reason + told.output, told


@scenario
async def background_output_can_be_cut_or_left():
    async with running() as sandbox:
        long = "python3 -c 'print(\"0123456789\" * 1000)'"
        told = await sandbox.arun(long, mode="nohup", wait_timeout=30, response_limited_bytes_in_nohup=25)
        assert told.exit_code == 0 and told.output.endswith("0123456789012345678901234"[-20:]) and len(told.output) < 200, told
        told = await sandbox.arun(long, mode="nohup", wait_timeout=30, ignore_output=True, output_file="/tmp/long.txt")
        assert told.exit_code == 0, told
        for text in ["Status: completed", "Output file: /tmp/long.txt", "File size: 9.77 KB"]:
            assert text in told.output, told


@scenario
async def a_background_command_may_take_too_long():
    async with running() as sandbox:
        await sandbox.create_session(CreateBashSessionRequest(session="bash-1"))
        begin = time.monotonic()
        told = await sandbox.arun("sleep 300", session="bash-1", mode="nohup", wait_timeout=6, wait_interval=5)
        assert told.exit_code == 1 and told.failure_reason and 5 < time.monotonic() - begin < 60, told
        # It goes on, as a process of the session that has others beside it.
        assert (await sandbox.arun("pgrep -xc sleep", "bash-1")).output == "1"


@scenario
async def a_shell_that_does_not_come_back_ends_with_the_client_s_patience():
    async with running() as sandbox:
        await sandbox.create_session(CreateBashSessionRequest(session="bash-1"))
        begin = time.monotonic()
        told = await sandbox.arun("true & read -r answer </dev/tty; true", session="bash-1", mode="nohup")
        assert told.exit_code == 1 and ("failed due to timeout" in told.output or "timeout after 30" in told.output), told
        assert 29 < time.monotonic() - begin < 60
        assert (await sandbox.arun("echo back", "bash-1")).output == "back"


@scenario
async def ended_background_processes_are_reaped():
    async with running() as sandbox:
        await sandbox.create_session(CreateBashSessionRequest(session="bash-1"))
        await sandbox.arun("(sh -c 'exit 0' & exec sleep 0.1) & for i in 1 2 3; do (true &); done; wait", "bash-1")
        left = await sandbox.arun("ps -eo stat= | grep -c Z || true", "bash-1")
        assert left.output == "0", left


@scenario
async def the_old_way_to_wait_is_kept():
    async with running() as sandbox:
        told = await sandbox.run_nohup_and_wait("sh -c 'echo old'", redirect_file_path="/tmp/old.txt", wait_timeout=30)
        assert told.success, told
        assert (await sandbox.execute(Command(command=["cat", "/tmp/old.txt"]))).stdout == "old\n"


@scenario
async def a_script_is_run_and_removed():
    async with running() as sandbox:
        told = await sandbox.process.execute_script(
            "#!/bin/bash\nset -u\nfor i in 1 2 3; do echo line $i; done\n", script_name="mine.sh", wait_timeout=30)
        assert told.exit_code == 0 and "line 3" in told.output, told
        assert (await sandbox.execute(Command(command=["test", "-e", "/tmp/mine.sh"]))).exit_code == 1
        await sandbox.process.execute_script("echo kept", script_name="kept.sh", wait_timeout=30, cleanup=False)
        assert (await sandbox.execute(Command(command=["test", "-e", "/tmp/kept.sh"]))).exit_code == 0
