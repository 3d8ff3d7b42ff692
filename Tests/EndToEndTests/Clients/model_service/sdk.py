"""ROCK's own `ModelService`, unmodified: it installs a service inside a sandbox and runs it by `rock model-service`, which is our
command here."""

import asyncio
import json
import os
import shlex
import sys

ROCKCTL = os.environ["ROCKCTL"]
PYTHON = sys.executable
# No network: what is on this machine serves as the runtime environment.
os.environ["ROCK_RTENV_PYTHON_V31114_INSTALL_CMD"] = (
    "mkdir -p runtime-env/bin && cd runtime-env/bin && for name in python python3; do "
    f"ln -sf {shlex.quote(PYTHON)} $name; done && ln -sf /bin/true pip")

from rock.sdk.sandbox.client import Sandbox  # noqa: E402
from rock.sdk.sandbox.config import SandboxConfig  # noqa: E402
from rock.sdk.sandbox.model_service.base import ModelService, ModelServiceConfig  # noqa: E402

AGENT = """
import json, sys, time, urllib.request
for text in sys.argv[1:]:
    body = json.dumps({"messages": [{"role": "user", "content": text}]}).encode()
    request = urllib.request.Request("http://127.0.0.1:8080/v1/chat/completions", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=100) as answer:
        print(json.load(answer)["text"], flush=True)
"""


async def scenario(name, program):
    sandbox = Sandbox(SandboxConfig(image="host", memory="1g", cpus=1))
    await sandbox.start()
    try:
        config = ModelServiceConfig(install_cmd=f"ln -sf {shlex.quote(program)} runtime-env/bin/rock")
        service = ModelService(sandbox, config)
        await service.install()
        await service.start()
        from rock.actions import Command, CreateBashSessionRequest
        await sandbox.create_session(CreateBashSessionRequest(session="agent"))
        ran = await sandbox.arun(
            f"{shlex.quote(PYTHON)} -c {shlex.quote(AGENT)} one two > /tmp/out 2>&1 < /dev/null & echo $!", session="agent")
        await service.watch_agent(ran.output.split()[-1])
        heard, index, response = [], 0, None
        while True:
            request = (await service.anti_call_llm(index, response)).strip()
            if request == "SESSION_END":
                break
            assert request.startswith("{"), request
            heard.append(json.loads(request)["messages"][0]["content"])
            index += 1
            response = json.dumps({"text": f"it's {index} \"$(id)\""})
        assert heard == ["one", "two"], heard
        said = await sandbox.execute(Command(command=["cat", "/tmp/out"]))
        assert said.stdout == "it's 1 \"$(id)\"\nit's 2 \"$(id)\"\n", said
        await service.stop()
        print("ok", name, flush=True)
    finally:
        await sandbox.stop()


async def main():
    await scenario("rockctl", ROCKCTL)


asyncio.run(main())
