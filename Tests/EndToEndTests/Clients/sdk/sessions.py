"""Bash sessions: what stays, what is an error, and that nothing confuses them."""

import asyncio
import time

from rock.actions import BashAction, CloseBashSessionRequest, CreateBashSessionRequest
from scenario import failure, post, running, scenario


async def opened(sandbox, name="bash-1", **arguments):
    return await sandbox.create_session(CreateBashSessionRequest(session=name, **arguments))


@scenario
async def hello():
    async with running() as sandbox:
        assert (await opened(sandbox)).session_type == "bash"
        result = await sandbox.arun(cmd="echo Hello ROCK", session="bash-1")
        assert result.output == "Hello ROCK" and result.exit_code == 0 and result.failure_reason == "", result


@scenario
async def a_session_remembers():
    async with running() as sandbox:
        await opened(sandbox)
        await sandbox.arun("cd /var/tmp; count=41; twice() { echo $(($1 * 2)); }; export SEEN=yes; set -o noclobber", "bash-1")
        for command, wanted in [
            ("pwd", "/var/tmp"), ("echo $((count + 1))", "42"), ("twice 21", "42"), ("sh -c 'echo $SEEN'", "yes"),
            ("echo $?", "0"), ("cd ~ && pwd", "/root"), ("[[ -o noclobber ]] && echo on", "on"),
        ]:
            assert (await sandbox.arun(command, "bash-1")).output == wanted, command


@scenario
async def a_session_s_errors_have_their_words():
    async with running() as sandbox:
        await opened(sandbox)
        with failure(Exception, "session bash-1 already exists"):
            await opened(sandbox)
        with failure(Exception, "session 'nobody' does not exist"):
            await sandbox.arun("true", session="nobody")
        with failure(Exception, "Command '(echo why; exit 3)' failed with exit code 3", "why"):
            await sandbox.arun("(echo why; exit 3)", session="bash-1")
        with failure(Exception, "syntax error"):
            await sandbox.arun("if then", session="bash-1")
        assert (await sandbox.arun("echo fine", session="bash-1")).output == "fine"


@scenario
async def a_check_decides_what_an_exit_code_is():
    async with running() as sandbox:
        await opened(sandbox)
        for check, wanted in [("silent", 7), ("ignore", None)]:
            told = await sandbox.run_in_session(BashAction(session="bash-1", command="echo out; (exit 7)", check=check))
            assert (told.output, told.exit_code) == ("out", wanted), told
        with failure(Exception, "failed with exit code 7"):
            await sandbox.run_in_session(BashAction(session="bash-1", command="(exit 7)", check="raise"))


@scenario
async def no_command_confuses_a_session():
    async with running() as sandbox:
        await opened(sandbox)
        for command, wanted in [
            ("cat <<END\none\ntwo\nEND\necho three", "one\r\ntwo\r\nthree"),
            ("echo SHELLPS1PREFIX; echo after", "SHELLPS1PREFIX\r\nafter"),
            ("echo 'EXITCODESTART5EXITCODEEND UNIQUESTRING29234'", "EXITCODESTART5EXITCODEEND UNIQUESTRING29234"),
            ("case a in a) echo yes;; esac", "yes"),
            ("for i in 1 2; do\n  echo $i\ndone", "1\r\n2"),
            ("# nothing at all", ""),
            ("printf 'a\\033[31mb\\033[0mc'", "abc"),
            ("true & wait; echo done", None),
            ("PS1='$ '; echo still", "still"),
            ("exec 2>&1; echo joined", "joined"),
            ("printf '%s' äöü€", "äöü€"),
            ("python3 -c 'print(\"x\" * 1000000)' | wc -c", "1000001"),
        ]:
            told = await sandbox.arun(command, "bash-1")
            assert told.exit_code == 0 and wanted in (None, told.output), (command, told)
        long = "echo " + "x" * 500_000 + " | wc -c"
        assert (await sandbox.arun(long, "bash-1")).output == "500001"


@scenario
async def a_timeout_leaves_the_session_usable():
    async with running() as sandbox:
        await opened(sandbox)
        begin = time.monotonic()
        # The package waits no longer than the command may take, and may give up first.
        with failure(Exception, "imeout"):
            await sandbox.run_in_session(BashAction(session="bash-1", command="x=kept; echo before; sleep 60", timeout=1))
        assert time.monotonic() - begin < 10
        assert (await sandbox.arun("echo next $x", "bash-1")).output == "next kept"
        body = {"sandbox_id": sandbox.sandbox_id, "session": "bash-1", "command": "cat; sleep 60", "timeout": 0.5}
        told = await post("run_in_session", body)
        assert told["status"] == "Failed" and "timeout after 0.5 seconds while running command" in told["error"], told
        assert (await sandbox.arun("echo next $x", "bash-1")).output == "next kept"


