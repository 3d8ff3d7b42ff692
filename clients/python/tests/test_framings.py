"""The transports without a socket: every split, and what must be refused."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Callable

import pytest
import rockgem
from rockgem.address import Address
from rockgem.conversation import Conversation
from rockgem.framing import Framing
from rockgem.http import HTTPFraming
from rockgem.lines import LineFraming
from rockgem.websocket import WebSocketFraming, frame, masked

HTTP = Address.parse("http://[::1]:9/base")
WS = Address.parse("ws://host/rpc")


def websocket() -> WebSocketFraming:
    """One whose handshake is over."""
    framing = WebSocketFraming(WS, {})
    assert framing.receive(handshake(framing)) == [] and framing.is_open
    framing.outgoing.clear()
    return framing


def handshake(framing: WebSocketFraming) -> bytes:
    key = bytes(framing.outgoing).split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    return head + accept + b"\r\n\r\n"


def served(opcode: int, payload: bytes, is_last: bool = True) -> bytes:
    """A frame as a server sends it."""
    head = bytes((0x80 * is_last | opcode,))
    if len(payload) < 126:
        return head + bytes((len(payload),)) + payload
    if len(payload) < 1 << 16:
        return head + b"\x7e" + len(payload).to_bytes(2, "big") + payload
    return head + b"\x7f" + len(payload).to_bytes(8, "big") + payload


LONG = b"x" * 70_000
STREAMS: list[tuple[Callable[[], Framing], bytes, list[bytes]]] = [
    (LineFraming, b"one\ntwo\n\nlast\n", [b"one", b"two", b"", b"last"]),
    (lambda: HTTPFraming(HTTP, {}), b"HTTP/1.1 200 OK\r\ncontent-LENGTH:  3 \r\n\r\none", [b"one"]),
    (lambda: HTTPFraming(HTTP, {}), b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", [b""]),
    (
        lambda: HTTPFraming(HTTP, {}),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\non\r\n01\r\ne\r\n0\r\n\r\n",
        [b"one"],
    ),
    (
        lambda: HTTPFraming(HTTP, {}),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\nTrailer: 1\r\n\r\n",
        [b"one"],
    ),
    (
        websocket,
        served(1, b"on", False) + served(9, b"hi") + served(0, b"", False) + served(0, b"e")
        + served(10, b"") + served(1, b"y" * 200) + served(1, b""),
        [b"one", b"y" * 200, b""],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("make", "stream", "wanted"), STREAMS)
def test_messages_come_whole_however_the_bytes_are_split(
    make: Callable[[], Framing], stream: bytes, wanted: list[bytes]
) -> None:
    for split in range(len(stream) + 1):
        framing = make()
        assert framing.receive(stream[:split]) + framing.receive(stream[split:]) == wanted, split
        assert framing.is_reusable
    framing = make()
    assert [one for byte in stream for one in framing.receive(bytes((byte,)))] == wanted


def test_long_messages_come_whole() -> None:
    framing = websocket()
    assert framing.receive(served(1, LONG)) == [LONG]
    assert LineFraming().receive(LONG + b"\n") == [LONG]


def test_a_handshake_may_come_in_pieces_and_bring_more() -> None:
    framing = WebSocketFraming(WS, {"Authorization": "Bearer x"})
    assert b"\r\nAuthorization: Bearer x\r\n" in framing.outgoing and not framing.is_open
    answer = handshake(framing)
    for byte in answer[:-1]:
        assert framing.receive(bytes((byte,))) == [] and not framing.is_open
    assert framing.receive(answer[-1:] + served(1, b"one")) == [b"one"] and framing.is_open


@pytest.mark.parametrize("count", [0, 1, 3, 4, 125, 126, 65_535, 65_536])
def test_frames_are_masked(count: int) -> None:
    payload = random.Random(count).randbytes(count)
    sent = frame(2, payload)
    start = 6 if count < 126 else 8 if count < 65_536 else 14
    assert sent[1] & 0x80 and sent[start:] == masked(payload, sent[start - 4 : start])
    assert masked(sent[start:], sent[start - 4 : start]) == payload
    if count > 8:
        assert sent[start:] != payload


def test_a_ping_is_answered_and_a_close_returned() -> None:
    framing = websocket()
    framing.receive(served(9, b"hi"))
    assert framing.outgoing[0] == 0x8A and masked(bytes(framing.outgoing[6:]), bytes(framing.outgoing[2:6])) == b"hi"
    framing.outgoing.clear()
    with pytest.raises(rockgem.ConnectionLost, match="1001. going"):
        framing.receive(served(8, b"\x03\xe9going"))
    assert framing.outgoing[0] == 0x88 and framing.farewell()[0] == 0x88


@pytest.mark.parametrize(
    "stream",
    [
        b"\xc1\x00", b"\x81\x80abcd", b"\x83\x00", b"\x00\x01x", b"\x09\x00", b"\x89\x7e\x00\x7e",
        b"\x82\x00", b"\x81\x7f" + b"\x7f" * 8, served(1, b"a", False) + served(1, b"b"),
    ],
)  # fmt: skip
def test_frames_against_the_rules_are_refused(stream: bytes) -> None:
    with pytest.raises(rockgem.ProtocolViolation):
        websocket().receive(stream)


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", rockgem.ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\n\r\n", rockgem.ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", rockgem.ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", rockgem.ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", rockgem.ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", rockgem.ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", rockgem.ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", rockgem.ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", rockgem.ProtocolViolation),
        (b"x" * 70_000, rockgem.ProtocolViolation),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", rockgem.ProtocolViolation),
        (b'HTTP/1.1 403 No\r\nContent-Length: 16\r\n\r\n{"detail":"away"}'[:-1], rockgem.NotAllowed),
        (b"HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n", rockgem.TooLarge),
        (b"HTTP/1.1 429 Many\r\nContent-Length: 0\r\n\r\n", rockgem.Overloaded),
        (b'HTTP/1.1 503 No\r\nContent-Length: 24\r\n\r\n{"kind":"shutting_down"}', rockgem.ShuttingDown),
    ],
)
def test_http_answers_that_are_none_are_refused(stream: bytes, error: type[rockgem.RockError]) -> None:
    with pytest.raises(error):
        HTTPFraming(HTTP, {}).receive(stream)


@pytest.mark.parametrize(
    "stream", [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 101 Yes\r\nSec-WebSocket-Accept: x\r\n\r\n"]
)
def test_a_handshake_that_is_none_is_refused(stream: bytes) -> None:
    with pytest.raises(rockgem.ProtocolViolation):
        WebSocketFraming(WS, {}).receive(stream)


@pytest.mark.parametrize(
    ("answer", "is_reusable"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\n1", True),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 1\r\n\r\n1", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n1", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP", False),
    ],
)
def test_a_connection_is_used_again_only_where_it_may_be(answer: bytes, is_reusable: bool) -> None:
    framing = HTTPFraming(HTTP, {})
    assert framing.encode(b"{}").startswith(b"POST /base/rpc HTTP/1.1\r\nHost: [::1]:9\r\n")
    assert framing.receive(answer) == [b"1"] and framing.is_reusable == is_reusable


@pytest.mark.parametrize("headers", [{"A b": "c"}, {"A": "b\r\nC: d"}, {"": "x"}])
def test_headers_cannot_smuggle(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="no HTTP header"):
        HTTPFraming(HTTP, headers)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"nonsense\n", rockgem.ProtocolViolation),
        (b"\xff\xfe\n", rockgem.ProtocolViolation),
        (b"3\n", rockgem.ProtocolViolation),
        (b'{"id":8,"result":{}}\n', rockgem.ProtocolViolation),
        (b'{"id":null,"error":{"code":-32000,"message":"long","data":{"kind":"too_large"}}}\n', rockgem.TooLarge),
        (b'{"id":null,"error":3}\n', rockgem.ProtocolViolation),
    ],
)
def test_answers_to_nothing_are_refused(answer: bytes, error: type[rockgem.RockError]) -> None:
    conversation = Conversation(Address.parse("unix:///x"), {})
    with pytest.raises(error):
        conversation.take_in(answer, key=7)
    assert not conversation.is_reusable


def test_an_answer_nobody_waits_for_is_passed_over() -> None:
    conversation = Conversation(Address.parse("unix:///x"), {})
    conversation.give_up(3)
    assert conversation.take_in(b'{"id":3,"result":{}}\n{"id":7,', key=7) is None
    assert conversation.take_in(b'"result":{}}\n', key=7) == {"id": 7, "result": {}}
    assert conversation.is_reusable


def test_random_bytes_raise_nothing_but_rock_errors() -> None:
    random_bytes = random.Random(7)
    for make, stream, _ in STREAMS:
        for _ in range(300):
            mutated = bytearray(stream)
            for _ in range(random_bytes.randint(1, 4)):
                mutated[random_bytes.randrange(len(mutated))] = random_bytes.randrange(256)
            try:
                make().receive(bytes(mutated))
            except rockgem.RockError as error:
                assert error.message
