"""Calls between services: what is passed on, and what every kind of answer means."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import prometheus_client
import pytest

from services.errors import Invalid, Limited, NotFound, UpstreamUnavailable
from services.internal_client import CallRefused, InternalClient, UpstreamConflict
from services.request_context import RequestContext, current_request
from services.settings import ProcessSettings
from tests.store import wait_until_async

pytestmark = pytest.mark.anyio


class Thing(msgspec.Struct):
    name: str


class Upstream:
    """The other service, behind httpx's own transport."""

    def __init__(self) -> None:
        self.answer: httpx.Response | Exception = httpx.Response(200, json={"name": "mug", "new_field": 1})
        self.asked: httpx.Request | None = None

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked = request
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
async def client(upstream: Upstream) -> AsyncIterator[InternalClient]:
    client = InternalClient(ProcessSettings.read({"INTERNAL_URL": "http://internal"}))
    await client._http.aclose()
    client._http = httpx.AsyncClient(
        base_url="http://internal", transport=httpx.MockTransport(upstream.handle)
    )
    yield client
    await client.close()


async def test_an_answer_becomes_its_type_and_new_fields_are_no_trouble(client: InternalClient) -> None:
    assert await client.get("/things/1", Thing) == Thing("mug")


async def test_it_passes_on_who_asks_and_how_long_they_wait(
    client: InternalClient, upstream: Upstream
) -> None:
    context = RequestContext("request-1", traceparent="00-a-b-01", forwarded_for="203.0.113.9")
    token = current_request.set(context)
    await client.get("/things/1", Thing, {"q": "é"})
    current_request.reset(token)
    assert upstream.asked is not None
    headers = upstream.asked.headers
    assert headers["x-request-id"] == "request-1"
    assert headers["traceparent"] == "00-a-b-01"
    assert headers["x-forwarded-for"] == "203.0.113.9"
    assert headers["x-deadline-ms"] == "2000"


async def test_how_old_the_oldest_stale_answer_is_stays_with_the_request(
    client: InternalClient, upstream: Upstream
) -> None:
    context = RequestContext("request-1")
    token = current_request.set(context)
    await client.get("/things/1", Thing)
    assert context.stale_seconds is None
    for age in ("40", "7", "soon"):
        upstream.answer = httpx.Response(200, json={"name": "mug"}, headers={"X-Stale": "1", "Age": age})
        await client.get("/things/1", Thing)
    current_request.reset(token)
    assert context.stale_seconds == 40


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(404), NotFound),
        (httpx.Response(422, json={"errors": [{"field": "q", "message": "m"}]}), Invalid),
        (httpx.Response(409, json={"type": "/problems/conflict"}), UpstreamConflict),
        (httpx.Response(429), Limited),
        (httpx.Response(400, json={"type": "/problems/malformed-request"}), CallRefused),
        (httpx.Response(413), CallRefused),
        (httpx.Response(415), CallRefused),
        (httpx.Response(500), UpstreamUnavailable),
        (httpx.Response(503), UpstreamUnavailable),
        (httpx.Response(302, headers={"Location": "/"}), UpstreamUnavailable),
        (httpx.Response(200, text="<html>"), UpstreamUnavailable),
        (httpx.Response(200, json={"nom": "mug"}), UpstreamUnavailable),
        (httpx.ConnectError("refused"), UpstreamUnavailable),
        (httpx.ReadTimeout("late"), UpstreamUnavailable),
        (httpx.RemoteProtocolError("cut"), UpstreamUnavailable),
    ],
)
async def test_every_other_answer_is_an_error_of_the_shop(
    client: InternalClient, upstream: Upstream, answer: Any, error: type[Exception]
) -> None:
    upstream.answer = answer
    with pytest.raises(error):
        await client.get("/things/1", Thing)
    with pytest.raises(error):
        await client.send("PUT", "/things/1", Thing, {"name": "mug"})


