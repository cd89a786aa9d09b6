"""A service's own port: what is broken, too large or too slow is answered and hung up on, without a trace."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from starlette.types import Receive, Scope, Send

from services.http_protocol import DISCARDED_BYTES_MAX, FIELDS_MAX
from services.process import QuietServer, listen, server
from services.settings import ProcessSettings

SOON = ProcessSettings(
    head_timeout_seconds=0.3, body_idle_timeout_seconds=0.3, body_timeout_seconds=0.9, keep_alive_seconds=1
)
# However long nothing comes: the time for all of it counts.
IN_ALL = msgspec.structs.replace(SOON, body_idle_timeout_seconds=20)
PATIENT = msgspec.structs.replace(IN_ALL, head_timeout_seconds=20, body_timeout_seconds=20)


class Echo:
    """Answers with what it got, and remembers how each request went."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/early":
            await self._answer(send, b"early")
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
        self.seen.append(message["type"])
        names = b",".join(name for name, _ in scope["headers"])
        await self._answer(send, str(len(body)).encode() + b" " + names)

    async def _answer(self, send: Send, body: bytes) -> None:
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})


class Port:
    def __init__(self, echo: Echo, number: int) -> None:
        self.echo, self.number = echo, number

    async def say(self, *parts: bytes, pause: float = 0.0) -> bytes:
        """All that comes back until the port hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.number)
        try:
            async with asyncio.timeout(60):
                reading = asyncio.ensure_future(_read_all(reader))
                for part in parts:
                    writer.write(part)
                    await asyncio.wait({reading}, timeout=pause)
                    if reading.done():
                        break
                return await reading
        finally:
            writer.close()

    async def say_more_once_answered(self, first: bytes, rest: bytes) -> bytes:
        """The rest goes when the first has its answer's head; all that comes back until the port hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.number)
        try:
            async with asyncio.timeout(20):
                writer.write(first)
                heard = await reader.readuntil(b"\r\n\r\n")
                writer.write(rest)
                return heard + await _read_all(reader)
        finally:
            writer.close()


async def _read_all(reader: asyncio.StreamReader) -> bytes:
    """Also what came before a reset: that is how a port hangs up on somebody who is still speaking."""
    heard = b""
    try:
        while part := await reader.read(65536):
            heard += part
    except ConnectionError:
        pass
    return heard


@asynccontextmanager
async def _port(settings: ProcessSettings) -> AsyncIterator[Port]:
    echo, door = Echo(), listen("127.0.0.1", 0)
    serving: QuietServer = server(echo, settings)
    task = asyncio.create_task(serving.serve([door]))
    try:
        yield Port(echo, door.getsockname()[1])
    finally:
        serving.should_exit = serving.force_exit = True
        await task


@pytest.fixture
async def patient_port() -> AsyncIterator[Port]:
    """For what is not about time."""
    async with _port(PATIENT) as opened:
        yield opened


@pytest.fixture
async def port() -> AsyncIterator[Port]:
    async with _port(SOON) as opened:
        yield opened


def _status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


BROKEN = {
    "no http": b"hello\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    "unknown version": b"GET / HTTP/9.9\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc",
    "length and chunks": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n"
    b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
    "huge length": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: " + b"9" * 40 + b"\r\n\r\n",
    "blank in a name": b"GET / HTTP/1.1\r\nho st: a\r\n\r\n",
    "nul in a value": b"GET / HTTP/1.1\r\nhost: a\x00b\r\n\r\n",
    "chunk of no size": b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
    "raw bytes in the address": b"GET /\xff\xfe HTTP/1.1\r\nhost: a\r\n\r\n",
    "connect": b"CONNECT :::: HTTP/1.1\r\nhost: a\r\n\r\n",
    "folded field": b"GET / HTTP/1.1\r\nhost: a\r\nx: 1\r\n 2\r\n\r\n",
}


@pytest.mark.parametrize("what", BROKEN)
async def test_broken_http_is_answered_400_and_hung_up_on(patient_port: Port, what: str) -> None:
    answer = await patient_port.say(BROKEN[what])
    assert _status(answer) == 400
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head
    assert b"content-type: application/problem+json" in head
    problem = msgspec.json.decode(body)
    assert problem["type"] == "/problems/malformed-request"
    assert f"x-request-id: {problem['request_id']}".encode() in head
    assert b"x-release: dev" in head


async def test_a_head_has_a_size_and_a_number_of_fields(patient_port: Port) -> None:
    many = b"".join(b"x%d: 1\r\n" % number for number in range(FIELDS_MAX + 1))
    for head in (
        b"GET /" + b"a" * SOON.head_max_bytes + b" HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"a" * SOON.head_max_bytes + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + many + b"\r\n",
    ):
        assert _status(await patient_port.say(head)) == 431


async def test_a_field_without_an_end_is_not_collected(patient_port: Port) -> None:
    endless = [b"GET / HTTP/1.1\r\nx: ", *[b"a" * 10_000] * 1000]
    assert _status(await patient_port.say(*endless, pause=0.001)) == 431


