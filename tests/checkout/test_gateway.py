"""The gateway's answers as nobody expects them: each is silence, not a failure, and none takes for ever."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
import pytest

from services.checkout.outside_calls import OutsideCalls
from services.checkout.payments import payments
from services.checkout.payments.gateway import Gateway, GatewayUnavailable
from services.errors import DatabaseUnavailable
from services.settings import PaymentSettings
from tests.checkout.conftest import waits_briefly
from tests.checkout.desk import Desk

INTENT = b'{"id": "pi_1", "status": "succeeded", "amount": 1, "currency": "eur", "metadata": {}, "x": %s}'


@asynccontextmanager
async def _asked_of(
    desk: Desk, body: bytes, drops_apart_seconds: float = 0, **changes: float
) -> AsyncIterator[Gateway]:
    """A gateway that answers everything with `body`, byte by byte if its drops are apart; `changes` are
    of the settings by which it is asked."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        step = 1 if drops_apart_seconds else len(body) or 1
        try:
            writer.write(head.encode())
            for start in range(0, len(body), step):
                if writer.is_closing():
                    return
                writer.write(body[start : start + step])
                await asyncio.sleep(drops_apart_seconds)  # so slow is this gateway
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = msgspec.structs.replace(
        PaymentSettings.read(), payment_api_url=f"http://127.0.0.1:{port}", **changes
    )
    gateway = Gateway(settings, OutsideCalls(desk.checkout.database))
    try:
        yield gateway
    finally:
        await gateway.close()
        server.close()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"id": "pi_1"}',
        b'{"id": "pi_1", "status": "new", "amount": 1, "currency": "eur"}',
        b'{"id": "../x", "status": "succeeded", "amount": 1, "currency": "eur"}',
        b'{"id": "pi_1", "status": "succeeded", "amount": 99999999999999999999, "currency": "eur"}',
        b'{"id": "pi_1", "status": "succeeded", "amount": 1, "currency": "eu\\u0000"}',
        INTENT % (b"[" * 50_000 + b"]" * 50_000),
        INTENT % b"1e",
        b'{"id": "\xff", "status": "succeeded", "amount": 1, "currency": "eur"}',
    ],
)
async def test_an_answer_in_another_language_is_none(desk: Desk, body: bytes) -> None:
    async with _asked_of(desk, body) as gateway:
        with pytest.raises(GatewayUnavailable):
            await gateway.intent("pi_1")
        with pytest.raises(GatewayUnavailable):
            await gateway.create_intent(uuid.uuid4(), 1, 100, "EUR", "100001")


async def test_an_answer_in_drops_is_not_waited_for_to_the_end(desk: Desk) -> None:
    drops = _asked_of(desk, INTENT % b"1", drops_apart_seconds=0.3, payment_timeout_seconds=1)
    async with drops as gateway:
        began = time.monotonic()
        with pytest.raises(GatewayUnavailable):
            await gateway.intent("pi_1")
        assert time.monotonic() - began < 10  # all its drops would take half a minute


async def test_nul_characters_are_left_out(desk: Desk) -> None:
    body = (INTENT % b'"\\u0000"').replace(b"{}", b'{"attempt": "a\\u0000b\\\\u0000"}')
    async with _asked_of(desk, body) as gateway:
        assert (await gateway.intent("pi_1")).attempt_id == "ab\\u0000"


@waits_briefly
async def test_an_order_stands_when_the_gateways_word_can_not_be_noted(desk: Desk) -> None:
    """An event about the payment comes while the order still opens it, and takes its time."""
    placed = await desk.ordered((await desk.stock(5), 1))
    row = await desk.row(placed)
    attempt = payments.Attempt(
        row["attempt_id"], 1, placed["total"]["amount"], "EUR", placed["number"], datetime.now(UTC)
    )
    async with desk.owner.acquire() as busy, busy.transaction():
        await busy.execute("SELECT FROM checkout.payment_attempts WHERE id = $1 FOR UPDATE", attempt.id)
        with pytest.raises(DatabaseUnavailable):
            await payments.open_payment(desk.checkout, attempt)
        await payments.open_payment_soon(desk.checkout, attempt)
    assert (await desk.shown(placed))["payment"]["state"] == "ready"
