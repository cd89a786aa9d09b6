"""Webhooks: every event goes to one address until it answers 2xx; unordered, perhaps more than once.

Signed as Stripe signs (docs.stripe.com/webhooks/signature). The wait between attempts doubles from half
a second to half a minute, for three days. What is still to be sent survives a restart.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import time

import httpx

from ops.sandbox import shapes
from ops.sandbox.faults import Faults
from ops.sandbox.ids import new_id
from ops.sandbox.store import Row, Store
from services.events import wait_at_most
from services.http_client import http_client
from services.queries import load_queries

logger = logging.getLogger("kiosk.sandbox.webhooks")

_SQL = load_queries(__file__, "deliveries.sql")
AT_ONCE_MAX = 16
TIMEOUT_SECONDS = 10.0
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 30.0
GIVE_UP_SECONDS = 3 * 24 * 3600


def signature(secret: str, body: bytes, at: int) -> str:
    """The `Stripe-Signature` header."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class Deliveries:
    """`webhook_url` may change while it runs; without one nothing is sent."""

    def __init__(self, store: Store, faults: Faults, secret: str, webhook_url: str | None) -> None:
        self._store, self._faults, self._secret = store, faults, secret
        self._awake = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self.webhook_url = webhook_url

    def wake(self) -> None:
        """Something may be due."""
        self._awake.set()

    async def run(self) -> None:
        """Sends what is due, for ever."""
        self._store.run(_SQL["all_due_now"], now=time.time())
        limits = httpx.Limits(max_connections=AT_ONCE_MAX * 2, keepalive_expiry=5)
        client = http_client(timeout=TIMEOUT_SECONDS, limits=limits)
        async with client, asyncio.TaskGroup() as group:
            while True:
                self._awake.clear()
                for event in self._due():
                    self._begin(event)
                    sending = group.create_task(self._deliver(client, event))
                    self._sending.add(sending)
                    sending.add_done_callback(self._sent)
                await self._wait()

    def _begin(self, event: Row) -> None:
        lease_until = time.time() + TIMEOUT_SECONDS * 2
        self._store.run(_SQL["begin_attempt"], number=event["number"], due_at=lease_until)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self.wake()

    def _due(self) -> list[Row]:
        free = AT_ONCE_MAX - len(self._sending)
        if self.webhook_url is None or not free:
            return []
        rows = self._store.all(_SQL["due_deliveries"], now=time.time(), limit=free)
        return [row for row in rows if row["considered"] or not self._held_back(row)]

    async def _wait(self) -> None:
        """Until the next is due, or something happens."""
        idle = self.webhook_url is None or len(self._sending) == AT_ONCE_MAX
        row = None if idle else self._store.one(_SQL["next_due"])
        seconds = max(0.0, row["due_at"] - time.time()) if row and row["due_at"] is not None else None
        await wait_at_most(self._awake, seconds)

    def _held_back(self, event: Row) -> bool:
        """Lets the fault modes have their one turn with an event; True: it is not sent now."""
        number, kind = event["number"], event["type"]
        fault = self._faults.take_webhook(kind, ("drop", "late"))
        if fault is None and self._store.one(_SQL["someone_waits_for_the_next"]) is None:
            fault = self._faults.take_webhook(kind, ("reorder",))
        if fault is None:
            return False
        if fault.mode == "drop":
            self._note(number, "dropped", "dropped by a fault mode")
        else:
            due_at = time.time() + fault.seconds
            after_next = int(fault.mode == "reorder")
            self._store.run(_SQL["postpone"], number=number, due_at=due_at, after_next=after_next)
        return True

    async def _deliver(self, client: httpx.AsyncClient, event: Row) -> None:
        copies = 1
        if self._faults.take_webhook(event["type"], ("duplicate",)) is not None:
            copies = 2
        results = await asyncio.gather(*(self._send(client, event) for _ in range(copies)))
        attempts = event["attempts"] + 1
        if any(result.startswith("2") for result in results):
            self._note(event["number"], "delivered", results[-1])
        elif time.time() - event["created"] > GIVE_UP_SECONDS:
            self._note(event["number"], "given_up", results[-1])
        else:
            wait_seconds = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** min(attempts - 1, 10))
            self._note(event["number"], "pending", results[-1], time.time() + wait_seconds)
            facts = {"event": event["id"], "type": event["type"], "result": results[-1], "attempts": attempts}
            logger.info("webhook not delivered", extra={"facts": facts})

    async def _send(self, client: httpx.AsyncClient, event: Row) -> str:
        """One attempt. Returns the status it was answered, or what went wrong."""
        bad = self._faults.take_webhook(event["type"], ("bad_signature",)) is not None
        secret = new_id("whsec") if bad else self._secret
        body = json.dumps(shapes.event(event), indent=2).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(secret, body, int(time.time())),
            "User-Agent": "Stripe/1.0 (Kiosk sandbox)",
        }
        try:
            response = await client.post(self.webhook_url or "", content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return type(error).__name__
        return str(response.status_code)

    def _note(self, number: int, state: str, result: str, due_at: float = 0.0) -> None:
        self._store.run(_SQL["note_result"], number=number, state=state, result=result, due_at=due_at)
