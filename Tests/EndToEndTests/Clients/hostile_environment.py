"""An environment that does wrong whatever its action names. Speaks the protocol itself, without the file of 'env init'."""

import json
import os
import signal
import sys
import time

LIFE = os.urandom(8).hex()
GOOD = {"observation": LIFE, "reward": 0.5, "terminated": False, "truncated": False, "info": {"pid": os.getpid()}}


def say(text):
    data = text.encode() if isinstance(text, str) else text
    while data:
        data = data[os.write(1, data) :]


def answer(number, result):
    say(json.dumps({"jsonrpc": "2.0", "id": number, "result": result}) + "\n")


def other(**members):
    return {**GOOD, **members}


def without(name):
    return {key: value for key, value in GOOD.items() if key != name}


RESULTS = {
    "observation_number": other(observation=7),
    "observation_missing": without("observation"),
    "reward_text": other(reward="1"),
    "reward_missing": without("reward"),
    "terminated_number": other(terminated=0),
    "truncated_missing": without("truncated"),
    "info_list": other(info=[]),
    "result_text": "fine",
    "result_null": None,
}


def step(number, action):
    if action in RESULTS:
        return answer(number, RESULTS[action])
    if action == "exit_zero":
        os._exit(0)
    if action == "exit_three":
        print("about to fail", file=sys.stderr, flush=True)
        os._exit(3)
    if action == "raise":
        raise RuntimeError("deliberate")
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "hang":
        print("hanging", file=sys.stderr, flush=True)
        while True:
            time.sleep(1000)
    if action == "spin":
        while True:
            pass
    if action == "garbage":
        return say("hello, world\n")
    if action == "nan":
        return say('{"jsonrpc":"2.0","id":%d,"result":{"reward":NaN}}\n' % number)
    if action == "not_utf8":
        return say(b'{"id":%d,"result":{"observation":"\xff"}}\n' % number)
    if action == "list":
        return say("[]\n")
    if action == "no_id":
        return say('{"result":{}}\n')
    if action == "no_result":
        return say('{"id":%d}\n' % number)
    if action == "both":
        return say('{"id":%d,"result":{},"error":{"code":1,"message":"x"}}\n' % number)
    if action == "wrong_id":
        return answer(number + 1, GOOD)
    if action == "text_id":
        return answer(str(number), GOOD)
    if action == "partial":
        say('{"jsonrpc":"2.0","id":%d,"resu' % number)
        os._exit(0)
    if action == "partial_hang":
        say('{"jsonrpc":"2.0","id":%d,"resu' % number)
        time.sleep(1000)
    if action == "long":
        say(b'{"id":%d,"result":{"observation":"' % number)
        for _ in range(100):
            say(b"x" * 1_000_000)
        return say(b'"}}\n')
    if action == "endless":
        while True:
            say(b"x" * 65536)
    if action == "close_stdout":
        os.close(1)
        os.close(0)
        time.sleep(1000)
    if action == "memory":
        held = []
        while True:
            held.append(bytearray(os.urandom(1 << 20)))
    if action == "children":
        for _ in range(3):
            if os.fork() == 0:
                os.setsid()
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                time.sleep(1000)
        os._exit(1)
    if action == "twice":
        answer(number, GOOD)
    if action == "errors":
        for _ in range(64):
            os.write(2, b"e" * 65535 + b"\n")
    if action == "whoami":
        return answer(number, other(observation=f"{os.getuid()}:{os.getgid()} {os.getcwd()}"))
    if action == "write":
        try:
            open("/environment/x", "w").close()
            return answer(number, other(observation="written"))
        except OSError as error:
            return answer(number, other(observation=os.strerror(error.errno)))
    if action == "network":
        with open("/proc/net/dev") as devices:
            names = [line.split(":")[0].strip() for line in devices if ":" in line]
        return answer(number, other(observation=" ".join(names)))
    if action == "refuse":
        return say('{"id":%d,"error":{"code":-32008,"message":"no such move"}}\n' % number)
    if action == "fail":
        return say('{"id":%d,"error":{"code":-32000,"message":"broken"}}\n' % number)
    if action.startswith("echo "):
        return answer(number, other(observation=action[5:]))
    answer(number, GOOD)


for line in sys.stdin.buffer:
    request = json.loads(line)
    method, number = request["method"], request["id"]
    if method == "make":
        deed = request["params"]["kwargs"].get("deed")
        if deed == "exit":
            sys.exit("it will not start")
        if deed == "hang":
            time.sleep(1000)
        answer(number, {})
    elif method == "reset":
        answer(number, {"observation": LIFE})
    elif method == "step":
        step(number, request["params"]["action"])
    else:
        say('{"jsonrpc":"2.0","id":%d,"error":{"code":-32601,"message":"no"}}\n' % number)
