"""Guarded calls between services: a slow one takes no other with it, a silent one is left alone, and a second
try is rare."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager

import httpx
import msgspec
import prometheus_client
import pytest

from services.errors import Limited, NotFound, UpstreamUnavailable
from services.internal_client import InternalClient
from services.request_context import RequestContext, current_request
from services.settings import ProcessSettings
from tests.store import wait_until_async

pytestmark = pytest.mark.anyio


class Thing(msgspec.Struct):
    name: str


class _Door:
    """An upstream that keeps its callers, or answers in turn."""

    def __init__(self) -> None:
        self.door = asyncio.Event()
        self.asked: list[httpx.Request] = []
        self.answers: list[httpx.Response | Exception] = []

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if request.url.path.startswith("/api/slow"):
            await self.door.wait()
        answer = self.answers.pop(0) if self.answers else httpx.Response(200, json={"name": "mug"})
        if isinstance(answer, Exception):
            raise answer
        return answer


@asynccontextmanager
async def _client_of(door: _Door, **variables: str) -> AsyncIterator[InternalClient]:
    client = InternalClient(ProcessSettings.read({"INTERNAL_URL": "http://internal", **variables}))
    await client._http.aclose()
    client._http = httpx.AsyncClient(base_url="http://internal", transport=httpx.MockTransport(door.handle))
    yield client
    await client.close()


def _metric(name: str, **labels: str) -> float:
    return prometheus_client.REGISTRY.get_sample_value(name, labels) or 0.0


async def test_a_slow_service_takes_no_other_with_it() -> None:
    door = _Door()
    small = {"INTERNAL_CALLS_MAX": "2", "INTERNAL_WAIT_SECONDS": "0.01", "INTERNAL_TIMEOUT_SECONDS": "30"}
    async with _client_of(door, **small) as client:
        stuck = [asyncio.create_task(client.get("/api/slow/1", Thing))]

        async def one_is_under_way() -> bool:
            return len(door.asked) == 1

        await wait_until_async(one_is_under_way, "the slow service is asked")
        before = _metric("calls_refused_total", target="slow", reason="waited")
        with pytest.raises(UpstreamUnavailable):
            await client.get("/api/slow/2", Thing)
        assert _metric("calls_refused_total", target="slow", reason="waited") == before + 1
        assert len(door.asked) == 1
        assert await client.get("/api/quick/1", Thing) == Thing("mug")
        # The last place is for an order's calls.
        token = current_request.set(RequestContext("request-1", reserved=True))
        stuck.append(asyncio.create_task(client.get("/api/slow/3", Thing)))
        current_request.reset(token)

        async def the_orders_is_under_way() -> bool:
            return len(door.asked) == 3

        await wait_until_async(the_orders_is_under_way, "the order's call is made")
        assert door.asked[-1].headers["x-reserved"] == "1"
        assert "x-reserved" not in door.asked[0].headers
        door.door.set()
        assert await asyncio.gather(*stuck) == [Thing("mug")] * 2


@pytest.fixture
def full_door() -> Iterator[str]:
    """The URL of a port that is reached by nobody any more: what is sent there is dropped."""
    with socket.socket() as door, ExitStack() as waiting:
        door.bind(("127.0.0.1", 0))
        door.listen(0)
        for _ in range(4):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(door.getsockname())
        yield f"http://127.0.0.1:{door.getsockname()[1]}"


async def test_a_node_that_cannot_be_reached_costs_little_and_another_is_tried(full_door: str) -> None:
    patient = {"INTERNAL_URL": full_door, "INTERNAL_TIMEOUT_SECONDS": "60"}
    client = InternalClient(ProcessSettings.read(patient))
    before = _metric("calls_retried_total", target="nowhere")
    with pytest.raises(UpstreamUnavailable) as raised:
        await client.get("/api/nowhere/1", Thing)
    await client.close()
    assert isinstance(raised.value.__cause__, httpx.ConnectTimeout)
    assert _metric("calls_retried_total", target="nowhere") == before + 1


async def test_a_service_that_does_not_answer_is_left_alone_and_found_again() -> None:
    door = _Door()
    impatient = {
        "INTERNAL_TIMEOUT_SECONDS": "0.5",
        "INTERNAL_BREAKER_FAILURES": "3",
        "INTERNAL_BREAKER_OPEN_SECONDS": "30",
        "INTERNAL_BREAKER_OPEN_MAX_SECONDS": "30",
    }
    async with _client_of(door, **impatient) as client:
        for number in range(3):
            with pytest.raises(UpstreamUnavailable):
                await client.get(f"/api/slow/{number}", Thing)
        assert len(door.asked) == 3, "what had no answer in time is not asked twice"
        assert _metric("breaker_open", target="slow") == 1
        with pytest.raises(UpstreamUnavailable):
            await client.get("/api/slow/4", Thing)
        assert len(door.asked) == 3
        assert await client.get("/api/quick/1", Thing) == Thing("mug")
        door.door.set()
        client._guard("/api/slow/5").breaker._open_until = time.monotonic()  # its time is over

        async def answered() -> bool:
            try:
                return await client.get("/api/slow/5", Thing) == Thing("mug")
            except UpstreamUnavailable:
                return False

        await wait_until_async(answered, "it is asked again")
        assert _metric("breaker_open", target="slow") == 0


_BUSY = {"Retry-After": "2"}
_PROBLEM = {"Content-Type": "application/problem+json"}


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, headers=_PROBLEM),
        httpx.Response(429),
        httpx.Response(500),
        httpx.Response(503, headers=_BUSY),
        httpx.LocalProtocolError("a header that can't be sent"),
        httpx.InvalidURL("an address that can't be asked"),
    ],
    ids=str,
)
async def test_who_says_no_is_there(answer: httpx.Response | Exception) -> None:
    """Neither a bug in one page, nor what a shopper makes us send, nor a rush stops all calls."""
    door = _Door()
    async with _client_of(door, INTERNAL_BREAKER_FAILURES="2") as client:
        door.answers = [answer] * 10
        for _ in range(10):
            with pytest.raises((NotFound, Limited, UpstreamUnavailable)):
                await client.get("/api/no/1", Thing)
        assert len(door.asked) == 10, "and is not asked twice"
        assert await client.get("/api/no/1", Thing) == Thing("mug")


@pytest.mark.parametrize("status", [404, 502, 503, 504])
async def test_what_traefik_says_in_its_place_is_silence(status: int) -> None:
    door = _Door()
    async with _client_of(door, INTERNAL_BREAKER_FAILURES="2", INTERNAL_RETRY_SHARE="0") as client:
        door.answers = [httpx.Response(status, text="no available server")] * 10
        for _ in range(10):
            with pytest.raises(UpstreamUnavailable):
                await client.get("/api/no/1", Thing)
        assert len(door.asked) == 2


async def test_a_few_failures_among_many_answers_open_no_breaker() -> None:
    door = _Door()
    async with _client_of(door, INTERNAL_BREAKER_FAILURES="3", INTERNAL_RETRY_SHARE="0") as client:
        for _ in range(5):
            door.answers = [httpx.ConnectError("refused")]
            with pytest.raises(UpstreamUnavailable):
                await client.get("/api/shaky/1", Thing)
            for _ in range(3):
                await client.get("/api/shaky/1", Thing)
        assert _metric("breaker_open", target="shaky") == 0


async def test_a_patience_shorter_than_the_services_own_proves_nothing() -> None:
    door = _Door()
    async with _client_of(door, INTERNAL_BREAKER_FAILURES="2", INTERNAL_TIMEOUT_SECONDS="30") as client:
        for _ in range(4):
            token = current_request.set(RequestContext("request-1", deadline=time.monotonic() + 0.5))
            with pytest.raises(UpstreamUnavailable):
                await client.get("/api/slow/1", Thing)
            current_request.reset(token)
        assert _metric("breaker_open", target="slow") == 0
        assert len(door.asked) == 4


async def test_nobody_is_asked_for_a_caller_who_has_gone() -> None:
    door = _Door()
    async with _client_of(door) as client:
        token = current_request.set(RequestContext("request-1", deadline=time.monotonic()))
        with pytest.raises(UpstreamUnavailable):
            await client.get("/api/quick/1", Thing)
        current_request.reset(token)
    assert door.asked == []


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("cut"),
        httpx.Response(502),
        httpx.Response(503, text="no available server"),
    ],
    ids=str,
)
async def test_what_was_cut_off_is_asked_once_more_where_that_is_safe(
    failure: httpx.Response | Exception,
) -> None:
    door = _Door()
    async with _client_of(door, INTERNAL_BREAKER_FAILURES="100") as client:
        before = _metric("calls_retried_total", target="cut")
        door.answers = [failure]
        assert await client.get("/api/cut/1", Thing) == Thing("mug")
        door.answers = [failure]
        key = {"Idempotency-Key": "key-1"}
        assert await client.send("POST", "/api/cut/1", Thing, headers=key) == Thing("mug")
        assert len(door.asked) == 4
        assert _metric("calls_retried_total", target="cut") == before + 2
        for method in ("POST", "PUT", "DELETE"):
            door.answers = [failure]
            with pytest.raises(UpstreamUnavailable):
                await client.send(method, "/api/cut/1", Thing)
        door.answers = [failure, failure]
        with pytest.raises(UpstreamUnavailable):
            await client.get("/api/cut/1", Thing)
        assert len(door.asked) == 4 + 3 + 2, "once more, not twice"


async def test_second_tries_are_a_small_share_of_all_calls() -> None:
    door = _Door()
    async with _client_of(door, INTERNAL_BREAKER_FAILURES="100000") as client:
        door.answers = [httpx.ConnectError("refused")] * 400
        for _ in range(100):
            with pytest.raises(UpstreamUnavailable):
                await client.get("/api/gone/1", Thing)
        # Ten in stock, and one for each ten calls, second tries included.
        assert 115 <= len(door.asked) <= 122