async def test_what_is_sent_goes_as_json_with_the_callers_headers(
    client: InternalClient, upstream: Upstream
) -> None:
    upstream.answer = httpx.Response(201, json={"name": "mug"})
    sent = await client.send("POST", "/things", Thing, Thing("mug"), {"Idempotency-Key": "key-1"})
    assert sent == Thing("mug")
    asked = upstream.asked
    assert asked is not None
    assert (asked.method, asked.content) == ("POST", b'{"name":"mug"}')
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["idempotency-key"] == "key-1"
    assert asked.headers["x-deadline-ms"] == "2000"


async def test_without_a_body_there_is_no_content_type(client: InternalClient, upstream: Upstream) -> None:
    await client.send("DELETE", "/things/1", Thing)
    assert upstream.asked is not None
    assert (upstream.asked.method, upstream.asked.content) == ("DELETE", b"")
    assert "content-type" not in upstream.asked.headers


async def test_a_call_may_take_its_own_time_but_not_the_callers(
    client: InternalClient, upstream: Upstream
) -> None:
    await client.send("POST", "/things", Thing, timeout_seconds=6)
    assert upstream.asked is not None
    assert upstream.asked.headers["x-deadline-ms"] == "6000"
    assert upstream.asked.extensions["timeout"]["read"] == pytest.approx(6, abs=0.1)
    token = current_request.set(RequestContext("request-1", deadline=time.monotonic() + 1))
    await client.send("POST", "/things", Thing, timeout_seconds=6)
    current_request.reset(token)
    assert int(upstream.asked.headers["x-deadline-ms"]) <= 1000
    assert upstream.asked.extensions["timeout"]["read"] <= 1


async def test_a_conflict_tells_which_problem_it_is_and_its_facts(
    client: InternalClient, upstream: Upstream
) -> None:
    problem = {
        "type": "/problems/out-of-stock",
        "title": "Out",
        "status": 409,
        "request_id": "r",
        "skus": ["A"],
    }
    upstream.answer = httpx.Response(409, json={**problem, "detail": "Too few"}, headers={"Retry-After": "1"})
    with pytest.raises(UpstreamConflict, match="Too few") as caught:
        await client.send("POST", "/things", Thing)
    assert caught.value.problem == "out-of-stock"
    assert caught.value.facts == {"skus": ["A"], "retry_after_seconds": "1"}


async def test_a_limit_is_passed_on_with_its_time(client: InternalClient, upstream: Upstream) -> None:
    upstream.answer = httpx.Response(429, headers={"Retry-After": "7"})
    with pytest.raises(Limited) as caught:
        await client.get("/things/1", Thing)
    assert caught.value.facts == {"retry_after_seconds": "7"}


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


async def test_a_service_that_does_not_answer_is_left_alone_and_found_again() -> None:
    door = _Door()
    impatient = {
        "INTERNAL_TIMEOUT_SECONDS": "0.02",
        "INTERNAL_BREAKER_FAILURES": "3",
        "INTERNAL_BREAKER_OPEN_SECONDS": "0.1",
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

        async def answered() -> bool:
            try:
                return await client.get("/api/slow/5", Thing) == Thing("mug")
            except UpstreamUnavailable:
                return False

        await wait_until_async(answered, "it is asked again")
        assert _metric("breaker_open", target="slow") == 0


_BUSY = {"Retry-After": "2"}


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404),
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
    async with _client_of(door, INTERNAL_BREAKER_FAILURES="2") as client:
        for _ in range(4):
            token = current_request.set(RequestContext("request-1", deadline=time.monotonic() + 0.02))
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


async def test_a_busy_service_s_time_is_passed_on(client: InternalClient, upstream: Upstream) -> None:
    upstream.answer = httpx.Response(503, headers={"Retry-After": "3"})
    with pytest.raises(UpstreamUnavailable) as caught:
        await client.get("/things/1", Thing)
    assert caught.value.facts == {"retry_after_seconds": "3"}
