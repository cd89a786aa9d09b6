"""Calls between services: what is passed on, and what every kind of answer means."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from services.errors import Invalid, NotFound, UpstreamUnavailable
from services.internal_client import InternalClient
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
    assert headers["x-deadline-ms"] == "2000"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(404), NotFound),
        (httpx.Response(422, json={"errors": [{"field": "q", "message": "m"}]}), Invalid),
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
