"""Proxy mode against a model server that fails, stalls, streams and hangs up."""

import contextlib
import json
import os
import subprocess
import tempfile
import threading
import time

from service import chat, play, service
from upstream import Upstream

QUICK = "retry_delay: 0.01\n"


@contextlib.contextmanager
def both(*arguments, settings=QUICK, certificate=None, **variables):
    """A model server, and a service that passes on to it."""
    upstream = Upstream(certificate)
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(settings.replace("UPSTREAM", upstream.url))
        file.flush()
        with service("--type", "proxy", "--config-file", file.name, *arguments,
                     *([] if "UPSTREAM" in settings else ["--proxy-base-url", upstream.url + "/"]),
                     ROCK_MODEL_SERVICE_TRAJ_APPEND_MODE="True", **variables) as running:
            try:
                yield running, upstream
            finally:
                upstream.close()


def passes_on_every_path():
    with both() as (service, upstream):
        status, headers, body = service.post("/v1/chat/completions", chat("echo", text="é"),
                                             {"Authorization": "Bearer mine", "X-Own": "1", "Connection": "x-hop", "X-Hop": "1"})
        assert (status, body["choices"][0]["message"]["content"]) == (200, "echo: [{'role': 'user', 'content': 'é'}]"), body
        assert headers["X-Request-Id"] == "upstream-1", headers
        seen = upstream.seen[-1]
        assert seen["path"] == "/v1/chat/completions" and seen["headers"]["Authorization"] == "Bearer mine"
        assert seen["headers"]["X-Own"] == "1" and "X-Hop" not in seen["headers"], seen
        assert seen["headers"]["Host"] == upstream.url.split("/")[2]
        for path in ["/v1/completions", "/v1/embeddings", "/v1/messages?beta=true", "/v1/messages/count_tokens"]:
            assert service.post(path, chat("echo"))[0] == 200, path
            assert upstream.seen[-1]["path"] == path
        assert service.get("/v1/models")[1]["data"][0]["id"] == "upstream-model"
        assert service.get("/health") == (200, {"status": "healthy"})
        lines = service.lines()
        assert [line["status"] for line in lines] == ["success"] * 5, lines
        first = lines[0]
        assert first["model"] == "echo" and first["stream"] is False and first["error"] is None
        assert first["request"] == chat("echo", text="é") and first["response"] == body
        assert 0 <= first["response_time"] == first["end_time"] - first["start_time"] or True


def routes_by_model():
    settings = QUICK + "proxy_rules:\n  one: UPSTREAM/a\n  default: UPSTREAM/b/\nretryable_status_codes: [503]\n"
    with both(settings=settings) as (service, upstream):
        service.post("/v1/chat/completions", chat("one"))
        service.post("/v1/chat/completions", chat("other"))
        assert [seen["path"] for seen in upstream.seen] == ["/v1/a/chat/completions", "/v1/b/chat/completions"]
        assert service.post("/v1/chat/completions", {})[::2] == (
            400, {"detail": "Model name is required for routing."})
        assert [model["id"] for model in service.get("/v1/models")[1]["data"]] == ["one"]
        assert service.get("/v1/models/one")[0] == 200 and service.get("/v1/models/two")[0] == 404
        # Only the codes that were named are tried again.
        assert service.post("/v1/chat/completions", chat("fail-429-9"))[0] == 429
        assert upstream.tries["fail-429-9"] == 1
    with both(settings="proxy_rules: {one: UPSTREAM}\n") as (service, upstream):
        status, _, body = service.post("/v1/chat/completions", chat("two"))
        assert status == 400 and "'two' is not configured" in body["detail"], body


def refuses_what_is_no_request():
    with both() as (service, upstream):
        for body in [b"", b"{", b"[1]", b'"text"', b'{"a":1} x', b'\xff{}', b'{"model":1' + b"[" * 200]:
            status, _, answer = service.post("/v1/chat/completions", body)
            assert status == 400 and answer["detail"], (body, status)
        assert service.post("/v1/nothing", {})[0] == 404
        assert service.get("/v1/chat/completions")[0] == 405
        assert service.post("/v1/agent/watch", {"pid": 1})[0] == 404
        assert upstream.seen == []


