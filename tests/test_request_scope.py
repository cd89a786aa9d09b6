"""The outermost layer: request ids, releases, metrics, logs, Sentry, and errors nobody caught."""

import dataclasses
import json
import logging
import socketserver
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler

import httpx
import prometheus_client
import pytest
import sentry_sdk

from services.decode import Input, Nothing
from services.errors import Conflict
from services.lifecycle import Lifecycle
from services.limits.limiter import Limiter
from services.logs import JsonLines, PrettyLines
from services.operations import Call, operation
from services.request_context import read_context
from services.service import Service
from services.settings import LimitSettings, ProcessSettings
from services.telemetry import configure_sentry

pytestmark = pytest.mark.anyio


class Greeting(Input, frozen=True):
    name: str


async def greet(call: Call[None, Nothing, Greeting]) -> dict[str, str]:
    return {"hello": call.body.name}


async def explode(_call: Call[None, Nothing, Nothing]) -> None:
    raise RuntimeError("a secret detail of sk_test_4eC39HqLyjWD")


async def refuse(_call: Call[None, Nothing, Nothing]) -> None:
    raise Conflict("not now")


@asynccontextmanager
async def _nothing(_settings: ProcessSettings, _lifecycle: Lifecycle) -> AsyncIterator[None]:
    yield


service = Service(
    name="greeter",
    resources=_nothing,
    operations=[
        operation("POST", "/api/greetings/{id}", greet, "Greet", body=Greeting, admin=True),
        operation("GET", "/api/explosions", explode, "Explode"),
        operation("GET", "/api/refusals", refuse, "Refuse"),
    ],
)


@pytest.fixture
def lifecycle() -> Lifecycle:
    return Lifecycle(started=True, schema_compatible=True)


@pytest.fixture
async def client(lifecycle: Lifecycle) -> AsyncIterator[httpx.AsyncClient]:
    settings = ProcessSettings.read({"RELEASE": "r7", "ADMIN_API_KEY": "k"})
    app = service.app(settings, lifecycle, None)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as opened:
        yield opened


async def test_every_response_is_signed(client: httpx.AsyncClient) -> None:
    for path in ("/api/refusals", "/api/explosions", "/nowhere"):
        response = await client.get(path)
        assert response.headers["x-release"] == "r7"
        assert len(response.headers["x-request-id"]) == 16
        assert response.json()["request_id"] == response.headers["x-request-id"]


async def test_a_well_formed_request_id_is_kept_and_another_replaced(client: httpx.AsyncClient) -> None:
    kept = await client.get("/api/refusals", headers={"X-Request-ID": "from-my-proxy-1"})
    assert kept.headers["x-request-id"] == "from-my-proxy-1"
    for bad in ("short", "x" * 65, "has space in it", "semi;colon-quote"):
        replaced = await client.get("/api/refusals", headers={"X-Request-ID": bad})
        assert replaced.headers["x-request-id"] != bad


def test_a_line_break_at_the_end_makes_an_id_and_a_trace_malformed() -> None:
    context = read_context(
        [(b"x-request-id", b"from-my-proxy-1\n"), (b"traceparent", TRACEPARENT.encode() + b"\n")]
    )
    assert len(context.request_id) == 16
    assert (context.traceparent, context.trace_id) == (None, None)


