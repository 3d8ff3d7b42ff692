"""Plays a WebSocket client against an echo server, through cases arranged as in the Autobahn test suite.

Usage: websocket_cases.py PORT

Sections 1 to 7 send frames by hand, the good and the broken ones, and compare every byte that comes back. Sections 9 and
10 leave the framing to the `websockets` package: long messages, many messages, many fragments. Prints what fails and a
closing line; exits with 1 when something failed.
"""

import base64
import os
import socket
import struct
import sys

import websockets.sync.client

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
PORT = int(sys.argv[1])
failures = []
count = 0


def frame(opcode, payload=b"", fin=True, rsv=0, masked=True, length_form=None):
    """One frame as a client sends it, or, unmasked, as a server does. `length_form` forces 2 or 8 length bytes."""
    head = bytes([fin << 7 | rsv << 4 | opcode])
    form = length_form or (0 if len(payload) < 126 else 2 if len(payload) < 65536 else 8)
    size = {0: len(payload), 2: 126, 8: 127}[form]
    head += bytes([masked << 7 | size])
    if form:
        head += len(payload).to_bytes(form, "big")
    if not masked:
        return head + payload
    mask = os.urandom(4)
    stream = mask * (len(payload) // 4 + 1)
    masked_payload = int.from_bytes(payload, "big") ^ int.from_bytes(stream[: len(payload)], "big")
    return head + mask + masked_payload.to_bytes(len(payload), "big")


def reply(opcode, payload=b""):
    return frame(opcode, payload, masked=False)


def closing(code, reason=b""):
    return struct.pack("!H", code) + reason


def connect():
    connection = socket.create_connection(("127.0.0.1", PORT), timeout=20)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        f"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionError("the handshake was cut off")
        head += byte
    return connection


def case(name, sent, expected, chop=None):
    """Sends `sent` (in pieces of `chop` bytes) and wants exactly `expected` until the server closes the connection."""
    global count
    count += 1
    try:
        connection = connect()
        try:
            for start in range(0, len(sent), chop or max(1, len(sent))):
                connection.sendall(sent[start : start + (chop or len(sent))])
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server had seen enough; what it said is what counts
        received = b""
        while more := connection.recv(1 << 20):
            received += more
        connection.close()
    except OSError as error:
        failures.append(f"{name}: {error!r}")
        return
    if received != expected:
        failures.append(f"{name}: got {received[:80]!r} ({len(received)} bytes), wanted {expected[:80]!r}")


def good(name, sent, expected, chop=None):
    """A conversation that the client ends in good order."""
    bye = closing(1000, b"done")
    case(name, sent + frame(CLOSE, bye), expected + reply(CLOSE, closing(1000)), chop)


def bad(name, sent, code, expected=b"", chop=None):
    """A conversation that the server ends with `code`, whatever follows."""
    case(name, sent, expected + reply(CLOSE, closing(code)), chop)


def section_1_framing():
    for kind, (opcode, byte) in enumerate([(TEXT, b"*"), (BINARY, b"\xfe")], start=1):
        for number, size in enumerate([0, 125, 126, 127, 128, 65535, 65536], start=1):
            good(f"1.{kind}.{number}", frame(opcode, byte * size), reply(opcode, byte * size))
        good(f"1.{kind}.8", frame(opcode, byte * 65536), reply(opcode, byte * 65536), chop=997)


def section_2_pings():
    good("2.1", frame(PING), reply(PONG))
    good("2.2", frame(PING, b"Hello"), reply(PONG, b"Hello"))
    good("2.3", frame(PING, b"\x00\xff\xfe\xfd"), reply(PONG, b"\x00\xff\xfe\xfd"))
    good("2.4", frame(PING, b"\xfe" * 125), reply(PONG, b"\xfe" * 125))
    bad("2.5", frame(PING, b"\xfe" * 126), 1002)
    good("2.6", frame(PING, b"\xfe" * 125), reply(PONG, b"\xfe" * 125), chop=1)
    good("2.7", frame(PONG), b"")
    good("2.8", frame(PONG, b"unasked"), b"")
    good("2.9", frame(PONG, b"unasked") + frame(PING, b"p"), reply(PONG, b"p"))
    pings = [b"payload-%d" % number for number in range(10)]
    for number, chop in ((10, None), (11, 1)):
        good(f"2.{number}", b"".join(frame(PING, p) for p in pings), b"".join(reply(PONG, p) for p in pings), chop)


def section_3_reserved_bits():
    for rsv in range(1, 8):
        for opcode in (TEXT, BINARY, CLOSE, PING, PONG):
            for chop in (None, 1):
                sent = frame(TEXT, b"first") + frame(opcode, b"", rsv=rsv) + frame(PING)
                bad(f"3.{rsv} opcode {opcode} chop {chop}", sent, 1002, reply(TEXT, b"first"), chop)


def section_4_opcodes():
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        for payload in (b"", b"payload"):
            sent = frame(TEXT, b"first") + frame(opcode, payload) + frame(PING)
            bad(f"4 opcode {opcode} {payload}", sent, 1002, reply(TEXT, b"first"))


def section_5_fragments():
    first, last, ping = frame(TEXT, b"frag1", fin=False), frame(0, b"frag2"), frame(PING, b"p")
    whole, pong = reply(TEXT, b"frag1frag2"), reply(PONG, b"p")
    bad("5.1", frame(PING, b"a", fin=False) + frame(0, b"b"), 1002)
    bad("5.2", frame(PONG, b"a", fin=False) + frame(0, b"b"), 1002)
    for number, chop in enumerate((None, 4, 1), start=3):
        good(f"5.{number}", first + last, whole, chop)
        good(f"5.{number + 3}", first + ping + last, pong + whole, chop)
    for number, (fin, chop) in enumerate(((True, None), (True, 1), (False, None), (False, 1)), start=9):
        bad(f"5.{number}", frame(0, b"orphan", fin=fin) + frame(TEXT, b"hello"), 1002, chop=chop)
    bad("5.15", first + last + frame(0, b"x", fin=False) + frame(TEXT, b"y"), 1002, whole)
    bad("5.16", (frame(0, b"f", fin=False) + frame(TEXT, b"f", fin=False) + frame(0, b"f")) * 2, 1002)
    bad("5.18", first + frame(TEXT, b"frag2"), 1002)
    pieces = [frame(TEXT if n == 0 else 0, b"fragment%d" % n, fin=n == 4) for n in range(5)]
    text = b"".join(b"fragment%d" % n for n in range(5))
    sent = pieces[0] + pieces[1] + frame(PING, b"1") + pieces[2] + pieces[3] + frame(PING, b"2") + pieces[4]
    for number, chop in ((19, None), (20, 1)):
        good(f"5.{number}", sent, reply(PONG, b"1") + reply(PONG, b"2") + reply(TEXT, text), chop)
    good("5.21", frame(TEXT, b"", fin=False) * 1 + frame(0, b"", fin=False) * 50 + frame(0, b""), reply(TEXT))


VALID = [
    "Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "\x00", "\x7f", "\x80", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\ufffd", "\uffff",
    "\U00010000", "\U0010ffff", "\ufeff", "\ufdd0", "𝄞" * 50,
]
INVALID = [
    b"\x80", b"\xbf", b"\x80\xbf\x80", b"\xc0\x20", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xe0\x9f\xbf",
    b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\x80\xed\xb0\x80", b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf",
    b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80", b"\xfe", b"\xff",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
]
INCOMPLETE = [b"\xc2", b"\xe1\xbd", b"\xe1", b"\xf0\x90", b"\xf0\x90\x80", b"text\xce"]


def section_6_text():
    for number, text in enumerate(VALID):
        data = text.encode("utf-8", "surrogatepass")
        good(f"6.valid.{number}", frame(TEXT, data), reply(TEXT, data))
        pieces = [data[index : index + 1] for index in range(len(data))]
        sent = frame(TEXT, b"", fin=False) + b"".join(frame(0, piece, fin=False) for piece in pieces) + frame(0)
        good(f"6.valid.{number} byte by byte", sent, reply(TEXT, data))
    for number, data in enumerate(INVALID):
        bad(f"6.invalid.{number}", frame(TEXT, data), 1007)
        # Told at once: the message never ends.
        bad(f"6.invalid.{number} unfinished", frame(TEXT, b"ok", fin=False) + frame(0, data, fin=False), 1007)
        # Told within the frame: the rest of it never comes.
        bad(f"6.invalid.{number} within a frame", frame(TEXT, data + b"x" * 1000)[: 8 + len(data)], 1007)
        good(f"6.invalid.{number} as binary", frame(BINARY, data), reply(BINARY, data))
    for number, data in enumerate(INCOMPLETE):
        bad(f"6.incomplete.{number}", frame(TEXT, data), 1007)
        bad(f"6.incomplete.{number} in two", frame(TEXT, data, fin=False) + frame(0), 1007)


def section_7_closing():
    end = reply(CLOSE, closing(1000))
    case("7.1.1", frame(TEXT, b"a") + frame(CLOSE, closing(1000)), reply(TEXT, b"a") + end)
    case("7.1.2", frame(CLOSE, closing(1000)) * 2, end)
    case("7.1.3", frame(CLOSE, closing(1000)) + frame(PING), end)
    case("7.1.4", frame(CLOSE, closing(1000)) + frame(TEXT, b"late"), end)
    case("7.1.5", frame(TEXT, b"a", fin=False) + frame(CLOSE, closing(1000)) + frame(0, b"b"), end)
    case("7.1.6", frame(BINARY, b"x" * 262144) + frame(CLOSE, closing(1000)), reply(BINARY, b"x" * 262144) + end)
    case("7.3.1", frame(CLOSE), reply(CLOSE))
    bad("7.3.2", frame(CLOSE, b"\x03"), 1002)
    case("7.3.3", frame(CLOSE, closing(1000)), end)
    case("7.3.4", frame(CLOSE, closing(1000, b"reason")), end)
    case("7.3.5", frame(CLOSE, closing(1000, b"*" * 123)), end)
    bad("7.3.6", frame(CLOSE, closing(1000, b"*" * 124)), 1002)
    bad("7.5.1", frame(CLOSE, closing(1000, INVALID[-1])), 1007)
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999):
        case(f"7.7 {code}", frame(CLOSE, closing(code)), reply(CLOSE, closing(code)))
    for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
        bad(f"7.9 {code}", frame(CLOSE, closing(code)), 1002)


