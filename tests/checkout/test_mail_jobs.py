"""From payment to parcel to refund: the real worker writes the three letters."""

from __future__ import annotations

import uuid
from typing import Any

import asyncpg
import pytest

from ops.local.valkey import TemporaryValkey
from tests.checkout.conftest import ADMIN
from tests.checkout.stand import Stand, running_checkout
from tests.store import wait_until_async

pytestmark = pytest.mark.anyio

ORDERS = "/api/checkout/admin/orders"


async def _letter(stand: Stand, subject: str) -> dict[str, Any]:
    async def is_there() -> bool:
        return len(await stand.sandbox.messages(subject=subject)) == 1

    await wait_until_async(is_there, f"one mail: {subject}")
    [mail] = await stand.sandbox.messages(subject=subject)
    return mail


async def _all_are_noted(owner: asyncpg.Connection) -> bool:
    """The worker does so after a letter has arrived."""
    told = await owner.fetch("SELECT kind FROM checkout.mails WHERE sent_at IS NOT NULL ORDER BY id")
    return [row["kind"] for row in told] == ["receipt", "shipped", "refunded"]


async def _ask(stand: Stand, path: str, **body: Any) -> None:
    headers = {**ADMIN, "Idempotency-Key": str(uuid.uuid4())}
    answer = await stand.client.post(path, json=body, headers=headers)
    assert answer.status_code == 201, answer.text


async def test_each_step_of_an_order_is_told_once(
    database_url: str, valkey: TemporaryValkey, owner: asyncpg.Connection
) -> None:
    async with running_checkout(database_url, valkey.url, PUBLIC_URL="https://shop.example") as stand:
        await stand.stock("LAMP", 5)
        placed = await stand.paid(("LAMP", 2))
        number, link = placed["number"], f"https://shop.example/orders/{placed['token']}"
        receipt = await _letter(stand, f"Your order {number}")
        assert link in receipt["text"]
        await _ask(stand, f"{ORDERS}/{number}/fulfilments", carrier="DHL")
        shipped = await _letter(stand, f"Your order {number} is on its way")
        assert "2 x LAMP" in shipped["text"]
        await _ask(stand, f"{ORDERS}/{number}/refunds", amount={"amount": 500, "currency": "EUR"})
        refunded = await _letter(stand, f"Your refund for order {number}")
        assert "€5.00" in refunded["text"]
        await wait_until_async(lambda: _all_are_noted(owner), "the worker has noted what it sent")
        assert len(await stand.sandbox.messages()) == 3
        health = await owner.fetchrow("SELECT * FROM checkout.outside_calls WHERE name = 'mail'")
        assert health is not None
        assert (health["failures"], health["succeeded_at"] is None) == (0, False)