def tries_again():
    with both() as (service, upstream):
        for model, tries in [("fail-429-2", 3), ("fail-500-5", 6), ("drop-2", 3)]:
            assert service.post("/v1/chat/completions", chat(model))[0] == 200, model
            assert upstream.tries[model] == tries, upstream.tries
        # A streamed request, too, before its first byte.
        assert "[DONE]" in service.post("/v1/chat/completions", chat("fail-500-1", stream=True))[2]
        status, _, body = service.post("/v1/chat/completions", chat("fail-500-99"))
        assert status == 500 and upstream.tries["fail-500-99"] == 6
        assert body["error"]["type"] == "proxy_retry_failed" and body["error"]["code"] == 500
        assert body["error"]["message"].startswith('LLM backend error: {"error": {"message": "failure 6"'), body
        status, _, body = service.post("/v1/chat/completions", chat("fail-404-99"))
        assert (status, body["error"]["message"], upstream.tries["fail-404-99"]) == (404, "failure 1", 1)
        assert service.post("/v1/chat/completions", chat("drop-99"))[0] == 502
        assert upstream.tries["drop-99"] == 6
        lines = service.lines()
        assert [line["status"] for line in lines[-3:]] == ["failure"] * 3
        assert lines[-3]["error"] == "upstream_status=500" and lines[-1]["response"] is None, lines[-3:]


def heeds_retry_after():
    with both() as (service, upstream):
        for wish, least in [("1", 1), ("", 0.9)]:
            wish = wish or time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 2))
            model = "busy-" + wish
            assert service.post("/v1/chat/completions", chat(model))[0] == 200
            first, second = [seen["time"] for seen in upstream.seen if seen["body"]["model"] == model]
            assert least <= second - first < 5, second - first
        # Longer than the service is ready to wait: the client decides.
        status, headers, _ = service.post("/v1/chat/completions", chat("busy-3600"))
        assert (status, headers["Retry-After"]) == (429, "3600"), headers


def gives_up_in_time():
    with both(settings=QUICK + "request_timeout: 1\nmax_attempts: 2\n") as (service, upstream):
        start = time.monotonic()
        status, _, body = service.post("/v1/chat/completions", chat("stall"))
        assert status == 504 and "detail" in body and upstream.tries["stall"] == 2, body
        assert 2 <= time.monotonic() - start < 8
        # Silence in the middle of a streamed answer ends it, and the client sees that it is not whole.
        try:
            answer = service.post("/v1/chat/completions", chat("hold", stream=True))
            raise AssertionError(answer)
        except Exception as error:
            assert "IncompleteRead" in type(error).__name__, repr(error)
        assert service.lines()[-1]["status"] == "failure"
        assert service.lines()[-1]["response"]["choices"][0]["message"]["content"] == "first"


def passes_streams_on_piece_by_piece():
    with both() as (service, upstream):
        connection = service.connect()
        connection.request("POST", "/v1/chat/completions", json.dumps(chat("step-3", stream=True)),
                           {"Content-Type": "application/json"})
        for number in range(3):
            upstream.go.release()  # the next piece is made only now, so none can have been held back
            if number == 0:
                answer = connection.getresponse()
                assert answer.getheader("Content-Type") == "text/event-stream"
            line = answer.readline()
            assert json.loads(line[6:])["choices"][0]["delta"]["content"] == str(number), line
            answer.readline()
        assert answer.read() == b""
        connection.close()
        text = service.post("/v1/chat/completions", chat("stream-2000", stream=True))[2]
        assert text.count("data: ") == 2002 and text.endswith("data: [DONE]\n\n")
        whole = service.lines()[-1]["response"]
        assert whole["object"] == "chat.completion", whole
        assert whole["choices"] == [{"index": 0, "message": {"role": "assistant", "content": "".join(
            f"{number} " for number in range(2000))}, "finish_reason": "stop"}]