def section_8_what_only_a_broken_client_sends():
    bad("8.1 unmasked", frame(TEXT, b"a", masked=False), 1002)
    bad("8.2 long form of a short length", frame(TEXT, b"a", length_form=2), 1002)
    bad("8.3 longer form of a short length", frame(TEXT, b"a", length_form=8), 1002)
    bad("8.4 negative length", b"\x82\xff" + b"\xff" * 8 + b"mask", 1002)
    bad("8.5 a length beyond the limit", b"\x82\xff" + struct.pack("!Q", 1 << 40) + b"mask", 1009)


def sections_9_and_10_load():
    global count
    with websockets.sync.client.connect(
        f"ws://127.0.0.1:{PORT}/", max_size=None, compression=None, close_timeout=20
    ) as client:
        for size in (1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 23):
            for message in ("*" * size, b"\xfe" * size):
                count += 1
                client.send(message)
                if client.recv(20) != message:
                    failures.append(f"9: {size} bytes came back different")
        for piece in (64, 1300, 65536):
            count += 1
            size = 1 << (17 if piece == 64 else 20)
            client.send(b"x" * min(piece, size - start) for start in range(0, size, piece))
            if client.recv(20) != b"x" * size:
                failures.append(f"9.3/10.1: {size} bytes in pieces of {piece} came back different")
        for size in (0, 16, 64, 256, 1024):
            count += 1
            messages = [f"{number:>{size}}"[:size] for number in range(500)]
            if any(client.send(message) or client.recv(20) != message for message in messages):
                failures.append(f"9.7: messages of {size} bytes came back different")
    if client.close_code != 1000:
        failures.append(f"9: closed with {client.close_code}")


section_1_framing()
section_2_pings()
section_3_reserved_bits()
section_4_opcodes()
section_5_fragments()
section_6_text()
section_7_closing()
section_8_what_only_a_broken_client_sends()
sections_9_and_10_load()
for failure in failures:
    print("failed:", failure)
print(f"{count} cases, {len(failures)} failed")
sys.exit(1 if failures else 0)
