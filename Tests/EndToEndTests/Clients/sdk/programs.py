"""Programs that are run directly."""

import time

from rock.actions import Command
from scenario import failure, post, running, scenario


@scenario
async def a_program_runs_as_it_is_told():
    async with running() as sandbox:
        for command, wanted in [
            (Command(command=["echo", "a  b", "$HOME"]), ("a  b $HOME\n", "", 0)),
            (Command(command=["sh", "-c", "echo out; echo err >&2; exit 3"]), ("out\n", "err\n", 3)),
            (Command(command="pwd", cwd="/var/tmp"), ("/var/tmp\n", "", 0)),
            (Command(command=["/usr/bin/env"], env={"ONLY": "this"}), ("ONLY=this\n", "", 0)),
            (Command(command=["sh", "-c", "kill -9 $$"]), ("", "", -9)),
            (Command(command=["sh", "-c", "kill -TERM $$"]), ("", "", -15)),
            (Command(command=["printf", "a\\377b\\n\\n"]), ("a\\xffb\n\n", "", 0)),
            (Command(command=["id", "-un"]), ("root\n", "", 0)),
            (Command(command=["cat"]), ("", "", 0)),
        ]:
            told = await sandbox.execute(command)
            assert (told.stdout, told.stderr, told.exit_code) == wanted, (command, told)


@scenario
async def a_program_that_cannot_run_says_why():
    async with running() as sandbox:
        for command, text in [
            (Command(command=["no-such-program"]), "[Errno 2] No such file or directory: 'no-such-program'"),
            (Command(command="ls -la"), "[Errno 2] No such file or directory: 'ls -la'"),
            (Command(command=["true"], cwd="/no/such/folder"), "[Errno 2] No such file or directory: '/no/such/folder'"),
        ]:
            with failure(Exception, text.split(":")[0], text.split("'")[1]):
                await sandbox.execute(command)


@scenario
async def a_program_ends_with_its_time():
    async with running() as sandbox:
        begin = time.monotonic()
        with failure(Exception, "Timeout (0.5s) exceeded while running command"):
            await sandbox.execute(Command(command=["sh", "-c", "sleep 97 & sleep 98"], timeout=0.5))
        assert time.monotonic() - begin < 10
        assert (await sandbox.execute(Command(command=["pgrep", "-x", "sleep"]))).stdout == ""


@scenario
async def plain_http_runs_shell_text():
    async with running() as sandbox:
        async def run(**body):
            return await post("execute", {"sandbox_id": sandbox.sandbox_id} | body)

        told = (await run(command="echo $((6 * 7)) | tr 4 5", shell=True))["result"]
        assert (told["stdout"], told["exit_code"]) == ("52\n", 0), told
        checked = await run(command="echo seen; exit 9", shell=True, check=True, error_msg="my words")
        assert checked["status"] == "Failed" and "my words" in checked["error"] and "9" in checked["error"], checked


@scenario
async def a_program_may_say_much():
    async with running() as sandbox:
        told = await sandbox.execute(Command(command=["sh", "-c", "yes | head -c 1000000; yes n | head -c 1000000 >&2"]))
        assert (len(told.stdout), len(told.stderr), told.exit_code) == (1_000_000, 1_000_000, 0)
