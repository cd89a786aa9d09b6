"""A body takes its time at the port; a place is taken when it is here, and its deadline begins then."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from services import early_bodies
from services.lifecycle import Lifecycle
from services.process import listen, server
from services.service import Service
from services.settings import ProcessSettings
from tests.house import House, enter, figure, opened, service_of
from tests.store import wait_until_async

pytestmark = pytest.mark.anyio


async def _trickle(first: bytes, rest: asyncio.Event) -> AsyncIterator[bytes]:
    yield first
    await rest.wait()
    yield b'"hi"}'


class _Slow(httpx.AsyncByteStream):
    def __init__(self, rest: asyncio.Event) -> None:
        self._rest = rest

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in _trickle(b'{"word":', self._rest):
            yield part


_JSON = {"Content-Type": "application/json"}


async def test_who_sends_slowly_is_in_nobodys_way() -> None:
    house, rest = House(), asyncio.Event()
    async with opened(service_of("slow-house"), house) as client:
        slow = [
            asyncio.create_task(client.post("/api/say", content=_Slow(rest), headers=_JSON))
            for _ in range(10)
        ]
        inside = await enter(client, house, 3)
        house.door.set()
        await asyncio.gather(*inside)
        rest.set()
        assert {answer.status_code for answer in await asyncio.gather(*slow)} <= {200, 503}
        assert (await client.post("/api/say", json={"word": "hi"})).status_code == 200


async def test_another_services_body_that_does_not_come_by_its_deadline_is_waited_for_no_longer() -> None:
    house = House()
    asks = {**_JSON, "X-Entry": "internal", "X-Deadline-Ms": "50"}
    async with opened(service_of("shut-house"), house) as client:
        answer = await client.post("/api/say", content=_Slow(asyncio.Event()), headers=asks)
    assert (answer.status_code, house.inside) == (503, 0)


@asynccontextmanager
async def _port(service: Service, house: House, **variables: str) -> AsyncIterator[int]:
    """The service at a port of its own, whose number this is."""
    settings = ProcessSettings.read({"BODY_IDLE_TIMEOUT_SECONDS": "0.5", **variables})
    door = listen("127.0.0.1", 0)
    serving = server(service.app(settings, Lifecycle(started=True), house), settings)
    task = asyncio.create_task(serving.serve([door]))
    try:
        yield door.getsockname()[1]
    finally:
        serving.should_exit = serving.force_exit = True
        await task


async def _say_in_pieces(port: int, path: str, pieces: list[bytes], pause: float) -> tuple[int, bytes]:
    """The status and all that comes back; `pieces` of a body of 12 bytes are sent `pause` seconds apart."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {path} HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Connection: close\r\nContent-Length: 12\r\n\r\n".encode())
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(pause)  # so slow is this caller
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1]), answer


_IN_PIECES = [b'{"wo', b'rd":', b'"a"', b"}"]


async def test_a_body_that_stops_is_told_so_however_near_the_deadline_is() -> None:
    house = House()
    async with _port(service_of("stopped-house"), house, REQUEST_DEADLINE_SECONDS="0.1") as port:
        status, answer = await _say_in_pieces(port, "/api/say", _IN_PIECES[:1], 0)
    assert (status, house.inside) == (408, 0)
    assert b"/problems/request-timeout" in answer
    assert figure("requests_shed_total", service="stopped-house", reason="deadline") == 0
    assert figure("requests_at_work", service="stopped-house") == 0


async def test_half_a_request_changes_nothing_also_where_no_body_is_wanted() -> None:
    house = House()
    house.door.set()
    async with _port(service_of("half-house"), house) as port:
        status, _ = await _say_in_pieces(port, "/api/carts/1/order", [b"{"], 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /api/carts/1/order HTTP/1.1\r\nHost: shop\r\nContent-Length: 12\r\n\r\n{")
        writer.close()  # and whoever hangs up
        await reader.read()
        whole, _ = await _say_in_pieces(port, "/api/carts/1/order", _IN_PIECES, 0)
    assert (status, whole, house.inside) == (408, 200, 1)


async def test_what_bodies_hold_before_they_have_a_place_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_bodies, "HELD_BYTES_MAX", 100_000)
    house, rest = House(), asyncio.Event()
    house.door.set()

    async def large() -> AsyncIterator[bytes]:
        yield b'{"word":"' + b"x" * 40_000
        await rest.wait()
        yield b'"}'

    async with opened(service_of("crowded-house"), house) as client:

        async def send() -> int:
            return (await client.post("/api/say", content=large(), headers=_JSON)).status_code

        sent = [asyncio.create_task(send()) for _ in range(5)]

        async def three_are_shed() -> bool:
            return [one.result() for one in sent if one.done()] == [503] * 3

        await wait_until_async(three_are_shed, "no more than two are held")
        small = await client.post("/api/say", json={"word": "hi"})
        rest.set()
        assert sorted([await one for one in sent]) == [200, 200, 503, 503, 503]
        again = await client.post("/api/say", json={"word": "x" * 90_000})
    assert (small.status_code, again.status_code) == (200, 200)


async def test_a_body_that_comes_slowly_but_comes_has_all_its_time_afterwards() -> None:
    house = House()
    house.door.set()
    times = {"BODY_IDLE_TIMEOUT_SECONDS": "20", "REQUEST_DEADLINE_SECONDS": "2"}
    async with _port(service_of("honest-house"), house, **times) as port:
        status, _ = await _say_in_pieces(port, "/api/say", _IN_PIECES, 0.8)
    assert status == 200
    [left] = house.deadlines
    assert left is not None
    assert 0 < left <= 2, "which began when the last piece came, 2.4 s after the first"


async def test_a_body_read_ahead_is_read_as_it_was_sent() -> None:
    house = House()
    house.door.set()
    async with opened(service_of("reading-house"), house, BODY_MAX_BYTES="1000") as client:
        whole = await client.post("/api/say", json={"word": "x" * 900})
        assert whole.status_code == 200
        assert (await client.post("/api/say", json={"wrong": "x"})).status_code == 422
        assert (await client.post("/api/say", content=b"", headers=_JSON)).status_code == 400
        declared = await client.post("/api/say", json={"word": "x" * 1000})

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(20):
                yield b"x" * 100

        undeclared = await client.post("/api/say", content=pieces(), headers=_JSON)
    assert (declared.status_code, undeclared.status_code) == (413, 413)
