"""Files: written, read, sent, and never outside of the sandbox."""

import asyncio
import hashlib
import os
import tempfile
from pathlib import Path

from rock.actions import Command, ReadFileRequest, UploadRequest, WriteFileRequest
from rock.actions.sandbox.request import ChmodRequest, ChownRequest
from scenario import KEEPS_STOPPED, failure, post, running, scenario


async def shell(sandbox, text):
    told = await sandbox.execute(Command(command=["sh", "-c", text]))
    assert told.exit_code == 0, told
    return told.stdout


@scenario
async def what_is_written_is_read():
    async with running() as sandbox:
        for path, content in [
            ("/tmp/new/folders/a.txt", "a\nb\n"), ("/root/no-newline", "x"), ("/opt/empty", ""),
            ("/opt/ü €.txt", "äöü €\n" * 3), ("/opt/large", "0123456789abcdef" * 131072),
        ]:
            written = await sandbox.write_file(WriteFileRequest(content=content, path=path))
            assert written.success, written
            assert (await sandbox.read_file(ReadFileRequest(path=path))).content == content, path
        assert (await sandbox.write_file_by_path("again", "/root/no-newline")).success
        assert await shell(sandbox, "cat /root/no-newline") == "again"
        told = await sandbox.write_file_by_path("x", "/tmp")
        assert not told.success, told


@scenario
async def text_is_read_as_it_is_encoded():
    async with running() as sandbox:
        await shell(sandbox, "printf 'a\\r\\nb\\rc\\n' > /tmp/crlf; printf '\\344\\n' > /tmp/latin; printf 'a\\377b' > /tmp/bad")
        for request, wanted in [
            (ReadFileRequest(path="/tmp/crlf"), "a\nb\nc\n"),
            (ReadFileRequest(path="/tmp/latin", encoding="latin-1"), "ä\n"),
            (ReadFileRequest(path="/tmp/bad", errors="ignore"), "ab"),
            (ReadFileRequest(path="/tmp/bad", encoding="utf-8", errors="replace"), "a\ufffdb"),
        ]:
            assert (await sandbox.read_file(request)).content == wanted, request
        for path in ["/tmp/missing", "/tmp", "/tmp/bad"]:
            with failure((KeyError, TypeError)):  # The package looks for a content without asking whether there is one.
                await sandbox.read_file(ReadFileRequest(path=path))
            answer = await post("read_file", {"sandbox_id": sandbox.sandbox_id, "path": path})
            assert answer["status"] == "Failed" and answer["error"], answer


@scenario
async def lines_are_read_in_ranges():
    async with running() as sandbox:
        await sandbox.write_file_by_path("".join(f"line {i}\n" for i in range(1, 2501)), "/tmp/lines")
        for first, last in [(1, 2), (3, 3), (999, 2002), (2499, None), (None, None), (2600, 2601)]:
            told = (await sandbox.read_file_by_line_range("/tmp/lines", first, last)).content
            lines = [f"line {i}" for i in range(first or 1, (last or 2500) + 1) if i <= 2500]
            assert told.split("\n")[:len(lines)] == lines and told.count("line") == len(lines), (first, last, told[:80])
        for first, last in [(0, 1), (5, 4)]:
            with failure(Exception):
                await sandbox.read_file_by_line_range("/tmp/lines", first, last)


@scenario
async def uploads_arrive_whole():
    with tempfile.TemporaryDirectory() as folder:
        async with running() as sandbox:
            for size in [0, 1, 65_537, 3 << 20, 40 << 20]:
                path = Path(folder) / f"{size}.bin"
                path.write_bytes(os.urandom(size))
                target = f"/data/in/{size}.bin"
                told = await sandbox.upload_by_path(str(path), target)
                assert told.success, told
                digest = (await shell(sandbox, f"sha256sum {target}; stat -c %a {target}")).split()
                assert digest[0] == hashlib.sha256(path.read_bytes()).hexdigest() and digest[2] == "644", (size, digest)
            again = await sandbox.upload(UploadRequest(source_path=folder + "/1.bin", target_path="/data/in/65537.bin"))
            assert again.success and await shell(sandbox, "stat -c %s /data/in/65537.bin") == "1\n"
            assert not (await sandbox.upload_by_path(folder + "/missing", "/data/missing")).success


