"""Calls between services: what is passed on, and what every kind of answer means."""

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from services.errors import Invalid, Limited, NotFound, UpstreamUnavailable
from services.internal_client import CallRefused, InternalClient, UpstreamConflict, UpstreamLimited
from services.request_context import RequestContext, current_request
from services.settings import ProcessSettings

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
    assert 1000 < int(headers["x-deadline-ms"]) <= 2000


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
        (httpx.Response(404, headers={"Content-Type": "application/problem+json"}), NotFound),
        (httpx.Response(404), UpstreamUnavailable),
        (httpx.Response(404, text="404 page not found"), UpstreamUnavailable),
        (httpx.Response(404, html="<h1>no such page</h1>"), UpstreamUnavailable),
        (httpx.Response(404, json={"type": "/problems/not-found"}), UpstreamUnavailable),
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
    assert 1000 < int(asked.headers["x-deadline-ms"]) <= 2000


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
    assert 5000 < int(upstream.asked.headers["x-deadline-ms"]) <= 6000
    assert 5 < upstream.asked.extensions["timeout"]["read"] <= 6
    token = current_request.set(RequestContext("request-1", deadline=time.monotonic() + 60))
    await client.send("POST", "/things", Thing, timeout_seconds=600)
    current_request.reset(token)
    assert int(upstream.asked.headers["x-deadline-ms"]) <= 60_000
    assert upstream.asked.extensions["timeout"]["read"] <= 60


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
    assert caught.value.facts == {"retry_after_seconds": 7}


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"json": {"type": "/problems/too-many-codes"}}, "too-many-codes"),
        ({"json": {}}, "limited"),
        ({"json": []}, "limited"),
        ({"text": "Too Many Requests"}, "limited"),
    ],
)
async def test_a_limit_tells_which_one_it_is(
    answer: dict[str, Any], problem: str, client: InternalClient, upstream: Upstream
) -> None:
    upstream.answer = httpx.Response(429, headers={"Retry-After": "600"}, **answer)
    with pytest.raises(UpstreamLimited) as caught:
        await client.get("/things/1", Thing)
    assert (caught.value.problem, caught.value.wait_seconds) == (problem, 600)


async def test_a_busy_service_s_time_is_passed_on(client: InternalClient, upstream: Upstream) -> None:
    upstream.answer = httpx.Response(503, headers={"Retry-After": "3"})
    with pytest.raises(UpstreamUnavailable) as caught:
        await client.get("/things/1", Thing)
    assert caught.value.facts == {"retry_after_seconds": "3"}
