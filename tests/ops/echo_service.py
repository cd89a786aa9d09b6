"""A stand-in upstream that answers what reached it, with an ops port that can be turned un-ready."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from ops.local.edge import Upstream
from ops.local.ports import HOST


class Echo(BaseHTTPRequestHandler):
    """Every request is answered with `{"service", "path", "headers", "body_bytes"}`."""

    protocol_version = "HTTP/1.1"
    service = ""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        seen = {
            "service": self.service,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body_bytes": len(self.rfile.read(length)),
        }
        self._send(200, json.dumps(seen).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815  # as the base class wants them

    def log_message(self, *_arguments: Any) -> None:
        """Quiet."""


class Ready(Echo):
    ready = True

    def _answer(self) -> None:
        self._send(200 if self.ready else 503, b"")

    do_GET = _answer  # noqa: N815


@contextmanager
def echo_service(name: str) -> Iterator[tuple[Upstream, type[Ready]]]:
    """A running stand-in; setting `ready = False` on the second makes `/readyz` say 503."""
    handlers = type("App", (Echo,), {"service": name}), type("Ops", (Ready,), {})
    app, ops = (ThreadingHTTPServer((HOST, 0), handler) for handler in handlers)
    for server in (app, ops):
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield Upstream(name, app.server_port, ops.server_port), handlers[1]
    finally:
        for server in (app, ops):
            server.shutdown()
            server.server_close()
