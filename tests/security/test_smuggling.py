"""No request comes to a service but by Traefik's own words: the real edge before a real port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from ops.local.edge import Edge, Upstream
from ops.local.server_process import wait_until
from services.process import listen, server
from services.settings import ProcessSettings
from tests.ops.running_edge import running_edge

SERVICES = ("catalog", "checkout", "jobs", "health", "storefront", "sandbox")
TRIES = 25
ASKED = "/api/checkout/carts"
SMUGGLED = (
    b"GET /internal/checkout/thing HTTP/1.1\r\nHost: a\r\nX-Entry: internal\r\n"
    b"X-Forwarded-For: 198.51.100.9, 127.0.0.1\r\n\r\n"
)


class Recorder:
    """Remembers what was asked for, by which door, and how much of bodies came. It takes a moment to answer,
    as services do: so what Traefik passes on has all been sent by then."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, bytes]] = []
        self.body_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.seen.append((scope["path"], dict(scope["headers"]).get(b"x-entry", b"")))
        while (message := await receive())["type"] == "http.request":
            self.body_bytes += len(message["body"])
            if not message["more_body"]:
                break
        await asyncio.sleep(
            0.03
        )  # a service's own time, in which the rest arrives; nothing is waited for by it
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    def times(self, path: str) -> int:
        return sum(seen == path for seen, _door in self.seen)


@contextmanager
def _port_of(app: Recorder) -> Iterator[int]:
    door, serving = listen("127.0.0.1", 0), server(app, ProcessSettings())
    thread = Thread(target=lambda: asyncio.run(serving.serve([door])), daemon=True)
    thread.start()
    try:
        yield int(door.getsockname()[1])
    finally:
        serving.should_exit = serving.force_exit = True
        thread.join()


def _smuggle(edge: Edge, app: Recorder, head: bytes, body: bytes) -> bytes:
    """The body goes when the head has arrived. The first that comes back; nothing more is listened to."""
    before = app.times(ASKED)
    with socket.create_connection(("127.0.0.1", edge.port), timeout=10) as caller:
        caller.sendall(head)
        wait_until(lambda: app.times(ASKED) > before, 0.5)
        caller.sendall(body)
        return caller.recv(2000)


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"anything/1"])
def test_a_body_behind_the_wish_for_an_upgrade_is_never_a_request(tmp_path: Path, protocol: bytes) -> None:
    """Blank lines are skipped before a request: so the place where a reader is cut matters little."""
    body = b"\r\n" * 3000 + SMUGGLED
    head = b"POST %s HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: %s\r\n" % (
        ASKED.encode(),
        protocol,
    )
    head += b"Content-Length: %d\r\n\r\n" % len(body)
    app = Recorder()
    with (
        _port_of(app) as port,
        running_edge(tmp_path, [Upstream(name, port, None) for name in SERVICES]) as edge,
    ):
        answers = [_smuggle(edge, app, head, body) for _ in range(TRIES)]
        assert app.times("/internal/checkout/thing") == 0
    assert {answer.split(b" ", 2)[1] for answer in answers} == {b"200"}
    assert (app.times(ASKED), app.body_bytes) == (TRIES, TRIES * len(body))


@pytest.mark.parametrize("door", ["public", "internal"])
@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_who_honestly_asks_for_an_upgrade_is_served_without(tmp_path: Path, door: str, protocol: str) -> None:
    """As some clients do with every request."""
    headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": protocol, "HTTP2-Settings": "AAMAAABk"}
    app = Recorder()
    with (
        _port_of(app) as port,
        running_edge(tmp_path, [Upstream(name, port, None) for name in SERVICES]) as edge,
        httpx.Client(base_url=getattr(edge, f"{door}_url"), headers=headers, trust_env=False) as client,
    ):
        app.seen.clear()
        assert client.get("/api/checkout/one").status_code == 200
        assert client.post("/api/checkout/two", content=b"x" * 100_000).status_code == 200
    assert app.seen == [("/api/checkout/one", door.encode()), ("/api/checkout/two", door.encode())]
    assert app.body_bytes == 100_000