def hangs_up_with_the_client():
    with both() as (service, upstream):
        for model, stream in [("stall", False), ("hold", True)]:
            upstream.hung_up.clear()
            connection = service.connect()
            connection.request("POST", "/v1/chat/completions", json.dumps(chat(model, stream=stream)))
            if stream:
                assert connection.getresponse().readline().startswith(b"data: ")
            else:
                while model not in upstream.tries:
                    time.sleep(0.01)
            connection.sock.shutdown(2)
            connection.close()
            assert upstream.hung_up.wait(10), model
        assert service.post("/v1/chat/completions", chat("echo"))[0] == 200


def tells_of_a_broken_stream():
    with both() as (service, upstream):
        try:
            raise AssertionError(service.post("/v1/chat/completions", chat("cut", stream=True)))
        except Exception as error:
            assert "IncompleteRead" in type(error).__name__, repr(error)
        line = service.lines()[-1]
        assert line["status"] == "failure" and line["error"], line


def puts_anthropics_answers_together():
    with both() as (service, upstream):
        text = service.post("/v1/messages", {"model": "claude", "stream": True, "max_tokens": 5})[2]
        assert text.startswith("event: message_start\n") and text.count("event: ") == 11
        whole = service.lines()[-1]["response"]
        assert whole["content"] == [{"type": "text", "text": "hello"},
                                    {"type": "tool_use", "id": "t", "name": "ls", "input": {"a": 1}}], whole
        assert whole["usage"] == {"input_tokens": 3, "output_tokens": 9} and whole["stop_reason"] == "tool_use"


def keeps_the_key():
    key = "sk-very-secret-0123456789"
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(key + "\n")
        file.flush()
        with both("--api-key-file", file.name) as (service, upstream):
            for path, name in [("/v1/chat/completions", "Authorization"), ("/v1/messages", "x-api-key")]:
                body = service.post(path, chat("leak", stream=True), {"Authorization": "Bearer dummy", "X-Api-Key": "dummy"})[2]
                sent = upstream.seen[-1]["headers"]
                assert key in sent[name] and "dummy" not in str(sent), sent
                assert key not in body and "*" * len(key) in body, body
            service.post("/v1/chat/completions", chat("fail-401-9"))
            service.post("/v1/chat/completions", chat("drop-99"))
            with open(f"/proc/{service.process.pid}/cmdline") as line:
                assert key not in line.read()
            service.end()
            assert key not in service.log() and key not in str(service.lines())


