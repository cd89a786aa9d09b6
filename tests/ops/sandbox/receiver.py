"""A shop's webhook endpoint: keeps what came, answers as told."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from tests.store import wait_until


@dataclass(frozen=True)
class Delivery:
    """One request; `at` is monotonic seconds."""

    body: bytes
    signature: str
    at: float

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event

    @property
    def type(self) -> str:
        return str(self.event["type"])


class Receiver:
    """`statuses` are answered in turn, then 200 for ever. While `silent` is set nobody is answered."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/webhooks/payments"
        self.deliveries: list[Delivery] = []
        self.statuses: list[int] = []
        self.speaks = Event()
        self.speaks.set()

    def of(self, kind: str) -> list[Delivery]:
        return [delivery for delivery in self.deliveries if delivery.type == kind]

    def wait_for(self, kind: str, count: int = 1) -> list[Delivery]:
        wait_until(lambda: len(self.of(kind)) >= count, f"{count} times {kind}", 20)
        return self.of(kind)


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Listens while inside."""

    class Endpoint(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # as the base class wants it
            body = self.rfile.read(int(self.headers["Content-Length"]))
            delivery = Delivery(body, self.headers.get("Stripe-Signature", ""), time.monotonic())
            receiver.deliveries.append(delivery)
            receiver.speaks.wait(30)
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Endpoint)
    server.daemon_threads = True
    receiver = Receiver(server.server_address[1])
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.speaks.set()
        server.shutdown()
        server.server_close()
        thread.join()