@scenario
async def folders_are_uploaded():
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sub" / "deep").mkdir(parents=True)
        (Path(folder) / "sub" / "deep" / "file.txt").write_text("deep")
        (Path(folder) / "run.sh").write_text("#!/bin/sh\necho ran\n")
        (Path(folder) / "run.sh").chmod(0o755)
        (Path(folder) / "link").symlink_to("run.sh")
        async with running() as sandbox:
            await shell(sandbox, "mkdir -p /opt/target && touch /opt/target/old")
            told = await sandbox.fs.upload_dir(folder, "/opt/target")
            assert told.exit_code == 0, told
            assert await shell(sandbox, "cd /opt/target && find . -type f | sort && ./link && cat sub/deep/file.txt") == (
                "./run.sh\n./sub/deep/file.txt\nran\ndeep")
            assert await shell(sandbox, "ls /tmp | grep -c rock_upload || true") == "0\n"
            for source, target in [(folder + "/missing", "/opt/x"), (folder, "relative")]:
                assert (await sandbox.fs.upload_dir(source, target)).exit_code == 1


@scenario
async def owners_and_modes_change():
    async with running() as sandbox:
        await sandbox.remote_user.create_remote_user("rock")
        await shell(sandbox, "mkdir -p /srv/a/b && touch /srv/a/b/c /srv/one")
        assert (await sandbox.fs.chown(ChownRequest(remote_user="rock", paths=["/srv/a"], recursive=True))).success
        assert (await sandbox.fs.chown(ChownRequest(remote_user="rock", paths=["/srv/one"]))).success
        assert (await sandbox.fs.chmod(ChmodRequest(paths=["/srv/a"], mode="700", recursive=True))).success
        assert (await sandbox.fs.chmod(ChmodRequest(paths=["/srv/one"], mode="4755"))).success
        told = await shell(sandbox, "stat -c '%U:%G %a' /srv/a /srv/a/b/c /srv/one")
        assert told == "rock:rock 700\nrock:rock 700\nrock:rock 4755\n", told
        assert not (await sandbox.fs.chown(ChownRequest(remote_user="nobody-here", paths=["/srv/one"]))).success
        assert not (await sandbox.fs.chmod(ChmodRequest(paths=["/srv/missing"]))).success


@scenario
async def no_path_leads_outside():
    async with running() as sandbox:
        await shell(sandbox, "ln -s / /tmp/root; ln -s ../../../../../.. /tmp/up; ln -s /proc/1/root /tmp/init")
        host = os.uname().nodename
        for path in ["/../../../../etc/hostname", "/tmp/root/etc/hostname", "/tmp/up/etc/hostname"]:
            inside = await shell(sandbox, "cat /etc/hostname")
            told = (await sandbox.read_file(ReadFileRequest(path=path))).content
            assert told == inside and told.strip() != host, (path, told)
        with failure():  # No path goes through another process.
            await sandbox.read_file(ReadFileRequest(path="/tmp/init/etc/hostname"))
        for index, path in enumerate(["/../../../tmp/planted", "/tmp/root/opt/planted", "/tmp/up/opt/planted"]):
            name = f"{path}-{os.getpid()}-{index}"
            assert (await sandbox.write_file_by_path("x", name)).success
            assert not os.path.exists(f"/tmp/planted-{os.getpid()}-{index}")
            assert not os.path.exists(f"/opt/planted-{os.getpid()}-{index}")


@scenario
async def many_files_at_once():
    async with running() as sandbox:
        async def one(i):
            assert (await sandbox.write_file_by_path(f"number {i}", f"/tmp/many/{i % 4}/{i}")).success
            return (await sandbox.read_file(ReadFileRequest(path=f"/tmp/many/{i % 4}/{i}"))).content

        assert await asyncio.gather(*map(one, range(64))) == [f"number {i}" for i in range(64)]


if KEEPS_STOPPED:
    from rock.actions import UploadMode

    @scenario
    async def an_upload_may_be_told_how():
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"direct")
            file.flush()
            async with running() as sandbox:
                told = await sandbox.upload_by_path(file.name, "/data/direct", upload_mode=UploadMode.DIRECT)
                assert told.success, told
                assert await shell(sandbox, "cat /data/direct") == "direct"