def speaks_tls():
    with tempfile.TemporaryDirectory() as folder:
        names = [os.path.join(folder, name) for name in ("cert.pem", "key.pem")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-out", names[0], "-keyout", names[1]], check=True, capture_output=True)
        with both(certificate=names, SSL_CERT_FILE=names[0]) as (service, upstream):
            status, headers, body = service.post("/v1/chat/completions", chat("echo", text="x" * 300_000))
            assert status == 200 and len(body["choices"][0]["message"]["content"]) > 300_000, status
            assert upstream.seen[-1]["headers"]["Content-Type"] == "application/json"
            assert service.post("/v1/chat/completions", chat("fail-500-1"))[0] == 200
            text = service.post("/v1/chat/completions", chat("stream-50", stream=True))[2]
            assert text.count("data: ") == 52, text[-200:]
            assert service.get("/v1/models")[0] == 200
            upstream.hung_up.clear()
            connection = service.connect()
            connection.request("POST", "/v1/chat/completions", json.dumps(chat("hold", stream=True)))
            assert connection.getresponse().readline().startswith(b"data: ")
            connection.close()
            assert upstream.hung_up.wait(10)
            try:
                raise AssertionError(service.post("/v1/chat/completions", chat("cut", stream=True)))
            except Exception as error:
                assert "IncompleteRead" in type(error).__name__, repr(error)
        with both(certificate=names, settings=QUICK + "max_attempts: 1\n") as (service, upstream):
            # Nobody vouches for the certificate now.
            status, _, body = service.post("/v1/chat/completions", chat("echo"))
            assert status == 502 and "certificate" in body["detail"] and upstream.seen == [], body


def serves_many_at_once():
    with both() as (service, upstream):
        failures = []

        def ask(number):
            try:
                for turn in range(4):
                    text = f"{number}-{turn}"
                    if turn % 2:
                        answer = service.post("/v1/chat/completions", chat("stream-200", stream=True, text=text))[2]
                        assert answer.count("data: ") == 202
                    else:
                        answer = service.post("/v1/chat/completions", chat("echo", text=text))[2]
                        assert text in answer["choices"][0]["message"]["content"]
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(32)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert not failures, failures[:3]
        assert len(service.lines()) == 128
        assert len(os.listdir(f"/proc/{service.process.pid}/fd")) < 200


def plays_back_what_it_recorded():
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "run.jsonl")
        asked = [("/v1/chat/completions", chat("echo", text="one")), ("/v1/chat/completions", chat("stream-3", stream=True)),
                 ("/v1/messages", chat("claude", stream=True)), ("/v1/chat/completions", chat("fail-404-9")),
                 ("/v1/chat/completions", chat("echo", text="two"))]
        with both("--record", file) as (service, _):
            said = [service.post(*question)[::2] for question in asked]
        with service_playing(file) as service:
            # Out of order, each gets its own; then there is nothing left.
            assert [service.post(*question)[::2] for question in reversed(asked)] == said[::-1]
            status, _, body = service.post("/v1/chat/completions", chat("echo"))
            assert status == 404 and "5 of 5" in body["detail"], body
        with service_playing(file) as service:
            # What was never recorded gets the next in line, streamed if it wants that.
            text = service.post("/v1/chat/completions", chat("new", stream=True))[2]
            chunk = json.loads(text.split("\n")[0][6:])
            assert chunk["choices"][0]["delta"] == said[0][1]["choices"][0]["message"], chunk
            assert text.endswith("data: [DONE]\n\n")
        # What ROCK's newest service records has no paths and no events.
        with open(file, "w") as out:
            out.write(json.dumps({"model": "m", "stream": False, "status": "success", "request": {}, "response": {
                "choices": [{"index": 0, "message": {"role": "assistant", "tool_calls": [{"id": "a"}]}}]}}) + "\n")
        with service_playing(file) as service:
            text = service.post("/v1/chat/completions", chat("m", stream=True))[2]
            assert json.loads(text.split("\n")[0][6:])["choices"][0]["delta"]["tool_calls"] == [{"index": 0, "id": "a"}]


@contextlib.contextmanager
def service_playing(file):
    with service("--type", "proxy", "--replay", file) as running:
        yield running


def keeps_trajectories_in_bounds():
    with both(settings=QUICK + "trajectory_bytes: 8k\ntrajectory_files: 2\n") as (running, _):
        for number in range(40):
            running.post("/v1/chat/completions", chat("echo", text=str(number) + "x" * 500))
        names = sorted(name for name in os.listdir(running.data))
        assert names == ["LLMTraj.jsonl", "LLMTraj.jsonl.1", "LLMTraj.jsonl.2"], names
        assert all(os.path.getsize(running.file(name)) <= 8192 for name in names)
        kept = [line["request"]["messages"][0]["content"].rstrip("x")
                for name in reversed(names) for line in running.lines(name)]
        assert kept == [str(number) for number in range(40 - len(kept), 40)], kept
    upstream = Upstream()
    with service("--type", "proxy", "--proxy-base-url", upstream.url) as running:
        for text in ["one", "two"]:
            running.post("/v1/chat/completions", chat("echo", text=text))
        assert [line["request"]["messages"][0]["content"] for line in running.lines()] == ["two"]
    upstream.close()


play([passes_on_every_path, routes_by_model, refuses_what_is_no_request, tries_again, heeds_retry_after, gives_up_in_time,
      passes_streams_on_piece_by_piece, hangs_up_with_the_client, tells_of_a_broken_stream,
      puts_anthropics_answers_together, keeps_the_key, speaks_tls, serves_many_at_once, plays_back_what_it_recorded,
      keeps_trajectories_in_bounds])
