"""A model server that does what the name of the model says, and remembers what it was asked."""

import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Upstream:
    """Serves on a free port of loopback until `close`."""

    def __init__(self, certificate=None):
        self.seen = []
        self.hung_up = threading.Event()
        self.tries = {}
        self.lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *arguments):
                pass

            def do_GET(self):
                self.note(None)
                self.answer(200, {"object": "list", "data": [{"id": "upstream-model", "object": "model"}]})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.note(body)
                model = body.get("model", "")
                with owner.lock:
                    count = owner.tries[model] = owner.tries.get(model, 0) + 1
                word, _, rest = model.partition("-")
                getattr(self, "act_" + word, self.act_echo)(body, rest, count)

            def note(self, body):
                with owner.lock:
                    owner.seen.append({"path": self.path, "headers": dict(self.headers.items()), "body": body,
                                       "time": time.monotonic()})

            def answer(self, status, value, **headers):
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.send_header("X-Request-Id", "upstream-1")
                for name, text in headers.items():
                    self.send_header(name.replace("_", "-"), text)
                self.end_headers()
                self.wfile.write(data)

            def act_echo(self, body, rest, count):
                if body.get("stream"):
                    return self.act_stream(body, "3", count)
                self.answer(200, completion(body, "echo: " + str(body.get("messages") or body.get("input"))))

            def act_fail(self, body, rest, count):
                """fail-STATUS-N: fails N times."""
                status, times = map(int, rest.split("-"))
                if count <= times:
                    return self.answer(status, {"error": {"message": f"failure {count}", "code": "made_up"}})
                self.act_echo(body, rest, count)

            def act_busy(self, body, rest, count):
                """busy-SECONDS: asks once to be left alone for so long."""
                if count == 1:
                    return self.answer(429, {"error": "busy"}, Retry_After=rest)
                self.act_echo(body, rest, count)

            def act_drop(self, body, rest, count):
                """drop-N: hangs up N times without a word."""
                if count <= int(rest):
                    self.close_connection = True
                    return
                self.act_echo(body, rest, count)

            def act_stall(self, body, rest, count):
                """Says nothing until the client has gone."""
                self.wait_for_hang_up()

            def act_leak(self, body, rest, count):
                """Tells everything it was told, in an answer that arrives in single bytes."""
                text = self.headers.get("Authorization") or self.headers.get("x-api-key") or ""
                self.begin_stream()
                for byte in ("data: " + json.dumps(piece(text, 0)) + "\n\n").encode():
                    self.chunk(bytes([byte]))
                self.chunk(b"")

            def act_stream(self, body, rest, count):
                """stream-N: N pieces."""
                self.begin_stream()
                for number in range(int(rest)):
                    self.chunk(event(piece(f"{number} ", number)))
                self.chunk(event(piece("", int(rest), "stop")))
                self.chunk(b"data: [DONE]\n\n")
                self.chunk(b"")

            def act_hold(self, body, rest, count):
                """One piece, then nothing until the client has gone."""
                self.begin_stream()
                self.chunk(event(piece("first", 0)))
                self.wait_for_hang_up()

            def act_step(self, body, rest, count):
                """step-N: each piece waits for `owner.go`."""
                self.begin_stream()
                for number in range(int(rest)):
                    owner.go.acquire()
                    self.chunk(event(piece(str(number), number)))
                self.chunk(b"")

            def act_cut(self, body, rest, count):
                """Hangs up within a streamed answer."""
                self.begin_stream()
                self.chunk(event(piece("half", 0)))
                self.close_connection = True
                self.connection.shutdown(2)

            def act_claude(self, body, rest, count):
                """Anthropic's events."""
                self.begin_stream()
                for name, data in [
                    ("message_start", {"message": {"id": "m", "type": "message", "role": "assistant", "content": [],
                                                   "usage": {"input_tokens": 3, "output_tokens": 1}}}),
                    ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
                    ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "hel"}}),
                    ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "lo"}}),
                    ("content_block_stop", {"index": 0}),
                    ("content_block_start", {"index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "ls",
                                                                           "input": {}}}),
                    ("content_block_delta", {"index": 1, "delta": {"type": "input_json_delta", "partial_json": "{\"a\""}}),
                    ("content_block_delta", {"index": 1, "delta": {"type": "input_json_delta", "partial_json": ": 1}"}}),
                    ("content_block_stop", {"index": 1}),
                    ("message_delta", {"delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}}),
                    ("message_stop", {}),
                ]:
                    self.chunk(f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode())
                self.chunk(b"")

            def begin_stream(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()

            def chunk(self, data):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                self.wfile.flush()

            def wait_for_hang_up(self):
                self.close_connection = True
                try:
                    self.connection.recv(1)
                except OSError:
                    pass
                owner.hung_up.set()

        self.go = threading.Semaphore(0)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.request_queue_size = 128
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://localhost:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def completion(body, text):
    return {"id": "c", "object": "chat.completion", "created": 1, "model": body.get("model"),
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}


def piece(text, number, end=None):
    delta = {"role": "assistant", "content": text} if number == 0 else {"content": text}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}


def event(value):
    return b"data: " + json.dumps(value).encode() + b"\n\n"