async def test_an_unexpected_error_tells_the_caller_nothing(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/explosions")
    assert response.status_code == 500
    assert "secret" not in response.text
    assert response.json()["type"] == "/problems/internal-server-error"


async def test_another_method_is_told_what_is_allowed(client: httpx.AsyncClient) -> None:
    response = await client.delete("/api/refusals")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic k", "Bearer", "Bearer k "])
async def test_the_admins_operations_want_the_key_before_all_else(
    client: httpx.AsyncClient, authorization: str | None
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    response = await client.post("/api/greetings/1", headers=headers, content=b"not json")
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


async def test_with_the_key_the_body_counts(client: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer k"}
    assert (await client.post("/api/greetings/1", headers=headers, json={"name": "Zoë"})).json() == {
        "hello": "Zoë"
    }
    assert (await client.post("/api/greetings/1", headers=headers, json={})).status_code == 422
    assert (await client.post("/api/greetings/1", headers=headers, content=b"{}")).status_code == 415
    large = b'{"name": "' + b"x" * 1_000_001 + b'"}'
    response = await client.post(
        "/api/greetings/1", headers={**headers, "Content-Type": "application/json"}, content=large
    )
    assert response.status_code == 413


async def test_a_draining_process_asks_for_the_connection_to_be_closed(
    client: httpx.AsyncClient, lifecycle: Lifecycle
) -> None:
    assert "connection" not in (await client.get("/api/refusals")).headers
    lifecycle.draining = True
    assert (await client.get("/api/refusals")).headers["connection"] == "close"
    assert lifecycle.ready, "until it is withdrawn: nobody may know its successor yet"


def count(service: str = "greeter", **labels: str) -> float:
    labels = {"service": service, **labels}
    return prometheus_client.REGISTRY.get_sample_value("http_requests_total", labels) or 0.0


async def test_requests_are_counted_by_route_template_not_by_path(client: httpx.AsyncClient) -> None:
    template = {"route": "/api/greetings/{id}", "method": "POST", "status": "401"}
    unmatched = {"route": "unmatched", "method": "other", "status": "404"}
    before = count(**template), count(**unmatched)
    for number in range(3):
        await client.post(f"/api/greetings/{number}")
        await client.request("BREW", f"/tea/{number}")
    assert (count(**template) - before[0], count(**unmatched) - before[1]) == (3, 3)


async def test_methods_that_no_operation_has_are_counted_as_one(client: httpx.AsyncClient) -> None:
    """A series for each that a stranger can think of would be kept for ever."""
    other = {"route": "/api/refusals", "method": "other", "status": "405"}
    before = count(**other)
    for method in ("PROPFIND", "MKCOL", "LOCK", "DELETE"):
        assert (await client.request(method, "/api/refusals")).status_code == 405
    assert count(**other) - before == 4
    assert not count(route="/api/refusals", method="DELETE", status="405")


class Gate:
    """Resources of a service with limits."""

    limiter = Limiter(LimitSettings(rate_limit_blocklist="203.0.113.0/24"), None)


async def test_who_is_refused_early_is_counted_where_they_wanted_to_go(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gated = dataclasses.replace(service, name="gated", limiter=lambda gate: gate.limiter)
    app = gated.app(ProcessSettings(), Lifecycle(started=True), Gate())
    transport = httpx.ASGITransport(app, client=("203.0.113.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        with caplog.at_level(logging.INFO, "kiosk.request"):
            assert (await client.post("/api/greetings/secret-capability")).status_code == 403
        assert (await client.request("LOCK", "/api/greetings/7")).status_code == 403
        assert (await client.get("/.env")).status_code == 403
    assert "POST /api/greetings/{id} 403" in caplog.text
    template = {"service": "gated", "route": "/api/greetings/{id}", "status": "403"}
    assert (count(**template, method="POST"), count(**template, method="other")) == (1, 1)
    assert count("gated", route="unmatched", method="other", status="403") == 1


async def test_each_request_is_one_line_with_its_id(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "kiosk.request"):
        response = await client.get(
            "/api/refusals?email=private@example.com", headers={"traceparent": TRACEPARENT}
        )
    [record] = [r for r in caplog.records if r.name == "kiosk.request"]
    assert record.getMessage() == "GET /api/refusals 422"
    assert record.facts["route"] == "/api/refusals"  # type: ignore[attr-defined]  # set by `extra`
    assert response.status_code == 422, "an unknown parameter"
    assert "private" not in JsonLines("s", "r").format(record)


async def test_a_path_that_is_a_key_to_something_is_not_logged(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "kiosk.request"):
        await client.post("/api/greetings/secret-capability")
        await client.post("/api/greetings/secret-capability-too/")
    assert "POST /api/greetings/.../ 404" in caplog.text
    assert "POST /api/greetings/{id} 401" in caplog.text
    assert "secret-capability" not in caplog.text


TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_log_line_is_json_with_the_traceback_of_an_error() -> None:
    record = logging.LogRecord("kiosk", logging.ERROR, "f.py", 1, "it %s", ("broke",), None)
    record.facts = {"order": 7}
    line = json.loads(JsonLines("catalog", "r7").format(record))
    assert line["message"] == "it broke"
    assert (line["service"], line["release"], line["level"], line["order"]) == ("catalog", "r7", "error", 7)
    assert line["time"].endswith("+00:00")
    assert "it broke order=7" in PrettyLines().format(record)


@pytest.mark.parametrize(
    ("header", "left"),
    [(b"300000", 300.0), (b"0", 0.0), (b"-5", None), (b"soon", None), (b"\xb2", None), (b"9" * 30, 600.0)],
)
def test_only_an_internal_caller_sets_a_deadline(header: bytes, left: float | None) -> None:
    public = read_context([(b"x-deadline-ms", header), (b"x-entry", b"public")])
    assert public.deadline is None
    assert read_context([(b"x-deadline-ms", header)]).deadline is None
    internal = read_context([(b"x-deadline-ms", header), (b"x-entry", b"internal")])
    assert internal.internal
    assert internal.seconds_left(1000.0) == pytest.approx(1000.0 if left is None else left, abs=30)


class _Receiver(BaseHTTPRequestHandler):
    envelopes: list[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        packed = self.headers.get("Content-Encoding") == "gzip"
        self.envelopes.append(zlib.decompress(body, 31) if packed else body)
        self.send_response(200)
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Quiet."""


@pytest.fixture
def sentry() -> Iterator[list[bytes]]:
    """A Sentry of our own, and the SDK pointed at it."""
    received: list[bytes] = []
    handler = type("Receiver", (_Receiver,), {"envelopes": received})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        dsn = f"http://public@127.0.0.1:{server.server_address[1]}/1"
        configure_sentry(
            "greeter", ProcessSettings.read({"SENTRY_DSN": dsn, "RELEASE": "r7", "ENVIRONMENT": "test"})
        )
        try:
            yield received
        finally:
            sentry_sdk.get_client().close()
            sentry_sdk.init(default_integrations=False)
            server.shutdown()
            thread.join()


async def test_an_unexpected_error_reaches_sentry_with_its_request_and_nothing_personal(
    client: httpx.AsyncClient, sentry: list[bytes]
) -> None:
    headers = {"Cookie": "cart=canary-cookie", "Authorization": "Bearer canary-token"}
    response = await client.get("/api/explosions", headers=headers)
    sentry_sdk.flush(timeout=5)
    [envelope] = sentry
    event = json.loads(envelope.splitlines()[2])
    assert event["exception"]["values"][-1]["value"] == "a secret detail of •••"
    assert (event["release"], event["environment"]) == ("r7", "test")
    assert event["tags"] == {"service": "greeter", "request_id": response.headers["x-request-id"]}
    assert b"canary" not in envelope


async def test_an_error_on_purpose_does_not_reach_sentry(
    client: httpx.AsyncClient, sentry: list[bytes]
) -> None:
    await client.get("/api/refusals")
    sentry_sdk.flush(timeout=1)
    assert sentry == []
