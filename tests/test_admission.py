"""Who is let in when there are too many, and what the rest is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import prometheus_client
import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.decode import Input
from services.lifecycle import Lifecycle
from services.operations import Call, operation
from services.process import listen, server
from services.request_context import current_request
from services.service import Service
from services.settings import ProcessSettings
from tests.store import wait_until_async

pytestmark = pytest.mark.anyio


class Word(Input, frozen=True):
    word: str = ""


class House:
    """Requests stay inside until the door opens."""

    def __init__(self) -> None:
        self.door = asyncio.Event()
        self.inside = 0
        self.deadlines: list[float | None] = []
        self.reserved: list[bool] = []


async def stay(call: Call[House, Any, Any]) -> dict[str, str]:
    house, context = call.resources, current_request.get()
    assert context is not None
    house.inside += 1
    house.deadlines.append(context.time_left)
    house.reserved.append(context.reserved)
    await house.door.wait()
    return {}


@asynccontextmanager
async def _nothing(_settings: ProcessSettings, _lifecycle: Lifecycle) -> AsyncIterator[None]:
    yield


def _page(_request: Request, status: int, title: str) -> Response:
    return HTMLResponse(f"<h1>{title}</h1>", status)


def _service(name: str, **more: Any) -> Service:
    return Service(
        name=name,
        resources=_nothing,
        operations=[
            operation("GET", "/api/look", stay, "Look"),
            operation("POST", "/api/say", stay, "Say", body=Word),
            operation("POST", "/api/carts/{id}/order", stay, "Order", admission="reserved"),
            operation("GET", "/api/carts/{id}/order", stay, "Look at an order"),
            operation("GET", "/api/orders/{id}", stay, "Follow", admission="reserved"),
            operation("GET", "/api/stream", stay, "Stream", admission="exempt"),
        ],
        **more,
    )


@asynccontextmanager
async def _open(service: Service, house: House, **variables: str) -> AsyncIterator[httpx.AsyncClient]:
    small = {"CONCURRENCY_MAX": "4", "CONCURRENCY_WAITING_MAX": "0"}
    app = service.app(ProcessSettings.read({**small, **variables}), Lifecycle(started=True), house)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        yield client


Answers = list["asyncio.Task[httpx.Response]"]


async def _enter(client: httpx.AsyncClient, house: House, count: int, path: str = "/api/look") -> Answers:
    """As many requests that are let in, and stay."""
    wanted = house.inside + count
    method = "POST" if path.startswith("/api/carts") else "GET"
    tasks = [asyncio.create_task(client.request(method, path)) for _ in range(count)]

    async def all_inside() -> bool:
        return house.inside == wanted

    await wait_until_async(all_inside, "they are let in")
    return tasks


def _count(name: str, **labels: str) -> float:
    return prometheus_client.REGISTRY.get_sample_value(name, labels) or 0.0


async def test_the_excess_is_told_to_come_again_and_an_order_is_still_taken() -> None:
    house, service = House(), _service("full-house")
    async with _open(service, house) as client:
        inside = await _enter(client, house, 3)
        refused = await client.get("/api/look")
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/overloaded")
        assert refused.headers["retry-after"] in {"1", "2", "3"}
        assert refused.headers["x-request-id"] == refused.json()["request_id"]
        assert (await client.get("/api/carts/1/order")).status_code == 503, "by method, too"
        assert (await client.get("/nowhere")).status_code == 503
        inside += await _enter(client, house, 1, "/api/carts/1/order")
        assert (await client.post("/api/carts/2/order")).status_code == 503
        assert _count("requests_at_work", service="full-house") == 4
        assert _count("requests_shed_total", service="full-house", reason="full") == 4
        house.door.set()
        assert {answer.status_code for answer in await asyncio.gather(*inside)} == {200}
        assert _count("requests_at_work", service="full-house") == 0
        assert (await client.get("/api/look")).status_code == 200


async def test_who_comes_a_moment_too_early_waits_for_a_place() -> None:
    house = House()
    patience = {"CONCURRENCY_WAITING_MAX": "4", "CONCURRENCY_WAIT_SECONDS": "30"}
    async with _open(_service("patient-house"), house, **patience) as client:
        inside = await _enter(client, house, 3)
        late = asyncio.create_task(client.get("/api/look"))

        async def one_waits() -> bool:
            return _count("requests_waiting", service="patient-house") == 1

        await wait_until_async(one_waits, "the fourth waits")
        house.door.set()
        assert (await late).status_code == 200
        await asyncio.gather(*inside)


async def test_nobody_waits_longer_than_the_settings_say() -> None:
    house = House()
    patience = {"CONCURRENCY_WAITING_MAX": "4", "CONCURRENCY_WAIT_SECONDS": "0.01"}
    async with _open(_service("brisk-house"), house, **patience) as client:
        inside = await _enter(client, house, 3)
        assert (await client.get("/api/look")).status_code == 503
        assert _count("requests_shed_total", service="brisk-house", reason="waited") == 1
        house.door.set()
        await asyncio.gather(*inside)


async def test_what_lasts_takes_no_place_and_needs_none() -> None:
    house = House()
    async with _open(_service("open-house"), house) as client:
        inside = await _enter(client, house, 10, "/api/stream")
        assert _count("requests_at_work", service="open-house") == 0
        inside += await _enter(client, house, 3)
        inside += await _enter(client, house, 1, "/api/stream")
        house.door.set()
        assert {answer.status_code for answer in await asyncio.gather(*inside)} == {200}
    assert house.deadlines[:10] == [None] * 10, "a stream ends when it ends"


async def test_a_service_that_admits_all_has_no_places() -> None:
    house = House()
    async with _open(_service("public-house", admits_all=True), house) as client:
        inside = await _enter(client, house, 40)
        house.door.set()
        assert {answer.status_code for answer in await asyncio.gather(*inside)} == {200}


async def test_a_person_is_told_by_a_page_behind_the_services_own_middleware() -> None:
    class Mark:
        def __init__(self, app: Any) -> None:
            self._app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            async def marked(message: Any) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], (b"x-mark", b"1")]
                await send(message)

            await self._app(scope, receive, marked)

    house = House()
    service = _service("shop-front", error_page=_page, middleware=(Mark,))
    async with _open(service, house) as client:
        inside = await _enter(client, house, 3)
        refused = await client.get("/api/look")
        assert (refused.status_code, refused.text) == (503, "<h1>The shop is too busy right now</h1>")
        assert refused.headers["retry-after"] in {"1", "2", "3"}
        assert refused.headers["x-mark"] == "1"
        house.door.set()
        assert {answer.headers["x-mark"] for answer in await asyncio.gather(*inside)} == {"1"}


async def test_only_the_inner_door_may_ask_for_a_reserved_place_or_set_a_deadline() -> None:
    house = House()
    house.door.set()
    asks = {"X-Reserved": "1", "X-Deadline-Ms": "500"}
    async with _open(_service("two-doors"), house, REQUEST_DEADLINE_SECONDS="7") as client:
        for entry in ("public", "internal"):
            await client.get("/api/look", headers={**asks, "X-Entry": entry})
        await client.get("/api/look", headers={"X-Entry": "internal"})
    assert house.reserved == [False, True, False]
    public, internal, unhurried = house.deadlines
    assert public == pytest.approx(7, abs=1)
    assert internal == pytest.approx(0.5, abs=0.5)
    assert unhurried is None


async def test_on_behalf_of_an_order_a_reserved_place_is_given() -> None:
    house = House()
    async with _open(_service("back-office"), house) as client:
        inside = await _enter(client, house, 3)
        asked = {"X-Entry": "internal", "X-Reserved": "1"}
        behalf = asyncio.create_task(client.get("/api/look", headers=asked))

        async def is_inside() -> bool:
            return house.inside == 4

        await wait_until_async(is_inside, "it is let in")
        house.door.set()
        await asyncio.gather(*inside, behalf)


async def test_whose_time_is_over_is_not_let_in() -> None:
    house = House()
    house.door.set()
    async with _open(_service("late-house"), house) as client:
        late = await client.get("/api/look", headers={"X-Entry": "internal", "X-Deadline-Ms": "0"})
    assert (late.status_code, house.inside) == (503, 0)
    assert _count("requests_shed_total", service="late-house", reason="deadline") == 1


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
    async with _open(_service("slow-house"), house) as client:
        slow = [
            asyncio.create_task(client.post("/api/say", content=_Slow(rest), headers=_JSON))
            for _ in range(10)
        ]
        inside = await _enter(client, house, 3)
        house.door.set()
        await asyncio.gather(*inside)
        rest.set()
        assert {answer.status_code for answer in await asyncio.gather(*slow)} <= {200, 503}
        assert (await client.post("/api/say", json={"word": "hi"})).status_code == 200


async def test_another_services_body_that_does_not_come_by_its_deadline_is_waited_for_no_longer() -> None:
    house = House()
    asks = {**_JSON, "X-Entry": "internal", "X-Deadline-Ms": "50"}
    async with _open(_service("shut-house"), house) as client:
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
    async with _port(_service("stopped-house"), house, REQUEST_DEADLINE_SECONDS="0.1") as port:
        status, answer = await _say_in_pieces(port, "/api/say", _IN_PIECES[:1], 0)
    assert (status, house.inside) == (408, 0)
    assert b"/problems/request-timeout" in answer
    assert _count("requests_shed_total", service="stopped-house", reason="deadline") == 0
    assert _count("requests_at_work", service="stopped-house") == 0


async def test_a_body_that_comes_slowly_but_comes_has_all_its_time_afterwards() -> None:
    house = House()
    house.door.set()
    async with _port(_service("honest-house"), house, REQUEST_DEADLINE_SECONDS="0.4") as port:
        status, _ = await _say_in_pieces(port, "/api/say", _IN_PIECES, 0.2)
    assert status == 200
    assert house.deadlines == [pytest.approx(0.4, abs=0.2)]


async def test_a_body_read_ahead_is_read_as_it_was_sent() -> None:
    house = House()
    house.door.set()
    async with _open(_service("reading-house"), house, BODY_MAX_BYTES="1000") as client:
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
