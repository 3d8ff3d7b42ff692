"""A WebSocket echo server of the `websockets` package: prints its port, and ends when its standard input does."""

import sys
import threading

import websockets.sync.server


def echo(connection):
    for message in connection:
        connection.ping()
        # Fragmented, so that the client has to put the pieces together; text is cut anywhere but within a character.
        connection.send(message[start : start + 1000] for start in range(0, len(message) or 1, 1000))


with websockets.sync.server.serve(echo, "127.0.0.1", 0, max_size=None, compression=None) as server:
    print(server.socket.getsockname()[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    server.shutdown()
