"""A web server for the inside of a sandbox: plain, streamed both ways, and WebSocket. Says "ready" when it listens.

usage: inside.py PORT
"""
import base64
import hashlib
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

changed = threading.Condition()
seen = 0
may_go = False


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        global may_go
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/hello")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path.startswith("/seen/"):
            with changed:
                changed.wait_for(lambda: seen >= int(self.path[6:]))
            self.answer(seen)
        elif self.path == "/go":
            with changed:
                may_go = True
                changed.notify_all()
            self.answer(True)
        elif self.path == "/events":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"data: first\n\n")
            with changed:
                changed.wait_for(lambda: may_go)
            self.wfile.write(b"data: second\n\n")
            self.close_connection = True
        elif self.headers.get("Upgrade") == "websocket":
            self.upgrade()
        else:
            self.answer({"path": self.path, "headers": dict(self.headers)})

    def pieces(self):
        """The body as it arrives."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left > 0:
            piece = self.rfile.read1(min(left, 65536))
            left -= len(piece)
            yield piece

    def do_POST(self):
        global seen
        digest, count = hashlib.sha256(), 0
        for piece in self.pieces():
            digest.update(piece)
            count += len(piece)
            with changed:
                seen += len(piece)
                changed.notify_all()
        self.answer({"sha256": digest.hexdigest(), "count": count})

    def upgrade(self):
        """Echoes one short text message in capitals, then closes."""
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        if "second" in self.headers.get("Sec-WebSocket-Protocol", ""):
            self.send_header("Sec-WebSocket-Protocol", "second")
        self.end_headers()
        length = self.rfile.read(2)[1] & 0x7F
        mask = self.rfile.read(4)
        text = bytes(byte ^ mask[i % 4] for i, byte in enumerate(self.rfile.read(length))).upper()
        self.wfile.write(bytes([0x81, len(text)]) + text + b"\x88\x02\x03\xe8")
        self.rfile.read(8)
        self.close_connection = True


server = ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), Handler)
server.daemon_threads = True
print("ready", flush=True)
server.serve_forever()
