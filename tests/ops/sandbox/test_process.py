"""The process itself: what it keeps, how it ends, what its page shows."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing

import httpx
import pytest

from tests.ops.sandbox.conftest import api
from tests.sandbox import RunningSandbox
from tests.store import ROOT

VISA = {"amount": "1999", "currency": "eur", "payment_method": "pm_card_visa", "confirm": "true"}


async def test_a_crash_under_load_loses_nothing_that_was_answered(own_sandbox: RunningSandbox) -> None:
    answered: set[str] = set()

    async def pay_on(client: httpx.AsyncClient) -> None:
        while True:
            intent = (await client.post("/payment_intents", data=VISA)).json()
            answered.add(intent["id"])
            if len(answered) > 100:
                own_sandbox.kill()

    async with api(own_sandbox) as client:
        ended = await asyncio.gather(*(pay_on(client) for _ in range(8)), return_exceptions=True)
    assert all(isinstance(error, httpx.TransportError) for error in ended)
    own_sandbox.start()
    intents = {intent["id"]: intent for intent in await own_sandbox.intents()}
    assert answered <= intents.keys()
    assert {intent["status"] for intent in intents.values()} == {"succeeded"}


async def test_it_comes_back_on_its_ports_with_what_it_knew(own_sandbox: RunningSandbox) -> None:
    async with api(own_sandbox) as client:
        paid = (await client.post("/payment_intents", data=VISA)).json()
        refund = (await client.post("/refunds", data={"payment_intent": paid["id"], "amount": "5"})).json()
    ports = own_sandbox.port, own_sandbox.smtp_port
    assert own_sandbox.stop() == 0
    own_sandbox.start()
    assert (own_sandbox.port, own_sandbox.smtp_port) == ports
    assert [intent["id"] for intent in await own_sandbox.intents()] == [paid["id"]]
    assert await own_sandbox.refunds() == [refund]


async def test_a_state_of_another_release_is_put_aside(own_sandbox: RunningSandbox) -> None:
    async with api(own_sandbox) as client:
        await client.post("/payment_intents", data=VISA)
    assert own_sandbox.stop() == 0
    with closing(sqlite3.connect(own_sandbox.state)) as opened:
        opened.execute("PRAGMA user_version = 7")
        opened.execute("ALTER TABLE payment_intents RENAME COLUMN status TO state")
    own_sandbox.start()
    assert await own_sandbox.intents() == []
    assert own_sandbox.state.with_name("sandbox.sqlite.older").exists()


async def test_it_ends_cleanly_while_calls_hang_and_a_mail_is_half_sent(own_sandbox: RunningSandbox) -> None:
    await own_sandbox.set_fault("*", "hang", times=None)
    with socket.create_connection(("127.0.0.1", own_sandbox.smtp_port)) as half_sent:
        half_sent.sendall(b"HELO there\r\n")
        async with api(own_sandbox) as client:
            hanging = asyncio.create_task(client.get("/events"))
            await asyncio.sleep(0)
            assert await asyncio.to_thread(own_sandbox.stop) == 0
            with pytest.raises(httpx.TransportError):
                await hanging
    assert "Traceback" not in own_sandbox.output()


async def test_it_reads_no_request_behind_the_wish_for_another_protocol(sandbox: RunningSandbox) -> None:
    head = b"GET /sandbox HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
    try:
        writer.write(head)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"HTTP/1.1" not in await reader.read()  # until it hangs up
    finally:
        writer.close()


async def test_its_page_shows_cards_payments_and_events_and_escapes_them(
    sandbox: RunningSandbox, raw: httpx.AsyncClient
) -> None:
    form = {**VISA, "metadata[order]": "<script>alert(1)</script>"}
    paid = (await raw.post("/payment_intents", data=form)).json()
    page = httpx.get(sandbox.url, trust_env=False)
    for expected in ("4242424242424242", paid["id"], "19.99 EUR", "payment_intent.succeeded"):
        assert expected in page.text
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text
    for secret in (sandbox.secret_key, sandbox.webhook_secret, paid["client_secret"]):
        assert secret not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    style = httpx.get(f"{sandbox.url}/style.css", trust_env=False)
    assert style.headers["content-type"].startswith("text/css")


def test_a_missing_key_is_named(tmp_path: object) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "ops.sandbox", "--state", f"{tmp_path}/state"],
        cwd=ROOT,
        env={"PATH": ""},
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (ended.returncode, ended.stderr) == (
        1,
        "kiosk: PAYMENT_SECRET_KEY: is not set (see env.example)\n",
    )
