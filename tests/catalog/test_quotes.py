"""What checkout is told of a SKU: the price of this moment, or nothing."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg
import httpx
import msgspec
import pytest

from ops.local.postgres import TemporaryPostgres
from services.catalog.app import service
from services.catalog.shapes import Image, Quotes
from services.money import Money
from tests.catalog.conftest import AddProduct, SendLines, a_line, insert_product
from tests.conftest import INNER_DOOR, in_process

pytestmark = pytest.mark.anyio

QUOTES = "/internal/catalog/quotes"


async def _quotes(catalog: httpx.AsyncClient, *skus: str) -> Quotes:
    response = await catalog.get(QUOTES, headers=INNER_DOOR, params={"sku": list(skus)})
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=Quotes)


async def test_a_quote_tells_the_variants_own_price_weight_and_attributes(
    catalog: httpx.AsyncClient, send: SendLines
) -> None:
    small = {"sku": "S", "price": 900, "attributes": {"size": "S"}, "weight_grams": 250}
    large = {"sku": "L", "price": 1200, "attributes": {"size": "L"}, "compare_at": 1500}
    await send(a_line("mug", title="Blue mug", variants=[small, large]), a_line("cup", images=[]))
    [cup, big, s] = (await _quotes(catalog, "SKU-cup", "L", "S")).items
    assert (big.sku, big.slug, big.title, big.price) == ("L", "mug", "Blue mug", Money(1200, "EUR"))
    assert (big.attributes, big.weight_grams, big.image) == (
        {"size": "L"},
        0,
        Image("/pictures/mug/1.svg", "A mug"),
    )
    assert (s.price, s.attributes, s.weight_grams) == (Money(900, "EUR"), {"size": "S"}, 250)
    assert (cup.sku, cup.image) == ("SKU-cup", None)


async def test_what_is_not_for_sale_is_left_out(catalog: httpx.AsyncClient, add_product: AddProduct) -> None:
    await add_product("mug")
    await add_product("secret", published_at=None)
    quotes = await _quotes(catalog, "nothing", "SKU-secret", "SKU-mug", "SKU-mug", "Łódź ☕")
    assert [item.sku for item in quotes.items] == ["SKU-mug"]
    assert (await _quotes(catalog, "nothing")).items == []


async def test_a_changed_price_is_quoted_at_once_however_often_it_was_asked(
    database_url: str, environment: Callable[..., None], owner: asyncpg.Connection
) -> None:
    environment(DATABASE_URL=database_url, CACHE_MEMORY_SECONDS=60, CACHE_PRODUCT_SECONDS=60)
    await insert_product(owner, "mug", price_minor=1000)
    async with in_process(service) as client:
        for _ in range(3):
            assert (await _quotes(client, "SKU-mug")).items[0].price.amount == 1000
        await owner.execute("UPDATE catalog.variants SET price_minor = 1100")
        assert (await _quotes(client, "SKU-mug")).items[0].price.amount == 1100
        response = await client.get(QUOTES, headers=INNER_DOOR, params={"sku": "SKU-mug"})
        assert response.headers["cache-control"] == "no-store"


async def test_no_old_price_is_told_while_the_database_is_away(
    own_postgres: TemporaryPostgres, environment: Callable[..., None]
) -> None:
    owner = await asyncpg.connect(own_postgres.url)
    await insert_product(owner, "mug")
    await owner.close()
    environment(DATABASE_URL=own_postgres.url)
    async with in_process(service) as client:
        assert len((await _quotes(client, "SKU-mug")).items) == 1
        own_postgres.stop()
        response = await client.get(QUOTES, headers=INNER_DOOR, params={"sku": "SKU-mug"})
        assert (response.status_code, response.json()["type"]) == (503, "/problems/database-unavailable")
        assert "x-stale" not in response.headers


@pytest.mark.parametrize(
    "query", ["", "sku=" + "&sku=".join("x" * 101), "sku=" + "x" * 65, "sku=a%00", "sku=a&slug=b", "q=a"]
)
async def test_a_wrong_question_is_refused(catalog: httpx.AsyncClient, query: str) -> None:
    assert (await catalog.get(f"{QUOTES}?{query}", headers=INNER_DOOR)).status_code == 422


async def test_a_hundred_skus_are_quoted_in_the_order_asked_for(
    catalog: httpx.AsyncClient, send: SendLines
) -> None:
    skus = [f"V-{n:03}" for n in range(100)]
    variants = [{"sku": sku, "price": 1, "attributes": {}} for sku in skus]
    await send(a_line("mug", variants=variants))
    assert [item.sku for item in (await _quotes(catalog, *skus[::-1])).items] == skus[::-1]
