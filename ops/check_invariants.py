"""`make check-invariants`: what must hold in any shop at any moment, asked of a real database.

Reads only, in one snapshot, as the owner. With the gateway's keys in the environment its book is
held against ours too: what it has charged is what we think is paid, and what it has given back is what
we asked for. Prints a line per invariant; exit 1 when one is broken.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any, TypeVar

import asyncpg
import httpx
import msgspec

from ops.console import OperatorError, say
from services.checkout.payments.gateway_shapes import GatewayRefund, Intent
from services.queries import load_queries
from services.settings import DatabaseSettings, PaymentSettings, SettingError

_INVARIANTS = load_queries(__file__, "check_invariants.sql")
_BOOKS = load_queries(__file__, "check_books.sql")
_SHOWN_MAX = 5
# It reads whole tables, and stands in nobody's way.
_PATIENCE = {"application_name": "kiosk-check", "statement_timeout": "600000", "lock_timeout": "10000"}

T = TypeVar("T", Intent, GatewayRefund)


class OurBook(msgspec.Struct, frozen=True):
    """Rows by the gateway's id of a payment, and by our own id of a refund."""

    payments: dict[str, Any]
    refunds: dict[str, Any]


async def broken_invariants(database_url: str) -> dict[str, list[str]]:
    """Every invariant with the rows that break it, none when it holds."""
    owner = await asyncpg.connect(database_url, timeout=10, server_settings=_PATIENCE)
    try:
        async with owner.transaction(isolation="repeatable_read", readonly=True):
            return {
                name: [str(dict(row)) for row in await owner.fetch(statement)]
                for name, statement in _INVARIANTS.items()
            }
    finally:
        await owner.close()


async def broken_books(database_url: str, payment: PaymentSettings) -> list[str]:
    """Where the gateway's book differs from ours. The shop goes on meanwhile, so ours is read before and
    after the gateway's: what we knew before it must know, what it knows we must know after. A charge
    whose webhook is on its way is no difference yet: its order is still pending and followed."""
    before = await _our_book(database_url)
    intents = [each async for each in _all_of(payment, "/v1/payment_intents", list[Intent])]
    given_back = [each async for each in _all_of(payment, "/v1/refunds", list[GatewayRefund])]
    after = await _our_book(database_url)
    charged = {intent.id: intent for intent in intents if intent.amount_received}
    return [*_charges(charged, before, after), *_refunds(given_back, before, after)]


async def _our_book(database_url: str) -> OurBook:
    owner = await asyncpg.connect(database_url, timeout=10, server_settings=_PATIENCE)
    try:
        payments, refunds = await owner.fetch(_BOOKS["attempts"]), await owner.fetch(_BOOKS["refunds"])
    finally:
        await owner.close()
    return OurBook({row["gateway_id"]: row for row in payments}, {row["id"]: row for row in refunds})


def _charges(charged: dict[str, Intent], before: OurBook, after: OurBook) -> Iterator[str]:
    def taken(gateway_id: str) -> int:
        return charged[gateway_id].amount_received or 0 if gateway_id in charged else 0

    for gateway_id, row in before.payments.items():
        if row["state"] == "settled" and taken(gateway_id) != row["amount_minor"]:
            difference = f"paid {row['amount_minor']} by our book, the gateway took {taken(gateway_id)}"
            yield f"order {row['number']}: {difference}"
    for gateway_id, row in after.payments.items():
        if taken(gateway_id) and row["state"] != "settled" and row["status"] != "pending_payment":
            yield f"order {row['number']}: {row['status']}, and the gateway took {taken(gateway_id)}"
    for gateway_id in charged.keys() - after.payments.keys():
        if charged[gateway_id].attempt_id is not None:
            yield f"intent {gateway_id}: charged for nobody"


def _refunds(given_back: list[GatewayRefund], before: OurBook, after: OurBook) -> Iterator[str]:
    made: dict[str, list[GatewayRefund]] = {}
    for refund in given_back:
        if refund.status in ("failed", "canceled"):
            continue
        ours = refund.metadata.get("refund", "")
        made.setdefault(ours, []).append(refund)
        if ours not in after.refunds and refund.payment_intent in after.payments:
            number = after.payments[refund.payment_intent]["number"]
            yield f"order {number}: {refund.id} gave back {refund.amount}, which we did not ask for"
    for refund_id, row in before.refunds.items():
        amount_minor = sum(refund.amount for refund in made.get(refund_id, []))
        if row["state"] == "succeeded" and amount_minor != row["amount_minor"]:
            difference = f"{row['amount_minor']} given back by our book, {amount_minor} by the gateway's"
            yield f"order {row['number']}: {difference}"
    for refund_id, row in after.refunds.items():
        if len(made.get(refund_id, [])) > 1 or (row["state"] == "failed" and refund_id in made):
            ids = ", ".join(refund.id for refund in made[refund_id])
            yield f"order {row['number']}: refund {row['state']} by our book, the gateway made {ids}"


async def _all_of(payment: PaymentSettings, path: str, kind: type[list[T]]) -> AsyncIterator[T]:
    """Every object of a list of the gateway's, newest first."""
    headers = {"Authorization": f"Bearer {payment.payment_secret_key}"}
    base = payment.payment_api_url.rstrip("/")
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=30, trust_env=False) as client:
        after: dict[str, str] = {}
        more = True
        while more:
            answer = await client.get(path, params={"limit": "100", **after})
            answer.raise_for_status()
            page = msgspec.json.decode(answer.content)
            found = msgspec.convert(page["data"], kind)
            for each in found:
                yield each
            more = bool(page.get("has_more"))
            after = {"starting_after": found[-1].id} if found else {}


async def _check() -> bool:
    url = DatabaseSettings.read().database_url
    if url is None:
        raise OperatorError("set DATABASE_URL, or run it within the stack: make check-invariants")
    found = await broken_invariants(url)
    try:
        payment = PaymentSettings.read()
        found["charges_are_paid_orders"] = await broken_books(url, payment)
    except SettingError:
        say("  -  charges_are_paid_orders: not asked, the gateway's keys are not set")
    except httpx.HTTPError as error:
        raise OperatorError(f"the gateway can't be asked: {error!r}") from None
    for name, broken in found.items():
        say(f"  {'✗' if broken else '✓'}  {name.replace('_', ' ')}" + (f": {len(broken)}" if broken else ""))
        for row in broken[:_SHOWN_MAX]:
            say(f"       {row}")
    return not any(found.values())


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(_check()) else 1)
