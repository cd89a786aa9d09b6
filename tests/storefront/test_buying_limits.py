"""Who is held up by a limit while buying reads which one and for how long, and keeps what was typed."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import httpx
import pytest

from services.storefront.languages import LANGUAGES, Language, speaking
from services.storefront.texts import text
from tests.storefront.conftest import CatalogDoor
from tests.storefront.test_cart import add, words
from tests.storefront.test_checkout import FILLED, hidden, shown
from tests.storefront.test_escaping import Page

in_every_language = pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)


@pytest.fixture(autouse=True)
def _limits_are_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATE_LIMIT_ENABLED", "yes")


@pytest.fixture
async def buyer(till: CatalogDoor, shopper: httpx.AsyncClient, mug: str) -> httpx.AsyncClient:
    await add(shopper, mug, "2")
    return shopper


async def fill_up(owner: asyncpg.Connection, rule: str, seconds: int = 3600) -> None:
    await owner.execute(
        "INSERT INTO checkout.limit_counts (rule, who, seconds, count, ends_at) "
        "VALUES ($1, checkout.limit_key('ada@example.com'), 3600, 99, now() + make_interval(secs => $2))",
        rule,
        seconds,
    )


@in_every_language
@pytest.mark.parametrize(
    ("rule", "key"),
    [
        ("email-declines", "ordering.too_many_declines"),
        ("email-orders", "ordering.too_many_orders"),
    ],
)
async def test_an_order_held_up_by_a_limit_brings_the_form_back_with_the_reason(
    rule: str, key: str, language: Language, buyer: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    buyer.headers["Accept-Language"] = language.code
    form = await shown(buyer)
    await fill_up(owner, rule)
    page = await buyer.post("/checkout", data=form)
    assert page.status_code == 429
    assert 3500 < int(page.headers["retry-after"]) <= 3600
    with speaking(language):
        assert text(key, wait=timedelta(hours=1)) in words(page)
    assert {("value", typed) for typed in FILLED.values()} <= set(Page(page.text).attributes)
    await owner.execute("DELETE FROM checkout.limit_counts")
    kept = {name: hidden(page, name) for name in ("key", "expected_total")}
    assert kept == {name: form[name] for name in kept}
    assert (await buyer.post("/checkout", data=form | kept)).status_code == 303


async def test_a_wait_is_told_as_long_as_it_is(buyer: httpx.AsyncClient, owner: asyncpg.Connection) -> None:
    form = await shown(buyer)
    await fill_up(owner, "email-declines", seconds=25 * 60)
    assert "please try again in 25 minutes" in words(await buyer.post("/checkout", data=form))


async def test_a_limit_without_a_reason_of_its_own_keeps_the_form_too(buyer: httpx.AsyncClient) -> None:
    # A service that asks for nobody in particular has no limit; the last one is the entrypoint's.
    buyer.headers["X-Forwarded-For"] = "192.0.2.7, 127.0.0.1"
    form = await shown(buyer)
    for number in range(11):  # ten orders a minute of one cart
        page = await buyer.post("/checkout", data=form | {"key": f"a-key-of-my-own-making-{number:04}"})
        if page.status_code == 303:
            await buyer.post(f"{page.headers['location']}/cancel", data={"to": "cart"})
    assert page.status_code == 429
    assert page.headers["retry-after"]
    assert "That was a bit too fast." in words(page)
    assert ("value", "12 Analytical Way") in Page(page.text).attributes


@in_every_language
async def test_who_tries_many_codes_is_told_the_wait_in_the_cart(
    language: Language, buyer: httpx.AsyncClient
) -> None:
    buyer.headers["Accept-Language"] = language.code
    for n in range(11):
        page = await buyer.post("/cart/discount", data={"code": f"GUESS-{n}"})
    assert page.status_code == 429
    assert 500 < int(page.headers["retry-after"]) <= 600
    with speaking(language):
        assert text("refusal.too_many_codes", wait=timedelta(minutes=10)) in words(page)
    attributes = Page(page.text).attributes
    assert ("value", "GUESS-10") in attributes
    assert ("aria-describedby", "code-error") in attributes
    assert "Mug" in words(page)