@scenario
async def calls_in_one_session_wait_for_each_other():
    async with running() as sandbox:
        await opened(sandbox)
        told = await asyncio.gather(
            *(sandbox.arun(f"n=$((n + 1)); echo a{i}; sleep 0.05; echo b{i}", "bash-1") for i in range(16)))
        assert [result.output for result in told] == [f"a{i}\r\nb{i}" for i in range(16)]
        assert (await sandbox.arun("echo $n", "bash-1")).output == "16"


@scenario
async def sessions_have_environments_of_their_own():
    async with running() as sandbox:
        await sandbox.write_file_by_path("export FROM_FILE=sourced\n", "/opt/profile.sh")
        await opened(sandbox, "empty")
        await opened(sandbox, "given", env={"GIVEN": "a b", "TWO": "2"})
        await opened(sandbox, "server", env_enable=True)
        await opened(sandbox, "sourced", startup_source=["/opt/profile.sh", "/opt/missing.sh"])
        for session, command, wanted in [
            ("empty", "echo [$HOME][$GIVEN]", "[][]"), ("empty", "echo $TERM", "dumb"),
            ("given", "echo [$GIVEN][$TWO]", "[a b][2]"), ("server", "test -n \"$PATH\" && echo some", "some"),
            ("sourced", "echo $FROM_FILE", "sourced"),
        ]:
            assert (await sandbox.arun(command, session)).output == wanted, (session, command)


@scenario
async def a_user_s_session_is_the_user_s():
    async with running() as sandbox:
        assert not await sandbox.remote_user.is_user_exist("rock")
        assert await sandbox.remote_user.create_remote_user("rock")
        assert await sandbox.remote_user.is_user_exist("rock")
        assert await sandbox.remote_user.create_remote_user("rock")
        await opened(sandbox, "theirs", remote_user="rock")
        assert (await sandbox.arun("whoami", "theirs")).output == "rock"
        await opened(sandbox, "ours", remote_user="root")
        assert (await sandbox.arun("whoami", "ours")).output == "root"
        with failure(Exception):
            await sandbox.arun("touch /etc/theirs", "theirs")
        with failure(Exception):
            await opened(sandbox, "nobody's", remote_user="somebody")


@scenario
async def a_shell_that_ended_is_an_error_until_it_is_made_again():
    async with running() as sandbox:
        await opened(sandbox)
        with failure(Exception):
            await sandbox.arun("exit 3", "bash-1")
        with failure(Exception):
            await sandbox.arun("echo there", "bash-1")
        closed = await post("close_session", {"sandbox_id": sandbox.sandbox_id, "session": "bash-1", "session_type": "bash"})
        assert closed["status"] == "Success" and closed["result"]["session_type"] == "bash", closed
        await opened(sandbox)
        assert (await sandbox.arun("echo there", "bash-1")).output == "there"


@scenario(since=(1, 9))
async def a_session_can_be_closed():
    async with running() as sandbox:
        await opened(sandbox)
        assert (await sandbox.close_session(CloseBashSessionRequest(session="bash-1"))).session_type == "bash"
        with failure(Exception, "does not exist"):
            await sandbox.arun("true", "bash-1")
        with failure(Exception, "does not exist"):
            await sandbox.close_session(CloseBashSessionRequest(session="bash-1"))
        await opened(sandbox)


@scenario(before=(1, 9))
async def the_older_package_closes_no_session():
    async with running() as sandbox:
        await opened(sandbox)
        assert await sandbox.close_session(CloseBashSessionRequest(session="bash-1")) is None
        assert (await sandbox.arun("echo there", "bash-1")).output == "there"


@scenario(since=(1, 9))
async def a_run_without_a_session_makes_one():
    async with running() as sandbox:
        assert (await sandbox.arun("echo on my own")).output == "on my own"


@scenario
async def programs_that_ask_are_answered():
    async with running() as sandbox:
        await opened(sandbox)

        async def interact(command, **more):
            body = {"sandbox_id": sandbox.sandbox_id, "session": "bash-1", "command": command, "timeout": 20}
            answer = await post("run_in_session", body | more)
            assert answer["status"] == "Success", answer
            return answer["result"]

        begun = await interact("python3 -q -i", is_interactive_command=True, expect=[">>> "])
        assert begun["exit_code"] == 0 and begun["expect_string"] == ">>> ", begun
        told = await interact("print(6 * 7)", is_interactive_command=True, expect=[">>> "])
        assert "42" in told["output"], told
        await interact("exit()", is_interactive_quit=True)
        assert (await sandbox.arun("echo back", "bash-1")).output == "back"