async def test_chunks_that_bring_nothing_but_their_extensions_are_refused(patient_port: Port) -> None:
    head = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
    endless = [head, b"1;x=", *[b"a" * 10_000] * 1000]
    assert _status(await patient_port.say(*endless, pause=0.001)) == 400


async def test_a_head_that_dawdles_is_given_up_however_it_trickles(port: Port) -> None:
    started = time.monotonic()
    answer = await port.say(*[b"G", b"E", b"T", b" /", *[b"a"] * 500], pause=0.05)
    assert _status(answer) == 408
    assert time.monotonic() - started >= SOON.head_timeout_seconds


async def test_a_body_that_stops_is_given_up(port: Port) -> None:
    answer = await port.say(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc")
    assert _status(answer) == 408
    assert port.echo.seen == ["http.disconnect"]


async def test_a_body_that_trickles_is_given_up() -> None:
    head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n"
    started = time.monotonic()
    async with _port(IN_ALL) as port:
        assert _status(await port.say(head, *[b"a"] * 1000, pause=0.05)) == 408
    assert time.monotonic() - started >= SOON.body_timeout_seconds


async def test_a_body_on_the_inner_door_takes_its_time(port: Port) -> None:
    head = b"POST / HTTP/1.1\r\nx-entry: internal\r\nconnection: close\r\ncontent-length: 4\r\n\r\n"
    answer = await port.say(head, *[b"a"] * 4, pause=0.5)
    assert answer.partition(b"\r\n\r\n")[2].startswith(b"4 ")
    assert port.echo.seen == ["http.request"]


async def test_a_long_body_that_comes_along_is_taken() -> None:
    head = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 120000\r\n\r\n"
    async with _port(IN_ALL) as port:
        answer = await port.say(head, *[b"a" * 6000] * 20, pause=0.06)
    assert answer.partition(b"\r\n\r\n")[2].startswith(b"120000 ")


@pytest.mark.parametrize("parts", [(), (b"\r\n",) * 100], ids=["silent", "blank lines"])
async def test_a_connection_that_asks_nothing_is_closed(port: Port, parts: tuple[bytes, ...]) -> None:
    assert await port.say(*parts, pause=0.1) == b""


async def test_a_trailer_is_no_header(patient_port: Port) -> None:
    head = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    answer = await patient_port.say(head + b"3\r\nabc\r\n0\r\nx-entry: internal\r\n\r\n")
    assert answer.partition(b"\r\n\r\n")[2] == b"3 host,connection,transfer-encoding"


async def test_requests_one_behind_the_other_are_answered_in_order(patient_port: Port) -> None:
    ask = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
    answer = await patient_port.say(ask * 5 + ask.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
    assert answer.count(b"HTTP/1.1 200 OK") == 6


async def test_what_follows_an_early_answer_is_let_in_only_so_far(patient_port: Port) -> None:
    head = b"POST /early HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000000\r\n\r\n"
    more = [b"a" * 100_000] * (DISCARDED_BYTES_MAX // 100_000 * 20)
    answer = await patient_port.say(head, *more, pause=0.001)  # it ends: a gigabyte was announced
    assert answer.count(b"HTTP/1.1") == 1


async def test_garbage_behind_a_request_does_not_become_its_answer(patient_port: Port) -> None:
    answer = await patient_port.say(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n\x00\x01garbage\r\n\r\n")
    assert answer.count(b"HTTP/1.1") <= 1
    assert b"HTTP/1.1 400" not in answer or b"HTTP/1.1 200" not in answer


INNER = b"GET /inner HTTP/1.1\r\nhost: a\r\nx-entry: internal\r\n\r\n"
LENGTH = b"content-length: %d\r\n" % len(INNER)
UPGRADES = {
    "websocket": b"POST / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n" + LENGTH,
    "h2c": b"POST / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n" + LENGTH,
    "in two fields": b"PUT / HTTP/1.1\r\nconnection: x\r\nConnection: UPGRADE\r\nupgrade: a, b\r\n" + LENGTH,
    "without a body": b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n",
    "chunked": b"POST / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: x\r\ntransfer-encoding: chunked\r\n",
    "connect": b"CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n",
}


@pytest.mark.parametrize("what", UPGRADES)
async def test_what_follows_the_wish_for_another_protocol_is_no_request(port: Port, what: str) -> None:
    answer = await port.say_more_once_answered(UPGRADES[what] + b"\r\n", INNER)
    assert _status(answer) == 400
    assert answer.count(b"HTTP/1.1") == 1
    at_once = await port.say(UPGRADES[what] + b"\r\n" + INNER * 100)
    assert at_once.count(b"HTTP/1.1") <= 1  # a reset may overtake the word
    assert port.echo.seen == []


async def test_another_protocol_that_is_named_but_not_asked_for_is_ignored(port: Port) -> None:
    head = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nupgrade: h2c\r\ncontent-length: 3\r\n\r\n"
    answer = await port.say(head + b"abc")
    assert answer.partition(b"\r\n\r\n")[2].startswith(b"3 ")
